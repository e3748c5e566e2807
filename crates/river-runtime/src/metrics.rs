//! What tasks count while they run: a few atomics a task, written by its thread only, read by
//! whoever shows the job's status. Rates are for the reader to make of two snapshots.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::checkpoint::Timing;

/// Why a task does not work at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Waiting {
    /// For input.
    Idle = 1,
    /// For room in a consumer's queue.
    BackPressured = 2,
}

/// The counters of one task.
#[derive(Debug)]
pub struct TaskMetrics {
    started: Instant,
    rows_in: AtomicU64,
    rows_out: AtomicU64,
    batches_in: AtomicU64,
    batches_out: AtomicU64,
    watermark: AtomicI64,
    idle_ns: AtomicU64,
    back_pressured_ns: AtomicU64,
    /// What is waited for now, 0 for nothing, and since when, nanoseconds after `started`.
    waiting: AtomicU8,
    waiting_since_ns: AtomicU64,
    snapshots: AtomicU64,
    alignment_us: AtomicU64,
    longest_sync_us: AtomicU64,
    /// Of the last snapshot, microseconds.
    last_start_delay_us: AtomicU64,
    last_alignment_us: AtomicU64,
    last_sync_us: AtomicU64,
    /// Rows recorded in flight, in all snapshots.
    rows_in_flight: AtomicU64,
    /// When the task ended, nanoseconds after `started`; 0 while it runs.
    ended_ns: AtomicU64,
}

/// Ends a wait when dropped.
#[derive(Debug)]
pub struct WaitGuard<'a> {
    metrics: &'a TaskMetrics,
    why: Waiting,
    since_ns: u64,
}

impl Default for TaskMetrics {
    fn default() -> TaskMetrics {
        TaskMetrics {
            started: Instant::now(),
            rows_in: AtomicU64::new(0),
            rows_out: AtomicU64::new(0),
            batches_in: AtomicU64::new(0),
            batches_out: AtomicU64::new(0),
            watermark: AtomicI64::new(i64::MIN),
            idle_ns: AtomicU64::new(0),
            back_pressured_ns: AtomicU64::new(0),
            waiting: AtomicU8::new(0),
            waiting_since_ns: AtomicU64::new(0),
            snapshots: AtomicU64::new(0),
            alignment_us: AtomicU64::new(0),
            longest_sync_us: AtomicU64::new(0),
            last_start_delay_us: AtomicU64::new(0),
            last_alignment_us: AtomicU64::new(0),
            last_sync_us: AtomicU64::new(0),
            rows_in_flight: AtomicU64::new(0),
            ended_ns: AtomicU64::new(0),
        }
    }
}

impl TaskMetrics {
    /// Counts a batch that came in.
    pub fn add_in(&self, rows: usize) {
        self.rows_in.fetch_add(rows as u64, Relaxed);
        self.batches_in.fetch_add(1, Relaxed);
    }

    /// Counts a batch that the chain gave.
    pub fn add_out(&self, rows: usize) {
        self.rows_out.fetch_add(rows as u64, Relaxed);
        self.batches_out.fetch_add(1, Relaxed);
    }

    /// Notes the watermark that the task has given out last.
    pub fn set_watermark(&self, watermark: i64) {
        self.watermark.store(watermark, Relaxed);
    }

    /// Counts a snapshot that was given to the end, with the rows in flight that it holds.
    pub fn add_snapshot(&self, timing: &Timing, rows_in_flight: usize) {
        self.snapshots.fetch_add(1, Relaxed);
        self.alignment_us.fetch_add(timing.alignment_us, Relaxed);
        self.longest_sync_us.fetch_max(timing.sync_us, Relaxed);
        self.last_start_delay_us.store(timing.start_delay_us, Relaxed);
        self.last_alignment_us.store(timing.alignment_us, Relaxed);
        self.last_sync_us.store(timing.sync_us, Relaxed);
        self.rows_in_flight.fetch_add(rows_in_flight as u64, Relaxed);
    }

