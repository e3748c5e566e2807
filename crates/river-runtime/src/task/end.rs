//! The end of a task's chain: edges to other tasks, a sink's writer, or a collector.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow_array::{ArrayRef, new_empty_array};
use crossbeam_channel::{SendTimeoutError, Sender};
use river_core::Field;

use super::Signals;
use crate::Batch;
use crate::chain::Tail;
use crate::checkpoint::Barrier;
use crate::exchange::{Outcome, Outputs, Stop};
use crate::metrics::{TaskMetrics, Waiting};
use crate::sink::SinkWriter;

/// How long a collector is waited for before the task looks for a cancel.
const COLLECTOR_WAIT: Duration = Duration::from_millis(50);

/// Where the rows of a chain go.
pub enum Destination {
    /// To other tasks.
    Edges(Outputs),
    /// To a sink.
    Sink {
        /// For errors.
        name: String,
        /// The subtask's writer.
        writer: Box<dyn SinkWriter>,
    },
    /// To whoever started the job.
    Collector(Sender<Batch>),
}

/// The end of a chain, and what is counted there.
pub struct ChainEnd {
    destination: Destination,
    /// Columns without rows, for batches that are only marks.
    no_rows: Vec<ArrayRef>,
    metrics: Arc<TaskMetrics>,
    signals: Arc<Signals>,
}

impl ChainEnd {
    /// The end of a chain whose last operator gives the columns `schema`.
    pub fn new(
        destination: Destination,
        schema: &[Field],
        metrics: Arc<TaskMetrics>,
        signals: Arc<Signals>,
    ) -> ChainEnd {
        let no_rows = schema.iter().map(|f| new_empty_array(&f.ty.logical.to_arrow())).collect();
        ChainEnd { destination, no_rows, metrics, signals }
    }

    /// Called between batches: sends what was held back for too long, and fires due timers.
    pub fn tick(&mut self, now_ms: i64) -> Outcome<()> {
        match &mut self.destination {
            Destination::Edges(outputs) => outputs.tick(now_ms),
            Destination::Sink { name, writer } => {
                if writer.next_timer_ms().is_some_and(|at| at <= now_ms) {
                    writer.on_timer(now_ms).map_err(|error| error.context(&*name))?;
                }
                Ok(())
            }
            Destination::Collector(_) => Ok(()),
        }
    }

    /// The time at which [`ChainEnd::tick`] is wanted, wall clock in milliseconds.
    pub fn next_timer_ms(&self) -> Option<i64> {
        match &self.destination {
            Destination::Sink { writer, .. } => writer.next_timer_ms(),
            _ => None,
        }
    }

    /// Called when there is nothing to do: nothing stays behind.
    pub fn flush(&mut self) -> Outcome<()> {
        match &mut self.destination {
            Destination::Edges(outputs) => outputs.flush(),
            Destination::Sink { name, writer } => {
                Ok(writer.flush().map_err(|error| error.context(&*name))?)
            }
            Destination::Collector(_) => Ok(()),
        }
    }

    /// Says whether consumers are to wait for our watermark.
    pub fn set_idle(&mut self, idle: bool) -> Outcome<()> {
        match &mut self.destination {
            Destination::Edges(outputs) => outputs.set_idle(idle),
            _ => Ok(()),
        }
    }

    /// What a sink gives for a checkpoint; nothing elsewhere.
    pub fn prepare(&mut self) -> Outcome<Vec<Vec<u8>>> {
        match &mut self.destination {
            Destination::Sink { name, writer } => {
                Ok(writer.prepare().map_err(|error| error.context(&*name))?)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Passes a barrier on.
    pub fn barrier(&mut self, barrier: Barrier) -> Outcome<()> {
        match &mut self.destination {
            Destination::Edges(outputs) => outputs.barrier(barrier),
            _ => Ok(()),
        }
    }

    /// The input has ended, and all is processed or was in an earlier run: nothing will follow.
    pub fn close(&mut self) -> Outcome<()> {
        match &mut self.destination {
            Destination::Edges(outputs) => outputs.end(),
            _ => Ok(()),
        }
    }
}

impl Tail for ChainEnd {
    fn emit(&mut self, mut batch: Batch) -> Outcome<()> {
        self.metrics.add_out(batch.rows);
        if let Some(mark) = batch.marks.last() {
            self.metrics.set_watermark(mark.watermark);
        }
        if batch.rows == 0 && batch.columns.len() != self.no_rows.len() {
            batch.columns.clone_from(&self.no_rows);
        }
        match &mut self.destination {
            Destination::Edges(outputs) => outputs.emit(batch),
            Destination::Sink { name, writer } => {
                if self.signals.cancelled.load(Ordering::Relaxed) {
                    return Err(Stop::Cancelled);
                }
                Ok(writer.write(&batch).map_err(|error| error.context(&*name))?)
            }
            Destination::Collector(sender) => collect(sender, batch, &self.metrics, &self.signals),
        }
    }
}

/// Hands a batch to a collector. One that has gone away wants no more: the job is to end.
fn collect(
    sender: &Sender<Batch>,
    mut batch: Batch,
    metrics: &TaskMetrics,
    signals: &Signals,
) -> Outcome<()> {
    if let Err(full) = sender.try_send(batch) {
        batch = full.into_inner();
        let _waiting = metrics.wait(Waiting::BackPressured);
        loop {
            if signals.cancelled.load(Ordering::Relaxed) {
                return Err(Stop::Cancelled);
            }
            match sender.send_timeout(batch, COLLECTOR_WAIT) {
                Ok(()) => break,
                Err(SendTimeoutError::Timeout(back)) => batch = back,
                Err(SendTimeoutError::Disconnected(_)) => return Err(Stop::Cancelled),
            }
        }
    }
    Ok(())
}
