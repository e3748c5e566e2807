//! Keeps the state of a task within the budget of the process.
//!
//! Looked at between batches. While the budget is exceeded, a table that holds more than its share
//! keeps no more keys than it has now, or fewer if it still grows: freed slots are used again, so a
//! table that takes no more keys takes hardly more memory. What it cannot keep goes to disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Result;
use crate::chain::Chain;
use crate::state::memory::StateMemory;

/// Batches between two looks at tables that are not limited.
const BATCHES: u32 = 8;
/// A table that grows by this part of itself in spite of its limit gets a lower one.
const GROWTH: u64 = 32;
/// By how much limits go down: this part of them.
const STEP: usize = 16;
/// How long a lower limit gets to show in the memory of the process.
const PATIENCE: Duration = Duration::from_millis(500);

/// The tables of a task, in the order of the chain.
pub struct MemoryWatch {
    memory: Arc<StateMemory>,
    tables: Vec<Limit>,
    held: u64,
    batches: u32,
    lowered: Instant,
}

/// What a table may keep in memory.
#[derive(Clone, Copy)]
struct Limit {
    keys: usize,
    /// What it held when the limit was set.
    bytes: u64,
}

impl MemoryWatch {
    /// Watches the tables of a chain, which may go to disk from now on.
    pub fn new(memory: Arc<StateMemory>, chain: &mut Chain) -> MemoryWatch {
        let mut tables = Vec::new();
        chain.for_each_table(|table| {
            table.use_disk(&memory);
            tables.push(Limit { keys: memory.keys_of_table().unwrap_or(usize::MAX), bytes: 0 });
        });
        memory.add_tables(tables.len() as isize);
        MemoryWatch { memory, tables, held: 0, batches: 0, lowered: Instant::now() }
    }

    /// Moves keys to disk if that must be; after every batch.
    pub fn look(&mut self, chain: &mut Chain) -> Result<()> {
        if self.tables.is_empty() {
            return Ok(());
        }
        self.batches += 1;
        let limited = self.tables.iter().any(|limit| limit.keys != usize::MAX);
        if !self.batches.is_multiple_of(BATCHES) && !limited {
            return Ok(());
        }
        let mut held = 0;
        chain.for_each_table(|table| held += table.memory() as u64);
        self.memory.hold(self.held, held);
        self.held = held;
        let is_full = self.lowered.elapsed() >= PATIENCE && self.memory.is_full();
        let is_exceeded = is_full || self.memory.is_exceeded();
        if !is_exceeded && !limited {
            return Ok(());
        }
        let share = self.memory.share();
        let mut limits = self.tables.iter_mut();
        let lowered = &mut self.lowered;
        chain.try_for_each_table(|table| {
            let Some(limit) = limits.next() else { return Ok(()) };
            let (keys, bytes) = (table.keys(), table.memory() as u64);
            let grows = bytes > limit.bytes + limit.bytes / GROWTH;
            if is_exceeded && bytes > share && (grows || is_full) {
                let keys = keys.min(limit.keys);
                *limit = Limit { keys: keys - keys / STEP, bytes };
                *lowered = Instant::now();
            }
            if keys > limit.keys { table.shrink(limit.keys) } else { Ok(()) }
        })
    }
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.memory.hold(self.held, 0);
        self.memory.add_tables(-(self.tables.len() as isize));
    }
}
