//! Sources, sinks and formats with Flink's option keys.
//!
//! The planner asks what a table's options mean ([`validate_source`], [`changelog_mode`],
//! [`metadata_columns`], [`is_bounded`]); the runtime opens tables ([`source`], [`sink`],
//! [`lookup`]). Nothing here knows SQL or operators. Input is never trusted: what cannot be read
//! is an error that names file, line and column.

pub mod blackhole;
pub mod collect;
mod connector;
pub mod datagen;
pub mod filesystem;
pub mod format;
pub mod nexmark;
pub mod print;
mod shares;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use river_core::options::Options;
use river_core::plan::{SinkSpec, TableRef};
use river_core::{ChangelogMode, DataType};
use river_expr::Session;
use river_runtime::lookup::LookupTable;
use river_runtime::sink::Sink;
use river_runtime::source::Source;
use river_runtime::{Error, Result};

pub use collect::CollectSink;
pub use connector::{validate_sink, validate_source};

use filesystem::lookup::LoadedTable;
use filesystem::sink::FilesystemSink;
use filesystem::source::FilesystemSource;
use format::Format;

/// Opens a table for reading.
///
/// # Errors
/// The options are wrong, or the path cannot be listed.
pub fn source(table: &TableRef, _session: &Session) -> Result<Arc<dyn Source>> {
    connector::recheck_source(&table.name, &table.options)?;
    Ok(match table.options.get("connector") {
        Some("filesystem") => Arc::new(FilesystemSource::new(table)?),
        Some("datagen") => Arc::new(datagen::DatagenSource::new(table)?),
        Some("nexmark") => Arc::new(nexmark::NexmarkSource::new(table)?),
        other => return Err(Error::internal(format!("no source for connector {other:?}"))),
    })
}

/// Opens a table for writing.
///
/// # Errors
/// The options are wrong, or the format cannot hold a column.
pub fn sink(spec: &SinkSpec, _session: &Session) -> Result<Arc<dyn Sink>> {
    connector::recheck_sink(&spec.name, &spec.options)?;
    Ok(match spec.options.get("connector") {
        Some("filesystem") => Arc::new(FilesystemSink::new(spec)?),
        Some("print") => Arc::new(print::PrintSink::new(spec)?),
        Some("blackhole") => Arc::new(blackhole::BlackholeSink),
        other => return Err(Error::internal(format!("no sink for connector {other:?}"))),
    })
}

/// Opens a table for lookups by `keys`, positions among the columns it produces. A bounded table
/// of files is held in memory.
///
/// # Errors
/// The table cannot be looked up, or reading it failed.
pub fn lookup(table: &TableRef, keys: &[usize], session: &Session) -> Result<Box<dyn LookupTable>> {
    if table.options.get("connector") != Some("filesystem") {
        validate_source(&table.name, &table.options)?;
        let connector = table.options.get("connector").unwrap_or_default();
        return Err(Error::input(format!(
            "table {}: connector '{connector}' cannot be looked up",
            table.name
        )));
    }
    let source = source(table, session)?;
    Ok(Box::new(LoadedTable::load(&table.name, source.as_ref(), keys)?))
}

/// Row kinds that a table of these options gives when it is read.
pub fn changelog_mode(options: &Options) -> ChangelogMode {
    format_of(options).map_or(ChangelogMode::APPEND, |format| format.changelog_mode())
}

/// Row kinds that a table of these options takes when it is written.
pub fn sink_changelog_mode(options: &Options) -> ChangelogMode {
    match options.get("connector") {
        Some("print" | "blackhole") => ChangelogMode::RETRACT,
        _ => changelog_mode(options),
    }
}

fn format_of(options: &Options) -> Option<Format> {
    if options.get("connector") != Some("filesystem") {
        return None;
    }
    Format::new(options.get("format")?, options).ok().flatten()
}

/// Metadata keys that a table of these options can give, and their types.
pub fn metadata_columns(options: &Options) -> Vec<(&'static str, DataType)> {
    match options.get("connector") {
        Some("filesystem") => filesystem::metadata::metadata_columns(),
        _ => Vec::new(),
    }
}

/// Whether a table of these options ends by itself when it is read.
pub fn is_bounded(options: &Options) -> bool {
    match options.get("connector") {
        Some("filesystem") => options.get("source.monitor-interval").is_none(),
        Some("datagen") => {
            let sequence = |(key, value): (&str, &str)| {
                key.starts_with("fields.")
                    && key.ends_with(".kind")
                    && value.eq_ignore_ascii_case("sequence")
            };
            options.get("number-of-rows").is_some() || options.iter().any(sequence)
        }
        Some("nexmark") => {
            nexmark::Config::new(options).is_ok_and(|config| config.bounded && !config.keep_alive)
        }
        _ => true,
    }
}

/// The wall clock, milliseconds since the epoch.
pub(crate) fn clock_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}
