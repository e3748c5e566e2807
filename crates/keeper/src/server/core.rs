//! The thread that owns the node.
//!
//! A round: takes everything that waits in the inbox, steps the node through it, hands out what
//! came of it (transactions to the log, answers to the network threads, one batch each), and
//! sleeps if nothing is left. It never waits for a client, and for the disk only when the log's
//! queue is full.
//!
//! What holds: nothing is handed out after the log has failed.

mod appended;
mod clock;
mod route;
mod snapshots;
mod told;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use keeper_core::node::{CloseReason, Event, Incoming, Node, Now, Output};
use keeper_core::watch::ConnectionId;
use keeper_disk::Error as DiskError;
use keeper_disk::log::{Commit, LogEvent, LogRequest};
use zk_wire::acl::Id;
use zk_wire::connect::ConnectRequest;
use zk_wire::header::RequestHeader;

use super::handle::{Handle, Stop};
use super::snapshot::SnapshotRequest;
use super::{Failure, snapshot};
use crate::audit::Audit;
use crate::client_port::Mailbox;

use appended::Appended;
pub(super) use clock::Clock;
use route::Router;
use snapshots::Snapshots;
pub(super) use snapshots::digest;
use told::Told;

/// A tick that comes so late says that the process was paused, in milliseconds.
const PAUSE_MS: i64 = 1000;

/// Places that a queue keeps while it is empty.
const KEPT: usize = 16 << 10;

/// What the core's thread is told.
pub(crate) enum Message {
    /// A connection has sent its first frame.
    Connect { connection: ConnectionId, address: IpAddr, ids: Vec<Id>, request: ConnectRequest },
    /// A connection has sent further frames, in their order.
    Requests {
        connection: ConnectionId,
        requests: Vec<(RequestHeader, Incoming)>,
        /// When they were sent, where `throttled_op_wait_time` asks for it.
        sent: Option<Instant>,
    },
    /// A connection is gone.
    Disconnect { connection: ConnectionId },
    /// News of the log's thread.
    Log(LogEvent),
    /// Somebody wants to look at the node.
    Inspect(Box<dyn FnOnce(&Node) + Send>),
    /// Somebody wants a snapshot, and to hear of it.
    TakeSnapshot(snapshot::Waiter),
    /// News of the snapshot's thread.
    Snapshot(snapshot::News),
    /// Take nothing more, finish what is being written, end.
    Stop,
}

/// What the core's thread is made of.
pub(super) struct Core {
    node: Node,
    handle: Handle,
    clock: Clock,
    router: Router,
    snapshots: Snapshots,
    /// Outputs of the last steps, emptied after each message.
    out: Vec<Output>,
    tick: Duration,
    next_tick_ms: i64,
    /// The last tick was left out.
    was_paused: bool,
    stopping: bool,
    audit: Option<Audit>,
    told: Told,
    appended: Appended,
    /// Milliseconds of the clock when this round began.
    round_ms: i64,
}

impl Core {
    pub(super) fn new(
        node: Node,
        handle: Handle,
        clock: Clock,
        log: Sender<LogRequest>,
        network: Vec<Arc<Mailbox>>,
        snapshot: Sender<SnapshotRequest>,
    ) -> Self {
        let tick_ms = handle.config().sessions.tick_ms;
        let snapshots = Snapshots::new(handle.config().snapshot, snapshot, log.clone());
        Self {
            node,
            clock,
            router: Router::new(log, network),
            snapshots,
            out: Vec::new(),
            tick: Duration::from_millis((tick_ms / 4).clamp(10, 500) as u64),
            next_tick_ms: 0,
            was_paused: false,
            stopping: false,
            audit: None,
            told: Told::default(),
            appended: Appended::default(),
            round_ms: 0,
            handle,
        }
    }

    /// Runs until it is told to stop, or the log fails.
    pub(super) fn run(mut self) {
        let guard = self.handle.fault_guard("core");
        let result = self.begin_audit().and_then(|()| self.work());
        self.handle.core().close();
        // All of it is written before the server says that it has ended.
        self.audit = None;
        self.handle.tell_stop(match result {
            Ok(()) => Stop::Done,
            Err(failure) => Stop::Failed(failure),
        });
        drop(guard);
        // Freeing every node takes long, and the process ends.
        std::mem::forget(self.node);
    }

    fn begin_audit(&mut self) -> Result<(), Failure> {
        if self.handle.config().node.audit {
            let started = Audit::start().map_err(|error| {
                Failure::new(Failure::UNEXPECTED, format!("cannot start the audit log: {error}"))
            })?;
            self.audit = Some(started);
        }
        Ok(())
    }

    fn work(&mut self) -> Result<(), Failure> {
        let mut taken = Vec::new();
        let mut now = self.clock.now();
        loop {
            let left = self.next_tick_ms.saturating_sub(now.elapsed).max(0) as u64;
            let patience = Duration::from_millis(left).min(self.tick);
            self.handle.clone().core().take(&mut taken, patience);
            now = self.clock.now();
            self.round_ms = now.elapsed;
            for message in taken.drain(..) {
                self.take(now, message)?;
                if self.router.is_full() {
                    self.router.flush();
                }
            }
            self.tick_if_due(now);
            self.router.flush();
            taken.shrink_to(KEPT);
            self.out.shrink_to(KEPT);
            if self.stopping && self.node.pending() == 0 {
                return Ok(());
            }
            // Where the disk has failed, news of it came before.
            if self.router.log_is_gone() && !self.handle.core().has_mail() {
                let message = "the log's thread has ended by a fault of this program; nothing \
                               acknowledged is lost";
                return Err(Failure::new(Failure::UNEXPECTED, message));
            }
            self.snapshots.begin_if_due(&self.node);
        }
    }

