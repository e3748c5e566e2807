//! The log's thread: takes what waits, writes it, makes it durable once, says so.
//!
//! The server's core sends requests and hears of each batch through a function of its own. Requests
//! are answered in their order. After an error nothing more is written or answered: the one event
//! that says so is the last.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::{Commit, FlushPolicy, LogWriter, Preallocator};
use crate::{Error, Result, Zxid};

/// Requests that wait at most; the sender waits when there are more.
const QUEUE: usize = 1 << 14;

/// What the log's thread is asked.
#[derive(Debug, PartialEq, Eq)]
pub enum LogRequest {
    /// Append a transaction: header, record, digest.
    Append {
        /// Its number, above all before.
        zxid: Zxid,
        /// Its bytes.
        txn: Vec<u8>,
    },
    /// Append several, in their order.
    AppendAll(Vec<(Zxid, Vec<u8>)>),
    /// Make all before durable and begin a new file with the next; answered with `Rolled`.
    Roll,
    /// Make all before durable now; answered with `Durable` also if there was nothing to do.
    Flush,
}

/// What the log's thread says.
#[derive(Debug)]
pub enum LogEvent {
    /// Everything up to `zxid` is durable and may be acknowledged.
    Durable(Commit),
    /// The file was ended, after everything was made durable.
    Rolled(Commit),
    /// The disk has failed: nothing after the last `Durable` may be acknowledged, ever. The server
    /// must stop.
    Failed(Error),
}

/// The running threads of a log.
pub struct LogThread {
    sender: Sender<LogRequest>,
    thread: JoinHandle<()>,
    preallocator: Arc<Preallocator>,
    filler: JoinHandle<()>,
}

impl LogThread {
    /// Starts the log's thread, and one that preallocates. `tell` must not block for long.
    pub fn start(
        writer: LogWriter,
        policy: FlushPolicy,
        tell: impl FnMut(LogEvent) + Send + 'static,
    ) -> Result<LogThread> {
        let started = |source: io::Error| Error::Io {
            action: "start the thread of",
            path: Path::new("log").to_path_buf(),
            source,
        };
        let (sender, receiver) = bounded(QUEUE);
        let preallocator = writer.preallocator();
        let of_thread = preallocator.clone();
        let named = thread::Builder::new().name("log-preallocate".to_owned());
        let filler = named.spawn(move || of_thread.run()).map_err(started)?;
        let of_thread = preallocator.clone();
        let mut worker =
            Worker { writer, policy, receiver, tell, preallocator: of_thread, waiting: 0 };
        let named = thread::Builder::new().name("log".to_owned());
        let thread = match named.spawn(move || worker.run()) {
            Ok(thread) => thread,
            Err(error) => {
                end_filler(&preallocator, filler);
                return Err(started(error));
            }
        };
        Ok(LogThread { sender, thread, preallocator, filler })
    }

    /// Sends a request; waits while too many wait already. False if the log has failed.
    pub fn send(&self, request: LogRequest) -> bool {
        self.sender.send(request).is_ok()
    }

    /// For other threads that send.
    pub fn sender(&self) -> Sender<LogRequest> {
        self.sender.clone()
    }

    /// Waits until everything sent is durable and the open file is ended. All other senders must
    /// be gone.
    pub fn close(self) {
        drop(self.sender);
        // A panic of the thread was printed where it happened; the writer is gone either way.
        let _ = self.thread.join();
        end_filler(&self.preallocator, self.filler);
    }
}

fn end_filler(preallocator: &Preallocator, thread: JoinHandle<()>) {
    preallocator.end();
    let _ = thread.join();
}

struct Worker<T> {
    writer: LogWriter,
    policy: FlushPolicy,
    receiver: Receiver<LogRequest>,
    tell: T,
    preallocator: Arc<Preallocator>,
    /// Transactions appended since the last commit.
    waiting: u64,
}

impl<T: FnMut(LogEvent)> Worker<T> {
    fn run(&mut self) {
        if let Err(error) = self.work() {
            tracing::error!("{error}");
            (self.tell)(LogEvent::Failed(error));
        }
    }

    fn work(&mut self) -> Result<()> {
        let mut flushed = Instant::now();
        loop {
            let Some(request) = self.next(flushed) else {
                if self.waiting > 0 {
                    self.commit()?;
                    flushed = Instant::now();
                    continue;
                }
                // Nothing waits: sleep until something comes, or nobody is left to send.
                match self.receiver.recv() {
                    Ok(request) => {
                        if self.handle(request, flushed)? {
                            flushed = Instant::now();
                        }
                        continue;
                    }
                    Err(_) => return self.writer.roll().map(|_| ()),
                }
            };
            if self.handle(request, flushed)? {
                flushed = Instant::now();
            }
        }
    }

    /// What waits, or comes while the batch is kept open.
    fn next(&self, flushed: Instant) -> Option<LogRequest> {
        match self.receiver.try_recv() {
            Ok(request) => return Some(request),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => {}
        }
        let wait = self.policy.wait(flushed.elapsed());
        if wait.is_zero() || self.waiting == 0 {
            return None;
        }
        self.receiver.recv_timeout(wait).ok()
    }

    /// Does one request; true if everything is durable after it.
    fn handle(&mut self, request: LogRequest, flushed: Instant) -> Result<bool> {
        match request {
            LogRequest::Append { zxid, txn } => return self.append(zxid, &txn, flushed),
            LogRequest::AppendAll(txns) => {
                let mut is_durable = false;
                for (zxid, txn) in &txns {
                    is_durable = self.append(*zxid, txn, flushed)?;
                }
                return Ok(is_durable);
            }
            LogRequest::Flush => self.commit()?,
            LogRequest::Roll => {
                let commit = self.writer.roll()?;
                self.waiting = 0;
                self.report(&commit);
                (self.tell)(LogEvent::Rolled(commit));
            }
        }
        Ok(true)
    }

    /// Appends one, and makes the batch durable if that completes it.
    fn append(&mut self, zxid: Zxid, txn: &[u8], flushed: Instant) -> Result<bool> {
        self.writer.append(zxid, txn)?;
        self.waiting += 1;
        // The clock is read only where a delay is set.
        let since = match self.policy.delay.is_zero() {
            true => self.policy.delay,
            false => flushed.elapsed(),
        };
        if !self.policy.is_complete(self.waiting, since) {
            return Ok(false);
        }
        self.commit()?;
        Ok(true)
    }

    fn commit(&mut self) -> Result<()> {
        let commit = self.writer.commit()?;
        self.waiting = 0;
        self.report(&commit);
        (self.tell)(LogEvent::Durable(commit));
        Ok(())
    }

    fn report(&self, commit: &Commit) {
        if commit.sync > self.policy.warn_after {
            tracing::warn!(
                "the disk took {} ms to make {} bytes of the log durable, more than \
                 fsync.warningthresholdms={}: clients wait that long; give the log a disk of its \
                 own",
                commit.sync.as_millis(),
                commit.bytes,
                self.policy.warn_after.as_millis()
            );
        }
        if let Some(error) = self.preallocator.take_error() {
            tracing::warn!(
                "log files are no longer preallocated, which makes writes slower: {error}"
            );
        }
    }
}
