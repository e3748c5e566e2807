//! How much memory a tree takes, and how long its parts: `cargo run --release -p keeper-core
//! --example memory [nodes] [bytes of data]`. Prints the process's whole resident memory, which is
//! to stay below 250 MB for a million nodes of 100 bytes.

use std::time::Instant;

use bytes::Bytes;
use keeper_core::node::{Event, Incoming, Node, NodeOptions, Now};
use keeper_core::session::{SessionOptions, Sessions};
use keeper_core::tree::{Tree, TreeBuilder, TreeOptions};
use keeper_core::watch::ConnectionId;
use zk_wire::acl::Acl;
use zk_wire::connect::ConnectRequest;
use zk_wire::header::RequestHeader;
use zk_wire::op_code::OpCode;
use zk_wire::request::{CreateRequest, ReadRequest, Request, SetDataRequest};
use zk_wire::txn::{CreateTxn, Txn, TxnHeader};
use zk_wire::{SessionId, Zxid};

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse::<usize>().ok());
    let count = numbers.next().unwrap_or(1_000_000);
    let len = numbers.next().unwrap_or(100);
    let data = Bytes::from(vec![b'x'; len]);
    print("idle", resident_mb());
    let mut tree = Tree::new(TreeOptions::default());
    let started = now();
    create(&mut tree, 1, "/bench", &data);
    let mut worst = 0.0f64;
    for number in 0..count {
        let one = now();
        create(&mut tree, number as i64 + 2, &format!("/bench/node-{number:010}"), &data);
        worst = worst.max(one.elapsed().as_secs_f64());
    }
    print("create each, us", started.elapsed().as_secs_f64() * 1e6 / count as f64);
    print("create at worst, us", worst * 1e6);
    print("MB", resident_mb());
    let started = now();
    let found = (0..count).filter(|number| {
        tree.find(&format!("/bench/node-{number:010}")).is_some_and(|node| node.stat().version == 0)
    });
    assert_eq!(found.count(), count);
    print("find each, us", started.elapsed().as_secs_f64() * 1e6 / count as f64);
    let started = now();
    let mut bytes = 0;
    tree.walk().advance(&tree, usize::MAX, |path, data, _, _| {
        bytes += path.len() + data.map_or(0, <[u8]>::len);
    });
    print("walk, s", started.elapsed().as_secs_f64());
    let started = now();
    let acls = tree.acls();
    let lists = acls.iter().map(|(number, list)| (*number, &**list));
    let mut builder = TreeBuilder::new(TreeOptions::default(), lists);
    tree.walk().advance(&tree, usize::MAX, |path, data, acl, stat| {
        builder.node(path, data, acl, stat).expect("a tree of its own");
    });
    let loaded = builder.finish(tree.last_zxid(), None).expect("a tree of its own");
    assert_eq!((loaded.digest(), loaded.node_count()), (tree.digest(), tree.node_count()));
    print("walk and load, s", started.elapsed().as_secs_f64());
    drop((tree, loaded));
    steps(count, &data);
}

/// A server alone, whose disk answers for 64 writes at once: what the core thread takes for each.
fn steps(count: usize, data: &Bytes) {
    let sessions = Sessions::new(SessionOptions::default(), SessionId(1), Default::default(), 0);
    let clocks = Now::default();
    let tree = Tree::new(TreeOptions::default());
    let mut node = Node::new(NodeOptions::default(), tree, sessions, clocks);
    let connection = ConnectionId(1);
    let (request, ids) = (ConnectRequest::default(), Vec::new());
    let address = [127, 0, 0, 1].into();
    let mut out = Vec::new();
    node.step(clocks, Event::Connect { connection, address, ids, request }, &mut out);
    node.step(clocks, Event::Synced { zxid: Zxid(1) }, &mut out);
    let mut run = |what: &str, request: &dyn Fn(usize) -> Request| {
        let started = now();
        for xid in 0..count {
            let request = request(xid);
            let header = RequestHeader { xid: xid as i32, op: request.op().code() };
            let request = Incoming::Known(request);
            node.step(clocks, Event::Request { connection, header, request }, &mut out);
            if xid % 64 == 63 {
                node.step(clocks, Event::Synced { zxid: Zxid(i64::MAX) }, &mut out);
                out.clear();
            }
        }
        print(what, started.elapsed().as_secs_f64() * 1e6 / count as f64);
    };
    let path = |number: usize| Some(format!("/node-{number:010}").into());
    run("step create, us", &|number| {
        let (data, acl) = (Some(data.clone()), Some(vec![Acl::open()]));
        Request::Create(CreateRequest { path: path(number), data, acl, flags: 0 })
    });
    run("step set, us", &|number| {
        let data = Some(data.clone());
        Request::SetData(SetDataRequest { path: path(number), data, version: -1 })
    });
    run("step get, us", &|number| {
        Request::GetData(ReadRequest { path: path(number), watch: false })
    });
}

#[allow(clippy::disallowed_methods)] // This is no part of the core.
fn now() -> Instant {
    Instant::now()
}

fn create(tree: &mut Tree, zxid: i64, path: &str, data: &Bytes) {
    let header = TxnHeader {
        client_id: SessionId(1),
        cxid: 1,
        zxid: Zxid(zxid),
        time: 1,
        op: OpCode::Create.code(),
    };
    let txn = CreateTxn {
        path: Some(path.into()),
        data: Some(data.clone()),
        acl: Some(vec![Acl::open()]),
        ephemeral: false,
        parent_cversion: -1,
    };
    let applied = tree.apply(&header, &Txn::Create(txn), &mut ()).expect("a possible create");
    assert_eq!(applied.err, 0);
}

/// Resident memory of this process, in MB of 10^6 bytes; 0 where there is no `/proc`.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).unwrap_or("0");
    kib.parse::<f64>().unwrap_or(0.0) * 1024.0 / 1e6
}

fn print(what: &str, value: f64) {
    println!("{what}: {value:.2}");
}
