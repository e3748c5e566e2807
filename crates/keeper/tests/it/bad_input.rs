//! What no sound client sends: each gets its answer or its end, a line in the log, and hurts nobody
//! else.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use expect_test::expect;
use zk_wire::SessionId;
use zk_wire::acl::{Acl, Id, perms};
use zk_wire::connect::ConnectRequest;
use zk_wire::create_mode::CreateMode;
use zk_wire::error_code::ErrorCode;
use zk_wire::event::AddWatchMode;
use zk_wire::header::RequestHeader;
use zk_wire::op_code::OpCode;
use zk_wire::request::{AddWatchRequest, CreateRequest, PathRequest, Request};
use zk_wire::{Jute, put_count, put_string};

use crate::apache::Apache;
use crate::client::{
    Client, POLL, create, create_request, delete, framed, get, handshake, is_closed, opening,
    read_frame, request_frame, set, socket,
};
use crate::server::{Server, Settings};

const PATIENCE: Duration = Duration::from_secs(240);
const P: CreateMode = CreateMode::Persistent;
/// `jute.maxbuffer`
const FRAME_MAX: usize = 0xf_ffff;

fn start(lines: &[&str]) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path());
    settings.lines = lines.iter().map(ToString::to_string).collect();
    let server = settings.start();
    (folder, server)
}

/// Somebody else is served, and at once.
fn check_serves(server: &Server) {
    let mut client = Client::connect(server.address).unwrap();
    let path = client.create("/check-", b"x", CreateMode::EphemeralSequential).unwrap();
    assert_eq!(&client.get(&path).unwrap().0[..], b"x");
    client.close().unwrap();
}

/// A metric, as `mntr` shows it.
fn metric(server: &Server, name: &str) -> u64 {
    let mut stream = socket(server.address).unwrap();
    stream.write_all(b"mntr").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let found = text.lines().find_map(|line| line.strip_prefix(&format!("zk_{name}\t")));
    found.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// A create of `/n` whose frame has `len` bytes.
fn create_of_len(path: &str, len: usize) -> Vec<u8> {
    let empty = request_frame(7, &create(path, b"", P)).len() - 4;
    request_frame(7, &create(path, &vec![b'x'; len - empty], P))
}

#[test]
fn frames_that_are_too_long() {
    let (_folder, server) = start(&[]);
    let mut client = Client::connect(server.address).unwrap();
    client.create("/here", b"", CreateMode::Ephemeral).unwrap();
    for len in [FRAME_MAX as i32 + 1, i32::MAX, -1, i32::MIN] {
        let mut open = Client::connect(server.address).unwrap();
        open.stream().write_all(&len.to_be_bytes()).unwrap();
        assert!(open.is_closed_by_server(), "{len}");
        // The session stays, for a client that has learnt.
        let mut again = Client::open(server.address, &open.resumption()).unwrap();
        again.exists("/here").unwrap();
        let mut first = socket(server.address).unwrap();
        first.write_all(&len.to_be_bytes()).unwrap();
        assert!(is_closed(&mut first), "{len} before the first frame");
    }
    server.await_log("what it sent is no request");
    server.await_log("jute.maxbuffer");
    // To the last byte that is allowed, and one more.
    let mut open = Client::connect(server.address).unwrap();
    open.stream().write_all(&create_of_len("/largest", FRAME_MAX)).unwrap();
    read_frame(open.stream()).unwrap();
    assert!(client.exists("/largest").unwrap().data_length > 1_000_000);
    open.stream().write_all(&create_of_len("/larger", FRAME_MAX + 1)).unwrap_or_default();
    assert!(open.is_closed_by_server());
    assert_eq!(client.exists("/larger"), Err(ErrorCode::NoNode));
    check_serves(&server);
}

/// Bodies whose counts and lengths say more than is there, or that end within a field.
fn malformed_bodies() -> Vec<(OpCode, Vec<u8>)> {
    let of = |fill: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        fill(&mut out);
        out
    };
    let huge = i32::MAX.to_be_bytes();
    let acls = of(&|out| {
        put_string(out, "/a");
        put_string(out, "data");
        out.extend_from_slice(&huge);
    });
    let data = of(&|out| {
        put_string(out, "/a");
        out.extend_from_slice(&huge);
    });
    let watches = of(&|out| {
        0_i64.encode(out);
        out.extend_from_slice(&huge);
    });
    let endless = of(&|out| {
        // A multi without an end.
        for _ in 0..3 {
            out.extend_from_slice(&[0, 0, 0, 13, 0, 0xff, 0xff, 0xff, 0xff]);
            put_string(out, "/");
            (-1_i32).encode(out);
        }
    });
    let nested = of(&|out| {
        out.extend_from_slice(&[0, 0, 0, 14, 0, 0xff, 0xff, 0xff, 0xff]);
        put_count(out, 1);
    });
    vec![
        (OpCode::Create, acls),
        (OpCode::Create2, data.clone()),
        (OpCode::SetData, data.clone()),
        (OpCode::Create, Vec::new()),
        (OpCode::Delete, vec![0, 0]),
        (OpCode::GetData, huge.to_vec()),
        (OpCode::SetWatches, watches.clone()),
        (OpCode::SetWatches2, watches),
        (OpCode::Multi, endless),
        (OpCode::Multi, nested),
        (OpCode::MultiRead, vec![1]),
        (OpCode::GetChildren2, vec![0, 0, 0, 1]),
    ]
}

