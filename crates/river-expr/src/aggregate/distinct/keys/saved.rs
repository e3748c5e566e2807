//! The keys of slots as columns: for each slot a list of each argument's values, in the order in
//! which they came (NULL last), and the list of their counts.

use std::sync::Arc;

use arrow_array::builder::{BinaryViewBuilder, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, ListArray};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow_schema::DataType as Arrow;
use river_core::{DataType, LogicalType};

use super::{Counts, Form, KeyTable, Table, decode};
use crate::aggregate::rows::native_array;
use crate::column::ColumnBuilder;
use crate::{EvalError, Result};

/// The entries of some slots, one slot after the other.
struct Listed<'a, K> {
    /// `None`: NULL.
    keys: Vec<Option<&'a K>>,
    counts: Vec<i64>,
    /// Entries up to the end of each slot.
    ends: Vec<usize>,
}

impl<'a, K> Listed<'a, K> {
    fn new(table: &'a Counts<K>, nulls: &[i64], slots: &[u32]) -> Listed<'a, K> {
        let mut listed = Listed { keys: Vec::new(), counts: Vec::new(), ends: Vec::new() };
        for slot in slots {
            let start = listed.keys.len();
            for (key, count) in table.of_slot(*slot) {
                listed.keys.push(Some(key));
                listed.counts.push(count);
            }
            listed.keys[start..].reverse();
            listed.counts[start..].reverse();
            let of_null = nulls[*slot as usize];
            if of_null != 0 {
                listed.keys.push(None);
                listed.counts.push(of_null);
            }
            listed.ends.push(listed.keys.len());
        }
        listed
    }

    fn validity(&self) -> Option<NullBuffer> {
        let valid = BooleanBuffer::collect_bool(self.keys.len(), |at| self.keys[at].is_some());
        Some(NullBuffer::new(valid)).filter(|nulls| nulls.null_count() > 0)
    }
}

impl KeyTable {
    /// A list for each argument, and the list of counts.
    pub(in crate::aggregate::distinct) fn state_types(&self) -> Vec<DataType> {
        let list = |ty: &DataType| LogicalType::Array(Box::new(ty.clone())).not_null();
        let args = self.types.iter().map(|ty| list(&ty.with_nullable(true)));
        args.chain([list(&LogicalType::BigInt.not_null())]).collect()
    }

    /// The keys of slots, one row each.
    pub(in crate::aggregate::distinct) fn save(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let (mut columns, counts, ends) = match &self.table {
            Table::Numbers(table) => {
                let listed = Listed::new(table, &self.nulls, slots);
                (vec![self.numbers(&listed)?], listed.counts, listed.ends)
            }
            Table::Bytes(table) => {
                let listed = Listed::new(table, &self.nulls, slots);
                let columns = match &self.form {
                    Form::Text(ty) => vec![texts(&listed, ty.is_binary())?],
                    _ => self.decoded(&listed),
                };
                (columns, listed.counts, listed.ends)
            }
        };
        columns.push(Arc::new(Int64Array::from(counts)));
        let types = self.state_types();
        columns.into_iter().zip(&types).map(|(items, ty)| list(items, &ends, ty)).collect()
    }

    /// Sets the keys of slots to rows of [`KeyTable::save`].
    pub(in crate::aggregate::distinct) fn load(
        &mut self,
        slots: &[u32],
        columns: &[ArrayRef],
    ) -> Result<()> {
        let form = || EvalError::new("the stored state of DISTINCT has the wrong form");
        let lists: Vec<&ListArray> = columns
            .iter()
            .map(|column| column.as_list_opt::<i32>().ok_or_else(form))
            .collect::<Result<_>>()?;
        let Some((counts, args)) = lists.split_last() else { return Err(form()) };
        let offsets = counts.value_offsets();
        if args.iter().any(|arg| lengths_differ(arg.value_offsets(), offsets)) {
            return Err(form());
        }
        // The items of all lists, each from the first that its list refers to.
        let items = |list: &ListArray| {
            let offsets = list.value_offsets();
            let (first, last) = (offsets[0] as usize, offsets[list.len()] as usize);
            list.values().slice(first, last - first)
        };
        let keys: Vec<ArrayRef> = args.iter().map(|arg| items(arg)).collect();
        let counts = items(counts);
        let counts = counts.as_primitive_opt::<Int64Type>().ok_or_else(form)?;
        let batch = self.read(&keys)?;
        for (row, slot) in slots.iter().enumerate() {
            self.clear(*slot);
            for at in (offsets[row] - offsets[0])..(offsets[row + 1] - offsets[0]) {
                self.change_row(*slot, &batch, at as usize, counts.value(at as usize));
            }
        }
        Ok(())
    }

