//! What a connection's task and its network thread share: answers that are to be sent, requests
//! that are not answered yet. Both are on one thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;

use keeper_core::node::{CloseReason, Output};
use zk_wire::connect::ConnectResponse;
use zk_wire::event::WatcherEvent;
use zk_wire::header::{ReplyHeader, xid};
use zk_wire::op_code::OpCode;
use zk_wire::reply::Reply;
use zk_wire::{Jute, Zxid, frame};

use super::info::ConnectionInfo;
use crate::server::stats::{Latencies, Stats};

/// Unanswered requests of a connection at most.
const WINDOW_MAX: usize = 2048;
/// And at least, however large its answers are.
const WINDOW_MIN: usize = 8;
/// Bytes of answers that the unanswered requests of a connection may come to, as far as its last
/// answers tell.
const ANSWERS: usize = 8 << 20;
/// What answers are taken for before there is any, in bytes: the largest that nodes come to, so
/// that a client that asks for much at once and reads nothing does not take the server's memory.
const FIRST_ANSWER: usize = 1 << 20;
/// Bytes waiting to be sent above which no further requests are read.
const OUT_HIGH: usize = 1 << 20;
/// Memory for answers that a connection keeps while it has none.
const OUT_KEPT: usize = 64 << 10;

/// A request that is not answered yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct InFlight {
    pub xid: i32,
    pub op: i32,
    /// When it came, in microseconds of the thread's clock.
    pub at: u64,
    /// Its bytes, where they count as large.
    pub large: usize,
}

/// An answer to a request, and how long it took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    pub op: i32,
    /// Microseconds.
    pub micros: u64,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing whole has come.
    Greeting,
    /// The core was told of it, and has not answered.
    Connecting,
    /// It has a session.
    Open,
    /// What waits is sent, then it is closed.
    Closing,
}

/// Shared by a connection's task and its thread.
pub(super) struct Link {
    pub info: Arc<ConnectionInfo>,
    state: RefCell<State>,
}

struct State {
    phase: Phase,
    out: Vec<u8>,
    /// What of `out` is sent.
    sent: usize,
    in_flight: VecDeque<InFlight>,
    /// What answers are like, in bytes: the largest of late.
    answer: usize,
    waker: Option<Waker>,
}

/// What was answered to a connection, or to all of a thread, since it was last counted.
#[derive(Default)]
pub(super) struct Answered {
    pub replies: usize,
    pub frames: u64,
    pub bytes: u64,
    /// Bytes of events among them.
    pub event_bytes: u64,
    pub latencies: Latencies,
    /// Sizes of replies: last, least, most.
    pub sizes: Option<(u64, u64, u64)>,
}

impl Link {
    pub(super) fn new(info: Arc<ConnectionInfo>) -> Self {
        let state = State {
            phase: Phase::Greeting,
            out: Vec::new(),
            sent: 0,
            in_flight: VecDeque::new(),
            answer: FIRST_ANSWER,
            waker: None,
        };
        Self { info, state: RefCell::new(state) }
    }

    pub(super) fn phase(&self) -> Phase {
        self.state.borrow().phase
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.state.borrow_mut().phase = phase;
    }

