//! One connection: its first frame, then requests in and answers out.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use keeper_core::node::Incoming;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Sleep, sleep};
use zk_wire::acl::Id;
use zk_wire::connect::ConnectRequest;
use zk_wire::four_letter::{self, TELNET_CLOSE};
use zk_wire::header::RequestHeader;
use zk_wire::{DecodeError, Jute, Reader, frame};

use super::link::{InFlight, Link, Phase};
use super::network::Thread;
use crate::four_letter::{MASK_BYTES, answer};
use crate::server::Message;
use crate::tls;

/// Memory that a thread reads into; requests share it.
const READ: usize = 64 << 10;
/// A read has at least so much room.
const READ_MIN: usize = 16 << 10;
/// Times that a connection goes on before others have their turn.
const TURNS: usize = 8;
/// How long a connection that is to be closed waits for its client to take what is left.
const CLOSING: Duration = Duration::from_secs(3);
/// The shortest `request_throttle_stall_time`.
const STALL_MIN: Duration = Duration::from_millis(1);
/// What a text or buffer may have beyond a frame's limit (`jute.maxbuffer.extrasize`).
const EXTRA: usize = 1024;

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The client has closed it.
    ByClient,
    /// The server has, after it has sent what was to be sent.
    ByServer,
    /// The network.
    Io(io::Error),
    /// What the client sent is no request: too long, or cut short.
    Malformed(String),
    /// The client takes nothing and asks on.
    Unread(usize),
    /// There is no room for its large request.
    LargeRequest(usize),
    /// Too many new sessions at once.
    Throttled,
    /// It has sent no first frame in time.
    Silent,
    /// It has no TLS that could be agreed upon, or no certificate.
    Tls(tls::Error),
    /// The core has ended.
    NoCore,
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Memory that all connections of a thread read into.
#[derive(Default)]
pub(super) struct Scratch(RefCell<BytesMut>);

/// Talks with a client until either ends it. `ids` is what the connection itself proves.
pub(super) async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    thread: &Thread,
    link: &Rc<Link>,
    mut stream: S,
    ids: Vec<Id>,
) -> End {
    let mut received = BytesMut::new();
    let patience = thread.handle.config().limits.sessionless;
    let greeting = greet(thread, link, &mut stream, &mut received, ids);
    let greeted = tokio::time::timeout(patience, greeting).await;
    let end = match greeted.unwrap_or(Err(End::Silent)) {
        Ok(()) => {
            let stream = &mut stream;
            let mut open = Open { thread, link, stream, received, stall: None, closing: None };
            poll_fn(|context| open.poll(context)).await
        }
        Err(end) => end,
    };
    if matches!(end, End::ByServer) {
        // Whether the client hears of it is its business.
        let _ = tokio::time::timeout(CLOSING, stream.shutdown()).await;
    }
    end
}

/// The answer to what begins with a four-letter word, once all of it is there.
async fn word(thread: &Thread, link: &Link, received: &[u8]) -> Option<String> {
    let (head, rest) = received.split_first_chunk()?;
    if *head == TELNET_CLOSE {
        return Some(String::new());
    }
    let word = four_letter::word(*head)?;
    if word == "stmk" && rest.len() < MASK_BYTES {
        return None;
    }
    thread.handle.stats().add_received(1, head.len());
    link.info.received.fetch_add(1, Relaxed);
    let text = answer(word, rest, link.info.address, &thread.handle).await;
    thread.handle.stats().add_sent(1, text.len() as u64);
    Some(text)
}

