//! The log from a transaction on, over all its files, checked on the way.
//!
//! | found | then |
//! |---|---|
//! | a torn write at the end of the newest file | the log ends there; [`LogEnd::torn`] says what is to be cut |
//! | a torn write at the end of an older file, and the next file goes on without a gap | Apache left it there and wrote those numbers again: noted |
//! | a file without entries before others | nothing is missing as long as the numbers go on |
//! | a bad entry with durable ones after it, in any file; numbers that go back or are missing | refused |
//!
//! Apache takes a broken entry at the end of any file for the end of that file, so that a hole in
//! the log passes unseen.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zk_wire::txn::TxnHeader;

use super::entry::may_follow;
use super::file_reader::{LogFileReader, Stop};
use super::tail::{Rest, TornTail, judge, remedy};
use crate::disk::Disk;
use crate::name::{self, FileKind, FileName};
use crate::{Damage, Error, Result, Zxid};

/// Reads entries after a transaction.
pub struct Replay {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// Entries up to this one are checked, but not handed out.
    after: Zxid,
    /// Files still to be read, newest first.
    files: Vec<FileName>,
    reader: Option<LogFileReader>,
    /// The last entry read, of whatever number.
    last: Option<Zxid>,
    /// A torn end of an older file, sound if the next entry follows the last.
    doubt: Option<TornTail>,
    end: LogEnd,
}

/// What was found after the last entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogEnd {
    /// The last transaction in the log; the one to start after, if there is none.
    pub last: Zxid,
    /// The newest file's torn write: [`super::cut_tail`] it before anything is appended.
    pub torn: Option<TornTail>,
    /// Torn writes that Apache left in older files; nothing is missing.
    pub notes: Vec<TornTail>,
    /// Entries handed out.
    pub entries: u64,
}

impl Replay {
    /// Entries with numbers above `after`, which is a snapshot's number, or zero.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, after: Zxid) -> Result<Replay> {
        let names = disk.list(folder).map_err(Error::io("list", folder))?;
        let mut files = name::sorted(&names, FileKind::Log);
        // The newest file that begins at or before the next transaction, and all after it.
        let next = Zxid(after.0.saturating_add(1));
        let first = files.iter().rposition(|file| file.zxid <= next).unwrap_or(0);
        files.drain(..first);
        files.reverse();
        let end = LogEnd { last: after, ..LogEnd::default() };
        let folder = folder.to_path_buf();
        let (reader, last, doubt) = (None, None, None);
        Ok(Replay { disk, folder, after, files, reader, last, doubt, end })
    }

    /// Goes to the next entry; false at the end of the log.
    pub fn advance(&mut self) -> Result<bool> {
        loop {
            let Some(reader) = self.reader.as_mut() else {
                let Some(file) = self.files.pop() else {
                    // Only files without an entry came after it.
                    self.end.notes.extend(self.doubt.take());
                    return Ok(false);
                };
                let path = self.folder.join(&file.name);
                self.reader = Some(LogFileReader::open(&*self.disk, &path)?);
                continue;
            };
            if !reader.advance()? {
                self.finish_file()?;
                continue;
            }
            let Some(head) = reader.head() else { continue };
            self.check_order(head.zxid)?;
            self.last = Some(head.zxid);
            if head.zxid > self.after {
                self.end.last = head.zxid;
                self.end.entries += 1;
                return Ok(true);
            }
        }
    }

    /// The current entry's header.
    pub fn head(&self) -> Option<TxnHeader> {
        self.reader.as_ref()?.head()
    }

    /// The current entry's transaction.
    pub fn txn(&self) -> &[u8] {
        self.reader.as_ref().map_or(&[], LogFileReader::txn)
    }

    /// The file of the current entry, and where in it the entry begins.
    pub fn position(&self) -> Option<(&Path, u64)> {
        self.reader.as_ref().map(|reader| (reader.path(), reader.offset()))
    }

    /// Reads what is left, without handing it out, and says how the log ends.
    pub fn finish(mut self) -> Result<LogEnd> {
        while self.advance()? {}
        Ok(self.end)
    }

    /// Whether an entry may follow what was read so far.
    fn check_order(&mut self, zxid: Zxid) -> Result<()> {
        let known = match self.last {
            // The first entry of the first file, which begins before the one to start after.
            None if zxid <= self.after => return Ok(()),
            None => self.after,
            Some(last) => last,
        };
        // What comes after the transaction to start from must reach back to it.
        let from = if zxid > self.after { known.max(self.after) } else { known };
        let sound = zxid > known && may_follow(from, zxid);
        if sound && let Some(tail) = self.doubt.take() {
            // Within an epoch the numbers prove that nothing is missing.
            if from.epoch() != zxid.epoch() {
                return Err(damaged(&tail.file, tail.offset, tail.after, tail.what.clone()));
            }
            self.end.notes.push(tail);
        }
        if sound {
            return Ok(());
        }
        if let Some(tail) = self.doubt.take() {
            return Err(damaged(&tail.file, tail.offset, tail.after, tail.what));
        }
        let Some(reader) = &self.reader else { return Ok(()) };
        let what = if zxid <= known {
            format!("zxid {zxid} after {known}: numbers go back")
        } else {
            let missing = Zxid(from.0.saturating_add(1));
            format!("zxid {zxid} after {from}: transactions from {missing} on are missing")
        };
        Err(damaged(reader.path(), reader.offset(), Some(from), what))
    }

    /// Judges what is behind the last entry of the current file.
    fn finish_file(&mut self) -> Result<()> {
        let Some(reader) = self.reader.take() else { return Ok(()) };
        let stop = reader.stop().unwrap_or(Stop::EndOfFile);
        match judge(&reader, stop, self.last)? {
            Rest::Clean => Ok(()),
            Rest::Damaged(damage) => Err(Error::Damaged(Box::new(damage))),
            Rest::Torn(tail) if self.files.is_empty() => {
                self.end.torn = Some(tail);
                Ok(())
            }
            // Where Apache itself refuses to go on, it cannot have gone on.
            Rest::Torn(tail) if matches!(stop, Stop::BadChecksum | Stop::BadLength(_)) => {
                let what = format!("{stop}, in a file that is not the newest");
                Err(damaged(&tail.file, tail.offset, tail.after, what))
            }
            Rest::Torn(tail) => {
                self.doubt = Some(tail);
                Ok(())
            }
        }
    }
}

fn damaged(file: &Path, offset: u64, after: Option<Zxid>, what: String) -> Error {
    let file = file.to_path_buf();
    let remedy = remedy(&file);
    Error::Damaged(Box::new(Damage { file, offset, after, what, remedy }))
}
