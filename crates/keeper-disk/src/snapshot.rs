//! Snapshots of the tree (Apache's `FileSnap`, `SnapStream`, `SerializeUtils`).
//!
//! ```text
//! header: "ZKSN", int version 2, long dbid -1
//! int sessions, { long id, int timeout in ms }*
//! int lists, { long number, vector<ACL> }*
//! { ustring path, buffer data, long list, StatPersisted }*      parents first, the root is ""
//! ustring "/"
//! seal
//! [ long zxid, int version, long digest ] seal
//! [ long zxid ] seal
//! ```
//!
//! A seal is the Adler32 of all bytes before it, as a long, and ustring "/". The two parts in
//! brackets carry no tag: Apache goes by its own settings, here their length tells which are there.
//!
//! A snapshot is written under another name, made durable, and renamed: what has a snapshot's name
//! is complete. Apache's own may be cut short, so every one is checked when it is read.

mod compress;
mod reader;
mod source;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use compress::Compression;
pub use reader::{SnapshotReader, Tail};
pub use writer::{SnapshotWriter, WriteOptions, encode_node};

use crate::disk::{Disk, read_full};
use crate::name::{self, FileKind, FileName};
use crate::{Error, Result, Zxid};

/// What a snapshot's name begins with while it is written: no reader takes it for one.
pub(crate) const PARTIAL: &str = "partial.";
const MAGIC: &[u8; 4] = b"ZKSN";

/// The tree's checksum in a snapshot or after a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// The last transaction it covers.
    pub zxid: Zxid,
    /// How it was computed; Apache's is 2.
    pub version: i32,
    /// The sum.
    pub digest: i64,
}

/// What is in a snapshot, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Sessions.
    pub sessions: usize,
    /// ACL lists.
    pub acls: usize,
    /// Nodes, the root included.
    pub nodes: u64,
    /// The parts at the end.
    pub tail: Tail,
}

/// Snapshots in a folder, newest first.
pub fn list(disk: &dyn Disk, folder: &Path) -> Result<Vec<FileName>> {
    let names = disk.list(folder).map_err(Error::io("list", folder))?;
    let mut found = name::sorted(&names, FileKind::Snapshot);
    found.reverse();
    Ok(found)
}

/// Apache's check before a snapshot is loaded: its end, or, compressed, its beginning.
pub fn looks_complete(disk: &dyn Disk, path: &Path) -> Result<bool> {
    let file = disk.open_for_reading(path).map_err(Error::io("open", path))?;
    let len = file.len().map_err(Error::io("read", path))?;
    let compression = Compression::of_name(&path.to_string_lossy());
    let (at, expected) = match compression.magic() {
        Some(magic) => (0, magic),
        None if len < 10 => return Ok(false),
        None => (len - 5, &b"\0\0\0\x01/"[..]),
    };
    let mut there = vec![0; expected.len()];
    let read = read_full(&*file, &mut there, at).map_err(Error::io("read", path))?;
    Ok(&there[..read] == expected)
}

/// Reads a whole snapshot and checks its seals.
pub fn verify(disk: &dyn Disk, path: &Path) -> Result<Summary> {
    let mut reader = SnapshotReader::open(disk, path)?;
    let mut nodes = 0;
    while reader.advance()? {
        nodes += 1;
    }
    let (sessions, acls) = (reader.sessions().len(), reader.acls().len());
    Ok(Summary { sessions, acls, nodes, tail: reader.finish()? })
}

/// The newest snapshot up to `zxid` that is sound from its first byte to its last.
pub fn newest_valid(disk: &dyn Disk, folder: &Path, up_to: Zxid) -> Result<Option<FileName>> {
    let files = list(disk, folder)?;
    for file in files.into_iter().filter(|file| file.zxid <= up_to) {
        if is_valid(disk, &folder.join(&file.name))? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Whether a snapshot is sound; an error only where the disk fails.
pub fn is_valid(disk: &dyn Disk, path: &Path) -> Result<bool> {
    match verify(disk, path) {
        Ok(_) => Ok(true),
        Err(Error::Damaged(damage)) => {
            tracing::warn!("{damage}");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
