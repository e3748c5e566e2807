//! The first row of each key in order of arrival.

use arrow_array::{ArrayRef, BooleanArray};
use arrow_schema::FieldRef;
use river_core::Field;
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{Checkpointed, DiskLayout, KeyIndex, Keyed, Saved, StateTable};
use river_runtime::{Batch, Operator, Output, Result, Status};

use crate::one_row::project;
use crate::saved::input_columns;
use crate::stored_rows::{key_hashes, written_column};
use crate::ttl::Ttl;

/// Passes on the first row of each key.
pub struct FirstRow {
    columns: Vec<usize>,
    seen: Keyed<Seen>,
}

/// The keys that have had their row: a state table.
struct Seen {
    key_columns: Vec<FieldRef>,
    keys: KeyIndex,
    seen: Vec<bool>,
    ttl: Ttl,
}

impl FirstRow {
    pub fn new(input: &[Field], keys: &[usize], ttl_ms: u64) -> Result<FirstRow> {
        let key_columns = input_columns(input, keys);
        let types: Vec<_> = key_columns.iter().map(|k| k.data_type().clone()).collect();
        let seen = Seen {
            key_columns,
            keys: KeyIndex::new(&types)?,
            seen: Vec::new(),
            ttl: Ttl::new(ttl_ms),
        };
        Ok(FirstRow { columns: keys.to_vec(), seen: Keyed::new(seen) })
    }
}

impl Seen {
    fn slots(&mut self, keys: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let mut slots = Vec::new();
        self.keys.lookup_or_insert(keys, rows, &mut slots)?;
        self.seen.resize(self.keys.capacity().max(self.seen.len()), false);
        Ok(slots)
    }

    fn forget(&mut self, slots: &[u32]) {
        for slot in slots {
            self.ttl.forget(*slot);
            self.seen[*slot as usize] = false;
            self.keys.remove(*slot);
        }
    }
}

impl StateTable for Seen {
    fn name(&self) -> &'static str {
        "seen"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.key_columns.clone();
        columns.push(written_column());
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.keys
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let mut columns = self.keys.key_columns(slots)?;
        columns.push(self.ttl.save(slots));
        Ok(Saved { columns, hashes: key_hashes(&self.keys, slots) })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (keys, extra) = columns.split_at(self.key_columns.len());
        let slots = self.slots(keys, rows)?;
        slots.iter().for_each(|slot| self.seen[*slot as usize] = true);
        self.ttl.load(&slots, &extra[0])
    }

    fn memory(&self) -> usize {
        self.keys.memory() + self.ttl.memory() + self.seen.capacity()
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.keys
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout {
            key_columns: (0..self.key_columns.len()).collect(),
            times: 0,
            carries_hash: false,
            lifetime: self.ttl.lifetime(self.key_columns.len()),
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        self.forget(slots);
    }
}

impl Operator for FirstRow {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let clock = now_ms(now);
        let keys = project(&batch.columns, &self.columns);
        self.seen.fetch(&keys, batch.rows)?;
        let expired = self.seen.ttl.expired(clock);
        self.seen.touch(&expired)?;
        self.seen.forget(&expired);
        let slots = self.seen.slots(&keys, batch.rows)?;
        // What is known of a key never changes, so nothing need be saved before.
        let state = &mut *self.seen;
        let mut keep = Vec::with_capacity(batch.rows);
        for slot in slots {
            let seen = std::mem::replace(&mut state.seen[slot as usize], true);
            if !seen {
                state.ttl.touch(slot, clock);
            }
            keep.push(!seen);
        }
        out.push(batch.filter(&BooleanArray::from(keep))?);
        Ok(Status::Done)
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.seen]
    }
}
