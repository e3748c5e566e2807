//! Looks at every log of a folder, whatever is wrong with the one before: for
//! `keeper log verify`. Changes nothing.

use std::path::{Path, PathBuf};

use super::entry::may_follow;
use super::file_reader::{LogFileReader, Stop};
use super::tail::{Rest, TornTail, judge};
use crate::disk::Disk;
use crate::name::{self, FileKind};
use crate::{Damage, Error, Result, Zxid};

/// One log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub file: PathBuf,
    /// Sound entries from its beginning.
    pub entries: u64,
    /// Their first and last transaction.
    pub zxids: Option<(Zxid, Zxid)>,
    /// Where the numbers do not go on, in this file or from the one before: the transactions on
    /// both sides.
    pub gaps: Vec<(Zxid, Zxid)>,
    /// What is behind the sound entries.
    pub end: FileEnd,
}

/// What is behind the sound entries of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEnd {
    /// Nothing, or zeros.
    Clean,
    /// A write that a crash has torn. In the newest log a start cuts it.
    Torn(TornTail),
    /// Damage.
    Damaged(Damage),
}

/// Reports on all logs of a folder, oldest first.
pub fn verify(disk: &dyn Disk, folder: &Path) -> Result<Vec<FileReport>> {
    let names = disk.list(folder).map_err(Error::io("list", folder))?;
    let mut reports = Vec::new();
    let mut last = None;
    for file in name::sorted(&names, FileKind::Log) {
        reports.push(report(disk, folder.join(file.name), &mut last)?);
    }
    Ok(reports)
}

fn report(disk: &dyn Disk, file: PathBuf, last: &mut Option<Zxid>) -> Result<FileReport> {
    let mut reader = LogFileReader::open(disk, &file)?;
    let (mut entries, mut gaps, mut first) = (0, Vec::new(), None);
    while reader.advance()? {
        let Some(zxid) = reader.head().map(|header| header.zxid) else { continue };
        entries += 1;
        first = first.or(Some(zxid));
        if let Some(last) = last.filter(|last| zxid <= *last || !may_follow(*last, zxid)) {
            gaps.push((last, zxid));
        }
        *last = Some(zxid);
    }
    let zxids = first.zip(*last);
    let stop = reader.stop().unwrap_or(Stop::EndOfFile);
    let end = match judge(&reader, stop, *last)? {
        Rest::Clean => FileEnd::Clean,
        Rest::Torn(tail) => FileEnd::Torn(tail),
        Rest::Damaged(damage) => FileEnd::Damaged(damage),
    };
    Ok(FileReport { file, entries, zxids, gaps, end })
}
