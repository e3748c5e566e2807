//! One column of a row store, and the pieces that its forms share.

use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;

use super::NULL_ROW;
use super::encoded::EncodedColumn;
use super::fixed::{BooleanColumn, FixedColumn};
use super::view::ViewColumn;
use crate::Result;

/// Values by row number.
pub(super) trait Column: Send {
    /// Sets the value of row `ids[i]` to that of `array` at `rows[i]`. New numbers come in order.
    fn append(&mut self, array: &ArrayRef, rows: &[u32], ids: &[u32]) -> Result<()>;
    /// Forgets the values of these rows.
    fn remove(&mut self, ids: &[u32]);
    /// The values of these rows.
    fn gather(&self, ids: &[u32]) -> Result<ArrayRef>;
    /// Bytes held.
    fn memory(&self) -> usize;
}

/// The form in which a column of that type is kept.
pub(super) fn store_for(ty: &DataType) -> Result<Box<dyn Column>> {
    Ok(match ty {
        DataType::Boolean => Box::new(BooleanColumn::new()),
        DataType::Utf8View | DataType::BinaryView => Box::new(ViewColumn::new(ty)),
        DataType::Decimal128(..) => Box::new(FixedColumn::<i128>::new(ty)),
        _ => match crate::state::fixed::width(ty) {
            Some(8) => Box::new(FixedColumn::<i8>::new(ty)),
            Some(16) => Box::new(FixedColumn::<i16>::new(ty)),
            Some(32) => Box::new(FixedColumn::<i32>::new(ty)),
            Some(_) => Box::new(FixedColumn::<i64>::new(ty)),
            None => Box::new(EncodedColumn::new(ty)?),
        },
    })
}

const CHUNK_BITS: u32 = 12;
const CHUNK_ROWS: usize = 1 << CHUNK_BITS;

/// A growing array in chunks: growing it never copies what is there.
#[derive(Default)]
pub(super) struct Chunks<T> {
    chunks: Vec<Vec<T>>,
}

impl<T: Copy + Default> Chunks<T> {
    #[inline]
    pub fn get(&self, id: u32) -> T {
        self.chunks[(id >> CHUNK_BITS) as usize][id as usize & (CHUNK_ROWS - 1)]
    }

    /// Sets a value; the number is known, or the next one.
    #[inline]
    pub fn set(&mut self, id: u32, value: T) {
        let (chunk, at) = ((id >> CHUNK_BITS) as usize, id as usize & (CHUNK_ROWS - 1));
        if chunk == self.chunks.len() {
            // The first chunk starts small, for the many operators that keep little.
            let capacity = if chunk == 0 { 0 } else { CHUNK_ROWS };
            self.chunks.push(Vec::with_capacity(capacity));
        }
        let chunk = &mut self.chunks[chunk];
        if at == chunk.len() { chunk.push(value) } else { chunk[at] = value }
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.chunks.iter_mut().flatten()
    }

    pub fn memory(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<T>()).sum()
    }
}

/// Which rows are NULL; costs nothing until the first one is.
#[derive(Default)]
pub(super) struct Nulls {
    bits: Vec<u64>,
}

impl Nulls {
    pub fn append(&mut self, array: &dyn Array, rows: &[u32], ids: &[u32]) {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        if nulls.is_none() && self.bits.is_empty() {
            return;
        }
        for (row, id) in rows.iter().zip(ids) {
            self.set(*id, nulls.is_some_and(|nulls| nulls.is_null(*row as usize)));
        }
    }

    fn set(&mut self, id: u32, null: bool) {
        let (word, bit) = (id as usize / 64, id % 64);
        if word >= self.bits.len() {
            if !null {
                return;
            }
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] = self.bits[word] & !(1 << bit) | u64::from(null) << bit;
    }

    fn is_null(&self, id: u32) -> bool {
        self.bits.get(id as usize / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    /// The validity of these rows; `None` if all are valid.
    pub fn gather(&self, ids: &[u32]) -> Option<NullBuffer> {
        if self.bits.is_empty() && !ids.contains(&NULL_ROW) {
            return None;
        }
        let valid =
            BooleanBuffer::collect_bool(ids.len(), |i| ids[i] != NULL_ROW && !self.is_null(ids[i]));
        Some(NullBuffer::new(valid)).filter(|nulls| nulls.null_count() > 0)
    }

    pub fn memory(&self) -> usize {
        self.bits.capacity() * 8
    }
}
