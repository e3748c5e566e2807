//! Key columns to dense slot numbers: what makes keyed state an array.
//!
//! An operator looks up a whole batch at once and keeps its state in columns indexed by slot. NULL
//! is a key value like any other (`GROUP BY`); joins that must not match NULL leave such rows out.
//! A removed key's slot is used again for a later key, after the operator has emptied its state.
//!
//! Layouts: no key columns; one to four columns of fixed width, whole key in the hash table; one
//! text or bytes column; and any other combination as `arrow-row` bytes.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_row::{RowConverter, RowParser, SortField};
use arrow_schema::DataType;

use self::bytes::ByteIndex;
pub use self::removed::KeyBatch;
use self::removed::Removed;
use self::words::WordIndex;
use super::{SlotSet, fixed, hash};
use crate::{Error, Result};

mod bytes;
mod removed;
mod words;

#[cfg(test)]
mod tests;

/// The slot of a key that is not in the index.
pub const MISSING: u32 = u32::MAX;

/// Most keys that an index holds.
const MAX_SLOTS: usize = (u32::MAX - 1) as usize;

/// An index of keys of fixed column types.
pub struct KeyIndex {
    types: Vec<DataType>,
    layout: Layout,
    scratch: Vec<u64>,
    /// Slots that have a value on disk as well, if that is kept count of.
    stored: Option<SlotSet>,
    /// Slots whose key may be in a checkpoint, if that is kept count of.
    saved: Option<SlotSet>,
    removed: Removed,
}

enum Layout {
    Global { slot: Option<u32>, slots: Slots },
    Words1(WordIndex<1>),
    Words2(WordIndex<2>),
    Words3(WordIndex<3>),
    Words4(WordIndex<4>),
    Bytes(ByteIndex),
    Rows { index: ByteIndex, converter: RowConverter, parser: RowParser },
}

/// Hands out slot numbers, those of removed keys first.
#[derive(Default)]
struct Slots {
    used: u32,
    free: Vec<u32>,
    /// Those that are of a key.
    live: SlotSet,
}

impl Slots {
    /// A slot number; the second value says whether it was never used before.
    fn take(&mut self) -> Result<(u32, bool)> {
        if let Some(slot) = self.free.pop() {
            self.live.insert(slot);
            return Ok((slot, false));
        }
        if self.used as usize >= MAX_SLOTS {
            return Err(Error::environment("a subtask holds more than four billion keys"));
        }
        self.used += 1;
        self.live.insert(self.used - 1);
        Ok((self.used - 1, true))
    }

    /// The slot is of no key from now on, and may be used again.
    fn give_back(&mut self, slot: u32) {
        self.live.remove(slot);
        self.free.push(slot);
    }

    fn memory(&self) -> usize {
        self.free.capacity() * 4 + self.live.memory()
    }
}

impl KeyIndex {
    /// An empty index for key columns of these Arrow types.
    pub fn new(types: &[DataType]) -> Result<KeyIndex> {
        let words = types.iter().all(|ty| fixed::width(ty).is_some());
        let layout = match types {
            [] => Layout::Global { slot: None, slots: Slots::default() },
            [_] if words => Layout::Words1(WordIndex::default()),
            [_, _] if words => Layout::Words2(WordIndex::default()),
            [_, _, _] if words => Layout::Words3(WordIndex::default()),
            [_, _, _, _] if words => Layout::Words4(WordIndex::default()),
            [DataType::Utf8View | DataType::BinaryView] => Layout::Bytes(ByteIndex::default()),
            _ => {
                let fields = types.iter().map(|ty| SortField::new(ty.clone())).collect();
                let converter = RowConverter::new(fields)?;
                let parser = converter.parser();
                Layout::Rows { index: ByteIndex::default(), converter, parser }
            }
        };
        Ok(KeyIndex {
            types: types.to_vec(),
            layout,
            scratch: Vec::new(),
            stored: None,
            saved: None,
            removed: Removed::default(),
        })
    }

    /// The slot of each row's key, new keys added. `slots` is cleared first.
    pub fn lookup_or_insert(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        slots: &mut Vec<u32>,
    ) -> Result<()> {
        self.gather_removed()?;
        self.resolve::<true>(columns, rows, slots)
    }

    /// The slot of each row's key, [`MISSING`] where there is none. `slots` is cleared first.
    pub fn lookup(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        slots: &mut Vec<u32>,
    ) -> Result<()> {
        self.resolve::<false>(columns, rows, slots)
    }

