//! A chain of operators run one after the other in one thread, depth first.
//!
//! Each output batch of an operator goes through all operators after it before the operator is
//! asked for the next one, so what is in flight is at most one [`Output`] an operator. Called by
//! the task only. Between batches an operator that has more to give is interrupted by a cancel: the
//! end of the chain refuses the next batch then.

use std::sync::Arc;

use arrow_array::{ArrayRef, new_empty_array};
use arrow_schema::FieldRef;
use river_core::Field;
use river_expr::EvalContext;

use crate::checkpoint::{OperatorId, RestoredState};
use crate::exchange::Outcome;
use crate::state::{Checkpointed, Saved};
use crate::{Batch, Error, Operator, Output, Result, Status};

#[cfg(test)]
mod tests;

/// Takes what the last operator of a chain gives.
pub trait Tail {
    /// Takes a batch; may wait. [`crate::exchange::Stop::Cancelled`] ends the task.
    fn emit(&mut self, batch: Batch) -> Outcome<()>;
}

/// The operators of a chain; may be none, then batches pass.
pub struct Chain {
    stages: Vec<Stage>,
    /// Inputs of the first operator that have not ended.
    open_inputs: usize,
}

/// One operator of a chain.
struct Stage {
    name: Arc<str>,
    id: OperatorId,
    operator: Box<dyn Operator>,
    out: Output,
    /// Columns without rows, for each input, for batches that are only marks.
    no_rows: Vec<Vec<ArrayRef>>,
    /// What it has said last about being idle.
    idle: Option<bool>,
    /// Watermark it has seen last.
    watermark: Option<i64>,
    /// Whether it is being called: still set after a panic.
    running: bool,
}

/// What a cut gives at once.
pub struct Cut {
    /// What operators remember beside tables.
    pub locals: Vec<(OperatorId, Vec<u8>)>,
    /// The tables that owe only changes.
    pub changes: Vec<(OperatorId, &'static str)>,
}

/// A table of an operator.
pub struct TableColumns {
    /// The operator.
    pub operator: OperatorId,
    /// Name within it.
    pub table: &'static str,
    /// Columns of its saved rows.
    pub columns: Vec<FieldRef>,
    /// Where its key columns stand, if it can tell changes.
    pub keys: Option<Vec<usize>>,
}

impl Default for Chain {
    fn default() -> Chain {
        Chain::new(1)
    }
}

impl Chain {
    /// A chain whose first operator has that many inputs.
    pub fn new(inputs: usize) -> Chain {
        Chain { stages: Vec::new(), open_inputs: inputs }
    }

    /// Adds an operator whose inputs have these columns.
    pub fn push(
        &mut self,
        name: &str,
        id: OperatorId,
        operator: Box<dyn Operator>,
        inputs: &[&[Field]],
    ) {
        let no_rows = |input: &&[Field]| {
            input.iter().map(|f| new_empty_array(&f.ty.logical.to_arrow())).collect()
        };
        self.stages.push(Stage {
            name: name.into(),
            id,
            operator,
            out: Output::default(),
            no_rows: inputs.iter().map(no_rows).collect(),
            idle: None,
            watermark: None,
            running: false,
        });
    }

    /// Runs a batch of an input of the first operator through all of them.
    pub fn process(
        &mut self,
        input: usize,
        batch: Batch,
        now: &mut EvalContext,
        tail: &mut dyn Tail,
    ) -> Outcome<()> {
        process(&mut self.stages, input, batch, now, tail)
    }

    /// Ends an input of the first operator; with the last one, operator after operator.
    pub fn end_input(
        &mut self,
        input: usize,
        now: &mut EvalContext,
        tail: &mut dyn Tail,
    ) -> Outcome<()> {
        self.open_inputs = self.open_inputs.saturating_sub(1);
        let ending = if self.open_inputs == 0 { self.stages.len() } else { 1 };
        for at in 0..ending.min(self.stages.len()) {
            let stages = &mut self.stages[at..];
            let input = if at == 0 { input } else { 0 };
            drive(stages, now, tail, |operator, now, out| operator.end_input(input, now, out))?;
        }
        Ok(())
    }

    /// Calls the operators whose timers are due at that wall-clock time.
    pub fn fire_timers(
        &mut self,
        now_ms: i64,
        now: &mut EvalContext,
        tail: &mut dyn Tail,
    ) -> Outcome<()> {
        for at in 0..self.stages.len() {
            let due = self.stages[at].operator.next_timer_ms().is_some_and(|t| t <= now_ms);
            if due {
                let stages = &mut self.stages[at..];
                drive(stages, now, tail, |operator, now, out| operator.on_timer(now, out))?;
            }
        }
        Ok(())
    }

    /// The earliest timer, wall clock in milliseconds.
    pub fn next_timer_ms(&self) -> Option<i64> {
        self.stages.iter().filter_map(|stage| stage.operator.next_timer_ms()).min()
    }

    /// Whether the output is idle: what the last operator to decide says, else `inputs_idle`.
    pub fn is_idle(&self, inputs_idle: bool) -> bool {
        let mut deciding = self.stages.iter().rev();
        deciding.find_map(|stage| stage.idle).unwrap_or(inputs_idle)
    }

    /// Fills the operators with what they go on from; before any batch.
    pub fn restore(&mut self, from: &mut dyn RestoredState) -> Result<()> {
        for stage in &mut self.stages {
            let restored = from.restore(stage.id, &mut *stage.operator);
            restored.map_err(|error| error.context(&stage.name))?;
        }
        Ok(())
    }

