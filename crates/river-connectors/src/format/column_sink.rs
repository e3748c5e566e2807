//! Where decoders put values: one growable column of any Flink type, written in place.
//!
//! Decoders append one value a row and may take back the last rows ([`ColumnSink::truncate`]), so
//! that a record that fails half way leaves nothing behind. The layout is that of
//! [`LogicalType::to_arrow`]. Nothing here parses: see [`super::number_text`],
//! [`super::time_text`].

use std::sync::Arc;

use arrow_array::types::*;
use arrow_array::{
    ArrayRef, BinaryViewArray, BooleanArray, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, ListArray, NullArray, PrimitiveArray, StringViewArray, StructArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType as Arrow;
use river_core::types::{LogicalType, to_arrow_fields};
use river_expr::column::{map_array, timestamp_array};

/// Bytes after which the long values of a column continue in a further buffer: offsets of views
/// are 32 bits.
const BUFFER_BYTES: usize = 1 << 30;

/// A column that grows by one value a row.
pub struct ColumnSink {
    ty: LogicalType,
    data: Data,
    valid: Vec<bool>,
    nulls: usize,
}

enum Data {
    Null,
    Boolean(Vec<bool>),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Decimal(Vec<i128>),
    /// Text and bytes; text is valid UTF-8 because only [`ColumnSink::push_str`] writes it.
    Views(Views),
    List {
        items: Box<ColumnSink>,
        offsets: Vec<i32>,
    },
    Map {
        keys: Box<ColumnSink>,
        values: Box<ColumnSink>,
        offsets: Vec<i32>,
    },
    Row(Vec<ColumnSink>),
}

/// Arrow's view layout: 16 bytes a value, longer values in `buffers`.
#[derive(Default)]
struct Views {
    views: Vec<u128>,
    full: Vec<Buffer>,
    buffer: Vec<u8>,
}

impl Views {
    fn push(&mut self, value: &[u8]) {
        let length = value.len() as u128;
        if value.len() <= 12 {
            let mut bytes = [0u8; 16];
            bytes[4..4 + value.len()].copy_from_slice(value);
            self.views.push(u128::from_le_bytes(bytes) | length);
            return;
        }
        if self.buffer.len() + value.len() > BUFFER_BYTES && !self.buffer.is_empty() {
            self.full.push(Buffer::from_vec(std::mem::take(&mut self.buffer)));
        }
        let offset = self.buffer.len() as u128;
        let index = self.full.len() as u128;
        let prefix = u32::from_le_bytes([value[0], value[1], value[2], value[3]]) as u128;
        self.buffer.extend_from_slice(value);
        self.views.push(length | prefix << 32 | index << 64 | offset << 96);
    }

    fn get(&self, row: usize) -> Option<Vec<u8>> {
        let view = self.views.get(row)?;
        let length = *view as u32 as usize;
        if length <= 12 {
            return view.to_le_bytes().get(4..4 + length).map(<[u8]>::to_vec);
        }
        let index = (*view >> 64) as u32 as usize;
        let offset = (*view >> 96) as usize;
        let buffer = self.full.get(index).map_or(&self.buffer[..], |b| b.as_slice());
        buffer.get(offset..offset + length).map(<[u8]>::to_vec)
    }

    fn finish(&mut self) -> (ScalarBuffer<u128>, Vec<Buffer>) {
        let mut buffers = std::mem::take(&mut self.full);
        if !self.buffer.is_empty() {
            buffers.push(Buffer::from_vec(std::mem::take(&mut self.buffer)));
        }
        (ScalarBuffer::from(std::mem::take(&mut self.views)), buffers)
    }
}

impl ColumnSink {
    /// An empty column of that type.
    pub fn new(ty: &LogicalType) -> ColumnSink {
        let nested = |ty: &LogicalType| Box::new(ColumnSink::new(ty));
        let data = match ty {
            LogicalType::Null | LogicalType::Descriptor => Data::Null,
            LogicalType::Boolean => Data::Boolean(Vec::new()),
            LogicalType::TinyInt => Data::Int8(Vec::new()),
            LogicalType::SmallInt => Data::Int16(Vec::new()),
            LogicalType::Int
            | LogicalType::Date
            | LogicalType::Time(_)
            | LogicalType::IntervalYearMonth => Data::Int32(Vec::new()),
            LogicalType::BigInt
            | LogicalType::Timestamp(..)
            | LogicalType::TimestampLtz(..)
            | LogicalType::IntervalDayTime => Data::Int64(Vec::new()),
            LogicalType::Float => Data::Float32(Vec::new()),
            LogicalType::Double => Data::Float64(Vec::new()),
            LogicalType::Decimal(..) => Data::Decimal(Vec::new()),
            LogicalType::Char(_)
            | LogicalType::VarChar(_)
            | LogicalType::Variant
            | LogicalType::Binary(_)
            | LogicalType::VarBinary(_)
            | LogicalType::Bitmap => Data::Views(Views::default()),
            LogicalType::Array(item) => {
                Data::List { items: nested(&item.logical), offsets: vec![0] }
            }
            LogicalType::Map(key, value) => Data::Map {
                keys: nested(&key.logical),
                values: nested(&value.logical),
                offsets: vec![0],
            },
            LogicalType::Multiset(item) => Data::Map {
                keys: nested(&item.logical),
                values: nested(&LogicalType::Int),
                offsets: vec![0],
            },
            LogicalType::Row(fields) => {
                Data::Row(fields.iter().map(|f| ColumnSink::new(&f.ty.logical)).collect())
            }
        };
        ColumnSink { ty: ty.clone(), data, valid: Vec::new(), nulls: 0 }
    }

    /// Its type.
    pub fn ty(&self) -> &LogicalType {
        &self.ty
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.valid.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.valid.is_empty()
    }

    /// Appends NULL.
    pub fn push_null(&mut self) {
        match &mut self.data {
            Data::Null => {}
            Data::Boolean(v) => v.push(false),
            Data::Int8(v) => v.push(0),
            Data::Int16(v) => v.push(0),
            Data::Int32(v) => v.push(0),
            Data::Int64(v) => v.push(0),
            Data::Float32(v) => v.push(0.0),
            Data::Float64(v) => v.push(0.0),
            Data::Decimal(v) => v.push(0),
            Data::Views(v) => v.views.push(0),
            Data::List { items, offsets } => offsets.push(items.len() as i32),
            Data::Map { keys, offsets, .. } => offsets.push(keys.len() as i32),
            Data::Row(fields) => fields.iter_mut().for_each(ColumnSink::push_null),
        }
        self.valid.push(false);
        self.nulls += 1;
    }

    /// Appends a boolean.
    pub fn push_bool(&mut self, value: bool) {
        match &mut self.data {
            Data::Boolean(v) => v.push(value),
            _ => return self.push_null(),
        }
        self.valid.push(true);
    }

    /// Appends an integer that fits the column: also days, milliseconds, months and ticks.
    pub fn push_int(&mut self, value: i64) {
        match &mut self.data {
            Data::Int8(v) => v.push(value as i8),
            Data::Int16(v) => v.push(value as i16),
            Data::Int32(v) => v.push(value as i32),
            Data::Int64(v) => v.push(value),
            _ => return self.push_null(),
        }
        self.valid.push(true);
    }

    /// Appends to a `FLOAT` or `DOUBLE` column.
    pub fn push_float(&mut self, value: f64) {
        match &mut self.data {
            Data::Float32(v) => v.push(value as f32),
            Data::Float64(v) => v.push(value),
            _ => return self.push_null(),
        }
        self.valid.push(true);
    }

    /// Appends the unscaled value of a decimal, NULL if there is none.
    pub fn push_decimal(&mut self, value: Option<i128>) {
        match (&mut self.data, value) {
            (Data::Decimal(v), Some(value)) => v.push(value),
            _ => return self.push_null(),
        }
        self.valid.push(true);
    }

    /// Appends text.
    pub fn push_str(&mut self, value: &str) {
        self.push_bytes(value.as_bytes());
    }

    /// Appends bytes to a binary column.
    fn push_bytes(&mut self, value: &[u8]) {
        match &mut self.data {
            Data::Views(v) => v.push(value),
            _ => return self.push_null(),
        }
        self.valid.push(true);
    }

    /// Appends bytes; NULL in a column that is not binary.
    pub fn push_binary(&mut self, value: &[u8]) {
        match self.ty {
            LogicalType::Binary(_) | LogicalType::VarBinary(_) | LogicalType::Bitmap => {
                self.push_bytes(value);
            }
            _ => self.push_null(),
        }
    }

    /// The column of array items; after items are appended, [`ColumnSink::close`] ends the array.
    pub fn items(&mut self) -> Option<&mut ColumnSink> {
        match &mut self.data {
            Data::List { items, .. } => Some(items),
            _ => None,
        }
    }

    /// The columns of map keys and values.
    pub fn entries(&mut self) -> Option<(&mut ColumnSink, &mut ColumnSink)> {
        match &mut self.data {
            Data::Map { keys, values, .. } => Some((keys, values)),
            _ => None,
        }
    }

    /// The columns of a row's fields.
    pub fn fields(&mut self) -> Option<&mut [ColumnSink]> {
        match &mut self.data {
            Data::Row(fields) => Some(fields),
            _ => None,
        }
    }

    /// Ends an array, map or row whose parts have been appended.
    pub fn close(&mut self) {
        match &mut self.data {
            Data::List { items, offsets } => offsets.push(items.len() as i32),
            Data::Map { keys, offsets, .. } => offsets.push(keys.len() as i32),
            _ => {}
        }
        self.valid.push(true);
    }

    /// Takes back all values from position `length` on, parts of an unfinished one too.
    pub fn truncate(&mut self, length: usize) {
        match &mut self.data {
            Data::Null => {}
            Data::Boolean(v) => v.truncate(length),
            Data::Int8(v) => v.truncate(length),
            Data::Int16(v) => v.truncate(length),
            Data::Int32(v) => v.truncate(length),
            Data::Int64(v) => v.truncate(length),
            Data::Float32(v) => v.truncate(length),
            Data::Float64(v) => v.truncate(length),
            Data::Decimal(v) => v.truncate(length),
            Data::Views(v) => v.views.truncate(length),
            Data::List { items, offsets } => {
                offsets.truncate(length + 1);
                items.truncate(offsets[offsets.len() - 1] as usize);
            }
            Data::Map { keys, values, offsets } => {
                offsets.truncate(length + 1);
                let end = offsets[offsets.len() - 1] as usize;
                keys.truncate(end);
                values.truncate(end);
            }
            Data::Row(fields) => fields.iter_mut().for_each(|f| f.truncate(length)),
        }
        for valid in self.valid.drain(length.min(self.valid.len())..) {
            self.nulls -= usize::from(!valid);
        }
    }

    /// Whether the value at `row` is not NULL.
    pub fn is_valid(&self, row: usize) -> bool {
        self.valid.get(row) == Some(&true)
    }

    /// The text at `row` of a text column, unless it is NULL.
    pub fn text_at(&self, row: usize) -> Option<String> {
        let Data::Views(views) = &self.data else { return None };
        if !self.is_valid(row) {
            return None;
        }
        String::from_utf8(views.get(row)?).ok()
    }

    fn take_nulls(&mut self) -> Option<NullBuffer> {
        let valid = std::mem::take(&mut self.valid);
        let nulls = std::mem::take(&mut self.nulls);
        (nulls > 0).then(|| NullBuffer::new(BooleanBuffer::from(valid)))
    }

    /// The column of all values; the sink is empty afterwards.
    pub fn finish(&mut self) -> ArrayRef {
        let rows = self.len();
        let nulls = self.take_nulls();
        let arrow = self.ty.to_arrow();
        match &mut self.data {
            Data::Null => Arc::new(NullArray::new(rows)),
            Data::Boolean(v) => {
                Arc::new(BooleanArray::new(BooleanBuffer::from(std::mem::take(v)), nulls))
            }
            Data::Int8(v) => Arc::new(Int8Array::new(std::mem::take(v).into(), nulls)),
            Data::Int16(v) => Arc::new(Int16Array::new(std::mem::take(v).into(), nulls)),
            Data::Int32(v) => int32_array(std::mem::take(v), nulls, &self.ty),
            Data::Int64(v) => int64_array(std::mem::take(v), nulls, &arrow),
            Data::Float32(v) => Arc::new(Float32Array::new(std::mem::take(v).into(), nulls)),
            Data::Float64(v) => Arc::new(Float64Array::new(std::mem::take(v).into(), nulls)),
            Data::Decimal(v) => {
                let values = PrimitiveArray::<Decimal128Type>::new(std::mem::take(v).into(), nulls);
                Arc::new(values.with_data_type(arrow))
            }
            Data::Views(v) => views_array(v, nulls, &arrow),
            Data::List { items, offsets } => {
                let Arrow::List(field) = arrow else { return Arc::new(NullArray::new(rows)) };
                let offsets = OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into());
                Arc::new(ListArray::new(field, offsets, items.finish(), nulls))
            }
            Data::Map { keys, values, offsets } => {
                let offsets = std::mem::replace(offsets, vec![0]);
                map_array(&self.ty, offsets, keys.finish(), values.finish(), nulls)
            }
            Data::Row(fields) => {
                if fields.is_empty() {
                    return Arc::new(StructArray::new_empty_fields(rows, nulls));
                }
                let LogicalType::Row(types) = &self.ty else {
                    return Arc::new(NullArray::new(rows));
                };
                let columns = fields.iter_mut().map(ColumnSink::finish).collect();
                Arc::new(StructArray::new(to_arrow_fields(types), columns, nulls))
            }
        }
    }
}

