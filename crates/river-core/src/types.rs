//! Flink's SQL types (`org.apache.flink.table.types.logical.*`) and how each is laid out in Arrow.
//!
//! A [`DataType`] is a [`LogicalType`] and its nullability. Arrow's own types cannot say `CHAR(n)`,
//! `NOT NULL`, `MULTISET` or time attribute, so expressions and schemas are typed with these; the
//! physical column of a type is given by [`LogicalType::to_arrow`] and is the same everywhere.

use std::fmt;

use arrow_schema::{DataType as Arrow, Field as ArrowField, Fields, IntervalUnit, TimeUnit};
use serde::{Deserialize, Serialize};

/// Length of an unbounded `VARCHAR`/`VARBINARY`: `STRING` and `BYTES` (Java's `Integer.MAX_VALUE`).
pub const MAX_LENGTH: u32 = 2_147_483_647;
/// Largest precision of `DECIMAL`.
pub const MAX_DECIMAL_PRECISION: u8 = 38;

/// Whether a `TIMESTAMP(3)`/`TIMESTAMP_LTZ(3)` column is a time attribute, and of which kind
/// (`TimestampKind` in Flink).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum TimeKind {
    /// An ordinary timestamp.
    #[default]
    Regular,
    /// An event-time attribute: a watermark is declared on it.
    Rowtime,
    /// A processing-time attribute, materialised when it is read.
    Proctime,
}

/// A Flink logical type without its nullability.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LogicalType {
    /// The type of a bare `NULL` literal, castable to anything.
    Null,
    /// `BOOLEAN`
    Boolean,
    /// `TINYINT`, 8 bits
    TinyInt,
    /// `SMALLINT`, 16 bits
    SmallInt,
    /// `INT`, 32 bits
    Int,
    /// `BIGINT`, 64 bits
    BigInt,
    /// `FLOAT`, 32 bits
    Float,
    /// `DOUBLE`, 64 bits
    Double,
    /// `DECIMAL(precision, scale)`, 1 <= precision <= 38, scale <= precision
    Decimal(u8, u8),
    /// `CHAR(n)` in characters; `CHAR(0)` is the type of `''`
    Char(u32),
    /// `VARCHAR(n)` in characters; `n` = [`MAX_LENGTH`] is `STRING`
    VarChar(u32),
    /// `BINARY(n)` in bytes
    Binary(u32),
    /// `VARBINARY(n)` in bytes; `n` = [`MAX_LENGTH`] is `BYTES`
    VarBinary(u32),
    /// `DATE`: days since 1970-01-01
    Date,
    /// `TIME(p)`: milliseconds of the day whatever the precision (as in Flink)
    Time(u8),
    /// `TIMESTAMP(p)` without time zone
    Timestamp(u8, TimeKind),
    /// `TIMESTAMP_LTZ(p)`: an instant, shown in the session time zone
    TimestampLtz(u8, TimeKind),
    /// `INTERVAL YEAR TO MONTH`: months
    IntervalYearMonth,
    /// `INTERVAL DAY TO SECOND`: milliseconds
    IntervalDayTime,
    /// `ARRAY<t>`
    Array(Box<DataType>),
    /// `MAP<k, v>`
    Map(Box<DataType>, Box<DataType>),
    /// `MULTISET<t>`: value to count
    Multiset(Box<DataType>),
    /// `ROW<...>`
    Row(Vec<Field>),
    /// `VARIANT`: semi-structured value, kept as JSON text
    Variant,
    /// `BITMAP`: a set of 32-bit integers, kept as serialised bytes
    Bitmap,
    /// `DESCRIPTOR`: a column list argument of a table function; never a column
    Descriptor,
}

/// A named field of a row type or schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// Name, case sensitive as everywhere in Flink.
    pub name: String,
    /// Type of the field.
    pub ty: DataType,
}

impl Field {
    /// A field of that name and type.
    pub fn new(name: impl Into<String>, ty: DataType) -> Self {
        Field { name: name.into(), ty }
    }
}

/// A logical type with its nullability.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DataType {
    /// The type itself.
    pub logical: LogicalType,
    /// Whether NULL is a value of it.
    pub nullable: bool,
}

impl LogicalType {
    /// `STRING`
    pub const STRING: LogicalType = LogicalType::VarChar(MAX_LENGTH);
    /// `BYTES`
    pub const BYTES: LogicalType = LogicalType::VarBinary(MAX_LENGTH);

    /// `TIMESTAMP(p)` that is no time attribute.
    pub fn timestamp(p: u8) -> Self {
        LogicalType::Timestamp(p, TimeKind::Regular)
    }

    /// `TIMESTAMP_LTZ(p)` that is no time attribute.
    pub fn timestamp_ltz(p: u8) -> Self {
        LogicalType::TimestampLtz(p, TimeKind::Regular)
    }

    /// This type, nullable.
    pub fn nullable(self) -> DataType {
        DataType { logical: self, nullable: true }
    }

    /// This type, `NOT NULL`.
    pub fn not_null(self) -> DataType {
        DataType { logical: self, nullable: false }
    }

