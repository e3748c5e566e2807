//! How the events of a table are shared out among parallel readers.
//!
//! Reader `i` of `n` takes every `n`-th block of [`BLOCK_EVENTS`] consecutive events. All readers
//! then advance in event time together (readers of contiguous ranges would sit hours apart and hold
//! back each other's watermark), every reader sees the whole mix, and the union over the readers is
//! the same set of events whatever `n` is. The state of a share is one number. For more readers a
//! share is cut into shares of `k * n`, the first of which goes on within the block that is begun.

/// Consecutive events that go to one reader.
pub const BLOCK_EVENTS: u64 = 1000;

/// The events of one reader and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    index: u64,
    count: u64,
    end: u64,
    next: u64,
}

impl Split {
    /// Share `index` of `count` of the events `0 .. events`.
    pub fn new(events: u64, index: u32, count: u32) -> Split {
        let count = u64::from(count.max(1));
        let index = u64::from(index).min(count - 1);
        let next = (index * BLOCK_EVENTS).min(events);
        Split { index, count, end: events, next }
    }

    /// The same share, continued at a position that [`Split::position`] once gave.
    pub fn resumed_at(mut self, position: u64) -> Split {
        self.next = position.max(self.next).min(self.end);
        self
    }

    /// Index of the next event: the whole state of the reader.
    pub fn position(&self) -> u64 {
        self.next
    }

    /// Which share it is: `index/count`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.index, self.count)
    }

    /// The share of that [`name`](Split::name), from its beginning.
    pub fn named(events: u64, name: &str) -> Option<Split> {
        let (index, count) = name.split_once('/')?;
        let (index, count) = (index.parse().ok()?, count.parse().ok()?);
        (index < count).then(|| Split::new(events, index, count))
    }

    /// What is left, as that many shares.
    pub fn parts(&self, parts: usize) -> Vec<Split> {
        let block = self.next / BLOCK_EVENTS;
        let count = self.count.saturating_mul(parts as u64);
        let part = |number: u64| {
            let index = self.index + number * self.count;
            // Whole blocks from the one that is begun to the part's first.
            let skipped = (index + count - block % count) % count;
            let start = block.saturating_add(skipped).saturating_mul(BLOCK_EVENTS);
            let next = if skipped == 0 { self.next } else { start.min(self.end) };
            Split { index, count, end: self.end, next }
        };
        (0..parts as u64).map(part).collect()
    }

    /// Whether all events of the share were taken.
    pub fn is_done(&self) -> bool {
        self.next >= self.end
    }

    /// Takes up to `most` consecutive events: the first one and their number (0 at the end).
    pub(super) fn take(&mut self, most: u64) -> (u64, u64) {
        let first = self.next;
        let block_end = (first / BLOCK_EVENTS + 1) * BLOCK_EVENTS;
        let taken = most.min(block_end.min(self.end).saturating_sub(first));
        self.next += taken;
        if self.next == block_end {
            let skipped = (self.count - 1).saturating_mul(BLOCK_EVENTS);
            self.next = self.next.saturating_add(skipped).min(self.end);
        }
        debug_assert!(self.is_done() || self.next / BLOCK_EVENTS % self.count == self.index);
        (first, taken)
    }
}
