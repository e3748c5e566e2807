//! ZooKeeper's files, byte for byte as Apache ZooKeeper 3.9 reads and writes them: the
//! transaction log, snapshots, the epoch files, and the folders they are in.
//!
//! Used by the server's log thread, by its start, and by the offline commands. Knows no tree, no
//! sessions and no sockets: a transaction is its bytes, of which only the header is read here.
//!
//! | module | what |
//! |---|---|
//! | [`disk`] | the few operations everything else is built of; the real disk |
//! | [`sim`] | a disk in memory that tears, loses and reorders, by seed |
//! | [`layout`] | `dataDir`, `dataLogDir`, `version-2` |
//! | [`log`] | the transaction log: write, read, recover, truncate, verify |
//! | [`snapshot`] | snapshots: write, read, check, find |
//! | [`epoch`] | `currentEpoch` and `acceptedEpoch` |
//! | [`start`] | which snapshot a server starts from, or why it does not |
//! | [`purge`] | which files are no longer needed |
//!
//! What this crate keeps, whatever the disk does (the tests of `sim` check it by seed):
//!
//! * A transaction that [`log::LogWriter::commit`] has answered for is read back after any crash.
//! * A transaction is read back whole or not at all, and only if all before it are.
//! * After an error of the disk nothing more is answered for.
//! * Nothing that was durable is cut silently: damage that a crash cannot explain is refused.

pub mod disk;
pub mod epoch;
mod error;
pub mod layout;
pub mod log;
mod name;
pub mod purge;
pub mod sim;
pub mod snapshot;
pub mod start;
#[cfg(test)]
mod tests;

pub use error::{Damage, Error, Result};
pub use name::{FileKind, FileName};
pub use zk_wire::Zxid;
