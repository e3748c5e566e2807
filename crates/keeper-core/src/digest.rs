//! Digests: one number that two servers with the same tree agree on.
//!
//! A node's digest is a CRC-32 of its path, data and stored stat; the tree's is the sum of its
//! nodes'. Nodes below `/zookeeper` count nothing, as servers write there on their own. ACLs and
//! the names of children are not covered. Used by the tree, and by preparation, which says
//! beforehand what the tree's digest will be.
//!
//! Rules: `DigestCalculator`, `AdHash`.

use zk_wire::stat::StatPersisted;

use crate::crc32::Crc32;

/// How the digest is made; servers compare only digests of the same version.
pub const DIGEST_VERSION: i32 = 2;

/// What begins the paths that count nothing.
const UNCOUNTED: &str = "/zookeeper/";

/// The digest of a node. The root's path is empty or `/`, which is the same here.
pub fn node_digest(path: &str, data: Option<&[u8]>, stat: &StatPersisted) -> u32 {
    if path.starts_with(UNCOUNTED) {
        return 0;
    }
    let mut crc = Crc32::new();
    if path != "/" {
        crc.update(path.as_bytes());
    }
    if let Some(data) = data {
        crc.update(data);
    }
    crc.update(&stat_bytes(stat));
    crc.finish()
}

fn stat_bytes(stat: &StatPersisted) -> [u8; 60] {
    let mut bytes = [0; 60];
    let longs = [stat.czxid.0, stat.mzxid.0, stat.pzxid.0, stat.ctime, stat.mtime];
    let ints = [stat.version, stat.cversion, stat.aversion];
    for (place, long) in bytes[..40].chunks_exact_mut(8).zip(longs) {
        place.copy_from_slice(&long.to_be_bytes());
    }
    for (place, int) in bytes[40..52].chunks_exact_mut(4).zip(ints) {
        place.copy_from_slice(&int.to_be_bytes());
    }
    bytes[52..].copy_from_slice(&stat.ephemeral_owner.to_be_bytes());
    bytes
}