    fn resolve<const INSERT: bool>(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        slots: &mut Vec<u32>,
    ) -> Result<()> {
        slots.clear();
        if columns.len() != self.types.len() {
            return Err(Error::internal("key columns do not fit the index"));
        }
        match &mut self.layout {
            Layout::Global { slot, slots: numbers } => {
                if INSERT && rows > 0 && slot.is_none() {
                    *slot = Some(numbers.take()?.0);
                }
                slots.resize(rows, slot.unwrap_or(MISSING));
                Ok(())
            }
            Layout::Words1(index) => index.resolve::<INSERT>(columns, rows, slots),
            Layout::Words2(index) => index.resolve::<INSERT>(columns, rows, slots),
            Layout::Words3(index) => index.resolve::<INSERT>(columns, rows, slots),
            Layout::Words4(index) => index.resolve::<INSERT>(columns, rows, slots),
            Layout::Bytes(index) => {
                hash::hash_columns(columns, rows, &mut self.scratch)?;
                resolve_bytes::<INSERT>(index, &columns[0], &self.scratch, slots)
            }
            Layout::Rows { index, converter, .. } => {
                hash::hash_columns(columns, rows, &mut self.scratch)?;
                let encoded = converter.convert_columns(columns)?;
                let keys = |row: usize| Some(encoded.row(row).data());
                index.resolve::<INSERT>(keys, &self.scratch, slots)
            }
        }
    }

    /// Removes the key of a slot. Its number may be given to the next new key: empty the slot's
    /// state first.
    pub fn remove(&mut self, slot: u32) {
        let is_stored = self.stored.as_mut().is_some_and(|stored| stored.remove(slot));
        let is_saved = self.saved.as_mut().is_some_and(|saved| saved.remove(slot));
        if is_stored || is_saved {
            self.note_removed(slot);
        }
        match &mut self.layout {
            Layout::Global { slot: live, slots } => {
                if *live == Some(slot) {
                    *live = None;
                    slots.give_back(slot);
                }
            }
            Layout::Words1(index) => index.remove(slot),
            Layout::Words2(index) => index.remove(slot),
            Layout::Words3(index) => index.remove(slot),
            Layout::Words4(index) => index.remove(slot),
            Layout::Bytes(index) | Layout::Rows { index, .. } => index.remove(slot),
        }
    }

    /// Gives the key of a live slot a new slot and returns it. The old slot is no longer of any
    /// key, but its number is not used again before [`KeyIndex::release`]. So a group can end and
    /// begin anew within one batch.
    pub fn renew(&mut self, slot: u32) -> Result<u32> {
        self.gather_removed()?;
        let new = match &mut self.layout {
            Layout::Global { slot: live, slots } => {
                let new = slots.take()?.0;
                *live = Some(new);
                slots.live.remove(slot);
                new
            }
            Layout::Words1(index) => index.renew(slot)?,
            Layout::Words2(index) => index.renew(slot)?,
            Layout::Words3(index) => index.renew(slot)?,
            Layout::Words4(index) => index.renew(slot)?,
            Layout::Bytes(index) | Layout::Rows { index, .. } => index.renew(slot)?,
        };
        for set in [&mut self.stored, &mut self.saved].into_iter().flatten() {
            if set.remove(slot) {
                set.insert(new);
            }
        }
        Ok(new)
    }

    /// Allows the number of a slot given up by [`KeyIndex::renew`] to be used again.
    pub fn release(&mut self, slot: u32) {
        match &mut self.layout {
            Layout::Global { slots, .. } => slots.give_back(slot),
            Layout::Words1(index) => index.release(slot),
            Layout::Words2(index) => index.release(slot),
            Layout::Words3(index) => index.release(slot),
            Layout::Words4(index) => index.release(slot),
            Layout::Bytes(index) | Layout::Rows { index, .. } => index.release(slot),
        }
    }

    /// Slots ever used: all slot numbers are below it.
    pub fn capacity(&self) -> usize {
        match &self.layout {
            Layout::Global { slots, .. } => slots.used as usize,
            Layout::Words1(index) => index.capacity(),
            Layout::Words2(index) => index.capacity(),
            Layout::Words3(index) => index.capacity(),
            Layout::Words4(index) => index.capacity(),
            Layout::Bytes(index) | Layout::Rows { index, .. } => index.capacity(),
        }
    }

