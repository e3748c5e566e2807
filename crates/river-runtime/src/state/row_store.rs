//! Whole rows kept by number: what joins, Top-N, deduplication and sorting remember.
//!
//! Columns are stored as columns, in chunks, so a row costs its values' bytes and little more; text
//! beyond 12 bytes sits in shared blocks. Rows come back by [`RowStore::gather`], many at a time
//! and without copying long text: the arrays share the store's blocks, which are never changed.
//! A removed row's number is used again; blocks that are mostly garbage are rewritten.

use arrow_array::ArrayRef;
use arrow_schema::DataType;

use self::column::Column;
use crate::{Error, Result};

mod column;
mod encoded;
mod fixed;
mod view;

#[cfg(test)]
mod tests;

/// In [`RowStore::gather`], stands for a row of NULLs.
pub const NULL_ROW: u32 = u32::MAX;

/// Rows of fixed column types, each known by its number.
pub struct RowStore {
    columns: Vec<Box<dyn Column>>,
    types: Vec<DataType>,
    used: u32,
    free: Vec<u32>,
}

impl RowStore {
    /// An empty store for columns of these Arrow types.
    pub fn new(types: &[DataType]) -> Result<RowStore> {
        let columns = types.iter().map(column::store_for).collect::<Result<_>>()?;
        Ok(RowStore { columns, types: types.to_vec(), used: 0, free: Vec::new() })
    }

    /// Keeps the given rows of these columns; their numbers are put into `ids`, which is cleared
    /// first.
    pub fn append(&mut self, columns: &[ArrayRef], rows: &[u32], ids: &mut Vec<u32>) -> Result<()> {
        ids.clear();
        if columns.len() != self.columns.len() {
            return Err(Error::internal("rows do not fit the store"));
        }
        let reused = self.free.len().saturating_sub(rows.len());
        ids.extend(self.free.drain(reused..).rev());
        let new = (rows.len() - ids.len()) as u32;
        if NULL_ROW - self.used <= new {
            return Err(Error::environment("a subtask holds more than four billion rows"));
        }
        ids.extend(self.used..self.used + new);
        self.used += new;
        for (store, column) in self.columns.iter_mut().zip(columns) {
            store.append(column, rows, ids)?;
        }
        Ok(())
    }

    /// Forgets rows. Each must be there, and be named once.
    pub fn remove(&mut self, ids: &[u32]) {
        for store in &mut self.columns {
            store.remove(ids);
        }
        self.free.extend_from_slice(ids);
    }

    /// The rows of these numbers, in this order; [`NULL_ROW`] gives NULLs.
    pub fn gather(&self, ids: &[u32]) -> Result<Vec<ArrayRef>> {
        self.columns.iter().map(|store| store.gather(ids)).collect()
    }

    /// One column of [`RowStore::gather`].
    pub fn gather_column(&self, column: usize, ids: &[u32]) -> Result<ArrayRef> {
        self.columns[column].gather(ids)
    }

    /// Types of the columns.
    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    /// Rows in the store.
    pub fn len(&self) -> usize {
        self.used as usize - self.free.len()
    }

    /// Whether it holds no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row numbers ever used: all numbers are below it.
    pub fn capacity(&self) -> usize {
        self.used as usize
    }

    /// Bytes of memory it holds, about.
    pub fn memory(&self) -> usize {
        let columns: usize = self.columns.iter().map(|store| store.memory()).sum();
        columns + self.free.capacity() * 4
    }
}
