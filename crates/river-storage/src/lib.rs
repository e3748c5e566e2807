//! Durable storage: where checkpoints, savepoints and job records live.
//!
//! One synchronous interface, [`Storage`], over a local path (or NFS, which is one), `s3://` and
//! `hdfs://`. Callers are plain threads; a back end that needs an asynchronous client hides it.
//!
//! Used by the checkpoint code of `river-runtime`, by `river` and by its offline commands. It must
//! never guess (a home directory, a default scheme other than a path, a bucket), never make an
//! object visible before it is whole, and never wait without a limit for a storage that is gone.
//!
//! Rules' sources: Flink's options `execution.checkpointing.dir`, `s3.*`, `fs.hdfs.*`
//! (`org.apache.flink.core.fs.FileSystem`, `flink-s3-fs-base`), and docs/river/storage.md.

mod error;
mod faulty;
#[cfg(feature = "hdfs")]
mod hdfs;
mod local;
mod location;
mod reader;
#[cfg(any(feature = "hdfs", feature = "s3"))]
mod remote;
mod retry;
#[cfg(feature = "s3")]
mod s3;
mod storage;
mod temporary;

pub use error::{Error, ErrorKind, Result};
pub use faulty::{FAULTS_KEY, Faults, Faulty};
pub use local::Local;
pub use location::{join, open, parent};
pub use reader::ObjectReader;
pub use retry::RetryOptions;
pub use storage::{Entry, ObjectWriter, Storage};
