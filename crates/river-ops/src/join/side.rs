//! One input's rows of a join: rows by join key, each with what identifies it, how many rows of
//! the other side it is joined with, and when it was written (`JoinRecordStateViews`,
//! `OuterJoinRecordStateViews`).
//!
//! Rows of a key form a linked list through their numbers, so an append-only side costs four bytes
//! a row beyond the row itself. What identifies a row is the unique key, where the planner knows
//! one (a new row replaces the old one), else the whole row (which may be there several times);
//! then it is indexed only once the first row is taken back.
//!
//! The join key is the unit of saving: whoever changes rows of a key touches its slot before.

mod table;

use arrow_array::ArrayRef;
use arrow_schema::{DataType, FieldRef};
use river_core::Field;
use river_runtime::state::{KeyIndex, MISSING, RowStore};
use river_runtime::{Batch, Result};

use crate::stored_rows::row_columns;
use crate::ttl::Ttl;

/// No row: the end of a list.
pub const NONE: u32 = u32::MAX;

/// Rows gathered at once when the rows of a side are indexed.
const INDEX_CHUNK: usize = 8192;

/// The place of a row in the list of its key.
#[derive(Clone, Copy)]
struct Link {
    key: u32,
    previous: u32,
}

/// What identifies rows.
struct Identity {
    index: KeyIndex,
    /// Newest row of each identity.
    newest: Vec<u32>,
    /// Identity of each row.
    of_row: Vec<u32>,
    /// Next older row of the same identity.
    older: Vec<u32>,
}

/// What a batch does to a side, row by row.
pub struct Applied {
    /// Number of the stored row; [`NONE`] for rows taken away or never stored.
    pub ids: Vec<u32>,
    /// Whether the row replaced one of the same unique key; empty if no row did.
    pub replaced: Vec<bool>,
    /// Rows to forget once the batch is done.
    dead: Vec<u32>,
    /// Key and identity slots that may be empty now.
    touched_keys: Vec<u32>,
    touched_identities: Vec<u32>,
}

/// One side of a join.
pub struct Side {
    name: &'static str,
    columns: Vec<FieldRef>,
    pub key_columns: Vec<usize>,
    pub keys: KeyIndex,
    pub store: RowStore,
    heads: Vec<u32>,
    tails: Vec<u32>,
    next: Vec<u32>,
    /// Filled when rows can be taken out of the middle of a list.
    links: Vec<Link>,
    linked: bool,
    identity_columns: Vec<usize>,
    unique: bool,
    identity: Option<Identity>,
    /// Joined rows of the other side, for each row, where somebody asks for it.
    pub matches: Option<Vec<i32>>,
    /// When each row was written.
    ttl: Ttl,
}

impl Side {
    /// An empty side of rows with those columns. `unique` identifies a row within its join key.
    pub fn new(
        name: &'static str,
        fields: &[Field],
        key_columns: &[usize],
        unique: Option<&[usize]>,
        count_matches: bool,
        ttl_ms: u64,
    ) -> Result<Side> {
        let columns = row_columns(fields);
        let types: Vec<DataType> = columns.iter().map(|c| c.data_type().clone()).collect();
        let key_types: Vec<_> = key_columns.iter().map(|c| types[*c].clone()).collect();
        let mut identity_columns: Vec<usize> = match unique {
            Some(unique) => key_columns.iter().chain(unique).copied().collect(),
            None => (0..fields.len()).collect(),
        };
        identity_columns.sort_unstable();
        identity_columns.dedup();
        let mut side = Side {
            name,
            columns,
            key_columns: key_columns.to_vec(),
            keys: KeyIndex::new(&key_types)?,
            store: RowStore::new(&types)?,
            heads: Vec::new(),
            tails: Vec::new(),
            next: Vec::new(),
            links: Vec::new(),
            linked: ttl_ms > 0,
            identity_columns,
            unique: unique.is_some(),
            identity: None,
            matches: count_matches.then(Vec::new),
            ttl: Ttl::new(ttl_ms),
        };
        if side.unique {
            side.linked = true;
            side.identify()?;
        }
        Ok(side)
    }

    /// First row of a key slot's list.
    pub fn first(&self, slot: u32) -> u32 {
        self.heads.get(slot as usize).copied().unwrap_or(NONE)
    }

    /// The row after `id` in its list.
    pub fn after(&self, id: u32) -> u32 {
        self.next[id as usize]
    }

    /// Sets the number of joined rows, which counts as a write.
    pub fn set_matches(&mut self, id: u32, count: i32, now_ms: i64) {
        if let Some(matches) = &mut self.matches {
            matches[id as usize] = count;
        }
        self.ttl.touch(id, now_ms);
    }

    /// Whether rows expire.
    pub fn expires(&self) -> bool {
        self.ttl.is_on()
    }

