//! The `TUMBLE`, `HOP` and `CUMULATE` table functions without aggregation
//! (`AlignedWindowTableFunctionOperator`): each row once for every window that holds it, with the
//! window's start, end and time. Late rows are not dropped here; rows without a time are.

use arrow_array::{Array, ArrayRef, UInt32Array};
use river_core::Field;
use river_core::plan::{Window, WindowProperty, WindowTime};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::{Batch, Error, Mark, Operator, Output, Result, Status};

use super::assign::Aligned;
use super::fire::{self, raw_times, time_column};
use super::zone::Zone;
use crate::pending::Pending;

#[cfg(test)]
mod tests;

/// The operator.
pub struct WindowTableFunction {
    /// `None`: processing time.
    rowtime: Option<usize>,
    aligned: Aligned,
    zone: Zone,
    /// Fields of the three window columns.
    fields: Vec<Field>,
    pending: Pending,
}

impl WindowTableFunction {
    /// The operator; `output` is the input's columns and three more.
    pub fn new(input: &[Field], output: &[Field], window: &Window) -> Result<WindowTableFunction> {
        let rowtime = match window.time {
            WindowTime::Rowtime(column) => Some(column),
            WindowTime::Proctime => None,
            WindowTime::Attached { .. } => {
                return Err(Error::internal("the rows have their windows already"));
            }
        };
        let fields = output.get(input.len()..).unwrap_or_default().to_vec();
        if fields.len() != 3 {
            return Err(Error::internal("a window table function appends three columns"));
        }
        Ok(WindowTableFunction {
            rowtime,
            aligned: Aligned::new(&window.kind)?,
            zone: Zone::new(window.zone.as_deref())?,
            fields,
            pending: Pending::default(),
        })
    }

    fn rows_and_windows(
        &mut self,
        batch: &Batch,
        now_ms: i64,
    ) -> Result<(Vec<u32>, Vec<(i64, i64)>)> {
        let column = self.rowtime.map(|column| &batch.columns[column]);
        let times = column.map(raw_times).transpose()?;
        let nulls = column.and_then(|column| column.nulls());
        let (mut rows, mut all) = (Vec::with_capacity(batch.rows), Vec::with_capacity(batch.rows));
        let mut windows = Vec::new();
        for row in 0..batch.rows {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            let time = times.as_ref().map_or(now_ms, |times| times[row]);
            self.aligned.windows(self.zone.to_local(time), &mut windows);
            for window in &windows {
                rows.push(row as u32);
                all.push(*window);
            }
        }
        Ok((rows, all))
    }
}

impl Operator for WindowTableFunction {
    fn process(
        &mut self,
        _: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let (rows, windows) = self.rows_and_windows(&batch, now_ms(now))?;
        let once = rows.len() == batch.rows && rows.iter().enumerate().all(|(i, r)| i as u32 == *r);
        let mut marks = batch.marks.clone();
        if !once {
            for Mark { offset, .. } in &mut marks {
                *offset = rows.partition_point(|row| (*row as usize) < *offset);
            }
        }
        let count = rows.len();
        let mut output = if once { batch } else { batch.take(&UInt32Array::from(rows))? };
        let properties = [WindowProperty::Start, WindowProperty::End, WindowProperty::Time];
        for (property, field) in properties.into_iter().zip(&self.fields) {
            let value = |window: &(i64, i64)| fire::property(property, *window, field, &self.zone);
            let column: ArrayRef = time_column(windows.iter().map(value).collect(), field)?;
            output.columns.push(column);
        }
        output.rows = count;
        output.marks = marks;
        self.pending.push(output);
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }
}
