//! The `datagen` connector: rows made up by rule (`DataGenTableSourceFactory`,
//! `RandomGeneratorVisitor`, `SequenceGeneratorVisitor`).
//!
//! Subtask `i` of `n` makes the rows `i`, `i + n`, `i + 2n`...; the position of a split is the
//! number of rows it has made.

pub mod field;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use river_core::options::OptionError;
use river_core::plan::TableRef;
use river_runtime::source::{Poll, Source, SourceReader, SplitState};
use river_runtime::{Batch, Error, Result};

use self::field::{FieldGenerator, Random};
use crate::clock_ms;
use crate::format::column_sink::ColumnSink;

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
        })
    }
}

impl Source for DatagenSource {
    fn reader(&self, subtask: u32, parallelism: u32) -> Result<Box<dyn SourceReader>> {
        let (subtask, parallelism) = (u64::from(subtask), u64::from(parallelism.max(1)));
        let of = |total: u64| total / parallelism + u64::from(total % parallelism > subtask);
        let generators = self.projection.iter().map(|position| {
            self.generators.get(*position).cloned().ok_or_else(|| {
                Error::internal(format!("table {}: no column {position}", self.table))
            })
        });
        Ok(Box::new(Reader {
            table: self.table.clone(),
            generators: generators.collect::<Result<_>>()?,
            first: subtask,
            step: parallelism,
            rows: self.rows.map(of),
            made: 0,
            since_start: 0,
            per_second: self.rows_per_second as f64 / parallelism as f64,
            started: None,
            random: Random::new(),
        }))
    }

    fn is_bounded(&self) -> bool {
        self.rows.is_some()
    }

    fn parallelism(&self) -> Option<u32> {
        self.parallelism
    }
}

struct Reader {
    table: String,
    generators: Vec<FieldGenerator>,
    first: u64,
    step: u64,
    rows: Option<u64>,
    /// Rows made, also before a restart.
    made: u64,
    /// Rows made since `started`.
    since_start: u64,
    per_second: f64,
    started: Option<Instant>,
    random: Random,
}

impl SourceReader for Reader {
    fn poll(&mut self) -> Result<Poll> {
        let left = self.rows.map_or(u64::MAX, |rows| rows.saturating_sub(self.made));
        if left == 0 {
            return Ok(Poll::End);
        }
        let started = *self.started.get_or_insert_with(Instant::now);
        let allowed = (started.elapsed().as_secs_f64() * self.per_second) as u64 + 1;
        let due = allowed.saturating_sub(self.since_start).min(left).min(BATCH_ROWS);
        if due == 0 {
            let next = (self.since_start + 1) as f64 / self.per_second;
            let wait = Duration::from_secs_f64(next).saturating_sub(started.elapsed());
            return Ok(Poll::Wait(wait.clamp(Duration::from_millis(1), LONGEST_WAIT)));
        }
        let now_ms = clock_ms();
        let mut columns = Vec::with_capacity(self.generators.len());
        for generator in &self.generators {
            let mut column = ColumnSink::new(&generator.ty);
            for row in self.made..self.made + due {
                let index = self.first + row * self.step;
                generator.push(index, now_ms, &mut self.random, &mut column);
            }
            columns.push(column.finish());
        }
        self.made += due;
        self.since_start += due;
        Ok(Poll::Batch(Batch::new(columns, due as usize)))
    }

    fn snapshot(&self) -> Vec<SplitState> {
        let split = format!("{}/{}", self.first, self.step);
        vec![SplitState { split, position: self.made.to_le_bytes().to_vec() }]
    }

    fn restore(&mut self, splits: Vec<SplitState>) -> Result<()> {
        let own = format!("{}/{}", self.first, self.step);
        for state in splits {
            if state.split != own {
                return Err(Error::input(format!(
                    "table {}: a datagen table cannot change its parallelism on restore",
                    self.table
                )));
            }
            let position = <[u8; 8]>::try_from(state.position.as_slice()).map_err(|_| {
                Error::internal(format!("table {}: the stored position is damaged", self.table))
            })?;
            self.made = u64::from_le_bytes(position);
        }
        Ok(())
    }
}
