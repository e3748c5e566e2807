use bytes::Bytes;
use expect_test::expect;
use zk_wire::acl::Acl;
use zk_wire::stat::StatPersisted;
use zk_wire::txn::{FileHeader, TxnEntry};
use zk_wire::{Jute, Reader, SessionId, Text, Zxid};

use super::*;
use crate::apply::DigestCheck;

/// A file of Apache's own test data.
fn fixture(name: &str) -> Bytes {
    let folder = "../../testdata/zookeeper/data/invalidsnap/version-2";
    let path = format!("{}/{folder}/{name}.gz", env!("CARGO_MANIFEST_DIR"));
    let mut bytes = Vec::new();
    let mut file = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
    std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
    bytes.into()
}

/// A snapshot's tree, and how many sessions it has.
pub(crate) fn snapshot(bytes: &Bytes, zxid: i64) -> (Tree, usize) {
    let mut input = Reader::new(bytes);
    FileHeader::decode(&mut input).unwrap();
    let sessions = i32::decode(&mut input).unwrap();
    for _ in 0..sessions {
        SessionId::decode(&mut input).unwrap();
        i32::decode(&mut input).unwrap();
    }
    let mut acls = Vec::new();
    for _ in 0..i32::decode(&mut input).unwrap() {
        let number = i64::decode(&mut input).unwrap();
        acls.push((number, Option::<Vec<Acl>>::decode(&mut input).unwrap().unwrap()));
    }
    let lists = acls.iter().map(|(number, list)| (*number, list.as_slice()));
    let mut builder = TreeBuilder::new(TreeOptions::default(), lists);
    loop {
        let path = Text::decode(&mut input).unwrap();
        if path == "/" {
            break;
        }
        let data = Option::<Bytes>::decode(&mut input).unwrap();
        let acl = i64::decode(&mut input).unwrap();
        let stat = StatPersisted::decode(&mut input).unwrap();
        builder.node(&path, data.as_deref(), acl, &stat).unwrap();
    }
    (builder.finish(Zxid(zxid), None).unwrap(), sessions as usize)
}

fn entries(bytes: &Bytes) -> Vec<TxnEntry> {
    let mut input = Reader::new(bytes);
    FileHeader::decode(&mut input).unwrap();
    let mut entries = Vec::new();
    while input.left() > 12 {
        i64::decode(&mut input).unwrap();
        let Some(entry) = Option::<Bytes>::decode(&mut input).unwrap() else { break };
        if entry.is_empty() {
            break;
        }
        bool::decode(&mut input).unwrap();
        entries.push(TxnEntry::from_bytes(&entry).unwrap());
    }
    entries
}

/// Every node with all that is stored, but for numbers of ACL lists.
pub(crate) fn dump(tree: &Tree) -> Vec<String> {
    let mut nodes = Vec::new();
    tree.walk().advance(tree, usize::MAX, |path, data, _, stat| {
        let acl = tree.find(path).unwrap().acl();
        nodes.push(format!("{path:?} {data:?} {acl:?} {stat:?}"));
    });
    nodes.sort();
    nodes
}

/// The tree as a snapshot, taken in pieces with something done between, would give it back.
pub(crate) fn through_snapshot(
    tree: &mut Tree,
    mut between: impl FnMut(&mut Tree) -> bool,
) -> Tree {
    let zxid = tree.last_zxid();
    let acls = tree.acls();
    let mut nodes = Vec::new();
    let mut walk = tree.walk();
    let mut take = |path: &str, data: Option<&[u8]>, acl: i64, stat: &StatPersisted| {
        nodes.push((path.to_owned(), data.map(<[u8]>::to_vec), acl, *stat));
    };
    while !walk.advance(tree, 100, &mut take) {
        between(tree);
    }
    let lists = acls.iter().map(|(number, list)| (*number, &**list));
    let mut builder = TreeBuilder::new(*tree.options(), lists);
    for (path, data, acl, stat) in nodes {
        builder.node(&path, data.as_deref(), acl, &stat).unwrap();
    }
    builder.finish(zxid, tree.last_digest()).unwrap()
}

#[test]
fn a_fresh_tree_has_apaches_digest() {
    let tree = Tree::new(TreeOptions::default());
    assert_eq!(tree.digest(), 1371985504);
    assert_eq!(tree.digest_from_scratch(), 1371985504);
    assert_eq!(tree.node_count(), 4);
    let config = tree.find(CONFIG).unwrap();
    assert_eq!(&**config.acl(), &[Acl::read_only()]);
    assert_eq!(config.persisted().aversion, -1);
    let none = Tree::new(TreeOptions { digest: false, ..TreeOptions::default() });
    assert_eq!(none.digest(), 0);
}

