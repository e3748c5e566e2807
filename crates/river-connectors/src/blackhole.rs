//! The `blackhole` connector: takes all rows and keeps none (`BlackHoleTableSinkFactory`).

use river_runtime::sink::{Sink, SinkWriter};
use river_runtime::{Batch, Result};

/// The sink.
#[derive(Debug, Default)]
pub struct BlackholeSink;

impl Sink for BlackholeSink {
    fn writer(&self, _subtask: u32, _parallelism: u32) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(BlackholeSink))
    }

    fn commit(&self, _prepared: &[Vec<u8>]) -> Result<()> {
        Ok(())
    }

    fn restarts_by_subtask(&self) -> bool {
        true
    }
}

impl SinkWriter for BlackholeSink {
    fn write(&mut self, _batch: &Batch) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self) -> Result<Vec<Vec<u8>>> {
        Ok(Vec::new())
    }
}
