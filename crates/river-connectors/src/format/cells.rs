//! A column's arrays downcast once a batch, for the text encoders that go row by row.

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, BinaryViewArray, BooleanArray, StringViewArray, StructArray};
use arrow_buffer::OffsetBuffer;
use river_core::Field;
use river_core::types::{LogicalType, ticks_per_second};
use river_expr::column::timestamp_ticks;

/// A column and how its values read.
pub struct Cells<'a> {
    array: &'a dyn Array,
    /// The values; meaningless where [`Cells::is_null`].
    pub values: Values<'a>,
}

/// Typed access to values.
#[allow(missing_docs)] // named after the types
pub enum Values<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal(&'a [i128], u8),
    Text(&'a StringViewArray),
    Bytes(&'a BinaryViewArray),
    Date(&'a [i32]),
    /// Milliseconds of the day.
    Time(&'a [i32]),
    Timestamp {
        ticks: &'a [i64],
        per_second: i64,
        zoned: bool,
    },
    List(&'a OffsetBuffer<i32>, Box<Cells<'a>>),
    Map(&'a OffsetBuffer<i32>, Box<(Cells<'a>, Cells<'a>)>),
    Row(Vec<Cells<'a>>),
}

impl<'a> Cells<'a> {
    /// The cells of a column laid out as `ty` says.
    pub fn new(array: &'a ArrayRef, ty: &LogicalType) -> Cells<'a> {
        Cells { array: array.as_ref(), values: Values::new(array.as_ref(), ty) }
    }

    fn of(array: &'a dyn Array, ty: &LogicalType) -> Cells<'a> {
        Cells { array, values: Values::new(array, ty) }
    }

    /// The cells of all columns.
    pub fn of_columns(columns: &'a [ArrayRef], fields: &[Field]) -> Vec<Cells<'a>> {
        columns.iter().zip(fields).map(|(c, f)| Cells::new(c, &f.ty.logical)).collect()
    }

    /// Whether the value of a row is NULL.
    pub fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || matches!(self.values, Values::Null)
    }
}

impl<'a> Values<'a> {
    fn new(array: &'a dyn Array, ty: &LogicalType) -> Values<'a> {
        match ty {
            LogicalType::Null | LogicalType::Descriptor => Values::Null,
            LogicalType::Boolean => Values::Boolean(array.as_boolean()),
            LogicalType::TinyInt => Values::Int8(array.as_primitive::<Int8Type>().values()),
            LogicalType::SmallInt => Values::Int16(array.as_primitive::<Int16Type>().values()),
            LogicalType::Int => Values::Int32(array.as_primitive::<Int32Type>().values()),
            LogicalType::BigInt => Values::Int64(array.as_primitive::<Int64Type>().values()),
            LogicalType::Float => Values::Float32(array.as_primitive::<Float32Type>().values()),
            LogicalType::Double => Values::Float64(array.as_primitive::<Float64Type>().values()),
            LogicalType::Decimal(_, scale) => {
                Values::Decimal(array.as_primitive::<Decimal128Type>().values(), *scale)
            }
            LogicalType::Char(_) | LogicalType::VarChar(_) | LogicalType::Variant => {
                Values::Text(array.as_string_view())
            }
            LogicalType::Binary(_) | LogicalType::VarBinary(_) | LogicalType::Bitmap => {
                Values::Bytes(array.as_binary_view())
            }
            LogicalType::Date => Values::Date(array.as_primitive::<Date32Type>().values()),
            LogicalType::Time(_) => {
                Values::Time(array.as_primitive::<Time32MillisecondType>().values())
            }
            LogicalType::Timestamp(p, _) => Values::timestamp(array, *p, false),
            LogicalType::TimestampLtz(p, _) => Values::timestamp(array, *p, true),
            LogicalType::IntervalYearMonth => {
                Values::Int32(array.as_primitive::<IntervalYearMonthType>().values())
            }
            LogicalType::IntervalDayTime => {
                Values::Int64(array.as_primitive::<DurationMillisecondType>().values())
            }
            LogicalType::Array(item) => {
                let list = array.as_list::<i32>();
                let items = Cells::new(list.values(), &item.logical);
                Values::List(list.offsets(), Box::new(items))
            }
            LogicalType::Map(key, value) => Values::map(array, &key.logical, &value.logical),
            LogicalType::Multiset(item) => Values::map(array, &item.logical, &LogicalType::Int),
            LogicalType::Row(fields) => {
                let columns: &'a StructArray = array.as_struct();
                let cells = columns.columns().iter().zip(fields);
                Values::Row(cells.map(|(c, f)| Cells::new(c, &f.ty.logical)).collect())
            }
        }
    }

    fn timestamp(array: &'a dyn Array, precision: u8, zoned: bool) -> Values<'a> {
        match timestamp_ticks(array) {
            Some(ticks) => {
                Values::Timestamp { ticks, per_second: ticks_per_second(precision), zoned }
            }
            None => Values::Null,
        }
    }

    fn map(array: &'a dyn Array, key: &LogicalType, value: &LogicalType) -> Values<'a> {
        // A map is a list of entries.
        let map = array.as_list::<i32>();
        let entries = map.values().as_struct();
        let keys = Cells::of(entries.column(0).as_ref(), key);
        let values = Cells::of(entries.column(1).as_ref(), value);
        Values::Map(map.offsets(), Box::new((keys, values)))
    }
}

/// The rows of a nested column that belong to `row`.
pub fn range(offsets: &OffsetBuffer<i32>, row: usize) -> std::ops::Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}
