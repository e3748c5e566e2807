//! State of at most one row a key: deduplication, Top-1, changelog normalisation.
//!
//! While a batch is processed the row of a key may be one of the batch ([`IN_BATCH`]); only those
//! still current at its end are stored.

mod table;

use arrow_array::{ArrayRef, UInt32Array};
use arrow_row::{RowConverter, SortField};
use arrow_schema::{DataType, FieldRef};
use river_core::Field;
use river_runtime::state::{Checkpointed, KeyIndex, Keyed, RowStore, hash_columns};
use river_runtime::{Batch, Result};

use crate::changes::{IN_BATCH, NO_ROW};
use crate::pairs::take_all;
use crate::stored_rows::row_columns;
use crate::ttl::Ttl;

/// Rows gathered at once to make what follows from them.
const CHUNK_ROWS: usize = 4096;

/// The rows, by key: a state table.
pub struct OneRow(Keyed<Rows>);

/// The content of [`OneRow`].
pub struct Rows {
    columns: Vec<FieldRef>,
    key_columns: Vec<usize>,
    pub keys: KeyIndex,
    pub store: RowStore,
    pub ttl: Ttl,
    /// The row of each key slot, or [`NO_ROW`].
    rows: Vec<u32>,
    /// Slots that hold a row of the batch, or held none for a while.
    touched: Vec<u32>,
    dead: Vec<u32>,
    /// Slots whose row was loaded, for [`Rows::for_loaded`].
    loaded: Vec<u32>,
}

/// Arrow types of the columns.
pub fn arrow_types(fields: &[Field]) -> Vec<DataType> {
    fields.iter().map(|f| f.ty.logical.to_arrow()).collect()
}

/// The columns at those positions.
pub fn project(columns: &[ArrayRef], positions: &[usize]) -> Vec<ArrayRef> {
    positions.iter().map(|position| columns[*position].clone()).collect()
}

impl OneRow {
    /// No rows yet, of those columns by these keys.
    pub fn new(fields: &[Field], key_columns: &[usize], ttl_ms: u64) -> Result<OneRow> {
        Ok(OneRow(Keyed::new(Rows::new(fields, key_columns, ttl_ms)?)))
    }

    /// The slot of each row's key, which may be changed. Forgets what has expired. Rows may have
    /// come from disk: [`Rows::for_loaded`] gives them.
    pub fn begin(&mut self, batch: &Batch, now_ms: i64) -> Result<Vec<u32>> {
        let rows = &mut self.0;
        rows.fetch(&project(&batch.columns, &rows.key_columns), batch.rows)?;
        let expired = rows.ttl.expired(now_ms);
        if !expired.is_empty() {
            rows.touch(&expired)?;
            expired.iter().for_each(|slot| rows.set(*slot, NO_ROW));
            rows.end(&[], true)?;
        }
        let slots = rows.slots(batch)?;
        rows.touch(&slots)?;
        Ok(slots)
    }

    /// It as a state table.
    pub fn table(&mut self) -> &mut dyn Checkpointed {
        &mut self.0
    }
}

impl std::ops::Deref for OneRow {
    type Target = Rows;

    fn deref(&self) -> &Rows {
        &self.0
    }
}

impl std::ops::DerefMut for OneRow {
    fn deref_mut(&mut self) -> &mut Rows {
        &mut self.0
    }
}

impl Rows {
    /// No rows yet, of those columns by these keys.
    pub fn new(fields: &[Field], key_columns: &[usize], ttl_ms: u64) -> Result<Rows> {
        let types = arrow_types(fields);
        let key_types: Vec<_> = key_columns.iter().map(|c| types[*c].clone()).collect();
        Ok(Rows {
            columns: row_columns(fields),
            key_columns: key_columns.to_vec(),
            keys: KeyIndex::new(&key_types)?,
            store: RowStore::new(&types)?,
            ttl: Ttl::new(ttl_ms),
            rows: Vec::new(),
            touched: Vec::new(),
            dead: Vec::new(),
            loaded: Vec::new(),
        })
    }

    /// The slot of each row's key; new keys are added.
    pub fn slots(&mut self, batch: &Batch) -> Result<Vec<u32>> {
        let mut slots = Vec::new();
        let keys = project(&batch.columns, &self.key_columns);
        self.keys.lookup_or_insert(&keys, batch.rows, &mut slots)?;
        self.rows.resize(self.keys.capacity().max(self.rows.len()), NO_ROW);
        Ok(slots)
    }

    /// Gives the slots whose row was loaded since this was last asked, with their rows, some at a
    /// time: for what follows from the rows.
    pub fn for_loaded(
        &mut self,
        mut each: impl FnMut(&[u32], &[ArrayRef]) -> Result<()>,
    ) -> Result<()> {
        let mut slots = std::mem::take(&mut self.loaded);
        slots.sort_unstable();
        slots.dedup();
        slots.retain(|slot| self.get(*slot) != NO_ROW);
        for slots in slots.chunks(CHUNK_ROWS) {
            let ids: Vec<u32> = slots.iter().map(|slot| self.get(*slot)).collect();
            each(slots, &self.store.gather(&ids)?)?;
        }
        Ok(())
    }

