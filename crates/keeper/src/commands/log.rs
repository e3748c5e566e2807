//! `keeper log`: transaction logs, read, checked and repaired while no server uses them.
//!
//! In place of `zkTxnLogToolkit.sh`. Files are read a piece at a time, whatever their size.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

mod dump;
mod entry;
#[cfg(test)]
mod tests;
mod verify;

use super::files::parse_long;

/// Looks into transaction logs.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Prints transactions, a line each.
    Dump(Dump),
    /// Checks all logs of a folder: checksums, lengths, gaps. Exit code 1 where one is damaged.
    Verify(Verify),
    /// Keeps what is sound of a damaged log; the damaged file stays, under another name.
    Repair {
        /// The log, log.<zxid>.
        file: PathBuf,
    },
}

/// What `log dump` is asked for.
#[derive(Debug, Clone, Default, clap::Args)]
struct Dump {
    /// A log, or a folder of logs (dataLogDir, or its version-2).
    path: PathBuf,
    /// The first transaction, such as 0x1f.
    #[arg(long, value_parser = parse_long)]
    from: Option<i64>,
    /// The last transaction.
    #[arg(long, value_parser = parse_long)]
    to: Option<i64>,
    /// Only what is about this node or nodes below it; may be repeated.
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    /// Only what this session has done.
    #[arg(long, value_parser = parse_long)]
    session: Option<i64>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// What `log verify` is asked for.
#[derive(Debug, Clone, clap::Args)]
struct Verify {
    /// A folder of logs (dataLogDir, or its version-2), or one log.
    path: PathBuf,
    /// Cut torn ends, and keep what is sound of damaged files.
    #[arg(long)]
    repair: bool,
    /// One JSON object a file.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.command {
        Command::Dump(dump) => dump::run(dump, &mut std::io::stdout().lock()),
        Command::Verify(verify) => verify::run(verify, &mut std::io::stdout().lock()),
        Command::Repair { file } => verify::repair_file(file, &mut std::io::stdout().lock()),
    }
}
