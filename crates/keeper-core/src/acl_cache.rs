//! ACL lists, each kept once however many nodes have it.
//!
//! Nodes hold a list's place in this table. In snapshots lists have numbers that only the server
//! that wrote them understands: -1 is the list that allows all to anyone, others count from 1 and
//! are not used again. Used by the tree alone.
//!
//! Rules: `ReferenceCountedACLCache`.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use zk_wire::acl::{Acl, Id};

/// A list, shared.
pub type AclList = Arc<[Acl]>;

/// Place of a list.
pub(crate) type AclSlot = u32;
/// Place of the list that allows all to anyone, and stands for "no list" in transactions.
pub(crate) const OPEN: AclSlot = 0;
/// Its number.
const OPEN_NUMBER: i64 = -1;

struct Entry {
    number: i64,
    list: AclList,
    /// Nodes that have it; 0: the place is free, or not used yet by a node of a snapshot.
    uses: u32,
}

/// The table.
pub(crate) struct AclCache {
    entries: Vec<Entry>,
    free: Vec<AclSlot>,
    by_list: HashTable<AclSlot>,
    last_number: i64,
}

fn hash(list: &[Acl]) -> u64 {
    FixedState::with_seed(0x5eed).hash_one(list)
}

impl AclCache {
    pub(crate) fn new() -> Self {
        let open = Entry { number: OPEN_NUMBER, list: Arc::new([Acl::open()]), uses: 1 };
        let (free, by_list) = (Vec::new(), HashTable::new());
        Self { entries: vec![open], free, by_list, last_number: 0 }
    }

    /// The list at a place.
    pub(crate) fn list(&self, slot: AclSlot) -> &AclList {
        &self.entries[slot as usize].list
    }

    /// The number of the list at a place.
    pub(crate) fn number(&self, slot: AclSlot) -> i64 {
        self.entries[slot as usize].number
    }

    /// The place of a list, for one more node. A list that is not there yet is copied.
    pub(crate) fn take(&mut self, list: Option<&[Acl]>) -> AclSlot {
        let Some(list) = list else { return OPEN };
        let hash_of_list = hash(list);
        let entries = &self.entries;
        let same = |slot: &AclSlot| *entries[*slot as usize].list == *list;
        if let Some(slot) = self.by_list.find(hash_of_list, same) {
            self.entries[*slot as usize].uses += 1;
            return *slot;
        }
        let number = self.last_number + 1;
        let list = list.iter().map(detached).collect();
        self.insert(Entry { number, list, uses: 1 }, hash_of_list)
    }

    /// One node less has the list.
    pub(crate) fn give_back(&mut self, slot: AclSlot) {
        if slot == OPEN {
            return;
        }
        let entry = &mut self.entries[slot as usize];
        entry.uses = entry.uses.saturating_sub(1);
        if entry.uses == 0 {
            self.remove(slot);
        }
    }

    /// A list of a snapshot, which no node uses yet.
    pub(crate) fn load(&mut self, number: i64, list: &[Acl]) {
        if number == OPEN_NUMBER {
            return;
        }
        let list: AclList = list.iter().map(detached).collect();
        let hash_of_list = hash(&list);
        self.insert(Entry { number, list, uses: 0 }, hash_of_list);
    }

    /// The place of a number of a snapshot, for one more node. A number that the snapshot does not
    /// explain stands for a list that allows nothing: the log has the real one.
    pub(crate) fn take_number(
        &mut self,
        numbers: &std::collections::BTreeMap<i64, AclSlot>,
        number: i64,
    ) -> AclSlot {
        if number == OPEN_NUMBER {
            return OPEN;
        }
        match numbers.get(&number) {
            Some(slot) => {
                self.entries[*slot as usize].uses += 1;
                *slot
            }
            None => self.take(Some(&[Acl { perms: 0, id: Id::anyone() }])),
        }
    }

    /// Places of the numbers of a snapshot.
    pub(crate) fn numbers(&self) -> std::collections::BTreeMap<i64, AclSlot> {
        let places = self.entries.iter().enumerate().skip(1);
        places.map(|(slot, entry)| (entry.number, slot as AclSlot)).collect()
    }

    /// Removes the lists of a snapshot that no node uses.
    pub(crate) fn purge_unused(&mut self) {
        for slot in 1..self.entries.len() {
            if self.entries[slot].uses == 0 && !self.free.contains(&(slot as AclSlot)) {
                self.remove(slot as AclSlot);
            }
        }
    }

    /// Numbers and lists, for a snapshot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &AclList)> {
        let used = self.entries.iter().skip(1).filter(|entry| entry.uses > 0);
        used.map(|entry| (entry.number, &entry.list))
    }

    fn insert(&mut self, entry: Entry, hash_of_list: u64) -> AclSlot {
        self.last_number = self.last_number.max(entry.number);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot as usize] = entry;
                slot
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as AclSlot
            }
        };
        let entries = &self.entries;
        let rehash = |slot: &AclSlot| hash(&entries[*slot as usize].list);
        self.by_list.insert_unique(hash_of_list, slot, rehash);
        slot
    }

    fn remove(&mut self, slot: AclSlot) {
        let hash_of_list = hash(&self.entries[slot as usize].list);
        if let Ok(found) = self.by_list.find_entry(hash_of_list, |other| *other == slot) {
            found.remove();
        }
        let entry = &mut self.entries[slot as usize];
        entry.list = Arc::new([]);
        entry.uses = 0;
        self.free.push(slot);
    }
}

/// An entry in memory of its own, so that the frame it came in can be freed.
fn detached(acl: &Acl) -> Acl {
    let Id { scheme, id } = &acl.id;
    let id = Id {
        scheme: scheme.as_ref().map(zk_wire::Text::detached),
        id: id.as_ref().map(zk_wire::Text::detached),
    };
    Acl { perms: acl.perms, id }
}
