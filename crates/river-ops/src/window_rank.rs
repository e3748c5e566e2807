//! Top-N of the rows of each window and partition, sent when the window ends
//! (`StreamExecWindowRank`, `StreamExecWindowDeduplicate`). A row whose window has ended is
//! dropped. Only the best N rows are held.
//!
//! The first or last row by the event time of a window is a deduplication: among rows of the same
//! time the last to come wins the last place (`RowTimeDeduplicateRecordsCombiner`).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use river_core::plan::SortKey;
use river_core::types::TimeKind;
use river_core::{Field, LogicalType, RowKind};
use river_expr::EvalContext;
use river_runtime::state::{KeyIndex, RowStore};
use river_runtime::{Batch, Operator, OperatorContext, Output, Result, Status};

use crate::changes::Changes;
use crate::deduplicate::event_times;
use crate::one_row::{arrow_types, project};
use crate::order::{Order, StoredKey};
use crate::pending::Pending;
use crate::window::zone::Zone;

/// What a window Top-N is made of: the fields of the plan node.
pub struct WindowRankSpec<'a> {
    /// Partition columns besides the window.
    pub partition: &'a [usize],
    /// `window_start`, `window_end` columns.
    pub window: (usize, usize),
    /// Order within a partition.
    pub order: &'a [SortKey],
    /// First and last rank kept, from 1.
    pub ranks: (u64, u64),
    /// Whether the rank is appended.
    pub output_rank: bool,
}

/// The operator for a window Top-N of rows with the columns `input`.
pub fn create(
    input: &[Field],
    spec: &WindowRankSpec<'_>,
    context: &OperatorContext,
) -> Result<Box<dyn Operator>> {
    if Order::new(input, spec.order)?.is_small() {
        Ok(Box::new(WindowRank::<u128>::new(input, spec, context)?))
    } else {
        Ok(Box::new(WindowRank::<Box<[u8]>>::new(input, spec, context)?))
    }
}

/// The zone in which the window columns of that input are local times: that of the session if its
/// event time is an instant.
pub(crate) fn window_zone(input: &[Field], context: &OperatorContext) -> Result<Zone> {
    let instants = input.iter().any(|f| {
        matches!(f.ty.logical, LogicalType::TimestampLtz(..))
            && f.ty.logical.time_kind() != TimeKind::Regular
    });
    Zone::new(instants.then(|| context.session.zone.name()))
}

/// Holds the best rows of each window.
struct WindowRank<K> {
    order: Order,
    columns: Vec<usize>,
    window_end: usize,
    zone: Zone,
    ranks: (u64, u64),
    output_rank: bool,
    /// Of equal rows the last one comes first.
    latest_first: bool,
    keys: KeyIndex,
    store: RowStore,
    tops: Vec<Vec<(K, u32)>>,
    /// Slots by the watermark that ends their window, in order of their first row.
    windows: BTreeMap<i64, Vec<u32>>,
    watermark: i64,
    dead: Vec<u32>,
    pending: Pending,
}

impl<K: StoredKey> WindowRank<K> {
    fn new(
        input: &[Field],
        spec: &WindowRankSpec<'_>,
        context: &OperatorContext,
    ) -> Result<WindowRank<K>> {
        let types = arrow_types(input);
        let mut columns = vec![spec.window.0, spec.window.1];
        columns.extend(
            spec.partition.iter().filter(|c| !columns.contains(c)).copied().collect::<Vec<_>>(),
        );
        let key_types: Vec<_> = columns.iter().map(|c| types[*c].clone()).collect();
        let latest_first = match spec.order {
            [key] => {
                let kind = input[key.column].ty.logical.time_kind();
                spec.ranks == (1, 1) && key.descending && kind == TimeKind::Rowtime
            }
            _ => false,
        };
        Ok(WindowRank {
            order: Order::new(input, spec.order)?,
            columns,
            window_end: spec.window.1,
            zone: window_zone(input, context)?,
            ranks: spec.ranks,
            output_rank: spec.output_rank,
            latest_first,
            keys: KeyIndex::new(&key_types)?,
            store: RowStore::new(&types)?,
            tops: Vec::new(),
            windows: BTreeMap::new(),
            watermark: i64::MIN,
            dead: Vec::new(),
            pending: Pending::default(),
        })
    }

    fn insert(&mut self, slot: u32, trigger: i64, key: &[u8], row: u32) {
        let top = &mut self.tops[slot as usize];
        if top.is_empty() {
            self.windows.entry(trigger).or_default().push(slot);
        }
        let key = K::from_bytes(key);
        let latest_first = self.latest_first;
        let at = top.partition_point(|(k, _)| *k < key || (!latest_first && *k == key));
        if at as u64 >= self.ranks.1 {
            self.dead.push(row);
            return;
        }
        top.insert(at, (key, row));
        if top.len() as u64 > self.ranks.1 {
            self.dead.extend(top.pop().map(|(_, row)| row));
        }
    }

    fn fire(&mut self, watermark: i64, changes: &mut Changes) {
        self.watermark = self.watermark.max(watermark);
        while let Some(window) = self.windows.first_entry() {
            if *window.key() > watermark {
                break;
            }
            for slot in window.remove() {
                let top = std::mem::take(&mut self.tops[slot as usize]);
                for (rank, (_, row)) in (1..).zip(top) {
                    self.dead.push(row);
                    if rank < self.ranks.0 {
                        continue;
                    }
                    if self.output_rank {
                        changes.push_ranked(row, RowKind::Insert, rank);
                    } else {
                        changes.push(row, RowKind::Insert);
                    }
                }
            }
        }
        changes.mark(watermark);
    }

    /// Slots of windows that are no longer held go once the batch is done.
    fn finish(&mut self, slots: &[u32]) {
        self.store.remove(&self.dead);
        self.dead.clear();
        let mut slots = slots.to_vec();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            if self.tops[slot as usize].is_empty() {
                self.keys.remove(slot);
            }
        }
    }
}

impl<K: StoredKey> Operator for WindowRank<K> {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        _now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let mut slots = Vec::new();
        let (mut ids, mut ends): (Vec<u32>, &[i64]) = (Vec::new(), &[]);
        if batch.rows > 0 {
            let columns = project(&batch.columns, &self.columns);
            self.keys.lookup_or_insert(&columns, batch.rows, &mut slots)?;
            self.tops.resize_with(self.keys.capacity().max(self.tops.len()), Vec::new);
            let all: Vec<u32> = (0..batch.rows as u32).collect();
            self.store.append(&batch.columns, &all, &mut ids)?;
            ends = event_times(&batch, self.window_end)?;
        }
        let keys = self.order.keys(&batch.columns)?;
        let mut changes = Changes::default();
        let mut touched = slots.clone();
        for (range, watermark) in batch.segments() {
            for row in range {
                let trigger = self.zone.trigger(ends[row]);
                if trigger <= self.watermark {
                    self.dead.push(ids[row]);
                } else {
                    self.insert(slots[row], trigger, keys.get(row), ids[row]);
                }
            }
            if let Some(watermark) = watermark {
                touched.extend(self.windows.range(..=watermark).flat_map(|(_, slots)| slots));
                self.fire(watermark, &mut changes);
            }
        }
        self.pending.push(changes.into_batch(&batch.columns, &self.store)?);
        self.finish(&touched);
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }
}
