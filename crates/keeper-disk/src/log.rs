//! The transaction log (Apache's `FileTxnLog`, `FilePadding`, `TxnLogToolkit`).
//!
//! ```text
//! log.<zxid of the first entry>
//! header: "ZKLG", int version 2, long dbid 0
//! entry*: long Adler32 of the transaction, int length, the transaction, 0x42
//! zeros
//! ```
//!
//! A log that is being written also has marks among the zeros behind its last entry ([`mark`]),
//! which Apache never reads; a log that was closed ends with its last entry.
//!
//! | part | what |
//! |---|---|
//! | [`LogWriter`] | appends, makes durable, rolls |
//! | [`LogThread`] | one `fdatasync` for all that wait |
//! | [`Replay`] | entries from a zxid on, over all files, with every check |
//! | [`cut_tail`], [`truncate`] | what a crash left is cut; the log goes back to a zxid |
//! | [`verify`], [`repair`] | for people: all damage; what is sound of a damaged file |

mod entry;
mod file_reader;
mod flush;
mod mark;
mod preallocate;
mod repair;
mod replay;
mod tail;
mod thread;
mod truncate;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use file_reader::LogFileReader;
pub use flush::FlushPolicy;
pub use preallocate::Preallocator;
pub use repair::{Repaired, repair};
pub use replay::{LogEnd, Replay};
pub use tail::{TornTail, cut_tail};
pub use thread::{LogEvent, LogRequest, LogThread};
pub use truncate::truncate;
pub use verify::{FileEnd, FileReport, verify};
pub use writer::{Commit, LogOptions, LogWriter};

/// Bytes before the first entry.
pub(crate) const HEADER_LEN: u64 = 16;
/// "ZKLG", version 2, and a database number that Apache writes as 0 and never reads.
pub(crate) const HEADER: [u8; 16] = *b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0";
