//! The first bytes of an input choose what the rest is decoded as: a table, options, the columns
//! wanted, and in which pieces the bytes come.

use std::sync::LazyLock;

use river_connectors::format::{DecodeSpec, WantedColumn};
use river_core::options::Options;
use river_core::types::{Field, LogicalType};
use river_sql::parse::{parse_type, to_data_type};

/// Bytes that choose.
pub const HEADER: usize = 4;

/// Tables by name; the first ones are those of the conformance tests' inputs.
pub const TABLES: &[(&str, &str)] = &[
    (
        "orders",
        "order_id INT, customer STRING, product STRING, amount DECIMAL(10, 2), currency STRING, \
         order_time TIMESTAMP(3)",
    ),
    (
        "nested",
        "id INT, tags ARRAY<STRING>, attrs MAP<STRING, STRING>, \
         items ARRAY<ROW<sku STRING, qty INT>>, pt ROW<lat DOUBLE, lon DOUBLE>",
    ),
    ("messy", "a INT, b STRING, c DOUBLE, d BOOLEAN, t TIMESTAMP(3)"),
    ("customers", "customer_id INT, name STRING, city STRING, credit INT"),
    ("rates", "currency STRING, rate DECIMAL(10, 4), update_time TIMESTAMP(3)"),
    ("products", "name STRING, category STRING, price DECIMAL(8, 2), since DATE"),
    ("texts", "a STRING, b STRING"),
    (
        "numbers",
        "a TINYINT, b SMALLINT, c INT, d BIGINT, e FLOAT, f DOUBLE, g BOOLEAN, \
         h DECIMAL(38, 0), i DECIMAL(38, 38), j DECIMAL(1, 1)",
    ),
    (
        "times",
        "a DATE, b TIME(0), c TIME(3), d TIMESTAMP(0), e TIMESTAMP(3), f TIMESTAMP(6), \
         g TIMESTAMP(9), h TIMESTAMP_LTZ(0), i TIMESTAMP_LTZ(3), j TIMESTAMP_LTZ(9)",
    ),
    ("bytes", "a CHAR(3), b VARCHAR(2), c BYTES, d BINARY(2), e STRING"),
    (
        "deep",
        "a MAP<STRING, MAP<STRING, ARRAY<INT>>>, b ARRAY<ARRAY<DECIMAL(5, 2)>>, \
         c ROW<x ROW<y ROW<z TIMESTAMP(3)>, w STRING>>, d MULTISET<STRING>, \
         e ARRAY<ROW<m MAP<STRING, DOUBLE>, n BIGINT>>",
    ),
    (
        "lists",
        "a ARRAY<INT>, b ROW<x INT, y STRING, z DECIMAL(5, 2)>, c ARRAY<STRING>, \
         d ARRAY<TIMESTAMP(3)>, e STRING",
    ),
];

static SCHEMAS: LazyLock<Vec<Vec<Field>>> =
    LazyLock::new(|| TABLES.iter().map(|(_, columns)| fields(columns)).collect());

/// What an input asks for.
pub struct Case<'d> {
    /// Columns of the table.
    pub schema: Vec<Field>,
    /// The columns wanted.
    pub spec: DecodeSpec,
    /// Whether all columns are wanted, in order and whole.
    pub whole: bool,
    /// Bits that choose options.
    pub flags: u16,
    /// Rows of a batch.
    pub max_rows: usize,
    /// The bytes come in two pieces, cut here.
    pub split: usize,
    /// The bytes to decode.
    pub data: &'d [u8],
}

impl<'d> Case<'d> {
    /// The case of an input; `None` if it is too short.
    pub fn new(input: &'d [u8]) -> Option<Case<'d>> {
        let (header, data) = input.split_at_checked(HEADER)?;
        let schema = SCHEMAS[usize::from(header[0]) % TABLES.len()].clone();
        let wanted = wanted(&schema, header[3] & 3);
        let whole = header[3] & 3 == 0;
        Some(Case {
            spec: DecodeSpec { schema: schema.clone(), wanted },
            schema,
            whole,
            flags: u16::from_le_bytes([header[1], header[2]]),
            max_rows: 1 << (header[3] >> 2 & 7),
            split: data.len() * usize::from(header[3] >> 5) / 7,
            data,
        })
    }

    /// Whether a bit that chooses options is set.
    pub fn flag(&self, bit: u32) -> bool {
        self.flags >> bit & 1 == 1
    }
}

/// Options from those whose bit is set.
pub fn options(case: &Case, pairs: &[(u32, &str, &str)]) -> Options {
    let set = pairs.iter().filter(|(bit, ..)| case.flag(*bit));
    set.map(|(_, key, value)| (*key, *value)).collect()
}

/// The fields of a list of columns as `CREATE TABLE` has them.
fn fields(columns: &str) -> Vec<Field> {
    let ty = parse_type(&format!("ROW<{columns}>")).and_then(|ty| to_data_type(&ty));
    match ty.map(|ty| ty.logical) {
        Ok(LogicalType::Row(fields)) => fields,
        other => panic!("{columns}: {other:?}"),
    }
}

/// All columns; every second one; all in reverse; or all, but of rows the first field only.
fn wanted(schema: &[Field], choice: u8) -> Vec<WantedColumn> {
    let column = |(position, field): (usize, &Field)| WantedColumn {
        position,
        field: field.clone(),
        used_fields: match field.ty.logical {
            LogicalType::Row(_) if choice == 3 => Some(vec![0]),
            _ => None,
        },
    };
    let all = schema.iter().enumerate();
    match choice {
        1 => all.skip(1).step_by(2).map(column).collect(),
        2 => all.rev().map(column).collect(),
        _ => all.map(column).collect(),
    }
}

/// A decoding of all columns.
pub fn whole(schema: &[Field]) -> DecodeSpec {
    DecodeSpec { schema: schema.to_vec(), wanted: wanted(schema, 0) }
}
