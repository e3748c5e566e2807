//! State tables: how an operator's keyed state is saved while it goes on changing, and loaded.
//!
//! An operator keeps each of its keyed states in a [`StateTable`] inside a [`Keyed`]. At a barrier
//! the task calls [`Checkpointed::cut`] on every table, which costs one copy of a bitmap. From then
//! on the table still owes its content *as it was at the cut*. Between batches the task takes some
//! of it by [`Checkpointed::next_saved`]; and whoever is about to change or remove slots calls
//! [`Keyed::touch`] first, which saves those of them that are still owed. So the state is saved as
//! of one instant, nothing is copied twice, and no batch waits for more than its own keys.
//!
//! What is saved is rows of columns: the key columns and what belongs to the key, one row a slot or
//! several, with the hash that tells the key group. Rows of one slot stay together and in order.

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;

use super::{KeyIndex, SlotSet};
use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// Slots that [`Checkpointed::next_saved`] saves at once.
const CHUNK_SLOTS: usize = 2048;

/// Saved rows of a state table.
#[derive(Debug, Clone)]
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
}

/// A state table as the task sees it.
pub trait Checkpointed {
    /// [`StateTable::name`]
    fn name(&self) -> &'static str;

    /// [`StateTable::columns`]
    fn columns(&self) -> Vec<FieldRef>;

    /// Owes all its rows from now on, as they are now. What an earlier cut still owed is forgotten.
    fn cut(&mut self);

    /// Gives up what is owed.
    fn forget_cut(&mut self);

    /// Some of the rows owed; `None` once none are left, and the cut is over.
    fn next_saved(&mut self) -> Result<Option<Saved>>;

    /// Rows that were saved because they were about to change; they wait in memory.
    fn next_touched(&mut self) -> Option<Saved> {
        None
    }

    /// [`StateTable::load`], with columns of a file: their number and types are checked first.
    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()>;

    /// [`StateTable::memory`]
    fn memory(&self) -> usize;
}

/// A state table that can be cut.
pub struct Keyed<T> {
    table: T,
    cut: Option<Cut>,
}

/// What is still owed of a cut.
struct Cut {
    /// Slots that were live and have not changed since.
    owed: SlotSet,
    next: u32,
    /// Saved because they were about to change.
    saved: Vec<Saved>,
}

impl<T: StateTable> Keyed<T> {
    /// The table, not cut.
    pub fn new(table: T) -> Keyed<T> {
        Keyed { table, cut: None }
    }

    /// To be called before these slots are changed or removed. Slots that are new, or that were
    /// touched before, do no harm, nor does [`super::MISSING`].
    #[inline]
    pub fn touch(&mut self, slots: &[u32]) -> Result<()> {
        if self.cut.is_none() { Ok(()) } else { self.save_owed(slots) }
    }

    #[cold]
    fn save_owed(&mut self, slots: &[u32]) -> Result<()> {
        let Some(cut) = &mut self.cut else { return Ok(()) };
        let mut due = slots.to_vec();
        due.retain(|slot| cut.owed.remove(*slot));
        if !due.is_empty() {
            cut.saved.push(self.table.save(&due)?);
        }
        Ok(())
    }
}

impl<T> std::ops::Deref for Keyed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.table
    }
}

impl<T> std::ops::DerefMut for Keyed<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.table
    }
}

impl<T: StateTable> Checkpointed for Keyed<T> {
    fn name(&self) -> &'static str {
        self.table.name()
    }

    fn columns(&self) -> Vec<FieldRef> {
        self.table.columns()
    }

    fn cut(&mut self) {
        let owed = self.table.index().live().clone();
        self.cut = Some(Cut { owed, next: 0, saved: Vec::new() });
    }

    fn forget_cut(&mut self) {
        self.cut = None;
    }

    fn next_touched(&mut self) -> Option<Saved> {
        self.cut.as_mut()?.saved.pop()
    }

    fn next_saved(&mut self) -> Result<Option<Saved>> {
        let Some(cut) = &mut self.cut else { return Ok(None) };
        if let Some(saved) = cut.saved.pop() {
            return Ok(Some(saved));
        }
        let mut slots = Vec::with_capacity(CHUNK_SLOTS);
        let next = cut.owed.take_from(cut.next, CHUNK_SLOTS, &mut slots);
        if slots.is_empty() {
            self.cut = None;
            return Ok(None);
        }
        // Past the end nothing can be owed any more: slots are only ever taken out.
        cut.next = next.unwrap_or(u32::MAX);
        self.table.save(&slots).map(Some)
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        check_columns(self.name(), &self.table.columns(), columns, rows)?;
        self.table.load(columns, rows)
    }

    fn memory(&self) -> usize {
        self.table.memory()
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
