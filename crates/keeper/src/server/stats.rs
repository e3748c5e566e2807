//! What the server has done since it started, or since `srst`.
//!
//! Network threads add to it, once a batch; four-letter words, AdminServer and metrics read it.
//!
//! Rules: `ServerStats`.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use zk_wire::Zxid;

/// Times from request to answer, in microseconds.
#[derive(Debug)]
pub struct Latency {
    min: AtomicU64,
    max: AtomicU64,
    total: AtomicU64,
    count: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self { min: AtomicU64::new(u64::MAX), max: zero(), total: zero(), count: zero() }
    }
}

/// Some times, to be added to [`Latency`] together.
#[derive(Debug, Clone, Copy)]
pub struct Latencies {
    /// The shortest, in microseconds.
    pub min: u64,
    /// The longest.
    pub max: u64,
    /// All together.
    pub total: u64,
    /// How many.
    pub count: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { min: u64::MAX, max: 0, total: 0, count: 0 }
    }
}

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, micros: u64) {
        self.min = self.min.min(micros);
        self.max = self.max.max(micros);
        self.total += micros;
        self.count += 1;
    }
}

impl Latency {
    /// Adds several.
    pub fn add(&self, batch: &Latencies) {
        if batch.count > 0 {
            self.min.fetch_min(batch.min, Relaxed);
            self.max.fetch_max(batch.max, Relaxed);
            self.total.fetch_add(batch.total, Relaxed);
            self.count.fetch_add(batch.count, Relaxed);
        }
    }

    /// The shortest, in milliseconds; 0 before there is any.
    pub fn min_ms(&self) -> u64 {
        match self.count.load(Relaxed) {
            0 => 0,
            _ => self.min.load(Relaxed) / 1000,
        }
    }

    /// The longest, in milliseconds.
    pub fn max_ms(&self) -> u64 {
        self.max.load(Relaxed) / 1000
    }

    /// The mean, in milliseconds; 0 before there is any.
    pub fn avg_ms(&self) -> f64 {
        match self.count.load(Relaxed) {
            0 => 0.0,
            count => self.total.load(Relaxed) as f64 / 1000.0 / count as f64,
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// Forgets all.
    pub fn reset(&self) {
        self.count.store(0, Relaxed);
        self.total.store(0, Relaxed);
        self.max.store(0, Relaxed);
        self.min.store(u64::MAX, Relaxed);
    }
}

/// The newest snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSnapshot {
    /// The transaction that it is named by.
    pub zxid: Zxid,
    /// When it was complete, in seconds since 1970.
    pub at: i64,
    /// How long it took.
    pub took: Duration,
}

/// The server's figures.
#[derive(Debug)]
pub struct Stats {
    started: Instant,
    /// Times from request to answer.
    pub latency: Latency,
    received: AtomicU64,
    sent: AtomicU64,
    received_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    outstanding: AtomicUsize,
    large_bytes: AtomicUsize,
    last_response: AtomicU64,
    min_response: AtomicU64,
    max_response: AtomicU64,
    slow_syncs: AtomicU64,
    throttled_ops: AtomicU64,
    throttle_waits: AtomicU64,
    digest_mismatches: AtomicU64,
    snapshots: AtomicU64,
    snapshot_errors: AtomicU64,
    last_snapshot: Mutex<Option<LastSnapshot>>,
}

impl Default for Stats {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            started: Instant::now(),
            latency: Latency::default(),
            received: zero(),
            sent: zero(),
            received_bytes: zero(),
            sent_bytes: zero(),
            outstanding: AtomicUsize::new(0),
            large_bytes: AtomicUsize::new(0),
            last_response: zero(),
            min_response: AtomicU64::new(u64::MAX),
            max_response: zero(),
            slow_syncs: zero(),
            throttled_ops: zero(),
            throttle_waits: zero(),
            digest_mismatches: zero(),
            snapshots: zero(),
            snapshot_errors: zero(),
            last_snapshot: Mutex::new(None),
        }
    }
}

