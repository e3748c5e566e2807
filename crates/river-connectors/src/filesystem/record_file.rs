//! Reads one file, or a range of its lines, through a decoder.
//!
//! Bytes are counted in the uncompressed content. A line belongs to the range in which it starts.

use std::io::Read;
use std::path::{Path, PathBuf};

use river_runtime::{Error, Result};

use super::compression::{open, unreadable};
use crate::format::{Decoder, Fail, Rows};

/// Bytes read at once.
const CHUNK: usize = 1 << 20;
/// Longest record that is waited for.
const MAX_RECORD: usize = 256 << 20;

/// A file being read.
pub struct RecordFile {
    path: PathBuf,
    input: Box<dyn Read + Send>,
    decoder: Box<dyn Decoder>,
    buffer: Vec<u8>,
    /// First byte of `buffer` not yet decoded.
    start: usize,
    /// Offset in the content of that byte.
    position: u64,
    /// Lines from here on belong to another range.
    end: Option<u64>,
    at_end: bool,
}

impl RecordFile {
    /// Opens a file at a record boundary.
    pub fn open(
        path: &Path,
        position: u64,
        end: Option<u64>,
        decoder: Box<dyn Decoder>,
    ) -> Result<RecordFile> {
        Ok(RecordFile {
            path: path.to_owned(),
            input: open(path, position)?,
            decoder,
            buffer: Vec::new(),
            start: 0,
            position,
            end,
            at_end: false,
        })
    }

    /// Opens a range that begins somewhere within a line: that line belongs to the range before.
    pub fn open_range(
        path: &Path,
        begin: u64,
        end: u64,
        decoder: Box<dyn Decoder>,
    ) -> Result<RecordFile> {
        if begin == 0 {
            return RecordFile::open(path, 0, Some(end), decoder);
        }
        let mut file = RecordFile::open(path, begin - 1, Some(end), decoder)?;
        loop {
            if let Some(length) = memchr::memchr(b'\n', &file.buffer[file.start..]) {
                file.consume(length + 1);
                return Ok(file);
            }
            file.consume(file.buffer.len() - file.start);
            if file.at_end {
                return Ok(file);
            }
            file.fill()?;
        }
    }

    /// Where the next record starts.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Up to `max_rows` rows; `None` at the end.
    pub fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows>> {
        loop {
            let (length, last) = self.visible();
            let data = &self.buffer[self.start..self.start + length];
            let used = match self.decoder.decode(data, last, max_rows) {
                Ok(used) => used,
                Err(fail) => return Err(self.locate(&fail)),
            };
            self.consume(used);
            let full = self.decoder.rows() >= max_rows;
            if full || last && used == length {
                let rows = self.decoder.take().map_err(|fail| self.locate(&fail))?;
                return Ok((full || rows.rows > 0).then_some(rows));
            }
            if last && used == 0 {
                // A decoder takes all of the last data; this one will never go on.
                return Err(Error::internal(format!("{}: no progress", self.path.display())));
            }
            if !last {
                self.fill()?;
            }
        }
    }

    /// How much of the buffer belongs to this range, and whether nothing follows it.
    fn visible(&self) -> (usize, bool) {
        let available = self.buffer.len() - self.start;
        let Some(end) = self.end else { return (available, self.at_end) };
        if self.position >= end {
            return (0, true);
        }
        let inside = usize::try_from(end - self.position).unwrap_or(usize::MAX);
        if inside > available {
            return (available, self.at_end);
        }
        // The last line starts before `end`: it ends at the first line end from `end` - 1 on.
        match memchr::memchr(b'\n', &self.buffer[self.start + inside - 1..]) {
            Some(length) => (inside + length, true),
            None => (available, self.at_end),
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        self.position += bytes as u64;
    }

    fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let before = self.buffer.len();
        if before > MAX_RECORD {
            return Err(self.locate(&Fail::at(0, format!("a record exceeds {MAX_RECORD} bytes"))));
        }
        let chunk = CHUNK.max(before) as u64;
        let read = (&mut self.input).take(chunk).read_to_end(&mut self.buffer);
        let read = read.map_err(|error| unreadable(&self.path, &error))?;
        self.at_end = read < chunk as usize;
        Ok(())
    }

    /// The error with file, line and column.
    fn locate(&self, fail: &Fail) -> Error {
        let offset = self.position + fail.offset as u64;
        let place = line_and_column(&self.path, offset).unwrap_or_default();
        Error::input(format!("{}{place}: {}", self.path.display(), fail.message))
    }
}

/// `:line:column` of an offset; the file is read again up to there, which only an error pays.
fn line_and_column(path: &Path, offset: u64) -> Option<String> {
    let mut input = open(path, 0).ok()?.take(offset);
    let mut buffer = vec![0; 1 << 16];
    let (mut line, mut column) = (1u64, 1u64);
    loop {
        let read = input.read(&mut buffer).ok()?;
        if read == 0 {
            return Some(format!(":{line}:{column}"));
        }
        for byte in &buffer[..read] {
            if *byte == b'\n' {
                line += 1;
                column = 1;
            } else if byte & 0xC0 != 0x80 {
                column += 1; // counts characters, not their following bytes
            }
        }
    }
}
