//! Stored columns of nested types: each value as its `arrow-row` bytes.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BinaryViewArray};
use arrow_row::{RowConverter, RowParser, SortField};
use arrow_schema::DataType;

use super::column::Column;
use super::view::ViewColumn;
use crate::{Error, Result};

pub(super) struct EncodedColumn {
    converter: RowConverter,
    parser: RowParser,
    null: Vec<u8>,
    rows: ViewColumn,
}

impl EncodedColumn {
    pub fn new(ty: &DataType) -> Result<EncodedColumn> {
        let converter = RowConverter::new(vec![SortField::new(ty.clone())])?;
        let null = converter.convert_columns(&[arrow_array::new_null_array(ty, 1)])?;
        Ok(EncodedColumn {
            parser: converter.parser(),
            null: null.row(0).data().to_vec(),
            converter,
            rows: ViewColumn::new(&DataType::BinaryView),
        })
    }
}

impl Column for EncodedColumn {
    fn append(&mut self, array: &ArrayRef, rows: &[u32], ids: &[u32]) -> Result<()> {
        let indices = arrow_array::UInt32Array::from(rows.to_vec());
        let chosen = arrow_select::take::take(array, &indices, None)?;
        let encoded = self.converter.convert_columns(&[chosen])?;
        let bytes =
            BinaryViewArray::from_iter_values(encoded.iter().map(|row| row.data().to_vec()));
        let bytes: ArrayRef = Arc::new(bytes);
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        self.rows.append(&bytes, &all, ids)
    }

    fn remove(&mut self, ids: &[u32]) {
        self.rows.remove(ids);
    }

    fn gather(&self, ids: &[u32]) -> Result<ArrayRef> {
        let bytes = self.rows.gather(ids)?;
        let bytes = bytes.as_binary_view();
        let rows = bytes.iter().map(|row| self.parser.parse(row.unwrap_or(&self.null)));
        let mut columns = self.converter.convert_rows(rows)?;
        columns.pop().ok_or_else(|| Error::internal("a stored column did not come back"))
    }

    fn memory(&self) -> usize {
        self.rows.memory()
    }
}