    /// Bytes of memory held, about.
    pub(in crate::aggregate::distinct) fn memory(&self) -> usize {
        let table = match &self.table {
            Table::Numbers(counts) => counts.memory(),
            Table::Bytes(counts) => counts.memory(),
        };
        table + self.nulls.capacity() * 8
    }

    fn numbers(&self, listed: &Listed<i64>) -> Result<ArrayRef> {
        let Form::Number(ty) = &self.form else {
            return Err(EvalError::new("a number is no key of a DISTINCT aggregate"));
        };
        let nulls = listed.validity();
        let keys = listed.keys.iter().map(|key| key.copied().unwrap_or_default());
        fn of<N: ArrowNativeType>(
            values: impl Iterator<Item = N>,
            nulls: Option<NullBuffer>,
            ty: &LogicalType,
        ) -> Result<ArrayRef> {
            native_array(values.collect(), nulls, ty)
        }
        let double = |key: i64| f64::from_bits(key as u64);
        match ty {
            LogicalType::Boolean => {
                let values = keys.map(|key| key != 0).collect();
                Ok(Arc::new(BooleanArray::new(values, nulls)))
            }
            LogicalType::TinyInt => of(keys.map(|key| key as i8), nulls, ty),
            LogicalType::SmallInt => of(keys.map(|key| key as i16), nulls, ty),
            LogicalType::Int
            | LogicalType::Date
            | LogicalType::Time(_)
            | LogicalType::IntervalYearMonth => of(keys.map(|key| key as i32), nulls, ty),
            LogicalType::Float => of(keys.map(|key| double(key) as f32), nulls, ty),
            LogicalType::Double => of(keys.map(double), nulls, ty),
            _ => of(keys, nulls, ty),
        }
    }

    fn decoded(&self, listed: &Listed<Box<[u8]>>) -> Vec<ArrayRef> {
        let mut columns: Vec<ColumnBuilder> = self
            .types
            .iter()
            .map(|ty| ColumnBuilder::new(&ty.logical, listed.keys.len()))
            .collect();
        for key in &listed.keys {
            let mut rest = key.map_or(&[][..], |key| &key[..]);
            for column in &mut columns {
                column.push(&decode(&mut rest).unwrap_or(river_core::Value::Null));
            }
        }
        columns.into_iter().map(ColumnBuilder::finish).collect()
    }
}

fn lengths_differ(one: &[i32], other: &[i32]) -> bool {
    let length = |offsets: &[i32], row: usize| offsets[row + 1] - offsets[row];
    one.len() != other.len()
        || (0..one.len().saturating_sub(1)).any(|row| length(one, row) != length(other, row))
}

fn texts(listed: &Listed<Box<[u8]>>, binary: bool) -> Result<ArrayRef> {
    if binary {
        let mut column = BinaryViewBuilder::with_capacity(listed.keys.len());
        listed.keys.iter().for_each(|key| column.append_option(key.map(|key| &key[..])));
        return Ok(Arc::new(column.finish()));
    }
    let mut column = StringViewBuilder::with_capacity(listed.keys.len());
    for key in &listed.keys {
        let text = key.map(|key| std::str::from_utf8(key)).transpose();
        column.append_option(text.map_err(|_| EvalError::new("a text key is no UTF-8"))?);
    }
    Ok(Arc::new(column.finish()))
}

/// A column of lists that end there.
fn list(items: ArrayRef, ends: &[usize], ty: &DataType) -> Result<ArrayRef> {
    let Arrow::List(field) = ty.logical.to_arrow() else {
        return Err(EvalError::new("the keys of DISTINCT are no list"));
    };
    let too_many = |_| EvalError::new("a DISTINCT aggregate holds more than two billion values");
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    for end in ends {
        offsets.push(i32::try_from(*end).map_err(too_many)?);
    }
    Ok(Arc::new(ListArray::new(field, OffsetBuffer::new(offsets.into()), items, None)))
}

impl<K> Counts<K> {
    fn memory(&self) -> usize {
        self.table.allocation_size()
            + self.entries.capacity() * size_of::<super::Entry<K>>()
            + (self.free.capacity() + self.newest.capacity()) * 4
    }
}
