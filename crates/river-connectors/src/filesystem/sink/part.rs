//! A part file that is being written, under a hidden name.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use river_core::Field;
use river_runtime::{Batch, Error, Result};

use super::committable::{FinishedFile, hidden_path};
use crate::format::parquet::ParquetWriter;
use crate::format::{Encoder, Format};

/// Encoded bytes gathered before they are written.
const WRITE_BYTES: usize = 256 << 10;
/// Files made durable at once.
const SYNC_THREADS: usize = 8;

/// An open part file.
pub struct OpenPart {
    /// The visible name, below the table's path.
    name: String,
    hidden: PathBuf,
    output: PartOutput,
    /// Wall-clock time of its first row, milliseconds.
    pub created_ms: i64,
    /// Wall-clock time of its last rows, milliseconds.
    pub written_ms: i64,
}

enum PartOutput {
    Records { file: File, buffer: Vec<u8>, flushed: u64 },
    Parquet(Box<ParquetWriter>),
}

impl OpenPart {
    /// Starts a file for those columns. A file of that name must not be there.
    pub fn create(
        table: &Path,
        name: String,
        format: &Format,
        columns: &[Field],
        now_ms: i64,
    ) -> Result<OpenPart> {
        let hidden = hidden_path(&table.join(&name));
        let file = File::create_new(&hidden).map_err(|error| unwritable(&hidden, &error))?;
        let output = match format {
            Format::Parquet(options) => {
                PartOutput::Parquet(Box::new(ParquetWriter::new(file, columns, options)?))
            }
            _ => PartOutput::Records { file, buffer: Vec::new(), flushed: 0 },
        };
        Ok(OpenPart { name, hidden, output, created_ms: now_ms, written_ms: now_ms })
    }

    /// Appends rows.
    pub fn write(
        &mut self,
        batch: &Batch,
        encoder: Option<&mut Box<dyn Encoder>>,
        now_ms: i64,
    ) -> Result<()> {
        self.written_ms = now_ms;
        match (&mut self.output, encoder) {
            (PartOutput::Parquet(writer), _) => writer.write(batch),
            (PartOutput::Records { file, buffer, flushed }, Some(encoder)) => {
                encoder.encode(batch, buffer)?;
                if buffer.len() >= WRITE_BYTES {
                    file.write_all(buffer).map_err(|error| unwritable(&self.hidden, &error))?;
                    *flushed += buffer.len() as u64;
                    buffer.clear();
                }
                Ok(())
            }
            (PartOutput::Records { .. }, None) => {
                Err(Error::internal("filesystem sink: no encoder"))
            }
        }
    }

    /// Bytes written and buffered.
    pub fn size(&self) -> u64 {
        match &self.output {
            PartOutput::Records { buffer, flushed, .. } => flushed + buffer.len() as u64,
            PartOutput::Parquet(writer) => writer.size(),
        }
    }

    /// Ends the file.
    pub fn end(self) -> Result<EndedPart> {
        let OpenPart { name, hidden, output, .. } = self;
        let wrong = |error| unwritable(&hidden, &error);
        let file = match output {
            PartOutput::Records { mut file, buffer, .. } => {
                file.write_all(&buffer).map_err(wrong)?;
                file
            }
            PartOutput::Parquet(writer) => {
                writer.finish().map_err(|error| error.context(hidden.display()))?
            }
        };
        let bytes = file.metadata().map_err(wrong)?.len();
        Ok(EndedPart { finished: FinishedFile { name, bytes }, hidden, file })
    }
}

/// A part file that is whole and perhaps not durable.
pub struct EndedPart {
    finished: FinishedFile,
    hidden: PathBuf,
    file: File,
}

impl EndedPart {
    /// Makes the file durable; its name in the directory is not yet.
    pub fn sync(self) -> Result<FinishedFile> {
        self.file.sync_all().map_err(|error| unwritable(&self.hidden, &error))?;
        Ok(self.finished)
    }
}

/// Makes files durable, several at once: nothing is processed meanwhile, and file systems commit
/// what comes together together.
pub fn sync_all(mut parts: Vec<EndedPart>) -> Result<Vec<FinishedFile>> {
    let share = parts.len().div_ceil(SYNC_THREADS).max(2);
    let mut shares = Vec::new();
    while parts.len() > share {
        shares.push(parts.split_off(parts.len() - share));
    }
    let sync = |parts: Vec<EndedPart>| parts.into_iter().map(EndedPart::sync).collect();
    let synced: Vec<Result<Vec<FinishedFile>>> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            shares.into_iter().map(|share| scope.spawn(move || sync(share))).collect();
        let own = sync(parts);
        let ended = threads.into_iter().rev().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(Error::internal("a thread broke down")))
        });
        std::iter::once(own).chain(ended).collect()
    });
    Ok(synced.into_iter().collect::<Result<Vec<_>>>()?.concat())
}

/// The error for what cannot be written.
pub fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::environment(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let part = OpenPart {
            name: "part-1".to_owned(),
            hidden: "/out/.part-1.inprogress".into(),
            output: PartOutput::Records {
                file: File::options().write(true).open("/dev/full").unwrap(),
                buffer: b"1\n".to_vec(),
                flushed: 0,
            },
            created_ms: 0,
            written_ms: 0,
        };
        let error = part.end().map(drop).unwrap_err().to_string();
        assert!(error.starts_with("cannot write /out/.part-1.inprogress: No space"), "{error}");
    }
}
