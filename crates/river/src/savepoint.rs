//! `river savepoint` and `river fsck`: what is stored, looked at offline. All they know is in
//! `river-checkpoint`; here is the talking.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::{Args, Subcommand};
use river_checkpoint::fsck::Reads;
use river_core::options::{Options, parse_duration};
use serde::Serialize;

use crate::cli::Configuration;

/// What can be done to a savepoint or checkpoint.
#[derive(Debug, Subcommand)]
pub enum SavepointCommand {
    /// Show what is inside: job, operators, tables with rows and columns, positions of sources.
    ///
    /// PATH is the folder of a savepoint or checkpoint, its file _metadata, the folder of a job
    /// (its newest checkpoint), or a directory with checkpoints of one job.
    Describe {
        /// Which.
        #[command(flatten)]
        target: Target,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Read all of it and check every checksum; exit code 1 if anything is damaged or missing.
    ///
    /// Names each file that is not what was written. Changes nothing.
    Verify {
        /// Which.
        #[command(flatten)]
        target: Target,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete it. Nothing can be restored from it after that.
    ///
    /// PATH must be the savepoint or checkpoint itself, so that none is deleted by mistake.
    Dispose {
        /// Which.
        #[command(flatten)]
        target: Target,
    },
}

/// Where it is, and how to get there.
#[derive(Debug, Args)]
pub struct Target {
    /// A directory or URI: /path, file:///path, s3://bucket/path, hdfs:///path.
    #[arg(value_name = "PATH")]
    path: String,
    #[command(flatten)]
    configuration: Configuration,
}

/// What `river fsck` is asked for.
#[derive(Debug, Args)]
pub struct FsckArgs {
    /// A checkpoint directory, savepoint directory or folder of a job; a path or URI.
    #[arg(value_name = "DIR")]
    dir: String,
    /// Read all files of all complete checkpoints and savepoints and check every checksum, as
    /// 'river savepoint verify' does for one. Without this only listings and metadata are read,
    /// which shows files that are missing, cut off or left over.
    #[arg(long)]
    verify: bool,
    /// Remove what is left over and has not changed for this long, as `7d` or `12 h`: checkpoints
    /// that were never completed, files that none names, unfinished writes. Complete checkpoints
    /// and unknown files are never removed. Choose an age well above the time a checkpoint takes.
    #[arg(long, value_name = "AGE", value_parser = age)]
    remove_older_than: Option<i64>,
    /// Only say what would be removed.
    #[arg(long, requires = "remove_older_than")]
    dry_run: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configuration: Configuration,
}

/// Milliseconds of a duration. A bare number has no unit that everyone would think of.
fn age(text: &str) -> Result<i64, String> {
    let expected = || "expected a number and a unit, such as '7d', '12 h' or '30 min'".to_owned();
    if text.trim().bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(expected());
    }
    let duration = parse_duration(text).ok_or_else(expected)?;
    i64::try_from(duration.as_millis()).map_err(|_| expected())
}

impl Target {
    fn keys(&self) -> anyhow::Result<BTreeMap<String, String>> {
        Ok(keys(&self.configuration.options()?))
    }
}

fn keys(options: &Options) -> BTreeMap<String, String> {
    options.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Does what `river savepoint` asks.
pub fn run(command: &SavepointCommand) -> anyhow::Result<ExitCode> {
    match command {
        SavepointCommand::Describe { target, json } => {
            let description = river_checkpoint::describe(&target.path, &target.keys()?)?;
            show(&description, &description.to_string(), *json)?;
        }
        SavepointCommand::Verify { target, json } => {
            let found = river_checkpoint::verify(&target.path, &target.keys()?)?;
            show(&found, &found.to_string(), *json)?;
            if !found.is_whole() {
                return Ok(ExitCode::FAILURE);
            }
        }
        SavepointCommand::Dispose { target } => {
            let folder = river_checkpoint::discard::dispose(&target.path, &target.keys()?)?;
            print(&format!("removed {folder}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What was found, and what was done about it.
#[derive(Serialize)]
struct FsckOutcome<'a> {
    #[serde(flatten)]
    report: &'a river_checkpoint::fsck::Report,
    /// URIs of what was removed, or would be.
    removed: Vec<&'a str>,
    dry_run: bool,
}

/// Does what `river fsck` asks. Exit code 1 if something is wrong.
pub fn fsck(args: &FsckArgs) -> anyhow::Result<ExitCode> {
    let options = keys(&args.configuration.options()?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let reads = if args.verify { Reads::Everything } else { Reads::Listings };
    let (storage, report) = river_checkpoint::fsck(&args.dir, &options, now_ms, reads)?;
    let removed = match args.remove_older_than {
        None => Vec::new(),
        Some(age_ms) if args.dry_run => report.removable(age_ms).collect(),
        Some(age_ms) => report.remove_older_than(storage.as_ref(), age_ms)?,
    };
    let paths = removed.iter().map(|finding| finding.path.as_str()).collect();
    let outcome = FsckOutcome { report: &report, removed: paths, dry_run: args.dry_run };
    let mut text = report.to_string();
    let verb = if args.dry_run { "would remove" } else { "removed" };
    for path in &outcome.removed {
        text.push_str(&format!("{verb} {path}\n"));
    }
    show(&outcome, &text, args.json)?;
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(value: &impl Serialize, text: &str, json: bool) -> anyhow::Result<()> {
    if json {
        let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
        return print(&format!("{text}\n"));
    }
    print(&format!("{}\n", text.trim_end()))
}

/// Writes to standard output; that nobody reads it is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}
