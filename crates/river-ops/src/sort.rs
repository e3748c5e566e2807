//! Sorting. With an event-time column, rows are held back until the watermark has passed them and
//! then come in order (`RowTimeSortOperator`): by time, then by the other keys, then by arrival; a
//! row not later than the last one given out is dropped. Without one, all rows come in order at the
//! end of bounded input, taken-back ones left out (`StreamSortOperator`).

mod at_end;
mod held;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow_array::{Array, ArrayRef, UInt32Array};
use river_core::Field;
use river_core::plan::SortKey;
use river_expr::EvalContext;
use river_expr::column::timestamp_ticks;
use river_runtime::state::Checkpointed;
use river_runtime::{Batch, Error, Mark, Operator, Output, Result, Status};

use crate::order::Order;
use crate::pending::Pending;
use crate::saved::{compact, encode_numbers, least_progress};
use at_end::SortAtEnd;
use held::Held;

/// Sorts its input; see the module.
pub enum Sort {
    /// As watermarks pass.
    Temporal(Box<TemporalSort>),
    /// At the end of input.
    AtEnd(Box<SortAtEnd>),
}

impl Sort {
    /// A sort of rows with those columns. `rowtime` is the leading event-time column, ascending.
    pub fn new(input: &[Field], order: &[SortKey], rowtime: Option<usize>) -> Result<Sort> {
        Ok(match rowtime {
            Some(rowtime) => {
                let rest: Vec<SortKey> =
                    order.iter().filter(|k| k.column != rowtime).copied().collect();
                Sort::Temporal(Box::new(TemporalSort {
                    rowtime,
                    order: Order::new(input, &rest)?,
                    held: Held::new(input),
                    last_sent: i64::MIN,
                    pending: Pending::default(),
                }))
            }
            None => Sort::AtEnd(Box::new(SortAtEnd::new(input, order)?)),
        })
    }
}

impl Operator for Sort {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        _now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        match self {
            Sort::Temporal(sort) => {
                sort.process(batch)?;
                Ok(sort.pending.drain(out))
            }
            Sort::AtEnd(sort) => {
                sort.process(batch, out);
                Ok(Status::Done)
            }
        }
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(match self {
            Sort::Temporal(sort) => sort.pending.drain(out),
            Sort::AtEnd(sort) => sort.pending.drain(out),
        })
    }

    fn end_input(&mut self, _input: usize, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        if let Sort::AtEnd(sort) = self {
            sort.finish()?;
            return Ok(sort.pending.drain(out));
        }
        Ok(Status::Done)
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![match self {
            Sort::Temporal(sort) => &mut sort.held,
            Sort::AtEnd(sort) => &mut sort.held,
        }]
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(encode_numbers(&[match self {
            Sort::Temporal(sort) => sort.last_sent,
            Sort::AtEnd(sort) => i64::from(sort.ended),
        }]))
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        let Some(saved) = least_progress(saved)? else { return Ok(()) };
        match self {
            Sort::Temporal(sort) => sort.last_sent = saved,
            Sort::AtEnd(sort) => sort.ended = saved != 0,
        }
        Ok(())
    }
}

/// Sorts by event time as watermarks pass.
pub struct TemporalSort {
    rowtime: usize,
    order: Order,
    /// Rows not given out yet, in order of arrival.
    held: Held,
    /// Time of the newest row given out.
    last_sent: i64,
    pending: Pending,
}

impl TemporalSort {
    fn process(&mut self, batch: Batch) -> Result<()> {
        if batch.marks.is_empty() {
            let times = self.times(&batch)?;
            let in_time = times.iter().map(|time| Some(*time > self.last_sent)).collect();
            let held = batch.filter(&in_time)?;
            if held.rows > 0 {
                self.held.batches.push(owned(held));
            }
            return Ok(());
        }
        let mut batches = std::mem::take(&mut self.held.batches);
        let held: usize = batches.iter().map(|b| b.rows).sum();
        let arriving = batch.marks.clone();
        batches.push(batch);
        let all = concat(&batches)?;
        let (picks, marks, left) = self.walk(&all, held, &arriving)?;
        let mut sorted = all.take(&UInt32Array::from(picks))?;
        sorted.marks = marks;
        self.pending.push(sorted);
        if !left.is_empty() {
            self.held.batches.push(owned(all.take(&UInt32Array::from(left))?));
        }
        Ok(())
    }

