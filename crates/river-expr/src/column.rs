//! Columns in an expression: an array, or one constant for all rows; and the bridge between
//! columns and single [`Value`]s for functions that are not worth vectorising.

use std::sync::Arc;

use arrow_array::builder::{BinaryViewBuilder, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Datum, ListArray, NullArray, PrimitiveArray, Scalar, StructArray,
};
use arrow_buffer::{NullBuffer, NullBufferBuilder, OffsetBuffer};
use arrow_schema::{DataType as Arrow, TimeUnit};
use river_core::types::{LogicalType, to_arrow_fields};
use river_core::{DataType, Value};

/// A column of an expression.
#[derive(Debug, Clone)]
pub enum Col {
    /// One value a row.
    Array(ArrayRef),
    /// An array of length one that stands for every row.
    Scalar(ArrayRef),
}

impl Col {
    /// The array, repeated to `rows` if it is a constant.
    pub fn into_array(self, rows: usize) -> ArrayRef {
        match self {
            Col::Array(array) => array,
            Col::Scalar(array) if rows == 1 => array,
            Col::Scalar(array) => repeat(&array, rows),
        }
    }

    /// The underlying array (of length one for a constant).
    pub fn array(&self) -> &ArrayRef {
        match self {
            Col::Array(array) | Col::Scalar(array) => array,
        }
    }

    /// Whether it is one value for all rows.
    pub fn is_scalar(&self) -> bool {
        matches!(self, Col::Scalar(_))
    }

    /// The index into [`Col::array`] for a row.
    pub fn index(&self, row: usize) -> usize {
        match self {
            Col::Array(_) => row,
            Col::Scalar(_) => 0,
        }
    }
}

impl Datum for Col {
    fn get(&self) -> (&dyn Array, bool) {
        (self.array().as_ref(), self.is_scalar())
    }
}

/// `rows` copies of the only value of `array`.
fn repeat(array: &ArrayRef, rows: usize) -> ArrayRef {
    let indices = arrow_array::UInt32Array::from(vec![0; rows]);
    // Taking index 0 of an array of one element cannot be out of bounds.
    arrow_select::take::take(array.as_ref(), &indices, None)
        .unwrap_or_else(|_| arrow_array::new_null_array(array.data_type(), rows))
}

/// An array of length one that holds `value`.
pub fn scalar_array(value: &Value, ty: &LogicalType) -> ArrayRef {
    let mut builder = ColumnBuilder::new(ty, 1);
    builder.push(value);
    builder.finish()
}

/// As [`scalar_array`], usable as an operand of Arrow kernels.
pub fn scalar(value: &Value, ty: &LogicalType) -> Scalar<ArrayRef> {
    Scalar::new(scalar_array(value, ty))
}

/// The value of one row of a column laid out as `ty` says.
pub fn value_at(array: &dyn Array, ty: &LogicalType, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match ty {
        LogicalType::Null | LogicalType::Descriptor => Value::Null,
        LogicalType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        LogicalType::TinyInt => Value::Int8(array.as_primitive::<Int8Type>().value(row)),
        LogicalType::SmallInt => Value::Int16(array.as_primitive::<Int16Type>().value(row)),
        LogicalType::Int => Value::Int32(array.as_primitive::<Int32Type>().value(row)),
        LogicalType::BigInt => Value::Int64(array.as_primitive::<Int64Type>().value(row)),
        LogicalType::Float => Value::Float32(array.as_primitive::<Float32Type>().value(row)),
        LogicalType::Double => Value::Float64(array.as_primitive::<Float64Type>().value(row)),
        LogicalType::Decimal(..) => {
            Value::Decimal(array.as_primitive::<Decimal128Type>().value(row))
        }
        LogicalType::Char(_) | LogicalType::VarChar(_) | LogicalType::Variant => {
            Value::string(array.as_string_view().value(row))
        }
        LogicalType::Binary(_) | LogicalType::VarBinary(_) | LogicalType::Bitmap => {
            Value::Bytes(array.as_binary_view().value(row).into())
        }
        LogicalType::Date => Value::Int32(array.as_primitive::<Date32Type>().value(row)),
        LogicalType::Time(_) => {
            Value::Int32(array.as_primitive::<Time32MillisecondType>().value(row))
        }
        LogicalType::Timestamp(..) | LogicalType::TimestampLtz(..) => {
            Value::Int64(timestamp_ticks(array).map_or(0, |ticks| ticks[row]))
        }
        LogicalType::IntervalYearMonth => {
            Value::Int32(array.as_primitive::<IntervalYearMonthType>().value(row))
        }
        LogicalType::IntervalDayTime => {
            Value::Int64(array.as_primitive::<DurationMillisecondType>().value(row))
        }
        LogicalType::Array(item) => {
            let items = array.as_list::<i32>().value(row);
            let values = (0..items.len()).map(|i| value_at(&items, &item.logical, i));
            Value::List(values.collect())
        }
        LogicalType::Map(key, value) => {
            map_value(array.as_list(), &key.logical, &value.logical, row)
        }
        LogicalType::Multiset(item) => {
            map_value(array.as_list(), &item.logical, &LogicalType::Int, row)
        }
        LogicalType::Row(fields) => {
            let columns = array.as_struct().columns();
            let values = fields.iter().zip(columns);
            Value::List(values.map(|(f, c)| value_at(c, &f.ty.logical, row)).collect())
        }
    }
}