    /// Time passes, for the node. Not at once after a pause of the whole process: what clients have
    /// sent meanwhile is yet to be read, and their sessions are not to expire for that.
    fn tick_if_due(&mut self, now: Now) {
        let late = now.elapsed - self.next_tick_ms;
        if late < 0 {
            return;
        }
        // Once in a row: whoever is always late must still have sessions end.
        let was_paused = self.next_tick_ms > 0 && late > PAUSE_MS && !self.was_paused;
        self.was_paused = was_paused;
        self.next_tick_ms = now.elapsed + self.tick.as_millis() as i64;
        match was_paused {
            true => tracing::warn!(
                "the server stood still for {late} ms: the machine, or its disk, is overloaded, \
                 or was suspended"
            ),
            false => self.step(now, Event::Tick),
        }
    }

    fn take(&mut self, now: Now, message: Message) -> Result<(), Failure> {
        match message {
            Message::Requests { .. } | Message::Connect { .. } if self.stopping => {}
            Message::Requests { connection, requests, sent } => {
                let is_late = self.is_late(sent, requests.len());
                for (header, request) in requests {
                    let request = if is_late { request.throttled() } else { request };
                    self.node.step(
                        now,
                        Event::Request { connection, header, request },
                        &mut self.out,
                    );
                }
                self.hand_out();
            }
            Message::Connect { connection, address, ids, request } => {
                self.step(now, Event::Connect { connection, address, ids, request });
            }
            Message::Disconnect { connection } => self.step(now, Event::Disconnect { connection }),
            Message::Log(LogEvent::Durable(commit) | LogEvent::Rolled(commit)) => {
                self.count(&commit);
                self.appended.durable(commit.zxid, now.elapsed, self.handle.metrics());
                self.step(now, Event::Synced { zxid: commit.zxid });
            }
            Message::Log(LogEvent::Failed(error)) => return Err(log_failed(&error)),
            Message::Inspect(look) => look(&self.node),
            Message::TakeSnapshot(waiter) => self.snapshots.take(waiter),
            Message::Snapshot(news) => self.snapshots.news(&self.node, news),
            Message::Stop => self.stopping = true,
        }
        Ok(())
    }

    /// Whether requests have waited longer than `throttled_op_wait_time`.
    fn is_late(&self, sent: Option<Instant>, count: usize) -> bool {
        let limit = self.handle.config().limits.throttled_op_wait;
        let (Some(sent), Some(limit)) = (sent, limit) else { return false };
        let is_late = sent.elapsed() > limit;
        if is_late {
            self.handle.stats().add_throttled(count);
            self.handle.metrics().throttled_ops.add(count as i64);
        }
        is_late
    }

    fn step(&mut self, now: Now, event: Event) {
        self.node.step(now, event, &mut self.out);
        self.hand_out();
    }

    fn hand_out(&mut self) {
        for output in self.out.drain(..) {
            match output {
                Output::Append { zxid, entry } => {
                    self.snapshots.count(entry.len());
                    self.appended.add(zxid, self.round_ms);
                    self.router.append(zxid, entry);
                }
                Output::DigestMismatch { zxid } => {
                    tracing::error!(
                        "the tree's digest after {zxid} is not the one in the log: compare the \
                         servers' data, and restart this one from a snapshot of another"
                    );
                    self.handle.stats().add_digest_mismatch();
                    self.handle.metrics().digest_mismatches_count.increment();
                }
                Output::Notify { connection, zxid, event } => {
                    self.told.add(zxid, event.kind, self.handle.metrics());
                    self.router.answer(Output::Notify { connection, zxid, event });
                }
                Output::Audit(event) => {
                    if let Some(audit) = &self.audit {
                        audit.record(event);
                    }
                }
                Output::Close { connection, reason } => {
                    count_close(&self.handle, reason);
                    self.router.answer(Output::Close { connection, reason });
                }
                output => self.router.answer(output),
            }
        }
        self.told.flush(self.handle.metrics());
    }

    fn count(&self, commit: &Commit) {
        let metrics = self.handle.metrics();
        metrics.fsynctime.observe(commit.sync.as_millis() as i64);
        metrics.sync_processor_queue_flush_time_ms.observe(commit.sync.as_millis() as i64);
        metrics.sync_processor_batch_size.observe(commit.txns as i64);
        metrics.sync_processor_request_queued.add(commit.txns as i64);
        metrics.outstanding_changes_queued.add(commit.txns as i64);
        metrics.outstanding_changes_removed.add(commit.txns as i64);
        if commit.sync > self.handle.config().flush.warn_after {
            self.handle.stats().add_slow_sync();
        }
    }
}

fn count_close(handle: &Handle, reason: CloseReason) {
    match reason {
        CloseReason::AuthFailed | CloseReason::AuthRequired => {
            handle.operations().auth_failures.fetch_add(1, Relaxed);
        }
        CloseReason::SessionExpired => handle.metrics().stale_sessions_expired.increment(),
        _ => {}
    }
}

/// Without a log nothing may be acknowledged.
fn log_failed(error: &DiskError) -> Failure {
    let message = format!(
        "{error}. The server ends without acknowledging anything further: look after the disk of \
         the transaction log (dataLogDir) and start it again"
    );
    Failure::new(Failure::UNEXPECTED, message)
}
