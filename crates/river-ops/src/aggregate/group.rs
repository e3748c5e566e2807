//! Updating `GROUP BY` (`GroupAggFunction`; with mini-batch `MiniBatchGroupAggFunction`).
//!
//! For every input row: `+I` when its group begins, `-U`/`+U` when the results change, `-D` when
//! the last record is taken away. An update that changes nothing is not sent, unless state has a
//! time to live: then it tells operators below that the group lives. A retraction of a group that
//! is not there is passed over.
//!
//! A group that ends and begins anew in one batch gets another slot, so that all rows of a batch
//! can be aggregated in one call.

use arrow_array::{ArrayRef, UInt32Array};
use arrow_buffer::BooleanBuffer;
use hashbrown::{HashMap, HashSet};
use river_core::plan::AggregateCall;
use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Batch, Mark, Operator, Output, Result, Status};

use self::distinct::Distinct;
use self::groups::Groups;
use super::calls::Calls;
use crate::change::Changes;

mod changed;
mod distinct;
mod groups;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

/// What a group aggregate is made of.
pub struct Spec<'a> {
    /// Columns of the input.
    pub input: &'a [Field],
    /// Grouping columns.
    pub keys: &'a [usize],
    /// The calls.
    pub calls: &'a [AggregateCall],
    /// Whether the input takes rows back.
    pub retract: bool,
    /// Whether `-U` rows are wanted.
    pub emit_update_before: bool,
    /// One change a group and batch instead of one a row.
    pub mini_batch: bool,
    /// Time to live of a group since its last row, milliseconds; 0 = for ever.
    pub ttl_ms: u64,
}

/// The operator.
pub struct GroupAggregate {
    keys: Vec<usize>,
    emit_update_before: bool,
    mini_batch: bool,
    retract: bool,
    groups: Keyed<Groups>,
    distinct: Distinct,
    ttl_ms: i64,
    next_sweep_ms: Option<i64>,
    slots: Vec<u32>,
}

/// What one batch does to the groups.
#[derive(Default)]
struct Steps {
    /// Rows that count, and for each its slot and the kind of change it makes.
    rows: Vec<u32>,
    slots: Vec<u32>,
    kinds: Vec<RowKind>,
    /// Slots whose group has ended.
    ended: HashSet<u32>,
    /// Ended slots whose key has a new slot.
    renewed: HashMap<u32, u32>,
    /// Slots of retractions that found no group.
    missed: Vec<u32>,
}

impl GroupAggregate {
    /// An operator without groups.
    pub fn new(spec: &Spec) -> Result<GroupAggregate> {
        let (distinct, plain) = Distinct::new(spec)?;
        let calls = Calls::new(&plain, spec.input, spec.retract)?;
        Ok(GroupAggregate {
            keys: spec.keys.to_vec(),
            emit_update_before: spec.emit_update_before,
            mini_batch: spec.mini_batch,
            retract: spec.retract,
            groups: Keyed::new(Groups::new(spec, calls, distinct.has_tables())?),
            distinct,
            ttl_ms: i64::try_from(spec.ttl_ms).unwrap_or(i64::MAX),
            next_sweep_ms: None,
            slots: Vec::new(),
        })
    }

    /// Counts records and decides what each row does to its group.
    fn steps(&mut self, batch: &Batch, slots: &[u32]) -> Result<Steps> {
        let mut steps = Steps::default();
        let kinds = batch.kinds.as_deref();
        for (row, slot) in slots.iter().enumerate() {
            let mut slot = *slot;
            if !steps.ended.is_empty() {
                while let Some(new) = steps.renewed.get(&slot) {
                    slot = *new;
                }
            }
            let taken_away = kinds.is_some_and(|kinds| kinds[row] & 1 == 1);
            let kind = if taken_away {
                match self.groups.counts[slot as usize] {
                    0 => {
                        steps.missed.push(slot);
                        continue;
                    }
                    1 => {
                        steps.ended.insert(slot);
                        RowKind::Delete
                    }
                    _ => RowKind::UpdateAfter,
                }
            } else if self.groups.counts[slot as usize] == 0 {
                if steps.ended.contains(&slot) {
                    let new = self.groups.renew(slot)?;
                    steps.renewed.insert(slot, new);
                    slot = new;
                }
                self.groups.begin(slot);
                RowKind::Insert
            } else {
                RowKind::UpdateAfter
            };
            self.groups.counts[slot as usize] += if taken_away { -1 } else { 1 };
            steps.rows.push(row as u32);
            steps.slots.push(slot);
            steps.kinds.push(kind);
        }
        Ok(steps)
    }

