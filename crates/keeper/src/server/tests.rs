//! A server in this process, over a real socket and a real disk: what it does with its threads,
//! limits and folders. What it answers is `keeper-core`'s, and tested there.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zk_wire::acl::Acl;
use zk_wire::connect::{ConnectRequest, ConnectResponse};
use zk_wire::error_code::ErrorCode;
use zk_wire::header::{ReplyHeader, RequestHeader};
use zk_wire::op_code::OpCode;
use zk_wire::reply::Reply;
use zk_wire::request::{CreateRequest, ReadRequest, Request, SetDataRequest};
use zk_wire::{Jute, Reader, SessionId, frame};

use super::{Failure, Server};
use crate::config::{Config, Properties};

/// No answer within it is a failed test, not a measurement.
const PATIENCE: Duration = Duration::from_secs(60);

fn config(folder: &Path, more: &str) -> Config {
    let data = folder.join("data");
    let text = format!(
        "dataDir={}\nclientPort=0\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n{more}",
        data.display()
    );
    Config::of(Properties::parse(Path::new("zoo.cfg"), &text).unwrap()).unwrap()
}

pub(crate) fn start(folder: &Path, more: &str) -> Server {
    Server::start(config(folder, more)).unwrap()
}

pub(crate) fn stop(server: Server) {
    server.handle().shutdown();
    server.wait().unwrap();
}

/// A client that knows frames.
pub(crate) struct Client {
    stream: TcpStream,
    session: ConnectResponse,
    xid: i32,
}

impl Client {
    fn raw(server: &Server) -> TcpStream {
        let stream = TcpStream::connect(server.client_address().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn new(server: &Server) -> Self {
        Self::with(server, &ConnectRequest { timeout_ms: 30_000, ..ConnectRequest::default() })
    }

    fn with(server: &Server, request: &ConnectRequest) -> Self {
        let mut stream = Self::raw(server);
        let mut out = Vec::new();
        frame::put(&mut out, |out| request.encode(out)).unwrap();
        stream.write_all(&out).unwrap();
        let session = ConnectResponse::from_bytes(&receive(&mut stream).unwrap()).unwrap();
        Self { stream, session, xid: 0 }
    }

    fn send(&mut self, request: &Request) {
        let mut out = Vec::new();
        self.put(&mut out, request);
        self.stream.write_all(&out).unwrap();
    }

    fn put(&mut self, out: &mut Vec<u8>, request: &Request) {
        self.xid += 1;
        let header = RequestHeader { xid: self.xid, op: request.op().code() };
        frame::put(out, |out| {
            header.encode(out);
            request.encode(out);
        })
        .unwrap();
    }

    fn reply(&mut self, op: OpCode) -> (ReplyHeader, Option<Reply>) {
        let frame = receive(&mut self.stream).unwrap();
        let mut reader = Reader::new(&frame);
        let header = ReplyHeader::decode(&mut reader).unwrap();
        let reply = (header.err == 0).then(|| Reply::decode(op, &mut reader).unwrap());
        (header, reply)
    }

    pub(crate) fn ask(&mut self, request: &Request) -> (ReplyHeader, Option<Reply>) {
        self.send(request);
        self.reply(request.op())
    }
}

/// A frame; `None` at the end of the stream, or where it was reset.
fn receive(stream: &mut TcpStream) -> Option<Bytes> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(head) as usize];
    stream.read_exact(&mut frame).ok()?;
    Some(frame.into())
}

/// What another thread does next is waited for.
pub(crate) fn eventually(is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "it never is");
        std::thread::yield_now();
    }
}

fn is_closed(stream: &mut TcpStream) -> bool {
    receive(stream).is_none()
}

pub(crate) fn create(path: &str, data: &[u8]) -> Request {
    let (path, data) = (Some(path.into()), Some(Bytes::copy_from_slice(data)));
    Request::Create(CreateRequest { path, data, acl: Some(vec![Acl::open()]), flags: 0 })
}

fn get(path: &str) -> Request {
    Request::GetData(ReadRequest { path: Some(path.into()), watch: false })
}

pub(crate) fn set(path: &str, data: &[u8]) -> Request {
    let (path, data) = (Some(path.into()), Some(Bytes::copy_from_slice(data)));
    Request::SetData(SetDataRequest { path, data, version: -1 })
}

fn data(reply: Option<Reply>) -> Bytes {
    match reply {
        Some(Reply::Data(body)) => body.data.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "");
    let mut client = Client::new(&server);
    assert_eq!(client.ask(&create("/a", b"one")).0.err, 0);
    assert_eq!(client.ask(&set("/a", b"two")).0.err, 0);
    let partial = folder.path().join("data/version-2/partial.snapshot.5");
    std::fs::write(&partial, "being written").unwrap();
    let refused = Server::start(config(folder.path(), "")).map(|_| ()).unwrap_err();
    assert_eq!(refused.code, Failure::DATA_DIR);
    assert!(refused.message.starts_with("another server runs on "), "{refused}");
    assert!(partial.exists());
    stop(server);
    // The session, too: its client comes back.
    let server = start(folder.path(), "");
    let (session_id, password) = (client.session.session_id, client.session.password.clone());
    let request =
        ConnectRequest { session_id, password, timeout_ms: 30_000, ..ConnectRequest::default() };
    let mut client = Client::with(&server, &request);
    assert_eq!(client.session.session_id, session_id);
    assert_eq!(data(client.ask(&get("/a")).1), "two");
    assert_eq!(server.handle().inspect_blocking(|node| node.tree().node_count()), Some(5));
    stop(server);
}

