//! Restarts after failures: which regions, when, and from what (Flink's `ExecutionFailureHandler`
//! and `RestartPipelinedRegionFailoverStrategy`).
//!
//! A region that fails is cancelled, waits as the restart strategy says, and goes on from the
//! latest checkpoint; tasks of others run on, and never go back. No snapshot begins or completes as
//! long as some region does not run. What is no task's failure (a commit, too many failed
//! checkpoints) restarts all regions, and so does any failure while a savepoint stops the job.
//!
//! Why output stays exactly once: a region that restarts loses all that its writers have prepared
//! beyond the latest checkpoint, which holds their output up to it and whose commit is repeated.
//! What others have prepared for checkpoints that did not complete stays with
//! [`Uncommitted`](crate::uncommitted), and the next one that completes covers it.
//!
//! Called by the supervisor, on its thread.

use std::time::{Duration, Instant};

use river_core::checkpoint::TaskId;
use river_runtime::error::ErrorKind;
use river_runtime::{Error, Result};

use crate::checkpoints::Failed;
use crate::clock_ms;
use crate::fallback::with_fallback;
use crate::io::guarded;
use crate::recovery::Recovery;
use crate::supervise::{End, RunningRegion, Supervisor};

impl Supervisor {
    /// A task of a region has failed.
    pub(crate) fn fail_region(&mut self, error: Error, region: usize) -> Option<End> {
        // Tasks that have passed the barrier of a savepoint that stops the job read no more.
        match self.checkpoints.are_stopping() {
            true => self.fail_all(error),
            false => self.fail_over(error, &[region]),
        }
    }

    /// Something has failed that concerns all tasks.
    pub(crate) fn fail_all(&mut self, error: Error) -> Option<End> {
        let regions: Vec<usize> = (0..self.regions.len())
            .filter(|region| self.regions[*region].restart_at.is_none())
            .collect();
        if regions.is_empty() {
            tracing::warn!(%error, "this failed as well, and is mended by the same restart");
            return None;
        }
        self.fail_over(error, &regions)
    }

    /// Ends what still runs of these regions, which did run, and plans their restart.
    fn fail_over(&mut self, error: Error, regions: &[usize]) -> Option<End> {
        if let Some(end) = self.plan_restart(error, regions) {
            return Some(end);
        }
        regions.iter().for_each(|region| self.regions[*region].attempt.cancel());
        let all_fail = self.regions.iter().all(|region| region.restart_at.is_some());
        if all_fail {
            self.checkpoints.fail_over(clock_ms(), Failed::All);
        } else {
            let topology = &self.launch.topology;
            let tasks = regions.iter().flat_map(|region| topology.regions.tasks(*region));
            let tasks: Vec<TaskId> = tasks.copied().collect();
            self.checkpoints.fail_over(clock_ms(), Failed::Tasks(&tasks));
        }
        None
    }

    /// Decides when regions restart; the job ends if it must not.
    fn plan_restart(&mut self, error: Error, regions: &[usize]) -> Option<End> {
        let delay_ms = self.strategy.on_failure(clock_ms(), rand_unit());
        let Some(delay_ms) = delay_ms.filter(|_| self.launch.can_restart()) else {
            return Some(End::Failed(error));
        };
        let (failed, all) = (regions.len(), self.regions.len());
        if failed == all {
            tracing::warn!(%error, delay_ms, "the job failed and is restarted");
        } else {
            tracing::warn!(%error, delay_ms, "{failed} of {all} regions failed and are restarted");
        }
        let at = Instant::now() + Duration::from_millis(delay_ms.max(0) as u64);
        regions.iter().for_each(|region| self.regions[*region].restart_at = Some(at));
        None
    }

    /// When the next restart begins: not before all tasks that were told to end have ended.
    pub(crate) fn next_restart(&self) -> Option<Instant> {
        let failed = || self.regions.iter().filter(|region| region.restart_at.is_some());
        let are_ended = failed().all(|region| !region.attempt.is_running());
        failed().filter_map(|region| region.restart_at).min().filter(|_| are_ended)
    }

    pub(crate) fn is_restart_due(&self) -> bool {
        self.next_restart().is_some_and(|at| at <= Instant::now())
    }

    /// Restarts the regions whose time has come.
    pub(crate) fn restart(&mut self) -> Option<End> {
        // A store or a commit that is under way ends before its output is rolled back or committed
        // again, and is heard of; then what follows from it is done.
        self.checkpoints.wait_for_io();
        for _ in 0..self.events.len() {
            if let Ok(event) = self.events.try_recv()
                && let Some(end) = self.handle(event)
            {
                return Some(end);
            }
        }
        if let Some(end) = self.act() {
            return Some(end);
        }
        self.checkpoints.wait_for_io();
        if !self.is_restart_due() {
            return None;
        }
        let now = Instant::now();
        let due: Vec<usize> = (0..self.regions.len())
            .filter(|region| self.regions[*region].restart_at.is_some_and(|at| at <= now))
            .collect();
        let error = guarded("the restart", || self.relaunch(&due)).err()?;
        // Some may have been started.
        due.iter().for_each(|region| self.regions[*region].attempt.cancel());
        match error.kind {
            ErrorKind::Input => Some(End::Failed(self.unrestorable(error))),
            _ => self.plan_restart(error, &due),
        }
    }

    /// Makes and starts new tasks of regions from the job's latest checkpoint, else from the one
    /// that the job itself started from, else from nothing.
    fn relaunch(&mut self, regions: &[usize]) -> Result<()> {
        let latest = self.checkpoints.latest();
        let latest = latest.map(|place| Recovery::own(place, self.launch.plan())).transpose()?;
        let initial = self.launch.initial.clone();
        let initial = initial.as_deref().map(|initial| &initial.recovery);
        let recovery = latest.as_ref().or(initial);
        // What was prepared belongs to no checkpoint, unless to a savepoint.
        let drops_output = !self.checkpoints.may_keep_output();
        let launched = self.launch.make_again(regions, recovery, drops_output)?;
        self.shared.set_tasks(&self.launch.topology, &launched);
        for made in launched.regions {
            let number = made.region;
            self.regions[number].attempt.join();
            let attempt = self.launch.start(made, launched.attempt)?;
            // Its end is heard of only after this.
            self.regions[number] = RunningRegion { attempt, restart_at: Some(Instant::now()) };
        }
        regions.iter().for_each(|region| self.regions[*region].restart_at = None);
        self.checkpoints.replace_sinks(self.launch.connectors().sinks());
        if self.regions.iter().all(|region| region.restart_at.is_none()) {
            self.checkpoints.resume(clock_ms());
        }
        match recovery {
            Some(recovery) => tracing::info!(from = recovery.uri(), "the job goes on"),
            None => tracing::info!("the job begins again"),
        }
        Ok(())
    }

    /// The error of state that cannot be used, with what else the user can go on from.
    pub(crate) fn unrestorable(&self, error: Error) -> Error {
        let initial = self.launch.initial.as_deref().map(|initial| initial.recovery.place());
        match (self.checkpoints.latest(), initial) {
            (Some(_), _) if !self.checkpoints.keeps_after_failure() => error,
            (Some(own), _) => with_fallback(error, &own),
            (None, Some(initial)) => with_fallback(error, initial),
            (None, None) => error,
        }
    }
}

/// A number from 0 to 1 for the jitter of restarts.
fn rand_unit() -> f64 {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    f64::from(nanos % 1_000_000) / 1e6
}
