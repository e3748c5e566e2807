//! Time to live of state (`StateTtlConfig`: set when written, expired never returned). Slots are
//! queued as they are written, so expiry costs the same whatever the size of the state.
//!
//! The time of writing is saved with the state. State saved without it, because it lived for ever
//! then, counts as written when the first rows come after it was loaded.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array};
use river_runtime::state::Lifetime;
use river_runtime::{Error, Result};

use self::expiry::Expiry;

pub mod expiry;
#[cfg(test)]
mod tests;

/// The time of slots that live, but nobody knows since when.
const UNDATED: i64 = i64::MIN + 1;

/// When each slot was written last.
#[derive(Default)]
pub struct Ttl {
    ms: i64,
    written: Vec<i64>,
    queue: Expiry,
    /// Loaded slots of which it is not known when they were written.
    undated: Vec<u32>,
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

    /// The time to live of rows whose time of writing is in that column.
    pub fn lifetime(&self, written: usize) -> Option<Lifetime> {
        self.is_on().then_some(Lifetime { written, ms: self.ms })
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
            self.queue.push(slot, now_ms);
        }
    }

    /// The slot is empty now, before its time or at it.
    pub fn forget(&mut self, slot: u32) {
        if let Some(written) = self.written.get_mut(slot as usize) {
            *written = i64::MIN;
        }
    }

    /// The slots whose time has come by `now_ms`, each given once. Whoever empties them says so by
    /// [`Ttl::forget`]: until then it is known when they were written.
    pub fn expired(&mut self, now_ms: i64) -> Vec<u32> {
        for slot in std::mem::take(&mut self.undated) {
            // Not those that were emptied or written meanwhile.
            if self.written[slot as usize] == UNDATED {
                self.touch(slot, now_ms);
            }
        }
        let mut slots = Vec::new();
        let is_due = |written: i64| written.saturating_add(self.ms) <= now_ms;
        while let Some((slot, written)) = self.queue.pop(is_due) {
            if self.written[slot as usize] == written {
                slots.push(slot);
            }
        }
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// When the slots were written, in milliseconds since the epoch; NULL where they live for ever.
    pub fn save(&self, slots: &[u32]) -> ArrayRef {
        let written = |slot: &u32| {
            let written = self.written.get(*slot as usize).copied();
            written.filter(|written| *written != i64::MIN && *written != UNDATED)
        };
        Arc::new(slots.iter().map(written).collect::<Int64Array>())
    }

    /// The slots were written then: a column of [`Ttl::save`].
    pub fn load(&mut self, slots: &[u32], written: &ArrayRef) -> Result<()> {
        let written = written
            .as_primitive_opt::<Int64Type>()
            .ok_or_else(|| Error::internal("times of writing are of another type"))?;
        if self.ms == 0 {
            return Ok(());
        }
        for (row, slot) in slots.iter().enumerate() {
            if written.is_valid(row) {
                self.touch(*slot, written.value(row));
            } else {
                let at = *slot as usize;
                self.written.resize(self.written.len().max(at + 1), i64::MIN);
                self.written[at] = UNDATED;
                self.undated.push(*slot);
            }
        }
        Ok(())
    }

    /// Bytes of memory it holds, about.
    pub fn memory(&self) -> usize {
        self.written.capacity() * 8 + self.queue.memory()
    }
}
