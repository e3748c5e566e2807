//! Scripts: what happens, and what comes out.

use std::fmt::Write as _;
use std::net::IpAddr;

use bytes::Bytes;
use expect_test::expect;
use zk_wire::acl::{Acl, perms};
use zk_wire::connect::ConnectRequest;
use zk_wire::create_mode::CreateMode;
use zk_wire::event::{AddWatchMode, EventType, WatcherType};
use zk_wire::request::{
    AddWatchRequest, CreateRequest, DeleteRequest, ReadRequest, SetDataRequest, SetWatches2,
    WatchesRequest,
};

use super::*;
use crate::session::{SessionOptions, Sessions, first_id, password};
use crate::tree::TreeOptions;

struct Script {
    node: Node,
    now: Now,
    xid: i32,
    /// Transactions that were written down and are not durable.
    written: Zxid,
    seen: String,
}

const FIRST: i64 = 0x0100_0000_0000_0000;

impl Script {
    fn new() -> Self {
        let now = Now { wall: 1_000_000, elapsed: 0 };
        let options = SessionOptions::default();
        let sessions = Sessions::new(options, first_id(1, 0), Default::default(), 0);
        let tree = Tree::new(TreeOptions::default());
        let node = Node::new(NodeOptions::default(), tree, sessions, now);
        let mut script = Self { node, now, xid: 0, written: Zxid(0), seen: String::new() };
        for connection in 1..=2 {
            script.connect(connection, SessionId(0), [0; 16]);
            script.sync();
        }
        script.seen.clear();
        script
    }

    fn step(&mut self, event: Event) {
        let mut out = Vec::new();
        self.node.step(self.now, event, &mut out);
        for output in out {
            let line = match output {
                Output::Append { zxid, .. } => {
                    self.written = zxid;
                    format!("append {zxid}")
                }
                Output::Connected { connection, response } => {
                    format!("{}: session {}", connection.0, response.session_id)
                }
                Output::Reply { connection, header, reply } => {
                    let name = ErrorCode::from_code(header.err).map_or("?", ErrorCode::name);
                    let kind = format!("{reply:?}");
                    let kind = kind.split('(').next().unwrap_or_default();
                    format!("{}: {} at {} {name} {kind}", connection.0, header.xid, header.zxid)
                }
                Output::Notify { connection, zxid, event } => {
                    let kind = EventType::from_code(event.kind);
                    let path = event.path.unwrap_or_default();
                    format!("{}: {:?} {path} at {zxid}", connection.0, kind.unwrap())
                }
                Output::Close { connection, reason } => format!("{}: {reason:?}", connection.0),
                Output::Audit(event) => format!("{event:?}"),
                Output::DigestMismatch { zxid } => format!("digest mismatch {zxid}"),
            };
            writeln!(self.seen, "{line}").unwrap();
        }
    }

    fn connect(&mut self, connection: u64, session: SessionId, password: [u8; 16]) {
        let request = ConnectRequest {
            session_id: session,
            timeout_ms: 10_000,
            password: Some(Bytes::copy_from_slice(&password)),
            ..ConnectRequest::default()
        };
        let address = IpAddr::from([127, 0, 0, 1]);
        let connection = ConnectionId(connection);
        self.step(Event::Connect { connection, address, ids: Vec::new(), request });
    }

    fn ask(&mut self, connection: u64, request: Request) {
        self.xid += 1;
        let header = RequestHeader { xid: self.xid, op: request.op().code() };
        let (connection, request) = (ConnectionId(connection), Incoming::Known(request));
        self.step(Event::Request { connection, header, request });
    }

    fn sync(&mut self) {
        self.step(Event::Synced { zxid: self.written });
    }

    /// A write, durable at once.
    fn write(&mut self, connection: u64, request: Request) {
        self.ask(connection, request);
        self.sync();
    }

    fn check(&mut self, expected: expect_test::Expect) {
        expected.assert_eq(&std::mem::take(&mut self.seen));
    }
}

fn create(path: &str, mode: CreateMode) -> Request {
    let (data, acl) = (Some(Bytes::from_static(b"x")), Some(vec![Acl::open()]));
    Request::Create(CreateRequest { path: Some(path.into()), data, acl, flags: mode.flags() })
}

fn delete(path: &str) -> Request {
    Request::Delete(DeleteRequest { path: Some(path.into()), version: -1 })
}

fn set_data(path: &str) -> Request {
    Request::SetData(SetDataRequest { path: Some(path.into()), data: None, version: -1 })
}

fn read(path: &str, watch: bool) -> ReadRequest {
    ReadRequest { path: Some(path.into()), watch }
}

