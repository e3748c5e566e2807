//! Marks: what tells a torn write from damage in a log that is still being written.
//!
//! One write carries many entries, and until it is durable a crash may leave any of its sectors
//! unwritten: also an early one, with whole entries after it. The same picture is left by a sector
//! that went bad long after it was acknowledged. So each write ends with a mark, behind 12 zero
//! bytes that end the log for every reader: it says where its write began, and so that everything
//! before was durable already. The next write covers it. Preallocated space holds marks too, which
//! say nothing but that the log was still being written.
//!
//! Damage at a position, with marks behind it:
//!
//! * a mark of a write that began later: what is damaged was durable, so this is no torn write;
//! * only marks of writes that began there or before: the last write was torn, or its own sectors
//!   went bad, which nobody can tell apart.

use super::entry::{HEAD_LEN, array};

const MAGIC: &[u8; 8] = b"KEEPMARK";
/// Bytes of a mark.
pub(crate) const LEN: usize = 32;
/// What a disk writes whole or not at all.
pub(crate) const SECTOR: u64 = 512;

/// A mark found in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Where in the searched bytes it is.
    pub at: usize,
    /// Everything before this position of the file was durable when the mark was written.
    pub durable_to: u64,
}

/// Where the mark of a write is whose entries end at `end`: in one sector, and behind the zeros.
fn position(end: u64) -> u64 {
    let first = end + HEAD_LEN as u64;
    if first / SECTOR == (first + LEN as u64 - 1) / SECTOR {
        first
    } else {
        first.next_multiple_of(SECTOR)
    }
}

fn bytes(durable_to: u64, position: u64) -> [u8; LEN] {
    let mut mark = [0; LEN];
    mark[..8].copy_from_slice(MAGIC);
    mark[8..16].copy_from_slice(&durable_to.to_be_bytes());
    mark[16..24].copy_from_slice(&position.to_be_bytes());
    let sum = u64::from(simd_adler32::adler32(&&mark[..24]));
    mark[24..].copy_from_slice(&sum.to_be_bytes());
    mark
}

/// Completes a write of whole entries that begins at `start`.
pub(crate) fn finish(batch: &mut Vec<u8>, start: u64) {
    let position = position(start + batch.len() as u64);
    batch.resize((position - start) as usize, 0);
    batch.extend_from_slice(&bytes(start, position));
}

/// Puts a mark at the end of zeros that will be written at `start`.
pub(crate) fn finish_zeros(zeros: &mut [u8], start: u64) {
    let at = zeros.len().saturating_sub(LEN);
    if zeros.len() >= LEN {
        zeros[at..].copy_from_slice(&bytes(0, start + at as u64));
    }
}

/// All marks in `region`, which begins at position `base` of its file.
pub(crate) fn find_all(region: &[u8], base: u64) -> Vec<Mark> {
    let mut marks = Vec::new();
    for at in memchr::memmem::find_iter(region, MAGIC) {
        let here = base + at as u64;
        let Some(durable_to) = array(region, at + 8).map(u64::from_be_bytes) else { continue };
        if region.get(at..at + LEN) == Some(&bytes(durable_to, here)[..]) {
            marks.push(Mark { at, durable_to });
        }
    }
    marks
}
