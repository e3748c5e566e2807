//! Stored columns of fixed width: numbers, dates, times, decimals, booleans.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::DataType;

use super::NULL_ROW;
use super::column::{Chunks, Column, Nulls};
use crate::{Error, Result};

pub(super) struct FixedColumn<T> {
    ty: DataType,
    values: Chunks<T>,
    nulls: Nulls,
}

impl<T: ArrowNativeType> FixedColumn<T> {
    pub fn new(ty: &DataType) -> FixedColumn<T> {
        FixedColumn { ty: ty.clone(), values: Chunks::default(), nulls: Nulls::default() }
    }
}

impl<T: ArrowNativeType> Column for FixedColumn<T> {
    fn append(&mut self, array: &ArrayRef, rows: &[u32], ids: &[u32]) -> Result<()> {
        if array.data_type() != &self.ty {
            return Err(Error::internal(format!(
                "a column of type {} is kept as {}",
                array.data_type(),
                self.ty
            )));
        }
        let data = array.to_data();
        let values = data.buffer::<T>(0);
        for (row, id) in rows.iter().zip(ids) {
            self.values.set(*id, values[*row as usize]);
        }
        self.nulls.append(array, rows, ids);
        Ok(())
    }

    fn remove(&mut self, _: &[u32]) {}

    fn gather(&self, ids: &[u32]) -> Result<ArrayRef> {
        let value = |id: &u32| if *id == NULL_ROW { T::default() } else { self.values.get(*id) };
        let values = ScalarBuffer::<T>::from(ids.iter().map(value).collect::<Vec<T>>());
        let data = ArrayData::builder(self.ty.clone())
            .len(ids.len())
            .add_buffer(values.into_inner())
            .nulls(self.nulls.gather(ids));
        Ok(arrow_array::make_array(data.build()?))
    }

    fn memory(&self) -> usize {
        self.values.memory() + self.nulls.memory()
    }
}

pub(super) struct BooleanColumn {
    values: Chunks<bool>,
    nulls: Nulls,
}

impl BooleanColumn {
    pub fn new() -> BooleanColumn {
        BooleanColumn { values: Chunks::default(), nulls: Nulls::default() }
    }
}

impl Column for BooleanColumn {
    fn append(&mut self, array: &ArrayRef, rows: &[u32], ids: &[u32]) -> Result<()> {
        let values = array
            .as_boolean_opt()
            .ok_or_else(|| Error::internal("a column kept as boolean is of another type"))?
            .values();
        for (row, id) in rows.iter().zip(ids) {
            self.values.set(*id, values.value(*row as usize));
        }
        self.nulls.append(array, rows, ids);
        Ok(())
    }

    fn remove(&mut self, _: &[u32]) {}

    fn gather(&self, ids: &[u32]) -> Result<ArrayRef> {
        let values = BooleanBuffer::collect_bool(ids.len(), |i| {
            ids[i] != NULL_ROW && self.values.get(ids[i])
        });
        Ok(Arc::new(BooleanArray::new(values, self.nulls.gather(ids))))
    }

    fn memory(&self) -> usize {
        self.values.memory() + self.nulls.memory()
    }
}
