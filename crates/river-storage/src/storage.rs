//! The interface of all back ends: objects under paths, whole or not there.
//!
//! Paths are text with `/` between names, in the form that [`crate::open`] returns: absolute on
//! local paths and HDFS, the key without a leading `/` on S3. Build longer ones with
//! [`crate::join`]. Entries of [`Storage::list`] carry paths of the same form.

use std::fmt::Debug;
use std::io::Write;
use std::ops::Range;

use crate::Result;

/// A place that keeps objects. Every call blocks until it is done, has failed, or its time is up;
/// calls may come from many threads at once.
pub trait Storage: Send + Sync + Debug {
    /// Begins a new object at `path`. Nothing is visible there before [`ObjectWriter::finish`];
    /// what was there before is replaced then, atomically. Missing folders are made.
    fn create(&self, path: &str) -> Result<Box<dyn ObjectWriter>>;

    /// Writes a small object only if none of that name is there, durably; otherwise fails with
    /// [`crate::ErrorKind::AlreadyExists`] and leaves the other one as it is. Of several
    /// concurrent callers one wins. An object that is there with exactly these bytes after a
    /// retried attempt counts as written.
    fn put_new(&self, path: &str, bytes: &[u8]) -> Result<()>;

    /// Writes a small object durably, replacing one of that name atomically.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<()>;

    /// The whole object.
    fn read(&self, path: &str) -> Result<Vec<u8>>;

    /// The bytes of `range`, all of them: an object that ends before `range.end` fails with
    /// [`crate::ErrorKind::Corrupt`].
    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>>;

    /// Size of the object in bytes.
    fn size(&self, path: &str) -> Result<u64>;

    /// What is in the folder `dir` (`""`: the root), ordered by path: its objects and folders, or,
    /// with `recursive`, all objects at any depth and no folders. A folder that is not there is an
    /// empty one. Unfinished writes are not listed.
    fn list(&self, dir: &str, recursive: bool) -> Result<Vec<Entry>>;

    /// What writers that died have left anywhere below `dir`, as [`Storage::delete`] takes it.
    /// Writes that are still going on are among it: look at the age.
    fn list_unfinished(&self, dir: &str) -> Result<Vec<Entry>>;

    /// Removes an object; one that is not there is fine.
    fn delete(&self, path: &str) -> Result<()>;

    /// Removes a folder with all that is in it; one that is not there is fine. The root is
    /// refused.
    fn delete_dir(&self, dir: &str) -> Result<()>;

    /// The full URI of a path, for messages and records.
    fn display(&self, path: &str) -> String;
}

/// A new object while it is written. Memory is bounded whatever its size. Errors of `write` and
/// `flush` hold a [`crate::Error`], which [`crate::Error::from_io`] gets out again.
///
/// Dropped unfinished, it removes what was written, as far as the storage lets it.
pub trait ObjectWriter: Write + Send {
    /// Makes the object durable and visible; returns its size in bytes. After an error the object
    /// is not visible, unless the answer to the last request was lost: then it is there, whole.
    fn finish(self: Box<Self>) -> Result<u64>;
}

/// An object or a folder, as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path, in the form of the storage's other paths.
    pub path: String,
    /// Bytes; 0 for a folder.
    pub size: u64,
    /// When it was last changed, in milliseconds since 1970; 0 where the storage does not say
    /// (folders on S3).
    pub modified_ms: i64,
    /// Whether it is a folder.
    pub is_dir: bool,
}

impl Entry {
    /// The last name of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}