fn map_value(array: &ListArray, key: &LogicalType, value: &LogicalType, row: usize) -> Value {
    let entries = array.value(row);
    let entries = entries.as_struct();
    let (keys, values) = (entries.column(0), entries.column(1));
    let pairs = (0..entries.len()).map(|i| (value_at(keys, key, i), value_at(values, value, i)));
    Value::Map(pairs.collect())
}

/// The raw ticks of a timestamp column of any unit; `None` for other arrays.
pub fn timestamp_ticks(array: &dyn Array) -> Option<&[i64]> {
    match array.data_type() {
        Arrow::Timestamp(TimeUnit::Second, _) => {
            Some(array.as_primitive::<TimestampSecondType>().values())
        }
        Arrow::Timestamp(TimeUnit::Millisecond, _) => {
            Some(array.as_primitive::<TimestampMillisecondType>().values())
        }
        Arrow::Timestamp(TimeUnit::Microsecond, _) => {
            Some(array.as_primitive::<TimestampMicrosecondType>().values())
        }
        Arrow::Timestamp(TimeUnit::Nanosecond, _) => {
            Some(array.as_primitive::<TimestampNanosecondType>().values())
        }
        _ => None,
    }
}

/// Builds a column of any type from single values. A value of the wrong variant becomes NULL.
pub struct ColumnBuilder {
    ty: LogicalType,
    kind: Kind,
}

enum Kind {
    Null(usize),
    Boolean(Vec<Option<bool>>),
    Int8(Vec<Option<i8>>),
    Int16(Vec<Option<i16>>),
    Int32(Vec<Option<i32>>),
    Int64(Vec<Option<i64>>),
    Float32(Vec<Option<f32>>),
    Float64(Vec<Option<f64>>),
    Decimal(Vec<Option<i128>>),
    String(StringViewBuilder),
    Bytes(BinaryViewBuilder),
    List {
        items: Box<ColumnBuilder>,
        offsets: Vec<i32>,
        nulls: NullBufferBuilder,
    },
    Map {
        keys: Box<ColumnBuilder>,
        values: Box<ColumnBuilder>,
        offsets: Vec<i32>,
        nulls: NullBufferBuilder,
    },
    Row {
        fields: Vec<ColumnBuilder>,
        nulls: NullBufferBuilder,
    },
}

