//! Time to live of state (`StateTtlConfig`: set when written, expired never returned). Slots are
//! queued as they are written, so expiry costs the same whatever the size of the state.

use std::collections::VecDeque;

/// When each slot was written last.
#[derive(Default)]
pub struct Ttl {
    ms: i64,
    written: Vec<i64>,
    queue: VecDeque<(u32, i64)>,
}

impl Ttl {
    /// Slots live `ms` milliseconds; 0 = for ever.
    pub fn new(ms: u64) -> Ttl {
        Ttl { ms: i64::try_from(ms).unwrap_or(i64::MAX), ..Ttl::default() }
    }

    /// Whether slots expire.
    pub fn is_on(&self) -> bool {
        self.ms > 0
    }

    /// The slot is written at `now_ms`.
    pub fn touch(&mut self, slot: u32, now_ms: i64) {
        if self.ms == 0 {
            return;
        }
        let at = slot as usize;
        if self.written.len() <= at {
            self.written.resize(at + 1, i64::MIN);
        }
        if self.written[at] != now_ms {
            self.written[at] = now_ms;
            self.queue.push_back((slot, now_ms));
        }
    }

    /// The slot was emptied before its time.
    pub fn forget(&mut self, slot: u32) {
        if let Some(written) = self.written.get_mut(slot as usize) {
            *written = i64::MIN;
        }
    }

    /// The slots whose time has come by `now_ms`, each given once.
    pub fn expired(&mut self, now_ms: i64) -> Vec<u32> {
        let mut slots = Vec::new();
        while let Some((slot, written)) = self.queue.front().copied() {
            if written.saturating_add(self.ms) > now_ms {
                break;
            }
            self.queue.pop_front();
            if self.written[slot as usize] == written {
                self.written[slot as usize] = i64::MIN;
                slots.push(slot);
            }
        }
        slots
    }
}