#[test]
fn counts_and_lengths_that_lie() {
    let (_folder, server) = start(&[]);
    let before = server.memory();
    let mut client = Client::connect(server.address).unwrap();
    for (op, body) in malformed_bodies() {
        let frame = framed(|out| {
            RequestHeader { xid: 5, op: op.code() }.encode(out);
            out.extend_from_slice(&body);
        });
        client.stream().write_all(&frame).unwrap();
        let answer = read_frame(client.stream()).unwrap();
        let err = i32::from_be_bytes(answer[12..16].try_into().unwrap());
        let err = ErrorCode::from_code(err);
        assert_eq!((answer.len(), err), (16, Some(ErrorCode::MarshallingError)), "{op:?}");
    }
    // The connection goes on.
    client.create("/n", b"", P).unwrap();
    assert!(server.memory() < before + (16 << 20));
}

#[test]
fn operations_that_are_not_for_clients() {
    let (_folder, server) = start(&[]);
    for op in [0, 10, 13, 20, 23, 99, -10, -1, i32::MAX] {
        let mut client = Client::connect(server.address).unwrap();
        let frame = framed(|out| {
            RequestHeader { xid: 5, op }.encode(out);
            put_string(out, "/zookeeper");
            (-1_i32).encode(out);
        });
        client.stream().write_all(&frame).unwrap();
        let answer = read_frame(client.stream()).unwrap();
        let err = i32::from_be_bytes(answer[12..16].try_into().unwrap());
        assert_eq!(err, ErrorCode::Unimplemented.code(), "operation {op}");
        assert!(client.is_closed_by_server(), "operation {op}");
    }
    check_serves(&server);
}

