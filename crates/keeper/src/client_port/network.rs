//! The network's threads: each has its connections, and a mailbox of what the core has for them.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use keeper_core::node::Output;
use keeper_core::watch::ConnectionId;
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};
use zk_wire::op_code::OpCode;

use super::connection::{End, Scratch};
use super::link::{Answered, Link, Phase, Timed};
use super::mailbox::{Accepted, Mail, Mailbox};
use super::secure::begin;
use crate::metrics::{Batch, Metrics};
use crate::server::{Handle, Message};

/// Bytes waiting for a client that takes none, beyond which it is closed; or sixteen of the largest
/// requests, if that is more. The buffer may be twice as large.
const UNSENT_MAX: usize = 32 << 20;
/// Places for outputs that are kept while there are none.
const KEPT: usize = 16 << 10;
/// How long a stop waits for clients to take their last answers.
const STOP: Duration = Duration::from_millis(500);

/// The running threads.
pub(crate) struct Network {
    mailboxes: Vec<Arc<Mailbox>>,
    threads: Vec<JoinHandle<()>>,
}

/// A network thread's own.
pub(super) struct Thread {
    pub handle: Handle,
    pub scratch: Scratch,
    pub unsent_max: usize,
    started: Instant,
    latencies: RefCell<RequestLatencies>,
    links: RefCell<HashMap<ConnectionId, Rc<Link>, FixedState>>,
}

impl Network {
    /// Starts as many threads as there are mailboxes.
    pub(crate) fn start(handle: &Handle, mailboxes: Vec<Arc<Mailbox>>) -> io::Result<Network> {
        let mut threads = Vec::new();
        for (number, mailbox) in mailboxes.iter().enumerate() {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
            let (handle, mailbox) = (handle.clone(), mailbox.clone());
            let guard = handle.fault_guard("network");
            let named = thread::Builder::new().name(format!("network-{number}"));
            threads.push(named.spawn(move || {
                let _guard = guard;
                let thread = Rc::new(Thread::new(handle));
                LocalSet::new().block_on(&runtime, serve(thread, mailbox));
                runtime.shutdown_background();
            })?);
        }
        Ok(Network { mailboxes, threads })
    }

    /// Sends what is left to be sent, closes all connections, ends the threads.
    pub(crate) fn stop(self) {
        for mailbox in &self.mailboxes {
            mailbox.stop();
        }
        for thread in self.threads {
            // A panic was printed where it happened.
            let _ = thread.join();
        }
    }
}

impl Thread {
    fn new(handle: Handle) -> Self {
        let unsent_max = UNSENT_MAX.max(handle.config().limits.frame.saturating_mul(16));
        Self {
            handle,
            scratch: Scratch::default(),
            unsent_max,
            started: Instant::now(),
            latencies: RefCell::default(),
            links: RefCell::default(),
        }
    }

    /// Microseconds since the thread's start.
    pub(super) fn micros(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }
}

/// A thread's loop.
async fn serve(thread: Rc<Thread>, mailbox: Arc<Mailbox>) {
    let mut mail = Mail::default();
    loop {
        mailbox.next(&mut mail).await;
        deliver(&thread, &mut mail.outputs);
        mail.outputs.shrink_to(KEPT);
        for accepted in mail.accepted.drain(..) {
            open(&thread, accepted);
        }
        if mail.stop {
            return stop(&thread).await;
        }
    }
}

/// Times of requests that are not counted yet.
#[derive(Default)]
struct RequestLatencies {
    reads: Batch,
    updates: Batch,
}

impl RequestLatencies {
    fn observe(&mut self, timed: Timed) {
        let is_update = OpCode::from_code(timed.op).is_some_and(|op| {
            use OpCode::*;
            matches!(op, Create | Create2 | CreateTtl | CreateContainer | Delete | SetData | SetAcl)
                || matches!(op, Multi | CloseSession | DeleteContainer | Reconfig | Check)
        });
        let batch = if is_update { &mut self.updates } else { &mut self.reads };
        batch.observe((timed.micros / 1000) as i64);
    }

    fn flush(&mut self, metrics: &Metrics) {
        self.reads.flush(&[&metrics.readlatency]);
        self.updates.flush(&[&metrics.updatelatency]);
    }
}