    /// Keys in the index.
    pub fn len(&self) -> usize {
        match &self.layout {
            Layout::Global { slot, .. } => usize::from(slot.is_some()),
            Layout::Words1(index) => index.len(),
            Layout::Words2(index) => index.len(),
            Layout::Words3(index) => index.len(),
            Layout::Words4(index) => index.len(),
            Layout::Bytes(index) | Layout::Rows { index, .. } => index.len(),
        }
    }

    /// Whether it holds no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The set of slots that are of a key.
    pub fn live(&self) -> &SlotSet {
        match &self.layout {
            Layout::Global { slots, .. } => &slots.live,
            Layout::Words1(index) => index.live(),
            Layout::Words2(index) => index.live(),
            Layout::Words3(index) => index.live(),
            Layout::Words4(index) => index.live(),
            Layout::Bytes(index) | Layout::Rows { index, .. } => index.live(),
        }
    }

    /// The slots of all keys, in no order.
    pub fn slots(&self) -> Vec<u32> {
        match &self.layout {
            Layout::Global { slot, .. } => slot.iter().copied().collect(),
            Layout::Words1(index) => index.slots(),
            Layout::Words2(index) => index.slots(),
            Layout::Words3(index) => index.slots(),
            Layout::Words4(index) => index.slots(),
            Layout::Bytes(index) | Layout::Rows { index, .. } => index.slots(),
        }
    }

    /// Hash of a live slot's key: that of [`hash::hash_columns`].
    pub fn hash(&self, slot: u32) -> u64 {
        match &self.layout {
            Layout::Global { .. } => hash::EMPTY,
            Layout::Words1(index) => index.hash(slot),
            Layout::Words2(index) => index.hash(slot),
            Layout::Words3(index) => index.hash(slot),
            Layout::Words4(index) => index.hash(slot),
            Layout::Bytes(index) | Layout::Rows { index, .. } => index.hash(slot),
        }
    }

    /// The key columns of live slots, one row each.
    pub fn key_columns(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        match &self.layout {
            Layout::Global { .. } => Ok(Vec::new()),
            Layout::Words1(index) => index.key_columns(slots, &self.types),
            Layout::Words2(index) => index.key_columns(slots, &self.types),
            Layout::Words3(index) => index.key_columns(slots, &self.types),
            Layout::Words4(index) => index.key_columns(slots, &self.types),
            Layout::Bytes(index) => Ok(vec![byte_column(index, slots, &self.types[0])]),
            Layout::Rows { index, converter, parser } => {
                let keys = slots.iter().map(|slot| {
                    // A row key is never NULL as a whole.
                    parser.parse(index.key(*slot).unwrap_or_default())
                });
                Ok(converter.convert_rows(keys)?)
            }
        }
    }

    /// Bytes of memory it holds, about.
    pub fn memory(&self) -> usize {
        match &self.layout {
            Layout::Global { .. } => 0,
            Layout::Words1(index) => index.memory(),
            Layout::Words2(index) => index.memory(),
            Layout::Words3(index) => index.memory(),
            Layout::Words4(index) => index.memory(),
            Layout::Bytes(index) | Layout::Rows { index, .. } => index.memory(),
        }
    }
}

fn resolve_bytes<const INSERT: bool>(
    index: &mut ByteIndex,
    column: &ArrayRef,
    hashes: &[u64],
    slots: &mut Vec<u32>,
) -> Result<()> {
    if let Some(text) = column.as_string_view_opt() {
        let key = |row: usize| text.is_valid(row).then(|| text.value(row).as_bytes());
        return index.resolve::<INSERT>(key, hashes, slots);
    }
    let Some(bytes) = column.as_binary_view_opt() else {
        return Err(Error::internal("a text key column is of another type"));
    };
    let key = |row: usize| bytes.is_valid(row).then(|| bytes.value(row));
    index.resolve::<INSERT>(key, hashes, slots)
}

fn byte_column(index: &ByteIndex, slots: &[u32], ty: &DataType) -> ArrayRef {
    byte_column_of(slots.iter().map(|slot| index.key(*slot)), ty)
}

fn byte_column_of<'k>(keys: impl Iterator<Item = Option<&'k [u8]>>, ty: &DataType) -> ArrayRef {
    if *ty == DataType::BinaryView {
        return Arc::new(arrow_array::BinaryViewArray::from_iter(keys));
    }
    // The bytes came out of a text column, so they are UTF-8.
    let values = keys.map(|key| key.map(|bytes| std::str::from_utf8(bytes).unwrap_or_default()));
    Arc::new(arrow_array::StringViewArray::from_iter(values))
}
