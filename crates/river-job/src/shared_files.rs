//! Which shared files of incremental checkpoints are still needed.
//!
//! A shared file is named by the metadata of one or more checkpoints. It is needed as long as one
//! of these is kept or is being stored, and also as long as a checkpoint is under way whose tasks
//! may build on one that names it: what such a checkpoint refers to is known when it is stored.
//!
//! Called by [`crate::checkpoints`] only. Decides; removes nothing itself.

use std::collections::{BTreeMap, BTreeSet};

use river_core::checkpoint::CheckpointId;

/// The shared files of a job's checkpoints.
#[derive(Debug, Default)]
pub struct SharedFiles {
    /// What each checkpoint names that is kept or is being stored.
    named: BTreeMap<CheckpointId, BTreeSet<String>>,
    /// The complete checkpoint on which each one under way may build.
    bases: BTreeMap<CheckpointId, CheckpointId>,
    /// Files of checkpoints that are gone but on which others may build.
    held: BTreeMap<CheckpointId, BTreeSet<String>>,
}

impl SharedFiles {
    /// A checkpoint begins that may build on a complete one.
    pub fn begin(&mut self, checkpoint: CheckpointId, base: Option<CheckpointId>) {
        self.bases.extend(base.map(|base| (checkpoint, base)));
    }

    /// A checkpoint is being stored that names these files.
    pub fn store(&mut self, checkpoint: CheckpointId, names: impl Iterator<Item = String>) {
        self.named.insert(checkpoint, names.collect());
        self.bases.remove(&checkpoint);
    }

    /// A checkpoint was given up or is no longer kept.
    pub fn discard(&mut self, checkpoint: CheckpointId) {
        self.bases.remove(&checkpoint);
        let names = self.named.remove(&checkpoint).unwrap_or_default();
        if !names.is_empty() {
            self.held.insert(checkpoint, names);
        }
    }

    /// The files that nobody needs any more; each is given once.
    pub fn take_unneeded(&mut self) -> BTreeSet<String> {
        let is_built_on =
            |checkpoint: &CheckpointId| self.bases.values().any(|base| base == checkpoint);
        let (held, free): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|(checkpoint, _)| is_built_on(checkpoint));
        self.held = held;
        let mut unneeded: BTreeSet<String> = free.into_values().flatten().collect();
        let needed = self.named.values().chain(self.held.values());
        needed.flatten().for_each(|name| {
            unneeded.remove(name);
        });
        unneeded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> impl Iterator<Item = String> {
        names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().into_iter()
    }

    fn set(of: &[&str]) -> BTreeSet<String> {
        names(of).collect()
    }

    #[test]
    fn a_file_goes_with_the_last_that_names_it() {
        let mut files = SharedFiles::default();
        files.begin(1, None);
        files.store(1, names(&["a-1"]));
        files.begin(2, Some(1));
        files.store(2, names(&["a-1", "a-2"]));
        files.discard(1);
        assert_eq!(files.take_unneeded(), set(&[]));
        files.begin(3, Some(2));
        files.store(3, names(&["a-3"]));
        files.discard(2);
        assert_eq!(files.take_unneeded(), set(&["a-1", "a-2"]));
        assert_eq!(files.take_unneeded(), set(&[]));
    }

    #[test]
    fn what_one_under_way_may_refer_to_stays_until_that_is_known() {
        let mut files = SharedFiles::default();
        files.store(1, names(&["a-1", "b-1"]));
        files.begin(2, Some(1));
        files.begin(3, Some(1));
        files.store(2, names(&["a-2", "b-2"]));
        files.discard(1);
        assert_eq!(files.take_unneeded(), set(&[]));
        files.store(3, names(&["a-1", "a-3", "b-3"]));
        assert_eq!(files.take_unneeded(), set(&["b-1"]));
        // Given up after all.
        files.discard(3);
        assert_eq!(files.take_unneeded(), set(&["a-1", "a-3", "b-3"]));
        files.begin(4, Some(2));
        files.discard(2);
        files.discard(4);
        assert_eq!(files.take_unneeded(), set(&["a-2", "b-2"]));
    }
}