    /// Has the connection's task look again.
    pub(super) fn wake(&self) {
        let waker = self.state.borrow_mut().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn set_waker(&self, waker: &Waker) {
        let mut state = self.state.borrow_mut();
        match &mut state.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// How many further requests may be taken now.
    pub(super) fn room(&self) -> usize {
        let state = self.state.borrow();
        if state.phase != Phase::Open || state.out.len() - state.sent > OUT_HIGH {
            return 0;
        }
        let window = (ANSWERS / state.answer.max(1)).clamp(WINDOW_MIN, WINDOW_MAX);
        window.saturating_sub(state.in_flight.len())
    }

    /// Requests that are not answered yet.
    pub(super) fn unanswered(&self) -> usize {
        self.state.borrow().in_flight.len()
    }

    /// Bytes waiting to be sent.
    pub(super) fn unsent(&self) -> usize {
        let state = self.state.borrow();
        state.out.len() - state.sent
    }

    pub(super) fn took(&self, requests: impl Iterator<Item = InFlight>) {
        let mut state = self.state.borrow_mut();
        state.in_flight.extend(requests);
        self.info.queued.store(state.in_flight.len() as u32, Relaxed);
    }

    /// Lets `write` have what is to be sent; it says how much it took.
    pub(super) fn send<E>(&self, write: impl FnOnce(&[u8]) -> Result<usize, E>) -> Result<(), E> {
        let mut state = self.state.borrow_mut();
        let sent = state.sent;
        state.sent += write(&state.out[sent..])?;
        if state.sent == state.out.len() {
            state.sent = 0;
            state.out.clear();
            if state.out.capacity() > OUT_KEPT {
                state.out = Vec::new();
            }
        }
        Ok(())
    }

    /// What the core has for the connection; `now` is in microseconds of the thread's clock.
    /// Counts in `answered`.
    pub(super) fn take(
        &self,
        output: Output,
        now: u64,
        stats: &Stats,
        answered: &mut Answered,
    ) -> Option<Timed> {
        let mut timed = None;
        let mut state = self.state.borrow_mut();
        let before = state.out.len();
        match output {
            Output::Connected { response, .. } => self.connected(&mut state, &response),
            Output::Reply { header, reply, .. } => {
                timed = self.reply(&mut state, &header, &reply, now, stats, answered);
                let size = state.out.len() - before;
                state.answer = size.max(state.answer - state.answer / 8);
                let size = size as u64;
                let (_, min, max) = answered.sizes.unwrap_or((size, size, size));
                answered.sizes = Some((size, min.min(size), max.max(size)));
            }
            Output::Notify { zxid, event, .. } => {
                notify(&mut state, zxid, &event);
                answered.event_bytes += (state.out.len() - before) as u64;
            }
            Output::Close { reason, .. } => self.close(&mut state, reason),
            Output::Append { .. } | Output::Audit(_) | Output::DigestMismatch { .. } => {
                return None;
            }
        }
        let bytes = state.out.len() - before;
        if bytes > 0 {
            answered.frames += 1;
            answered.bytes += bytes as u64;
        }
        timed
    }

    fn connected(&self, state: &mut State, response: &ConnectResponse) {
        if response.session_id.0 != 0 {
            state.phase = Phase::Open;
            self.info.session.store(response.session_id.0, Relaxed);
            self.info.timeout_ms.store(response.timeout_ms, Relaxed);
            self.info.has_session.store(true, Relaxed);
        }
        put(&mut state.out, |out| response.encode(out));
    }

    fn reply(
        &self,
        state: &mut State,
        header: &ReplyHeader,
        reply: &Reply,
        now: u64,
        stats: &Stats,
        answered: &mut Answered,
    ) -> Option<Timed> {
        put(&mut state.out, |out| {
            header.encode(out);
            reply.encode(out);
        });
        let request = answered_request(&mut state.in_flight, header.xid)?;
        answered.replies += 1;
        let micros = now.saturating_sub(request.at);
        answered.latencies.add(micros);
        let info = &self.info;
        info.last_op.store(request.op, Relaxed);
        info.last_cxid.store(request.xid, Relaxed);
        info.last_zxid.store(header.zxid.0, Relaxed);
        info.last_latency_us.store(micros, Relaxed);
        if request.large > 0 {
            stats.sub_large(request.large);
        }
        Some(Timed { op: request.op, micros })
    }

    fn close(&self, state: &mut State, reason: CloseReason) {
        tracing::debug!(
            "connection of {}, session {}, closed: {reason:?}",
            self.info.address,
            self.info.session.load(Relaxed)
        );
        state.phase = Phase::Closing;
    }

    /// Counts what the connection was sent.
    pub(super) fn count(&self, answered: &Answered, wall_ms: i64) {
        let info = &self.info;
        info.queued.store(self.unanswered() as u32, Relaxed);
        info.sent.fetch_add(answered.frames, Relaxed);
        info.latency.add(&answered.latencies);
        if answered.replies > 0 {
            info.last_response_ms.store(wall_ms, Relaxed);
        }
    }

    /// Nothing is answered any more: how many requests were not, and their large bytes.
    pub(super) fn give_up(&self) -> (usize, usize) {
        let unanswered = std::mem::take(&mut self.state.borrow_mut().in_flight);
        (unanswered.len(), unanswered.iter().map(|request| request.large).sum())
    }
}

/// Answers come in the order of the requests; that to an auth packet passes others by.
fn answered_request(in_flight: &mut VecDeque<InFlight>, xid: i32) -> Option<InFlight> {
    if in_flight.front().is_some_and(|request| request.xid == xid) {
        return in_flight.pop_front();
    }
    let at = in_flight.iter().position(|request| request.xid == xid);
    let at = at.or_else(|| in_flight.iter().position(|r| r.op == OpCode::Auth.code()))?;
    in_flight.remove(at)
}

fn notify(state: &mut State, zxid: Zxid, event: &WatcherEvent) {
    let header = ReplyHeader { xid: xid::NOTIFICATION, zxid, err: 0 };
    put(&mut state.out, |out| {
        header.encode(out);
        event.encode(out);
    });
}

/// A frame of more than 2 GiB has no length: the tree's data cannot come to one.
fn put(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    if let Err(error) = frame::put(out, body) {
        tracing::error!("an answer was left out: {error}");
    }
}
