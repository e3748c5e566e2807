//! `DISTINCT` around any aggregate: of equal arguments of one slot only the first goes on, and
//! only the last one's retraction (Flink's distinct accumulators). NULL is a value here.

mod keys;

use arrow_array::{ArrayRef, BooleanArray};
use arrow_buffer::BooleanBufferBuilder;
use river_core::{DataType, Value};

use self::keys::KeyTable;
use super::rows::{live_rows, retracts};
use super::{Accumulator, AggregateInput};
use crate::column::column_of;
use crate::{EvalError, Result};

/// An aggregate that sees each distinct value of its arguments once a slot.
pub(super) struct Distinct {
    inner: Box<dyn Accumulator>,
    args: Vec<DataType>,
    keys: KeyTable,
}

impl Distinct {
    /// Around an accumulator without slots.
    pub(super) fn new(inner: Box<dyn Accumulator>, args: &[DataType]) -> Distinct {
        Distinct { inner, args: args.to_vec(), keys: KeyTable::new(args) }
    }

    /// The rows that the inner aggregate is to see.
    fn passing(&mut self, input: &AggregateInput) -> Result<BooleanArray> {
        let live = live_rows(input, None);
        let mut passing = BooleanBufferBuilder::new(input.slots.len());
        let batch = self.keys.read(input.args)?;
        for (row, &slot) in input.slots.iter().enumerate() {
            if live.as_ref().is_some_and(|live| !live.value(row)) {
                passing.append(false);
                continue;
            }
            let by = if retracts(input, row) { -1 } else { 1 };
            let count = self.keys.change_row(slot, &batch, row, by);
            // Added for the first time, or taken away for the last.
            passing.append(count == if by > 0 { 1 } else { 0 });
        }
        Ok(BooleanArray::new(passing.finish(), None))
    }
}

impl Accumulator for Distinct {
    fn grow(&mut self, slots: usize) {
        self.keys.grow(slots);
        self.inner.grow(slots);
    }

    fn update(&mut self, input: &AggregateInput) -> Result<()> {
        let passing = self.passing(input)?;
        let AggregateInput { slots, args, retract, .. } = *input;
        self.inner.update(&AggregateInput { slots, args, filter: Some(&passing), retract })
    }

    fn update_running(&mut self, input: &AggregateInput) -> Result<(ArrayRef, ArrayRef)> {
        let passing = self.passing(input)?;
        let AggregateInput { slots, args, retract, .. } = *input;
        self.inner.update_running(&AggregateInput { slots, args, filter: Some(&passing), retract })
    }

    fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        let mut slots = Vec::new();
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for (&from, &into) in from.iter().zip(into) {
            for (key, count) in self.keys.of_slot(from) {
                let after = self.keys.change(into, &key, count);
                if after > 0 && after == count {
                    slots.push(into);
                    rows.push(self.keys.arguments(&key));
                }
            }
        }
        let column = |index: usize, ty: &DataType| {
            let values: Vec<Value> = rows.iter().map(|row| row[index].clone()).collect();
            column_of(&values, ty)
        };
        let args: Vec<ArrayRef> =
            self.args.iter().enumerate().map(|(index, ty)| column(index, ty)).collect();
        self.inner.update(&AggregateInput {
            slots: &slots,
            args: &args,
            filter: None,
            retract: None,
        })
    }

    fn reset(&mut self, slots: &[u32]) {
        slots.iter().for_each(|&slot| self.keys.clear(slot));
        self.inner.reset(slots);
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        self.inner.values(slots)
    }

    fn save(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut columns = self.keys.save(slots)?;
        columns.extend(self.inner.save(slots)?);
        Ok(columns)
    }

    fn load(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let Some((keys, inner)) = state.split_at_checked(self.args.len() + 1) else {
            return Err(EvalError::new("the stored state of DISTINCT has the wrong form"));
        };
        self.keys.load(slots, keys)?;
        self.inner.load(slots, inner)
    }

    fn state_types(&self) -> Vec<DataType> {
        let mut types = self.keys.state_types();
        types.extend(self.inner.state_types());
        types
    }

    fn memory(&self) -> usize {
        self.keys.memory() + self.inner.memory()
    }
}
