//! Accumulators whose state is a few numbers a slot: `SUM`, `AVG`, `MIN`, `MAX` of numbers and
//! times, variances. The loops over a batch are written once here, and compiled for each [`Fold`].

use arrow_array::ArrayRef;
use arrow_buffer::ArrowNativeType;
use river_core::{DataType, LogicalType};

use super::rows::{NativeColumn, argument, live_rows, natives, retracts};
use super::{Accumulator, AggregateInput};
use crate::{EvalError, Result};

/// How one value changes the state of a slot, and what the state's result is. NULLs never come.
pub(super) trait Fold: Send {
    /// An argument value.
    type In: ArrowNativeType;
    /// A result value.
    type Out: ArrowNativeType;
    /// The state of a slot.
    type State: Copy + Send;

    fn empty(&self) -> Self::State;
    fn add(&self, state: &mut Self::State, value: Self::In);
    fn retract(&self, state: &mut Self::State, value: Self::In);
    fn merge(&self, into: &mut Self::State, from: Self::State);
    fn result(&self, state: &Self::State) -> Option<Self::Out>;
    fn save(&self, states: &[Self::State]) -> Result<Vec<ArrayRef>>;
    fn load(&self, columns: &[ArrayRef]) -> Result<Vec<Self::State>>;
    fn state_types(&self) -> Vec<DataType>;
}

/// A number and how many values it is made of: the state of most folds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell<N> {
    pub(super) value: N,
    pub(super) count: i64,
}

/// The columns of cells: value and count.
pub(super) fn save_cells<N: ArrowNativeType>(
    cells: &[Cell<N>],
    ty: &LogicalType,
) -> Result<Vec<ArrayRef>> {
    let values = cells.iter().map(|cell| cell.value).collect();
    let counts = cells.iter().map(|cell| cell.count).collect();
    Ok(vec![
        super::rows::native_array::<N>(values, None, ty)?,
        super::rows::native_array::<i64>(counts, None, &LogicalType::BigInt)?,
    ])
}

/// The cells of columns made by [`save_cells`].
pub(super) fn load_cells<N: ArrowNativeType>(columns: &[ArrayRef]) -> Result<Vec<Cell<N>>> {
    let [values, counts] = columns else {
        return Err(EvalError::new("the stored state of an aggregate has the wrong form"));
    };
    let (values, counts) = (natives::<N>(values)?, natives::<i64>(counts)?);
    Ok(values.iter().zip(counts.iter()).map(|(&value, &count)| Cell { value, count }).collect())
}

/// Types of the columns of [`save_cells`].
pub(super) fn cell_types(ty: &LogicalType) -> Vec<DataType> {
    vec![ty.clone().not_null(), LogicalType::BigInt.not_null()]
}

/// The accumulator of a [`Fold`].
pub(super) struct Folded<F: Fold> {
    fold: F,
    states: Vec<F::State>,
    out: LogicalType,
}

impl<F: Fold> Folded<F> {
    /// Without slots; `out` is the type of the result column.
    pub(super) fn new(fold: F, out: LogicalType) -> Folded<F> {
        Folded { fold, states: Vec::new(), out }
    }
}

impl<F: Fold> Accumulator for Folded<F> {
    fn grow(&mut self, slots: usize) {
        if slots > self.states.len() {
            self.states.resize(slots, self.fold.empty());
        }
    }

    fn update(&mut self, input: &AggregateInput) -> Result<()> {
        let argument = argument(input, 0)?;
        let values = natives::<F::In>(argument)?;
        let live = live_rows(input, Some(argument));
        if live.is_none() && input.retract.is_none() {
            for (&slot, &value) in input.slots.iter().zip(values.iter()) {
                self.fold.add(&mut self.states[slot as usize], value);
            }
            return Ok(());
        }
        for (row, (&slot, &value)) in input.slots.iter().zip(values.iter()).enumerate() {
            if live.as_ref().is_some_and(|live| !live.value(row)) {
                continue;
            }
            let state = &mut self.states[slot as usize];
            if retracts(input, row) {
                self.fold.retract(state, value);
            } else {
                self.fold.add(state, value);
            }
        }
        Ok(())
    }

    fn update_running(&mut self, input: &AggregateInput) -> Result<(ArrayRef, ArrayRef)> {
        let argument = argument(input, 0)?;
        let values = natives::<F::In>(argument)?;
        let live = live_rows(input, Some(argument));
        let mut before = NativeColumn::new(values.len());
        let mut after = NativeColumn::new(values.len());
        for (row, (&slot, &value)) in input.slots.iter().zip(values.iter()).enumerate() {
            let state = &mut self.states[slot as usize];
            before.push(self.fold.result(state));
            if live.as_ref().is_none_or(|live| live.value(row)) {
                if retracts(input, row) {
                    self.fold.retract(state, value);
                } else {
                    self.fold.add(state, value);
                }
            }
            after.push(self.fold.result(state));
        }
        Ok((before.finish(&self.out)?, after.finish(&self.out)?))
    }

    fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        for (&from, &into) in from.iter().zip(into) {
            let other = self.states[from as usize];
            self.fold.merge(&mut self.states[into as usize], other);
        }
        Ok(())
    }

    fn reset(&mut self, slots: &[u32]) {
        for &slot in slots {
            self.states[slot as usize] = self.fold.empty();
        }
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        let mut column = NativeColumn::new(slots.len());
        for &slot in slots {
            column.push(self.fold.result(&self.states[slot as usize]));
        }
        column.finish(&self.out)
    }

    fn save(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let states: Vec<_> = slots.iter().map(|&slot| self.states[slot as usize]).collect();
        self.fold.save(&states)
    }

    fn load(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        for (&slot, state) in slots.iter().zip(self.fold.load(state)?) {
            self.states[slot as usize] = state;
        }
        Ok(())
    }

    fn state_types(&self) -> Vec<DataType> {
        self.fold.state_types()
    }

    fn memory(&self) -> usize {
        self.states.capacity() * size_of::<F::State>()
    }
}
