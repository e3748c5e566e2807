//! An operator of which keys are moved to disk whenever it is called.

use std::sync::{Arc, OnceLock};

use river_expr::EvalContext;
use river_runtime::state::memory::LEAST_BYTES;
use river_runtime::state::{Checkpointed, StateMemory};
use river_runtime::{Batch, Operator, Output, Result, Status};

use super::random::Random;

/// Moves some keys, or all, to disk before each call.
pub struct Spilling {
    operator: Box<dyn Operator>,
    random: Random,
}

impl Spilling {
    /// Allows the operator's tables to use the disk.
    pub fn new(mut operator: Box<dyn Operator>) -> Spilling {
        static MEMORY: OnceLock<Arc<StateMemory>> = OnceLock::new();
        let dir = std::env::temp_dir();
        let memory = MEMORY.get_or_init(|| StateMemory::new(LEAST_BYTES, &dir, None).unwrap());
        operator.tables().into_iter().for_each(|table| table.use_disk(memory));
        Spilling { operator, random: Random::new(3) }
    }

    fn spill(&mut self) -> Result<()> {
        for table in self.operator.tables() {
            match self.random.below(4) {
                0 => table.shrink(0)?,
                1 | 2 => table.shrink(table.keys() / 2)?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Operator for Spilling {
    fn process(
        &mut self,
        input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        self.spill()?;
        self.operator.process(input, batch, now, out)
    }

    fn resume(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        self.operator.resume(now, out)
    }

    fn end_input(&mut self, input: usize, now: &EvalContext, out: &mut Output) -> Result<Status> {
        self.spill()?;
        self.operator.end_input(input, now, out)
    }

    fn next_timer_ms(&self) -> Option<i64> {
        self.operator.next_timer_ms()
    }

    fn on_timer(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        self.spill()?;
        self.operator.on_timer(now, out)
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        self.operator.tables()
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        self.operator.save_local()
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        self.operator.restore_local(saved)
    }
}
