//! Nodes in memory: 80 bytes each, name and data in one piece beside it, and a further piece for
//! what few nodes have (children, an owner, an ACL that was changed).
//!
//! A node's place does not change while it lives, and is used again when it is gone. A path is
//! nowhere stored: it is the names on the way from the root. Used by the tree alone.

use zk_wire::Zxid;
use zk_wire::stat::StatPersisted;

use crate::acl_cache::AclSlot;

/// A node's place.
pub(crate) type Slot = u32;
/// The root's place.
pub(crate) const ROOT: Slot = 0;

/// Nodes that are allocated at once; a power of two.
const CHUNK: usize = 1 << 10;
/// The parent of a place that is free.
const FREE: Slot = Slot::MAX;
/// Bit of [`Node::name_len`]: there are data, if only empty ones.
const HAS_DATA: u32 = 1 << 31;

pub(crate) struct Node {
    czxid: i64,
    mzxid: i64,
    ctime: i64,
    mtime: i64,
    /// The name, then the data.
    bytes: Box<[u8]>,
    rare: Option<Box<Rare>>,
    version: i32,
    /// The digest as the tree's sum has it.
    pub(crate) digest: u32,
    pub(crate) parent: Slot,
    /// Where in the parent's list of children it is.
    position: u32,
    pub(crate) acl: AclSlot,
    name_len: u32,
}

/// What a node without children and owner does not need.
struct Rare {
    pzxid: i64,
    cversion: i32,
    aversion: i32,
    owner: i64,
    children: Vec<Slot>,
}

impl Node {
    pub(crate) fn new(
        name: &str,
        data: Option<&[u8]>,
        acl: AclSlot,
        stat: &StatPersisted,
        parent: Slot,
    ) -> Self {
        let mut node = Self {
            czxid: 0,
            mzxid: 0,
            ctime: 0,
            mtime: 0,
            bytes: joined(name.as_bytes(), data),
            rare: None,
            version: 0,
            digest: 0,
            parent,
            position: 0,
            acl,
            // Names are shorter than the frames they come in.
            name_len: name.len() as u32 | if data.is_some() { HAS_DATA } else { 0 },
        };
        node.set_stat(stat);
        node
    }

    fn name_len(&self) -> usize {
        (self.name_len & !HAS_DATA) as usize
    }

    pub(crate) fn name_bytes(&self) -> &[u8] {
        &self.bytes[..self.name_len()]
    }

    /// The last part of the path; the root's is empty.
    pub(crate) fn name(&self) -> &str {
        // What was put in was a text.
        std::str::from_utf8(self.name_bytes()).unwrap_or_default()
    }

    pub(crate) fn data(&self) -> Option<&[u8]> {
        (self.name_len & HAS_DATA != 0).then(|| &self.bytes[self.name_len()..])
    }

    pub(crate) fn data_len(&self) -> usize {
        self.bytes.len() - self.name_len()
    }

    pub(crate) fn set_data(&mut self, data: Option<&[u8]>) {
        let name_len = self.name_len();
        match data {
            Some(data) if data.len() == self.data_len() => {
                self.bytes[name_len..].copy_from_slice(data);
            }
            _ => self.bytes = joined(&self.bytes[..name_len], data),
        }
        self.name_len = name_len as u32 | if data.is_some() { HAS_DATA } else { 0 };
    }

    pub(crate) fn stat(&self) -> StatPersisted {
        let rare = self.rare.as_deref();
        StatPersisted {
            czxid: Zxid(self.czxid),
            mzxid: Zxid(self.mzxid),
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            cversion: rare.map_or(0, |rare| rare.cversion),
            aversion: rare.map_or(0, |rare| rare.aversion),
            ephemeral_owner: rare.map_or(0, |rare| rare.owner),
            pzxid: Zxid(rare.map_or(self.czxid, |rare| rare.pzxid)),
        }
    }

    pub(crate) fn set_stat(&mut self, stat: &StatPersisted) {
        self.czxid = stat.czxid.0;
        self.mzxid = stat.mzxid.0;
        self.ctime = stat.ctime;
        self.mtime = stat.mtime;
        self.version = stat.version;
        let ordinary = stat.cversion == 0
            && stat.aversion == 0
            && stat.ephemeral_owner == 0
            && stat.pzxid == stat.czxid;
        if ordinary && self.rare.is_none() {
            return;
        }
        let rare = self.rare();
        rare.pzxid = stat.pzxid.0;
        rare.cversion = stat.cversion;
        rare.aversion = stat.aversion;
        rare.owner = stat.ephemeral_owner;
    }