    /// This type with the given nullability.
    pub fn with_nullable(self, nullable: bool) -> DataType {
        DataType { logical: self, nullable }
    }

    /// `CHAR` or `VARCHAR`.
    pub fn is_character(&self) -> bool {
        matches!(self, LogicalType::Char(_) | LogicalType::VarChar(_))
    }

    /// `BINARY` or `VARBINARY`.
    pub fn is_binary(&self) -> bool {
        matches!(self, LogicalType::Binary(_) | LogicalType::VarBinary(_))
    }

    /// `TINYINT`, `SMALLINT`, `INT` or `BIGINT`.
    pub fn is_integer(&self) -> bool {
        use LogicalType::*;
        matches!(self, TinyInt | SmallInt | Int | BigInt)
    }

    /// `FLOAT` or `DOUBLE`.
    pub fn is_approximate(&self) -> bool {
        matches!(self, LogicalType::Float | LogicalType::Double)
    }

    /// `DECIMAL`.
    pub fn is_decimal(&self) -> bool {
        matches!(self, LogicalType::Decimal(..))
    }

    /// Any number: integer, decimal or approximate.
    pub fn is_numeric(&self) -> bool {
        self.is_integer() || self.is_approximate() || self.is_decimal()
    }

    /// `TIMESTAMP` or `TIMESTAMP_LTZ` of any kind.
    pub fn is_timestamp(&self) -> bool {
        matches!(self, LogicalType::Timestamp(..) | LogicalType::TimestampLtz(..))
    }

    /// `DATE`, `TIME`, `TIMESTAMP` or `TIMESTAMP_LTZ`.
    pub fn is_datetime(&self) -> bool {
        self.is_timestamp() || matches!(self, LogicalType::Date | LogicalType::Time(_))
    }

    /// Either interval type.
    pub fn is_interval(&self) -> bool {
        matches!(self, LogicalType::IntervalYearMonth | LogicalType::IntervalDayTime)
    }

    /// The kind of time attribute, [`TimeKind::Regular`] for all other types.
    pub fn time_kind(&self) -> TimeKind {
        match self {
            LogicalType::Timestamp(_, kind) | LogicalType::TimestampLtz(_, kind) => *kind,
            _ => TimeKind::Regular,
        }
    }

    /// The same type, no longer (or newly) a time attribute.
    pub fn with_time_kind(&self, kind: TimeKind) -> LogicalType {
        match self {
            LogicalType::Timestamp(p, _) => LogicalType::Timestamp(*p, kind),
            LogicalType::TimestampLtz(p, _) => LogicalType::TimestampLtz(*p, kind),
            other => other.clone(),
        }
    }

    /// Fraction digits of a time or timestamp type, else 0.
    pub fn time_precision(&self) -> u8 {
        match self {
            LogicalType::Time(p)
            | LogicalType::Timestamp(p, _)
            | LogicalType::TimestampLtz(p, _) => *p,
            _ => 0,
        }
    }

    /// The exact numeric type that holds every value of an integer type
    /// (`LogicalTypeMerging`): `INT` is `DECIMAL(10, 0)`. A decimal is itself.
    pub fn as_decimal(&self) -> Option<(u8, u8)> {
        match self {
            LogicalType::TinyInt => Some((3, 0)),
            LogicalType::SmallInt => Some((5, 0)),
            LogicalType::Int => Some((10, 0)),
            LogicalType::BigInt => Some((19, 0)),
            LogicalType::Decimal(p, s) => Some((*p, *s)),
            _ => None,
        }
    }

    /// The Arrow layout of a column of this type. Strings are views inside a task: filtering and
    /// partitioning then copy 16 bytes a row whatever the text's length.
    pub fn to_arrow(&self) -> Arrow {
        match self {
            LogicalType::Null => Arrow::Null,
            LogicalType::Boolean => Arrow::Boolean,
            LogicalType::TinyInt => Arrow::Int8,
            LogicalType::SmallInt => Arrow::Int16,
            LogicalType::Int => Arrow::Int32,
            LogicalType::BigInt => Arrow::Int64,
            LogicalType::Float => Arrow::Float32,
            LogicalType::Double => Arrow::Float64,
            LogicalType::Decimal(p, s) => Arrow::Decimal128(*p, *s as i8),
            LogicalType::Char(_) | LogicalType::VarChar(_) | LogicalType::Variant => {
                Arrow::Utf8View
            }
            LogicalType::Binary(_) | LogicalType::VarBinary(_) | LogicalType::Bitmap => {
                Arrow::BinaryView
            }
            LogicalType::Date => Arrow::Date32,
            LogicalType::Time(_) => Arrow::Time32(TimeUnit::Millisecond),
            LogicalType::Timestamp(p, _) => Arrow::Timestamp(time_unit(*p), None),
            LogicalType::TimestampLtz(p, _) => Arrow::Timestamp(time_unit(*p), Some("UTC".into())),
            LogicalType::IntervalYearMonth => Arrow::Interval(IntervalUnit::YearMonth),
            LogicalType::IntervalDayTime => Arrow::Duration(TimeUnit::Millisecond),
            LogicalType::Array(item) => {
                Arrow::List(ArrowField::new("item", item.logical.to_arrow(), true).into())
            }
            LogicalType::Map(key, value) => map_to_arrow(key, value.logical.to_arrow()),
            LogicalType::Multiset(item) => map_to_arrow(item, Arrow::Int32),
            LogicalType::Row(fields) => Arrow::Struct(to_arrow_fields(fields)),
            LogicalType::Descriptor => Arrow::Null,
        }
    }
}

