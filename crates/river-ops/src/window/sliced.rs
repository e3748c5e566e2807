//! Aggregation in tumbling, hopping and cumulating windows, and in windows that the input already
//! has (`SlicingWindowOperator`, `SliceSharedWindowAggProcessor`, and the legacy
//! `WindowOperator`, which gives the same results).
//!
//! Each row updates one slot: that of its slice and key. A window that ends merges its slices. Rows
//! whose last window has ended are late and dropped; of those that still have a window to come,
//! only later windows know. A window whose records were all taken back is not sent.
//!
//! Slots of cumulating windows: a slice's slots are merged into the *base* slots of their window's
//! start when the slice ends, and the base is what is sent.

use std::collections::BTreeSet;

use arrow_array::ArrayRef;
use river_core::Field;
use river_core::plan::{AggregateCall, Window, WindowProperty, WindowTime};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{Checkpointed, KeyIndex, Keyed};
use river_runtime::{Batch, MAX_WATERMARK, Operator, Output, Result, Status};

use super::assign::Aligned;
use super::fire::{self, pick, push_mark, time_column, times, word_column};
use super::progress::Progress;
use super::slices::{NEW, SliceId, Slices};
use super::span::bring_back;
use super::zone::Zone;
use crate::pending::Pending;

#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

/// What a window aggregate is made of.
pub struct Spec<'a> {
    /// Columns of the input.
    pub input: &'a [Field],
    /// Columns of the output.
    pub output: &'a [Field],
    /// The windows.
    pub window: &'a Window,
    /// Grouping columns besides the window.
    pub keys: &'a [usize],
    /// The calls.
    pub calls: &'a [AggregateCall],
    /// Window columns appended.
    pub properties: &'a [WindowProperty],
    /// Whether the input takes rows back.
    pub retract: bool,
    /// Number of key groups.
    pub max_parallelism: u32,
}

/// Where the windows of rows come from.
enum Source {
    Rowtime(usize),
    Proctime,
    Attached { start: usize, end: usize, event_time: bool },
}

/// The operator.
pub struct SlicedAggregate {
    source: Source,
    /// `None`: the input's own windows.
    aligned: Option<Aligned>,
    zone: Zone,
    keys: Vec<usize>,
    properties: Vec<(WindowProperty, Field)>,
    state: Keyed<Slices>,
    /// Windows to come, by end (and start, if the input has them).
    windows: BTreeSet<SliceId>,
    progress: Progress,
    pending: Pending,
    /// End of the window last asked for and when it is complete.
    trigger: (i64, i64),
}

/// Rows not aggregated yet.
#[derive(Default)]
struct Waiting {
    rows: Vec<u32>,
    ids: Vec<SliceId>,
    /// When the first of their windows ends.
    first_trigger: Option<i64>,
}

fn base_of(start: i64) -> SliceId {
    (start, 1)
}

impl SlicedAggregate {
    /// An operator without windows.
    pub fn new(spec: &Spec) -> Result<SlicedAggregate> {
        let source = match spec.window.time {
            WindowTime::Rowtime(column) => Source::Rowtime(column),
            WindowTime::Proctime => Source::Proctime,
            WindowTime::Attached { start, end, event_time } => {
                Source::Attached { start, end, event_time }
            }
        };
        let aligned = match source {
            Source::Attached { .. } => None,
            _ => Some(Aligned::new(&spec.window.kind)?),
        };
        let first_property = spec.output.len().saturating_sub(spec.properties.len());
        let fields = spec.output[first_property..].iter().cloned();
        Ok(SlicedAggregate {
            source,
            aligned,
            zone: Zone::new(spec.window.zone.as_deref())?,
            keys: spec.keys.to_vec(),
            properties: spec.properties.iter().copied().zip(fields).collect(),
            state: Keyed::new(Slices::new(spec)?),
            windows: BTreeSet::new(),
            progress: Progress::new(spec.max_parallelism),
            pending: Pending::default(),
            trigger: (i64::MAX, i64::MAX),
        })
    }

    fn event_time(&self) -> bool {
        match self.source {
            Source::Rowtime(_) => true,
            Source::Proctime => false,
            Source::Attached { event_time, .. } => event_time,
        }
    }

    /// The watermark or clock at which the window that ends there is complete.
    fn trigger(&mut self, end: i64) -> i64 {
        if self.trigger.0 != end {
            self.trigger = (end, self.zone.trigger(end));
        }
        self.trigger.1
    }

