//! `DISTINCT` calls of an updating aggregate: which values each group has seen.
//!
//! A state table for each list of arguments, a row for each group and value, as Flink keeps a map
//! view (`DistinctInfo`): calls with the same arguments share it, each filter has its own count.
//! So a group with millions of values is no single piece of state: each value is saved, moved to
//! disk and forgotten on its own, and a value is looked up once a row for all calls.
//!
//! The calls themselves are plain ones, whose filter is the column of rows that this module lets
//! pass: the first of a value, or the last one's retraction. NULL is a value here.
//!
//! A value's key names its group by the hash of the group's key, which decides where the row lies,
//! and a number that no two groups of that hash ever share. A group that ends and begins anew has a
//! new number and has seen nothing.

mod seen;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, UInt32Array};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use arrow_select::take::take;
use river_core::plan::AggregateCall;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Error, Result};

use self::seen::Seen;
use super::Spec;
use super::groups::Groups;

/// All tables.
#[derive(Default)]
pub struct Distinct {
    sets: Vec<Set>,
}

/// The calls with the same arguments.
struct Set {
    args: Vec<usize>,
    /// The column of each filter that a call has; `None`: all rows.
    filters: Vec<Option<usize>>,
    seen: Keyed<Seen>,
}

/// Rows that may pass, and what is looked up for them.
struct Candidates {
    /// `None`: all rows of the batch.
    rows: Option<UInt32Array>,
    keys: Vec<ArrayRef>,
}

impl Distinct {
    /// The tables that these calls need, and the calls as plain ones: those that were `DISTINCT`
    /// have one of the columns of [`Distinct::pass`], which stand behind the input's, as filter.
    pub fn new(spec: &Spec) -> Result<(Distinct, Vec<AggregateCall>)> {
        let mut lists: Vec<(Vec<usize>, Vec<Option<usize>>)> = Vec::new();
        let is_distinct = |call: &&AggregateCall| call.distinct && !call.args.is_empty();
        for call in spec.calls.iter().filter(is_distinct) {
            let at = lists.iter().position(|(args, _)| *args == call.args).unwrap_or_else(|| {
                lists.push((call.args.clone(), Vec::new()));
                lists.len() - 1
            });
            let filters = &mut lists[at].1;
            if !filters.contains(&call.filter) {
                filters.push(call.filter);
            }
        }
        let column_of = |call: &AggregateCall| {
            let mut column = spec.input.len();
            for (args, filters) in &lists {
                if *args == call.args {
                    return filters.iter().position(|f| *f == call.filter).map(|at| column + at);
                }
                column += filters.len();
            }
            None
        };
        let plain = |call: &AggregateCall| {
            let mut plain = call.clone();
            if is_distinct(&call) {
                plain.distinct = false;
                plain.filter = column_of(call);
            }
            plain
        };
        let calls = spec.calls.iter().map(plain).collect();
        let sets = lists.into_iter().map(|(args, filters)| {
            let seen = Keyed::new(Seen::new(spec, &args, filters.len())?);
            Ok(Set { args, filters, seen })
        });
        Ok((Distinct { sets: sets.collect::<Result<_>>()? }, calls))
    }

    /// Notes the values of these rows, of which `slots` are the groups; gives a column of booleans
    /// for each filter of each list of arguments: whether the row passes.
    pub fn pass(
        &mut self,
        columns: &[ArrayRef],
        slots: &[u32],
        groups: &Groups,
        retract: Option<&[bool]>,
        now_ms: i64,
    ) -> Result<Vec<ArrayRef>> {
        let mut passing = Vec::new();
        if self.sets.is_empty() {
            return Ok(passing);
        }
        let hashes = slots.iter().map(|slot| groups.index.hash(*slot) as i64);
        let numbers = slots.iter().map(|slot| groups.numbers[*slot as usize]);
        let groups: [ArrayRef; 2] = [
            Arc::new(Int64Array::from_iter_values(hashes)),
            Arc::new(Int64Array::from_iter_values(numbers)),
        ];
        for set in &mut self.sets {
            set.pass(columns, &groups, retract, now_ms, &mut passing)?;
        }
        Ok(passing)
    }

    /// Forgets the values whose time has come.
    pub fn expire(&mut self, now_ms: i64) -> Result<()> {
        self.sets.iter_mut().try_for_each(|set| set.expire(now_ms))
    }

    /// Whether any call is `DISTINCT`.
    pub fn has_tables(&self) -> bool {
        !self.sets.is_empty()
    }

    /// Whether no value is in memory.
    pub fn is_empty(&self) -> bool {
        self.sets.iter().all(|set| set.seen.index.is_empty())
    }

