//! The file of a subtask: rows of state tables and batches in flight, in blocks, and an index.
//!
//! ```text
//! header     64 bytes     `RIVRSTAT`, version, zeros
//! blocks     multiples of 64 bytes, one after the other: one Arrow IPC record batch message each
//! index      see `index.rs`
//! trailer    24 bytes     length and CRC-32C of the index, version, `STATRIVR`
//! ```
//!
//! Rows of a block are ordered by key group, so a subtask of another parallelism takes one range
//! of each block. Every byte is covered: header and trailer are compared, blocks (padding included)
//! and index have checksums, and the metadata holds the file's size and the index's checksum. All
//! numbers are little endian.

use crate::Error;

pub(crate) mod block;
pub(crate) mod columns;
pub(crate) mod index;
mod varint;

pub use index::{Block, Content, Index, Part, Run, Stream};

/// Version of the file; raised when an older program would read it wrongly.
pub const VERSION: u32 = 2;

/// Blocks begin at multiples of this, so that arrays can be used where they were read.
pub(crate) const ALIGNMENT: usize = 64;

pub(crate) const HEADER_BYTES: usize = 64;
pub(crate) const TRAILER_BYTES: usize = 24;

const HEADER_MAGIC: &[u8; 8] = b"RIVRSTAT";
const TRAILER_MAGIC: &[u8; 8] = b"STATRIVR";

/// The first bytes of a file.
pub(crate) fn header() -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(HEADER_MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes
}

/// What the last bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub index_bytes: u64,
    pub index_crc32c: u32,
}

impl Trailer {
    pub fn encode(self) -> [u8; TRAILER_BYTES] {
        let mut bytes = [0; TRAILER_BYTES];
        bytes[..8].copy_from_slice(&self.index_bytes.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.index_crc32c.to_le_bytes());
        bytes[12..16].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..].copy_from_slice(TRAILER_MAGIC);
        bytes
    }

    /// Reads the end of `file`.
    pub fn decode(bytes: &[u8], file: &str) -> Result<Trailer, Error> {
        let Some(bytes) = bytes.last_chunk::<TRAILER_BYTES>() else {
            return Err(Error::damaged(file, format!("cut off at byte {}", bytes.len())));
        };
        if &bytes[16..] != TRAILER_MAGIC {
            return Err(Error::damaged(file, "cut off, or its end was changed"));
        }
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        check_version(word(12), file)?;
        let index_bytes = u64::from(word(0)) | u64::from(word(4)) << 32;
        Ok(Trailer { index_bytes, index_crc32c: word(8) })
    }
}

/// Compares the beginning of `file`.
pub(crate) fn check_header(bytes: &[u8], file: &str) -> Result<(), Error> {
    if bytes.len() < HEADER_BYTES {
        return Err(Error::damaged(file, format!("cut off at byte {}", bytes.len())));
    }
    if &bytes[..8] != HEADER_MAGIC {
        return Err(Error::damaged(file, "it does not begin as a state file does"));
    }
    check_version(u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]), file)?;
    if bytes[12..HEADER_BYTES].iter().any(|byte| *byte != 0) {
        return Err(Error::damaged(file, "its header was changed"));
    }
    Ok(())
}

fn check_version(found: u32, file: &str) -> Result<(), Error> {
    if (1..=VERSION).contains(&found) {
        return Ok(());
    }
    let reason = format!(
        "its version is {found}, and this program knows up to {VERSION}: either its bytes were \
         changed, or a newer program wrote it"
    );
    Err(Error::damaged(file, reason))
}

/// Zeros up to the next multiple of [`ALIGNMENT`].
pub(crate) fn padding(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT) - length
}
