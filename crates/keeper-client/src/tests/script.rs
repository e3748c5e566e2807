//! A server that does what a test says: each connection is handed to the test, which reads requests
//! and answers them as it likes.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use zk_wire::connect::{ConnectRequest, ConnectResponse};
use zk_wire::header::{ReplyHeader, RequestHeader};
use zk_wire::op_code::OpCode;
use zk_wire::reply::Reply;
use zk_wire::request::Request;
use zk_wire::{Jute, Reader, SessionId, Zxid, frame};

use crate::{Connecting, Options, Server, Stream, Transport};

/// Servers by the name that was connected to; those called "down" refuse.
pub(super) struct Scripted {
    connections: mpsc::UnboundedSender<(Server, DuplexStream)>,
}

impl Transport for Scripted {
    fn connect<'a>(&'a self, server: &'a Server) -> Connecting<'a> {
        Box::pin(async move {
            if server.host.starts_with("down") {
                return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
            }
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let _ = self.connections.send((server.clone(), theirs));
            Ok(Box::new(ours) as Box<dyn Stream>)
        })
    }
}

/// The servers' side.
pub(super) struct Servers {
    connections: mpsc::UnboundedReceiver<(Server, DuplexStream)>,
}

/// Options with a transport whose other end is here.
pub(super) fn servers() -> (Options, Servers) {
    let (sender, connections) = mpsc::unbounded_channel();
    let transport = Arc::new(Scripted { connections: sender });
    let options = Options { transport, shuffle: false, ..Options::default() };
    (options, Servers { connections })
}

impl Servers {
    /// The next connection, with what it asked for first.
    pub async fn accept(&mut self) -> Accepted {
        let (server, stream) = self.connections.recv().await.expect("a connection");
        let mut accepted = Accepted {
            server: server.host,
            stream,
            received: BytesMut::new(),
            request: ConnectRequest::default(),
        };
        let first = accepted.frame().await.expect("a connect request");
        accepted.request = ConnectRequest::from_bytes(&first).expect("a connect request");
        accepted
    }
}

/// A connection from a client.
pub(super) struct Accepted {
    pub server: String,
    stream: DuplexStream,
    received: BytesMut,
    pub request: ConnectRequest,
}

impl Accepted {
    async fn frame(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = frame::take(&mut self.received, 1 << 20).expect("a frame") {
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.received).await.ok()? == 0 {
                return None;
            }
        }
    }

    async fn send(&mut self, body: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        frame::put(&mut out, body).expect("a frame");
        self.stream.write_all(&out).await.expect("a client");
    }

    /// Gives a session.
    pub async fn welcome(&mut self, id: i64, timeout_ms: i32) {
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms,
            session_id: SessionId(id),
            password: Some(Bytes::from_static(b"0123456789abcdef")),
            read_only: Some(false),
        };
        self.send(|out| response.encode(out)).await;
    }

    /// The next request; `None` once the client has gone.
    pub async fn next(&mut self) -> Option<(i32, Request)> {
        let frame = self.frame().await?;
        let mut input = Reader::new(&frame);
        let header = RequestHeader::decode(&mut input).expect("a header");
        let op = OpCode::from_code(header.op).expect("an operation");
        Some((header.xid, Request::decode(op, &mut input).expect("a request")))
    }

    /// The next request, which is no ping.
    pub async fn expect(&mut self, op: OpCode) -> (i32, Request) {
        let (xid, request) = self.next().await.expect("a request");
        assert_eq!(request.op(), op, "{request:?}");
        (xid, request)
    }

    pub async fn reply(&mut self, xid: i32, zxid: i64, err: i32, reply: &Reply) {
        let header = ReplyHeader { xid, zxid: Zxid(zxid), err };
        self.send(|out| {
            header.encode(out);
            if err == 0 {
                reply.encode(out);
            }
        })
        .await;
    }

    pub async fn event(&mut self, kind: i32, path: &str, zxid: i64) {
        let header = ReplyHeader { xid: -1, zxid: Zxid(zxid), err: 0 };
        let event = zk_wire::event::WatcherEvent { kind, state: 3, path: Some(path.into()) };
        self.send(|out| {
            header.encode(out);
            event.encode(out);
        })
        .await;
    }
}
