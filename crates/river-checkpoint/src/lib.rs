//! Files of checkpoints and savepoints: how a task's state is written, found, read, described and
//! checked. The format is in docs/river/checkpoint-format.md.
//!
//! | module | what |
//! |---|---|
//! | [`layout`], [`locate`] | Flink's folders; which checkpoint a path means |
//! | [`metadata`] | `_metadata`: what a checkpoint is made of; put last, so it is there or not |
//! | [`file`](mod@file) | the file of one subtask: blocks of rows and an index of key groups |
//! | [`writer`] | takes a task's snapshot and stores it behind its back |
//! | [`restore`] | fills operators of a job with the same or another parallelism |
//! | [`describe`](mod@describe), [`verify`](mod@verify) | what is in a checkpoint, and whether all of it is whole |
//! | [`discard`], [`fsck`](mod@fsck) | removal; what is in a storage directory and should not be |
//!
//! Used by the driver of checkpoints and by `river`. It must never trust a file: everything read is
//! checked, and what does not fit is an [`Error`] that names the file.

mod error;
mod read_ahead;
mod units;

pub mod describe;
pub mod discard;
pub mod file;
pub mod fsck;
pub mod layout;
pub mod locate;
pub mod metadata;
pub mod reader;
pub mod restore;
#[cfg(test)]
mod testing;
pub mod verify;
pub mod writer;

pub use describe::{Description, describe};
pub use error::{Error, ErrorKind, Result};
pub use fsck::fsck;
pub use locate::{Located, locate};
pub use metadata::{CheckpointMetadata, Kind, SubtaskHandle, VertexState};
pub use restore::{NewInput, Restore, SubtaskRequest};
pub use verify::{Verification, verify};
pub use writer::{FileSnapshotWriter, Place, Places, SnapshotEvent, SnapshotReport, WriterOptions};