    /// The rows not written for the time to live, each given once: for [`Side::forget`].
    pub fn expired(&mut self, now_ms: i64) -> Vec<u32> {
        self.ttl.expired(now_ms)
    }

    /// Key slots of rows that can be taken out of their lists.
    pub fn key_slots(&self, rows: &[u32]) -> Vec<u32> {
        rows.iter().map(|id| self.links[*id as usize].key).collect()
    }

    /// Forgets rows.
    pub fn forget(&mut self, rows: &[u32]) {
        let mut applied = Applied::new(0);
        for id in rows {
            self.forget_identity(*id, &mut applied);
            self.unlink(*id, &mut applied);
        }
        self.finish(applied);
    }

    /// The slot of each row's join key; new keys are added.
    pub fn slots(&mut self, batch: &Batch) -> Result<Vec<u32>> {
        let mut slots = Vec::new();
        let keys: Vec<ArrayRef> =
            self.key_columns.iter().map(|c| batch.columns[*c].clone()).collect();
        self.keys.lookup_or_insert(&keys, batch.rows, &mut slots)?;
        self.grow_lists();
        Ok(slots)
    }

    /// Adds and takes away the rows of a batch, in order; rows whose key matches nothing, ever,
    /// (`stored` false) are passed over. `slots` are those of [`Side::slots`]. Call
    /// [`Side::finish`] once the batch has been joined.
    pub fn apply(
        &mut self,
        batch: &Batch,
        slots: &[u32],
        stored: Option<&[bool]>,
        now_ms: i64,
    ) -> Result<Applied> {
        let is_stored = |row: usize| stored.is_none_or(|stored| stored[row]);
        let retractions = batch.retractions();
        let mut applied = Applied::new(batch.rows);
        let added: Vec<u32> = (0..batch.rows)
            .filter(|row| is_stored(*row) && !retractions.as_ref().is_some_and(|r| r[*row]))
            .map(|row| row as u32)
            .collect();
        if added.len() < batch.rows {
            applied.touched_keys.extend_from_slice(slots);
            if retractions.is_some() && self.identity.is_none() {
                self.identify()?;
            }
        }
        let mut ids = Vec::new();
        self.store.append(&batch.columns, &added, &mut ids)?;
        self.grow();
        for (row, id) in added.iter().zip(&ids) {
            applied.ids[*row as usize] = *id;
        }
        let identities = self.identities(&batch.columns, batch.rows)?;
        if self.identity.is_none() {
            for (row, id) in added.iter().zip(&ids) {
                self.link(*id, slots[*row as usize]);
                self.ttl.touch(*id, now_ms);
            }
            return Ok(applied);
        }
        for row in (0..batch.rows).filter(|row| is_stored(*row)) {
            match applied.ids[row] {
                NONE => self.take_away(identities[row], &mut applied),
                id => {
                    if self.unique && self.take_away_older(identities[row], &mut applied) {
                        applied.replaced.resize(batch.rows, false);
                        applied.replaced[row] = true;
                    }
                    self.link(id, slots[row]);
                    self.ttl.touch(id, now_ms);
                    self.remember_identity(id, identities[row]);
                }
            }
        }
        applied.touched_identities = identities;
        Ok(applied)
    }

    /// Forgets what the batch took away.
    pub fn finish(&mut self, mut applied: Applied) {
        if !applied.dead.is_empty() {
            self.store.remove(&applied.dead);
        }
        applied.touched_keys.sort_unstable();
        applied.touched_keys.dedup();
        for slot in applied.touched_keys {
            if self.first(slot) == NONE {
                self.keys.remove(slot);
            }
        }
        let Some(identity) = &mut self.identity else { return };
        applied.touched_identities.sort_unstable();
        applied.touched_identities.dedup();
        for slot in applied.touched_identities {
            if identity.newest[slot as usize] == NONE {
                identity.index.remove(slot);
            }
        }
    }

    fn grow_lists(&mut self) {
        if self.heads.len() < self.keys.capacity() {
            self.heads.resize(self.keys.capacity(), NONE);
            self.tails.resize(self.keys.capacity(), NONE);
        }
    }

    fn grow(&mut self) {
        let capacity = self.store.capacity();
        self.next.resize(capacity, NONE);
        if self.linked {
            self.links.resize(capacity, Link { key: NONE, previous: NONE });
        }
        if let Some(matches) = &mut self.matches {
            matches.resize(capacity, 0);
        }
        if let Some(identity) = &mut self.identity {
            identity.of_row.resize(capacity, NONE);
            identity.older.resize(capacity, NONE);
        }
    }

    /// Puts a row at the end of its key's list.
    fn link(&mut self, id: u32, slot: u32) {
        let tail = std::mem::replace(&mut self.tails[slot as usize], id);
        match tail {
            NONE => self.heads[slot as usize] = id,
            tail => self.next[tail as usize] = id,
        }
        self.next[id as usize] = NONE;
        if self.linked {
            self.links[id as usize] = Link { key: slot, previous: tail };
        }
        if let Some(matches) = &mut self.matches {
            matches[id as usize] = 0;
        }
    }