fn int32_array(values: Vec<i32>, nulls: Option<NullBuffer>, ty: &LogicalType) -> ArrayRef {
    let values = ScalarBuffer::from(values);
    match ty {
        LogicalType::Date => Arc::new(PrimitiveArray::<Date32Type>::new(values, nulls)),
        LogicalType::Time(_) => {
            Arc::new(PrimitiveArray::<Time32MillisecondType>::new(values, nulls))
        }
        LogicalType::IntervalYearMonth => {
            Arc::new(PrimitiveArray::<IntervalYearMonthType>::new(values, nulls))
        }
        _ => Arc::new(Int32Array::new(values, nulls)),
    }
}

fn int64_array(values: Vec<i64>, nulls: Option<NullBuffer>, arrow: &Arrow) -> ArrayRef {
    let values = ScalarBuffer::from(values);
    match arrow {
        Arrow::Duration(_) => {
            Arc::new(PrimitiveArray::<DurationMillisecondType>::new(values, nulls))
        }
        Arrow::Timestamp(unit, _) => timestamp_array(Int64Array::new(values, nulls), unit, arrow),
        _ => Arc::new(Int64Array::new(values, nulls)),
    }
}

fn views_array(views: &mut Views, nulls: Option<NullBuffer>, arrow: &Arrow) -> ArrayRef {
    let (views, buffers) = views.finish();
    // SAFETY: every view was written by `Views::push`, inline or into the buffer it names, and the
    // text columns (Utf8View) only take `&str`.
    unsafe {
        match arrow {
            Arrow::Utf8View => Arc::new(StringViewArray::new_unchecked(views, buffers, nulls)),
            _ => Arc::new(BinaryViewArray::new_unchecked(views, buffers, nulls)),
        }
    }
}