#[test]
fn apaches_snapshots_have_their_digests() {
    let mut seen = String::new();
    for (name, zxid) in [("0", 0), ("272", 0x272), ("273", 0x273), ("639", 0x639)] {
        let (tree, sessions) = snapshot(&fixture(&format!("snapshot.{name}")), zxid);
        let (nodes, digest) = (tree.node_count(), tree.digest());
        seen += &format!("{name}: {sessions} sessions, {nodes} nodes, digest {digest}\n");
        assert_eq!(tree.digest_from_scratch(), tree.digest());
    }
    expect![[r#"
        0: 0 sessions, 4 nodes, digest 1371985504
        272: 1 sessions, 629 nodes, digest 1370709949661
        273: 1 sessions, 630 nodes, digest 1374008285807
        639: 1 sessions, 1596 nodes, digest 3439518639896
    "#]]
    .assert_eq(&seen);
}

#[test]
fn apaches_log_gives_apaches_snapshots() {
    let (mut tree, _) = snapshot(&fixture("snapshot.0"), 0);
    let log = [entries(&fixture("log.1")), entries(&fixture("log.274"))].concat();
    assert_eq!(log.len(), 627 + 967);
    for entry in &log {
        let (applied, check) = tree.apply_entry(entry, &mut ()).unwrap();
        assert_eq!((applied.err, check), (0, DigestCheck::NotCompared));
        let zxid = entry.header.zxid.0;
        if [0x272, 0x639].contains(&zxid) {
            let (expected, _) = snapshot(&fixture(&format!("snapshot.{zxid:x}")), zxid);
            assert_eq!(tree.digest(), expected.digest());
            assert_eq!(dump(&tree), dump(&expected));
        }
    }
    assert_eq!(tree.last_zxid(), Zxid(0x63a));
}

#[test]
fn odd_paths_name_nothing() {
    let tree = Tree::new(TreeOptions::default());
    for path in ["a", "//", "/zookeeper/", "/zookeeper//quota", "zookeeper", "/zookeeper\0"] {
        assert!(tree.find(path).is_none(), "{path:?}");
    }
    assert!(tree.find("").is_some() && tree.find("/").is_some());
}

#[test]
fn damaged_snapshots_are_refused() {
    let stat = StatPersisted::default();
    let mut builder = TreeBuilder::new(TreeOptions::default(), []);
    assert_eq!(builder.node("/a", None, -1, &stat), Err(LoadError::NoRoot("/a".to_owned())));
    builder.node("", None, -1, &stat).unwrap();
    assert_eq!(builder.node("/a/b", None, -1, &stat), Err(LoadError::NoParent("/a/b".to_owned())));
    builder.node("/a", None, 77, &stat).unwrap();
    for twice in ["/a", "", "b", "/"] {
        assert_eq!(builder.node(twice, None, -1, &stat), Err(LoadError::Twice(twice.to_owned())));
    }
    let tree = builder.finish(Zxid(5), None).unwrap();
    // The list that is missing allows nothing until the log has it.
    assert_eq!(tree.find("/a").unwrap().acl()[0].perms, 0);
}

/// A node that is made anew in the place of another, while a walk is among its siblings, is not
/// handed out under a name that was already.
#[test]
fn a_walk_hands_out_no_path_twice() {
    use zk_wire::op_code::OpCode;
    use zk_wire::txn::{CreateTxn, DeleteTxn, Txn, TxnHeader};

    let mut tree = Tree::new(TreeOptions::default());
    let mut zxid = 0;
    let mut apply = |tree: &mut Tree, path: &str, create: bool| {
        zxid += 1;
        let (client_id, cxid, op) = (SessionId(1), 1, OpCode::Create.code());
        let header = TxnHeader { client_id, cxid, zxid: Zxid(zxid), time: 1, op };
        let path = Some(path.into());
        let (data, acl, ephemeral, parent_cversion) = (None, None, false, -1);
        let txn = match create {
            true => Txn::Create(CreateTxn { path, data, acl, ephemeral, parent_cversion }),
            false => Txn::Delete(DeleteTxn { path }),
        };
        assert_eq!(tree.apply(&header, &txn, &mut ()).unwrap().err, 0);
    };
    for path in ["/p", "/p/1", "/p/2", "/p/3"] {
        apply(&mut tree, path, true);
    }
    let mut paths = Vec::new();
    let mut walk = tree.walk();
    while !walk.advance(&tree, 0, |path, _, _, _| paths.push(path.to_owned())) {
        if paths.last().is_some_and(|path| path == "/p/1") {
            apply(&mut tree, "/p/1", false);
            apply(&mut tree, "/p/2", false);
            apply(&mut tree, "/p/1", true);
            apply(&mut tree, "/p/4", true);
        }
    }
    assert!(paths.contains(&"/p/1".to_owned()) && !paths.contains(&"/p/4".to_owned()));
    let count = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), count);
}
