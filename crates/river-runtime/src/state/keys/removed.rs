//! The keys that are removed from an index while they have a value on disk or in a checkpoint:
//! whoever keeps that value has to hear of it.
//!
//! Keys are gathered when someone asks, or before the numbers of their slots are used again.

use arrow_array::ArrayRef;

use super::{KeyIndex, Layout, byte_column_of};
use crate::Result;
use crate::state::SlotSet;

/// With more keys than this waiting, and more than the index holds, they are not kept: whoever
/// counts on them does better to look at all keys.
const MOST_KEYS: usize = 1 << 16;

/// Key columns, and the number of keys.
pub type KeyBatch = (Vec<ArrayRef>, usize);

/// Removed keys that nobody has asked for yet.
#[derive(Default)]
pub(super) struct Removed {
    /// Slots of keys that are still known by their slot.
    slots: Vec<u32>,
    /// Keys that are bytes, one behind the other; `None` for NULL.
    bytes: Vec<u8>,
    lengths: Vec<Option<usize>>,
    gathered: Vec<KeyBatch>,
    keys: usize,
}

impl KeyIndex {
    /// From now on keeps count of which slots have a value on disk as well, and of the keys of
    /// those that are removed.
    pub fn track_stored(&mut self) {
        self.stored = Some(SlotSet::default());
    }

    /// Says whether slots have a value on disk, if that is kept count of.
    pub fn set_stored(&mut self, slots: &[u32], is_stored: bool) {
        set(&mut self.stored, slots, is_stored);
    }

    /// Whether any of the slots has a value on disk.
    pub fn any_stored(&self, slots: &[u32]) -> bool {
        let stored = self.stored.as_ref();
        stored.is_some_and(|stored| slots.iter().any(|slot| stored.contains(*slot)))
    }

    /// All keys that there are may be in a checkpoint: from now on also the keys of those that are
    /// removed are kept. Returns the slots whose keys may have been in an earlier one; `None` if
    /// that was not tracked, or so many keys were removed that they are lost.
    pub fn track_saved(&mut self) -> Option<SlotSet> {
        let live = self.live().clone();
        self.saved.replace(live)
    }

    /// Says whether the keys of slots may be in a checkpoint, if that is kept count of.
    pub fn set_saved(&mut self, slots: &[u32], is_saved: bool) {
        set(&mut self.saved, slots, is_saved);
    }

    /// The keys that had a value on disk or in a checkpoint and were removed since this was last
    /// asked.
    pub fn take_removed(&mut self) -> Result<Vec<KeyBatch>> {
        self.gather_removed()?;
        self.removed.keys = 0;
        Ok(std::mem::take(&mut self.removed.gathered))
    }

    pub(super) fn note_removed(&mut self, slot: u32) {
        self.removed.keys += 1;
        match &self.layout {
            Layout::Bytes(index) | Layout::Rows { index, .. } => {
                let key = index.key(slot);
                self.removed.bytes.extend_from_slice(key.unwrap_or_default());
                self.removed.lengths.push(key.map(<[u8]>::len));
            }
            _ => self.removed.slots.push(slot),
        }
        if self.stored.is_none() && self.removed.keys > MOST_KEYS.max(self.len()) {
            self.saved = None;
            self.removed = Removed::default();
        }
    }

    /// Before slots are used again.
    #[inline]
    pub(super) fn gather_removed(&mut self) -> Result<()> {
        if self.removed.slots.is_empty() && self.removed.lengths.is_empty() {
            return Ok(());
        }
        self.gather()
    }

    #[cold]
    fn gather(&mut self) -> Result<()> {
        let slots = std::mem::take(&mut self.removed.slots);
        if !slots.is_empty() {
            let columns = self.key_columns(&slots)?;
            self.removed.gathered.push((columns, slots.len()));
        }
        let lengths = std::mem::take(&mut self.removed.lengths);
        let bytes = std::mem::take(&mut self.removed.bytes);
        if lengths.is_empty() {
            return Ok(());
        }
        let mut rest = &bytes[..];
        let keys = lengths.iter().map(|length| {
            let (key, after) = rest.split_at((*length)?);
            rest = after;
            Some(key)
        });
        let columns = match &self.layout {
            Layout::Rows { converter, parser, .. } => {
                converter.convert_rows(keys.map(|key| parser.parse(key.unwrap_or_default())))?
            }
            _ => vec![byte_column_of(keys, &self.types[0])],
        };
        self.removed.gathered.push((columns, lengths.len()));
        Ok(())
    }
}

fn set(of: &mut Option<SlotSet>, slots: &[u32], is_in: bool) {
    let Some(of) = of else { return };
    for slot in slots {
        if is_in {
            of.insert(*slot);
        } else {
            of.remove(*slot);
        }
    }
}
