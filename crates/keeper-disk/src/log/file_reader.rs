//! Reads one log file, entry by entry, up to the first place that is no sound entry.
//!
//! Says what is there; whether that is an end, a torn write or damage depends on the rest of the
//! file and on the other files, and is decided in `tail` and `replay`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zk_wire::txn::TxnHeader;

use super::entry::{self, FRAME_LEN, HEAD_LEN};
use super::{HEADER, HEADER_LEN};
use crate::disk::{Disk, DiskFile, read_full};
use crate::{Error, Result, Zxid};

/// Bytes read at once.
const WINDOW: usize = 1 << 18;

/// Why a file's entries end where they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// No bytes are left, or only zeros too few for an entry.
    EndOfFile,
    /// Where an entry would begin are 12 zeros: preallocated space.
    Zeros,
    /// The file ends within the entry.
    Short,
    /// The length is none of a transaction.
    BadLength(i32),
    /// The transaction is not what was written.
    BadChecksum,
    /// The byte after the transaction.
    NoEnd(u8),
    /// The file does not begin as a log does.
    NoHeader,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::EndOfFile => write!(f, "the file ends"),
            Stop::Zeros => write!(f, "zeros in place of an entry"),
            Stop::Short => write!(f, "the file ends within an entry"),
            Stop::BadLength(len) => write!(f, "an entry of {len} bytes"),
            Stop::BadChecksum => write!(f, "an entry whose checksum is wrong"),
            Stop::NoEnd(byte) => write!(f, "an entry that ends with 0x{byte:02x}, not 0x42"),
            Stop::NoHeader => write!(f, "no header of a transaction log"),
        }
    }
}

/// Reads the entries of one file in order.
pub struct LogFileReader {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    buffer: Vec<u8>,
    /// Where in `buffer` the current entry begins.
    start: usize,
    /// Bytes of the current entry.
    len: usize,
    /// Where in the file `buffer` begins.
    base: u64,
    file_len: u64,
    head: Option<TxnHeader>,
    stop: Option<Stop>,
}

impl LogFileReader {
    /// Opens a file and reads its header.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<LogFileReader> {
        let file = disk.open_for_reading(path).map_err(Error::io("open", path))?;
        let file_len = file.len().map_err(Error::io("read", path))?;
        let mut reader = LogFileReader {
            file,
            path: path.to_path_buf(),
            buffer: Vec::new(),
            start: 0,
            len: 0,
            base: 0,
            file_len,
            head: None,
            stop: None,
        };
        // Apache looks at the magic number alone.
        if reader.fill(HEADER.len())? < HEADER.len() || reader.buffer[..4] != HEADER[..4] {
            reader.stop = Some(Stop::NoHeader);
        } else {
            reader.len = HEADER.len();
        }
        Ok(reader)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the current entry begins; after the last one, where the entries end.
    pub fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Goes to the next entry; false where there is none that is sound.
    pub fn advance(&mut self) -> Result<bool> {
        if self.stop.is_some() {
            return Ok(false);
        }
        self.start += self.len;
        self.len = 0;
        self.head = None;
        self.stop = self.look()?;
        Ok(self.stop.is_none())
    }

    /// The current entry's transaction, after `advance` has found one.
    pub fn txn(&self) -> &[u8] {
        match self.head {
            Some(_) => &self.buffer[self.start + HEAD_LEN..self.start + self.len - 1],
            None => &[],
        }
    }

    /// The current entry's header.
    pub fn head(&self) -> Option<TxnHeader> {
        self.head
    }

    /// Why there is no further entry.
    pub(crate) fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// What is at [`LogFileReader::offset`] in place of an entry, after `advance` has found none;
    /// `None` where nothing or zeros are there.
    pub fn trouble(&self) -> Option<String> {
        let stop = self.stop.filter(|stop| !matches!(stop, Stop::EndOfFile | Stop::Zeros))?;
        Some(stop.to_string())
    }

    pub(crate) fn file_len(&self) -> u64 {
        self.file_len
    }

    pub(crate) fn file(&self) -> &dyn DiskFile {
        &*self.file
    }

    /// Skips entries up to and with `zxid`; false if there is none with that number.
    pub(crate) fn advance_to(&mut self, zxid: Zxid) -> Result<bool> {
        while self.advance()? {
            if self.head.is_some_and(|head| head.zxid == zxid) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where the current entry ends.
    pub(crate) fn end(&self) -> u64 {
        (self.offset() + self.len as u64).max(HEADER_LEN.min(self.file_len))
    }

    /// What is at `start`.
    fn look(&mut self) -> Result<Option<Stop>> {
        let there = self.fill(HEAD_LEN)?;
        if there < HEAD_LEN {
            let rest = &self.buffer[self.start..];
            let zeros = rest.iter().all(|byte| *byte == 0);
            return Ok(Some(if zeros { Stop::EndOfFile } else { Stop::Short }));
        }
        let head = &self.buffer[self.start..self.start + HEAD_LEN];
        if head.iter().all(|byte| *byte == 0) {
            return Ok(Some(Stop::Zeros));
        }
        let len = entry::array(head, 8).map(i32::from_be_bytes).unwrap_or(-1);
        let Some(txn_len) = usize::try_from(len).ok().filter(|len| *len >= entry::HEADER_LEN)
        else {
            return Ok(Some(Stop::BadLength(len)));
        };
        // No memory is reserved for what the file does not hold.
        let whole = txn_len + FRAME_LEN;
        if self.offset() + whole as u64 > self.file_len || self.fill(whole)? < whole {
            return Ok(Some(Stop::Short));
        }
        if let Some((head, len)) = entry::sound_at(&self.buffer, self.start) {
            self.head = Some(head);
            self.len = len;
            return Ok(None);
        }
        let last = self.buffer[self.start + whole - 1];
        Ok(Some(if last == entry::END { Stop::BadChecksum } else { Stop::NoEnd(last) }))
    }

    /// Reads until `count` bytes are there from `start`, or to the end of the file; says how many.
    fn fill(&mut self, count: usize) -> Result<usize> {
        let there = self.buffer.len() - self.start;
        if there >= count {
            return Ok(there);
        }
        self.buffer.drain(..self.start);
        self.base += self.start as u64;
        self.start = 0;
        let left = self.file_len.saturating_sub(self.base + there as u64);
        let wanted = (count - there).max(WINDOW).min(usize::try_from(left).unwrap_or(usize::MAX));
        self.buffer.resize(there + wanted, 0);
        let read = read_full(&*self.file, &mut self.buffer[there..], self.base + there as u64)
            .map_err(Error::io("read", &self.path))?;
        self.buffer.truncate(there + read);
        Ok(self.buffer.len())
    }
}
