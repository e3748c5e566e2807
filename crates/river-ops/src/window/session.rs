//! Aggregation in session windows (`UnslicingWindowOperator`, and the legacy `WindowOperator` with
//! `SessionGroupWindow`): sessions merge as rows come, and are sent when the watermark has passed
//! their end. A row is late if the session it would make, merged with those open, is over.

use arrow_array::ArrayRef;
use river_core::Field;
use river_core::plan::{WindowKind, WindowProperty, WindowTime};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Batch, Error, MAX_WATERMARK, Operator, Output, Result, Status};

use self::open::OpenSessions;
use super::fire::{self, pick, push_mark, time_column, times};
use super::progress::Progress;
use super::sessions::Assigned;
use super::sliced::Spec;
use super::zone::Zone;
use crate::pending::Pending;

mod open;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

/// The operator.
pub struct SessionAggregate {
    /// `None`: processing time.
    rowtime: Option<usize>,
    gap: i64,
    zone: Zone,
    keys: Vec<usize>,
    properties: Vec<(WindowProperty, Field)>,
    open: Keyed<OpenSessions>,
    progress: Progress,
    pending: Pending,
    /// Keys of late rows: forgotten after the run unless they have a session.
    orphans: Vec<u32>,
}

/// Rows with a session that are not aggregated yet.
#[derive(Default)]
struct Waiting {
    rows: Vec<u32>,
    sessions: Vec<u32>,
}

impl SessionAggregate {
    /// An operator without sessions.
    pub fn new(spec: &Spec) -> Result<SessionAggregate> {
        let WindowKind::Session { gap, ref partition } = spec.window.kind else {
            return Err(Error::internal("the windows are no sessions"));
        };
        let same = partition.iter().all(|column| spec.keys.contains(column))
            && spec.keys.iter().all(|key| partition.contains(key));
        if !same {
            // Flink runs the window function on its own then, with the grouping above it.
            return Err(Error::input(
                "a grouping of session windows by other columns than the sessions' PARTITION BY \
                 is not supported yet",
            ));
        }
        let rowtime = match spec.window.time {
            WindowTime::Rowtime(column) => Some(column),
            WindowTime::Proctime => None,
            WindowTime::Attached { .. } => {
                return Err(Error::internal("attached sessions are not merged again"));
            }
        };
        let first_property = spec.output.len().saturating_sub(spec.properties.len());
        let fields = spec.output[first_property..].iter().cloned();
        Ok(SessionAggregate {
            rowtime,
            gap,
            zone: Zone::new(spec.window.zone.as_deref())?,
            keys: spec.keys.to_vec(),
            properties: spec.properties.iter().copied().zip(fields).collect(),
            open: Keyed::new(OpenSessions::new(spec)?),
            progress: Progress::new(spec.max_parallelism),
            pending: Pending::default(),
            orphans: Vec::new(),
        })
    }

    fn flush(&mut self, batch: &Batch, waiting: &mut Waiting) -> Result<()> {
        if waiting.rows.is_empty() {
            return Ok(());
        }
        let columns = pick(&batch.columns, &waiting.rows)?;
        let retract: Option<Vec<bool>> = batch
            .kinds
            .as_ref()
            .map(|kinds| waiting.rows.iter().map(|row| kinds[*row as usize] & 1 == 1).collect());
        self.open.grow();
        self.open.calls.update(&columns, &waiting.sessions, retract.as_deref())?;
        for (at, session) in waiting.sessions.iter().enumerate() {
            let taken_away = retract.as_ref().is_some_and(|retract| retract[at]);
            self.open.counts[*session as usize] += if taken_away { -1 } else { 1 };
        }
        waiting.rows.clear();
        waiting.sessions.clear();
        Ok(())
    }