    /// The state tables.
    pub fn tables(&mut self) -> impl Iterator<Item = &mut dyn Checkpointed> {
        self.sets.iter_mut().map(|set| &mut set.seen as &mut dyn Checkpointed)
    }
}

impl Set {
    fn expire(&mut self, now_ms: i64) -> Result<()> {
        let expired = self.seen.ttl.expired(now_ms);
        if !expired.is_empty() {
            self.seen.touch(&expired)?;
            self.seen.forget(&expired);
        }
        Ok(())
    }

    fn pass(
        &mut self,
        columns: &[ArrayRef],
        groups: &[ArrayRef; 2],
        retract: Option<&[bool]>,
        now_ms: i64,
        passing: &mut Vec<ArrayRef>,
    ) -> Result<()> {
        let masks: Vec<Option<BooleanBuffer>> =
            self.filters.iter().map(|filter| mask(columns, *filter)).collect::<Result<_>>()?;
        let rows = groups[0].len();
        let Candidates { rows: chosen, keys } = self.candidates(columns, groups, &masks)?;
        let chosen = chosen.as_ref().map(|chosen| &chosen.values()[..]);
        let looked_up = chosen.map_or(rows, <[u32]>::len);
        self.seen.fetch(&keys, looked_up)?;
        // What came back from disk may have been there for too long.
        self.expire(now_ms)?;
        let slots = self.seen.slots(&keys, looked_up)?;
        self.seen.touch(&slots)?;
        let seen = &mut *self.seen;
        let mut passed: Vec<BooleanBufferBuilder> = masks
            .iter()
            .map(|_| {
                let mut none = BooleanBufferBuilder::new(rows);
                none.append_n(rows, false);
                none
            })
            .collect();
        for (at, slot) in slots.iter().enumerate() {
            let row = chosen.map_or(at, |chosen| chosen[at] as usize);
            let taken_away = retract.is_some_and(|retract| retract[row]);
            for (filter, mask) in masks.iter().enumerate() {
                if mask.as_ref().is_none_or(|mask| mask.value(row))
                    && seen.change(*slot, filter, taken_away)
                {
                    passed[filter].set_bit(row, true);
                }
            }
            seen.ttl.touch(*slot, now_ms);
        }
        seen.drop_unseen(slots);
        let column = |mut passed: BooleanBufferBuilder| -> ArrayRef {
            Arc::new(BooleanArray::new(passed.finish(), None))
        };
        passing.extend(passed.into_iter().map(column));
        Ok(())
    }

    /// The rows that pass any filter, and their keys.
    fn candidates(
        &self,
        columns: &[ArrayRef],
        groups: &[ArrayRef; 2],
        masks: &[Option<BooleanBuffer>],
    ) -> Result<Candidates> {
        let args = self.args.iter().map(|arg| one_nan(&columns[*arg]));
        let keys: Vec<ArrayRef> = groups.iter().cloned().chain(args).collect();
        let mut masks = masks.iter();
        let any = masks
            .next()
            .cloned()
            .flatten()
            .and_then(|first| masks.try_fold(first, |any, mask| Some(&any | mask.as_ref()?)));
        let Some(any) = any else { return Ok(Candidates { rows: None, keys }) };
        let rows = UInt32Array::from_iter_values(any.set_indices().map(|row| row as u32));
        let keys = keys.iter().map(|key| Ok(take(key, &rows, None)?)).collect::<Result<_>>()?;
        Ok(Candidates { rows: Some(rows), keys })
    }
}

/// The rows for which a filter is true; `None`: all.
fn mask(columns: &[ArrayRef], filter: Option<usize>) -> Result<Option<BooleanBuffer>> {
    let Some(column) = filter else { return Ok(None) };
    let booleans = columns.get(column).and_then(|column| column.as_boolean_opt());
    let booleans =
        booleans.ok_or_else(|| Error::internal("the filter of an aggregate is not boolean"))?;
    Ok(Some(match booleans.nulls() {
        None => booleans.values().clone(),
        Some(nulls) => booleans.values() & nulls.inner(),
    }))
}

/// Doubles equal in Java have equal bits: all NaNs are one.
fn one_nan(column: &ArrayRef) -> ArrayRef {
    if let Some(doubles) = column.as_primitive_opt::<Float64Type>()
        && doubles.values().iter().any(|value| value.is_nan())
    {
        let one = |value: f64| if value.is_nan() { f64::NAN } else { value };
        return Arc::new(doubles.unary::<_, Float64Type>(one));
    }
    if let Some(floats) = column.as_primitive_opt::<Float32Type>()
        && floats.values().iter().any(|value| value.is_nan())
    {
        let one = |value: f32| if value.is_nan() { f32::NAN } else { value };
        return Arc::new(floats.unary::<_, Float32Type>(one));
    }
    column.clone()
}
