//! Apache's server starts on what `keeper` has left, and the reverse: tree, zxid, digest, sessions.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use keeper_core::apply::DigestCheck;
use keeper_core::recover::Recovery;
use keeper_core::tree::{Tree, TreeBuilder, TreeOptions, ZxidDigest};
use keeper_disk::disk::{Disk, RealDisk};
use keeper_disk::layout::Layout;
use keeper_disk::log::Replay;
use keeper_disk::snapshot::{self, SnapshotReader};
use keeper_disk::{FileName, Zxid};
use zk_wire::Jute;
use zk_wire::acl::{Acl, Id, perms};
use zk_wire::create_mode::CreateMode;
use zk_wire::error_code::ErrorCode;
use zk_wire::multi::MultiOp;
use zk_wire::reply::Reply;
use zk_wire::request::{CreateRequest, PathRequest, ReadRequest, Request, SetAclRequest};
use zk_wire::txn::TxnEntry;

use crate::apache::Apache;
use crate::client::{Client, create_request, delete, multi, opening, set_request};
use crate::server::Settings;

/// Timeout of sessions that must not expire meanwhile, in milliseconds.
const LONG: i32 = 600_000;
const LONG_LINE: &str = "maxSessionTimeout=600000";

/// What a server's files hold.
pub struct State {
    pub tree: Tree,
    pub sessions: usize,
}

impl State {
    /// Reads a folder as a server does at its start. Every digest in the log must be right.
    pub fn read(data_dir: &Path) -> State {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let layout = Layout::new(data_dir, None);
        let newest = snapshot::newest_valid(&*disk, &layout.snap_dir, Zxid(i64::MAX)).unwrap();
        let FileName { name, zxid, .. } = newest.unwrap();
        let mut reader = SnapshotReader::open(&*disk, &layout.snap_dir.join(name)).unwrap();
        let lists = reader.acls().iter().map(|(number, list)| (*number, &list[..]));
        let mut builder = TreeBuilder::new(TreeOptions::default(), lists);
        let sessions = reader.sessions().to_vec();
        while reader.advance().unwrap() {
            let (path, data) = (reader.path(), reader.data());
            builder.node(path, data, reader.acl(), reader.stat()).unwrap();
        }
        let digest = reader.finish().unwrap().digest.map(|digest| ZxidDigest {
            zxid: digest.zxid,
            version: digest.version,
            digest: digest.digest,
        });
        let mut recovery = Recovery::new(builder.finish(zxid, digest).unwrap(), sessions);
        let mut replay = Replay::open(disk, &layout.log_dir, zxid).unwrap();
        while replay.advance().unwrap() {
            let entry = TxnEntry::from_bytes(&Bytes::copy_from_slice(replay.txn())).unwrap();
            let check = recovery.apply(&entry).unwrap();
            assert!(!matches!(check, DigestCheck::Differs { .. }), "{entry:?}: {check:?}");
        }
        let (tree, sessions) = recovery.finish();
        State { tree, sessions: sessions.len() }
    }

    /// In the words of `ApacheFiles`, whose count has the root twice.
    fn line(&self) -> String {
        format!(
            "zxid={} nodes={} digest={} sessions={}",
            self.tree.last_zxid().0,
            self.tree.node_count() + 1,
            self.tree.digest(),
            self.sessions
        )
    }
}

/// Every node that a client finds, with all that it is told of it.
pub fn dump(client: &mut Client) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = vec!["/".to_owned()];
    while let Some(path) = open.pop() {
        let (data, stat) = match client.get(&path) {
            Ok(found) => found,
            Err(error) => {
                lines.push(format!("{path}: {error:?}"));
                continue;
            }
        };
        let request = Request::GetAcl(PathRequest { path: Some(path.as_str().into()) });
        let acl = match client.try_ask(&request) {
            Ok(Reply::Acl(response)) => response.acl,
            other => panic!("{other:?}"),
        };
        lines.push(format!("{path}: {data:?} {stat:?} {acl:?}"));
        let below = client.children(&path).unwrap();
        let slash = if path == "/" { "" } else { "/" };
        open.extend(below.into_iter().rev().map(|name| format!("{path}{slash}{name}")));
    }
    lines
}

/// Something of everything. Leaves a session with ephemeral nodes open, and answers with its client.
fn populate(client: &mut Client, round: &str) {
    assert_eq!(client.auth("digest", "user:password").unwrap(), ErrorCode::Ok);
    let root = format!("/{round}");
    client.create(&root, b"", CreateMode::Persistent).unwrap();
    for mode in [CreateMode::PersistentSequential, CreateMode::EphemeralSequential] {
        for _ in 0..3 {
            client.create(&format!("{root}/s-"), b"data", mode).unwrap();
        }
    }
    client.create(&format!("{root}/ephemeral"), b"e", CreateMode::Ephemeral).unwrap();
    let container = create_request(&format!("{root}/container"), b"", CreateMode::Container);
    client.try_ask(&Request::CreateContainer(container)).unwrap();
    client.create(&format!("{root}/container/child"), b"", CreateMode::Persistent).unwrap();
    let secret = CreateRequest {
        acl: Some(vec![Acl::creator_all(), Acl::read_only()]),
        ..create_request(&format!("{root}/ours"), b"\0\x01\xff", CreateMode::Persistent)
    };
    client.try_ask(&Request::Create2(secret)).unwrap();
    let nobody = CreateRequest {
        data: None,
        ..create_request(&format!("{root}/no-data"), b"", CreateMode::Persistent)
    };
    client.try_ask(&Request::Create(nobody)).unwrap();
    client.create(&format!("{root}/ümlaut \u{4e2d}"), b"", CreateMode::Persistent).unwrap();
    let large = vec![b'L'; 300_000];
    client.create(&format!("{root}/large"), &large, CreateMode::Persistent).unwrap();
    for version in 0..5 {
        client.set(&root, format!("v{version}").as_bytes(), version).unwrap();
    }
    let acl = Some(vec![
        Acl { perms: perms::ALL, id: Id::anyone() },
        Acl { perms: perms::READ, id: Id::new("ip", "127.0.0.1/8") },
    ]);
    let acl = SetAclRequest { path: Some(root.as_str().into()), acl, version: -1 };
    client.try_ask(&Request::SetAcl(acl)).unwrap();
    fail(client, &root);
    // Quotas are counted by each server itself.
    let quota = format!("/zookeeper/quota/{round}");
    client.create(&quota, b"", CreateMode::Persistent).unwrap();
    let limits = b"count=100,bytes=1000000";
    client.create(&format!("{quota}/zookeeper_limits"), limits, CreateMode::Persistent).unwrap();
}

