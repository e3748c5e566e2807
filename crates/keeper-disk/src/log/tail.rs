//! What is behind the last sound entry of a file: nothing, a torn write, or damage.

use std::path::{Path, PathBuf};

use super::HEADER_LEN;
use super::entry;
use super::file_reader::{LogFileReader, Stop};
use super::mark::{self, Mark};
use crate::disk::{Disk, read_full};
use crate::{Damage, Error, Result, Zxid};

/// Bytes looked at together.
const CHUNK: usize = 1 << 20;
/// Non-zero bytes behind the damage beyond which no single write explains them. Above the longest
/// write ([`super::writer`]) with the longest transaction.
const TORN_MAX: u64 = 1 << 28;

/// The end of the newest file that a crash has left half-written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The file.
    pub file: PathBuf,
    /// Where its sound entries end.
    pub offset: u64,
    /// The last sound transaction; `None` if there is none in this file.
    pub after: Option<Zxid>,
    /// Bytes behind it that are not zero, from the first to the last.
    pub bytes: u64,
    /// Whole transactions among them: never acknowledged, since the write they were in was torn.
    pub whole: Vec<Zxid>,
    /// What is at `offset`.
    pub what: String,
}

impl std::fmt::Display for TornTail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let TornTail { file, offset, bytes, what, .. } = self;
        write!(f, "{}: {bytes} bytes from offset {offset} cut", file.display())?;
        match self.after {
            Some(zxid) => write!(f, ", after zxid {zxid}")?,
            None => write!(f, ", the whole file")?,
        }
        write!(f, ": a write that a crash has torn ({what})")?;
        if let (Some(first), Some(last)) = (self.whole.first(), self.whole.last()) {
            let count = self.whole.len();
            write!(f, ", with {count} unacknowledged transactions from {first} to {last}")?;
        }
        Ok(())
    }
}

/// What the rest of a file is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Zeros, or nothing.
    Clean,
    /// A write that was never durable.
    Torn(TornTail),
    /// No torn write explains it.
    Damaged(Damage),
}

/// What helps against damage that must not be cut by itself.
pub(crate) fn remedy(file: &Path) -> String {
    let folder = file.parent().unwrap_or(file).display();
    format!(
        "nothing was changed: `keeper log verify {folder}` lists all damage. In an ensemble, move \
         {folder} away and start: the leader sends a snapshot. Alone, restore a backup, or \
         `keeper log repair {}` keeps what is sound",
        file.display()
    )
}

/// Judges what is behind the sound entries, where the reader has stopped. `last` is the newest
/// transaction of the log up to there.
pub(crate) fn judge(reader: &LogFileReader, stop: Stop, last: Option<Zxid>) -> Result<Rest> {
    let offset = if stop == Stop::NoHeader { 0 } else { reader.offset() };
    let damaged = |what: String| {
        let file = reader.path().to_path_buf();
        let remedy = remedy(reader.path());
        Ok(Rest::Damaged(Damage { file, offset, after: last, what, remedy }))
    };
    let Some(mut region) = region(reader, offset)? else {
        return damaged(format!("{stop}, and more than {TORN_MAX} bytes after it"));
    };
    let marks = mark::find_all(&region, offset);
    if let Some(mark) = marks.iter().find(|mark| mark.durable_to > offset) {
        return damaged(format!(
            "{stop}; all before offset {} was durable once, so this is no torn write",
            mark.durable_to
        ));
    }
    erase(&mut region, &marks);
    if region.iter().all(|byte| *byte == 0) && stop != Stop::NoHeader {
        return Ok(Rest::Clean);
    }
    let whole = whole_entries(&region, last);
    if let (true, Some((at, zxid))) = (marks.is_empty(), whole.first()) {
        let next = offset + *at as u64;
        return damaged(format!("{stop}, with a sound entry after it: zxid {zxid} at {next}"));
    }
    // A file whose creation was torn has zeros for a header, or a part of it and no more.
    if stop == Stop::NoHeader && !is_unborn(&region) {
        return damaged(stop.to_string());
    }
    Ok(Rest::Torn(TornTail {
        file: reader.path().to_path_buf(),
        offset,
        after: last.filter(|_| offset > HEADER_LEN),
        bytes: region.len() as u64,
        whole: whole.iter().map(|(_, zxid)| *zxid).collect(),
        what: stop.to_string(),
    }))
}

/// Whether a file without a header was never more than created.
fn is_unborn(region: &[u8]) -> bool {
    let header = &region[..region.len().min(super::HEADER.len())];
    header.iter().all(|byte| *byte == 0)
        || (region.len() <= super::HEADER.len() && super::HEADER.starts_with(region))
}

/// The file from `offset` to its last byte that is not zero; `None` if that is too much.
fn region(reader: &LogFileReader, offset: u64) -> Result<Option<Vec<u8>>> {
    let mut region: Vec<u8> = Vec::new();
    let mut used = 0;
    let mut at = offset;
    let mut chunk = vec![0; CHUNK];
    while at < reader.file_len() {
        let read =
            read_full(reader.file(), &mut chunk, at).map_err(Error::io("read", reader.path()))?;
        if read == 0 {
            break;
        }
        if let Some(last) = chunk[..read].iter().rposition(|byte| *byte != 0) {
            let from = (at - offset) as usize;
            used = from + last + 1;
            if used as u64 > TORN_MAX {
                return Ok(None);
            }
            region.resize(from, 0);
            region.extend_from_slice(&chunk[..=last]);
        }
        at += read as u64;
    }
    debug_assert_eq!(region.len(), used);
    Ok(Some(region))
}

fn erase(region: &mut Vec<u8>, marks: &[Mark]) {
    for mark in marks {
        region[mark.at..mark.at + mark::LEN].fill(0);
    }
    let used = region.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    region.truncate(used);
}

/// Sound entries in a damaged tail that could be of this log: where, and their numbers.
fn whole_entries(region: &[u8], last: Option<Zxid>) -> Vec<(usize, Zxid)> {
    let mut found = Vec::new();
    let mut at = 1;
    while at < region.len() {
        match entry::sound_at(region, at) {
            Some((head, len)) if last.is_none_or(|last| head.zxid > last) => {
                found.push((at, head.zxid));
                at += len;
            }
            _ => at += 1,
        }
    }
    found
}

/// Cuts a torn tail and makes that durable. A file without any entry is removed.
pub fn cut_tail(disk: &dyn Disk, tail: &TornTail) -> Result<()> {
    let path = &tail.file;
    if tail.offset <= HEADER_LEN {
        disk.remove(path).map_err(Error::io("remove", path))?;
        let folder = path.parent().unwrap_or(path);
        return disk.sync_dir(folder).map_err(Error::sync(folder));
    }
    let file = disk.open(path).map_err(Error::io("open", path))?;
    file.set_len(tail.offset).map_err(Error::io("cut", path))?;
    file.sync_data().map_err(Error::sync(path))
}
