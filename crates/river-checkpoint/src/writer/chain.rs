//! The files that a subtask's incremental checkpoints consist of: a base, and what has changed
//! since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use river_runtime::checkpoint::OperatorId;

use crate::file::{Content, Index, Part};
use crate::metadata::StateFile;

#[cfg(test)]
mod tests;

/// To open a file costs a reader as much as so many bytes of it, about.
pub const FILE_COST: u64 = 256 << 10;

/// Most files of a chain: metadata lists them all, in each checkpoint.
const MOST_FILES: usize = 128;

/// Most checkpoints whose chains are remembered: so many may fail after the last complete one, and
/// the next can still build on that.
const MOST_CHAINS: usize = 16;

/// The state of a subtask in one checkpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    /// Oldest first.
    pub files: Vec<StateFile>,
    /// Tables that have rows in it.
    pub tables: BTreeSet<(OperatorId, String)>,
}

impl Chain {
    /// Whether a new base is cheaper than to go on: so no more than about twice the state is
    /// written, kept and read. State inside the metadata is written again each time anyway.
    pub fn is_full(&self, file_cost: u64) -> bool {
        let Some((base, changes)) = self.files.split_first() else { return true };
        let bytes: u64 = changes.iter().map(|file| file.bytes() + file_cost).sum();
        matches!(base, StateFile::Inline(_))
            || bytes > base.bytes()
            || self.files.len() >= MOST_FILES
    }

    /// Bytes of it that are inside the metadata.
    pub fn inline_bytes(&self) -> u64 {
        let inline = self.files.iter().filter(|file| matches!(file, StateFile::Inline(_)));
        inline.map(StateFile::bytes).sum()
    }

    /// What a file adds to the tables with rows.
    pub fn note(&mut self, index: &Index) {
        for (number, stream) in index.streams.iter().enumerate() {
            let Content::Table { operator, name, part } = &stream.content else { continue };
            let table = (*operator, name.clone());
            match part {
                Part::Removed => {}
                Part::Whole if index.blocks.iter().all(|block| block.stream != number) => {
                    self.tables.remove(&table);
                }
                Part::Whole | Part::Changed => drop(self.tables.insert(table)),
            }
        }
    }
}

/// The chains of the latest checkpoints of a subtask.
#[derive(Debug, Default)]
pub(super) struct Chains(Mutex<BTreeMap<u64, Chain>>);

impl Chains {
    /// What a checkpoint that is stored consists of; whether it completes is not known yet.
    pub fn add(&self, checkpoint: u64, chain: Chain) {
        let mut chains = self.lock();
        chains.insert(checkpoint, chain);
        if chains.len() > MOST_CHAINS {
            chains.pop_first();
        }
    }

    /// That of a complete checkpoint; nobody builds on older ones any more.
    pub fn of_complete(&self, checkpoint: u64) -> Option<Chain> {
        let mut chains = self.lock();
        *chains = chains.split_off(&checkpoint);
        chains.get(&checkpoint).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Chain>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
