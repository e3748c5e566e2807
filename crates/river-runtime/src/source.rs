//! The source interface: a table's splits, and the reader of one subtask.
//!
//! A split is a unit of input that is read in order by one subtask (a file, a range of event
//! numbers). Which splits a subtask has, and how far each is read, is the reader's own state
//! ([`SourceReader::snapshot`]), so a new leader learns the assignment from the tasks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Batch, Result};

/// What a reader has to give.
#[derive(Debug)]
pub enum Poll {
    /// Rows.
    Batch(Batch),
    /// Nothing now; ask again after this long at most.
    Wait(Duration),
    /// Nothing ever again.
    End,
}

/// A split and how far it is read, as stored in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitState {
    /// Identifies the split within the source (a path, a range).
    pub split: String,
    /// The position, in the source's own encoding.
    pub position: Vec<u8>,
}

/// Reads the splits of one subtask. Runs on the task's thread; may block for a short time on I/O.
pub trait SourceReader: Send {
    /// The next rows. Must return within about 100 ms, so that a cancel gets through.
    fn poll(&mut self) -> Result<Poll>;

    /// The assigned splits and their positions after the last batch returned.
    fn snapshot(&self) -> Vec<SplitState>;

    /// Goes on from the positions of a snapshot (of this or, after rescaling, another subtask):
    /// these are its splits, and no others but those that nobody has. Called for all readers of a
    /// restored job, also those of subtasks that had ended, perhaps without splits, before any of
    /// them is polled; not for a source that the checkpoint knows nothing of.
    fn restore(&mut self, splits: Vec<SplitState>) -> Result<()>;
}

/// A table ready to be read. Shared by its readers: unassigned splits are handed out from here.
pub trait Source: Send + Sync {
    /// The reader of a subtask.
    fn reader(&self, subtask: u32, parallelism: u32) -> Result<Box<dyn SourceReader>>;

    /// Shares out the splits of a checkpoint, those of each old subtask, among `parallelism` new
    /// ones. By default each subtask keeps its own, and with another parallelism they go round.
    fn redistribute(
        &self,
        splits: Vec<Vec<SplitState>>,
        parallelism: u32,
    ) -> Result<Vec<Vec<SplitState>>> {
        if splits.len() == parallelism as usize {
            return Ok(splits);
        }
        let mut shares = vec![Vec::new(); parallelism as usize];
        for (number, split) in splits.into_iter().flatten().enumerate() {
            shares[number % parallelism as usize].push(split);
        }
        Ok(shares)
    }

    /// Whether it ends by itself.
    fn is_bounded(&self) -> bool;

    /// Whether the reader of a single subtask can be made anew while others read on: readers share
    /// nothing, and [`SourceReader::restore`] may be called for one of them. Otherwise all of them
    /// are made anew together, of a source that is opened anew.
    fn restarts_by_subtask(&self) -> bool {
        false
    }

    /// Number of subtasks it wants (`scan.parallelism`), if it cares.
    fn parallelism(&self) -> Option<u32> {
        None
    }
}
