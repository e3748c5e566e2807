//! The state of `COUNT`.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use river_core::{DataType, LogicalType};

use super::rows::{argument, live_rows, natives, retracts};
use super::{Accumulator, AggregateInput};
use crate::{EvalError, Result};

/// Counts rows, or rows whose argument is not NULL.
pub(super) struct Count {
    of_argument: bool,
    counts: Vec<i64>,
}

impl Count {
    /// `of_argument`: NULLs of the argument do not count.
    pub(super) fn new(of_argument: bool) -> Count {
        Count { of_argument, counts: Vec::new() }
    }

    fn live(&self, input: &AggregateInput) -> Result<Option<arrow_buffer::BooleanBuffer>> {
        let argument = if self.of_argument { Some(argument(input, 0)?) } else { None };
        Ok(live_rows(input, argument))
    }
}

impl Accumulator for Count {
    fn grow(&mut self, slots: usize) {
        if slots > self.counts.len() {
            self.counts.resize(slots, 0);
        }
    }

    fn update(&mut self, input: &AggregateInput) -> Result<()> {
        let live = self.live(input)?;
        match (live, input.retract) {
            (None, None) => {
                for &slot in input.slots {
                    self.counts[slot as usize] += 1;
                }
            }
            (live, _) => {
                for (row, &slot) in input.slots.iter().enumerate() {
                    if live.as_ref().is_none_or(|live| live.value(row)) {
                        self.counts[slot as usize] += if retracts(input, row) { -1 } else { 1 };
                    }
                }
            }
        }
        Ok(())
    }

    fn update_running(&mut self, input: &AggregateInput) -> Result<(ArrayRef, ArrayRef)> {
        let live = self.live(input)?;
        let mut before = Vec::with_capacity(input.slots.len());
        let mut after = Vec::with_capacity(input.slots.len());
        for (row, &slot) in input.slots.iter().enumerate() {
            let count = &mut self.counts[slot as usize];
            before.push(*count);
            if live.as_ref().is_none_or(|live| live.value(row)) {
                *count += if retracts(input, row) { -1 } else { 1 };
            }
            after.push(*count);
        }
        Ok((Arc::new(Int64Array::from(before)), Arc::new(Int64Array::from(after))))
    }

    fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        for (&from, &into) in from.iter().zip(into) {
            self.counts[into as usize] += self.counts[from as usize];
        }
        Ok(())
    }

    fn reset(&mut self, slots: &[u32]) {
        for &slot in slots {
            self.counts[slot as usize] = 0;
        }
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        let counts = slots.iter().map(|&slot| self.counts[slot as usize]);
        Ok(Arc::new(Int64Array::from_iter_values(counts)))
    }

    fn save(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.values(slots)?])
    }

    fn load(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let [counts] = state else {
            return Err(EvalError::new("the stored state of COUNT has the wrong form"));
        };
        for (&slot, &count) in slots.iter().zip(natives::<i64>(counts)?.iter()) {
            self.counts[slot as usize] = count;
        }
        Ok(())
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![LogicalType::BigInt.not_null()]
    }

    fn memory(&self) -> usize {
        self.counts.capacity() * 8
    }
}
