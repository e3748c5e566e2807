//! `keeper snapshot`: snapshots, read, checked and compared, while a server runs or not.
//!
//! In place of `zkSnapShotToolkit.sh`, `zkSnapshotComparer.sh` and
//! `zkSnapshotRecursiveSummaryToolkit.sh`. Nodes are read one by one; what is kept of them is at
//! most a few numbers.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

mod diff;
mod dump;
mod node;
mod summary;
#[cfg(test)]
mod tests;
mod verify;

/// Looks into snapshots.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Prints nodes and sessions.
    Dump(Dump),
    /// Checks snapshots to the last byte. Exit code 1 where one is damaged.
    Verify(Verify),
    /// Counts nodes and bytes below each node, to some depth.
    Summary(Summary),
    /// Compares two snapshots. Exit code 0 where they are equal, 1 where not.
    Diff(Diff),
}

/// What `snapshot dump` is asked for.
#[derive(Debug, Clone, Default, clap::Args)]
struct Dump {
    /// A snapshot, or a folder (dataDir, or its version-2) for the newest.
    path: PathBuf,
    /// The data too, in base64.
    #[arg(short, long)]
    data: bool,
    /// Only this node and nodes below it; may be repeated.
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    /// Only nodes of this session.
    #[arg(long, value_parser = super::files::parse_long)]
    session: Option<i64>,
    /// One JSON object a node.
    #[arg(long, conflicts_with = "ncdu")]
    json: bool,
    /// The sizes as one JSON array that ncdu shows, as zkSnapShotToolkit -json.
    #[arg(long)]
    ncdu: bool,
}

/// What `snapshot verify` is asked for.
#[derive(Debug, Clone, clap::Args)]
struct Verify {
    /// A snapshot, or a folder (dataDir, or its version-2) for all of it.
    path: PathBuf,
    /// One JSON object a snapshot.
    #[arg(long)]
    json: bool,
}

/// What `snapshot summary` is asked for.
#[derive(Debug, Clone, Default, clap::Args)]
struct Summary {
    /// A snapshot, or a folder (dataDir, or its version-2) for the newest.
    path: PathBuf,
    /// The node to begin with.
    #[arg(default_value = "/")]
    start: String,
    /// Levels below it that are shown; 0 for all.
    #[arg(default_value_t = 1)]
    depth: u32,
    /// One JSON object a node.
    #[arg(long)]
    json: bool,
}

/// What `snapshot diff` is asked for.
#[derive(Debug, Clone, Default, clap::Args)]
struct Diff {
    /// The snapshot before.
    left: PathBuf,
    /// The snapshot after.
    right: PathBuf,
    /// Only this node and nodes below it; may be repeated.
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    /// Only nodes whose data differ in length by so many bytes at least.
    #[arg(long, default_value_t = 0)]
    bytes: u64,
    /// Leave out nodes of sessions.
    #[arg(long)]
    no_ephemerals: bool,
    /// One JSON object a difference.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let done = match &arguments.command {
        Command::Dump(dump) => dump::run(dump, &mut out),
        Command::Verify(verify) => verify::run(verify, &mut out),
        Command::Summary(summary) => summary::run(summary, &mut out),
        Command::Diff(diff) => diff::run(diff, &mut out),
    };
    match done.and_then(|code| Ok(out.flush().map(|()| code)?)) {
        // Whoever reads has seen enough.
        Err(error)
            if error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) =>
        {
            Ok(ExitCode::SUCCESS)
        }
        done => done,
    }
}
