//! One entry's bytes: checksum, length, transaction, end mark (Apache's `Util.writeTxnBytes`).

use zk_wire::txn::TxnHeader;
use zk_wire::{SessionId, Zxid};

/// Checksum and length.
pub(crate) const HEAD_LEN: usize = 12;
/// The byte after each transaction: "EOR".
pub(crate) const END: u8 = 0x42;
/// An entry's bytes beyond its transaction's.
pub(crate) const FRAME_LEN: usize = HEAD_LEN + 1;

/// Bytes of a transaction's header.
pub(crate) const HEADER_LEN: usize = 32;

/// The header at the start of a transaction; `None` if it is shorter.
pub(crate) fn header(txn: &[u8]) -> Option<TxnHeader> {
    Some(TxnHeader {
        client_id: SessionId(i64::from_be_bytes(array(txn, 0)?)),
        cxid: i32::from_be_bytes(array(txn, 8)?),
        zxid: Zxid(i64::from_be_bytes(array(txn, 12)?)),
        time: i64::from_be_bytes(array(txn, 20)?),
        op: i32::from_be_bytes(array(txn, 28)?),
    })
}

/// Whether a log may hold `next` right after `zxid`: the next number, or one of a later epoch,
/// whose counter starts again.
pub(crate) fn may_follow(zxid: Zxid, next: Zxid) -> bool {
    next.epoch() > zxid.epoch() || zxid.0.checked_add(1) == Some(next.0)
}

/// `N` bytes from a position.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Adler32, as Java's.
pub(crate) fn checksum(txn: &[u8]) -> i64 {
    i64::from(simd_adler32::adler32(&txn))
}

/// Appends an entry to a batch.
pub(crate) fn append(batch: &mut Vec<u8>, txn: &[u8]) {
    batch.reserve(txn.len() + FRAME_LEN);
    batch.extend_from_slice(&checksum(txn).to_be_bytes());
    // A transaction is no longer than a client's request, whose length is an int.
    batch.extend_from_slice(&(txn.len() as u32).to_be_bytes());
    batch.extend_from_slice(txn);
    batch.push(END);
}

/// The sound entry that begins at a position of `bytes`: its header and its length in all.
pub(crate) fn sound_at(bytes: &[u8], at: usize) -> Option<(TxnHeader, usize)> {
    let rest = bytes.get(at..)?;
    let stored = i64::from_be_bytes(array(rest, 0)?);
    let len = u32::from_be_bytes(array(rest, 8)?) as usize;
    // The cheap checks first: this is tried at every byte of a damaged tail.
    if stored >> 32 != 0 || len < HEADER_LEN || rest.get(HEAD_LEN.checked_add(len)?) != Some(&END) {
        return None;
    }
    let txn = &rest[HEAD_LEN..HEAD_LEN + len];
    let header = header(txn)?;
    (checksum(txn) == stored).then_some((header, len + FRAME_LEN))
}