impl Stats {
    /// When the server started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Requests received.
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Answers and notifications sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Bytes received from clients.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Relaxed)
    }

    /// Bytes sent to clients.
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Relaxed)
    }

    /// Requests that are not answered yet.
    pub fn outstanding(&self) -> usize {
        self.outstanding.load(Relaxed)
    }

    /// Bytes of large requests that are not answered yet (`largeRequestThreshold`).
    pub fn large_bytes(&self) -> usize {
        self.large_bytes.load(Relaxed)
    }

    /// Sizes of answers in bytes: last, least, most; -1 each before there is any.
    pub fn response_sizes(&self) -> (i64, i64, i64) {
        match self.min_response.load(Relaxed) {
            u64::MAX => (-1, -1, -1),
            min => {
                let (last, max) = (&self.last_response, &self.max_response);
                (last.load(Relaxed) as i64, min as i64, max.load(Relaxed) as i64)
            }
        }
    }

    /// Times that the disk took longer than `fsync.warningthresholdms`.
    pub fn slow_syncs(&self) -> u64 {
        self.slow_syncs.load(Relaxed)
    }

    /// `srst`: counts and latency begin anew.
    pub fn reset(&self) {
        self.latency.reset();
        self.received.store(0, Relaxed);
        self.sent.store(0, Relaxed);
        self.slow_syncs.store(0, Relaxed);
        self.last_response.store(0, Relaxed);
        self.max_response.store(0, Relaxed);
        self.min_response.store(u64::MAX, Relaxed);
    }

    pub(crate) fn add_received(&self, requests: usize, bytes: usize) {
        self.received.fetch_add(requests as u64, Relaxed);
        self.received_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn add_sent(&self, frames: u64, bytes: u64) {
        self.sent.fetch_add(frames, Relaxed);
        self.sent_bytes.fetch_add(bytes, Relaxed);
    }

    /// Sizes of some answers, in bytes.
    pub(crate) fn add_responses(&self, last: u64, min: u64, max: u64) {
        self.last_response.store(last, Relaxed);
        self.min_response.fetch_min(min, Relaxed);
        self.max_response.fetch_max(max, Relaxed);
    }

    /// Transactions after which the tree was not what the log says.
    pub fn digest_mismatches(&self) -> u64 {
        self.digest_mismatches.load(Relaxed)
    }

    pub(crate) fn add_digest_mismatch(&self) {
        self.digest_mismatches.fetch_add(1, Relaxed);
    }

    /// Snapshots written since the start.
    pub fn snapshots(&self) -> u64 {
        self.snapshots.load(Relaxed)
    }

    /// Snapshots that could not be written.
    pub fn snapshot_errors(&self) -> u64 {
        self.snapshot_errors.load(Relaxed)
    }

    /// The newest snapshot; `None` before there is one.
    pub fn last_snapshot(&self) -> Option<LastSnapshot> {
        *self.last_snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_snapshot(&self, zxid: Zxid, at: i64, took: Duration) {
        self.snapshots.fetch_add(1, Relaxed);
        let mut last = self.last_snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(LastSnapshot { zxid, at, took });
    }

    pub(crate) fn add_snapshot_error(&self) {
        self.snapshot_errors.fetch_add(1, Relaxed);
    }

    /// Requests that were refused because they had waited too long (`throttled_op_wait_time`).
    pub fn throttled_ops(&self) -> u64 {
        self.throttled_ops.load(Relaxed)
    }

    /// Times that a connection had to wait for `request_throttle_max_requests`.
    pub fn throttle_waits(&self) -> u64 {
        self.throttle_waits.load(Relaxed)
    }

    pub(crate) fn add_throttled(&self, requests: usize) {
        self.throttled_ops.fetch_add(requests as u64, Relaxed);
    }

    pub(crate) fn add_throttle_wait(&self) {
        self.throttle_waits.fetch_add(1, Relaxed);
    }

    pub(crate) fn add_slow_sync(&self) {
        self.slow_syncs.fetch_add(1, Relaxed);
    }

    pub(crate) fn add_outstanding(&self, requests: usize) {
        self.outstanding.fetch_add(requests, Relaxed);
    }

    pub(crate) fn sub_outstanding(&self, requests: usize) {
        self.outstanding.fetch_sub(requests, Relaxed);
    }

    /// Takes in a large request; false, and nothing is changed, if there is no room for it.
    pub(crate) fn add_large(&self, bytes: usize, limit: usize) -> bool {
        let add = |now: usize| now.checked_add(bytes).filter(|sum| *sum <= limit);
        self.large_bytes.fetch_update(Relaxed, Relaxed, add).is_ok()
    }

    pub(crate) fn sub_large(&self, bytes: usize) {
        self.large_bytes.fetch_sub(bytes, Relaxed);
    }
}
