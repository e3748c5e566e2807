//! The `datagen` connector: rows made up by rule (`DataGenTableSourceFactory`,
//! `RandomGeneratorVisitor`, `SequenceGeneratorVisitor`).
//!
//! Subtask `i` of `n` makes the rows `i`, `i + n`, `i + 2n`... A row is a function of the table's
//! seed, drawn once when a job starts, and the row's number (times aside, which are the wall
//! clock's): so after a restart random fields go on as they would have, with any number of
//! subtasks.

pub mod field;
pub mod progression;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use river_core::options::OptionError;
use river_core::plan::TableRef;
use river_runtime::source::{Poll, Source, SourceReader, SplitState};
use river_runtime::{Batch, Error, Result};

use self::field::{FieldGenerator, Random};
use self::progression::Progression;
use crate::clock_ms;
use crate::format::column_sink::ColumnSink;
use crate::shares::{self, Share};

/// Keys of the connector, besides `fields.<name>.<key>`.
pub const OPTION_KEYS: &[&str] = &["rows-per-second", "number-of-rows", "scan.parallelism"];

/// Keys of a field.
pub const FIELD_KEYS: &[&str] =
    &["kind", "min", "max", "max-past", "length", "var-len", "start", "end", "null-rate"];

/// Rows of a batch.
const BATCH_ROWS: u64 = 4096;
/// Longest wait before the reader is asked again.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// A table of made-up rows.
pub struct DatagenSource {
    table: String,
    generators: Vec<FieldGenerator>,
    projection: Vec<usize>,
    /// Rows in all; `None`: no end.
    rows: Option<u64>,
    rows_per_second: u64,
    parallelism: Option<u32>,
    seed: u64,
}

impl DatagenSource {
    /// The source of a table.
    pub fn new(table: &TableRef) -> Result<DatagenSource> {
        let wrong = |error: OptionError| Error::input(format!("table {}: {error}", table.name));
        let count = |key: &str| -> Result<Option<u64>> {
            let value = table.options.i64(key).map_err(wrong)?;
            value
                .map(|value| {
                    u64::try_from(value).map_err(|_| {
                        Error::input(format!(
                            "table {}: option '{key}' must not be negative",
                            table.name
                        ))
                    })
                })
                .transpose()
        };
        let generators: Vec<FieldGenerator> = table
            .physical
            .iter()
            .map(|f| FieldGenerator::new(&f.name, &f.ty.logical, &table.options))
            .collect::<std::result::Result<_, OptionError>>()
            .map_err(wrong)?;
        let sequence_end = generators.iter().filter_map(FieldGenerator::rows).min();
        let number = count("number-of-rows")?;
        let parallelism = count("scan.parallelism")?.and_then(|p| u32::try_from(p).ok());
        Ok(DatagenSource {
            table: table.name.clone(),
            generators,
            projection: table.projection.clone(),
            rows: [sequence_end, number].into_iter().flatten().min(),
            rows_per_second: count("rows-per-second")?.unwrap_or(10_000).max(1),
            parallelism: parallelism.filter(|p| *p > 0),
            seed: uuid::Uuid::new_v4().as_u64_pair().0,
        })
    }
}

impl Source for DatagenSource {
    fn reader(&self, subtask: u32, parallelism: u32) -> Result<Box<dyn SourceReader>> {
        let parallelism = parallelism.max(1);
        let generators = self.projection.iter().map(|position| {
            let generator = self.generators.get(*position).cloned().ok_or_else(|| {
                Error::internal(format!("table {}: no column {position}", self.table))
            })?;
            Ok((*position as u64, generator))
        });
        let share = Progression { next: subtask.into(), step: parallelism.into() };
        Ok(Box::new(Reader {
            table: self.table.clone(),
            generators: generators.collect::<Result<_>>()?,
            shares: vec![share],
            end: self.rows.unwrap_or(u64::MAX),
            since_start: 0,
            per_second: self.rows_per_second as f64 / f64::from(parallelism),
            started: None,
            seed: self.seed,
        }))
    }

    fn redistribute(
        &self,
        splits: Vec<Vec<SplitState>>,
        parallelism: u32,
    ) -> Result<Vec<Vec<SplitState>>> {
        shares::redistribute(splits, parallelism, |state| decode(&self.table, state))
    }

    fn is_bounded(&self) -> bool {
        self.rows.is_some()
    }

    fn restarts_by_subtask(&self) -> bool {
        true
    }

    fn parallelism(&self) -> Option<u32> {
        self.parallelism
    }
}

impl Share for (u64, Progression) {
    fn encode(&self) -> SplitState {
        self.1.encode(self.0)
    }

    fn cut(self, parts: usize) -> Vec<(u64, Progression)> {
        let (seed, share) = self;
        share.parts(parts).into_iter().map(|part| (seed, part)).collect()
    }
}

/// The seed and the share of a split.
fn decode(table: &str, state: &SplitState) -> Result<(u64, Progression)> {
    Progression::decode(state).ok_or_else(|| {
        let split = &state.split;
        Error::internal(format!("table {table}: the stored position of {split} is damaged"))
    })
}

/// Makes its shares in turns, the one that is furthest behind first.
struct Reader {
    table: String,
    /// With the positions of their columns.
    generators: Vec<(u64, FieldGenerator)>,
    shares: Vec<Progression>,
    /// Rows from here on are not made.
    end: u64,
    /// Rows made since `started`.
    since_start: u64,
    per_second: f64,
    started: Option<Instant>,
    seed: u64,
}

impl Reader {
    fn make(&self, share: Progression, rows: u64) -> Batch {
        let now_ms = clock_ms();
        let columns = self.generators.iter().map(|(position, generator)| {
            let mut column = ColumnSink::new(&generator.ty);
            for row in (0..rows).map(|number| share.row(number)) {
                let mut random = Random::of(self.seed, *position, row);
                generator.push(row, now_ms, &mut random, &mut column);
            }
            column.finish()
        });
        Batch::new(columns.collect(), rows as usize)
    }
}

impl SourceReader for Reader {
    fn poll(&mut self) -> Result<Poll> {
        let unfinished = |share: &&mut Progression| share.left(self.end) > 0;
        let next = self.shares.iter_mut().filter(unfinished).min_by_key(|share| share.next);
        let Some(share) = next else { return Ok(Poll::End) };
        let started = *self.started.get_or_insert_with(Instant::now);
        let allowed = (started.elapsed().as_secs_f64() * self.per_second) as u64 + 1;
        let due = allowed.saturating_sub(self.since_start);
        let due = due.min(share.left(self.end)).min(BATCH_ROWS);
        if due == 0 {
            let next = (self.since_start + 1) as f64 / self.per_second;
            let wait = Duration::from_secs_f64(next).saturating_sub(started.elapsed());
            return Ok(Poll::Wait(wait.clamp(Duration::from_millis(1), LONGEST_WAIT)));
        }
        let made = *share;
        share.next = made.row(due);
        self.since_start += due;
        Ok(Poll::Batch(self.make(made, due)))
    }

    fn snapshot(&self) -> Vec<SplitState> {
        self.shares.iter().map(|share| share.encode(self.seed)).collect()
    }

    fn restore(&mut self, splits: Vec<SplitState>) -> Result<()> {
        self.shares.clear();
        for state in &splits {
            let (seed, share) = decode(&self.table, state)?;
            self.seed = seed;
            self.shares.push(share);
        }
        Ok(())
    }
}
