//! One connection of a session: sends requests, keeps it alive, hands out replies and events.
//!
//! Ends when the connection breaks or the session does; the session's task then goes on elsewhere.
//! Writes what has gathered in one piece, and reads on while it writes, so that neither side waits
//! for the other.
//!
//! Rules: `ClientCnxn.SendThread`, `ClientCnxnSocketNIO`.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use zk_wire::error_code::ErrorCode;
use zk_wire::event::{EventType, KeeperState, WatcherEvent};
use zk_wire::header::{ReplyHeader, RequestHeader, xid};
use zk_wire::op_code::OpCode;
use zk_wire::reply::Reply;
use zk_wire::request::{AuthPacket, Request};
use zk_wire::{Jute, Reader, Text, frame};

use crate::client::Response;
use crate::event::Event;
use crate::options::Auth;
use crate::pending::{Asker, Command, Control, Pending};
use crate::session::Session;
use crate::transport::Stream;
use crate::watches::WatchChange;
use crate::{Error, Result};

/// Bytes that wait to be written, above which no more requests are taken.
const OUT_MAX: usize = 1 << 20;
/// Bytes read at once.
const READ_CHUNK: usize = 64 << 10;

/// Why a connection ended.
pub(crate) enum Ended {
    /// It broke; the session may go on elsewhere.
    Broken(String),
    /// The server says that the session is over.
    Expired,
    /// The server refused credentials.
    AuthFailed,
    /// The user wanted it.
    Closed(Option<oneshot::Sender<()>>),
}

/// A connection whose session is there.
pub(crate) struct Connection<'s> {
    session: &'s mut Session,
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    out: Vec<u8>,
    written: usize,
    received: BytesMut,
    pending: VecDeque<Pending>,
    auths: VecDeque<Option<Asker>>,
    /// Silence for longer than this is a dead server.
    read_timeout: Duration,
    last_heard: Instant,
    last_sent: Instant,
    closing: Option<Option<oneshot::Sender<()>>>,
}

