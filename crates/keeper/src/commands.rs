//! The command line: one module a subcommand.

pub mod server;

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
}

/// Runs the program.
pub fn run(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Server(args) => server::run(&args),
    }
}
