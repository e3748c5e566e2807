//! Types as they are written, before defaults and range checks.

use super::{Ident, ObjectName, Span, Text};

/// A type as written, with its nullability.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeName {
    /// The type itself.
    pub kind: TypeNameKind,
    /// `Some(false)` for `NOT NULL`, `Some(true)` for an explicit `NULL`, `None` if unsaid.
    pub nullable: Option<bool>,
    /// Where it was written.
    pub span: Span,
}

/// A type as written, without its nullability. Lengths and precisions are as written: `None` when
/// left out, unchecked otherwise.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeNameKind {
    /// `BOOLEAN`
    Boolean,
    /// `TINYINT`
    TinyInt,
    /// `SMALLINT`
    SmallInt,
    /// `INT`, `INTEGER`
    Int,
    /// `BIGINT`
    BigInt,
    /// `FLOAT`, `REAL`
    Float,
    /// `DOUBLE [PRECISION]`
    Double,
    /// `DECIMAL`, `DEC`, `NUMERIC` with precision and scale
    Decimal {
        /// Number of digits.
        precision: Option<u64>,
        /// Number of digits after the point; may be written negative.
        scale: Option<i64>,
    },
    /// `CHAR[ACTER][(n)]`
    Char(Option<u64>),
    /// `VARCHAR[(n)]`, `CHAR[ACTER] VARYING[(n)]`
    VarChar(Option<u64>),
    /// `STRING`
    String,
    /// `BINARY[(n)]`
    Binary(Option<u64>),
    /// `VARBINARY[(n)]`, `BINARY VARYING[(n)]`
    VarBinary(Option<u64>),
    /// `BYTES`
    Bytes,
    /// `DATE`
    Date,
    /// `TIME[(p)] [WITHOUT TIME ZONE]`
    Time(Option<u64>),
    /// `TIME[(p)] WITH LOCAL TIME ZONE`
    TimeLocalZone(Option<u64>),
    /// `TIMESTAMP[(p)] [WITHOUT TIME ZONE]`
    Timestamp(Option<u64>),
    /// `TIMESTAMP[(p)] WITH LOCAL TIME ZONE`, `TIMESTAMP_LTZ[(p)]`
    TimestampLtz(Option<u64>),
    /// `TIMESTAMP[(p)] WITH TIME ZONE`: written, but not usable in Flink
    TimestampTz(Option<u64>),
    /// `INTERVAL YEAR [TO MONTH]`, `INTERVAL DAY TO SECOND(3)`, ...
    Interval(IntervalQualifier),
    /// `ARRAY<t>`, `t ARRAY`
    Array(Box<TypeName>),
    /// `MULTISET<t>`, `t MULTISET`
    Multiset(Box<TypeName>),
    /// `MAP<k, v>`
    Map(Box<TypeName>, Box<TypeName>),
    /// `ROW<f t, ...>`, `ROW(f t, ...)`
    Row(Vec<RowField>),
    /// `RAW('class', 'serializer snapshot')`
    Raw {
        /// Java class.
        class: Text,
        /// Base64 of the serializer's snapshot.
        serializer: Text,
    },
    /// `STRUCTURED<'class', f t, ...>`
    Structured {
        /// Java class.
        class: Text,
        /// Fields.
        fields: Vec<RowField>,
    },
    /// `VARIANT`
    Variant,
    /// `BITMAP`
    Bitmap,
    /// `NULL`, the type without values but NULL
    Null,
    /// `ANY`, `SYMBOL` and other words Calcite reads as a type, and structured types by name
    Named(ObjectName),
}

/// A field of a `ROW` type.
#[derive(Debug, Clone, PartialEq)]
pub struct RowField {
    /// Name.
    pub name: Ident,
    /// Type.
    pub ty: TypeName,
    /// Description after the type.
    pub comment: Option<Text>,
}

/// What an interval counts: `YEAR`, `DAY(3) TO SECOND(6)`, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntervalQualifier {
    /// First (largest) unit.
    pub from: TimeUnit,
    /// Digits of the first unit.
    pub from_precision: Option<u64>,
    /// Last unit, when written with `TO`.
    pub to: Option<TimeUnit>,
    /// Digits of the fraction of seconds.
    pub fraction_precision: Option<u64>,
    /// Where it was written.
    pub span: Span,
}

/// A unit of time in intervals, `EXTRACT`, `FLOOR .. TO`, `TIMESTAMPADD`, `TIMESTAMPDIFF`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// `NANOSECOND`
    Nanosecond,
    /// `MICROSECOND`
    Microsecond,
    /// `MILLISECOND`
    Millisecond,
    /// `SECOND`
    Second,
    /// `MINUTE`
    Minute,
    /// `HOUR`
    Hour,
    /// `DAY`
    Day,
    /// `DOW`: day of the week, Sunday is 1
    DayOfWeek,
    /// `ISODOW`: day of the week, Monday is 1
    IsoDayOfWeek,
    /// `DOY`
    DayOfYear,
    /// `WEEK`
    Week,
    /// `MONTH`
    Month,
    /// `QUARTER`
    Quarter,
    /// `YEAR`
    Year,
    /// `ISOYEAR`
    IsoYear,
    /// `EPOCH`
    Epoch,
    /// `DECADE`
    Decade,
    /// `CENTURY`
    Century,
    /// `MILLENNIUM`
    Millennium,
}
