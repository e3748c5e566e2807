//! The first row of each key in order of arrival.

use arrow_array::BooleanArray;
use river_core::Field;
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::KeyIndex;
use river_runtime::{Batch, Operator, Output, Result, Status};

use crate::one_row::{arrow_types, project};
use crate::ttl::Ttl;

/// Passes on the first row of each key.
pub struct FirstRow {
    columns: Vec<usize>,
    keys: KeyIndex,
    seen: Vec<bool>,
    ttl: Ttl,
}

impl FirstRow {
    pub fn new(input: &[Field], keys: &[usize], ttl_ms: u64) -> Result<FirstRow> {
        let types = arrow_types(input);
        let types: Vec<_> = keys.iter().map(|k| types[*k].clone()).collect();
        Ok(FirstRow {
            columns: keys.to_vec(),
            keys: KeyIndex::new(&types)?,
            seen: Vec::new(),
            ttl: Ttl::new(ttl_ms),
        })
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
        for slot in self.ttl.expired(clock) {
            self.ttl.forget(slot);
            self.seen[slot as usize] = false;
            self.keys.remove(slot);
        }
        let mut slots = Vec::new();
        self.keys.lookup_or_insert(
            &project(&batch.columns, &self.columns),
            batch.rows,
            &mut slots,
        )?;
        self.seen.resize(self.keys.capacity().max(self.seen.len()), false);
        let mut keep = Vec::with_capacity(batch.rows);
        for slot in slots {
            let seen = std::mem::replace(&mut self.seen[slot as usize], true);
            if !seen {
                self.ttl.touch(slot, clock);
            }
            keep.push(!seen);
        }
        out.push(batch.filter(&BooleanArray::from(keep))?);
        Ok(Status::Done)
    }
}