    /// Which updates are to be sent; `None`: all of them.
    fn changed(
        &self,
        results: &[(ArrayRef, ArrayRef)],
        rows: usize,
    ) -> Result<Option<BooleanBuffer>> {
        (self.ttl_ms == 0).then(|| changed::changed(results, rows)).transpose()
    }

    /// Frees the slots of ended groups.
    fn clean(&mut self, steps: &Steps) {
        let ended: Vec<u32> = steps.ended.iter().copied().collect();
        self.groups.calls.reset(&ended);
        for slot in ended {
            if steps.renewed.contains_key(&slot) {
                self.groups.index.release(slot);
            } else {
                self.groups.index.remove(slot);
            }
        }
        for slot in &steps.missed {
            if self.groups.counts[*slot as usize] == 0 && !steps.ended.contains(slot) {
                self.groups.index.remove(*slot);
            }
        }
    }

    fn process_rows(&mut self, batch: &Batch, slots: &[u32], now_ms: i64) -> Result<Batch> {
        let steps = if batch.kinds.is_some() || self.retract {
            self.steps(batch, slots)?
        } else {
            self.steps_of_inserts(slots)
        };
        let all = steps.rows.len() == batch.rows;
        let chosen;
        let batch_of_rows = if all {
            batch
        } else {
            chosen = batch.take(&UInt32Array::from(steps.rows.clone()))?;
            &chosen
        };
        let retract = batch_of_rows.retractions();
        let columns = self.arguments(batch_of_rows, &steps.slots, retract.as_deref(), now_ms)?;
        let results =
            self.groups.calls.update_running(&columns, &steps.slots, retract.as_deref())?;
        let changed = self.changed(&results, steps.rows.len())?;
        let mut changes = Changes::with_capacity(steps.rows.len() * 2);
        let mut marks = batch.marks.iter().peekable();
        for (at, (row, kind)) in steps.rows.iter().zip(&steps.kinds).enumerate() {
            while let Some(mark) = marks.next_if(|mark| mark.offset <= *row as usize) {
                changes.mark(mark.watermark);
            }
            match kind {
                RowKind::Insert => changes.after(RowKind::Insert, at),
                RowKind::Delete => changes.before(RowKind::Delete, at),
                _ if changed.as_ref().is_some_and(|changed| !changed.value(at)) => {}
                _ => {
                    if self.emit_update_before {
                        changes.before(RowKind::UpdateBefore, at);
                    }
                    changes.after(RowKind::UpdateAfter, at);
                }
            }
        }
        marks.for_each(|mark| changes.mark(mark.watermark));
        let keys: Vec<&ArrayRef> = self.keys.iter().map(|key| &columns[*key]).collect();
        let output = changes.finish(&keys, &results)?;
        self.clean(&steps);
        Ok(output)
    }

    /// The columns that the calls read: the input's, and which rows `DISTINCT` lets pass.
    fn arguments(
        &mut self,
        batch: &Batch,
        slots: &[u32],
        retract: Option<&[bool]>,
        now_ms: i64,
    ) -> Result<Vec<ArrayRef>> {
        let mut columns = batch.columns.clone();
        columns.extend(self.distinct.pass(&columns, slots, &self.groups, retract, now_ms)?);
        Ok(columns)
    }

    /// [`GroupAggregate::steps`] where nothing is taken away.
    fn steps_of_inserts(&mut self, slots: &[u32]) -> Steps {
        let groups = &mut *self.groups;
        let kinds = slots.iter().map(|slot| {
            let first = groups.counts[*slot as usize] == 0;
            if first {
                groups.begin(*slot);
            }
            groups.counts[*slot as usize] += 1;
            if first { RowKind::Insert } else { RowKind::UpdateAfter }
        });
        let kinds = kinds.collect();
        Steps {
            rows: (0..slots.len() as u32).collect(),
            slots: slots.to_vec(),
            kinds,
            ..Steps::default()
        }
    }

