//! When the next periodic checkpoint is due (`ScheduledTrigger`, `setIsProcessingBacklog`).

use std::collections::BTreeSet;

use super::message::TaskId;
use super::options::CheckpointOptions;

/// The clock's plan.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    interval_ms: Option<i64>,
    interval_during_backlog_ms: Option<i64>,
    /// Sources that work off a backlog.
    backlog: BTreeSet<TaskId>,
    /// When it is due; none: not before the backlog ends.
    next_ms: Option<i64>,
}

impl Schedule {
    /// The first is due after one interval.
    pub(super) fn new(options: &CheckpointOptions, now_ms: i64) -> Schedule {
        Schedule {
            interval_ms: options.interval_ms,
            interval_during_backlog_ms: options.interval_ms.and(options.interval_during_backlog_ms),
            backlog: BTreeSet::new(),
            next_ms: options.interval_ms.map(|interval| now_ms.saturating_add(interval)),
        }
    }

    /// When to look again.
    pub(super) fn next_ms(&self) -> Option<i64> {
        self.next_ms
    }

    /// Whether one is due; then the next is planned. The beat is kept: it does not drift with
    /// late looks, but beats that were missed are not made up for.
    pub(super) fn take_due(&mut self, now_ms: i64) -> bool {
        let Some(due_ms) = self.next_ms.filter(|due_ms| *due_ms <= now_ms) else { return false };
        let Some(interval_ms) = self.current_interval_ms() else {
            self.next_ms = None;
            return false;
        };
        let missed = (now_ms - due_ms) / interval_ms;
        self.next_ms = Some(due_ms + (missed + 1) * interval_ms);
        true
    }

    /// Plans the next so much from now.
    pub(super) fn restart(&mut self, now_ms: i64, delay_ms: i64) {
        self.next_ms = self.current_interval_ms().map(|_| now_ms.saturating_add(delay_ms));
    }

    /// A source begins or ends its backlog. A shorter interval counts from now.
    pub(super) fn set_backlog(&mut self, now_ms: i64, task: TaskId, active: bool) {
        match active {
            true => self.backlog.insert(task),
            false => self.backlog.remove(&task),
        };
        let Some(interval_ms) = self.current_interval_ms() else {
            return;
        };
        let soonest_ms = now_ms.saturating_add(interval_ms);
        if self.next_ms.is_none_or(|next_ms| soonest_ms < next_ms) {
            self.next_ms = Some(soonest_ms);
        }
    }

    /// The tasks are new: what they work off is not known yet.
    pub(super) fn clear_backlog(&mut self) {
        self.backlog.clear();
    }

    fn current_interval_ms(&self) -> Option<i64> {
        let interval_ms = match self.backlog.is_empty() {
            true => self.interval_ms,
            false => self.interval_during_backlog_ms,
        };
        interval_ms.map(|ms| ms.max(1))
    }
}
