//! A conversation of Apache's client with Apache's server: every frame is understood to its last
//! byte, and comes back as it was.

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;
use expect_test::expect;

use super::fixtures::{self, hex, rows, unhex};
use crate::connect::{ConnectRequest, ConnectResponse};
use crate::event::{EventType, KeeperState, WatcherEvent};
use crate::header::{ReplyHeader, RequestHeader, xid};
use crate::op_code::OpCode;
use crate::reply::Reply;
use crate::request::Request;
use crate::{Jute, Reader};

/// What one connection was asked and has not answered.
#[derive(Default)]
struct Connection {
    asked: bool,
    answered: bool,
    requests: Vec<(i32, OpCode)>,
}

/// How often each operation was answered: with a body or none, and with an error.
#[derive(Default)]
struct Counts(BTreeMap<String, [usize; 2]>);

impl Counts {
    fn add(&mut self, what: String, failed: bool) {
        self.0.entry(what).or_default()[usize::from(failed)] += 1;
    }
}

/// Decodes a whole frame, and encodes it again.
fn check_record<T: Jute>(frame: &Bytes) -> T {
    let mut input = Reader::new(frame);
    let record = T::decode(&mut input).unwrap_or_else(|error| panic!("{error}: {}", hex(frame)));
    assert_eq!(input.left(), 0, "{}", hex(frame));
    assert_eq!(record.to_bytes(), frame);
    record
}

impl Connection {
    fn client(&mut self, frame: &Bytes, counts: &mut Counts) {
        if !std::mem::replace(&mut self.asked, true) {
            let connect: ConnectRequest = check_record(frame);
            assert_eq!(connect.read_only, Some(false));
            return counts.add("connect".to_owned(), false);
        }
        let mut input = Reader::new(frame);
        let header = RequestHeader::decode(&mut input).expect("a header");
        let op = OpCode::from_code(header.op).expect("a known operation");
        let body = input.rest();
        let request = Request::decode(op, &mut Reader::new(&body))
            .unwrap_or_else(|error| panic!("{op}: {error}: {}", hex(&body)));
        let mut again = header.to_bytes().to_vec();
        request.encode(&mut again);
        assert_eq!(hex(&again), hex(frame), "{op}");
        self.requests.push((header.xid, op));
    }

    fn server(&mut self, frame: &Bytes, counts: &mut Counts) {
        if !std::mem::replace(&mut self.answered, true) {
            let connected: ConnectResponse = check_record(frame);
            assert_eq!(connected.password.map(|password| password.len()), Some(16));
            return;
        }
        let mut input = Reader::new(frame);
        let header = ReplyHeader::decode(&mut input).expect("a header");
        let body = input.rest();
        if header.xid == xid::NOTIFICATION {
            let event: WatcherEvent = check_record(&body);
            assert_eq!(event.state, KeeperState::SyncConnected.code());
            let kind = EventType::from_code(event.kind).expect("a known event");
            return counts.add(format!("event {kind:?}"), false);
        }
        let place = self.requests.iter().position(|(xid, _)| *xid == header.xid);
        let (_, op) = self.requests.remove(place.expect("an answer to a request"));
        counts.add(op.to_string(), header.err != 0);
        if header.err != 0 {
            return assert!(body.is_empty(), "{op}: a failure has no body");
        }
        let mut input = Reader::new(&body);
        let reply = Reply::decode(op, &mut input)
            .unwrap_or_else(|error| panic!("{op}: {error}: {}", hex(&body)));
        let mut again = Vec::new();
        reply.encode(&mut again);
        assert_eq!(hex(&again), hex(&body), "{op}");
        assert_eq!(input.left(), 0, "{op}");
    }
}

#[test]
fn a_conversation_is_understood() {
    let mut connections: BTreeMap<&str, Connection> = BTreeMap::new();
    let mut counts = Counts::default();
    for row in rows(fixtures::CONVERSATION) {
        let connection = connections.entry(row[0]).or_default();
        match row[1] {
            "client" => connection.client(&unhex(row[2]), &mut counts),
            _ => connection.server(&unhex(row[2]), &mut counts),
        }
    }
    assert!(connections.values().all(|connection| connection.requests.is_empty()));
    let mut table = String::new();
    for (what, [done, failed]) in counts.0 {
        let _ = writeln!(table, "{what}: {done}, {failed} failed");
    }
    expect![[r#"
        addWatch: 2, 0 failed
        auth: 2, 0 failed
        checkWatches: 1, 0 failed
        closeSession: 1, 0 failed
        connect: 2, 0 failed
        create: 5, 3 failed
        create2: 1, 0 failed
        createContainer: 1, 0 failed
        createTTL: 1, 0 failed
        delete: 3, 1 failed
        event NodeChildrenChanged: 1, 0 failed
        event NodeCreated: 1, 0 failed
        event NodeDataChanged: 2, 0 failed
        event NodeDeleted: 2, 0 failed
        exists: 1, 3 failed
        getACL: 1, 0 failed
        getAllChildrenNumber: 1, 0 failed
        getChildren: 3, 0 failed
        getChildren2: 1, 0 failed
        getData: 5, 1 failed
        getEphemerals: 2, 0 failed
        multi: 2, 0 failed
        multiRead: 1, 0 failed
        reconfig: 0, 1 failed
        removeWatches: 0, 1 failed
        setACL: 1, 0 failed
        setData: 3, 1 failed
        setWatches2: 1, 0 failed
        sync: 1, 0 failed
        whoAmI: 1, 0 failed
    "#]]
    .assert_eq(&table);
}
