//! Accumulators that keep a structure of single values for each slot: lists, multisets, sorted
//! maps. For aggregates that grow with their input or are too rare to be worth columns.

use arrow_array::ArrayRef;
use river_core::{DataType, Value};

use super::rows::{live_rows, retracts};
use super::{Accumulator, AggregateInput};
use crate::column::{ColumnBuilder, column_of, value_at};
use crate::{EvalError, Result};

/// The state of one slot.
pub(super) trait SlotState: Send {
    /// Takes in one row; NULL arguments come too.
    fn add(&mut self, args: &[Value]) -> Result<()>;
    /// Takes one row out again.
    fn retract(&mut self, args: &[Value]) -> Result<()>;
    /// Takes in all of another state.
    fn merge(&mut self, other: &Self) -> Result<()>;
    /// The result.
    fn value(&self) -> Value;
    /// The state as values of the declared types.
    fn save(&self) -> Vec<Value>;
    /// Takes on a state made by `save`; values of another form are passed over.
    fn load(&mut self, values: &[Value]);
}

/// The accumulator of a [`SlotState`].
pub(super) struct Slow<S> {
    /// Makes the state of an empty slot.
    empty: Box<dyn Fn() -> S + Send>,
    states: Vec<S>,
    args: Vec<DataType>,
    out: DataType,
    stored: Vec<DataType>,
}

impl<S: SlotState> Slow<S> {
    /// Without slots; `stored` are the types of what [`SlotState::save`] gives.
    pub(super) fn new(
        args: &[DataType],
        out: &DataType,
        stored: Vec<DataType>,
        empty: impl Fn() -> S + Send + 'static,
    ) -> Slow<S> {
        let (args, out) = (args.to_vec(), out.clone());
        Slow { empty: Box::new(empty), states: Vec::new(), args, out, stored }
    }

    /// Calls `each` for every row that passes the filter, with its state and arguments.
    fn for_rows(
        &mut self,
        input: &AggregateInput,
        mut around: impl FnMut(&mut S, &mut dyn FnMut(&mut S) -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        if input.args.len() != self.args.len() {
            return Err(EvalError::new("an aggregate got the wrong number of arguments"));
        }
        let live = live_rows(input, None);
        let mut values = vec![Value::Null; self.args.len()];
        for (row, &slot) in input.slots.iter().enumerate() {
            let counts = live.as_ref().is_none_or(|live| live.value(row));
            if counts {
                for ((value, array), ty) in values.iter_mut().zip(input.args).zip(&self.args) {
                    *value = value_at(array, &ty.logical, row);
                }
            }
            around(&mut self.states[slot as usize], &mut |state| {
                if !counts {
                    Ok(())
                } else if retracts(input, row) {
                    state.retract(&values)
                } else {
                    state.add(&values)
                }
            })?;
        }
        Ok(())
    }
}

impl<S: SlotState> Accumulator for Slow<S> {
    fn grow(&mut self, slots: usize) {
        while self.states.len() < slots {
            self.states.push((self.empty)());
        }
    }

    fn update(&mut self, input: &AggregateInput) -> Result<()> {
        self.for_rows(input, |state, change| change(state))
    }

    fn update_running(&mut self, input: &AggregateInput) -> Result<(ArrayRef, ArrayRef)> {
        let mut before = ColumnBuilder::new(&self.out.logical, input.slots.len());
        let mut after = ColumnBuilder::new(&self.out.logical, input.slots.len());
        self.for_rows(input, |state, change| {
            before.push(&state.value());
            change(state)?;
            after.push(&state.value());
            Ok(())
        })?;
        Ok((before.finish(), after.finish()))
    }

    fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        for (&from, &into) in from.iter().zip(into) {
            if from == into {
                continue;
            }
            let empty = (self.empty)();
            let mut state = std::mem::replace(&mut self.states[into as usize], empty);
            let merged = state.merge(&self.states[from as usize]);
            self.states[into as usize] = state;
            merged?;
        }
        Ok(())
    }

    fn reset(&mut self, slots: &[u32]) {
        for &slot in slots {
            self.states[slot as usize] = (self.empty)();
        }
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        let mut column = ColumnBuilder::new(&self.out.logical, slots.len());
        slots.iter().for_each(|&slot| column.push(&self.states[slot as usize].value()));
        Ok(column.finish())
    }

    fn save(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let rows: Vec<Vec<Value>> =
            slots.iter().map(|&slot| self.states[slot as usize].save()).collect();
        let column = |index: usize, ty: &DataType| {
            let values: Vec<Value> =
                rows.iter().map(|row| row.get(index).cloned().unwrap_or(Value::Null)).collect();
            column_of(&values, ty)
        };
        Ok(self.stored.iter().enumerate().map(|(index, ty)| column(index, ty)).collect())
    }

    fn load(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        if state.len() != self.stored.len() {
            return Err(EvalError::new("the stored state of an aggregate has the wrong form"));
        }
        for (row, &slot) in slots.iter().enumerate() {
            let columns = state.iter().zip(&self.stored);
            let values: Vec<Value> =
                columns.map(|(array, ty)| value_at(array, &ty.logical, row)).collect();
            let mut loaded = (self.empty)();
            loaded.load(&values);
            self.states[slot as usize] = loaded;
        }
        Ok(())
    }

    fn state_types(&self) -> Vec<DataType> {
        self.stored.clone()
    }

    fn memory(&self) -> usize {
        self.states.capacity() * size_of::<S>()
    }
}

/// The items of a list value, of any other none.
pub(super) fn items(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The entries of a map value, of any other none.
pub(super) fn entries(value: Option<&Value>) -> &[(Value, Value)] {
    match value {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    }
}