/// The first frame; the core is told of it.
async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    thread: &Thread,
    link: &Rc<Link>,
    stream: &mut S,
    received: &mut BytesMut,
    ids: Vec<Id>,
) -> Result<(), End> {
    let limit = thread.handle.config().limits.frame;
    let first = loop {
        if let Some(answer) = word(thread, link, received).await {
            stream.write_all(answer.as_bytes()).await?;
            return Err(End::ByServer);
        }
        let whole = frame::take(received, limit);
        if let Some(frame) = whole.map_err(|error| End::Malformed(error.to_string()))? {
            break frame;
        }
        if stream.read_buf(received).await? == 0 {
            return Err(End::ByClient);
        }
    };
    let request = ConnectRequest::from_bytes(&first).map_err(malformed)?;
    let metrics = thread.handle.metrics();
    metrics.connection_request_count.increment();
    if request.session_id.0 != 0 {
        metrics.connection_revalidate_count.increment();
    }
    if !thread.handle.allows_session(request.session_id.0 != 0) {
        return Err(End::Throttled);
    }
    thread.handle.stats().add_received(1, first.len() + 4);
    link.info.received.fetch_add(1, Relaxed);
    link.set_phase(Phase::Connecting);
    let (connection, address) = (link.info.id, link.info.address.ip());
    match thread.handle.core().send(Message::Connect { connection, address, ids, request }) {
        true => Ok(()),
        false => Err(End::NoCore),
    }
}

fn malformed(error: DecodeError) -> End {
    End::Malformed(error.to_string())
}

