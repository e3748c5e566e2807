//! `DISTINCT` around any aggregate: of equal arguments of one slot only the first goes on, and
//! only the last one's retraction (Flink's distinct accumulators). NULL is a value here.

mod keys;

use arrow_array::{ArrayRef, BooleanArray};
use arrow_buffer::BooleanBufferBuilder;
use river_core::{DataType, LogicalType, Value};

use self::keys::KeyTable;
use super::rows::{live_rows, retracts};
use super::slow::items;
use super::{Accumulator, AggregateInput};
use crate::column::{column_of, value_at};
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
        let types = self.key_types();
        let mut columns: Vec<Vec<Value>> = vec![Vec::with_capacity(slots.len()); types.len()];
        for &slot in slots {
            let keys = self.keys.of_slot(slot);
            let rows: Vec<_> = keys.iter().map(|(key, _)| self.keys.arguments(key)).collect();
            for (index, column) in columns.iter_mut().enumerate().take(self.args.len()) {
                column.push(Value::List(rows.iter().map(|row| row[index].clone()).collect()));
            }
            if let Some(counts) = columns.last_mut() {
                counts.push(Value::List(keys.iter().map(|key| Value::Int64(key.1)).collect()));
            }
        }
        let mut saved: Vec<ArrayRef> =
            columns.iter().zip(&types).map(|(values, ty)| column_of(values, ty)).collect();
        saved.extend(self.inner.save(slots)?);
        Ok(saved)
    }

    fn load(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let types = self.key_types();
        let Some((keys, inner)) = state.split_at_checked(types.len()) else {
            return Err(EvalError::new("the stored state of DISTINCT has the wrong form"));
        };
        for (row, &slot) in slots.iter().enumerate() {
            self.keys.clear(slot);
            let columns: Vec<Value> =
                keys.iter().zip(&types).map(|(k, ty)| value_at(k, &ty.logical, row)).collect();
            let counts = items(columns.last());
            for (index, count) in counts.iter().enumerate() {
                let args = &columns[..self.args.len()];
                let args: Vec<Value> = args
                    .iter()
                    .map(|column| items(Some(column)).get(index).cloned().unwrap_or(Value::Null))
                    .collect();
                let key = self.keys.key_of(&args);
                self.keys.change(slot, &key, count.as_i64().unwrap_or(0));
            }
        }
        self.inner.load(slots, inner)
    }

    fn state_types(&self) -> Vec<DataType> {
        let mut types = self.key_types();
        types.extend(self.inner.state_types());
        types
    }
}

impl Distinct {
    /// A list for each argument, and the list of counts.
    fn key_types(&self) -> Vec<DataType> {
        let list = |ty: &DataType| LogicalType::Array(Box::new(ty.clone())).not_null();
        let args = self.args.iter().map(|ty| list(&ty.with_nullable(true)));
        args.chain([list(&LogicalType::BigInt.not_null())]).collect()
    }
}
