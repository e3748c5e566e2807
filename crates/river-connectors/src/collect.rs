//! The sink of a bare `SELECT`: hands its batches to whoever shows them.

use crossbeam_channel::{Receiver, Sender, bounded};
use river_runtime::sink::{Sink, SinkWriter};
use river_runtime::{Batch, Error, Result};

/// Batches that wait to be shown; the job waits when there are more.
const WAITING_BATCHES: usize = 16;

/// A sink that sends batches over a channel.
#[derive(Debug, Clone)]
pub struct CollectSink {
    sender: Sender<Batch>,
}

impl CollectSink {
    /// A sink and where its batches arrive; the receiver ends once the sink and all writers are
    /// dropped.
    pub fn new() -> (CollectSink, Receiver<Batch>) {
        let (sender, receiver) = bounded(WAITING_BATCHES);
        (CollectSink { sender }, receiver)
    }
}

impl Sink for CollectSink {
    fn writer(&self, _subtask: u32, _parallelism: u32) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(self.clone()))
    }

    fn commit(&self, _prepared: &[Vec<u8>]) -> Result<()> {
        Ok(())
    }

    fn parallelism(&self) -> Option<u32> {
        Some(1)
    }
}

impl SinkWriter for CollectSink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        if batch.rows == 0 {
            return Ok(());
        }
        let sent = self.sender.send(batch.clone());
        sent.map_err(|_| Error::environment("nobody reads the result any more"))
    }

    fn prepare(&mut self) -> Result<Vec<Vec<u8>>> {
        Ok(Vec::new())
    }
}
