//! Accumulators whose result is one of the rows they have seen: `FIRST_VALUE`, `LAST_VALUE`, and
//! `MIN`, `MAX` of text, all without retraction.
//!
//! Within a batch only row numbers move; a value is copied out of the batch once per slot and
//! batch, whatever the number of rows.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use river_core::{DataType, LogicalType, Value};

use super::rows::{argument, live_rows};
use super::{Accumulator, AggregateInput};
use crate::column::value_at;
use crate::{EvalError, Result};

/// Which of two values stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    First,
    Last,
    Least,
    Greatest,
}

/// Where the value of a slot is while a batch is worked on.
const HELD: u32 = u32::MAX;

/// Keeps one value a slot.
pub(super) struct Pick {
    choice: Choice,
    ty: DataType,
    /// The value of each slot; NULL for none, since NULLs are passed over.
    held: Vec<Value>,
    /// Row of the batch whose value the slot has now, or [`HELD`].
    row_of: Vec<u32>,
}

impl Pick {
    /// Without slots.
    pub(super) fn new(choice: Choice, ty: DataType) -> Pick {
        Pick { choice, ty, held: Vec::new(), row_of: Vec::new() }
    }

    /// Whether the value of `row` takes the place of the slot's.
    fn replaces(&self, column: &Comparable, slot: usize, row: usize) -> bool {
        let current = self.row_of[slot];
        let empty = current == HELD && self.held[slot].is_null();
        match self.choice {
            Choice::Last => true,
            Choice::First => empty,
            Choice::Least | Choice::Greatest if empty => true,
            Choice::Least | Choice::Greatest => {
                let order = if current == HELD {
                    column.compare_value(row, &self.held[slot])
                } else {
                    column.compare_rows(row, current as usize)
                };
                let wanted =
                    if self.choice == Choice::Least { Ordering::Less } else { Ordering::Greater };
                order == wanted
            }
        }
    }

    /// Walks the batch; `seen` gets slot and row before and after in terms of [`Pick::row_of`].
    fn walk(&mut self, input: &AggregateInput, mut seen: impl FnMut(u32, u32, u32)) -> Result<()> {
        if input.retract.is_some_and(|retract| retract.contains(&true)) {
            return Err(EvalError::new("an aggregate made for insertions got a retraction"));
        }
        let array = argument(input, 0)?;
        let live = live_rows(input, Some(array));
        let column = Comparable { array, ty: &self.ty.logical };
        for (row, &slot) in input.slots.iter().enumerate() {
            let before = self.row_of[slot as usize];
            if live.as_ref().is_none_or(|live| live.value(row))
                && self.replaces(&column, slot as usize, row)
            {
                self.row_of[slot as usize] = row as u32;
            }
            seen(slot, before, self.row_of[slot as usize]);
        }
        Ok(())
    }

    /// Copies the values that slots have in the batch out of it.
    fn settle(&mut self, input: &AggregateInput) -> Result<()> {
        let array = argument(input, 0)?;
        for &slot in input.slots {
            let row = std::mem::replace(&mut self.row_of[slot as usize], HELD);
            if row != HELD {
                self.held[slot as usize] = value_at(array, &self.ty.logical, row as usize);
            }
        }
        Ok(())
    }
}

/// A column whose values can be compared.
struct Comparable<'a> {
    array: &'a ArrayRef,
    ty: &'a LogicalType,
}

impl Comparable<'_> {
    fn compare_rows(&self, a: usize, b: usize) -> Ordering {
        if let Some(text) = self.array.as_string_view_opt() {
            return text.value(a).as_bytes().cmp(text.value(b).as_bytes());
        }
        let value = |row| value_at(self.array, self.ty, row);
        super::order::compare(&value(a), &value(b))
    }

    fn compare_value(&self, row: usize, value: &Value) -> Ordering {
        match (self.array.as_string_view_opt(), value) {
            (Some(text), Value::String(value)) => text.value(row).as_bytes().cmp(value.as_bytes()),
            _ => super::order::compare(&value_at(self.array, self.ty, row), value),
        }
    }
}

impl Accumulator for Pick {
    fn grow(&mut self, slots: usize) {
        if slots > self.held.len() {
            self.held.resize(slots, Value::Null);
            self.row_of.resize(slots, HELD);
        }
    }

    fn update(&mut self, input: &AggregateInput) -> Result<()> {
        self.walk(input, |_, _, _| {})?;
        self.settle(input)
    }

    fn update_running(&mut self, input: &AggregateInput) -> Result<(ArrayRef, ArrayRef)> {
        // The values held at the start of the batch, one a row: where a slot still has its own.
        let rows = input.slots.len();
        let held = self.values(input.slots)?;
        let mut before = Vec::with_capacity(rows);
        let mut after = Vec::with_capacity(rows);
        self.walk(input, |_, from, to| {
            let pick = |row: u32, here: usize| {
                if row == HELD { (0, here) } else { (1, row as usize) }
            };
            before.push(pick(from, before.len()));
            after.push(pick(to, after.len()));
        })?;
        self.settle(input)?;
        let sources: [&dyn Array; 2] = [&held, argument(input, 0)?];
        let interleave = arrow_select::interleave::interleave;
        Ok((interleave(&sources, &before)?, interleave(&sources, &after)?))
    }

    fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        for (&from, &into) in from.iter().zip(into) {
            let other = self.held[from as usize].clone();
            let mine = &mut self.held[into as usize];
            if other.is_null() {
                continue;
            }
            let replaces = mine.is_null()
                || match self.choice {
                    Choice::First => false,
                    Choice::Last => true,
                    Choice::Least => super::order::compare(&other, mine).is_lt(),
                    Choice::Greatest => super::order::compare(&other, mine).is_gt(),
                };
            if replaces {
                *mine = other;
            }
        }
        Ok(())
    }

    fn reset(&mut self, slots: &[u32]) {
        for &slot in slots {
            self.held[slot as usize] = Value::Null;
        }
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        let mut column = crate::ColumnBuilder::new(&self.ty.logical, slots.len());
        slots.iter().for_each(|&slot| column.push(&self.held[slot as usize]));
        Ok(column.finish())
    }

    fn save(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.values(slots)?])
    }

    fn load(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let [column] = state else {
            return Err(EvalError::new("the stored state of an aggregate has the wrong form"));
        };
        for (row, &slot) in slots.iter().enumerate() {
            self.held[slot as usize] = value_at(column, &self.ty.logical, row);
        }
        Ok(())
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![self.ty.with_nullable(true)]
    }

    fn memory(&self) -> usize {
        self.held.capacity() * size_of::<Value>() + self.row_of.capacity() * 4
    }
}
