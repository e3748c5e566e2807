//! Makes watermarks of rows (`WatermarkAssignerOperator`).
//!
//! A watermark follows the row that moves event time on by more than the interval since the last
//! one sent; a processing-time timer sends what has gathered since. Watermarks start from 0: an
//! earlier one is never sent. Watermarks from above are dropped, but for the last one, which says
//! that no rows will come.

use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType as Arrow, TimeUnit};
use river_core::Expr;
use river_expr::EvalContext;
use river_expr::program::Program;
use river_runtime::operator::now_ms;
use river_runtime::state::fixed;
use river_runtime::{Batch, Error, MAX_WATERMARK, Mark, Operator, Output, Result, Status};

use crate::saved;

#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

/// The operator.
pub struct WatermarkAssigner {
    rowtime: usize,
    watermark: Program,
    interval_ms: i64,
    idle_timeout_ms: i64,
    current: i64,
    last_sent: i64,
    timers: Timers,
}

/// The processing-time side: periodic watermarks and idleness.
#[derive(Default)]
struct Timers {
    /// `None` until the first batch or timer says what time it is.
    next_ms: Option<i64>,
    last_periodic_ms: i64,
    last_active_ms: i64,
    rows_since_check: bool,
    idle: bool,
}

impl WatermarkAssigner {
    /// The operator; times in milliseconds, 0 switches periodic watermarks or idleness off.
    pub fn new(
        rowtime: usize,
        watermark: &Expr,
        interval_ms: i64,
        idle_timeout_ms: i64,
    ) -> Result<WatermarkAssigner> {
        Ok(WatermarkAssigner {
            rowtime,
            watermark: Program::compile(watermark)?,
            interval_ms,
            idle_timeout_ms,
            current: 0,
            last_sent: 0,
            timers: Timers::default(),
        })
    }

    /// Time between timers (`calculateProcessingTimeTimerInterval`).
    fn timer_interval_ms(&self) -> Option<i64> {
        match (self.interval_ms > 0, self.idle_timeout_ms > 0) {
            (false, false) => None,
            (true, false) => Some(self.interval_ms),
            (false, true) => Some(self.idle_timeout_ms),
            (true, true) => {
                let small = self.interval_ms.min(self.idle_timeout_ms);
                let large = self.interval_ms.max(self.idle_timeout_ms);
                Some(if small * 5 < large { small } else { (small / 5).max(1) })
            }
        }
    }

    fn start_timers(&mut self, now_ms: i64) {
        if self.timers.next_ms.is_none() {
            self.timers.next_ms = self.timer_interval_ms().map(|interval| now_ms + interval);
            self.timers.last_periodic_ms = now_ms;
            self.timers.last_active_ms = now_ms;
        }
    }

    /// The watermarks that follow rows of the batch.
    fn marks(&mut self, batch: &Batch, now: &EvalContext) -> Result<Vec<Mark>> {
        if batch.columns[self.rowtime].null_count() > 0 {
            return Err(Error::input(
                "the event-time column holds NULL: filter such rows out, or give them a time",
            ));
        }
        let watermarks = self.watermark.eval(&batch.columns, batch.rows, now)?;
        let ticks = ticks_in_ms(&watermarks)?;
        let nulls = watermarks.nulls().filter(|nulls| nulls.null_count() > 0);
        let mut marks = Vec::new();
        // The current watermark above which the next mark comes.
        let mut limit = self.last_sent.saturating_add(self.interval_ms);
        let mut current = self.current;
        for (row, watermark) in ticks.iter().enumerate() {
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                current = current.max(*watermark);
            }
            if current > limit {
                marks.push(Mark { offset: row + 1, watermark: current });
                self.last_sent = current;
                limit = current.saturating_add(self.interval_ms);
            }
        }
        self.current = current;
        Ok(marks)
    }
}

