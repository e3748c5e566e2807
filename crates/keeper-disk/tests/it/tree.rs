//! A tree as plain as can be: what transactions do, for comparing with snapshots.

use std::collections::BTreeMap;
use std::path::Path;

use flate2::Crc;
use keeper_disk::disk::Disk;
use keeper_disk::snapshot::SnapshotReader;
use zk_wire::stat::StatPersisted;
use zk_wire::txn::{Txn, TxnEntry};
use zk_wire::{Jute, Zxid};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub data: Option<Vec<u8>>,
    pub stat: StatPersisted,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    pub nodes: BTreeMap<String, Node>,
}

impl Tree {
    /// The nodes of a snapshot, and its sessions counted.
    pub fn read(disk: &dyn Disk, path: &Path) -> Result<(Tree, usize), keeper_disk::Error> {
        let mut reader = SnapshotReader::open(disk, path)?;
        let mut tree = Tree::default();
        while reader.advance()? {
            let node = Node { data: reader.data().map(<[u8]>::to_vec), stat: *reader.stat() };
            tree.nodes.insert(reader.path().to_owned(), node);
        }
        let sessions = reader.sessions().len();
        reader.finish()?;
        Ok((tree, sessions))
    }

    /// Does a transaction of the fixtures, which create and nothing else.
    pub fn apply(&mut self, txn: &[u8]) {
        let entry = TxnEntry::from_bytes(&txn.to_vec().into()).unwrap();
        let Txn::Create(create) = entry.txn else { return };
        let (zxid, time) = (entry.header.zxid, entry.header.time);
        let path = create.path.unwrap().as_str().to_owned();
        let parent = path.rsplit_once('/').unwrap().0.to_owned();
        let above = &mut self.nodes.get_mut(&parent).unwrap().stat;
        let cversion = match create.parent_cversion {
            -1 => above.cversion + 1,
            given => given,
        };
        if cversion > above.cversion {
            above.cversion = cversion;
            above.pzxid = zxid;
        }
        let owner = if create.ephemeral { entry.header.client_id.0 } else { 0 };
        let stat = StatPersisted {
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: time,
            mtime: time,
            ephemeral_owner: owner,
            ..StatPersisted::default()
        };
        self.nodes.insert(path, Node { data: create.data.map(|data| data.to_vec()), stat });
    }

    /// Apache's digest of the tree.
    pub fn digest(&self) -> i64 {
        let counted = self.nodes.iter().filter(|(path, _)| !path.starts_with("/zookeeper/"));
        counted.fold(0, |sum: i64, (path, node)| sum.wrapping_add(digest(path, node)))
    }
}

fn digest(path: &str, node: &Node) -> i64 {
    let stat = &node.stat;
    let mut crc = Crc::new();
    crc.update(path.as_bytes());
    crc.update(node.data.as_deref().unwrap_or(&[]));
    let zxid = |zxid: Zxid| zxid.0;
    for long in [zxid(stat.czxid), zxid(stat.mzxid), zxid(stat.pzxid), stat.ctime, stat.mtime] {
        crc.update(&long.to_be_bytes());
    }
    for int in [stat.version, stat.cversion, stat.aversion] {
        crc.update(&int.to_be_bytes());
    }
    crc.update(&stat.ephemeral_owner.to_be_bytes());
    i64::from(crc.sum())
}
