//! Builds the output of operators that answer an input row with its result before and after.

use arrow_array::{Array, ArrayRef, UInt32Array};
use river_core::RowKind;
use river_runtime::{Batch, Mark, Result};

/// Changes in order; each takes the values before or after a row.
pub struct Changes {
    /// Which side (0 before, 1 after) and row each takes its values from.
    picks: Vec<(usize, usize)>,
    kinds: Vec<u8>,
    marks: Vec<Mark>,
}

impl Changes {
    /// No changes, with room for some.
    pub fn with_capacity(rows: usize) -> Changes {
        Changes {
            picks: Vec::with_capacity(rows),
            kinds: Vec::with_capacity(rows),
            marks: Vec::new(),
        }
    }

    /// A change with the values before that row.
    #[inline]
    pub fn before(&mut self, kind: RowKind, row: usize) {
        self.picks.push((0, row));
        self.kinds.push(kind as u8);
    }

    /// A change with the values after that row.
    #[inline]
    pub fn after(&mut self, kind: RowKind, row: usize) {
        self.picks.push((1, row));
        self.kinds.push(kind as u8);
    }

    /// A watermark after the changes so far.
    pub fn mark(&mut self, watermark: i64) {
        let offset = self.kinds.len();
        match self.marks.last_mut() {
            // Nothing between the two: the later one says all.
            Some(last) if last.offset == offset => last.watermark = watermark,
            _ => self.marks.push(Mark { offset, watermark }),
        }
    }

    /// The batch: `keys`, which are the same before and after, then the results.
    pub fn finish(self, keys: &[&ArrayRef], results: &[(ArrayRef, ArrayRef)]) -> Result<Batch> {
        let rows = self.picks.len();
        let indices: Vec<u32> = self.picks.iter().map(|(_, row)| *row as u32).collect();
        let indices = UInt32Array::from(indices);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(keys.len() + results.len());
        for key in keys {
            columns.push(arrow_select::take::take(key.as_ref(), &indices, None)?);
        }
        let only_after = self.picks.iter().all(|(side, _)| *side == 1);
        for (before, after) in results {
            columns.push(if only_after {
                arrow_select::take::take(after.as_ref(), &indices, None)?
            } else {
                let sides: [&dyn Array; 2] = [before.as_ref(), after.as_ref()];
                arrow_select::interleave::interleave(&sides, &self.picks)?
            });
        }
        let kinds = self.kinds.iter().any(|kind| *kind != 0).then(|| self.kinds.into());
        Ok(Batch { columns, rows, kinds, marks: self.marks })
    }
}
