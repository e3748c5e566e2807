//! Stands by a running job: does what signals ask, and says how it ended.
//!
//! Savepoints are waited for on threads of their own, so that a job can be cancelled while one is
//! being made.

use std::io::Write;
use std::thread::JoinHandle;

use river_core::checkpoint::CheckpointOptions;
use river_core::plan::Plan;
use river_job::{Ended, JobHandle};
use river_runtime::Result;

use crate::signals::{self, Counts};

/// How a job ended, as far as the script is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Ending {
    /// By itself: the script goes on.
    Finished,
    /// By a savepoint that was asked for: the script ends well.
    Stopped,
    /// By Ctrl-C.
    Interrupted,
    /// By SIGTERM.
    Terminated,
}

/// What was asked of one job so far.
pub struct Supervision<'a> {
    handle: &'a JobHandle,
    /// Signals before the job.
    before: Counts,
    done: Counts,
    /// Checkpoints are kept as the options say, so that cancelling loses nothing.
    has_checkpoints: bool,
    savepoints: Vec<JoinHandle<Result<String>>>,
    stopping: Option<JoinHandle<Result<String>>>,
    /// A savepoint is complete that the job ended with.
    stopped: bool,
}

impl<'a> Supervision<'a> {
    /// Stands by a job that has just started; `before` are the signals from before its start.
    pub fn new(handle: &'a JobHandle, plan: &Plan, before: Counts) -> Supervision<'a> {
        let checkpoints = CheckpointOptions::from_options(&plan.options);
        Supervision {
            handle,
            before,
            done: Counts::default(),
            has_checkpoints: checkpoints.is_ok_and(|options| options.is_enabled()),
            savepoints: Vec::new(),
            stopping: None,
            stopped: false,
        }
    }

    /// Does what was asked since the last look. To be called every now and then.
    pub fn tick(&mut self) {
        let now = signals::counts().since(self.before);
        if now.terminations > self.done.terminations {
            self.handle.cancel();
        }
        if now.interrupts > self.done.interrupts {
            // The first one lets what was read be written, where nothing else keeps it.
            match now.interrupts == 1 && !self.has_checkpoints {
                true => self.handle.stop(),
                false => self.handle.cancel(),
            }
        }
        if now.savepoints > self.done.savepoints {
            let savepoint = self.savepoint(false);
            self.savepoints.extend(savepoint);
        }
        if now.stops > self.done.stops && self.stopping.is_none() {
            self.stopping = self.savepoint(true);
        }
        self.done = now;
        self.tell();
    }

    /// How the job ended, once it has.
    pub fn ending(&mut self, ended: Ended) -> Ending {
        for savepoint in self.savepoints.drain(..) {
            told(savepoint);
        }
        if let Some(stopping) = self.stopping.take() {
            self.stopped = told(stopping);
        }
        let now = signals::counts().since(self.before);
        match ended {
            _ if self.stopped => Ending::Stopped,
            Ended::Finished if now.interrupts == 0 => Ending::Finished,
            _ if now.terminations > 0 => Ending::Terminated,
            Ended::Finished | Ended::Cancelled => Ending::Interrupted,
        }
    }

    fn savepoint(&self, stop: bool) -> Option<JoinHandle<Result<String>>> {
        let handle = self.handle.clone();
        let work = move || handle.savepoint(None, stop);
        let thread = std::thread::Builder::new().name("savepoint".to_owned()).spawn(work);
        thread.inspect_err(|error| say(&format!("savepoint failed: {error}"))).ok()
    }

    /// Says what has become of savepoints.
    fn tell(&mut self) {
        for savepoint in self.savepoints.extract_if(.., |thread| thread.is_finished()) {
            told(savepoint);
        }
        if let Some(stopping) = self.stopping.take_if(|thread| thread.is_finished()) {
            self.stopped = told(stopping);
        }
    }
}

/// Says what has become of a savepoint; whether it was made.
fn told(savepoint: JoinHandle<Result<String>>) -> bool {
    match savepoint.join() {
        Ok(Ok(path)) => {
            say(&format!("savepoint completed: {path}"));
            true
        }
        Ok(Err(error)) => {
            say(&format!("savepoint failed: {}", error.message));
            false
        }
        // The panic has printed its message already.
        Err(_) => false,
    }
}

/// A line on standard error; where nobody listens, nothing is lost.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