    /// One change for each group of the batch.
    fn process_bundle(&mut self, batch: &Batch, slots: &[u32], now_ms: i64) -> Result<Batch> {
        let kinds = batch.kinds.as_deref();
        let mut groups: Vec<u32> = Vec::new();
        let mut first_row: Vec<u32> = Vec::new();
        let mut existed: Vec<bool> = Vec::new();
        let mut seen: HashSet<u32> = HashSet::new();
        let mut missed: HashSet<u32> = HashSet::new();
        let (mut rows, mut kept) = (Vec::new(), Vec::new());
        for (row, slot) in slots.iter().enumerate() {
            let taken_away = kinds.is_some_and(|kinds| kinds[row] & 1 == 1);
            let count = self.groups.counts[*slot as usize];
            if !seen.contains(slot) {
                if taken_away && count == 0 {
                    missed.insert(*slot);
                    continue;
                }
                seen.insert(*slot);
                groups.push(*slot);
                first_row.push(row as u32);
                existed.push(count != 0);
                if count == 0 {
                    self.groups.begin(*slot);
                }
            }
            self.groups.counts[*slot as usize] += if taken_away { -1 } else { 1 };
            rows.push(row as u32);
            kept.push(*slot);
        }
        let before = self.groups.calls.values(&groups)?;
        let chosen = batch.take(&UInt32Array::from(rows))?;
        let retract = chosen.retractions();
        let columns = self.arguments(&chosen, &kept, retract.as_deref(), now_ms)?;
        self.groups.calls.update(&columns, &kept, retract.as_deref())?;
        let after = self.groups.calls.values(&groups)?;
        let results: Vec<(ArrayRef, ArrayRef)> = before.into_iter().zip(after).collect();
        let changed = self.changed(&results, groups.len())?;
        let output = self.bundle_changes(&groups, &existed, changed.as_ref());
        let indices = UInt32Array::from(first_row);
        let keys: Vec<ArrayRef> = self
            .keys
            .iter()
            .map(|key| arrow_select::take::take(&batch.columns[*key], &indices, None))
            .collect::<std::result::Result<_, _>>()?;
        let mut output = output.finish(&keys.iter().collect::<Vec<_>>(), &results)?;
        output.marks = batch
            .marks
            .last()
            .map(|mark| Mark { offset: output.rows, watermark: mark.watermark })
            .into_iter()
            .collect();
        let empty: HashSet<u32> = groups
            .iter()
            .chain(&missed)
            .copied()
            .filter(|s| self.groups.counts[*s as usize] == 0)
            .collect();
        let empty: Vec<u32> = empty.into_iter().collect();
        self.groups.remove(&empty);
        Ok(output)
    }

    fn bundle_changes(
        &self,
        groups: &[u32],
        existed: &[bool],
        changed: Option<&BooleanBuffer>,
    ) -> Changes {
        let mut changes = Changes::with_capacity(groups.len() * 2);
        for (at, slot) in groups.iter().enumerate() {
            match (existed[at], self.groups.counts[*slot as usize] == 0) {
                (true, true) => changes.before(RowKind::Delete, at),
                (false, true) => {}
                (false, false) => changes.after(RowKind::Insert, at),
                (true, false) if changed.is_some_and(|changed| !changed.value(at)) => {}
                (true, false) => {
                    if self.emit_update_before {
                        changes.before(RowKind::UpdateBefore, at);
                    }
                    changes.after(RowKind::UpdateAfter, at);
                }
            }
        }
        changes
    }
}

impl Operator for GroupAggregate {
    fn process(
        &mut self,
        _: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        if batch.rows == 0 {
            out.push(Batch { marks: batch.marks, ..Batch::default() });
            return Ok(Status::Done);
        }
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| batch.columns[*key].clone()).collect();
        let mut slots = std::mem::take(&mut self.slots);
        let groups = &mut self.groups;
        groups.fetch(&keys, batch.rows)?;
        groups.index.lookup_or_insert(&keys, batch.rows, &mut slots)?;
        groups.touch(&slots)?;
        groups.grow();
        let now_ms = now_ms(now);
        if self.ttl_ms > 0 {
            groups.write(&slots, now_ms);
            self.next_sweep_ms.get_or_insert(now_ms.saturating_add(self.ttl_ms));
        }
        let output = if self.mini_batch {
            self.process_bundle(&batch, &slots, now_ms)?
        } else {
            self.process_rows(&batch, &slots, now_ms)?
        };
        self.slots = slots;
        out.push(output);
        Ok(Status::Done)
    }

    fn next_timer_ms(&self) -> Option<i64> {
        self.next_sweep_ms
    }

    /// Frees the memory of expired groups. Nothing is sent: Flink sends nothing either.
    fn on_timer(&mut self, now: &EvalContext, _: &mut Output) -> Result<Status> {
        let now_ms = now_ms(now);
        let expired = self.groups.expired(now_ms);
        self.groups.touch(&expired)?;
        self.groups.remove(&expired);
        self.distinct.expire(now_ms)?;
        let alive = !self.groups.index.is_empty() || !self.distinct.is_empty();
        self.next_sweep_ms = alive.then(|| now_ms.saturating_add(self.ttl_ms));
        Ok(Status::Done)
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        let groups: &mut dyn Checkpointed = &mut self.groups;
        std::iter::once(groups).chain(self.distinct.tables()).collect()
    }

    fn restore_local(&mut self, _: &[Vec<u8>]) -> Result<()> {
        // Some may have expired while nobody ran.
        let is_empty = self.groups.index.is_empty() && self.distinct.is_empty();
        self.next_sweep_ms = (self.ttl_ms > 0 && !is_empty).then_some(0);
        Ok(())
    }
}