#[test]
fn garbage_before_the_first_frame() {
    let (_folder, server) = start(&[]);
    let connect = framed(|out| opening(10_000).encode(out));
    let hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 64]].concat();
    let garbage: Vec<(&str, Vec<u8>)> = vec![
        ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("TLS", hello),
        ("an empty frame", vec![0; 4]),
        ("half a request", framed(|out| out.extend_from_slice(&connect[4..20]))),
        ("a password of 2 GiB", {
            let mut bytes = connect.clone();
            bytes[28..32].copy_from_slice(&i32::MAX.to_be_bytes());
            bytes
        }),
        ("noise", (0..200_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
    ];
    for (what, bytes) in garbage {
        let mut stream = socket(server.address).unwrap();
        stream.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        let result = stream.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{what}: {answer:?}");
        let closed = result.as_ref().map_or_else(|e| e.kind().to_string(), |_| String::new());
        assert!(!closed.contains("timed out"), "{what}: {result:?}");
    }
    server.await_log("what it sent is no request");
    check_serves(&server);
}

#[test]
fn connections_that_say_nothing() {
    let (_folder, server) = start(&["nio.sessionlessCnxnTimeout=300", "tickTime=200"]);
    let before = server.open_files();
    let mut silent: Vec<TcpStream> = (0..50).map(|_| socket(server.address).unwrap()).collect();
    let connect = framed(|out| opening(10_000).encode(out));
    for (index, stream) in silent.iter_mut().enumerate() {
        stream.write_all(&connect[..index.min(connect.len() - 1)]).unwrap();
    }
    for stream in &mut silent {
        assert!(is_closed(stream));
    }
    server.await_log("it sent no first frame in time");
    let started = Instant::now();
    while metric(&server, "sessionless_connections_expired") < 50 {
        assert!(started.elapsed() < PATIENCE, "not all are counted");
        thread::sleep(POLL);
    }
    // A session whose connection is half open: no end of it ever comes, and it expires.
    let mut gone = Client::open(server.address, &opening(400)).unwrap();
    gone.create("/gone", b"", CreateMode::Ephemeral).unwrap();
    gone.stream().write_all(&[0, 0]).unwrap();
    let mut client = Client::connect(server.address).unwrap();
    let started = Instant::now();
    while client.exists("/gone").is_ok() {
        assert!(started.elapsed() < PATIENCE, "the session does not expire");
        thread::sleep(POLL);
    }
    assert!(gone.is_closed_by_server());
    assert!(server.open_files() <= before + 2, "sockets are left");
}

/// Asks for much more than is taken. Memory stays bounded, and others are served.
#[test]
fn clients_that_read_nothing_or_slowly() {
    let (_folder, server) = start(&[]);
    let mut client = Client::connect(server.address).unwrap();
    client.create("/large", &vec![b'x'; 900_000], P).unwrap();
    let before = server.memory();
    let frame = request_frame(1, &get("/large", false));
    let asks = |count: usize| frame.repeat(count);
    let mut never: Vec<Client> = (0..3).map(|_| Client::connect(server.address).unwrap()).collect();
    for client in &mut never {
        client.stream().set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        // Whether all of it is taken, a part, or nothing, is the server's to say.
        let _ = client.stream().write_all(&asks(3000));
    }
    let mut slow = Client::connect(server.address).unwrap();
    slow.stream().write_all(&asks(60)).unwrap();
    check_serves(&server);
    for _ in 0..60 {
        assert!(read_frame(slow.stream()).unwrap().len() > 900_000);
        assert!(server.memory() < before + (96 << 20), "{} bytes", server.memory());
    }
    check_serves(&server);
}

/// Notifications are not asked for, so they cannot be held back: the connection ends.
#[test]
fn clients_that_watch_and_read_nothing() {
    let (_folder, server) = start(&[]);
    let before = server.memory();
    let mut never = Client::connect(server.address).unwrap();
    let watch =
        AddWatchRequest { path: Some("/".into()), mode: AddWatchMode::PersistentRecursive.code() };
    never.try_ask(&Request::AddWatch(watch)).unwrap();
    let path = format!("/{}", "long".repeat(50_000));
    let mut client = Client::connect(server.address).unwrap();
    client.create(&path, b"", P).unwrap();
    let started = Instant::now();
    while !server.log().contains("it does not read them") {
        for _ in 0..20 {
            client.send(&set(&path, b"", -1)).unwrap();
        }
        while client.unanswered() > 0 {
            client.answer().unwrap();
        }
        assert!(started.elapsed() < PATIENCE, "it is never closed");
    }
    assert!(server.memory() < before + (128 << 20), "{} bytes", server.memory());
    // It was told of much, in order, and then of nothing.
    assert!(is_closed(never.stream()));
    check_serves(&server);
}

#[test]
fn ten_thousand_connections_from_one_address() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path());
    // The last of a key counts.
    settings.lines.push("maxClientCnxns=60".to_owned());
    settings.lines.push("maxSessionTimeout=600000".to_owned());
    let server = settings.start();
    let before = (server.open_files(), server.memory());
    let long = opening(600_000);
    let mut kept: Vec<Client> =
        (0..50).map(|_| Client::open(server.address, &long).unwrap()).collect();
    let mut refused = 0;
    let mut held = Vec::new();
    for _ in 0..10_000 {
        let mut stream = socket(server.address).unwrap();
        if held.len() < 10 {
            // Up to the limit.
            let answer = handshake(&mut stream, &long).unwrap();
            assert_ne!(answer.session_id, SessionId(0));
            held.push(stream);
        } else {
            drop(stream);
            refused += 1;
        }
    }
    let mut one_more = socket(server.address).unwrap();
    assert!(handshake(&mut one_more, &opening(10_000)).is_err());
    server.await_log("see maxClientCnxns");
    assert_eq!(refused, 9_990);
    let lines = server.log().matches("see maxClientCnxns").count();
    assert!(lines < 100, "{lines} lines for {refused} connections");
    for client in &mut kept {
        client.exists("/").unwrap();
    }
    drop(held);
    let started = Instant::now();
    while Client::connect(server.address).is_err() {
        assert!(started.elapsed() < PATIENCE, "room is not given back");
        thread::sleep(POLL);
    }
    assert!(metric(&server, "connection_rejected") >= refused);
    assert!(server.open_files() <= before.0 + 70 && server.memory() < before.1 + (32 << 20));
}

