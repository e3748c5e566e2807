//! When a batch is complete (Apache's `SyncRequestProcessor.shouldFlush`, `getRemainingDelay`).

use std::time::Duration;

/// Settings of the group commit. The names of Apache's system properties are without `zookeeper.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlushPolicy {
    /// `flushDelay`: how long a batch is kept open for more; zero: as long as requests are waiting.
    pub delay: Duration,
    /// `maxWriteQueuePollTime`: how long to wait for the next request in that time.
    pub poll: Duration,
    /// `maxBatchSize`: transactions in a batch at most; 0: no limit.
    pub batch_max: u64,
    /// `fsync.warningthresholdms`: a slower disk is worth a warning.
    pub warn_after: Duration,
}

impl Default for FlushPolicy {
    fn default() -> FlushPolicy {
        FlushPolicy::new(Duration::ZERO)
    }
}

impl FlushPolicy {
    /// Apache's defaults with a `flushDelay`.
    pub fn new(delay: Duration) -> FlushPolicy {
        FlushPolicy {
            delay,
            poll: delay / 3,
            batch_max: 1000,
            warn_after: Duration::from_millis(1000),
        }
    }

    /// How long to wait for the next request before the batch is made durable; zero: not at all.
    pub fn wait(&self, since_flush: Duration) -> Duration {
        self.poll.min(self.delay.saturating_sub(since_flush))
    }

    /// Whether the batch is complete, however many requests are waiting.
    pub fn is_complete(&self, txns: u64, since_flush: Duration) -> bool {
        (!self.delay.is_zero() && since_flush >= self.delay)
            || (self.batch_max > 0 && txns >= self.batch_max)
    }
}