    pub(crate) fn czxid(&self) -> i64 {
        self.czxid
    }

    pub(crate) fn pzxid(&self) -> i64 {
        self.rare.as_deref().map_or(self.czxid, |rare| rare.pzxid)
    }

    pub(crate) fn owner(&self) -> i64 {
        self.rare.as_deref().map_or(0, |rare| rare.owner)
    }

    pub(crate) fn cversion(&self) -> i32 {
        self.rare.as_deref().map_or(0, |rare| rare.cversion)
    }

    pub(crate) fn set_pzxid(&mut self, pzxid: i64) {
        self.rare().pzxid = pzxid;
    }

    pub(crate) fn set_cversion(&mut self, cversion: i32) {
        self.rare().cversion = cversion;
    }

    pub(crate) fn set_aversion(&mut self, aversion: i32) {
        self.rare().aversion = aversion;
    }

    pub(crate) fn set_data_changed(&mut self, mzxid: i64, mtime: i64, version: i32) {
        self.mzxid = mzxid;
        self.mtime = mtime;
        self.version = version;
    }

    /// Places of its children, in no order.
    pub(crate) fn children(&self) -> &[Slot] {
        self.rare.as_deref().map_or(&[], |rare| &rare.children)
    }

    fn rare(&mut self) -> &mut Rare {
        let pzxid = self.czxid;
        self.rare.get_or_insert_with(|| {
            Box::new(Rare { pzxid, cversion: 0, aversion: 0, owner: 0, children: Vec::new() })
        })
    }
}

fn joined(name: &[u8], data: Option<&[u8]>) -> Box<[u8]> {
    let data = data.unwrap_or_default();
    let mut bytes = Vec::with_capacity(name.len() + data.len());
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(data);
    bytes.into_boxed_slice()
}

/// All nodes by place.
#[derive(Default)]
pub(crate) struct Slab {
    chunks: Vec<Vec<Node>>,
    free: Vec<Slot>,
    len: usize,
}

impl Slab {
    /// Nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The node at a place that is not free.
    pub(crate) fn get(&self, slot: Slot) -> &Node {
        &self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    /// The node at a place, unless the place is free.
    pub(crate) fn living(&self, slot: Slot) -> Option<&Node> {
        let node = self.chunks.get(slot as usize / CHUNK)?.get(slot as usize % CHUNK)?;
        (node.parent != FREE).then_some(node)
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> &mut Node {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    /// Puts a node somewhere, but not among its parent's children.
    pub(crate) fn insert(&mut self, node: Node) -> Slot {
        self.len += 1;
        if let Some(slot) = self.free.pop() {
            *self.get_mut(slot) = node;
            return slot;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let last = self.chunks.len() - 1;
        self.chunks[last].push(node);
        (before + self.chunks[last].len() - 1) as Slot
    }

    /// Frees a place; the node must be out of its parent's list.
    pub(crate) fn remove(&mut self, slot: Slot) {
        self.len -= 1;
        let node = self.get_mut(slot);
        node.bytes = Box::default();
        node.rare = None;
        node.parent = FREE;
        self.free.push(slot);
    }

    pub(crate) fn link(&mut self, parent: Slot, child: Slot) {
        let children = &mut self.get_mut(parent).rare().children;
        let position = children.len() as u32;
        children.push(child);
        self.get_mut(child).position = position;
    }

    pub(crate) fn unlink(&mut self, child: Slot) {
        let (parent, position) = {
            let node = self.get(child);
            (node.parent, node.position as usize)
        };
        let Some(rare) = self.get_mut(parent).rare.as_deref_mut() else { return };
        rare.children.swap_remove(position);
        if rare.children.len() < rare.children.capacity() / 4 {
            rare.children.shrink_to(rare.children.len() * 2);
        }
        if let Some(moved) = rare.children.get(position).copied() {
            self.get_mut(moved).position = position as u32;
        }
    }
}
