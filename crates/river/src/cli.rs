//! The command line: what can be asked for, and exit codes.
//!
//! Exit codes: 0 done; 1 a script or its data is wrong, a job failed, or a check found something; 2
//! the command line is wrong (by clap); 130 ended by Ctrl-C; 143 ended by SIGTERM.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use river_core::options::Options;

use crate::savepoint::{self, FsckArgs, SavepointCommand};
use crate::script::{Runner, ScriptError};
use crate::{config, shell};

/// Runs Flink SQL on one machine, without a JVM.
#[derive(Debug, Parser)]
#[command(name = "river", version, about, long_about = None, arg_required_else_help = true)]
#[command(after_help = "Examples:\n  \
    river run examples/01-hello.sql              run a script to its end\n  \
    river run job.sql -D parallelism.default=4   with an option of the session\n  \
    river run job.sql -s PATH                    go on from a savepoint or checkpoint\n  \
    river sql                                    type statements at a prompt\n  \
    river explain job.sql                        show the plans, run nothing\n  \
    river savepoint describe PATH                what is in a savepoint or checkpoint\n  \
    river fsck DIR                               what is in a checkpoint directory")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a Flink SQL script in this process.
    ///
    /// Statements run in order; an INSERT or a query runs to its end before the next statement,
    /// and the first statement that fails ends the script.
    ///
    /// Ctrl-C ends a job cleanly; one that takes checkpoints is cancelled, and they are deleted
    /// unless 'execution.checkpointing.externalized-checkpoint-retention' is
    /// RETAIN_ON_CANCELLATION. SIGTERM cancels. SIGUSR1 makes a savepoint in
    /// 'execution.checkpointing.savepoint-dir', SIGUSR2 makes one and stops; its path is printed.
    #[command(after_help = "Examples:\n  \
        river run job.sql -D parallelism.default=4\n  \
        river run job.sql -D execution.checkpointing.interval=10s \\\n    \
            -D execution.checkpointing.dir=/checkpoints    with checkpoints to go on from\n  \
        river run job.sql -s /checkpoints/<job id>         its newest complete checkpoint\n  \
        river run job.sql -s PATH -c CLAIM                 the job may delete it when it is old")]
    Run {
        #[command(flatten)]
        script: ScriptArgs,
        #[command(flatten)]
        recovery: Recovery,
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
    ///
    /// With -s also shows which operator would take which state of a savepoint, and what would be
    /// lost.
    Explain {
        #[command(flatten)]
        script: ScriptArgs,
        /// Savepoint or checkpoint to match the plan against.
        #[arg(short = 's', long = "fromSavepoint", alias = "from-savepoint", value_name = "PATH")]
        from_savepoint: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Look into savepoints and checkpoints, check or delete them.
    ///
    /// Savepoints are made by a signal to the process of the job: 'kill -USR1 PID' makes one and
    /// goes on, 'kill -USR2 PID' makes one and stops; its path is printed there. A job goes on from
    /// one with 'river run job.sql -s PATH'. These commands take checkpoints of jobs too.
    #[command(after_help = "Examples:\n  \
        river savepoint describe /savepoints/savepoint-0123ab-0123456789ab\n  \
        river savepoint verify s3://bucket/checkpoints/<job id>/chk-41\n  \
        river explain job.sql -s PATH    which state an edited query would keep")]
    Savepoint {
        #[command(subcommand)]
        command: SavepointCommand,
    },
    /// List jobs, checkpoints and savepoints of a directory, and what is wrong or left over.
    ///
    /// Works offline, and while jobs run. Without --remove-older-than it changes nothing. Exit code
    /// 1 if files are missing, damaged or orphaned. A checkpoint without _metadata is listed as
    /// incomplete: it is being made, was given up, or someone deleted that file.
    #[command(after_help = "Examples:\n  \
        river fsck /checkpoints                                     what is there\n  \
        river fsck s3://bucket/checkpoints --verify                 read it all\n  \
        river fsck /checkpoints --remove-older-than 7d --dry-run    what could go")]
    Fsck {
        #[command(flatten)]
        args: FsckArgs,
    },
}

/// What a job goes on from: options `execution.state-recovery.*`.
#[derive(Debug, Args)]
struct Recovery {
    /// Go on from this savepoint or checkpoint ('execution.state-recovery.path').
    ///
    /// PATH is its folder, its file _metadata, the folder of a job (its newest checkpoint), or a
    /// directory with checkpoints of one job; /path, file:, s3: or hdfs:. All its files are checked
    /// first. Every job of the script would go on from it, so put several INSERTs into one
    /// STATEMENT SET. After an edit of the query, 'river explain FILE -s PATH' shows which state it
    /// keeps.
    #[arg(short = 's', long = "fromSavepoint", alias = "from-savepoint", value_name = "PATH")]
    from_savepoint: Option<String>,
    /// Whose the savepoint is then: CLAIM makes it the job's, which deletes it once newer
    /// checkpoints replace it; NO_CLAIM (the default) leaves it alone. Also -rm, --restoreMode.
    #[arg(short = 'c', long = "claimMode", aliases = ["claim-mode", "restoreMode", "restore-mode"])]
    #[arg(value_name = "MODE", ignore_case = true)]
    claim_mode: Option<ClaimMode>,
    /// Go on although the query has changed so that some state finds no operator; that state is
    /// lost. Without this, such a job is refused with a list of what would be lost.
    #[arg(short = 'n', long = "allowNonRestoredState", alias = "allow-non-restored-state")]
    allow_non_restored_state: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ClaimMode {
    #[value(name = "CLAIM")]
    Claim,
    #[value(name = "NO_CLAIM")]
    NoClaim,
}

impl Recovery {
    fn set(&self, options: &mut Options) {
        if let Some(path) = &self.from_savepoint {
            options.set("execution.state-recovery.path", path);
        }
        if let Some(mode) = self.claim_mode {
            let mode = match mode {
                ClaimMode::Claim => "CLAIM",
                ClaimMode::NoClaim => "NO_CLAIM",
            };
            options.set("execution.state-recovery.claim-mode", mode);
        }
        if self.allow_non_restored_state {
            options.set("execution.state-recovery.ignore-unclaimed-state", "true");
        }
    }
}

/// The arguments with Flink's options of several letters behind one dash as clap takes them.
pub fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let long = |argument: OsString| match argument.to_str() {
        Some("-rm" | "-claim") => OsString::from("--claimMode"),
        _ => argument,
    };
    given.map(long).collect()
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

/// Options from the command line and from files.
#[derive(Debug, Args)]
pub struct Configuration {
    /// Set a session option, as `-D parallelism.default=2`. May be repeated.
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = key_value)]
    define: Vec<(String, String)>,
    /// Read `config.yaml` or `flink-conf.yaml` from this directory.
    #[arg(long, value_name = "DIR", env = "FLINK_CONF_DIR")]
    conf: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Settings {
    #[command(flatten)]
    configuration: Configuration,
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

impl Configuration {
    /// All of them; the command line goes before the files.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn options(&self) -> anyhow::Result<Options> {
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
        Ok(code) => code,
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
        if let Some(code) = script.ended_by_signal {
            return ExitCode::from(code);
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

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run { script, recovery, settings } => {
            let (name, text) = read_script(&script)?;
            let mut options = settings.configuration.options()?;
            recovery.set(&mut options);
            let mut runner = Runner::new(options)?;
            runner.show_progress = !settings.quiet;
            runner.run(&name, &text)?;
        }
        Command::Explain { script, from_savepoint, settings } => {
            let (name, text) = read_script(&script)?;
            let mut options = settings.configuration.options()?;
            if let Some(path) = from_savepoint {
                options.set("execution.state-recovery.path", path);
            }
            let mut runner = Runner::new(options)?;
            runner.explain_only = true;
            runner.run(&name, &text)?;
        }
        Command::Sql { file: Some(file), settings } => {
            let (name, text) = read_file(&file)?;
            let mut runner = Runner::new(settings.configuration.options()?)?;
            runner.show_progress = !settings.quiet;
            runner.run(&name, &text)?;
        }
        Command::Sql { file: None, settings } => {
            let mut runner = Runner::new(settings.configuration.options()?)?;
            runner.show_progress = !settings.quiet;
            shell::run(runner)?;
        }
        Command::Savepoint { command } => return savepoint::run(&command),
        Command::Fsck { args } => return savepoint::fsck(&args),
    }
    Ok(ExitCode::SUCCESS)
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
