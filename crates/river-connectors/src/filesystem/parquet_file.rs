//! A parquet file read from any row on. The position is the number of rows read; row groups before
//! it are not touched.

use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use river_runtime::{Error, Result};

use super::compression::{shortened, unreadable};
use crate::format::parquet::ParquetReader;
use crate::format::{DecodeSpec, Rows};

/// A file being read.
pub struct ParquetFile {
    reader: ParquetReader,
    /// Rows read, also before a restart.
    position: u64,
    /// Rows of the reader's that were read before.
    skipped: u64,
    label: String,
}

impl ParquetFile {
    /// Opens a file at a row, to be read in batches of `rows`.
    pub fn open(path: &Path, spec: &DecodeSpec, position: u64, rows: usize) -> Result<ParquetFile> {
        let open = || File::open(path).map_err(|error| unreadable(path, &error));
        let of_file = |error: Error| error.context(path.display());
        let (group, before) = match position {
            0 => (0, 0),
            _ => group_of(open()?, position).map_err(of_file)?,
        };
        let reader = ParquetReader::new(open()?, spec, group, rows).map_err(of_file)?;
        let label = path.display().to_string();
        Ok(ParquetFile { reader, position, skipped: position - before, label })
    }

    /// Number of the next row.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next rows; `None` at the end.
    pub fn next_rows(&mut self) -> Result<Option<Rows>> {
        loop {
            let rows = self.reader.next_rows().map_err(|error| error.context(&self.label))?;
            let Some(rows) = rows else {
                return match self.skipped {
                    0 => Ok(None),
                    _ => Err(shortened(Path::new(&self.label), self.position)),
                };
            };
            if self.skipped >= rows.rows as u64 {
                self.skipped -= rows.rows as u64;
                continue;
            }
            let rows = rest_of(rows, std::mem::take(&mut self.skipped) as usize);
            self.position += rows.rows as u64;
            return Ok(Some(rows));
        }
    }
}

/// The row group that holds a row, and the number of rows before the group.
fn group_of(file: File, row: u64) -> Result<(usize, u64)> {
    let problem = |error| Error::input(format!("not a readable parquet file: {error}"));
    let reader = SerializedFileReader::new(file).map_err(problem)?;
    let mut before = 0;
    for (number, group) in reader.metadata().row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        if before + rows > row {
            return Ok((number, before));
        }
        before += rows;
    }
    Ok((reader.metadata().num_row_groups(), before.min(row)))
}

fn rest_of(rows: Rows, skipped: usize) -> Rows {
    if skipped == 0 {
        return rows;
    }
    let left = rows.rows - skipped;
    let columns = rows.columns.iter().map(|column| column.slice(skipped, left)).collect();
    Rows { columns, rows: left, kinds: rows.kinds.map(|kinds| kinds[skipped..].to_vec()) }
}
