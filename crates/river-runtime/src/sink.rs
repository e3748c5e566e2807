//! The sink interface, in two phases so that a checkpoint can stand between them.

use crate::{Batch, Result};

/// Writes the rows of one subtask. Runs on the task's thread.
pub trait SinkWriter: Send {
    /// Writes a batch, marks included (partition commit goes by watermarks).
    fn write(&mut self, batch: &Batch) -> Result<()>;

    /// Makes what was written visible where that needs no checkpoint (stdout buffers). Called when
    /// the input is idle.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Phase one, at each barrier and at the end: everything written so far is durable but not
    /// visible; returns what phase two needs, in the sink's own encoding. More may be written
    /// after it.
    fn prepare(&mut self) -> Result<Vec<Vec<u8>>>;

    /// Wall-clock time in milliseconds at which [`SinkWriter::on_timer`] is wanted (rolling).
    fn next_timer_ms(&self) -> Option<i64> {
        None
    }

    /// The time asked for has come.
    fn on_timer(&mut self, now_ms: i64) -> Result<()> {
        let _ = now_ms;
        Ok(())
    }
}

/// A table ready to be written.
pub trait Sink: Send + Sync {
    /// The writer of a subtask.
    fn writer(&self, subtask: u32, parallelism: u32) -> Result<Box<dyn SinkWriter>>;

    /// Phase two: makes prepared output visible, once the checkpoint it belongs to is complete.
    /// Repeating it does no harm, also after a restart, and after some or all of it was done.
    fn commit(&self, prepared: &[Vec<u8>]) -> Result<()>;

    /// Called when a job goes on from a checkpoint, before its writers are made: `prepared` is what
    /// belongs to that checkpoint, and is committed. What an earlier run of the job has begun or
    /// prepared beyond it will never be committed and is removed, as far as it can be told from
    /// the work of others.
    fn recover(&self, prepared: &[Vec<u8>]) -> Result<()> {
        self.commit(prepared)
    }

    /// Whether writers of single subtasks can be made anew while others write on. Otherwise all of
    /// them are made anew together, of a sink that is opened anew.
    fn restarts_by_subtask(&self) -> bool {
        false
    }

    /// Called when the writers of some subtasks have failed, before new ones are made, if
    /// [`Sink::restarts_by_subtask`]: `prepared` is what belongs to the checkpoint that they go on
    /// from, and is committed. What they have begun or prepared beyond it is removed.
    fn recover_subtasks(&self, subtasks: &[u32], prepared: &[Vec<u8>]) -> Result<()> {
        let _ = subtasks;
        self.commit(prepared)
    }

    /// Removes what was prepared or begun by this job's writers and was not committed: the job has
    /// failed or was cancelled.
    /// Not called where a checkpoint or savepoint that is kept may hold what is not committed.
    fn abort(&self) -> Result<()> {
        Ok(())
    }

    /// Number of subtasks it wants (`sink.parallelism`), if it cares.
    fn parallelism(&self) -> Option<u32> {
        None
    }
}
