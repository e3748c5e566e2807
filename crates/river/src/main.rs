//! The `river` program.

use std::process::ExitCode;

use clap::Parser;
use river::cli::{self, Cli};

// Arrow's many short-lived buffers are where the system allocator is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(Cli::parse_from(cli::arguments(std::env::args_os())))
}
