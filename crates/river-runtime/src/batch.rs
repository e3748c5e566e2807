//! The unit in which rows travel: Arrow columns, optional row kinds, and watermarks *inside*.
//!
//! A watermark is a [`Mark`] between two rows of a batch, so that lateness is decided row by row as
//! Flink does, without cutting batches small. Rows before the mark's offset came before it.
//!
//! Invariants: every column has `rows` rows; `kinds`, if any, too; marks are in order of offset
//! with growing watermarks; offsets are at most `rows`.

use std::ops::Range;

use arrow_array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow_buffer::ScalarBuffer;
use river_core::RowKind;

use crate::Result;

/// The watermark that says no more rows will come.
pub const MAX_WATERMARK: i64 = i64::MAX;

/// Row kinds as Flink's byte values (`RowKind as u8`).
pub type Kinds = ScalarBuffer<u8>;

/// A watermark between two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Rows of the batch that come before it.
    pub offset: usize,
    /// Event time up to which all rows have come, milliseconds.
    pub watermark: i64,
}

/// A batch of rows.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The columns, in the order of the producing node's schema.
    pub columns: Vec<ArrayRef>,
    /// Number of rows, also where there are no columns.
    pub rows: usize,
    /// Kind of each row; `None`: all are `+I`.
    pub kinds: Option<Kinds>,
    /// Watermarks, in order.
    pub marks: Vec<Mark>,
}

impl Batch {
    /// Inserted rows without marks.
    pub fn new(columns: Vec<ArrayRef>, rows: usize) -> Batch {
        Batch { columns, rows, kinds: None, marks: Vec::new() }
    }

    /// No rows, one watermark.
    pub fn watermark(watermark: i64) -> Batch {
        Batch { marks: vec![Mark { offset: 0, watermark }], ..Batch::default() }
    }

    /// The same with row kinds.
    pub fn with_kinds(mut self, kinds: Option<Kinds>) -> Batch {
        self.kinds = kinds;
        self
    }

    /// Kind of a row.
    pub fn kind(&self, row: usize) -> RowKind {
        let byte = self.kinds.as_ref().map_or(0, |kinds| kinds[row]);
        RowKind::from_byte(byte).unwrap_or(RowKind::Insert)
    }

    /// For each row whether it takes a row away (`-U`, `-D`); `None` if none does.
    pub fn retractions(&self) -> Option<Vec<bool>> {
        let kinds = self.kinds.as_ref()?;
        let flags: Vec<bool> = kinds.iter().map(|kind| kind & 1 == 1).collect();
        flags.contains(&true).then_some(flags)
    }

    /// Whether there is nothing in it: no rows, no marks.
    pub fn is_empty(&self) -> bool {
        self.rows == 0 && self.marks.is_empty()
    }

    /// The rows between marks, each run with the watermark that follows it. The last run has none;
    /// it is left out if it is empty and there are marks.
    pub fn segments(&self) -> impl Iterator<Item = (Range<usize>, Option<i64>)> + use<> {
        let mut start = 0;
        let mut segments: Vec<_> = self
            .marks
            .iter()
            .map(|mark| {
                let range = start..mark.offset;
                start = mark.offset;
                (range, Some(mark.watermark))
            })
            .collect();
        if start < self.rows {
            segments.push((start..self.rows, None));
        }
        segments.into_iter()
    }

    /// Rows `range` without marks; copies no data.
    pub fn slice(&self, range: Range<usize>) -> Batch {
        let (offset, length) = (range.start, range.len());
        Batch {
            columns: self.columns.iter().map(|c| c.slice(offset, length)).collect(),
            rows: length,
            kinds: self.kinds.as_ref().map(|k| k.slice(offset, length)),
            marks: Vec::new(),
        }
    }

    /// The rows where `keep` is true; marks move to where they belong.
    pub fn filter(&self, keep: &BooleanArray) -> Result<Batch> {
        let rows = keep.true_count();
        if rows == self.rows {
            return Ok(self.clone());
        }
        let filter = arrow_select::filter::FilterBuilder::new(keep).optimize().build();
        let columns =
            self.columns.iter().map(|c| filter.filter(c)).collect::<std::result::Result<_, _>>()?;
        let kinds = self.kinds.as_ref().map(|kinds| {
            kinds.iter().zip(keep.values()).filter(|(_, keep)| *keep).map(|(k, _)| *k).collect()
        });
        let mut marks = self.marks.clone();
        for mark in &mut marks {
            mark.offset = keep.values().slice(0, mark.offset).count_set_bits();
        }
        Ok(Batch { columns, rows, kinds, marks })
    }

    /// The rows at `indices`, without marks.
    pub fn take(&self, indices: &UInt32Array) -> Result<Batch> {
        let columns = self
            .columns
            .iter()
            .map(|c| arrow_select::take::take(c, indices, None))
            .collect::<std::result::Result<_, _>>()?;
        let kinds = self
            .kinds
            .as_ref()
            .map(|kinds| indices.values().iter().map(|i| kinds[*i as usize]).collect());
        Ok(Batch { columns, rows: indices.len(), kinds, marks: Vec::new() })
    }
}
