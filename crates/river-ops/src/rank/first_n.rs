//! The first N rows of a partition in order of arrival. Append-only; keeps a number a partition.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, UInt32Array};
use arrow_schema::{DataType, FieldRef};
use river_core::Field;
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{Checkpointed, DiskLayout, KeyIndex, Keyed, Saved, StateTable};
use river_runtime::{Batch, Mark, Operator, Output, Result, Status};

use super::{RankSpec, Ranks};
use crate::one_row::project;
use crate::saved::{column, input_columns, numbers, read_numbers};
use crate::stored_rows::{key_hashes, written_column};
use crate::ttl::Ttl;

/// Passes the first rows on.
pub struct FirstN {
    ranks: Ranks,
    columns: Vec<usize>,
    state: Keyed<Counts>,
}

/// How many rows each partition has had: a state table.
struct Counts {
    key_columns: Vec<FieldRef>,
    keys: KeyIndex,
    counts: Vec<u64>,
    ttl: Ttl,
}

impl FirstN {
    pub fn new(input: &[Field], spec: &RankSpec<'_>) -> Result<FirstN> {
        let key_columns = input_columns(input, spec.partition);
        let types: Vec<_> = key_columns.iter().map(|k| k.data_type().clone()).collect();
        let counts = Counts {
            key_columns,
            keys: KeyIndex::new(&types)?,
            counts: Vec::new(),
            ttl: Ttl::new(spec.ttl_ms),
        };
        Ok(FirstN {
            ranks: Ranks::of(spec),
            columns: spec.partition.to_vec(),
            state: Keyed::new(counts),
        })
    }
}

impl Counts {
    fn slots(&mut self, keys: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let mut slots = Vec::new();
        self.keys.lookup_or_insert(keys, rows, &mut slots)?;
        self.counts.resize(self.keys.capacity().max(self.counts.len()), 0);
        Ok(slots)
    }

    fn forget(&mut self, slots: &[u32]) {
        for slot in slots {
            self.ttl.forget(*slot);
            self.counts[*slot as usize] = 0;
            self.keys.remove(*slot);
        }
    }
}

impl StateTable for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.key_columns.clone();
        columns.push(column("#rows", DataType::Int64));
        columns.push(written_column());
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.keys
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let mut columns = self.keys.key_columns(slots)?;
        columns.push(numbers(slots.iter().map(|slot| self.counts[*slot as usize] as i64)));
        columns.push(self.ttl.save(slots));
        Ok(Saved { columns, hashes: key_hashes(&self.keys, slots) })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (keys, extra) = columns.split_at(self.key_columns.len());
        let slots = self.slots(keys, rows)?;
        for (slot, count) in slots.iter().zip(read_numbers(&extra[0])?) {
            self.counts[*slot as usize] = u64::try_from(*count).unwrap_or(0);
        }
        self.ttl.load(&slots, &extra[1])
    }

    fn memory(&self) -> usize {
        self.keys.memory() + self.ttl.memory() + self.counts.capacity() * 8
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.keys
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout {
            key_columns: (0..self.key_columns.len()).collect(),
            times: 0,
            carries_hash: false,
            lifetime: self.ttl.lifetime(self.key_columns.len() + 1),
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        self.forget(slots);
    }
}

impl Operator for FirstN {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let clock = now_ms(now);
        let keys = project(&batch.columns, &self.columns);
        self.state.fetch(&keys, batch.rows)?;
        let expired = self.state.ttl.expired(clock);
        self.state.touch(&expired)?;
        self.state.forget(&expired);
        let slots = self.state.slots(&keys, batch.rows)?;
        self.state.touch(&slots)?;
        let state = &mut *self.state;
        let (mut rows, mut ranks) = (Vec::new(), Vec::new());
        for (row, slot) in slots.iter().enumerate() {
            let count = &mut state.counts[*slot as usize];
            if *count >= self.ranks.end {
                continue;
            }
            *count += 1;
            state.ttl.touch(*slot, clock);
            if *count >= self.ranks.start {
                rows.push(row as u32);
                ranks.push(*count as i64);
            }
        }
        let marks = batch.marks.iter().map(|mark| Mark {
            offset: rows.partition_point(|row| (*row as usize) < mark.offset),
            ..*mark
        });
        let marks = marks.collect();
        let mut first = batch.take(&UInt32Array::from(rows))?;
        if self.ranks.output_rank {
            first.columns.push(Arc::new(Int64Array::from(ranks)));
        }
        first.marks = marks;
        out.push(first);
        Ok(Status::Done)
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.state]
    }
}