    /// The slice of each row of the batch.
    fn slice_ids(&mut self, batch: &Batch, now: &EvalContext) -> Result<Vec<SliceId>> {
        if let Source::Attached { start, end, .. } = self.source {
            let (starts, ends) = (times(&batch.columns[start])?, times(&batch.columns[end])?);
            return Ok(ends.iter().copied().zip(starts.iter().copied()).collect());
        }
        let Some(aligned) = self.aligned else { return Ok(Vec::new()) };
        let Source::Rowtime(column) = self.source else {
            let local = self.zone.to_local(now_ms(now));
            return Ok(vec![(aligned.slice_end(local), 0); batch.rows]);
        };
        let times = times(&batch.columns[column])?;
        let mut ids = Vec::with_capacity(batch.rows);
        if self.zone.is_utc() {
            ids.extend(times.iter().map(|time| (aligned.slice_end(*time), 0)));
        } else {
            let zone = &mut self.zone;
            ids.extend(times.iter().map(|time| (aligned.slice_end(zone.to_local(*time)), 0)));
        }
        Ok(ids)
    }

    /// Takes a row unless it is late at `progress`.
    fn take(&mut self, row: u32, id: SliceId, progress: i64, waiting: &mut Waiting) {
        let (first, last) = match &self.aligned {
            None => (id.0, id.0),
            Some(aligned) => (aligned.first_window_end(id.0), aligned.last_window_end(id.0)),
        };
        let fired = self.event_time() && self.trigger(first) <= progress;
        if first > last || fired && (first == last || self.trigger(last) <= progress) {
            return;
        }
        let mut id = id;
        if fired && matches!(self.aligned, Some(Aligned::Cumulate { .. })) {
            // Its slice is part of the base by now.
            let start = self.aligned.map_or(0, |aligned| aligned.start_of(id.0));
            id = base_of(start);
        }
        let trigger = self.trigger(first);
        waiting.first_trigger = Some(waiting.first_trigger.map_or(trigger, |t| t.min(trigger)));
        waiting.rows.push(row);
        waiting.ids.push(id);
    }

    /// Aggregates the rows taken so far.
    fn flush(&mut self, batch: &Batch, waiting: &mut Waiting) -> Result<()> {
        if waiting.rows.is_empty() {
            return Ok(());
        }
        let columns = pick(&batch.columns, &waiting.rows)?;
        let (ends, starts) = waiting.ids.iter().copied().unzip();
        let mut keys = vec![word_column(ends), word_column(starts)];
        keys.extend(self.keys.iter().map(|key| columns[*key].clone()));
        let mut slots = Vec::new();
        self.state.fetch(&keys, waiting.rows.len())?;
        self.state.index.lookup_or_insert(&keys, waiting.rows.len(), &mut slots)?;
        self.state.touch(&slots)?;
        let capacity = self.state.index.capacity();
        self.state.grow(capacity);
        let retract: Option<Vec<bool>> = batch
            .kinds
            .as_ref()
            .map(|kinds| waiting.rows.iter().map(|row| kinds[*row as usize] & 1 == 1).collect());
        self.state.calls.update(&columns, &slots, retract.as_deref())?;
        for (at, slot) in slots.iter().enumerate() {
            let taken_away = retract.as_ref().is_some_and(|retract| retract[at]);
            let id = waiting.ids[at];
            if self.state.count(*slot, id, if taken_away { -1 } else { 1 }) {
                self.plan_windows(id, !self.event_time());
            }
        }
        *waiting = Waiting::default();
        Ok(())
    }

    /// Notes the windows to come of a slice: all that it belongs to, or those not sent yet.
    fn plan_windows(&mut self, id: SliceId, all: bool) {
        let Some(aligned) = self.aligned else {
            self.windows.insert(id);
            return;
        };
        let base = id.1 == 1;
        let slice_end = if base { aligned.slice_end(id.0) } else { id.0 };
        let last = aligned.last_window_end(slice_end);
        let mut end = aligned.first_window_end(slice_end);
        // A slice of only one window is gone once that is sent.
        let all = all || end == last;
        while end <= last {
            if all || self.zone.trigger(end) > self.progress.now() {
                self.windows.insert((end, 0));
            }
            end = aligned.next_window_end(end);
        }
    }

    /// Sends every window that is complete at `progress`.
    fn advance(&mut self, progress: i64) -> Result<()> {
        while let Some(window) = self.windows.first().copied() {
            if self.trigger(window.0) > progress {
                break;
            }
            self.windows.pop_first();
            let batch = self.fire(window)?;
            self.pending.push(batch);
        }
        self.progress.advance(progress);
        Ok(())
    }