impl<'s> Connection<'s> {
    pub fn new(
        session: &'s mut Session,
        stream: Box<dyn Stream>,
        received: BytesMut,
        timeout: Duration,
    ) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let now = Instant::now();
        Self {
            session,
            reader,
            writer,
            out: Vec::new(),
            written: 0,
            received,
            pending: VecDeque::new(),
            auths: VecDeque::new(),
            read_timeout: timeout * 2 / 3,
            last_heard: now,
            last_sent: now,
            closing: None,
        }
    }

    /// Runs until the connection ends. All that was asked is answered then.
    pub async fn run(mut self) -> Ended {
        self.prime();
        let mut ended = loop {
            if let Err(ended) = self.step().await {
                break ended;
            }
        };
        if let Some(done) = self.closing.take() {
            ended = Ended::Closed(done);
        }
        self.fail_all(&ended);
        ended
    }

    /// What every connection begins with: credentials, then the watches of those before.
    fn prime(&mut self) {
        for auth in self.session.auths.clone() {
            self.send_auth(&auth, None);
        }
        for request in self.session.watches.requests(self.session.last_zxid) {
            self.put(xid::SET_WATCHES, &request);
        }
    }

    /// Waits for whatever comes next, and does it.
    async fn step(&mut self) -> Result<(), Ended> {
        let dead_at = self.last_heard + self.read_timeout;
        let ping_at = self.last_sent + self.read_timeout / 2;
        let has_room = self.out.len() - self.written < OUT_MAX
            && self.pending.len() < self.session.options.in_flight;
        let is_open = self.closing.is_none();
        self.received.reserve(READ_CHUNK);
        tokio::select! {
            read = self.reader.read_buf(&mut self.received) => match read {
                Ok(0) => Err(Ended::Broken("the server closed the connection".to_owned())),
                Ok(_) => {
                    self.last_heard = Instant::now();
                    self.take_frames()
                }
                Err(error) => Err(Ended::Broken(error.to_string())),
            },
            wrote = self.writer.write(&self.out[self.written..]),
                if self.written < self.out.len() => match wrote
            {
                Ok(count) => {
                    self.note_written(count);
                    Ok(())
                }
                Err(error) => Err(Ended::Broken(error.to_string())),
            },
            control = self.session.control.recv(), if is_open => self.take_control(control),
            command = self.session.commands.recv(), if is_open && has_room => {
                if let Some(command) = command {
                    self.take_commands(command);
                }
                Ok(())
            }
            () = sleep_until(ping_at.min(dead_at)) => self.take_time(dead_at),
        }
    }

    fn take_time(&mut self, dead_at: Instant) -> Result<(), Ended> {
        let now = Instant::now();
        if now >= dead_at {
            let silence = self.read_timeout.as_millis();
            return Err(Ended::Broken(format!("nothing was heard for {silence} ms")));
        }
        self.put(xid::PING, &Request::Ping);
        self.last_sent = now;
        Ok(())
    }

    fn note_written(&mut self, count: usize) {
        self.written += count;
        self.last_sent = Instant::now();
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        }
    }

    /// The end that the user wants. Without handles the session ends as if it were closed.
    fn take_control(&mut self, control: Option<Control>) -> Result<(), Ended> {
        let done = match control {
            Some(Control::Abandon(done)) => return Err(Ended::Closed(Some(done))),
            Some(Control::Close(done)) => Some(done),
            None => None,
        };
        // What was asked before is sent before.
        while let Ok(command) = self.session.commands.try_recv() {
            self.send(command);
        }
        let xid = self.session.next_xid();
        self.put(xid, &Request::CloseSession);
        let (watch, asker) = (None, None);
        self.pending.push_back(Pending { xid, op: OpCode::CloseSession, watch, asker });
        self.closing = Some(done);
        Ok(())
    }

    fn take_commands(&mut self, first: Command) {
        self.send(first);
        while self.out.len() - self.written < OUT_MAX
            && self.pending.len() < self.session.options.in_flight
        {
            match self.session.commands.try_recv() {
                Ok(command) => self.send(command),
                Err(_) => break,
            }
        }
    }

    fn send(&mut self, command: Command) {
        match command {
            Command::Auth(auth, asker) => {
                self.send_auth(&auth, Some(asker));
                self.session.auths.push(auth);
            }
            Command::Request(request, asker) => {
                let xid = self.session.next_xid();
                let start = self.out.len();
                self.put(xid, &request);
                let (len, limit) = (self.out.len() - start - 4, self.session.options.max_request);
                if len > limit {
                    self.out.truncate(start);
                    return asker.answer(Err(Error::TooLarge { len, limit }));
                }
                let (op, watch) = (request.op(), WatchChange::of(&request));
                self.pending.push_back(Pending { xid, op, watch, asker: Some(asker) });
            }
        }
    }

    fn send_auth(&mut self, auth: &Auth, asker: Option<Asker>) {
        let scheme = Some(Text::from(auth.scheme.as_str()));
        let packet = AuthPacket { kind: 0, scheme, auth: Some(auth.credentials.clone()) };
        self.put(xid::AUTH, &Request::Auth(packet));
        self.auths.push_back(asker);
    }

    fn put(&mut self, xid: i32, request: &Request) {
        let header = RequestHeader { xid, op: request.op().code() };
        let put = frame::put(&mut self.out, |out| {
            header.encode(out);
            request.encode(out);
        });
        // Beyond 2 GiB nothing was put; the length is then found too large by the caller.
        if put.is_err() {
            self.out.extend_from_slice(&[0; 4]);
        }
    }

    fn take_frames(&mut self) -> Result<(), Ended> {
        loop {
            let limit = self.session.options.max_reply;
            match frame::take(&mut self.received, limit) {
                Ok(Some(frame)) => self.take_frame(frame)?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(Ended::Broken(format!("reply refused: {error}"))),
            }
        }
    }

    fn take_frame(&mut self, frame: Bytes) -> Result<(), Ended> {
        let mut input = Reader::new(&frame);
        let header = ReplyHeader::decode(&mut input)
            .map_err(|error| Ended::Broken(format!("no header of a reply: {error}")))?;
        match header.xid {
            xid::NOTIFICATION => return self.take_event(&header, &mut input),
            xid::PING => return Ok(()),
            xid::AUTH => return self.take_auth(&header),
            xid::SET_WATCHES => {
                if header.err != 0 {
                    tracing::warn!(code = header.err, "the server did not set watches again");
                }
                return Ok(());
            }
            _ => {}
        }
        if header.zxid.0 > 0 {
            self.session.last_zxid = self.session.last_zxid.max(header.zxid);
        }
        match self.pending.pop_front() {
            Some(pending) if pending.xid == header.xid => {
                self.take_reply(pending, &header, &mut input)
            }
            Some(pending) => {
                let why = format!("the reply to {} came instead of {}", header.xid, pending.xid);
                self.pending.push_front(pending);
                Err(Ended::Broken(why))
            }
            None => Err(Ended::Broken("a reply to nothing".to_owned())),
        }
    }

    fn take_reply(
        &mut self,
        pending: Pending,
        header: &ReplyHeader,
        input: &mut Reader<'_>,
    ) -> Result<(), Ended> {
        if pending.op == OpCode::CloseSession {
            return Err(Ended::Closed(None));
        }
        let missing = header.err == ErrorCode::NoNode.code();
        if let Some(change) = pending.watch
            && (header.err == 0 || missing && matches!(change, WatchChange::Exists(_)))
        {
            self.note_watch(change, missing);
        }
        let Some(asker) = pending.asker else { return Ok(()) };
        if header.err != 0 {
            let code = header.err;
            asker.fail(|path| Error::of_code(code, path));
            return Ok(());
        }
        match Reply::decode(pending.op, input) {
            Ok(mut reply) => {
                self.session.chroot.strip_from(&mut reply);
                asker.answer(Ok(Response { zxid: header.zxid, reply }));
                Ok(())
            }
            Err(error) => {
                asker.answer(Err(Error::bad_reply(pending.op.name(), &error)));
                Err(Ended::Broken(format!("the reply to {} makes no sense: {error}", pending.op)))
            }
        }
    }

    fn note_watch(&mut self, change: WatchChange, missing: bool) {
        let path = match &change {
            WatchChange::Remove(path, _) => Some(self.session.chroot.inside(path)),
            _ => None,
        };
        for kind in self.session.watches.note(change, missing) {
            let (path, state) = (path.clone(), KeeperState::SyncConnected);
            self.session.tell(Event { kind, state, path, zxid: zk_wire::Zxid(-1) });
        }
    }

    fn take_event(&mut self, header: &ReplyHeader, input: &mut Reader<'_>) -> Result<(), Ended> {
        let event = WatcherEvent::decode(input)
            .map_err(|error| Ended::Broken(format!("no event: {error}")))?;
        let (Some(kind), Some(state), Some(path)) =
            (EventType::from_code(event.kind), KeeperState::from_code(event.state), event.path)
        else {
            let (kind, state) = (event.kind, event.state);
            return Err(Ended::Broken(format!("an event of type {kind} and state {state}")));
        };
        self.session.watches.fired(&path, kind);
        let path = Some(self.session.chroot.inside(&path));
        self.session.tell(Event { kind, state, path, zxid: header.zxid });
        Ok(())
    }

    fn take_auth(&mut self, header: &ReplyHeader) -> Result<(), Ended> {
        let asker = self.auths.pop_front().flatten();
        let failed = header.err != 0;
        if let Some(asker) = asker {
            match failed {
                true => asker.fail(|path| Error::AuthFailed { path }),
                false => asker.answer(Ok(Response { zxid: header.zxid, reply: Reply::Empty })),
            }
        }
        if failed { Err(Ended::AuthFailed) } else { Ok(()) }
    }

    /// Nobody waits for what cannot come any more.
    fn fail_all(&mut self, ended: &Ended) {
        let auths = std::mem::take(&mut self.auths);
        let pending = std::mem::take(&mut self.pending);
        let askers = pending.into_iter().map(|pending| pending.asker).chain(auths);
        for asker in askers.flatten() {
            asker.fail(|path| ended.error(path));
        }
    }
}

impl Ended {
    /// What it means for what was asked.
    pub fn error(&self, path: Option<String>) -> Error {
        match self {
            Ended::Broken(why) => Error::ConnectionLoss { path, why: why.clone() },
            Ended::Expired => Error::SessionExpired { path },
            Ended::AuthFailed => Error::AuthFailed { path },
            Ended::Closed(_) => Error::Closed,
        }
    }
}
