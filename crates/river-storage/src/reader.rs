//! Reads an object, or a part of it, from front to back in pieces, so that restoring a large
//! snapshot needs one piece of memory and few requests.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use crate::{Error, ErrorKind, Result, Storage};

/// Bytes asked for at once: few round trips on object stores, little memory.
const PIECE: u64 = 8 << 20;

/// A sequential reader over a range of an object. Its errors hold a [`crate::Error`].
#[derive(Debug)]
pub struct ObjectReader {
    storage: Arc<dyn Storage>,
    path: String,
    /// What has not been asked for yet.
    rest: Range<u64>,
    piece: Vec<u8>,
    position: usize,
}

impl ObjectReader {
    /// Reads the bytes of `range`.
    pub fn range(storage: Arc<dyn Storage>, path: &str, range: Range<u64>) -> ObjectReader {
        ObjectReader { storage, path: path.to_owned(), rest: range, piece: Vec::new(), position: 0 }
    }

    /// Reads the whole object; fails when it is not there.
    pub fn whole(storage: Arc<dyn Storage>, path: &str) -> Result<ObjectReader> {
        let size = storage.size(path)?;
        Ok(ObjectReader::range(storage, path, 0..size))
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> u64 {
        (self.piece.len() - self.position) as u64 + self.rest.end.saturating_sub(self.rest.start)
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position == self.piece.len() && self.rest.start < self.rest.end {
            let end = self.rest.end.min(self.rest.start.saturating_add(PIECE));
            self.piece = self.storage.read_range(&self.path, self.rest.start..end)?;
            self.position = 0;
            self.rest.start = end;
        }
        let available = &self.piece[self.position..];
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.position += count;
        Ok(count)
    }
}

/// Length of a range in memory; a range that ends before it starts is the caller's mistake.
pub(crate) fn length_of(range: &Range<u64>, uri: impl FnOnce() -> String) -> Result<usize> {
    let length = range.end.checked_sub(range.start).and_then(|n| usize::try_from(n).ok());
    length.ok_or_else(|| {
        let cause = format!("there is no range from {} to {}", range.start, range.end);
        Error::new(ErrorKind::Invalid, "read", uri(), cause)
    })
}

/// The object ends inside the range.
pub(crate) fn too_short(uri: String, range: &Range<u64>, size: u64) -> Error {
    let cause = format!(
        "it has {size} bytes, and those from {} to {} are wanted: it is cut short or not the \
         object that was written",
        range.start, range.end
    );
    Error::new(ErrorKind::Corrupt, "read", uri, cause)
}