    /// The result of a window; forgets what no later window needs.
    fn fire(&mut self, window: SliceId) -> Result<Batch> {
        match self.aligned {
            Some(Aligned::Hop { slide, size, slice, .. }) if size > slice => {
                let result = self.fire_shared(window.0, size)?;
                // Slices whose last window this was.
                let oldest_needed = window.0 + slide - size;
                let old = self.state.slots.range(..=(oldest_needed, 0));
                let gone: Vec<SliceId> = old.map(|(id, _)| *id).collect();
                for id in gone {
                    let slots = self.state.slots.remove(&id).unwrap_or_default();
                    self.forget(&slots)?;
                }
                Ok(result)
            }
            Some(aligned @ Aligned::Cumulate { .. }) => self.fire_cumulated(window.0, &aligned),
            _ => {
                let start = match self.aligned {
                    None => window.1,
                    Some(aligned) => aligned.start_of(window.0),
                };
                self.bring_back(window)?;
                let slots = self.state.slots.remove(&window).unwrap_or_default();
                let result = self.results(&slots, &slots, (start, window.0))?;
                self.forget(&slots)?;
                Ok(result)
            }
        }
    }

    fn fire_shared(&mut self, end: i64, size: i64) -> Result<Batch> {
        // Newest slice first, as `HoppingSlicesIterable` goes.
        let range = (end - size + 1, i64::MIN)..=(end, i64::MAX);
        let ids: Vec<SliceId> = self.state.slots.range(range.clone()).map(|(id, _)| *id).collect();
        ids.into_iter().try_for_each(|id| self.bring_back(id))?;
        let state = &mut self.state;
        let slices = state.slots.range(range).rev();
        let slots: Vec<u32> = slices.flat_map(|(_, slots)| slots.iter().copied()).collect();
        let keys = state.grouping_of(&slots)?;
        // The same keys without the slice, while windows merge.
        let mut groups = KeyIndex::new(&state.grouping())?;
        let mut group_of = Vec::new();
        groups.lookup_or_insert(&keys, slots.len(), &mut group_of)?;
        // Slots beyond the index's own hold the sums for a moment.
        let base = state.index.capacity() as u32;
        let sums: Vec<u32> = group_of.iter().map(|group| base + group).collect();
        state.grow(base as usize + groups.len());
        state.calls.merge(&slots, &sums)?;
        let mut first_slots = vec![u32::MAX; groups.len()];
        for (slot, group) in slots.iter().zip(&group_of) {
            let sum = (base + group) as usize;
            let count = state.counts[*slot as usize];
            let so_far = &mut state.counts[sum];
            *so_far = if *so_far == NEW { count } else { *so_far + count };
            if first_slots[*group as usize] == u32::MAX {
                first_slots[*group as usize] = *slot;
            }
        }
        let sums: Vec<u32> = (base..base + groups.len() as u32).collect();
        let result = self.results(&first_slots, &sums, (end - size, end))?;
        self.state.calls.reset(&sums);
        sums.iter().for_each(|sum| self.state.counts[*sum as usize] = NEW);
        Ok(result)
    }

    fn fire_cumulated(&mut self, end: i64, aligned: &Aligned) -> Result<Batch> {
        let start = aligned.start_of(end);
        self.bring_back((end, 0))?;
        self.bring_back(base_of(start))?;
        self.merge_into_base((end, 0), base_of(start))?;
        let base = self.state.slots.remove(&base_of(start)).unwrap_or_default();
        let result = self.results(&base, &base, (start, end))?;
        if end == aligned.last_window_end(end) {
            self.forget(&base)?;
        } else {
            self.state.slots.insert(base_of(start), base);
        }
        Ok(result)
    }

    /// Makes a slice part of its window's base.
    fn merge_into_base(&mut self, slice: SliceId, base: SliceId) -> Result<()> {
        let Some(slots) = self.state.slots.remove(&slice) else { return Ok(()) };
        let state = &mut self.state;
        let mut keys = state.index.key_columns(&slots)?;
        keys[0] = word_column(vec![base.0; slots.len()]);
        keys[1] = word_column(vec![base.1; slots.len()]);
        let mut into = Vec::new();
        state.fetch(&keys, slots.len())?;
        state.index.lookup_or_insert(&keys, slots.len(), &mut into)?;
        state.touch(&into)?;
        let capacity = state.index.capacity();
        state.grow(capacity);
        state.calls.merge(&slots, &into)?;
        for (slot, into) in slots.iter().zip(into) {
            let count = state.counts[*slot as usize];
            state.count(into, base, count);
        }
        self.forget(&slots)
    }