/// Milliseconds of a timestamp column of any unit.
fn ticks_in_ms(column: &ArrayRef) -> Result<fixed::Words<'_>> {
    let wrong = || Error::internal("a watermark expression is no timestamp");
    let words = fixed::words(column.as_ref()).ok_or_else(wrong)?;
    let per_ms = match column.data_type() {
        Arrow::Timestamp(TimeUnit::Millisecond, _) => return Ok(words),
        Arrow::Timestamp(TimeUnit::Microsecond, _) => 1_000,
        Arrow::Timestamp(TimeUnit::Nanosecond, _) => 1_000_000,
        _ => return Err(wrong()),
    };
    Ok(fixed::Words::Owned(words.iter().map(|tick| tick.div_euclid(per_ms)).collect()))
}

impl Operator for WatermarkAssigner {
    fn process(
        &mut self,
        _: usize,
        mut batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        self.start_timers(now_ms(now));
        let ended = batch.marks.iter().any(|mark| mark.watermark == MAX_WATERMARK);
        batch.marks.clear();
        if batch.rows > 0 {
            self.timers.rows_since_check = true;
            if std::mem::take(&mut self.timers.idle) {
                out.set_idle(false);
            }
            batch.marks = self.marks(&batch, now)?;
        }
        if ended && self.current != MAX_WATERMARK {
            if std::mem::take(&mut self.timers.idle) {
                out.set_idle(false);
            }
            self.current = MAX_WATERMARK;
            self.last_sent = MAX_WATERMARK;
            batch.marks.push(Mark { offset: batch.rows, watermark: MAX_WATERMARK });
        }
        out.push(batch);
        Ok(Status::Done)
    }

    fn end_input(&mut self, _: usize, _: &EvalContext, out: &mut Output) -> Result<Status> {
        if self.current != MAX_WATERMARK {
            if std::mem::take(&mut self.timers.idle) {
                out.set_idle(false);
            }
            self.current = MAX_WATERMARK;
            self.last_sent = MAX_WATERMARK;
            out.push(Batch::watermark(MAX_WATERMARK));
        }
        Ok(Status::Done)
    }

    fn next_timer_ms(&self) -> Option<i64> {
        // Before the first call the clock is unknown: ask to be called at once.
        match self.timers.next_ms {
            None => self.timer_interval_ms().map(|_| i64::MIN),
            next => next,
        }
    }

    fn on_timer(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        let now_ms = now_ms(now);
        self.start_timers(now_ms);
        let periodic_due = self.timers.last_periodic_ms.saturating_add(self.interval_ms) <= now_ms;
        if self.interval_ms > 0 && periodic_due {
            self.timers.last_periodic_ms = now_ms;
            if self.current > self.last_sent {
                self.last_sent = self.current;
                out.push(Batch::watermark(self.current));
            }
        }
        if std::mem::take(&mut self.timers.rows_since_check) {
            self.timers.last_active_ms = now_ms;
        }
        let idle_due = self.timers.last_active_ms.saturating_add(self.idle_timeout_ms) <= now_ms;
        if self.idle_timeout_ms > 0 && !self.timers.idle && idle_due {
            self.timers.idle = true;
            out.set_idle(true);
        }
        self.timers.next_ms = self.timer_interval_ms().map(|interval| now_ms + interval);
        Ok(Status::Done)
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(saved::encode_numbers(&[self.current, self.last_sent]))
    }

    /// A subtask whose input had ended says nothing of how far the others are.
    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        let mut least: Option<[i64; 2]> = None;
        for bytes in saved {
            let [current, sent] = saved::decode_numbers(bytes)?;
            if current != MAX_WATERMARK {
                let [least_current, least_sent] = least.unwrap_or([current, sent]);
                least = Some([current.min(least_current), sent.min(least_sent)]);
            }
        }
        if let Some(numbers) = least {
            [self.current, self.last_sent] = numbers;
        }
        Ok(())
    }
}