/// Arrow's unit for a timestamp of that many fraction digits: milliseconds up to 3, microseconds
/// up to 6, nanoseconds up to 9 (years 1677 to 2262 only, the range of 64 bits).
pub fn time_unit(precision: u8) -> TimeUnit {
    match precision {
        0..=3 => TimeUnit::Millisecond,
        4..=6 => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    }
}

/// Ticks of [`time_unit`] in one second.
pub fn ticks_per_second(precision: u8) -> i64 {
    match time_unit(precision) {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Arrow fields of a row. Children are always nullable physically: a NULL row has no children.
pub fn to_arrow_fields(fields: &[Field]) -> Fields {
    fields.iter().map(|f| ArrowField::new(&f.name, f.ty.logical.to_arrow(), true)).collect()
}

/// A map is a list of its entries: Flink allows NULL keys, which Arrow's own map does not.
fn map_to_arrow(key: &DataType, value: Arrow) -> Arrow {
    let entries = Fields::from(vec![
        ArrowField::new("key", key.logical.to_arrow(), true),
        ArrowField::new("value", value, true),
    ]);
    Arrow::List(ArrowField::new("entries", Arrow::Struct(entries), false).into())
}

impl DataType {
    /// The same type with another nullability.
    pub fn with_nullable(&self, nullable: bool) -> DataType {
        DataType { logical: self.logical.clone(), nullable }
    }

    /// The type with time attributes made regular (what leaves the world of watermarks).
    pub fn materialised(&self) -> DataType {
        self.logical.with_time_kind(TimeKind::Regular).with_nullable(self.nullable)
    }
}

impl fmt::Display for LogicalType {
    /// Flink's summary form (`asSummaryString`): `VARCHAR(2147483647)` prints as `STRING`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogicalType::Null => f.write_str("NULL"),
            LogicalType::Boolean => f.write_str("BOOLEAN"),
            LogicalType::TinyInt => f.write_str("TINYINT"),
            LogicalType::SmallInt => f.write_str("SMALLINT"),
            LogicalType::Int => f.write_str("INT"),
            LogicalType::BigInt => f.write_str("BIGINT"),
            LogicalType::Float => f.write_str("FLOAT"),
            LogicalType::Double => f.write_str("DOUBLE"),
            LogicalType::Decimal(p, s) => write!(f, "DECIMAL({p}, {s})"),
            LogicalType::Char(n) => write!(f, "CHAR({n})"),
            LogicalType::VarChar(MAX_LENGTH) => f.write_str("STRING"),
            LogicalType::VarChar(n) => write!(f, "VARCHAR({n})"),
            LogicalType::Binary(n) => write!(f, "BINARY({n})"),
            LogicalType::VarBinary(MAX_LENGTH) => f.write_str("BYTES"),
            LogicalType::VarBinary(n) => write!(f, "VARBINARY({n})"),
            LogicalType::Date => f.write_str("DATE"),
            LogicalType::Time(p) => write!(f, "TIME({p})"),
            LogicalType::Timestamp(p, kind) => write!(f, "TIMESTAMP({p}){}", kind_suffix(*kind)),
            LogicalType::TimestampLtz(p, kind) => {
                write!(f, "TIMESTAMP_LTZ({p}){}", kind_suffix(*kind))
            }
            LogicalType::IntervalYearMonth => f.write_str("INTERVAL MONTH"),
            LogicalType::IntervalDayTime => f.write_str("INTERVAL SECOND(3)"),
            LogicalType::Array(t) => write!(f, "ARRAY<{t}>"),
            LogicalType::Map(k, v) => write!(f, "MAP<{k}, {v}>"),
            LogicalType::Multiset(t) => write!(f, "MULTISET<{t}>"),
            LogicalType::Row(fields) => {
                f.write_str("ROW<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}`{}` {}", field.name.replace('`', "``"), field.ty)?;
                }
                f.write_str(">")
            }
            LogicalType::Variant => f.write_str("VARIANT"),
            LogicalType::Bitmap => f.write_str("BITMAP"),
            LogicalType::Descriptor => f.write_str("DESCRIPTOR"),
        }
    }
}

fn kind_suffix(kind: TimeKind) -> &'static str {
    match kind {
        TimeKind::Regular => "",
        TimeKind::Rowtime => " *ROWTIME*",
        TimeKind::Proctime => " *PROCTIME*",
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Flink writes the kind of a time attribute behind the nullability.
        let kind = self.logical.time_kind();
        let regular = self.logical.with_time_kind(TimeKind::Regular);
        let nullability = if self.nullable { "" } else { " NOT NULL" };
        write!(f, "{regular}{nullability}{}", kind_suffix(kind))
    }
}
