//! The `keeper` program.

use std::process::ExitCode;

use clap::Parser;
use keeper::commands::{self, Cli};

// Small requests and answers, made on one thread and freed on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::run(Cli::parse())
}
