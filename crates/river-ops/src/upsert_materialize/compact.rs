//! Settles each key when a watermark comes: the changes since the last one are applied to the row
//! the sink has, and the outcome is sent. More than one row for a key is a conflict: the first one
//! stays, or the job fails.

use river_core::{Field, RowKind, Value};
use river_expr::EvalContext;
use river_expr::column::value_at;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Batch, Error, Operator, Output, Result, Status};

use super::Kept;
use super::entries::Entries;
use crate::changes::{Changes, NO_ROW};
use crate::pending::Pending;

/// Settles keys at watermarks.
pub struct Compacting {
    state: Keyed<Entries>,
    key: Vec<Field>,
    fail: bool,
    /// Slots with changes, in order of the first.
    changed: Vec<u32>,
    arrivals: i64,
    pending: Pending,
}

impl Compacting {
    pub(super) fn new(kept: Kept, input: &[Field], key: &[usize], fail: bool) -> Compacting {
        Compacting {
            state: Keyed::new(Entries::new(kept)),
            key: key.iter().map(|column| input[*column].clone()).collect(),
            fail,
            changed: Vec::new(),
            arrivals: 0,
            pending: Pending::default(),
        }
    }

    fn settle(&mut self, out: &mut Changes, dead: &mut Vec<u32>) -> Result<()> {
        let changed = std::mem::take(&mut self.changed);
        self.state.touch(&changed)?;
        for slot in changed {
            let entry = &mut self.state.entries[slot as usize];
            let changes = std::mem::take(&mut entry.changes);
            let before = entry.current;
            let mut rows: Vec<u32> = (before != NO_ROW).then_some(before).into_iter().collect();
            for (added, row) in &changes {
                if *added {
                    rows.push(*row);
                } else if let Some(place) = self.state.kept.find(&rows, *row)? {
                    rows.remove(place);
                }
            }
            let after = match rows.as_slice() {
                [] => NO_ROW,
                [only] => *only,
                _ if self.fail => return Err(self.conflict(slot)),
                [first, ..] if before == NO_ROW => *first,
                _ => before,
            };
            self.send(before, after, out)?;
            self.state.entries[slot as usize].current = after;
            let all = changes.iter().map(|(_, row)| *row).chain(Some(before));
            dead.extend(all.filter(|row| *row != after && *row != NO_ROW));
        }
        Ok(())
    }

    fn send(&self, before: u32, after: u32, out: &mut Changes) -> Result<()> {
        match (before, after) {
            (NO_ROW, NO_ROW) => {}
            (NO_ROW, after) => out.push(after, RowKind::Insert),
            (before, NO_ROW) => out.push(before, RowKind::Delete),
            (before, after) if before == after => {}
            (before, after) => {
                if self.state.kept.find(&[before], after)?.is_none() {
                    out.push(after, RowKind::UpdateAfter);
                }
            }
        }
        Ok(())
    }

    fn conflict(&self, slot: u32) -> Error {
        let columns = match self.state.kept.keys.key_columns(&[slot]) {
            Ok(columns) => columns,
            Err(error) => return error,
        };
        let parts = self.key.iter().zip(&columns).map(|(field, column)| {
            match value_at(column, &field.ty.logical, 0) {
                Value::String(text) => format!("{}={text}", field.name),
                value => format!("{}={value:?}", field.name),
            }
        });
        let key = parts.collect::<Vec<_>>().join(", ");
        Error::input(format!(
            "primary key constraint violation: several distinct rows have the key [{key}]; \
             ON CONFLICT DO NOTHING keeps the first"
        ))
    }
}

impl Operator for Compacting {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        _now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let (mut slots, mut ids) = (Vec::new(), Vec::new());
        if batch.rows > 0 {
            let keys = self.state.kept.key_columns(&batch);
            self.state.fetch(&keys, batch.rows)?;
            (slots, ids) = self.state.kept.store(&batch)?;
            self.state.touch(&slots)?;
        }
        self.state.grow();
        let (mut changes, mut dead) = (Changes::default(), Vec::new());
        let mut touched = self.changed.clone();
        touched.extend_from_slice(&slots);
        for (range, watermark) in batch.segments() {
            for row in range {
                let entry = &mut self.state.entries[slots[row] as usize];
                if entry.changes.is_empty() {
                    self.arrivals += 1;
                    entry.arrival = self.arrivals;
                    self.changed.push(slots[row]);
                }
                entry.changes.push((batch.kind(row).is_accumulate(), ids[row]));
            }
            if let Some(watermark) = watermark {
                self.settle(&mut changes, &mut dead)?;
                changes.mark(watermark);
            }
        }
        self.pending.push(changes.into_batch(&batch.columns, &self.state.kept.store)?);
        let Entries { kept, entries } = &mut *self.state;
        kept.forget(&dead, touched, |slot| {
            let entry = &entries[slot as usize];
            entry.current == NO_ROW && entry.changes.is_empty()
        });
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.state]
    }

    fn restore_local(&mut self, _saved: &[Vec<u8>]) -> Result<()> {
        self.changed = self.state.changed();
        let arrival = |slot: &u32| self.state.entries[*slot as usize].arrival;
        self.arrivals = self.changed.iter().map(arrival).max().unwrap_or(0);
        Ok(())
    }
}
