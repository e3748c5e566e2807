//! `keeper server zoo.cfg`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tracing_subscriber::EnvFilter;

use crate::config::Config;
use crate::server::{self, Failure};

/// Arguments of `keeper server`.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Apache's zoo.cfg.
    #[arg(value_name = "ZOO.CFG")]
    config: PathBuf,
    /// What to log: error, warn, info, debug, trace, or a filter such as keeper=debug,info.
    #[arg(long, env = "RUST_LOG", default_value = "info")]
    log_level: String,
}

/// Runs a server; the exit code is Apache's (`ExitCode`).
pub fn run(args: &ServerArgs) -> ExitCode {
    let filter = match EnvFilter::try_new(&args.log_level) {
        Ok(filter) => filter,
        Err(error) => {
            eprintln!("--log-level {}: {error}; use info, or keeper=debug,info", args.log_level);
            return ExitCode::from(2);
        }
    };
    let ansi = std::io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi);
    logs.with_writer(std::io::stderr).init();
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!("{error:#}");
            return ExitCode::from(2);
        }
    };
    for note in config.notes() {
        tracing::warn!("{}: {note}", args.config.display());
    }
    match server::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure @ Failure { code, .. }) => {
            tracing::error!("{failure}");
            ExitCode::from(code)
        }
    }
}