#[test]
fn wrong_passwords() {
    let (_folder, server) = start(&[]);
    let mut client = Client::connect(server.address).unwrap();
    client.create("/mine", b"", CreateMode::Ephemeral).unwrap();
    let resumption = client.resumption();
    let wrong = |password: Option<Bytes>, session_id| {
        let request = ConnectRequest { password, session_id, ..resumption.clone() };
        let mut stream = socket(server.address).unwrap();
        let answer = handshake(&mut stream, &request).unwrap();
        assert_eq!((answer.session_id, answer.timeout_ms), (SessionId(0), 0));
        assert_eq!(answer.password.as_deref(), Some(&[0; 16][..]));
        assert!(is_closed(&mut stream));
    };
    let id = resumption.session_id;
    wrong(Some(Bytes::from_static(&[0; 16])), id);
    wrong(Some(Bytes::new()), id);
    wrong(None, id);
    wrong(Some(Bytes::from_static(&[0; 1000])), id);
    wrong(resumption.password.clone(), SessionId(id.0 + 1000));
    // The session goes on with the right one.
    let mut again = Client::open(server.address, &resumption).unwrap();
    assert_eq!(again.exists("/mine").unwrap().ephemeral_owner, id.0);

    assert_eq!(again.auth("digest", "user:right").unwrap(), ErrorCode::Ok);
    let acl = Some(vec![Acl { perms: perms::ALL, id: Id::creator() }]);
    let secret = CreateRequest { acl, ..create_request("/secret", b"secret", P) };
    again.try_ask(&Request::Create(secret)).unwrap();
    let mut other = Client::connect(server.address).unwrap();
    assert_eq!(other.auth("digest", "user:wrong").unwrap(), ErrorCode::Ok);
    assert_eq!(other.get("/secret"), Err(ErrorCode::NoAuth));
    assert_eq!(other.set("/secret", b"", -1).map(drop), Err(ErrorCode::NoAuth));
    assert_eq!(other.auth("nonsense", "user:right").unwrap(), ErrorCode::AuthFailed);
    assert!(other.is_closed_by_server());
}

