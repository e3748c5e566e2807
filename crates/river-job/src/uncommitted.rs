//! What sinks have prepared and nobody has committed yet.
//!
//! A writer prepares its output for one checkpoint, but running tasks never go back: if that
//! checkpoint is aborted, the output is part of the next one that completes. So what is prepared
//! stays here, task by task, until a checkpoint that covers it is complete.

use std::collections::BTreeMap;

use river_core::checkpoint::{CheckpointId, TaskId};

/// Stands for the checkpoint of what a task has prepared at its end.
const AT_THE_END: CheckpointId = CheckpointId::MAX;

/// Prepared output, by task and by the checkpoint it was prepared for.
#[derive(Debug, Default)]
pub struct Uncommitted {
    prepared: BTreeMap<(TaskId, CheckpointId), Vec<Vec<u8>>>,
}

/// Up to where a task's output belongs to a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covered {
    /// To that checkpoint's barrier.
    Barrier(CheckpointId),
    /// To the end: the task has ended before the barrier came.
    All,
}

impl Covered {
    fn last(self) -> CheckpointId {
        match self {
            Covered::Barrier(checkpoint) => checkpoint,
            Covered::All => AT_THE_END,
        }
    }
}

impl Uncommitted {
    /// A task has prepared output for a checkpoint.
    pub fn add(&mut self, task: TaskId, checkpoint: CheckpointId, prepared: Vec<Vec<u8>>) {
        if !prepared.is_empty() {
            self.prepared.entry((task, checkpoint)).or_default().extend(prepared);
        }
    }

    /// A task has ended with prepared output.
    pub fn add_last(&mut self, task: TaskId, prepared: Vec<Vec<u8>>) {
        self.add(task, AT_THE_END, prepared);
    }

    /// All output of a task that is covered, oldest first.
    pub fn of(&self, task: TaskId, covered: Covered) -> Vec<Vec<u8>> {
        let range = (task, 0)..=(task, covered.last());
        self.prepared.range(range).flat_map(|(_, prepared)| prepared.iter().cloned()).collect()
    }

    /// Output of a task that is covered has been committed.
    pub fn forget(&mut self, task: TaskId, covered: Covered) {
        self.prepared.retain(|(of, checkpoint), _| *of != task || *checkpoint > covered.last());
    }

    /// The tasks are gone; what they prepared is in a checkpoint or lost.
    pub fn clear(&mut self) {
        self.prepared.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_an_aborted_checkpoint_goes_into_the_next() {
        let mut uncommitted = Uncommitted::default();
        uncommitted.add(3, 1, vec![b"a".to_vec()]);
        uncommitted.add(3, 2, vec![b"b".to_vec()]);
        uncommitted.add(4, 2, vec![b"x".to_vec()]);
        uncommitted.add_last(3, vec![b"c".to_vec()]);
        assert_eq!(uncommitted.of(3, Covered::Barrier(2)), [b"a", b"b"]);
        assert_eq!(uncommitted.of(3, Covered::All), [b"a", b"b", b"c"]);
        uncommitted.forget(3, Covered::Barrier(2));
        assert_eq!(uncommitted.of(3, Covered::All), [b"c"]);
        assert_eq!(uncommitted.of(4, Covered::All), [b"x"]);
    }
}
