//! Which completed checkpoints are kept (`CompletedCheckpointStore`, `CheckpointProperties`).

use std::collections::VecDeque;

use super::message::CheckpointId;
use super::options::Retention;

/// How a job came to its end, after which it will not run again under this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    /// All input was read, or it was stopped with a savepoint.
    Finished,
    /// The user cancelled it.
    Cancelled,
    /// It failed and is not restarted.
    Failed,
}

impl Retention {
    /// Whether checkpoints outlive that end of the job.
    pub fn keeps_after(self, end: JobEnd) -> bool {
        match end {
            JobEnd::Finished => false,
            JobEnd::Failed => self != Retention::NoExternalizedCheckpoints,
            JobEnd::Cancelled => self == Retention::RetainOnCancellation,
        }
    }
}

/// The completed checkpoints that are kept, oldest first.
#[derive(Debug, Clone)]
pub(super) struct Retained {
    ids: VecDeque<CheckpointId>,
    most: usize,
}

impl Retained {
    pub(super) fn new(most: usize) -> Retained {
        Retained { ids: VecDeque::new(), most: most.max(1) }
    }

    /// Adds the youngest.
    pub(super) fn add(&mut self, id: CheckpointId) {
        self.ids.push_back(id);
    }

    /// Takes out the oldest if there are too many.
    pub(super) fn pop_subsumed(&mut self) -> Option<CheckpointId> {
        if self.ids.len() <= self.most {
            return None;
        }
        self.ids.pop_front()
    }

    /// All, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = CheckpointId> + '_ {
        self.ids.iter().copied()
    }

    /// Takes out all.
    pub(super) fn drain(&mut self) -> Vec<CheckpointId> {
        self.ids.drain(..).collect()
    }
}
