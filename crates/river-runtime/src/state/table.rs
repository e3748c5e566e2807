//! State tables: what an operator's keyed state must offer to be saved, loaded and moved to disk.
//!
//! An operator keeps each of its keyed states in a [`StateTable`] inside a [`super::Keyed`].
//!
//! What is saved is rows of columns: the key columns and what belongs to the key, one row a slot or
//! several, with the hash that tells the key group. Rows of one slot stay together and in order.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;

use super::KeyIndex;
use super::memory::StateMemory;
use crate::{Error, Result};

/// Saved rows of a state table.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// The columns that [`StateTable::columns`] names.
    pub columns: Vec<ArrayRef>,
    /// For each row, the hash of the columns by which the operator's input is partitioned
    /// ([`super::hash_columns`]): it decides the key group, and with it the subtask.
    pub hashes: Vec<u64>,
}

impl Saved {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.hashes.len()
    }
}

/// Keyed state in memory, by slot.
pub trait StateTable: Send {
    /// Name within the operator. Never changes: checkpoints know the table by it.
    fn name(&self) -> &'static str;

    /// Columns of a saved row, key columns first. Names tell what they hold; they and the types
    /// never change for the same plan node.
    fn columns(&self) -> Vec<FieldRef>;

    /// The index whose slots are the unit of saving.
    fn index(&self) -> &KeyIndex;

    /// Rows of these slots, which are live, in their order. Must not depend on other slots.
    fn save(&self, slots: &[u32]) -> Result<Saved>;

    /// Adds saved rows to the state. The rows of one slot come in one call, or in several in their
    /// order; slots may be those of several old subtasks.
    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()>;

    /// Bytes of memory it holds, about.
    fn memory(&self) -> usize;

    /// [`StateTable::index`], to look keys up.
    fn index_mut(&mut self) -> &mut KeyIndex;

    /// How the table is laid out on disk; without an answer all of it stays in memory.
    fn disk_layout(&self) -> Option<DiskLayout> {
        None
    }

    /// Whether a slot may be moved to disk now. Not if a timer waits for it.
    fn may_leave(&self, slot: u32) -> bool {
        let _ = slot;
        true
    }

    /// Drops slots with all that belongs to them: their rows were saved, and may be loaded again.
    /// What is known of the table as a whole stays. Asked only of tables with a disk layout.
    fn evict(&mut self, slots: &[u32]) {
        let _ = slots;
    }

    /// The same while state is loaded, also of slots that may not leave: other rows of their keys
    /// may follow.
    fn discard(&mut self, slots: &[u32]) {
        self.evict(slots);
    }
}

/// How the keys of a table are laid out on disk.
pub struct DiskLayout {
    /// Where the index's key columns stand in [`StateTable::columns`], in the index's order.
    pub key_columns: Vec<usize>,
    /// How many of the first of them are times, numbers or timestamps without NULLs, by which keys
    /// are asked for ([`super::Keyed::range`]). [`Saved::hashes`] are of the other key columns.
    pub times: usize,
    /// Whether the first of the other key columns *is* the hash: the table belongs to keys of
    /// another one.
    pub carries_hash: bool,
    /// When rows may be forgotten; `None`: not before they are removed.
    pub lifetime: Option<Lifetime>,
}

/// A time to live of rows: the operator no longer looks at those that are older.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    /// Column that says when a row was written, wall clock in milliseconds; NULL: lives for ever.
    pub written: usize,
    /// How long it lives from then on, in milliseconds.
    pub ms: i64,
}

/// A state table as the task sees it.
pub trait Checkpointed {
    /// [`StateTable::name`]
    fn name(&self) -> &'static str;

    /// [`StateTable::columns`]
    fn columns(&self) -> Vec<FieldRef>;

    /// Owes all its rows from now on, as they are now. What an earlier cut still owed is forgotten.
    fn cut(&mut self) -> Result<()>;

    /// As [`Checkpointed::cut`], for the checkpoint of that number in a row of incremental ones. If
    /// `since` is one that is complete and the table can, it owes only what has changed since, and
    /// says so: first keys ([`Checkpointed::next_removed`]) that are to be removed, then rows.
    fn cut_changes(&mut self, checkpoint: u64, since: Option<u64>) -> Result<bool> {
        let _ = (checkpoint, since);
        self.cut()?;
        Ok(false)
    }

    /// Where the key columns stand in [`StateTable::columns`], if [`Checkpointed::cut_changes`] can
    /// tell changes.
    fn change_keys(&self) -> Option<Vec<usize>> {
        None
    }

    /// Keys of which nothing that was saved earlier counts any more, and their hashes: they are
    /// removed before any rows of this cut are loaded. They wait in memory.
    fn next_removed(&mut self) -> Option<Saved> {
        None
    }

    /// Removes keys while state is loaded; their columns as in [`Checkpointed::change_keys`].
    fn remove_keys(&mut self, keys: &[ArrayRef], rows: usize) -> Result<()> {
        let _ = (keys, rows);
        Err(Error::input(format!("state '{}' cannot be changed key by key", self.name())))
    }

    /// Gives up what is owed.
    fn forget_cut(&mut self);

    /// Some of the rows owed, maybe none this time; `None` once none are left, and the cut is over.
    fn next_saved(&mut self) -> Result<Option<Saved>>;

    /// Rows that were saved because they were about to change; they wait in memory.
    fn next_touched(&mut self) -> Option<Saved> {
        None
    }

    /// [`StateTable::load`], with columns of a file: their number and types are checked first.
    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()>;

    /// [`StateTable::memory`]
    fn memory(&self) -> usize;

    /// Keys in memory that could be on disk.
    fn keys(&self) -> usize {
        0
    }

    /// Allows keys to be moved to disk.
    fn use_disk(&mut self, memory: &Arc<StateMemory>) {
        let _ = memory;
    }

    /// Moves keys to disk until no more than `keys` are in memory, if so many can be.
    fn shrink(&mut self, keys: usize) -> Result<()> {
        let _ = keys;
        Ok(())
    }
}

/// Refuses saved rows that are not of these columns.
pub fn check_columns(
    table: &str,
    expected: &[FieldRef],
    columns: &[ArrayRef],
    rows: usize,
) -> Result<()> {
    let fits = expected.len() == columns.len()
        && columns.iter().all(|column| column.len() == rows)
        && expected.iter().zip(columns).all(|(e, c)| e.data_type() == c.data_type());
    if fits {
        return Ok(());
    }
    let found: Vec<String> = columns.iter().map(|c| c.data_type().to_string()).collect();
    let wanted: Vec<String> =
        expected.iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
    Err(Error::input(format!(
        "state '{table}' has columns [{}], but the operator keeps [{}]",
        found.join(", "),
        wanted.join(", ")
    )))
}