/// Paths at the limits of what is one, and just beyond.
fn paths() -> Vec<String> {
    let mut paths: Vec<String> = [
        "",
        "/",
        "a",
        "a/b",
        "//",
        "/a/",
        "/a//b",
        "/.",
        "/..",
        "/a/.",
        "/a/..",
        "/a/./b",
        "/a/../b",
        "/.a",
        "/..a",
        "/a..",
        "/ ",
        "/\u{1}",
        "/\u{1f}",
        "/\u{7f}",
        "/\u{9f}",
        "/\u{a0}",
        "/\0",
        "/a\0b",
        "/\u{d7ff}",
        "/\u{e000}",
        "/\u{f8ff}",
        "/\u{f900}",
        "/\u{ffef}",
        "/\u{fff0}",
        "/\u{fffd}",
        "/\u{ffff}",
        "/\u{1f600}",
        "/zookeeper",
        "/zookeeper/quota",
        "/zookeeper/config",
        "/zookeeper/new",
        "/none/below",
        "/\\",
        "/%2e",
        "/a b/c",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.push(format!("/{}", "n".repeat(255)));
    paths.push(format!("/{}", "n".repeat(100_000)));
    paths.push(format!("/{}", "\u{4e2d}".repeat(80_000)));
    paths
}

/// How a server answers to each path, in each operation.
fn answers(settings: &Settings) -> Vec<String> {
    let server = settings.start();
    let mut client = Client::connect(server.address).unwrap();
    let mut lines = Vec::new();
    for path in paths() {
        let read = PathRequest { path: Some(path.as_str().into()) };
        let requests = [
            create(&path, b"x", P),
            Request::Create2(create_request(&path, b"x", CreateMode::EphemeralSequential)),
            set(&path, b"y", -1),
            get(&path, false),
            Request::GetAcl(read.clone()),
            Request::GetEphemerals(read.clone()),
            Request::GetAllChildrenNumber(read.clone()),
            Request::Sync(read),
            delete(&path, -1),
        ];
        let answers = requests.map(|request| client.ask(&request).unwrap().err().name());
        let shown: String = path.chars().take(12).collect();
        lines.push(format!("{shown:?} of {}: {}", path.len(), answers.join(" ")));
    }
    lines
}

#[test]
fn names_at_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let ours = answers(&Settings::new(&folder.path().join("ours")));
    let created: BTreeSet<&str> = ours.iter().filter_map(|line| line.split(": ").nth(1)).collect();
    assert!(created.iter().any(|answers| answers.starts_with("OK")));
    let Some(apache) = Apache::find() else { return };
    let theirs = answers(&Settings::new(&folder.path().join("theirs")).apache(&apache));
    assert_eq!(ours.join("\n"), theirs.join("\n"));
}

#[test]
fn a_tree_as_deep_as_a_frame_is_long() {
    let (_folder, server) = start(&[]);
    let mut client = Client::connect(server.address).unwrap();
    let mut path = String::new();
    for _ in 0..2000 {
        path.push_str("/d");
        client.send(&create(&path, b"", P)).unwrap();
        while client.unanswered() > 100 {
            client.answer().unwrap();
        }
    }
    while client.unanswered() > 0 {
        assert_eq!(client.answer().unwrap().err(), ErrorCode::Ok);
    }
    let request = Request::GetAllChildrenNumber(PathRequest { path: Some("/d".into()) });
    expect![[r#"
        AllChildrenNumber(
            GetAllChildrenNumberResponse {
                total_number: 1999,
            },
        )
    "#]]
    .assert_debug_eq(&client.try_ask(&request).unwrap());
    let (settings, _) = server.stop();
    let server = settings.start();
    assert_eq!(Client::connect(server.address).unwrap().exists(&path).unwrap().num_children, 0);
}
