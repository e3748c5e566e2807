//! A snapshot's plain bytes, with their running checksum and position.

use std::io::{self, Read};

use simd_adler32::Adler32;

/// Bytes read at once.
const WINDOW: usize = 1 << 18;

/// Where the bytes come from and how far they are read.
pub(crate) struct Source {
    input: Box<dyn Read>,
    buffer: Vec<u8>,
    /// What is consumed of `buffer`.
    start: usize,
    /// What of it is in the checksum.
    summed: usize,
    sum: Adler32,
    /// Plain bytes before `buffer`.
    base: u64,
}

/// Why bytes could not be had.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The stream is not what it should be: too short, or no valid compression.
    Damaged(String),
    /// The disk.
    Io(io::Error),
}

impl Source {
    pub(crate) fn new(input: Box<dyn Read>) -> Source {
        Source { input, buffer: Vec::new(), start: 0, summed: 0, sum: Adler32::new(), base: 0 }
    }

    /// Plain bytes consumed.
    pub(crate) fn position(&self) -> u64 {
        self.base + self.start as u64
    }

    /// The checksum of everything consumed.
    pub(crate) fn checksum(&mut self) -> i64 {
        self.sum.write(&self.buffer[self.summed..self.start]);
        self.summed = self.start;
        i64::from(self.sum.finish())
    }

    /// Consumes bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&[u8], Failure> {
        if self.buffer.len() - self.start < count && self.fill(count)? < count {
            let there = self.buffer.len() - self.start;
            return Err(Failure::Damaged(format!("it ends {} bytes too early", count - there)));
        }
        let from = self.start;
        self.start += count;
        Ok(&self.buffer[from..self.start])
    }

    /// Bytes left, up to `count`, without consuming them.
    pub(crate) fn peek(&mut self, count: usize) -> Result<&[u8], Failure> {
        let there = self.fill(count)?.min(count);
        Ok(&self.buffer[self.start..self.start + there])
    }

    pub(crate) fn long(&mut self) -> Result<i64, Failure> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(i64::from_be_bytes(bytes))
    }

    pub(crate) fn int(&mut self) -> Result<i32, Failure> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        Ok(i32::from_be_bytes(bytes))
    }

    /// A count or length; -1 is none.
    pub(crate) fn length(&mut self) -> Result<Option<usize>, Failure> {
        match self.int()? {
            -1 => Ok(None),
            len => match usize::try_from(len) {
                Ok(len) => Ok(Some(len)),
                Err(_) => Err(Failure::Damaged(format!("a length of {len}"))),
            },
        }
    }

    /// Reads until `count` bytes are there, or to the end; says how many. Memory grows with what
    /// is there, not with what is asked for.
    fn fill(&mut self, count: usize) -> Result<usize, Failure> {
        self.checksum();
        self.buffer.drain(..self.start);
        self.base += self.start as u64;
        self.start = 0;
        self.summed = 0;
        if self.buffer.len() < count {
            let more = (count - self.buffer.len()).max(WINDOW);
            let read = (&mut self.input).take(more as u64).read_to_end(&mut self.buffer);
            match read.map_err(|error| (error.kind(), error)) {
                Ok(_) => {}
                Err((
                    io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput,
                    error,
                )) => return Err(Failure::Damaged(error.to_string())),
                Err((_, error)) => return Err(snappy_or_io(error)),
            }
        }
        Ok(self.buffer.len())
    }
}

/// Snappy's errors come as errors of the kind "other".
fn snappy_or_io(error: io::Error) -> Failure {
    match error.get_ref().is_some_and(|inner| inner.is::<snap::Error>()) {
        true => Failure::Damaged(error.to_string()),
        false => Failure::Io(error),
    }
}
