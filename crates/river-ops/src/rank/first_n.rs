//! The first N rows of a partition in order of arrival. Append-only; keeps a number a partition.

use std::sync::Arc;

use arrow_array::{Int64Array, UInt32Array};
use river_core::Field;
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::KeyIndex;
use river_runtime::{Batch, Mark, Operator, Output, Result, Status};

use super::{RankSpec, Ranks};
use crate::one_row::{arrow_types, project};
use crate::ttl::Ttl;

/// Passes the first rows on.
pub struct FirstN {
    ranks: Ranks,
    columns: Vec<usize>,
    keys: KeyIndex,
    counts: Vec<u64>,
    ttl: Ttl,
}

impl FirstN {
    pub fn new(input: &[Field], spec: &RankSpec<'_>) -> Result<FirstN> {
        let types = arrow_types(input);
        let types: Vec<_> = spec.partition.iter().map(|c| types[*c].clone()).collect();
        Ok(FirstN {
            ranks: Ranks::of(spec),
            columns: spec.partition.to_vec(),
            keys: KeyIndex::new(&types)?,
            counts: Vec::new(),
            ttl: Ttl::new(spec.ttl_ms),
        })
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
        for slot in self.ttl.expired(clock) {
            self.ttl.forget(slot);
            self.counts[slot as usize] = 0;
            self.keys.remove(slot);
        }
        let mut slots = Vec::new();
        let keys = project(&batch.columns, &self.columns);
        self.keys.lookup_or_insert(&keys, batch.rows, &mut slots)?;
        self.counts.resize(self.keys.capacity().max(self.counts.len()), 0);
        let (mut rows, mut ranks) = (Vec::new(), Vec::new());
        for (row, slot) in slots.iter().enumerate() {
            let count = &mut self.counts[*slot as usize];
            if *count >= self.ranks.end {
                continue;
            }
            *count += 1;
            self.ttl.touch(*slot, clock);
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
}