    /// Takes a row out of its key's list. Its own link stays, so that who stands on it gets on.
    fn unlink(&mut self, id: u32, applied: &mut Applied) {
        let Link { key, previous } = self.links[id as usize];
        let next = self.next[id as usize];
        match previous {
            NONE => self.heads[key as usize] = next,
            previous => self.next[previous as usize] = next,
        }
        match next {
            NONE => self.tails[key as usize] = previous,
            next => self.links[next as usize].previous = previous,
        }
        self.ttl.forget(id);
        applied.dead.push(id);
        applied.touched_keys.push(key);
    }

    /// The identity of each of those rows; none if rows are not indexed by it.
    fn identities(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let Some(identity) = &mut self.identity else { return Ok(Vec::new()) };
        let mut slots = Vec::new();
        let columns: Vec<ArrayRef> =
            self.identity_columns.iter().map(|c| columns[*c].clone()).collect();
        identity.index.lookup_or_insert(&columns, rows, &mut slots)?;
        identity.newest.resize(identity.index.capacity(), NONE);
        Ok(slots)
    }

    fn remember_identity(&mut self, id: u32, slot: u32) {
        if let Some(identity) = &mut self.identity {
            identity.of_row[id as usize] = slot;
            let older = std::mem::replace(&mut identity.newest[slot as usize], id);
            identity.older[id as usize] = older;
        }
    }

    fn take_away_older(&mut self, slot: u32, applied: &mut Applied) -> bool {
        let before = applied.dead.len();
        self.take_away(slot, applied);
        applied.dead.len() > before
    }

    /// Takes away the newest row of an identity, if there is one.
    fn take_away(&mut self, slot: u32, applied: &mut Applied) {
        let Some(identity) = &mut self.identity else { return };
        let id = identity.newest[slot as usize];
        if id != NONE {
            identity.newest[slot as usize] = identity.older[id as usize];
            self.unlink(id, applied);
        }
    }

    fn forget_identity(&mut self, id: u32, applied: &mut Applied) {
        let Some(identity) = &mut self.identity else { return };
        let slot = identity.of_row[id as usize];
        let older = identity.older[id as usize];
        let mut at = identity.newest[slot as usize];
        if at == id {
            identity.newest[slot as usize] = older;
        } else {
            while at != NONE && identity.older[at as usize] != id {
                at = identity.older[at as usize];
            }
            if at != NONE {
                identity.older[at as usize] = older;
            }
        }
        applied.touched_identities.push(slot);
    }

    /// Indexes all rows by what identifies them, and lets them be taken out of their lists.
    fn identify(&mut self) -> Result<()> {
        let type_of = |column: &usize| self.columns[*column].data_type().clone();
        let types: Vec<DataType> = self.identity_columns.iter().map(type_of).collect();
        let index = KeyIndex::new(&types)?;
        self.identity =
            Some(Identity { index, newest: Vec::new(), of_row: Vec::new(), older: Vec::new() });
        self.linked = true;
        self.grow();
        let mut rows = Vec::with_capacity(self.store.len());
        for slot in self.keys.slots() {
            let mut previous = NONE;
            let mut id = self.first(slot);
            while id != NONE {
                self.links[id as usize] = Link { key: slot, previous };
                rows.push(id);
                previous = id;
                id = self.after(id);
            }
        }
        for ids in rows.chunks(INDEX_CHUNK) {
            let columns = self.store.gather(ids)?;
            let slots = self.identities(&columns, ids.len())?;
            for (id, slot) in ids.iter().zip(slots) {
                self.remember_identity(*id, slot);
            }
        }
        Ok(())
    }
}

impl Applied {
    fn new(rows: usize) -> Applied {
        Applied {
            ids: vec![NONE; rows],
            replaced: Vec::new(),
            dead: Vec::new(),
            touched_keys: Vec::new(),
            touched_identities: Vec::new(),
        }
    }

    /// Whether the row replaced one.
    pub fn is_replacement(&self, row: usize) -> bool {
        self.replaced.get(row).copied().unwrap_or(false)
    }
}

/// The slot of each row's key in `keys`, [`MISSING`] where it has none or must not match.
pub fn probe(
    keys: &mut KeyIndex,
    columns: &[ArrayRef],
    rows: usize,
    matchable: Option<&[bool]>,
) -> Result<Vec<u32>> {
    let mut slots = Vec::new();
    keys.lookup(columns, rows, &mut slots)?;
    if let Some(matchable) = matchable {
        for (slot, matchable) in slots.iter_mut().zip(matchable) {
            if !matchable {
                *slot = MISSING;
            }
        }
    }
    Ok(slots)
}
