//! The `SESSION` table function without aggregation (`UnalignedWindowTableFunctionOperator`): rows
//! wait until their session is over, then are sent with its start, end and time.

use arrow_array::{Array, ArrayRef};
use river_core::Field;
use river_core::plan::{Window, WindowKind, WindowProperty, WindowTime};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Batch, Error, MAX_WATERMARK, Operator, Output, Result, Status};

use self::waiting::WaitingRows;
use super::fire::{self, push_mark, raw_times, time_column};
use super::progress::Progress;
use super::sessions::Assigned;
use super::zone::Zone;
use crate::one_row::project;
use crate::pending::Pending;

#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;
mod waiting;

/// The operator.
pub struct SessionTable {
    rowtime: Option<usize>,
    gap: i64,
    zone: Zone,
    /// Fields of the three window columns.
    fields: Vec<Field>,
    waiting: Keyed<WaitingRows>,
    progress: Progress,
    pending: Pending,
}

impl SessionTable {
    /// An operator without sessions; `output` is the input's columns and three more,
    /// `max_parallelism` the number of key groups.
    pub fn new(
        input: &[Field],
        output: &[Field],
        window: &Window,
        max_parallelism: u32,
    ) -> Result<SessionTable> {
        let WindowKind::Session { gap, partition } = &window.kind else {
            return Err(Error::internal("the windows are no sessions"));
        };
        let rowtime = match window.time {
            WindowTime::Rowtime(column) => Some(column),
            _ => None,
        };
        let fields = output.get(input.len()..).unwrap_or_default().to_vec();
        if fields.len() != 3 {
            return Err(Error::internal("a window table function appends three columns"));
        }
        Ok(SessionTable {
            rowtime,
            gap: *gap,
            zone: Zone::new(window.zone.as_deref())?,
            fields,
            waiting: Keyed::new(WaitingRows::new(input, partition)?),
            progress: Progress::new(max_parallelism),
            pending: Pending::default(),
        })
    }

    /// The session of a row, and those merged into it; `None` if it is late at `progress`.
    fn session_of(
        &mut self,
        key: u32,
        time: i64,
        progress: i64,
    ) -> Result<Option<(u32, Vec<u32>)>> {
        let local = self.zone.to_local(time);
        let window = (local, local.saturating_add(self.gap));
        let zone = &self.zone;
        let event_time = self.rowtime.is_some();
        let is_over = |end: i64| event_time && zone.trigger(end) <= progress;
        Ok(match self.waiting.sessions.assign(key, window, is_over)? {
            Assigned::Late => None,
            Assigned::Session(session, merged) => Some((session, merged)),
        })
    }

    /// Keeps the rows of one run between watermarks.
    fn keep(&mut self, batch: &Batch, now_ms: i64) -> Result<()> {
        let keys: Vec<ArrayRef> = project(&batch.columns, &self.waiting.partition);
        let mut slots = Vec::new();
        self.waiting.index.lookup_or_insert(&keys, batch.rows, &mut slots)?;
        self.waiting.touch(&slots)?;
        let partition = &self.waiting.partition;
        let reached = self.progress.of_rows(&batch.columns, partition, batch.rows)?;
        let column = self.rowtime.map(|column| &batch.columns[column]);
        let times = column.map(raw_times).transpose()?;
        let (mut kept, mut owners): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        for (row, slot) in slots.iter().enumerate() {
            // Rows without a time are in no window, and dropped.
            if column.is_some_and(|column| column.is_null(row)) {
                continue;
            }
            let time = times.as_ref().map_or(now_ms, |times| times[row]);
            let progress = self.progress.at(&reached, row);
            let assigned = self.session_of(*slot, time, progress)?;
            let Some((session, merged)) = assigned else { continue };
            let waiting = &mut *self.waiting;
            waiting.members.resize_with(waiting.sessions.capacity(), Vec::new);
            for other in merged {
                let rows = std::mem::take(&mut waiting.members[other as usize]);
                waiting.members[session as usize].extend(rows);
                owners.iter_mut().filter(|owner| **owner == other).for_each(|o| *o = session);
                waiting.sessions.release(other);
            }
            kept.push(row as u32);
            owners.push(session);
        }
        for key in slots {
            self.waiting.forget_key_without_session(key);
        }
        let kind = |row: u32| batch.kind(row as usize) as u8;
        self.waiting.add(&batch.columns, &kept, &owners, kind)
    }

    /// Sends the rows of every session that is over at `progress`.
    fn advance(&mut self, progress: i64) -> Result<()> {
        let zone = &self.zone;
        let mut ids: Vec<u32> = Vec::new();
        let mut windows: [Vec<i64>; 3] = Default::default();
        let properties = [WindowProperty::Start, WindowProperty::End, WindowProperty::Time];
        let mut over = Vec::new();
        let waiting = &mut *self.waiting;
        while let Some(session) = waiting.sessions.next_over(|end| zone.trigger(end) <= progress) {
            ids.extend_from_slice(&waiting.members[session as usize]);
            let window = waiting.sessions.window(session);
            for ((values, property), field) in windows.iter_mut().zip(properties).zip(&self.fields)
            {
                values.resize(ids.len(), fire::property(property, window, field, zone));
            }
            over.push(session);
        }
        self.progress.advance(progress);
        if over.is_empty() {
            return Ok(());
        }
        let waiting = &self.waiting;
        let mut columns = waiting.rows.gather(&ids)?;
        for (values, field) in windows.into_iter().zip(&self.fields) {
            columns.push(time_column(values, field)?);
        }
        let kinds: Vec<u8> = ids.iter().map(|id| waiting.kinds[*id as usize]).collect();
        let kinds = kinds.iter().any(|kind| *kind != 0).then(|| kinds.into());
        self.pending.push(Batch::new(columns, ids.len()).with_kinds(kinds));
        let keys: Vec<u32> = over.iter().map(|id| waiting.sessions.key(*id)).collect();
        self.waiting.touch(&keys)?;
        self.waiting.close(&over);
        Ok(())
    }
}

impl Operator for SessionTable {
    fn process(
        &mut self,
        _: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        if self.rowtime.is_none() {
            self.advance(now_ms(now))?;
        }
        let mut passed = Batch::default();
        for (range, watermark) in batch.segments() {
            if !range.is_empty() {
                self.keep(&batch.slice(range), now_ms(now))?;
            }
            let Some(watermark) = watermark else { continue };
            if self.rowtime.is_some() {
                let first = self.waiting.sessions.first_end();
                if first.is_some_and(|end| self.zone.trigger(end) <= watermark) {
                    self.pending.push(std::mem::take(&mut passed));
                    self.advance(watermark)?;
                }
                self.progress.advance(watermark);
            }
            push_mark(&mut passed, watermark);
        }
        self.pending.push(passed);
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }

    fn end_input(&mut self, _: usize, _: &EvalContext, out: &mut Output) -> Result<Status> {
        self.advance(MAX_WATERMARK)?;
        Ok(self.pending.drain(out))
    }

    fn next_timer_ms(&self) -> Option<i64> {
        if self.rowtime.is_some() {
            return None;
        }
        self.waiting.sessions.first_end().map(|end| self.zone.trigger(end))
    }

    fn on_timer(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        if self.rowtime.is_none() {
            self.advance(now_ms(now))?;
        }
        Ok(self.pending.drain(out))
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.waiting]
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(self.progress.save())
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        self.progress.restore(saved)
    }
}
