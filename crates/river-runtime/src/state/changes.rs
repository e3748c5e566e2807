//! Which keys of a table have changed since which cut: what incremental checkpoints are made of.
//!
//! Time is cut into *epochs*, each from one cut to the next. Slots of the current one are *clean*
//! while they hold what they held at its beginning; whoever changes a slot has it taken out of
//! [`Changes::clean`], and new slots are not in it. At a cut the others become the epoch's changed
//! slots. Keys that are gone have no slot any more, so they are kept themselves; keys that changed
//! and were then moved to disk are kept with their rows, in a [`DiskTree`] of the epoch.
//!
//! What changed since a complete checkpoint is what changed in any epoch after its cut. Epochs of
//! checkpoints that did not complete simply stay, until a later one does.

use std::collections::VecDeque;
use std::sync::Arc;

use super::codec::FOREVER;
use super::disk::{DiskSpace, DiskTree};
use super::keys::KeyBatch;
use super::{KeyIndex, SlotSet};
use crate::Result;

/// With more epochs than this the oldest are joined: what changed since a cut between them is then
/// given too often, never too seldom.
const MOST_EPOCHS: usize = 16;
/// With more removed keys than this, and more than there are live ones, all rows are cheaper.
const MOST_REMOVED: usize = 1 << 16;

/// What has changed in a table, by epoch.
pub(super) struct Changes {
    /// The cut at which the oldest epoch began.
    from: u64,
    epochs: VecDeque<Epoch>,
    /// Slots that have not changed in the current epoch.
    clean: SlotSet,
    current: Epoch,
    /// Epochs that nobody needs any more; to be dropped when there is time.
    retired: Vec<Epoch>,
}

/// What has changed between two cuts.
#[derive(Default)]
struct Epoch {
    /// The cut at its end.
    checkpoint: u64,
    changed: SlotSet,
    removed: Vec<KeyBatch>,
    /// Keys on disk that have changed, as [`super::spill`] logs them; later ones count.
    logs: Vec<DiskTree>,
}

impl Changes {
    /// From a cut on at which these slots were live.
    pub fn new(checkpoint: u64, live: SlotSet) -> Changes {
        Changes {
            from: checkpoint,
            epochs: VecDeque::new(),
            clean: live,
            current: Epoch::default(),
            retired: Vec::new(),
        }
    }

    /// Slots are about to change.
    #[inline]
    pub fn touch(&mut self, slots: &[u32]) {
        slots.iter().for_each(|slot| {
            self.clean.remove(*slot);
        });
    }

    /// Slots came from disk: what has changed of them is in a log.
    pub fn note_loaded(&mut self, slots: &[u32]) {
        slots.iter().for_each(|slot| self.clean.insert(*slot));
    }

    /// Slots leave for disk. Returns those whose rows have to be logged.
    pub fn note_leaving(&mut self, slots: &[u32]) -> SlotSet {
        let mut logged = SlotSet::default();
        for slot in slots {
            let mut is_changed = !self.clean.remove(*slot);
            for epoch in &mut self.epochs {
                is_changed |= epoch.changed.remove(*slot);
            }
            if is_changed {
                logged.insert(*slot);
            }
        }
        logged
    }

    /// Keys that are gone.
    pub fn note_removed(&mut self, keys: impl IntoIterator<Item = KeyBatch>) {
        self.current.removed.extend(keys);
    }

    /// Ends the epoch with the cut of a checkpoint; `saved` are the slots of keys that were there
    /// at its beginning. Epochs before the complete checkpoint `since` are forgotten. Says whether
    /// all changes since that are known, and are worth to be given.
    pub fn cut(&mut self, index: &KeyIndex, saved: &SlotSet, checkpoint: u64, since: u64) -> bool {
        // A slot that is of another key now has changed, whatever it held.
        self.clean.keep(saved);
        let ended = Epoch {
            checkpoint,
            changed: index.live().without(&self.clean),
            ..std::mem::take(&mut self.current)
        };
        self.epochs.push_back(ended);
        self.clean = index.live().clone();
        while let Some(oldest) = self.epochs.pop_front_if(|epoch| epoch.checkpoint <= since) {
            self.from = oldest.checkpoint;
            self.retired.push(oldest);
        }
        if self.epochs.len() > MOST_EPOCHS {
            self.join_oldest();
        }
        self.from == since && self.removed_keys() <= MOST_REMOVED.max(index.len())
    }

    fn removed_keys(&self) -> usize {
        let keys = |epoch: &Epoch| epoch.removed.iter().map(|(_, keys)| keys).sum::<usize>();
        self.epochs.iter().map(keys).sum()
    }

    fn join_oldest(&mut self) {
        let Some(mut oldest) = self.epochs.pop_front() else { return };
        let Some(next) = self.epochs.front_mut() else { return };
        next.changed.add(&oldest.changed);
        next.removed.append(&mut oldest.removed);
        oldest.logs.append(&mut next.logs);
        next.logs = oldest.logs;
    }

    /// The slots that have changed in any epoch that has ended.
    pub fn changed(&self, index: &KeyIndex) -> SlotSet {
        let mut changed = SlotSet::default();
        self.epochs.iter().for_each(|epoch| changed.add(&epoch.changed));
        changed.keep(index.live());
        changed
    }

    /// The keys that were removed in any epoch that has ended.
    pub fn removed(&self) -> Vec<KeyBatch> {
        self.epochs.iter().flat_map(|epoch| &epoch.removed).cloned().collect()
    }

    /// The logs of all epochs that have ended, the newest first.
    pub fn logs(&self) -> impl Iterator<Item = &DiskTree> {
        self.epochs.iter().rev().flat_map(|epoch| epoch.logs.iter().rev())
    }

    /// Where changes of the current epoch are logged.
    pub fn log(&mut self, space: &Arc<DiskSpace>) -> Result<&mut DiskTree> {
        self.current.log(space)
    }

    /// Where changes of the epoch before the last cut are logged.
    pub fn log_of_cut(&mut self, space: &Arc<DiskSpace>) -> Result<&mut DiskTree> {
        match self.epochs.back_mut() {
            Some(epoch) => epoch.log(space),
            None => self.current.log(space),
        }
    }

    /// Gives back what nobody needs any more; may remove files.
    pub fn tidy(&mut self) {
        self.retired.clear();
    }

    /// Keeps what another one had, to be given back when there is time.
    pub fn retire(&mut self, other: Changes) {
        self.retired.extend(other.retired);
        self.retired.extend(other.epochs);
        self.retired.push(other.current);
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        let keys = |(columns, _): &KeyBatch| -> usize {
            columns.iter().map(|column| column.get_array_memory_size()).sum()
        };
        let of = |epoch: &Epoch| -> usize {
            epoch.changed.memory() + epoch.removed.iter().map(keys).sum::<usize>()
        };
        self.clean.memory() + of(&self.current) + self.epochs.iter().map(of).sum::<usize>()
    }
}

impl Epoch {
    fn log(&mut self, space: &Arc<DiskSpace>) -> Result<&mut DiskTree> {
        let made = match self.logs.pop() {
            Some(log) => log,
            None => space.tree(|_| FOREVER)?,
        };
        self.logs.push(made);
        let last = self.logs.len() - 1;
        Ok(&mut self.logs[last])
    }
}
