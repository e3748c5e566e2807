//! Sorting of bounded input at its end.

use std::collections::HashMap;

use arrow_array::UInt32Array;
use arrow_row::{RowConverter, SortField};
use river_core::Field;
use river_core::plan::SortKey;
use river_runtime::{Batch, MAX_WATERMARK, Mark, Output, Result};

use super::held::Held;
use super::{concat, owned};
use crate::order::Order;
use crate::pending::Pending;

/// Holds all rows until the input ends.
pub struct SortAtEnd {
    order: Order,
    rows: RowConverter,
    pub(super) held: Held,
    /// The last watermark was seen; it is sent after the rows.
    pub(super) ended: bool,
    pub(super) pending: Pending,
}

impl SortAtEnd {
    pub(super) fn new(input: &[Field], order: &[SortKey]) -> Result<SortAtEnd> {
        let fields = input.iter().map(|f| SortField::new(f.ty.logical.to_arrow())).collect();
        Ok(SortAtEnd {
            order: Order::new(input, order)?,
            rows: RowConverter::new(fields)?,
            held: Held::new(input),
            ended: false,
            pending: Pending::default(),
        })
    }

    pub(super) fn process(&mut self, batch: Batch, out: &mut Output) {
        for mark in &batch.marks {
            if mark.watermark == MAX_WATERMARK {
                self.ended = true;
            } else {
                out.push(Batch::watermark(mark.watermark));
            }
        }
        if batch.rows > 0 {
            self.held.batches.push(owned(batch));
        }
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        let all = concat(&std::mem::take(&mut self.held.batches))?;
        let mut sorted = Batch::default();
        if all.rows > 0 {
            let mut left = self.remaining(&all)?;
            let keys = self.order.keys(&all.columns)?;
            left.sort_by(|a, b| keys.get(*a as usize).cmp(keys.get(*b as usize)));
            sorted = all.take(&UInt32Array::from(left))?.with_kinds(None);
        }
        if std::mem::take(&mut self.ended) {
            sorted.marks.push(Mark { offset: sorted.rows, watermark: MAX_WATERMARK });
        }
        self.pending.push(sorted);
        Ok(())
    }

    /// The rows that no later row took away, in order of arrival.
    fn remaining(&self, all: &Batch) -> Result<Vec<u32>> {
        let Some(retractions) = all.retractions() else {
            return Ok((0..all.rows as u32).collect());
        };
        let rows = self.rows.convert_columns(&all.columns)?;
        let mut present: HashMap<&[u8], Vec<u32>> = HashMap::new();
        let mut alive = vec![true; all.rows];
        for (row, retract) in retractions.iter().enumerate() {
            let same = present.entry(rows.row(row).data()).or_default();
            if *retract {
                alive[row] = false;
                if let Some(taken) = same.pop() {
                    alive[taken as usize] = false;
                }
            } else {
                same.push(row as u32);
            }
        }
        Ok((0..all.rows as u32).filter(|row| alive[*row as usize]).collect())
    }
}
