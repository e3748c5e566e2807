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

    /// Phase one: everything written so far is durable but not visible; returns what phase two
    /// needs, in the sink's own encoding.
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

    /// Phase two: makes prepared output visible. Repeating it does no harm.
    fn commit(&self, prepared: &[Vec<u8>]) -> Result<()>;

    /// Removes what was prepared or begun and will never be committed.
    fn abort(&self) -> Result<()> {
        Ok(())
    }

    /// Number of subtasks it wants (`sink.parallelism`), if it cares.
    fn parallelism(&self) -> Option<u32> {
        None
    }
}