/// Has connections send what they have, and waits a moment for it.
async fn stop(thread: &Thread) {
    for link in thread.links.borrow().values() {
        link.set_phase(Phase::Closing);
        link.wake();
    }
    let until = Instant::now() + STOP;
    while !thread.links.borrow().is_empty() && Instant::now() < until {
        tokio::time::sleep(STOP / 100).await;
    }
}

/// Hands out what the core has for connections.
fn deliver(thread: &Thread, outputs: &mut Vec<Output>) {
    if outputs.is_empty() {
        return;
    }
    let now = thread.micros();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let wall_ms = wall.as_millis() as i64;
    let (stats, metrics) = (thread.handle.stats(), thread.handle.metrics());
    let mut latencies = thread.latencies.borrow_mut();
    let links = thread.links.borrow();
    let mut current: Option<(ConnectionId, &Rc<Link>)> = None;
    let mut answered = Answered::default();
    let finish = |link: &Link, answered: &mut Answered| {
        let answered = std::mem::take(answered);
        link.count(&answered, wall_ms);
        link.wake();
        stats.sub_outstanding(answered.replies);
        stats.add_sent(answered.frames, answered.bytes);
        metrics.response_bytes.add((answered.bytes - answered.event_bytes) as i64);
        metrics.watch_bytes.add(answered.event_bytes as i64);
        stats.latency.add(&answered.latencies);
        if let Some((last, min, max)) = answered.sizes {
            stats.add_responses(last, min, max);
        }
    };
    for output in outputs.drain(..) {
        let Some(connection) = connection(&output) else { continue };
        if current.is_none_or(|(id, _)| id != connection) {
            if let Some((_, link)) = current {
                finish(link, &mut answered);
            }
            current = links.get(&connection).map(|link| (connection, link));
        }
        let Some((_, link)) = current else {
            metrics.stale_replies.increment();
            continue;
        };
        if let Some(timed) = link.take(output, now, stats, &mut answered) {
            latencies.observe(timed);
        }
    }
    if let Some((_, link)) = current {
        finish(link, &mut answered);
    }
    latencies.flush(metrics);
}

fn connection(output: &Output) -> Option<ConnectionId> {
    match output {
        Output::Connected { connection, .. }
        | Output::Reply { connection, .. }
        | Output::Notify { connection, .. }
        | Output::Close { connection, .. } => Some(*connection),
        Output::Append { .. } | Output::Audit(_) | Output::DigestMismatch { .. } => None,
    }
}

/// Begins to talk with a client.
fn open(thread: &Rc<Thread>, accepted: Accepted) {
    let Accepted { stream, info } = accepted;
    let guard = Registered { thread: thread.clone(), link: Rc::new(Link::new(info)) };
    let link = guard.link.clone();
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!("connection of {} is not taken: {error}", link.info.address);
            return;
        }
    };
    thread.links.borrow_mut().insert(link.info.id, link);
    spawn_local(async move {
        let end = begin(&guard.thread, &guard.link, stream).await;
        guard.report(&end);
    });
}

/// A connection in the tables; it leaves them however its task ends.
struct Registered {
    thread: Rc<Thread>,
    link: Rc<Link>,
}

impl Registered {
    fn report(&self, end: &End) {
        self.thread.handle.warnings().connection_ended(&self.link.info, end);
        let metrics = self.thread.handle.metrics();
        match end {
            End::Throttled => metrics.connection_rejected.increment(),
            End::Silent => metrics.sessionless_connections_expired.increment(),
            End::LargeRequest(_) => metrics.large_requests_rejected.increment(),
            _ => {}
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let id = self.link.info.id;
        let handle = &self.thread.handle;
        self.thread.links.borrow_mut().remove(&id);
        handle.registry().remove(id);
        handle.metrics().connection_drop_count.increment();
        let (unanswered, large) = self.link.give_up();
        handle.stats().sub_outstanding(unanswered);
        handle.stats().sub_large(large);
        if self.link.phase() != Phase::Greeting {
            handle.core().send(Message::Disconnect { connection: id });
        }
    }
}
