//! Top-N of the rows of each window and partition, sent when the window ends
//! (`StreamExecWindowRank`, `StreamExecWindowDeduplicate`). A row whose window has ended is
//! dropped. Only the best N rows are held.
//!
//! The first or last row by the event time of a window is a deduplication: among rows of the same
//! time the last to come wins the last place (`RowTimeDeduplicateRecordsCombiner`).

#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;
mod tops;

use river_core::plan::SortKey;
use river_core::types::TimeKind;
use river_core::{Field, LogicalType, RowKind};
use river_expr::EvalContext;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Batch, Operator, OperatorContext, Output, Result, Status};

use self::tops::{Ending, Tops};
use crate::changes::Changes;
use crate::one_row::project;
use crate::order::{Order, StoredKey};
use crate::pending::Pending;
use crate::window::progress::Progress;
use crate::window::span::{Span, Spans, bring_back, spans};
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
    state: Keyed<Tops<K>>,
    ranks: (u64, u64),
    output_rank: bool,
    /// Of equal rows the last one comes first.
    latest_first: bool,
    progress: Progress,
    dead: Vec<u32>,
    pending: Pending,
}

impl<K: StoredKey> WindowRank<K> {
    fn new(
        input: &[Field],
        spec: &WindowRankSpec<'_>,
        context: &OperatorContext,
    ) -> Result<WindowRank<K>> {
        let latest_first = match spec.order {
            [key] => {
                let kind = input[key.column].ty.logical.time_kind();
                spec.ranks == (1, 1) && key.descending && kind == TimeKind::Rowtime
            }
            _ => false,
        };
        Ok(WindowRank {
            state: Keyed::new(Tops::new(input, spec, context)?),
            ranks: spec.ranks,
            output_rank: spec.output_rank,
            latest_first,
            progress: Progress::new(context.max_parallelism),
            dead: Vec::new(),
            pending: Pending::default(),
        })
    }

    fn insert(&mut self, slot: u32, (trigger, span): (i64, Span), key: &[u8], row: u32) {
        self.state.plan(slot, trigger, span);
        let top = &mut self.state.tops[slot as usize];
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

    /// Sends the windows that end; the slots of their keys are added to `ended`.
    fn fire(&mut self, watermark: i64, changes: &mut Changes, ended: &mut Vec<u32>) -> Result<()> {
        self.progress.advance(watermark);
        while let Some((trigger, ending)) = self.state.windows.first_key_value() {
            let trigger = *trigger;
            if trigger > watermark {
                break;
            }
            let spans = ending.spans.clone();
            bring_back(&mut self.state, &spans)?;
            let Ending { slots, .. } = self.state.windows.remove(&trigger).unwrap_or_default();
            self.state.touch(&slots)?;
            for slot in &slots {
                let top = std::mem::take(&mut self.state.tops[*slot as usize]);
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
            ended.extend(slots);
        }
        changes.mark(watermark);
        Ok(())
    }

    /// Slots of windows that are no longer held go once the batch is done.
    fn finish(&mut self, slots: &[u32]) {
        self.state.store.remove(&self.dead);
        self.dead.clear();
        let mut slots = slots.to_vec();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            if self.state.tops[slot as usize].is_empty() {
                self.state.keys.remove(slot);
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
        let (mut ids, mut windows) = (Vec::new(), Spans::default());
        if batch.rows > 0 {
            let state = &mut self.state;
            let columns = project(&batch.columns, &state.columns);
            state.fetch(&columns, batch.rows)?;
            state.keys.lookup_or_insert(&columns, batch.rows, &mut slots)?;
            state.touch(&slots)?;
            state.grow();
            let all: Vec<u32> = (0..batch.rows as u32).collect();
            state.store.append(&batch.columns, &all, &mut ids)?;
            windows = spans(&batch.columns, &state.columns)?;
        }
        let partition = &self.state.partition;
        let reached = self.progress.of_rows(&batch.columns, partition, batch.rows)?;
        let keys = self.state.order.keys(&batch.columns)?;
        let mut changes = Changes::default();
        let mut touched = slots.clone();
        for (range, watermark) in batch.segments() {
            for row in range {
                let trigger = self.state.zone.trigger(windows.end(row));
                if trigger <= self.progress.at(&reached, row) {
                    self.dead.push(ids[row]);
                } else {
                    let window = (trigger, windows.get(row));
                    self.insert(slots[row], window, keys.get(row), ids[row]);
                }
            }
            if let Some(watermark) = watermark {
                self.fire(watermark, &mut changes, &mut touched)?;
            }
        }
        self.pending.push(changes.into_batch(&batch.columns, &self.state.store)?);
        self.finish(&touched);
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.state]
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(self.progress.save())
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        self.progress.restore(saved)
    }
}
