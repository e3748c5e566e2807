//! How long writes wait for the log: from their way to it until they are durable.
//!
//! Rules: `SyncRequestProcessor`; without an ensemble `propagation_latency` is the same.

use std::collections::VecDeque;

use zk_wire::Zxid;

use crate::metrics::Metrics;

/// Writes on their way, those of one moment together.
#[derive(Default)]
pub(super) struct Appended {
    /// The last one, when, and how many.
    writes: VecDeque<(Zxid, i64, u32)>,
}

impl Appended {
    /// One more, at a moment in milliseconds.
    pub(super) fn add(&mut self, zxid: Zxid, now_ms: i64) {
        match self.writes.back_mut() {
            Some((last, at, count)) if *at == now_ms => {
                *last = zxid;
                *count += 1;
            }
            _ => self.writes.push_back((zxid, now_ms, 1)),
        }
    }

    /// Everything up to a transaction is durable. Of writes of one moment that are parted by it,
    /// all are counted with the last of them.
    pub(super) fn durable(&mut self, zxid: Zxid, now_ms: i64, metrics: &Metrics) {
        while let Some((last, at, count)) = self.writes.front().copied() {
            if last > zxid {
                break;
            }
            self.writes.pop_front();
            let waited = (now_ms - at).max(0);
            metrics.sync_processor_queue_and_flush_time_ms.observe_many(waited, count);
            metrics.propagation_latency.observe_many(waited, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_wait_until_they_are_durable() {
        let metrics = Metrics::new(false);
        let mut appended = Appended::default();
        for (zxid, now_ms) in [(1, 10), (2, 10), (3, 14)] {
            appended.add(Zxid(zxid), now_ms);
        }
        appended.durable(Zxid(1), 15, &metrics);
        assert_eq!(metrics.propagation_latency.count(), 0);
        appended.durable(Zxid(3), 20, &metrics);
        let waited = &metrics.sync_processor_queue_and_flush_time_ms;
        assert_eq!((waited.count(), waited.min(), waited.max()), (3, 6, 10));
        assert!(appended.writes.is_empty());
    }
}