/// Multis that succeed, and much that fails: failures are transactions, too.
fn fail(client: &mut Client, root: &str) {
    let child =
        |name: &str| create_request(&format!("{root}/{name}"), b"m", CreateMode::Persistent);
    let good = vec![
        MultiOp::Create(child("m1")),
        MultiOp::SetData(set_request(&format!("{root}/m1"), b"changed", 0)),
        MultiOp::Create2(child("m2")),
        MultiOp::Delete(match delete(&format!("{root}/m2"), 0) {
            Request::Delete(delete) => delete,
            _ => return,
        }),
    ];
    client.try_ask(&multi(good)).unwrap();
    let bad = vec![MultiOp::Create(child("m3")), MultiOp::Create(child("m1"))];
    client.try_ask(&multi(bad)).unwrap();
    client.create(root, b"", CreateMode::Persistent).unwrap_err();
    client.delete(&format!("{root}/absent"), -1).unwrap_err();
    client.set(root, b"", 77).unwrap_err();
    client.delete("/", -1).unwrap_err();
    let missing = format!("{root}/no/parent");
    client.create(&missing, b"", CreateMode::Persistent).unwrap_err();
    let read = ReadRequest { path: Some(missing.as_str().into()), watch: true };
    client.try_ask(&Request::GetData(read)).unwrap_err();
}

/// What an open session leaves, seen by another, which is closed again.
fn look(settings: &Settings, round: &str, stay: &mut Vec<Client>) -> Vec<String> {
    let server = settings.start();
    let mut client = Client::open(server.address, &opening(LONG)).unwrap();
    populate(&mut client, round);
    let mut other = Client::connect(server.address).unwrap();
    let seen = dump(&mut other);
    other.close().unwrap();
    // Its session goes on, on whichever server runs.
    stay.push(client);
    let (_, status) = server.stop();
    let code = status.code();
    assert!(code == Some(0) || code == Some(143) && settings.apache.is_some(), "{status}");
    seen
}

/// Numbers that each server counts by itself, apart from transactions.
fn without_quota(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().filter(|line| !line.contains("zookeeper_stats")).collect()
}

/// What a server finds in the files that the other one has left.
fn find(settings: &Settings, seen: &[String]) {
    let server = settings.start();
    let mut client = Client::connect(server.address).unwrap();
    let found = without_quota(dump(&mut client));
    assert_eq!(found, without_quota(seen.to_vec()));
    client.close().unwrap();
    server.stop();
}

#[test]
fn files_go_both_ways() {
    let Some(apache) = Apache::find() else { return };
    for compression in ["none", "gz"] {
        let folder = tempfile::tempdir().unwrap();
        let ours = Settings::new(folder.path()).line("preAllocSize=256").line(LONG_LINE);
        let ours = ours.line("snapCount=40");
        let ours = match compression {
            "none" => ours,
            method => ours.line(format!("snapshot.compression.method={method}")),
        };
        let theirs = ours.clone().apache(&apache);
        // Folders are named by their compression for `ApacheFiles`.
        let shown = tempfile::tempdir().unwrap();
        let link = shown.path().join(compression);
        std::os::unix::fs::symlink(ours.data_dir(), link).unwrap();
        let check = || {
            let found = apache.read(shown.path());
            let line = State::read(&ours.data_dir()).line();
            assert_eq!(found, format!("{compression} {line}\n"));
        };
        let mut stay = Vec::new();
        let seen = look(&ours, "ours", &mut stay);
        check();
        find(&theirs, &seen);
        check();
        let seen = look(&theirs, "theirs", &mut stay);
        check();
        find(&ours, &seen);
        let seen = look(&ours, "again", &mut stay);
        check();
        find(&theirs, &seen);
        check();
    }
}

/// A server that was killed leaves files that the other one can start from.
#[test]
fn files_of_a_killed_server_go_both_ways() {
    let Some(apache) = Apache::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let ours = Settings::new(folder.path()).line("preAllocSize=256").line(LONG_LINE);
    let ours = ours.line("snapCount=10");
    let theirs = ours.clone().apache(&apache);
    let mut stay = Vec::new();
    for (round, settings) in [&ours, &theirs, &ours, &theirs].into_iter().enumerate() {
        let server = settings.start();
        let mut client = Client::open(server.address, &opening(LONG)).unwrap();
        populate(&mut client, &format!("r{round}"));
        stay.push(client);
        // One that has not proved who it is, as the one that looks later.
        let mut other = Client::connect(server.address).unwrap();
        let seen = without_quota(dump(&mut other));
        server.kill();
        let next = if round % 2 == 0 { &theirs } else { &ours };
        let server = next.start();
        let mut client = Client::connect(server.address).unwrap();
        assert_eq!(without_quota(dump(&mut client)), seen, "round {round}");
        client.close().unwrap();
        server.stop();
    }
}
