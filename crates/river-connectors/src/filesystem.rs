//! The `filesystem` connector: files of any format under a path, partitioned or not
//! (`FileSystemTableSource`, `FileSystemTableSink`).

pub mod compression;
pub mod listing;
pub mod lookup;
pub mod metadata;
pub mod names;
pub mod parquet_file;
pub mod partition;
pub mod queue;
pub mod record_file;
pub mod sink;
pub mod source;
pub mod split;
pub mod trigger;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use river_core::options::{OptionError, Options};
use river_runtime::{Error, Result};

use crate::format::Format;

/// Keys of the connector; the formats' come on top.
pub const OPTION_KEYS: &[&str] = &[
    "path",
    "format",
    "partition.default-name",
    "source.monitor-interval",
    "source.path.regex-pattern",
    "source.report-statistics",
    "sink.rolling-policy.file-size",
    "sink.rolling-policy.rollover-interval",
    "sink.rolling-policy.inactivity-interval",
    "sink.rolling-policy.check-interval",
    "sink.shuffle-by-partition.enable",
    "sink.partition-commit.trigger",
    "sink.partition-commit.delay",
    "sink.partition-commit.watermark-time-zone",
    "sink.partition-commit.policy.kind",
    "sink.partition-commit.policy.class",
    "sink.partition-commit.success-file.name",
    "sink.parallelism",
    "partition.time-extractor.kind",
    "partition.time-extractor.class",
    "partition.time-extractor.timestamp-pattern",
    "partition.time-extractor.timestamp-formatter",
    "auto-compaction",
    "compaction.file-size",
    "compaction.parallelism",
];

/// Directory name that stands for a NULL partition value.
pub const DEFAULT_PARTITION: &str = "__DEFAULT_PARTITION__";

/// Where a table's files are and how they are written.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Full name of the table, for messages.
    pub table: String,
    /// The file or directory.
    pub path: PathBuf,
    /// The format.
    pub format: Format,
    /// Directory name of a NULL partition value.
    pub default_partition: String,
}

impl Layout {
    /// Reads the options that source and sink share.
    pub fn new(table: &str, options: &Options) -> Result<Layout> {
        let required = |key: &str| {
            options
                .get(key)
                .ok_or_else(|| Error::input(format!("table {table}: option '{key}' is missing")))
        };
        let name = required("format")?;
        let format = Format::new(name, options).map_err(|error| of_table(table, error))?;
        let format = format.ok_or_else(|| {
            Error::input(format!("table {table}: option 'format': there is no format '{name}'"))
        })?;
        Ok(Layout {
            table: table.to_owned(),
            path: local_path(required("path")?).map_err(|error| of_table(table, error))?,
            format,
            default_partition: options
                .get("partition.default-name")
                .unwrap_or(DEFAULT_PARTITION)
                .to_owned(),
        })
    }
}

/// An option error with the table's name.
pub fn of_table(table: &str, error: OptionError) -> Error {
    Error::input(format!("table {table}: {error}"))
}

/// The path of a `file:` URI or a plain path.
pub fn local_path(text: &str) -> std::result::Result<PathBuf, OptionError> {
    let plain = match text.split_once(':') {
        Some(("file", rest)) => {
            let rest = rest.strip_prefix("//").unwrap_or(rest);
            rest.strip_prefix("localhost").unwrap_or(rest)
        }
        Some((scheme, rest)) if rest.starts_with("//") => {
            return Err(OptionError {
                key: "path".to_owned(),
                value: text.to_owned(),
                expected: format!(
                    "a local path or a 'file:' URI (file system '{scheme}' is not available)"
                ),
            });
        }
        _ => text,
    };
    if plain.is_empty() {
        return Err(OptionError {
            key: "path".to_owned(),
            value: text.to_owned(),
            expected: "a path".to_owned(),
        });
    }
    Ok(PathBuf::from(plain))
}