    /// Rows of a window: keys of `key_slots`, results of `slots` that hold records.
    fn results(&self, key_slots: &[u32], slots: &[u32], window: (i64, i64)) -> Result<Batch> {
        let full = |slot: &u32| self.state.counts[*slot as usize] != 0;
        let (mut key_slots, mut slots) = (key_slots.to_vec(), slots.to_vec());
        if !slots.iter().all(full) {
            let pairs = key_slots.iter().copied().zip(slots.iter().copied());
            (key_slots, slots) = pairs.filter(|(_, slot)| full(slot)).unzip();
        }
        let mut columns = self.state.grouping_of(&key_slots)?;
        let sent = self.sent_before(&columns, slots.len(), window.1)?;
        if sent.contains(&true) {
            let pairs = key_slots.into_iter().zip(slots).zip(&sent);
            (key_slots, slots) = pairs.filter(|(_, sent)| !**sent).map(|(pair, _)| pair).unzip();
            columns = self.state.grouping_of(&key_slots)?;
        }
        if slots.is_empty() {
            return Ok(Batch::default());
        }
        columns.extend(self.state.calls.values(&slots)?);
        for (property, field) in &self.properties {
            let value = fire::property(*property, window, field, &self.zone);
            columns.push(time_column(vec![value; slots.len()], field)?);
        }
        Ok(Batch::new(columns, slots.len()))
    }

    /// For each key whether its old subtask has sent the window that ends there.
    fn sent_before(&self, keys: &[ArrayRef], rows: usize, end: i64) -> Result<Vec<bool>> {
        let all: Vec<usize> = (0..keys.len()).collect();
        let reached = self.progress.of_rows(keys, &all, rows)?;
        let trigger = self.zone.trigger(end);
        Ok(reached.iter().map(|reached| trigger <= *reached).collect())
    }

    /// Brings the keys of a slice that are on disk back to memory.
    fn bring_back(&mut self, (end, start): SliceId) -> Result<()> {
        bring_back(&mut self.state, &[[end, start]])
    }

    /// Empties slots that are filed no more.
    fn forget(&mut self, slots: &[u32]) -> Result<()> {
        self.state.touch(slots)?;
        self.state.remove(slots);
        Ok(())
    }
}

impl Operator for SlicedAggregate {
    fn process(
        &mut self,
        _: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        if !self.event_time() {
            self.advance(now_ms(now))?;
        }
        let ids = self.slice_ids(&batch, now)?;
        let reached = self.progress.of_rows(&batch.columns, &self.keys, batch.rows)?;
        let mut waiting = Waiting::default();
        let mut passed = Batch::default();
        for (range, watermark) in batch.segments() {
            for row in range {
                let progress = self.progress.at(&reached, row);
                self.take(row as u32, ids[row], progress, &mut waiting);
            }
            let Some(watermark) = watermark else { continue };
            if self.event_time() {
                let next = self.windows.first().map(|window| window.0);
                let due = next.is_some_and(|end| self.trigger(end) <= watermark)
                    || waiting.first_trigger.is_some_and(|trigger| trigger <= watermark);
                if due {
                    self.pending.push(std::mem::take(&mut passed));
                    self.flush(&batch, &mut waiting)?;
                    self.advance(watermark)?;
                }
                self.progress.advance(watermark);
            }
            push_mark(&mut passed, watermark);
        }
        self.pending.push(passed);
        self.flush(&batch, &mut waiting)?;
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }

    fn end_input(&mut self, _: usize, _: &EvalContext, out: &mut Output) -> Result<Status> {
        self.advance(MAX_WATERMARK)?;
        Ok(self.pending.drain(out))
    }

    fn next_timer_ms(&self) -> Option<i64> {
        if self.event_time() {
            return None;
        }
        self.windows.first().map(|window| self.zone.trigger(window.0))
    }

    fn on_timer(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        if !self.event_time() {
            self.advance(now_ms(now))?;
        }
        Ok(self.pending.drain(out))
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.state]
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(self.progress.save())
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        self.progress.restore(saved)?;
        let slices: Vec<SliceId> = self.state.slots.keys().copied().collect();
        slices.into_iter().for_each(|id| self.plan_windows(id, false));
        Ok(())
    }
}