    /// The row of a slot, or [`NO_ROW`].
    pub fn get(&self, slot: u32) -> u32 {
        self.rows[slot as usize]
    }

    /// Sets the row of a slot; the one before stays readable until [`Rows::end`].
    pub fn set(&mut self, slot: u32, row: u32) {
        let before = std::mem::replace(&mut self.rows[slot as usize], row);
        if before & IN_BATCH == 0 {
            self.dead.push(before);
        }
        self.touched.push(slot);
    }

    /// Stores the rows of the batch that are current, and forgets the others. Keys left without a
    /// row go too if `remove_keys`; then every slot that was looked up in vain must have been set.
    pub fn end(&mut self, columns: &[ArrayRef], remove_keys: bool) -> Result<()> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        let in_batch = |row: u32| row != NO_ROW && row & IN_BATCH != 0;
        let current: Vec<u32> =
            touched.iter().copied().filter(|slot| in_batch(self.get(*slot))).collect();
        if !current.is_empty() {
            let rows: Vec<u32> = current.iter().map(|s| self.get(*s) & !IN_BATCH).collect();
            let mut ids = Vec::new();
            self.store.append(columns, &rows, &mut ids)?;
            for (slot, id) in current.iter().zip(ids) {
                self.rows[*slot as usize] = id;
            }
        }
        if remove_keys {
            touched.retain(|slot| self.rows[*slot as usize] == NO_ROW);
            for slot in &touched {
                self.ttl.forget(*slot);
                self.keys.remove(*slot);
            }
        }
        if !self.dead.is_empty() {
            self.store.remove(&self.dead);
            self.dead.clear();
        }
        Ok(())
    }
}

/// Tells whether rows are equal in all columns, NULLs included: by hash first, then exactly.
pub struct RowEquality {
    converter: RowConverter,
    /// Hash of the row of each slot.
    hashes: Vec<u64>,
    /// Hash of each row of the batch.
    batch: Vec<u64>,
}

impl RowEquality {
    /// For rows of those columns.
    pub fn new(fields: &[Field]) -> Result<RowEquality> {
        let fields = arrow_types(fields).into_iter().map(SortField::new).collect();
        Ok(RowEquality {
            converter: RowConverter::new(fields)?,
            hashes: Vec::new(),
            batch: Vec::new(),
        })
    }

    /// Hashes a batch, the rows of which are asked for next; slots are below `slots`.
    pub fn begin(&mut self, batch: &Batch, slots: usize) -> Result<()> {
        self.hashes.resize(slots.max(self.hashes.len()), 0);
        hash_columns(&batch.columns, batch.rows, &mut self.batch)
    }

    /// Row `row` of the batch is now that of a slot.
    pub fn set(&mut self, slot: u32, row: usize) {
        self.hashes[slot as usize] = self.batch[row];
    }

    /// Whether the row `kept` of a slot equals row `row` of the batch.
    pub fn is_same(
        &self,
        slot: u32,
        kept: u32,
        row: usize,
        columns: &[ArrayRef],
        store: &RowStore,
    ) -> Result<bool> {
        if self.hashes[slot as usize] != self.batch[row] {
            return Ok(false);
        }
        self.is_equal(kept, row, columns, store)
    }

    /// Rows of slots were loaded.
    pub fn load(&mut self, slots: &[u32], columns: &[ArrayRef]) -> Result<()> {
        let mut hashes = Vec::new();
        hash_columns(columns, slots.len(), &mut hashes)?;
        for (slot, hash) in slots.iter().zip(hashes) {
            let at = *slot as usize;
            self.hashes.resize(self.hashes.len().max(at + 1), 0);
            self.hashes[at] = hash;
        }
        Ok(())
    }

    /// Hash of a row of the batch.
    pub fn hash(&self, row: usize) -> u64 {
        self.batch[row]
    }

    /// Whether two stored rows are equal, without looking at hashes.
    pub fn are_equal(&self, one: u32, other: u32, store: &RowStore) -> Result<bool> {
        let both = self.converter.convert_columns(&store.gather(&[one, other])?)?;
        Ok(both.row(0) == both.row(1))
    }

    /// As [`RowEquality::is_same`], without looking at hashes.
    pub fn is_equal(
        &self,
        kept: u32,
        row: usize,
        columns: &[ArrayRef],
        store: &RowStore,
    ) -> Result<bool> {
        let one = |row: u32| take_all(columns, &UInt32Array::from(vec![row]));
        let kept =
            if kept & IN_BATCH != 0 { one(kept & !IN_BATCH)? } else { store.gather(&[kept])? };
        let kept = self.converter.convert_columns(&kept)?;
        let new = self.converter.convert_columns(&one(row as u32)?)?;
        Ok(kept.row(0) == new.row(0))
    }
}
