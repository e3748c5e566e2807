//! The `print` connector: each row as a line on standard output or error
//! (`PrintTableSinkFactory`).

pub mod row_text;

#[cfg(test)]
mod tests;

use std::io::Write;

use river_core::Field;
use river_core::options::OptionError;
use river_core::plan::SinkSpec;
use river_runtime::error::ErrorKind;
use river_runtime::sink::{Sink, SinkWriter};
use river_runtime::{Batch, Error, Result};

use self::row_text::write_fields;
use crate::format::cells::Cells;

/// Keys of the connector.
pub const OPTION_KEYS: &[&str] = &["print-identifier", "standard-error", "sink.parallelism"];

/// A table that prints.
pub struct PrintSink {
    columns: Vec<Field>,
    identifier: String,
    standard_error: bool,
    parallelism: Option<u32>,
}

impl PrintSink {
    /// The sink of a table.
    pub fn new(spec: &SinkSpec) -> Result<PrintSink> {
        let wrong = |error: OptionError| Error::input(format!("table {}: {error}", spec.name));
        let parallelism = spec.options.i64("sink.parallelism").map_err(wrong)?;
        Ok(PrintSink {
            columns: spec.columns.clone(),
            identifier: spec.options.get("print-identifier").unwrap_or("").to_owned(),
            standard_error: spec.options.bool("standard-error").map_err(wrong)?.unwrap_or(false),
            parallelism: parallelism.and_then(|p| u32::try_from(p).ok()).filter(|p| *p > 0),
        })
    }
}

impl Sink for PrintSink {
    fn writer(&self, subtask: u32, parallelism: u32) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(PrintWriter {
            columns: self.columns.clone(),
            prefix: prefix(&self.identifier, subtask, parallelism),
            standard_error: self.standard_error,
            buffer: Vec::new(),
        }))
    }

    fn commit(&self, _prepared: &[Vec<u8>]) -> Result<()> {
        Ok(())
    }

    fn restarts_by_subtask(&self) -> bool {
        true
    }

    fn parallelism(&self) -> Option<u32> {
        self.parallelism
    }
}

/// `identifier:subtask> `, subtasks from 1, and only where there are several.
pub fn prefix(identifier: &str, subtask: u32, parallelism: u32) -> String {
    match (identifier.is_empty(), parallelism > 1) {
        (true, false) => String::new(),
        (true, true) => format!("{}> ", subtask + 1),
        (false, false) => format!("{identifier}> "),
        (false, true) => format!("{identifier}:{}> ", subtask + 1),
    }
}

struct PrintWriter {
    columns: Vec<Field>,
    prefix: String,
    standard_error: bool,
    buffer: Vec<u8>,
}

/// Appends the lines of a batch.
pub fn write_lines(columns: &[Field], prefix: &str, batch: &Batch, out: &mut Vec<u8>) {
    let cells = Cells::of_columns(&batch.columns, columns);
    for row in 0..batch.rows {
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(batch.kind(row).short().as_bytes());
        write_fields(&cells, row, out);
        out.push(b'\n');
    }
}

impl SinkWriter for PrintWriter {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        self.buffer.clear();
        write_lines(&self.columns, &self.prefix, batch, &mut self.buffer);
        if self.buffer.is_empty() {
            return Ok(());
        }
        let (written, name) = if self.standard_error {
            (std::io::stderr().lock().write_all(&self.buffer), "standard error")
        } else {
            let mut output = std::io::stdout().lock();
            (output.write_all(&self.buffer).and_then(|()| output.flush()), "standard output")
        };
        written.map_err(|error| Error {
            kind: match error.kind() {
                std::io::ErrorKind::BrokenPipe => ErrorKind::OutputClosed,
                _ => ErrorKind::Environment,
            },
            message: format!("cannot write to {name}: {error}"),
        })
    }

    /// Lines are shown as they come, and again if the job restarts, as in Flink.
    fn prepare(&mut self) -> Result<Vec<Vec<u8>>> {
        Ok(Vec::new())
    }
}
