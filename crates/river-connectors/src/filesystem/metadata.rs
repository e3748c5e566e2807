//! Columns that are the same for all rows of a file: partition values and file metadata.

use arrow_array::ArrayRef;
use river_core::types::{DataType, Field, LogicalType};
use river_runtime::{Error, Result};

use super::listing::TableFile;
use crate::format::column_sink::ColumnSink;
use crate::format::csv::decode::scalar;

/// Metadata keys and their types (`FileSystemTableSource.ReadableFileInfo`).
pub fn metadata_columns() -> Vec<(&'static str, DataType)> {
    vec![
        ("file.path", LogicalType::STRING.not_null()),
        ("file.name", LogicalType::STRING.not_null()),
        ("file.size", LogicalType::BigInt.not_null()),
        ("file.modification-time", LogicalType::timestamp_ltz(3).not_null()),
    ]
}

/// A column that is constant within a file.
#[derive(Debug, Clone)]
pub enum FileColumn {
    /// The value of a partition key.
    Partition(Field),
    /// A metadata key, in the type of the field.
    Metadata(Field),
}

impl FileColumn {
    /// `rows` copies of the file's value.
    pub fn values(&self, file: &TableFile, default_name: &str, rows: usize) -> Result<ArrayRef> {
        let (FileColumn::Partition(field) | FileColumn::Metadata(field)) = self;
        let mut column = ColumnSink::new(&field.ty.logical);
        for _ in 0..rows {
            match self {
                FileColumn::Partition(_) => partition(file, field, default_name, &mut column)?,
                FileColumn::Metadata(_) => metadata(file, field, &mut column),
            }
        }
        Ok(column.finish())
    }
}

fn partition(
    file: &TableFile,
    field: &Field,
    default_name: &str,
    column: &mut ColumnSink,
) -> Result<()> {
    let value = file.partition.iter().find(|(key, _)| *key == field.name).map(|(_, v)| v);
    match value {
        Some(value) if value != default_name => {
            // Timestamps may stand in the directory name with a 'T'.
            let text = if field.ty.logical.is_timestamp() {
                with_seconds(&value.replacen('T', " ", 1))
            } else {
                value.clone()
            };
            scalar(&text, &field.ty.logical, column).map_err(|message| {
                let path = file.path.display();
                Error::input(format!("{path}: partition column '{}': {message}", field.name))
            })
        }
        _ => {
            column.push_null();
            Ok(())
        }
    }
}

/// Java leaves out seconds that are zero.
fn with_seconds(text: &str) -> String {
    if text.matches(':').count() == 1 { format!("{text}:00") } else { text.to_owned() }
}

fn metadata(file: &TableFile, field: &Field, column: &mut ColumnSink) {
    let name = || file.path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    match field.name.as_str() {
        "file.path" => column.push_str(&file.path.to_string_lossy()),
        "file.name" => column.push_str(&name()),
        "file.size" => column.push_int(file.size as i64),
        "file.modification-time" => {
            let per_second = match &field.ty.logical {
                ty if ty.is_timestamp() => river_core::types::ticks_per_second(ty.time_precision()),
                _ => 1000,
            };
            column.push_int(file.modified_ms.saturating_mul(per_second / 1000));
        }
        _ => column.push_null(),
    }
}
