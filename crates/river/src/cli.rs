//! The command line: what can be asked for, and exit codes.
//!
//! Exit codes: 0 done; 1 a script or its data is wrong, or a job failed; 2 the command line is
//! wrong (by clap); 130 ended by Ctrl-C.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use river_core::options::Options;

use crate::script::{Runner, ScriptError};
use crate::{config, shell};

/// Runs Flink SQL on one machine, without a JVM.
#[derive(Debug, Parser)]
#[command(name = "river", version, about, long_about = None, arg_required_else_help = true)]
#[command(after_help = "Examples:\n  \
    river run examples/01-hello.sql              run a script to its end\n  \
    river run job.sql -D parallelism.default=4   with an option of the session\n  \
    river sql                                    type statements at a prompt\n  \
    river explain job.sql                        show the plans, run nothing")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a Flink SQL script in this process.
    ///
    /// Statements run in order; an INSERT or a query runs to its end before the next statement,
    /// and the first statement that fails ends the script. Ctrl-C stops a job cleanly.
    Run {
        #[command(flatten)]
        script: ScriptArgs,
        #[command(flatten)]
        settings: Settings,
    },
    /// Type statements at a prompt, with history and completion; or run a file with -f.
    Sql {
        /// Run this file instead of prompting.
        #[arg(short, long, value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Show the plan of each INSERT and query of a script, with changelog modes; run nothing.
    Explain {
        #[command(flatten)]
        script: ScriptArgs,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Debug, Args)]
struct ScriptArgs {
    /// The script; `-` reads standard input.
    #[arg(value_name = "FILE", required_unless_present = "file")]
    script: Option<PathBuf>,
    /// The script, in the way of Flink's SQL client.
    #[arg(short, long, value_name = "FILE", conflicts_with = "script")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Settings {
    /// Set a session option, as `-D parallelism.default=2`. May be repeated.
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = key_value)]
    define: Vec<(String, String)>,
    /// Read `config.yaml` or `flink-conf.yaml` from this directory.
    #[arg(long, value_name = "DIR", env = "FLINK_CONF_DIR")]
    conf: Option<PathBuf>,
    /// Print no status of running jobs.
    #[arg(short, long)]
    quiet: bool,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

impl Settings {
    fn options(&self) -> anyhow::Result<Options> {
        let mut options = match &self.conf {
            Some(directory) => config::read(directory)?,
            None => Options::new(),
        };
        for (key, value) in &self.define {
            options.set(key, value);
        }
        Ok(options)
    }
}

/// Stack of the thread that binds and plans, as deep as the parser lets expressions be; only what
/// is used of it takes memory.
const STACK_BYTES: usize = 256 << 20;

/// Does what the command line says.
pub fn run(cli: Cli) -> ExitCode {
    init_logging();
    let work = move || match execute(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    };
    let thread = std::thread::Builder::new().name("main".to_owned()).stack_size(STACK_BYTES);
    match thread.spawn(work).map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        // The panic has printed its message already.
        Ok(Err(_)) => ExitCode::FAILURE,
        Err(error) => report(&anyhow::anyhow!("cannot start a thread: {error}")),
    }
}

/// Prints why it failed; a closed pipe is the reader's choice and needs no words.
fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(script) = error.downcast_ref::<ScriptError>() {
        if script.interrupted {
            return ExitCode::from(130);
        }
        if script.output_closed {
            return ExitCode::FAILURE;
        }
        let _ = writeln!(std::io::stderr(), "{script}");
    } else {
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
    }
    ExitCode::FAILURE
}

fn execute(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run { script, settings } => {
            let (name, text) = read_script(&script)?;
            let mut runner = Runner::new(settings.options()?)?;
            runner.show_progress = !settings.quiet;
            Ok(runner.run(&name, &text)?)
        }
        Command::Explain { script, settings } => {
            let (name, text) = read_script(&script)?;
            let mut runner = Runner::new(settings.options()?)?;
            runner.explain_only = true;
            Ok(runner.run(&name, &text)?)
        }
        Command::Sql { file: Some(file), settings } => {
            let (name, text) = read_file(&file)?;
            let mut runner = Runner::new(settings.options()?)?;
            runner.show_progress = !settings.quiet;
            Ok(runner.run(&name, &text)?)
        }
        Command::Sql { file: None, settings } => {
            let mut runner = Runner::new(settings.options()?)?;
            runner.show_progress = !settings.quiet;
            shell::run(runner)
        }
    }
}

fn read_script(args: &ScriptArgs) -> anyhow::Result<(String, String)> {
    match args.script.as_ref().or(args.file.as_ref()) {
        Some(path) => read_file(path),
        None => anyhow::bail!("no script given"),
    }
}

fn read_file(path: &Path) -> anyhow::Result<(String, String)> {
    if path == Path::new("-") {
        let text = std::io::read_to_string(std::io::stdin())
            .map_err(|e| anyhow::anyhow!("cannot read the script from standard input: {e}"))?;
        return Ok(("<stdin>".to_owned(), text));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|e| anyhow::anyhow!("cannot read the script {}: {e}", path.display()))?;
    Ok((path.display().to_string(), text))
}

/// Logs go to standard error; `RUST_LOG` chooses, warnings by default.
fn init_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .try_init();
}
