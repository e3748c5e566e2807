//! The `nexmark` table as the runtime reads it. The only part of the generator that looks at a
//! clock: with `max-emit-speed` = `false` it holds events back to the table's rate.

use std::time::{Duration, Instant};

use river_core::plan::TableRef;
use river_runtime::source::{Poll, Source, SourceReader, SplitState};
use river_runtime::{Batch, Error, Result};

use super::schema::{Projection, Wanted, columns};
use super::split::Split;
use super::{Config, Generator};
use crate::shares::{self, Share};

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;
/// Longest wait before the reader is asked again.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// A `nexmark` table. Reader `i` of `n` makes share `i` of `n` of the events.
#[derive(Debug, Clone)]
pub struct NexmarkSource {
    config: Config,
    projection: Projection,
}

impl NexmarkSource {
    /// The source of a table.
    ///
    /// # Errors
    /// Names the option that is wrong, or the column that is not the generator's.
    pub fn new(table: &TableRef) -> Result<NexmarkSource> {
        let config = Config::new(&table.options)
            .map_err(|error| Error::input(format!("table {}: {error}", table.name)))?;
        check_columns(table)?;
        let wanted = table.projection.iter().enumerate().map(|(i, column)| {
            match table.used_fields.get(i).and_then(Option::as_ref) {
                Some(fields) => Wanted::Fields(*column, fields.clone()),
                None => Wanted::Column(*column),
            }
        });
        let projection = Projection::new(wanted.collect())
            .map_err(|error| Error::internal(format!("table {}: {error}", table.name)))?;
        Ok(NexmarkSource { config, projection })
    }

    fn decode(&self, state: &SplitState) -> Result<Split> {
        let position = <[u8; 8]>::try_from(state.position.as_slice()).map(u64::from_le_bytes);
        match (position, Split::named(self.config.events, &state.split)) {
            (Ok(position), Some(split)) => Ok(split.resumed_at(position)),
            _ => Err(Error::internal(format!("not a nexmark split: {}", state.split))),
        }
    }
}

impl Share for Split {
    fn encode(&self) -> SplitState {
        SplitState { split: self.name(), position: self.position().to_le_bytes().to_vec() }
    }

    fn cut(self, parts: usize) -> Vec<Split> {
        self.parts(parts)
    }
}

/// A table must declare the generator's four columns: they are matched by position.
fn check_columns(table: &TableRef) -> Result<()> {
    let made = columns();
    for (i, column) in made.iter().enumerate() {
        let declared = table.physical.get(i).map(|declared| &declared.ty.logical);
        if declared.map(|ty| ty.to_arrow()) != Some(column.ty.logical.to_arrow()) {
            return Err(Error::input(format!(
                "table {}: physical column {} of a nexmark table must be `{}` {}",
                table.name,
                i + 1,
                column.name,
                column.ty
            )));
        }
    }
    if let Some(extra) = table.physical.get(made.len()).or(table.metadata.first()) {
        return Err(Error::input(format!(
            "table {}: a nexmark table has no column for `{}`; it has `event_type`, `person`, \
             `auction` and `bid`",
            table.name, extra.name
        )));
    }
    Ok(())
}

impl Source for NexmarkSource {
    fn reader(&self, subtask: u32, parallelism: u32) -> Result<Box<dyn SourceReader>> {
        let split = Split::new(self.config.events, subtask, parallelism);
        let mut reader = Reader { source: self.clone(), generators: Vec::new(), started: None };
        reader.add(split);
        Ok(Box::new(reader))
    }

    fn redistribute(
        &self,
        splits: Vec<Vec<SplitState>>,
        parallelism: u32,
    ) -> Result<Vec<Vec<SplitState>>> {
        shares::redistribute(splits, parallelism, |state| self.decode(state))
    }

    fn is_bounded(&self) -> bool {
        self.config.bounded && !self.config.keep_alive
    }

    fn restarts_by_subtask(&self) -> bool {
        true
    }
}

/// Reads one share, or several after rescaling; these in turns, so that none runs ahead.
#[derive(Debug)]
struct Reader {
    source: NexmarkSource,
    generators: Vec<Generator>,
    /// When the first event was made and when it was due, with `max-emit-speed` = `false`.
    started: Option<(Instant, Duration)>,
}

impl Reader {
    fn add(&mut self, split: Split) {
        let NexmarkSource { config, projection } = self.source.clone();
        self.generators.push(Generator::new(config, projection, split));
    }

    /// How long the event due at `due` is still to be held back.
    fn held_back(&mut self, due: Duration) -> Duration {
        if self.source.config.max_emit_speed {
            return Duration::ZERO;
        }
        let (start, first_due) = *self.started.get_or_insert_with(|| (Instant::now(), due));
        due.saturating_sub(first_due).saturating_sub(start.elapsed())
    }

    /// Rows to make at once: no more than come due while a wait lasts.
    fn batch_rows(&self) -> usize {
        if self.source.config.max_emit_speed {
            return BATCH_ROWS;
        }
        let per_wait = LONGEST_WAIT.as_micros() as f64 / self.source.config.event_gap_us;
        (per_wait as usize).clamp(1, BATCH_ROWS)
    }
}

impl SourceReader for Reader {
    fn poll(&mut self) -> Result<Poll> {
        let next = self
            .generators
            .iter()
            .enumerate()
            .filter_map(|(i, generator)| generator.next_due().map(|due| (due, i)))
            .min();
        let Some((due, i)) = next else {
            let ends = !self.source.config.keep_alive;
            return Ok(if ends { Poll::End } else { Poll::Wait(LONGEST_WAIT) });
        };
        let held_back = self.held_back(due);
        if !held_back.is_zero() {
            return Ok(Poll::Wait(held_back.min(LONGEST_WAIT)));
        }
        let rows = self.batch_rows();
        let (rows, columns) = self.generators[i].fill(rows);
        Ok(Poll::Batch(Batch::new(columns, rows)))
    }

    fn snapshot(&self) -> Vec<SplitState> {
        self.generators.iter().map(|generator| generator.split().encode()).collect()
    }

    fn restore(&mut self, splits: Vec<SplitState>) -> Result<()> {
        self.generators.clear();
        self.started = None;
        for state in splits {
            self.add(self.source.decode(&state)?);
        }
        Ok(())
    }
}