#[test]
fn many_requests_at_once_are_answered_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "globalOutstandingLimit=10\n");
    let mut client = Client::new(&server);
    client.ask(&create("/a", b""));
    let mut out = Vec::new();
    for number in 0..3000 {
        client.put(&mut out, &set("/a", format!("{number}").as_bytes()));
        client.put(&mut out, &get("/a"));
    }
    let mut writer = client.stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || writer.write_all(&out).unwrap());
    for number in 0..3000 {
        let (header, _) = client.reply(OpCode::SetData);
        assert_eq!((header.xid, header.err), (number * 2 + 2, 0));
        assert_eq!(data(client.reply(OpCode::GetData).1), format!("{number}"));
    }
    sender.join().unwrap();
    let connections = server.handle().connections();
    let [info] = &connections[..] else { panic!("{connections:?}") };
    assert_eq!((info.received(), info.sent(), info.queued()), (6002, 6002, 0));
    assert_eq!(info.last_op(), Some(OpCode::GetData));
    assert_eq!(server.handle().stats().outstanding(), 0);
    stop(server);
}

#[test]
fn what_is_no_request_closes_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "jute.maxbuffer=1000\nnio.sessionlessCnxnTimeout=200\n");
    for bytes in [&b"\xff\xff\xff\xfb"[..], b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x04xxxx"] {
        let mut stream = Client::raw(&server);
        stream.write_all(bytes).unwrap();
        assert!(is_closed(&mut stream), "{bytes:?}");
    }
    // Half of a first frame, and nothing more.
    let mut stream = Client::raw(&server);
    stream.write_all(b"\0\0\0\x2dxxxx").unwrap();
    assert!(is_closed(&mut stream));
    let mut client = Client::new(&server);
    assert_eq!(client.ask(&create("/fits", &[0; 900])).0.err, 0);
    client.send(&create("/large", &[0; 1000]));
    assert!(is_closed(&mut client.stream));
    let warnings = server.handle().warnings();
    eventually(|| (warnings.malformed.count(), warnings.silent.count()) == (4, 1));
    stop(server);
}

#[test]
fn connections_beyond_the_limits_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "maxClientCnxns=2\n");
    let (first, mut second) = (Client::new(&server), Client::new(&server));
    assert!(is_closed(&mut Client::raw(&server)));
    eventually(|| server.handle().warnings().per_address.count() == 1);
    // A place that is free again can be had.
    drop(first);
    second.ask(&get("/"));
    eventually(|| server.handle().connections().len() == 1);
    Client::new(&server);
    stop(server);
}

#[test]
fn who_reads_nothing_is_not_read_and_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "");
    let mut client = Client::new(&server);
    client.ask(&create("/large", &vec![7; 500_000]));
    let mut silent = Client::new(&server);
    let mut out = Vec::new();
    for _ in 0..2000 {
        silent.put(&mut out, &get("/large"));
    }
    silent.stream.write_all(&out).unwrap();
    for _ in 0..100 {
        assert_eq!(data(client.ask(&get("/large")).1).len(), 500_000);
    }
    // Of a gigabyte of answers, only a part was made: the rest was not read.
    let sent = server.handle().stats().sent_bytes();
    assert!(sent < 150 * 500_100 + (64 << 20), "{sent}");
    // It is answered all when it reads.
    for _ in 0..2000 {
        assert_eq!(data(silent.reply(OpCode::GetData).1).len(), 500_000);
    }
    stop(server);
}

#[test]
fn snapshots_are_taken_while_clients_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "snapCount=100\n");
    let mut client = Client::new(&server);
    client.ask(&create("/a", &[1; 100]));
    for number in 0..250 {
        assert_eq!(client.ask(&set("/a", format!("{number}").as_bytes())).0.err, 0);
    }
    while server.handle().stats().snapshots() < 2 {
        client.ask(&set("/a", b"more"));
    }
    client.ask(&set("/a", b"last"));
    stop(server);
    let server = start(folder.path(), "");
    let mut client = Client::new(&server);
    assert_eq!(data(client.ask(&get("/a")).1), "last");
    stop(server);
}

#[test]
fn sessions_that_do_not_speak_expire_and_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "tickTime=50\n");
    let request = ConnectRequest { timeout_ms: 100, ..ConnectRequest::default() };
    let mut client = Client::with(&server, &request);
    assert_eq!(client.session.timeout_ms, 100);
    assert!(is_closed(&mut client.stream));
    let (session_id, password) = (client.session.session_id, client.session.password.clone());
    let request = ConnectRequest { session_id, password, ..request };
    let client = Client::with(&server, &request);
    assert_eq!((client.session.session_id, client.session.timeout_ms), (SessionId(0), 0));
    stop(server);
}

#[test]
fn throttles_hold_up_or_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let more = "request_throttle_max_requests=1\nrequest_throttle_stall_time=1\n\
                connection_throttle_tokens=2\nconnection_throttle_fill_time=1000000\n";
    let server = start(folder.path(), more);
    let mut clients = [Client::new(&server), Client::new(&server)];
    let mut refused = Client::raw(&server);
    let mut out = Vec::new();
    frame::put(&mut out, |out| ConnectRequest::default().encode(out)).unwrap();
    refused.write_all(&out).unwrap();
    assert!(is_closed(&mut refused));
    eventually(|| server.handle().warnings().throttled.count() == 1);
    for number in 0..20 {
        for (of, client) in clients.iter_mut().enumerate() {
            client.send(&create(&format!("/{of}-{number}"), b""));
        }
        for client in &mut clients {
            assert_eq!(client.reply(OpCode::Create).0.err, ErrorCode::Ok.code());
        }
    }
    stop(server);
}