    fn take(
        &mut self,
        batch: &Batch,
        row: u32,
        key: u32,
        (time, progress): (i64, i64),
        waiting: &mut Waiting,
    ) -> Result<()> {
        let local = self.zone.to_local(time);
        let window = (local, local.saturating_add(self.gap));
        let zone = &self.zone;
        let event_time = self.rowtime.is_some();
        let is_over = |end: i64| event_time && zone.trigger(end) <= progress;
        let assigned = self.open.sessions.assign(key, window, is_over)?;
        let Assigned::Session(session, merged) = assigned else {
            self.orphans.push(key);
            return Ok(());
        };
        if !merged.is_empty() {
            self.flush(batch, waiting)?;
            self.open.merge(&merged, session)?;
        }
        waiting.rows.push(row);
        waiting.sessions.push(session);
        Ok(())
    }

    /// Sends every session that is over at `progress`.
    fn advance(&mut self, progress: i64) -> Result<()> {
        let mut over = Vec::new();
        let zone = &self.zone;
        while let Some(session) = self.open.sessions.next_over(|end| zone.trigger(end) <= progress)
        {
            over.push(session);
        }
        self.progress.advance(progress);
        let full = |session: &u32| self.open.counts[*session as usize] != 0;
        let full: Vec<u32> = over.iter().copied().filter(full).collect();
        if !full.is_empty() {
            let batch = self.results(&full)?;
            self.pending.push(batch);
        }
        let keys: Vec<u32> = over.iter().map(|session| self.open.sessions.key(*session)).collect();
        self.open.touch(&keys)?;
        self.open.close(&over);
        Ok(())
    }

    fn results(&self, sessions: &[u32]) -> Result<Batch> {
        let open = &self.open;
        let keys: Vec<u32> = sessions.iter().map(|session| open.sessions.key(*session)).collect();
        let mut columns: Vec<ArrayRef> = open.index.key_columns(&keys)?;
        columns.extend(open.calls.values(sessions)?);
        for (property, field) in &self.properties {
            let value = |session: &u32| {
                fire::property(*property, open.sessions.window(*session), field, &self.zone)
            };
            columns.push(time_column(sessions.iter().map(value).collect(), field)?);
        }
        Ok(Batch::new(columns, sessions.len()))
    }
}

impl Operator for SessionAggregate {
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
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| batch.columns[*key].clone()).collect();
        let times = match self.rowtime {
            Some(column) if batch.rows > 0 => Some(times(&batch.columns[column])?),
            _ => None,
        };
        let reached = self.progress.of_rows(&batch.columns, &self.keys, batch.rows)?;
        let mut waiting = Waiting::default();
        let mut passed = Batch::default();
        let mut slots = Vec::new();
        for (range, watermark) in batch.segments() {
            if !range.is_empty() {
                // Looked up run by run: a key is forgotten once its last session is sent.
                let part: Vec<ArrayRef> =
                    keys.iter().map(|key| key.slice(range.start, range.len())).collect();
                self.open.index.lookup_or_insert(&part, range.len(), &mut slots)?;
                self.open.touch(&slots)?;
            }
            for (row, slot) in range.zip(&slots) {
                let time = times.as_ref().map_or_else(|| now_ms(now), |times| times[row]);
                let progress = self.progress.at(&reached, row);
                self.take(&batch, row as u32, *slot, (time, progress), &mut waiting)?;
            }
            for key in std::mem::take(&mut self.orphans) {
                self.open.forget_key_without_session(key);
            }
            let Some(watermark) = watermark else { continue };
            if self.rowtime.is_some() {
                let first = self.open.sessions.first_end();
                if first.is_some_and(|end| self.zone.trigger(end) <= watermark) {
                    self.pending.push(std::mem::take(&mut passed));
                    self.flush(&batch, &mut waiting)?;
                    self.advance(watermark)?;
                }
                self.progress.advance(watermark);
            }
            push_mark(&mut passed, watermark);
        }
        self.pending.push(passed);
        self.flush(&batch, &mut waiting)?;
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
        self.open.sessions.first_end().map(|end| self.zone.trigger(end))
    }

    fn on_timer(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        if self.rowtime.is_none() {
            self.advance(now_ms(now))?;
        }
        Ok(self.pending.drain(out))
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.open]
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(self.progress.save())
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        self.progress.restore(saved)
    }
}
