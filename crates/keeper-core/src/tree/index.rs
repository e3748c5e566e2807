//! Finds a child by its parent and name: one table for the whole tree.
//!
//! The table keeps hashes beside places, so that it grows without looking at the nodes.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::slab::{Slab, Slot};

#[derive(Clone, Copy)]
struct Place {
    hash: u32,
    slot: Slot,
}

/// The table. Its hashes depend on a seed, so that clients cannot choose names that collide.
pub(crate) struct NameIndex {
    table: HashTable<Place>,
    state: FixedState,
}

fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl NameIndex {
    pub(crate) fn new(seed: u64) -> Self {
        Self { table: HashTable::new(), state: FixedState::with_seed(seed) }
    }

    fn hash(&self, parent: Slot, name: &[u8]) -> u32 {
        let mut hasher = self.state.build_hasher();
        hasher.write_u32(parent);
        hasher.write(name);
        (hasher.finish() >> 32) as u32
    }

    pub(crate) fn find(&self, slab: &Slab, parent: Slot, name: &[u8]) -> Option<Slot> {
        let hash = self.hash(parent, name);
        let same = |place: &Place| {
            place.hash == hash && {
                let node = slab.get(place.slot);
                node.parent == parent && node.name_bytes() == name
            }
        };
        self.table.find(spread(hash), same).map(|place| place.slot)
    }

    pub(crate) fn insert(&mut self, parent: Slot, name: &[u8], slot: Slot) {
        let hash = self.hash(parent, name);
        self.table.insert_unique(spread(hash), Place { hash, slot }, |place| spread(place.hash));
    }

    pub(crate) fn remove(&mut self, parent: Slot, name: &[u8], slot: Slot) {
        let hash = self.hash(parent, name);
        if let Ok(found) = self.table.find_entry(spread(hash), |place| place.slot == slot) {
            found.remove();
        }
    }
}
