//! Restores, by the sink's key, what several input keys write to it.
//!
//! `DO DEDUPLICATE` ([`Deduplicating`], `SinkUpsertMaterializer`): remembers the rows of each key
//! in order; the last one is what the sink has. `DO NOTHING` and `DO ERROR`
//! ([`compact::Compacting`], `WatermarkCompactingSinkMaterializer`): settles each key when a
//! watermark comes.

mod compact;
mod entries;
mod lists;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;
use river_core::plan::UpsertMaterialize;
use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_runtime::state::{Checkpointed, KeyIndex, Keyed, RowStore, hash_columns};
use river_runtime::{Batch, Operator, Output, Result, Status};

use self::lists::Lists;

use crate::changes::Changes;
use crate::one_row::{RowEquality, arrow_types, project};
use crate::pending::Pending;
use crate::stored_rows::row_columns;

/// The operator for rows with the columns `input`, by the sink's key.
pub fn create(
    input: &[Field],
    key: &[usize],
    resolution: UpsertMaterialize,
) -> Result<Box<dyn Operator>> {
    let kept = Kept::new(input, key)?;
    Ok(match resolution {
        UpsertMaterialize::Deduplicate => Box::new(Deduplicating {
            state: Keyed::new(Lists::new(kept)),
            pending: Pending::default(),
        }),
        UpsertMaterialize::Nothing | UpsertMaterialize::Error => {
            let fail = resolution == UpsertMaterialize::Error;
            Box::new(compact::Compacting::new(kept, input, key, fail))
        }
    })
}

/// Stored rows, findable by key and by equality.
struct Kept {
    row_columns: Vec<FieldRef>,
    columns: Vec<usize>,
    keys: KeyIndex,
    store: RowStore,
    equality: RowEquality,
    /// Hash of each stored row.
    hashes: Vec<u64>,
}

impl Kept {
    fn new(input: &[Field], key: &[usize]) -> Result<Kept> {
        let types = arrow_types(input);
        let key_types: Vec<_> = key.iter().map(|c| types[*c].clone()).collect();
        Ok(Kept {
            row_columns: row_columns(input),
            columns: key.to_vec(),
            keys: KeyIndex::new(&key_types)?,
            store: RowStore::new(&types)?,
            equality: RowEquality::new(input)?,
            hashes: Vec::new(),
        })
    }

    /// The key columns of a batch.
    fn key_columns(&self, batch: &Batch) -> Vec<ArrayRef> {
        project(&batch.columns, &self.columns)
    }

    /// Stores all rows of a batch; gives the slot of each key and the number of each row.
    fn store(&mut self, batch: &Batch) -> Result<(Vec<u32>, Vec<u32>)> {
        let (mut slots, mut ids) = (Vec::new(), Vec::new());
        let keys = self.key_columns(batch);
        self.keys.lookup_or_insert(&keys, batch.rows, &mut slots)?;
        let all: Vec<u32> = (0..batch.rows as u32).collect();
        self.store.append(&batch.columns, &all, &mut ids)?;
        self.equality.begin(batch, 0)?;
        self.hashes.resize(self.store.capacity(), 0);
        for (row, id) in ids.iter().enumerate() {
            self.hashes[*id as usize] = self.equality.hash(row);
        }
        Ok((slots, ids))
    }

    /// Stores rows of a checkpoint; gives the slot of each key and the number of each row.
    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<(Vec<u32>, Vec<u32>)> {
        let (mut slots, mut ids, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
        self.keys.lookup_or_insert(&project(columns, &self.columns), rows, &mut slots)?;
        let all: Vec<u32> = (0..rows as u32).collect();
        self.store.append(columns, &all, &mut ids)?;
        self.hashes.resize(self.store.capacity(), 0);
        hash_columns(columns, rows, &mut hashes)?;
        for (id, hash) in ids.iter().zip(hashes) {
            self.hashes[*id as usize] = hash;
        }
        Ok((slots, ids))
    }

    fn memory(&self) -> usize {
        self.keys.memory() + self.store.memory() + self.hashes.capacity() * 8
    }

    /// Place of the first of `rows` that equals `row`.
    fn find(&self, rows: &[u32], row: u32) -> Result<Option<usize>> {
        for (place, kept) in rows.iter().enumerate() {
            if self.hashes[*kept as usize] == self.hashes[row as usize]
                && self.equality.are_equal(*kept, row, &self.store)?
            {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Forgets the rows, and those of the keys for which `is_empty`.
    fn forget(&mut self, rows: &[u32], mut slots: Vec<u32>, is_empty: impl Fn(u32) -> bool) {
        self.store.remove(rows);
        slots.sort_unstable();
        slots.dedup();
        for slot in slots.into_iter().filter(|slot| is_empty(*slot)) {
            self.keys.remove(slot);
        }
    }
}

/// The last row of a key wins.
struct Deduplicating {
    state: Keyed<Lists>,
    pending: Pending,
}

impl Operator for Deduplicating {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        _now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let keys = self.state.kept.key_columns(&batch);
        self.state.fetch(&keys, batch.rows)?;
        let (slots, ids) = self.state.kept.store(&batch)?;
        self.state.touch(&slots)?;
        let Lists { kept, rows: lists } = &mut *self.state;
        lists.resize_with(kept.keys.capacity().max(lists.len()), Vec::new);
        let (mut changes, mut dead) = (Changes::default(), Vec::new());
        for (range, watermark) in batch.segments() {
            for row in range {
                let rows = &mut lists[slots[row] as usize];
                let id = ids[row];
                if batch.kind(row).is_accumulate() {
                    let first = rows.is_empty();
                    changes.push(id, if first { RowKind::Insert } else { RowKind::UpdateAfter });
                    rows.push(id);
                    continue;
                }
                dead.push(id);
                let Some(place) = kept.find(rows, id)? else { continue };
                dead.push(rows.remove(place));
                match rows.last() {
                    None => changes.push(id, RowKind::Delete),
                    Some(last) if place == rows.len() => changes.push(*last, RowKind::UpdateAfter),
                    Some(_) => {}
                }
            }
            watermark.into_iter().for_each(|watermark| changes.mark(watermark));
        }
        self.pending.push(changes.into_batch(&batch.columns, &kept.store)?);
        kept.forget(&dead, slots, |slot| lists[slot as usize].is_empty());
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.state]
    }
}
