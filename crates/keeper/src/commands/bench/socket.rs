//! A session's connection: opened step by step, then bytes out and replies' headers in, without
//! waiting.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use keeper_client::Server;
use zk_wire::connect::{ConnectRequest, ConnectResponse};
use zk_wire::header::RequestHeader;
use zk_wire::request::{PathRequest, Request};
use zk_wire::{Jute, SessionId, Text, Zxid, frame};

/// A server that says nothing for so long fails the run.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes read at once.
const READ: usize = 256 << 10;
/// Bytes of a reply's header: number, zxid, error.
const HEADER: usize = 16;

/// The header of a reply, and where its body is in what was received.
pub(super) struct ReplyHead {
    pub xid: i32,
    pub err: i32,
}

/// An open session.
pub(super) struct Socket {
    stream: TcpStream,
    pub out: Vec<u8>,
    written: usize,
    received: Vec<u8>,
    /// What is there of `received`, and what of that is taken.
    filled: usize,
    taken: usize,
    /// Bytes still to come of a reply whose header was taken.
    skip: usize,
}

impl Socket {
    /// Opens a session and waits until its server has all that was written before.
    pub fn open(server: &Server, session_timeout: Duration) -> Result<Socket> {
        let mut stream = connect(server)?;
        open_session(&mut stream, session_timeout).with_context(|| format!("{server}"))?;
        let sync = Request::Sync(PathRequest { path: Some(Text::from("/")) });
        let reply = ask(&mut stream, 1, &sync)?;
        check(&reply, "sync")?;
        stream.set_nonblocking(true)?;
        Ok(Socket {
            stream,
            out: Vec::new(),
            written: 0,
            received: vec![0; READ],
            filled: 0,
            taken: 0,
            skip: 0,
        })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// A socket for few and small replies.
    pub fn with_small_buffer(mut self) -> Self {
        self.received = vec![0; 256];
        self
    }

    /// Writes as much as goes; whether all is out.
    pub fn flush(&mut self) -> Result<bool> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => bail!("the server takes no more bytes"),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("write"),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(true)
    }

    /// Bytes that wait to be written.
    pub fn unwritten(&self) -> usize {
        self.out.len() - self.written
    }

    /// Reads once; false where nothing is there.
    pub fn fill(&mut self) -> Result<bool> {
        if self.taken > 0 {
            self.received.copy_within(self.taken..self.filled, 0);
            self.filled -= self.taken;
            self.taken = 0;
        }
        match self.stream.read(&mut self.received[self.filled..]) {
            Ok(0) => bail!("the server closed the connection"),
            Ok(count) => {
                self.filled += count;
                Ok(true)
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(false)
            }
            Err(error) => Err(error).context("read"),
        }
    }

    /// Whether the last read left room: then nothing more is there.
    pub fn has_room(&self) -> bool {
        self.filled < self.received.len()
    }

    /// The next reply's header; its body is skipped, also what of it is still to come.
    pub fn next_reply(&mut self) -> Result<Option<ReplyHead>> {
        let skipped = self.skip.min(self.filled - self.taken);
        self.taken += skipped;
        self.skip -= skipped;
        let there = &self.received[self.taken..self.filled];
        let (true, Some(head)) = (self.skip == 0, there.first_chunk::<{ 4 + HEADER }>()) else {
            return Ok(None);
        };
        let int =
            |at: usize| i32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let len = int(0);
        if (len as usize) < HEADER || len < 0 {
            bail!("the server sent a reply of {len} bytes");
        }
        self.skip = 4 + len as usize;
        Ok(Some(ReplyHead { xid: int(4), err: int(4 + 12) }))
    }
}

/// Connects, with limits on how long each read and write may take.
pub(super) fn connect(server: &Server) -> Result<TcpStream> {
    let stream = TcpStream::connect((server.host.as_str(), server.port))
        .with_context(|| format!("connect to {server}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Asks for a session and waits for it.
pub(super) fn open_session(stream: &mut TcpStream, timeout: Duration) -> Result<()> {
    let mut out = Vec::new();
    put_connect(&mut out, timeout)?;
    stream.write_all(&out).context("ask for a session")?;
    let answer = read_frame(stream).context("wait for a session")?;
    check_session(&Bytes::from(answer))
}

/// Appends the request for a session.
pub(super) fn put_connect(out: &mut Vec<u8>, timeout: Duration) -> Result<()> {
    let request = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid(0),
        timeout_ms: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        session_id: SessionId(0),
        password: Some(Bytes::from_static(&[0; 16])),
        read_only: Some(false),
    };
    Ok(frame::put(out, |out| request.encode(out))?)
}

/// Whether the answer to it is a session.
pub(super) fn check_session(answer: &Bytes) -> Result<()> {
    let response = ConnectResponse::from_bytes(answer).context("no ZooKeeper")?;
    if response.timeout_ms <= 0 {
        bail!("the server gave no session");
    }
    Ok(())
}

/// Sends a request and waits for its reply, before anything else is under way.
pub(super) fn ask(stream: &mut TcpStream, xid: i32, request: &Request) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    frame::put(&mut out, |out| {
        RequestHeader { xid, op: request.op().code() }.encode(out);
        request.encode(out);
    })?;
    stream.write_all(&out).context("write")?;
    read_frame(stream)
}

/// An error in a reply's header is ours.
pub(super) fn check(reply: &[u8], what: &str) -> Result<()> {
    match reply.get(12..HEADER) {
        Some([0, 0, 0, 0]) => Ok(()),
        Some(&[a, b, c, d]) => bail!("{what} failed: {}", name(i32::from_be_bytes([a, b, c, d]))),
        _ => bail!("the reply to {what} has {} bytes", reply.len()),
    }
}

/// The words of a code.
pub(super) fn name(code: i32) -> String {
    let known = zk_wire::error_code::ErrorCode::from_code(code);
    known.map_or(format!("error {code}"), |code| code.message().to_owned())
}

fn read_frame(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let len = i32::from_be_bytes(len);
    if !(0..1 << 20).contains(&len) {
        bail!("a frame of {len} bytes");
    }
    let mut frame = vec![0; len as usize];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}