impl ColumnBuilder {
    /// A builder for columns of that type, with room for `capacity` rows.
    pub fn new(ty: &LogicalType, capacity: usize) -> ColumnBuilder {
        let nested = |ty: &LogicalType| Box::new(ColumnBuilder::new(ty, capacity));
        let kind = match ty {
            LogicalType::Null | LogicalType::Descriptor => Kind::Null(0),
            LogicalType::Boolean => Kind::Boolean(Vec::with_capacity(capacity)),
            LogicalType::TinyInt => Kind::Int8(Vec::with_capacity(capacity)),
            LogicalType::SmallInt => Kind::Int16(Vec::with_capacity(capacity)),
            LogicalType::Int
            | LogicalType::Date
            | LogicalType::Time(_)
            | LogicalType::IntervalYearMonth => Kind::Int32(Vec::with_capacity(capacity)),
            LogicalType::BigInt
            | LogicalType::Timestamp(..)
            | LogicalType::TimestampLtz(..)
            | LogicalType::IntervalDayTime => Kind::Int64(Vec::with_capacity(capacity)),
            LogicalType::Float => Kind::Float32(Vec::with_capacity(capacity)),
            LogicalType::Double => Kind::Float64(Vec::with_capacity(capacity)),
            LogicalType::Decimal(..) => Kind::Decimal(Vec::with_capacity(capacity)),
            LogicalType::Char(_) | LogicalType::VarChar(_) | LogicalType::Variant => {
                Kind::String(StringViewBuilder::with_capacity(capacity))
            }
            LogicalType::Binary(_) | LogicalType::VarBinary(_) | LogicalType::Bitmap => {
                Kind::Bytes(BinaryViewBuilder::with_capacity(capacity))
            }
            LogicalType::Array(item) => Kind::List {
                items: nested(&item.logical),
                offsets: vec![0],
                nulls: NullBufferBuilder::new(capacity),
            },
            LogicalType::Map(key, value) => Kind::Map {
                keys: nested(&key.logical),
                values: nested(&value.logical),
                offsets: vec![0],
                nulls: NullBufferBuilder::new(capacity),
            },
            LogicalType::Multiset(item) => Kind::Map {
                keys: nested(&item.logical),
                values: nested(&LogicalType::Int),
                offsets: vec![0],
                nulls: NullBufferBuilder::new(capacity),
            },
            LogicalType::Row(fields) => Kind::Row {
                fields: fields
                    .iter()
                    .map(|f| ColumnBuilder::new(&f.ty.logical, capacity))
                    .collect(),
                nulls: NullBufferBuilder::new(capacity),
            },
        };
        ColumnBuilder { ty: ty.clone(), kind }
    }

    /// Appends one value.
    pub fn push(&mut self, value: &Value) {
        match (&mut self.kind, value) {
            (Kind::Null(rows), _) => *rows += 1,
            (Kind::Boolean(v), Value::Boolean(x)) => v.push(Some(*x)),
            (Kind::Boolean(v), _) => v.push(None),
            (Kind::Int8(v), Value::Int8(x)) => v.push(Some(*x)),
            (Kind::Int8(v), _) => v.push(None),
            (Kind::Int16(v), Value::Int16(x)) => v.push(Some(*x)),
            (Kind::Int16(v), _) => v.push(None),
            (Kind::Int32(v), Value::Int32(x)) => v.push(Some(*x)),
            (Kind::Int32(v), _) => v.push(None),
            (Kind::Int64(v), Value::Int64(x)) => v.push(Some(*x)),
            (Kind::Int64(v), _) => v.push(None),
            (Kind::Float32(v), Value::Float32(x)) => v.push(Some(*x)),
            (Kind::Float32(v), _) => v.push(None),
            (Kind::Float64(v), Value::Float64(x)) => v.push(Some(*x)),
            (Kind::Float64(v), _) => v.push(None),
            (Kind::Decimal(v), Value::Decimal(x)) => v.push(Some(*x)),
            (Kind::Decimal(v), _) => v.push(None),
            (Kind::String(b), Value::String(s)) => b.append_value(s),
            (Kind::String(b), _) => b.append_null(),
            (Kind::Bytes(b), Value::Bytes(s)) => b.append_value(s),
            (Kind::Bytes(b), _) => b.append_null(),
            (Kind::List { items, offsets, nulls }, Value::List(values)) => {
                values.iter().for_each(|v| items.push(v));
                offsets.push(offsets.last().copied().unwrap_or(0) + values.len() as i32);
                nulls.append_non_null();
            }
            (Kind::Map { keys, values, offsets, nulls }, Value::Map(pairs)) => {
                for (key, value) in pairs {
                    keys.push(key);
                    values.push(value);
                }
                offsets.push(offsets.last().copied().unwrap_or(0) + pairs.len() as i32);
                nulls.append_non_null();
            }
            (Kind::List { offsets, nulls, .. } | Kind::Map { offsets, nulls, .. }, _) => {
                offsets.push(offsets.last().copied().unwrap_or(0));
                nulls.append_null();
            }
            (Kind::Row { fields, nulls }, Value::List(values)) => {
                fields.iter_mut().zip(values).for_each(|(b, v)| b.push(v));
                nulls.append_non_null();
            }
            (Kind::Row { fields, nulls }, _) => {
                fields.iter_mut().for_each(|b| b.push(&Value::Null));
                nulls.append_null();
            }
        }
    }

