//! Appends transactions to the log: one write and one `fdatasync` for each batch.
//!
//! Used by the log thread ([`super::LogThread`]), which decides when a batch is complete. After an
//! error the writer is dead: what the disk holds then is unknown until it is read again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{HEADER, HEADER_LEN, Preallocator, entry, mark};
use crate::disk::{Disk, DiskFile};
use crate::name::FileName;
use crate::{Error, Result, Zxid};

/// Bytes of a batch beyond which it is written without waiting for `commit`.
const WRITE_MAX: usize = 8 << 20;

/// Settings of the log; the names of Apache's system properties are without `zookeeper.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// `preAllocSize`, in bytes. 0: nothing is preallocated off the write path.
    pub preallocate: u64,
    /// `forceSync`. Without it a crash of the machine loses acknowledged transactions.
    pub force_sync: bool,
    /// `txnLogSizeLimitInKb`, in bytes: rolled when larger.
    pub size_limit: Option<u64>,
}

impl Default for LogOptions {
    fn default() -> LogOptions {
        LogOptions { preallocate: 64 << 20, force_sync: true, size_limit: None }
    }
}

/// A batch that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// The last transaction that is durable.
    pub zxid: Zxid,
    /// Transactions made durable by this commit.
    pub txns: u64,
    /// Their bytes, with their frames.
    pub bytes: u64,
    /// How long the disk took to make them durable.
    pub sync: Duration,
}

/// Writes the log of one folder.
pub struct LogWriter {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    options: LogOptions,
    preallocator: Arc<Preallocator>,
    open: Option<Open>,
    /// The last transaction appended, or before.
    last: Zxid,
    /// Entries that are not written yet.
    batch: Vec<u8>,
    /// The first of them.
    first: Zxid,
    since_commit: (u64, u64),
    failed: bool,
}

struct Open {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    /// Where the entries end.
    end: u64,
    /// Its name is durable.
    named: bool,
}

impl LogWriter {
    /// A writer for `folder`, whose log ends with `last`. As with Apache, old files are never
    /// appended to: the first transaction begins a new one.
    pub fn new(disk: Arc<dyn Disk>, folder: &Path, last: Zxid, options: LogOptions) -> LogWriter {
        let preallocator = Arc::new(Preallocator::new(disk.clone(), folder, options.preallocate));
        LogWriter {
            disk,
            folder: folder.to_path_buf(),
            options,
            preallocator,
            open: None,
            last,
            batch: Vec::new(),
            first: last,
            since_commit: (0, 0),
            failed: false,
        }
    }

    /// What fills space ahead; somebody else must call its `run` or `step`.
    pub fn preallocator(&self) -> Arc<Preallocator> {
        self.preallocator.clone()
    }

    /// The last transaction appended, whether or not it is durable yet.
    pub fn last(&self) -> Zxid {
        self.last
    }

    /// Bytes of the open log up to its last entry.
    pub fn file_len(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.end) + self.batch.len() as u64
    }

    /// Appends a transaction: header, record and digest as they will be read. Durable only after
    /// the next [`LogWriter::commit`].
    pub fn append(&mut self, zxid: Zxid, txn: &[u8]) -> Result<()> {
        self.check()?;
        if zxid <= self.last {
            return Err(Error::OutOfOrder { last: self.last, zxid });
        }
        if self.batch.is_empty() {
            self.first = zxid;
        }
        entry::append(&mut self.batch, txn);
        self.last = zxid;
        self.since_commit.0 += 1;
        if self.batch.len() > WRITE_MAX {
            self.guard(Self::write_durably)?;
        }
        Ok(())
    }

    /// Makes everything appended durable. Only after this may a transaction be acknowledged.
    pub fn commit(&mut self) -> Result<Commit> {
        self.check()?;
        let sync = self.guard(Self::write_durably)?;
        let (txns, bytes) = std::mem::take(&mut self.since_commit);
        let limit = self.options.size_limit;
        if limit.is_some_and(|limit| self.file_len() > limit) {
            self.guard(Self::close_file)?;
        }
        Ok(Commit { zxid: self.last, txns, bytes, sync })
    }

    /// Makes everything durable and ends the open file: the next transaction begins a new one.
    pub fn roll(&mut self) -> Result<Commit> {
        let commit = self.commit()?;
        self.guard(Self::close_file)?;
        Ok(commit)
    }

    fn check(&self) -> Result<()> {
        if self.failed { Err(Error::Stopped) } else { Ok(()) }
    }

    /// Runs a step that leaves the writer dead if it fails.
    fn guard<T>(&mut self, step: impl FnOnce(&mut LogWriter) -> Result<T>) -> Result<T> {
        let result = step(self);
        self.failed |= result.is_err();
        result
    }

    /// One write, one `fdatasync`; the time that took.
    fn write_durably(&mut self) -> Result<Duration> {
        if self.batch.is_empty() {
            return Ok(Duration::ZERO);
        }
        if self.open.is_none() {
            self.open = Some(self.open_file()?);
        }
        let Some(open) = self.open.as_mut() else { return Err(Error::Stopped) };
        let entries = self.batch.len() as u64;
        mark::finish(&mut self.batch, open.end);
        let end = open.end + entries;
        self.preallocator.reserve(end, open.end + self.batch.len() as u64)?;
        open.file.write_all_at(&self.batch, open.end).map_err(Error::io("write to", &open.path))?;
        let started = Instant::now();
        if self.options.force_sync {
            open.file.sync_data().map_err(Error::sync(&open.path))?;
            if !open.named {
                self.disk.sync_dir(&self.folder).map_err(Error::sync(&self.folder))?;
                open.named = true;
            }
        }
        open.end = end;
        self.since_commit.1 += entries;
        self.batch.clear();
        // A batch with one large transaction is no reason to keep its memory.
        self.batch.shrink_to(WRITE_MAX);
        Ok(started.elapsed())
    }

    fn open_file(&self) -> Result<Open> {
        let path = self.folder.join(FileName::log(self.first));
        if let Some(file) = self.preallocator.open_spare(&path)? {
            return Ok(Open { file, path, end: HEADER_LEN, named: false });
        }
        let file = self.disk.create(&path).map_err(Error::io("create", &path))?;
        // Durable with the first zeros.
        file.write_all_at(&HEADER, 0).map_err(Error::io("write to", &path))?;
        self.preallocator.open_new(file.clone(), &path);
        Ok(Open { file, path, end: HEADER_LEN, named: false })
    }

    /// Cuts what was preallocated. That need not be durable: readers take zeros for an end, also
    /// in files that are not the newest.
    fn close_file(&mut self) -> Result<()> {
        self.preallocator.close();
        let Some(open) = self.open.take() else { return Ok(()) };
        open.file.set_len(open.end).map_err(Error::io("cut", &open.path))
    }
}
