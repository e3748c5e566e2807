//! The command line: one module a subcommand.

pub mod bench;
pub mod cli;
mod files;
#[cfg(test)]
mod fixtures;
pub mod log;
pub mod server;
pub mod snapshot;
pub mod status;
mod text;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A coordination server that every ZooKeeper client takes for ZooKeeper.
#[derive(Debug, Parser)]
#[command(name = "keeper", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a server until it is told to stop (SIGTERM, SIGINT).
    Server(server::ServerArgs),
    Cli(cli::Arguments),
    Status(status::Arguments),
    Log(log::Arguments),
    Snapshot(snapshot::Arguments),
    Bench(bench::Arguments),
}

/// Exit code for trouble that is neither success nor the answer "no".
const TROUBLE: u8 = 2;

/// Runs the program.
pub fn run(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Server(args) => server::run(&args),
        Command::Cli(args) => or_say(cli::run(&args), 1),
        Command::Status(args) => or_say(status::run(&args), 1),
        Command::Log(args) => or_say(log::run(&args), TROUBLE),
        Command::Snapshot(args) => or_say(snapshot::run(&args), TROUBLE),
        Command::Bench(args) => or_say(bench::run(&args), TROUBLE),
    }
}

/// The exit code, or one for an error that was said.
fn or_say(result: anyhow::Result<ExitCode>, code: u8) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("keeper: {error:#}");
        ExitCode::from(code)
    })
}