/// A connection that the core knows.
struct Open<'c, S> {
    thread: &'c Thread,
    link: &'c Rc<Link>,
    stream: &'c mut S,
    /// Bytes that are no whole frame yet, or whose turn has not come.
    received: BytesMut,
    /// Until when nothing is taken, by `request_throttle_max_requests`.
    stall: Option<Pin<Box<Sleep>>>,
    /// Until when what is left is sent.
    closing: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Open<'_, S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        self.link.set_waker(context.waker());
        for _ in 0..TURNS {
            match self.turn(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(end)) => return Poll::Ready(end),
                Poll::Pending => return Poll::Pending,
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends, takes requests, receives; pending when none of it goes on.
    fn turn(&mut self, context: &mut Context<'_>) -> Poll<Result<(), End>> {
        self.send(context)?;
        let unsent = self.link.unsent();
        if self.link.phase() == Phase::Closing {
            let closing = self.closing.get_or_insert_with(|| Box::pin(sleep(CLOSING)));
            if unsent == 0 || closing.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(End::ByServer));
            }
        }
        if unsent > self.thread.unsent_max {
            return Poll::Ready(Err(End::Unread(unsent)));
        }
        let room = self.link.room();
        if room == 0 || self.is_held_up() || self.is_stalled(context) {
            return Poll::Pending;
        }
        if self.take_requests(room)? {
            return Poll::Ready(Ok(()));
        }
        match self.receive(context) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(End::ByClient)),
            Poll::Ready(result) => Poll::Ready(result.map(|_| ()).map_err(End::Io)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Whether the server has so much to do that who waits for answers is not read. Those answers
    /// have it look again.
    fn is_held_up(&self) -> bool {
        let limit = self.thread.handle.config().limits.outstanding;
        limit > 0 && self.thread.handle.stats().outstanding() > limit && self.link.unanswered() > 0
    }

    /// Whether there are as many requests as `request_throttle_max_requests` allows: the connection
    /// looks again after a while.
    fn is_stalled(&mut self, context: &mut Context<'_>) -> bool {
        let limits = &self.thread.handle.config().limits;
        if limits.throttle_requests == 0 {
            return false;
        }
        let (stats, metrics) = (self.thread.handle.stats(), self.thread.handle.metrics());
        loop {
            if stats.outstanding() < limits.throttle_requests {
                self.stall = None;
                return false;
            }
            let stall = self.stall.get_or_insert_with(|| {
                stats.add_throttle_wait();
                metrics.request_throttle_wait_count.increment();
                Box::pin(sleep(limits.throttle_stall.max(STALL_MIN)))
            });
            if stall.as_mut().poll(context).is_pending() {
                return true;
            }
            self.stall = None;
        }
    }

    fn send(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        while self.link.unsent() > 0 {
            let mut full = false;
            let stream = &mut *self.stream;
            self.link.send(|bytes| match Pin::new(stream).poll_write(context, bytes) {
                Poll::Ready(Ok(0)) => Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(result) => result,
                Poll::Pending => {
                    full = true;
                    Ok(0)
                }
            })?;
            if full {
                break;
            }
        }
        // What is encrypted may wait within the stream.
        match Pin::new(&mut *self.stream).poll_flush(context) {
            Poll::Ready(Err(error)) => Err(End::Io(error)),
            _ => Ok(()),
        }
    }

    /// Reads what there is.
    fn receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if !self.received.is_empty() {
            let announced = frame::announced(&self.received, usize::MAX).ok().flatten();
            let missing = announced.map_or(0, |len| (len + 4).saturating_sub(self.received.len()));
            // Memory grows with what is there, not with what is announced.
            let room = missing.min(self.received.len().max(READ));
            self.received.reserve(room.max(READ_MIN));
            return pin!(self.stream.read_buf(&mut self.received)).poll(context);
        }
        let mut scratch = self.thread.scratch.0.borrow_mut();
        if scratch.capacity() < READ_MIN {
            scratch.reserve(READ);
        }
        let result = pin!(self.stream.read_buf(&mut *scratch)).poll(context);
        self.received = scratch.split();
        result
    }

    /// Takes whole frames, up to `room`, to the core; whether there were any.
    fn take_requests(&mut self, room: usize) -> Result<bool, End> {
        let limits = &self.thread.handle.config().limits;
        let mut requests = Vec::new();
        let mut in_flight = Vec::new();
        let (at, mut bytes) = (self.thread.micros(), 0);
        let mut end = None;
        while requests.len() < room {
            let frame = match frame::take(&mut self.received, limits.frame) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    end = Some(End::Malformed(error.to_string()));
                    break;
                }
            };
            bytes += frame.len() + 4;
            match self.decode(&frame, at) {
                Ok((header, request, flight)) => {
                    requests.push((header, request));
                    in_flight.push(flight);
                }
                Err(refused) => {
                    end = Some(refused);
                    break;
                }
            }
        }
        if self.received.is_empty() {
            // Keeps no memory of the thread's.
            self.received = BytesMut::new();
        }
        let count = requests.len();
        if count > 0 {
            let stats = self.thread.handle.stats();
            stats.add_received(count, bytes);
            let metrics = self.thread.handle.metrics();
            metrics.bytes_received_count.add(bytes as i64);
            metrics.prep_processor_request_queued.add(count as i64);
            stats.add_outstanding(count);
            self.link.info.received.fetch_add(count as u64, Relaxed);
            self.link.took(in_flight.into_iter());
            let connection = self.link.info.id;
            let sent = limits.throttled_op_wait.map(|_| Instant::now());
            let message = Message::Requests { connection, requests, sent };
            if !self.thread.handle.core().send(message) {
                return Err(End::NoCore);
            }
        }
        match end {
            Some(end) => Err(end),
            None => Ok(count > 0),
        }
    }

    fn decode(&self, frame: &Bytes, at: u64) -> Result<(RequestHeader, Incoming, InFlight), End> {
        let limits = &self.thread.handle.config().limits;
        let mut reader = Reader::with_max_len(frame, limits.frame.saturating_add(EXTRA));
        let header = RequestHeader::decode(&mut reader).map_err(malformed)?;
        let large = match limits.large_request {
            Some(threshold) if frame.len() > threshold => frame.len(),
            _ => 0,
        };
        if large > 0 && !self.thread.handle.stats().add_large(large, limits.large_requests) {
            return Err(End::LargeRequest(large));
        }
        let request = Incoming::decode(&header, &mut reader);
        Ok((header, request, InFlight { xid: header.xid, op: header.op, at, large }))
    }
}