    /// Counts time as waiting until the guard is dropped.
    pub fn wait(&self, why: Waiting) -> WaitGuard<'_> {
        let since_ns = self.elapsed_ns();
        self.waiting_since_ns.store(since_ns, Relaxed);
        self.waiting.store(why as u8, Relaxed);
        WaitGuard { metrics: self, why, since_ns }
    }

    /// Stops the clock.
    pub fn end(&self) {
        self.ended_ns.store(self.elapsed_ns().max(1), Relaxed);
    }

    fn elapsed_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// The figures now.
    pub fn snapshot(&self) -> TaskSnapshot {
        let ended_ns = self.ended_ns.load(Relaxed);
        let total_ns = if ended_ns > 0 { ended_ns } else { self.elapsed_ns() };
        let mut idle_ns = self.idle_ns.load(Relaxed);
        let mut back_pressured_ns = self.back_pressured_ns.load(Relaxed);
        let so_far = total_ns.saturating_sub(self.waiting_since_ns.load(Relaxed));
        match self.waiting.load(Relaxed) {
            1 => idle_ns += so_far,
            2 => back_pressured_ns += so_far,
            _ => {}
        }
        let watermark = self.watermark.load(Relaxed);
        TaskSnapshot {
            rows_in: self.rows_in.load(Relaxed),
            rows_out: self.rows_out.load(Relaxed),
            batches_in: self.batches_in.load(Relaxed),
            batches_out: self.batches_out.load(Relaxed),
            busy_ns: total_ns.saturating_sub(idle_ns + back_pressured_ns),
            idle_ns,
            back_pressured_ns,
            watermark: (watermark != i64::MIN).then_some(watermark),
            snapshots: SnapshotFigures {
                count: self.snapshots.load(Relaxed),
                alignment_us: self.alignment_us.load(Relaxed),
                longest_sync_us: self.longest_sync_us.load(Relaxed),
                last: Timing {
                    start_delay_us: self.last_start_delay_us.load(Relaxed),
                    alignment_us: self.last_alignment_us.load(Relaxed),
                    sync_us: self.last_sync_us.load(Relaxed),
                },
                rows_in_flight: self.rows_in_flight.load(Relaxed),
            },
            ended: ended_ns > 0,
        }
    }
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        let waited = self.metrics.elapsed_ns().saturating_sub(self.since_ns);
        let counter = match self.why {
            Waiting::Idle => &self.metrics.idle_ns,
            Waiting::BackPressured => &self.metrics.back_pressured_ns,
        };
        self.metrics.waiting.store(0, Relaxed);
        counter.fetch_add(waited, Relaxed);
    }
}

/// Figures of a task since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskSnapshot {
    /// Rows taken from input channels or the source.
    pub rows_in: u64,
    /// Rows the chain gave to consumers or the sink.
    pub rows_out: u64,
    /// Batches taken.
    pub batches_in: u64,
    /// Batches given.
    pub batches_out: u64,
    /// Time neither idle nor back-pressured.
    pub busy_ns: u64,
    /// Time waited for input.
    pub idle_ns: u64,
    /// Time waited for room in a consumer's queue.
    pub back_pressured_ns: u64,
    /// Watermark given out last, milliseconds.
    pub watermark: Option<i64>,
    /// What it gave for checkpoints.
    pub snapshots: SnapshotFigures,
    /// Whether the task has ended.
    pub ended: bool,
}

/// Figures of a task's snapshots since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SnapshotFigures {
    /// Snapshots given to the end.
    pub count: u64,
    /// Time between the first and the last barrier, of all.
    pub alignment_us: u64,
    /// Longest time that nothing was processed for a cut.
    pub longest_sync_us: u64,
    /// Of the last one.
    pub last: Timing,
    /// Rows recorded in flight, in all.
    pub rows_in_flight: u64,
}

/// Figures of a vertex's subtasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VertexSnapshot {
    /// Name of the vertex.
    pub name: String,
    /// One entry a subtask.
    pub subtasks: Vec<TaskSnapshot>,
}

impl VertexSnapshot {
    /// Rows in, of all subtasks.
    pub fn rows_in(&self) -> u64 {
        self.subtasks.iter().map(|task| task.rows_in).sum()
    }

    /// Rows out, of all subtasks.
    pub fn rows_out(&self) -> u64 {
        self.subtasks.iter().map(|task| task.rows_out).sum()
    }

    /// Lowest watermark of the subtasks; none while one has none.
    pub fn watermark(&self) -> Option<i64> {
        self.subtasks.iter().map(|task| task.watermark).min().flatten()
    }

    /// Whether all subtasks have ended.
    pub fn ended(&self) -> bool {
        self.subtasks.iter().all(|task| task.ended)
    }
}

/// Figures of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobMetrics {
    /// Time since the job started.
    pub elapsed: std::time::Duration,
    /// One entry a vertex, producers before consumers.
    pub vertices: Vec<VertexSnapshot>,
}
