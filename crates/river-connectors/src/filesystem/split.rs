//! A split of a table of files, and how a reader's state is stored.
//!
//! A reader's snapshot ([`Stored`]) has an entry for each split that it is reading or has yet to
//! go on with, one for all that it has read to the end, and in subtask 0's of a bounded source
//! one for all there ever is to read. The first byte of an entry's position says which it is.

use river_runtime::source::SplitState;
use river_runtime::{Error, Result};

use super::listing::{Lister, TableFile};
use super::names::Names;

/// A file, or a range of lines of a large uncompressed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The file as it was when it was listed.
    pub file: TableFile,
    /// First byte, and first byte after the range; `None`: the whole file.
    pub range: Option<(u64, u64)>,
}

impl Split {
    /// Tells it from all other splits of the table. No path holds a NUL.
    pub fn identity(&self) -> String {
        let path = self.file.path.display();
        match self.range {
            Some((begin, end)) => format!("{path}\0{begin}-{end}"),
            None => path.to_string(),
        }
    }

    /// What people are shown.
    pub fn label(&self) -> String {
        self.identity().replace('\0', "#")
    }

    /// Where it begins.
    pub fn begin(&self) -> u64 {
        self.range.map_or(0, |(begin, _)| begin)
    }

    /// All of it as a text; the partition values are in the path.
    pub fn record(&self) -> String {
        let TableFile { path, size, modified_ms, .. } = &self.file;
        let range = self.range.map(|(begin, end)| format!(" {begin} {end}")).unwrap_or_default();
        format!("{}\0{size} {modified_ms}{range}", path.display())
    }

    /// The split of a [`Split::record`].
    pub fn from_record(record: &str, lister: &Lister) -> Result<Split> {
        let parsed = || {
            let (path, numbers) = record.split_once('\0')?;
            let mut numbers = numbers.split(' ');
            let size = numbers.next()?.parse().ok()?;
            let modified_ms = numbers.next()?.parse().ok()?;
            let begin = numbers.next().map(|text| text.parse().ok());
            let end = numbers.next().map(|text| text.parse().ok());
            let range = match (begin, end) {
                (None, None) => None,
                (Some(begin), Some(end)) => Some((begin?, end?)),
                _ => return None,
            };
            Some(Split { file: lister.known_file(path, size, modified_ms), range })
        };
        parsed().ok_or_else(|| damaged(record))
    }
}

fn damaged(what: &str) -> Error {
    Error::internal(format!("the stored position of {} is damaged", what.replace('\0', "#")))
}

const OPEN: u8 = 0;
const DONE: u8 = 1;
const LISTING: u8 = 2;

/// An entry of a reader's snapshot.
#[derive(Debug)]
pub enum Stored<'a> {
    /// A split that is begun or assigned, and where its next record starts: bytes of the
    /// uncompressed content, rows of a parquet file.
    Open(Split, u64),
    /// Identities of splits that were read to the end, as [`Names`].
    Done(&'a [u8]),
    /// Records of all splits of a bounded source, as [`Names`].
    Listing(&'a [u8]),
}

impl Stored<'_> {
    /// The entry for a snapshot.
    pub fn encode(&self) -> SplitState {
        let (label, kind, content) = match self {
            Stored::Open(split, position) => {
                let content = [&position.to_le_bytes(), split.record().as_bytes()].concat();
                (split.label(), OPEN, content)
            }
            Stored::Done(names) => ("(read to the end)".to_owned(), DONE, names.to_vec()),
            Stored::Listing(records) => {
                ("(all there is to read)".to_owned(), LISTING, records.to_vec())
            }
        };
        let mut position = content;
        position.insert(0, kind);
        SplitState { split: label, position }
    }

    /// The entry of a snapshot.
    pub fn decode<'a>(state: &'a SplitState, lister: &Lister) -> Result<Stored<'a>> {
        let wrong = || damaged(&state.split);
        let (kind, content) = state.position.split_first().ok_or_else(wrong)?;
        match *kind {
            OPEN => {
                let (position, record) = content.split_first_chunk().ok_or_else(wrong)?;
                let record = std::str::from_utf8(record).map_err(|_| wrong())?;
                Ok(Stored::Open(Split::from_record(record, lister)?, u64::from_le_bytes(*position)))
            }
            DONE => Ok(Stored::Done(content)),
            LISTING => Ok(Stored::Listing(content)),
            _ => Err(wrong()),
        }
    }
}

/// Whether an entry is a split with rows to come.
pub fn is_open(state: &SplitState) -> bool {
    state.position.first() == Some(&OPEN)
}

/// Splits as the content of [`Stored::Listing`].
pub fn encode_listing<'a>(splits: impl IntoIterator<Item = &'a Split>) -> Vec<u8> {
    let mut records = Names::default();
    splits.into_iter().for_each(|split| records.push(&split.record()));
    records.bytes().to_vec()
}