    /// Each table of each operator.
    pub fn tables(&mut self) -> Vec<TableColumns> {
        let of = |stage: &mut Stage| {
            let describe = |table: &mut dyn Checkpointed| TableColumns {
                operator: stage.id,
                table: table.name(),
                columns: table.columns(),
                keys: table.change_keys(),
            };
            stage.operator.tables().into_iter().map(describe).collect::<Vec<_>>()
        };
        self.stages.iter_mut().flat_map(of).collect()
    }

    /// Calls `each` with every table of every operator, in order.
    pub fn try_for_each_table(
        &mut self,
        mut each: impl FnMut(&mut dyn Checkpointed) -> Result<()>,
    ) -> Result<()> {
        for stage in &mut self.stages {
            for table in stage.operator.tables() {
                each(table).map_err(|error| error.context(&stage.name))?;
            }
        }
        Ok(())
    }

    /// As [`Chain::try_for_each_table`], with what cannot fail.
    pub fn for_each_table(&mut self, each: impl FnMut(&mut dyn Checkpointed)) {
        let tables = self.stages.iter_mut().flat_map(|stage| stage.operator.tables());
        tables.for_each(each);
    }

    /// Cuts all tables of all operators. Between batches nothing waits inside the chain, so the
    /// operators are all cut at the same point. `incremental`: the checkpoint in a row of
    /// incremental ones, and the complete one since which changes are wanted.
    pub fn cut(&mut self, incremental: Option<(u64, Option<u64>)>) -> Result<Cut> {
        let (mut locals, mut changes) = (Vec::new(), Vec::new());
        for stage in &mut self.stages {
            debug_assert!(stage.out.is_drained(), "{} has output left", stage.name);
            for table in stage.operator.tables() {
                let cut = match incremental {
                    None => table.cut().map(|()| false),
                    Some((checkpoint, since)) => table.cut_changes(checkpoint, since),
                };
                if cut.map_err(|error| error.context(&stage.name))? {
                    changes.push((stage.id, table.name()));
                }
            }
            let local = stage.operator.save_local().map_err(|error| stage.explain(error))?;
            if !local.is_empty() {
                locals.push((stage.id, local));
            }
        }
        Ok(Cut { locals, changes })
    }

    /// Gives up what the tables owe.
    pub fn forget_cut(&mut self) {
        for stage in &mut self.stages {
            stage.operator.tables().into_iter().for_each(|table| table.forget_cut());
        }
    }

    /// Some of the rows that tables owe, with operator and table; `None` once none are left.
    pub fn next_saved(&mut self) -> Result<Option<(OperatorId, &'static str, Saved)>> {
        for stage in &mut self.stages {
            for table in stage.operator.tables() {
                let saved = table.next_saved();
                if let Some(rows) = saved.map_err(|error| error.context(&stage.name))? {
                    return Ok(Some((stage.id, table.name(), rows)));
                }
            }
        }
        Ok(None)
    }

    /// Gives all rows that were saved because they were about to change.
    pub fn take_touched(&mut self, mut take: impl FnMut(OperatorId, &'static str, Saved)) {
        for stage in &mut self.stages {
            for table in stage.operator.tables() {
                while let Some(rows) = table.next_touched() {
                    take(stage.id, table.name(), rows);
                }
            }
        }
    }

    /// Gives all keys that are to be removed.
    pub fn take_removed(&mut self, mut take: impl FnMut(OperatorId, &'static str, Saved)) {
        for stage in &mut self.stages {
            for table in stage.operator.tables() {
                while let Some(keys) = table.next_removed() {
                    take(stage.id, table.name(), keys);
                }
            }
        }
    }

    /// The operator that is being called, deepest first: after a panic, the culprit.
    pub fn running(&self) -> Option<&str> {
        self.stages.iter().rev().find(|stage| stage.running).map(|stage| &*stage.name)
    }
}

fn process(
    stages: &mut [Stage],
    input: usize,
    mut batch: Batch,
    now: &mut EvalContext,
    tail: &mut dyn Tail,
) -> Outcome<()> {
    let Some(stage) = stages.first_mut() else { return tail.emit(batch) };
    if batch.rows == 0
        && let Some(columns) = stage.no_rows.get(input)
        && batch.columns.len() != columns.len()
    {
        batch.columns.clone_from(columns);
    }
    let last = batch.marks.last().map(|mark| mark.watermark);
    drive(stages, now, tail, |operator, now, out| operator.process(input, batch, now, out))?;
    if last.is_some() {
        stages[0].watermark = last;
    }
    Ok(())
}

/// Makes a call of the first operator, and lets it go on until it is done, while its output goes
/// through the others.
fn drive(
    stages: &mut [Stage],
    now: &mut EvalContext,
    tail: &mut dyn Tail,
    call: impl FnOnce(&mut dyn Operator, &EvalContext, &mut Output) -> Result<Status>,
) -> Outcome<()> {
    let Some((stage, after)) = stages.split_first_mut() else { return Ok(()) };
    let mut status = stage.call(now, call)?;
    loop {
        while let Some(batch) = stage.out.pop() {
            process(after, 0, batch, now, tail)?;
        }
        stage.idle = stage.out.take_idle().or(stage.idle);
        if status == Status::Done {
            return Ok(());
        }
        status = stage.call(now, |operator, now, out| operator.resume(now, out))?;
    }
}

impl Stage {
    fn call(
        &mut self,
        now: &mut EvalContext,
        call: impl FnOnce(&mut dyn Operator, &EvalContext, &mut Output) -> Result<Status>,
    ) -> Result<Status> {
        now.watermark = self.watermark;
        self.running = true;
        let status = call(&mut *self.operator, now, &mut self.out);
        self.running = false;
        status.map_err(|error| self.explain(error))
    }

    fn explain(&self, error: Error) -> Error {
        error.context(&self.name)
    }
}