const P: CreateMode = CreateMode::Persistent;

#[test]
fn reads_wait_for_their_own_writes_only() {
    let mut script = Script::new();
    script.ask(1, create("/a", P));
    script.ask(1, Request::GetData(read("/a", false)));
    script.ask(2, Request::GetData(read("/a", false)));
    script.ask(1, create("/a/b", P));
    script.ask(1, Request::Ping);
    let zxid = Zxid(script.written.0 - 1);
    script.step(Event::Synced { zxid });
    script.seen += "then\n";
    script.sync();
    script.check(expect![[r#"
        append 0x3
        2: 3 at 0x2 NONODE Empty
        append 0x4
        1: 1 at 0x3 OK Path
        1: 2 at 0x3 OK Data
        then
        1: 4 at 0x4 OK Path
        1: 5 at 0x4 OK Empty
    "#]]);
}

/// As whoever creates a protected node must see after a reconnect whether it is there.
#[test]
fn who_waited_too_long_is_refused_in_order() {
    let mut script = Script::new();
    script.ask(1, create("/a", P));
    for request in [set_data("/a"), Request::Ping] {
        script.xid += 1;
        let header = RequestHeader { xid: script.xid, op: request.op().code() };
        let request = Incoming::Known(request).throttled();
        script.step(Event::Request { connection: ConnectionId(1), header, request });
    }
    script.sync();
    script.check(expect![[r#"
        append 0x3
        1: 1 at 0x3 OK Path
        1: 2 at 0x3 THROTTLEDOP Empty
        1: 3 at 0x3 OK Empty
    "#]]);
}

#[test]
fn a_session_that_comes_back_sees_what_it_asked_for_before() {
    let mut script = Script::new();
    let session = SessionId(FIRST);
    script.ask(1, create("/a", P));
    script.ask(2, create("/b", P));
    script.step(Event::Disconnect { connection: ConnectionId(1) });
    script.connect(3, session, password(session));
    script.ask(3, Request::Exists(read("/a", false)));
    let zxid = Zxid(script.written.0 - 1);
    script.seen += "durable\n";
    script.step(Event::Synced { zxid });
    // Once more, while nothing of its own is on its way.
    script.connect(4, session, password(session));
    script.sync();
    script.check(expect![[r#"
        append 0x3
        append 0x4
        durable
        3: session 0x100000000000000
        3: 3 at 0x3 OK Stat
        3: Reconnected
        4: session 0x100000000000000
        2: 2 at 0x4 OK Path
    "#]]);
}

#[test]
fn events_come_before_the_answers_that_show_them() {
    let mut script = Script::new();
    script.ask(1, Request::Exists(read("/a", true)));
    script.ask(1, Request::GetChildren(read("/", true)));
    script.ask(2, Request::Exists(read("/a", true)));
    script.write(1, create("/a", P));
    script.seen += "once\n";
    script.write(1, set_data("/a"));
    script.write(1, create("/b", P));
    script.seen += "both tables tell of a deletion once\n";
    script.ask(2, Request::GetData(read("/a", true)));
    script.ask(2, Request::GetChildren2(read("/a", true)));
    script.write(1, delete("/a"));
    assert!(script.node.watches().is_empty());
    script.check(expect![[r#"
        1: 1 at 0x2 NONODE Empty
        1: 2 at 0x2 OK Children
        2: 3 at 0x2 NONODE Empty
        append 0x3
        1: NodeCreated /a at 0x3
        2: NodeCreated /a at 0x3
        1: NodeChildrenChanged / at 0x3
        1: 4 at 0x3 OK Path
        once
        append 0x4
        1: 5 at 0x4 OK Stat
        append 0x5
        1: 6 at 0x5 OK Path
        both tables tell of a deletion once
        2: 7 at 0x5 OK Data
        2: 8 at 0x5 OK Children2
        append 0x6
        2: NodeDeleted /a at 0x6
        1: 9 at 0x6 OK Empty
    "#]]);
}

#[test]
fn persistent_and_recursive_watches() {
    let mut script = Script::new();
    let add = |path: &str, mode: AddWatchMode| {
        Request::AddWatch(AddWatchRequest { path: Some(path.into()), mode: mode.code() })
    };
    script.ask(1, add("/a", AddWatchMode::Persistent));
    script.ask(2, add("/a", AddWatchMode::PersistentRecursive));
    for request in [create("/a", P), create("/a/b", P), set_data("/a/b"), delete("/a/b")] {
        script.write(1, request);
    }
    let watches = |kind: WatcherType| WatchesRequest { path: Some("/a".into()), kind: kind.code() };
    script.ask(1, Request::CheckWatches(watches(WatcherType::Persistent)));
    script.ask(1, Request::CheckWatches(watches(WatcherType::Data)));
    script.ask(1, Request::RemoveWatches(watches(WatcherType::Any)));
    script.ask(1, Request::RemoveWatches(watches(WatcherType::Any)));
    script.step(Event::Disconnect { connection: ConnectionId(2) });
    assert!(script.node.watches().is_empty());
    script.check(expect![[r#"
        1: 1 at 0x2 OK Error
        2: 2 at 0x2 OK Error
        append 0x3
        1: NodeCreated /a at 0x3
        2: NodeCreated /a at 0x3
        1: 3 at 0x3 OK Path
        append 0x4
        2: NodeCreated /a/b at 0x4
        1: NodeChildrenChanged /a at 0x4
        1: 4 at 0x4 OK Path
        append 0x5
        2: NodeDataChanged /a/b at 0x5
        1: 5 at 0x5 OK Stat
        append 0x6
        2: NodeDeleted /a/b at 0x6
        1: NodeChildrenChanged /a at 0x6
        1: 6 at 0x6 OK Empty
        1: 7 at 0x6 OK Empty
        1: 8 at 0x6 NOWATCHER Empty
        1: 9 at 0x6 OK Empty
        1: 10 at 0x6 NOWATCHER Empty
    "#]]);
}

#[test]
fn watches_set_again_tell_what_was_missed() {
    let mut script = Script::new();
    script.write(1, create("/old", P));
    let relative_zxid = script.node.tree().last_zxid();
    script.write(1, create("/new", P));
    script.write(1, set_data("/old"));
    script.seen.clear();
    let paths = |paths: &[&str]| Some(paths.iter().map(|path| (*path).into()).collect());
    script.ask(
        2,
        Request::SetWatches2(SetWatches2 {
            relative_zxid,
            data_watches: paths(&["/old", "/gone", "/zookeeper"]),
            exist_watches: paths(&["/new", "/later"]),
            child_watches: paths(&["/", "/gone", "/old"]),
            persistent_watches: paths(&["/p"]),
            persistent_recursive_watches: paths(&["/"]),
        }),
    );
    script.write(1, create("/later", P));
    script.check(expect![[r#"
        2: NodeDataChanged /old at 0xffffffffffffffff
        2: NodeDeleted /gone at 0xffffffffffffffff
        2: NodeCreated /new at 0xffffffffffffffff
        2: NodeChildrenChanged / at 0xffffffffffffffff
        2: NodeDeleted /gone at 0xffffffffffffffff
        2: 4 at 0x5 OK Empty
        append 0x6
        2: NodeCreated /later at 0x6
        1: 5 at 0x6 OK Path
    "#]]);
}

#[test]
fn who_may_not_read_does_not_hear() {
    let mut script = Script::new();
    script.ask(2, Request::Exists(read("/secret", true)));
    let acl = Some(vec![Acl { perms: perms::CREATE, id: Id::anyone() }]);
    let path = Some("/secret".into());
    script.write(1, Request::Create2(CreateRequest { path, data: None, acl, flags: 0 }));
    script.ask(2, Request::GetData(read("/secret", false)));
    script.check(expect![[r#"
        2: 1 at 0x2 NONODE Empty
        append 0x3
        1: 2 at 0x3 OK Create2
        2: 3 at 0x3 NOAUTH Empty
    "#]]);
}

#[test]
fn sessions_move_close_and_expire() {
    let mut script = Script::new();
    let (one, two) = (SessionId(FIRST), SessionId(FIRST + 1));
    script.write(1, create("/one", CreateMode::Ephemeral));
    script.write(2, create("/two", CreateMode::Ephemeral));
    script.ask(2, Request::Exists(read("/one", true)));
    script.connect(3, one, password(one));
    script.connect(4, two, [7; 16]);
    script.connect(5, SessionId(99), password(SessionId(99)));
    script.seen += "close\n";
    script.write(3, Request::CloseSession);
    script.seen += "expire\n";
    script.now.elapsed = 12_000;
    script.step(Event::Tick);
    script.sync();
    script.now.elapsed = 15_000;
    script.step(Event::Tick);
    script.sync();
    assert_eq!(script.node.tree().ephemeral_count(), 0);
    assert_eq!(script.node.sessions().committed().len(), 0);
    script.check(expect![[r#"
        append 0x3
        1: 1 at 0x3 OK Path
        append 0x4
        2: 2 at 0x4 OK Path
        2: 3 at 0x4 OK Stat
        1: Reconnected
        3: session 0x100000000000000
        2: Reconnected
        4: session 0x0
        4: InvalidSession
        5: session 0x0
        5: InvalidSession
        close
        append 0x5
        3: 4 at 0x5 OK Empty
        3: SessionClosed
        expire
        append 0x6
    "#]]);
}

#[test]
fn what_clients_may_not_ask() {
    let mut script = Script::new();
    let header = RequestHeader { xid: 5, op: OpCode::Create.code() };
    let request = Incoming::Malformed(OpCode::Create);
    script.step(Event::Request { connection: ConnectionId(1), header, request });
    script.sync();
    let request = Incoming::Malformed(OpCode::GetData);
    script.step(Event::Request { connection: ConnectionId(1), header, request });
    script.ask(1, Request::DeleteContainer(PathRequest { path: Some("/".into()) }));
    let auth = AuthPacket { kind: 0, scheme: Some("none".into()), auth: None };
    script.ask(2, Request::Auth(auth));
    let last_zxid_seen = Zxid(1 << 40);
    let request = ConnectRequest { last_zxid_seen, ..ConnectRequest::default() };
    let address = IpAddr::from([127, 0, 0, 1]);
    let connection = ConnectionId(9);
    script.step(Event::Connect { connection, address, ids: Vec::new(), request });
    script.check(expect![[r#"
        append 0x3
        1: 5 at 0x3 MARSHALLINGERROR Empty
        1: 5 at 0x3 MARSHALLINGERROR Empty
        1: 1 at 0xffffffffffffffff UNIMPLEMENTED Empty
        1: UnknownOperation
        2: 2 at 0x0 AUTHFAILED Empty
        2: AuthFailed
        9: ClientAhead
    "#]]);
}

#[test]
fn who_must_authenticate() {
    let mut script = Script::new();
    script.node.options.required_schemes = vec!["digest".to_owned()];
    let auth = Some(Bytes::from_static(b"me:secret"));
    let auth = AuthPacket { kind: 0, scheme: Some("digest".into()), auth };
    script.ask(1, Request::Auth(auth));
    script.ask(1, Request::Ping);
    script.ask(2, Request::Ping);
    script.ask(2, Request::Ping);
    script.check(expect![[r#"
        1: 1 at 0x0 OK Empty
        1: 2 at 0x2 OK Empty
        2: 3 at 0x0 SESSIONCLOSEDREQUIRESASLAUTH Empty
        2: AuthRequired
    "#]]);
}

#[test]
fn used_containers_go() {
    let mut script = Script::new();
    let (data, acl) = (None, Some(vec![Acl::open()]));
    let body = CreateRequest { path: Some("/c".into()), data, acl, flags: 4 };
    script.write(1, Request::CreateContainer(body));
    script.write(1, create("/c/x", P));
    script.write(1, delete("/c/x"));
    script.seen.clear();
    script.now.elapsed = 4_000;
    script.step(Event::Tick);
    script.now.elapsed = 60_000;
    for connection in 1..=2 {
        script.step(Event::Disconnect { connection: ConnectionId(connection) });
    }
    script.step(Event::Tick);
    script.sync();
    assert!(script.node.tree().find("/c").is_none());
    script.check(expect![[r#"
        append 0x6
        append 0x7
        append 0x8
    "#]]);
}

/// A server that starts again has what it had: nodes, sessions, and those sessions' nodes.
#[test]
fn starting_again() {
    use crate::recover::Recovery;
    use zk_wire::txn::TxnEntry;

    let mut script = Script::new();
    let mut log = Vec::new();
    let node = &mut script.node;
    let requests = [create("/a", P), create("/e", CreateMode::Ephemeral), Request::CloseSession];
    for (connection, request) in [(1, 0), (1, 1), (2, 0), (2, 2), (2, 1)] {
        let mut out = Vec::new();
        let request = requests[request].clone();
        let header = RequestHeader { xid: 1, op: request.op().code() };
        let connection = ConnectionId(connection);
        let request = Incoming::Known(request);
        node.step(script.now, Event::Request { connection, header, request }, &mut out);
        for output in out {
            if let Output::Append { entry, .. } = output {
                log.push(TxnEntry::from_bytes(&entry).unwrap());
            }
        }
    }
    let zxid = log.last().unwrap().header.zxid;
    node.step(script.now, Event::Synced { zxid }, &mut Vec::new());

    let mut tree = Tree::new(TreeOptions::default());
    tree.set_last_zxid(Zxid(2));
    let (one, two) = (SessionId(FIRST), SessionId(FIRST + 1));
    let mut recovery = Recovery::new(tree, [(one, 10_000), (two, 10_000)]);
    for entry in &log {
        recovery.apply(entry).unwrap();
    }
    let (tree, sessions) = recovery.finish();
    assert_eq!(tree.digest(), node.tree().digest());
    assert_eq!(sessions.into_iter().collect::<Vec<_>>(), [(one, 10_000)]);
    assert_eq!(tree.ephemerals(one), ["/e"]);

    let mut tree = Tree::new(TreeOptions::default());
    tree.set_last_zxid(Zxid(2));
    let mut recovery = Recovery::new(tree, []);
    for entry in &log {
        recovery.apply(entry).unwrap();
    }
    assert_eq!(recovery.finish().0.ephemeral_count(), 0);
}

/// Requests of several connections, and a disk that is late by chance: answers come in order, none
/// to a write that is not durable, and nobody sees what is not.
#[test]
fn order_holds_by_seed() {
    for seed in 0..30u64 {
        let mut state = seed;
        let mut below = move |bound: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % bound
        };
        let mut script = Script::new();
        let mut synced = script.written;
        let mut written = synced;
        let mut asked = [0i32; 3];
        let mut answered = [0i32; 3];
        for _ in 0..300 {
            let event = match below(4) {
                0 => {
                    let more = below((written.0 - synced.0) as u64 + 1) as i64;
                    synced = Zxid(synced.0 + more);
                    Event::Synced { zxid: synced }
                }
                _ => {
                    let connection = 1 + below(2);
                    let path = format!("/{}", below(4));
                    let request = match below(5) {
                        0 => create(&path, P),
                        1 => delete(&path),
                        2 => set_data(&path),
                        3 => Request::Exists(read(&path, true)),
                        _ => Request::GetChildren(read("/", true)),
                    };
                    asked[connection as usize] += 1;
                    let xid = asked[connection as usize];
                    let header = RequestHeader { xid, op: request.op().code() };
                    let (connection, request) =
                        (ConnectionId(connection), Incoming::Known(request));
                    Event::Request { connection, header, request }
                }
            };
            let mut out = Vec::new();
            script.node.step(script.now, event, &mut out);
            for output in out {
                match output {
                    Output::Append { zxid, .. } => {
                        assert_eq!(zxid.0, written.0 + 1);
                        written = zxid;
                    }
                    Output::Reply { connection, header, .. } => {
                        let last = &mut answered[connection.0 as usize];
                        assert_eq!(header.xid, *last + 1, "seed {seed}");
                        assert!(header.zxid <= synced, "seed {seed}");
                        *last = header.xid;
                    }
                    Output::Notify { zxid, .. } => assert!(zxid <= synced),
                    other => panic!("seed {seed}: {other:?}"),
                }
            }
        }
        script.step(Event::Synced { zxid: written });
        assert_eq!(script.node.pending(), 0);
        assert_eq!(script.node.tree().last_zxid(), written);
    }
}

#[test]
fn the_audit_log_hears_of_each_write() {
    let mut script = Script::new();
    script.node.options.audit = true;
    script.write(1, create("/a", P));
    script.write(1, create("/a/s-", CreateMode::EphemeralSequential));
    script.write(2, delete("/none"));
    let multi = |ops| Request::Multi(zk_wire::multi::MultiRequest { ops });
    let setting = |path: &str| {
        let Request::SetData(of) = set_data(path) else { unreachable!() };
        zk_wire::multi::MultiOp::SetData(of)
    };
    script.write(2, multi(vec![setting("/a")]));
    script.write(2, multi(vec![setting("/a"), setting("/none")]));
    script.write(1, Request::CloseSession);
    let told = script.seen.lines().filter_map(|line| line.strip_prefix("AuditEvent "));
    let shown = |line: &str| {
        let parts: Vec<&str> = line.split(", ").collect();
        let wanted = ["operation", "success", "users", "path", "flags"];
        let part = |name: &&str| parts.iter().find(|part| part.contains(name)).copied();
        wanted.iter().filter_map(part).collect::<Vec<_>>().join(" ") + "\n"
    };
    let told: String = told.map(shown).collect();
    expect![[r#"
        { operation: Create success: true users: ["127.0.0.1"] path: Some("/a") flags: Some(0)
        { operation: Create success: true users: ["127.0.0.1"] path: Some("/a/s-0000000000") flags: Some(3)
        { operation: Delete success: false users: ["127.0.0.1"] path: Some("/none") flags: None
        { operation: SetData success: true users: ["127.0.0.1"] path: Some("/a") flags: None
        { operation: Multi success: false users: ["127.0.0.1"] path: None flags: None
        { operation: EphemeralDeletion success: true users: [] path: Some("/a/s-0000000000") flags: None
    "#]].assert_eq(&told);
}