    /// The column of all values pushed.
    pub fn finish(self) -> ArrayRef {
        let arrow = self.ty.to_arrow();
        match self.kind {
            Kind::Null(rows) => Arc::new(NullArray::new(rows)),
            Kind::Boolean(v) => Arc::new(BooleanArray::from(v)),
            Kind::Int8(v) => Arc::new(PrimitiveArray::<Int8Type>::from(v)),
            Kind::Int16(v) => Arc::new(PrimitiveArray::<Int16Type>::from(v)),
            Kind::Int32(v) => int32_array(v, &self.ty),
            Kind::Int64(v) => int64_array(v, &arrow),
            Kind::Float32(v) => Arc::new(PrimitiveArray::<Float32Type>::from(v)),
            Kind::Float64(v) => Arc::new(PrimitiveArray::<Float64Type>::from(v)),
            Kind::Decimal(v) => {
                Arc::new(PrimitiveArray::<Decimal128Type>::from(v).with_data_type(arrow))
            }
            Kind::String(mut b) => Arc::new(b.finish()),
            Kind::Bytes(mut b) => Arc::new(b.finish()),
            Kind::List { items, offsets, mut nulls } => {
                let Arrow::List(field) = arrow else { unreachable!("an array is a list") };
                let offsets = OffsetBuffer::new(offsets.into());
                Arc::new(ListArray::new(field, offsets, items.finish(), nulls.finish()))
            }
            Kind::Map { keys, values, offsets, mut nulls } => {
                map_array(&self.ty, offsets, keys.finish(), values.finish(), nulls.finish())
            }
            Kind::Row { fields, mut nulls } => {
                let rows = nulls.len();
                let nulls = nulls.finish();
                let LogicalType::Row(types) = &self.ty else { unreachable!("a row is a struct") };
                if fields.is_empty() {
                    return Arc::new(StructArray::new_empty_fields(rows, nulls));
                }
                let columns = fields.into_iter().map(ColumnBuilder::finish).collect();
                Arc::new(StructArray::new(to_arrow_fields(types), columns, nulls))
            }
        }
    }
}

/// A column of a map or multiset type, of the columns of its entries.
pub fn map_array(
    ty: &LogicalType,
    offsets: Vec<i32>,
    keys: ArrayRef,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let Arrow::List(field) = ty.to_arrow() else { unreachable!("a map is a list") };
    let Arrow::Struct(fields) = field.data_type().clone() else {
        unreachable!("map entries are a struct")
    };
    let entries = StructArray::new(fields, vec![keys, values], None);
    Arc::new(ListArray::new(field, OffsetBuffer::new(offsets.into()), Arc::new(entries), nulls))
}

fn int32_array(values: Vec<Option<i32>>, ty: &LogicalType) -> ArrayRef {
    match ty {
        LogicalType::Date => Arc::new(PrimitiveArray::<Date32Type>::from(values)),
        LogicalType::Time(_) => Arc::new(PrimitiveArray::<Time32MillisecondType>::from(values)),
        LogicalType::IntervalYearMonth => {
            Arc::new(PrimitiveArray::<IntervalYearMonthType>::from(values))
        }
        _ => Arc::new(PrimitiveArray::<Int32Type>::from(values)),
    }
}

fn int64_array(values: Vec<Option<i64>>, arrow: &Arrow) -> ArrayRef {
    match arrow {
        Arrow::Duration(_) => Arc::new(PrimitiveArray::<DurationMillisecondType>::from(values)),
        Arrow::Timestamp(unit, _) => {
            let values = PrimitiveArray::<Int64Type>::from(values);
            timestamp_array(values, unit, arrow)
        }
        _ => Arc::new(PrimitiveArray::<Int64Type>::from(values)),
    }
}

/// Reads the ticks of `values` as a timestamp column of that unit and type.
pub fn timestamp_array(
    values: PrimitiveArray<Int64Type>,
    unit: &TimeUnit,
    arrow: &Arrow,
) -> ArrayRef {
    let arrow = arrow.clone();
    match unit {
        TimeUnit::Second => {
            Arc::new(values.reinterpret_cast::<TimestampSecondType>().with_data_type(arrow))
        }
        TimeUnit::Millisecond => {
            Arc::new(values.reinterpret_cast::<TimestampMillisecondType>().with_data_type(arrow))
        }
        TimeUnit::Microsecond => {
            Arc::new(values.reinterpret_cast::<TimestampMicrosecondType>().with_data_type(arrow))
        }
        TimeUnit::Nanosecond => {
            Arc::new(values.reinterpret_cast::<TimestampNanosecondType>().with_data_type(arrow))
        }
    }
}

/// The column of the values, one a row.
pub fn column_of(values: &[Value], ty: &DataType) -> ArrayRef {
    let mut builder = ColumnBuilder::new(&ty.logical, values.len());
    values.iter().for_each(|v| builder.push(v));
    builder.finish()
}