    /// Lets rows arrive one by one, the first `held` of which came before this batch, and fires
    /// the watermarks. Gives the rows to send, the marks between them, and the rows left over.
    fn walk(
        &mut self,
        all: &Batch,
        held: usize,
        arriving: &[Mark],
    ) -> Result<(Vec<u32>, Vec<Mark>, Vec<u32>)> {
        let ranks = self.ranks(all)?;
        let times = self.times(all)?;
        let (mut picks, mut marks) = (Vec::new(), Vec::new());
        let mut waiting = BinaryHeap::new();
        let mut next = 0;
        for mark in arriving {
            for row in next..held + mark.offset {
                if row < held || times[row] > self.last_sent {
                    waiting.push(Reverse((times[row], ranks[row], row as u32)));
                }
            }
            next = held + mark.offset;
            while let Some(Reverse((time, _, row))) = waiting.peek().copied() {
                if time > mark.watermark {
                    break;
                }
                self.last_sent = time;
                picks.push(row);
                waiting.pop();
            }
            marks.push(Mark { offset: picks.len(), watermark: mark.watermark });
        }
        let mut left: Vec<u32> = waiting.into_iter().map(|Reverse((_, _, row))| row).collect();
        left.sort_unstable();
        left.extend((next..all.rows).filter(|r| times[*r] > self.last_sent).map(|r| r as u32));
        Ok((picks, marks, left))
    }

    /// The event time of each row.
    fn times<'a>(&self, batch: &'a Batch) -> Result<&'a [i64]> {
        let column = &batch.columns[self.rowtime];
        let times = timestamp_ticks(column.as_ref())
            .ok_or_else(|| Error::internal("the time column is no timestamp"))?;
        if column.null_count() > 0 {
            return Err(Error::input(
                "the event-time column is NULL in some row; rows without a time cannot be sorted",
            ));
        }
        Ok(times)
    }

    /// Place of each row in the order of the keys after the time; equal rows by arrival.
    fn ranks(&self, all: &Batch) -> Result<Vec<u32>> {
        let keys = self.order.keys(&all.columns)?;
        let mut sorted: Vec<u32> = (0..all.rows as u32).collect();
        sorted.sort_by(|a, b| keys.get(*a as usize).cmp(keys.get(*b as usize)));
        let mut ranks = vec![0; all.rows];
        for (rank, row) in sorted.iter().enumerate() {
            ranks[*row as usize] = rank as u32;
        }
        Ok(ranks)
    }
}

/// One batch of all, without marks.
pub(crate) fn concat(batches: &[Batch]) -> Result<Batch> {
    let Some(first) = batches.first() else { return Ok(Batch::default()) };
    if batches.len() == 1 {
        return Ok(Batch { marks: Vec::new(), ..first.clone() });
    }
    let rows = batches.iter().map(|b| b.rows).sum();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(first.columns.len());
    for column in 0..first.columns.len() {
        let parts: Vec<&dyn Array> = batches.iter().map(|b| b.columns[column].as_ref()).collect();
        columns.push(arrow_select::concat::concat(&parts)?);
    }
    let kinds = batches
        .iter()
        .any(|b| b.kinds.is_some())
        .then(|| batches.iter().flat_map(|b| (0..b.rows).map(|row| b.kind(row) as u8)).collect());
    Ok(Batch::new(columns, rows).with_kinds(kinds))
}

/// The batch with text of its own, so that keeping a few rows does not keep what they came with.
pub(crate) fn owned(mut batch: Batch) -> Batch {
    compact(&mut batch.columns);
    batch.marks.clear();
    batch
}
