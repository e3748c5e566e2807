//! The columns of a `nexmark` table and the selection a query makes of them.

use arrow_schema::DataType as Arrow;
use river_core::types::{Field, LogicalType};

/// The four columns in table order. A script's own DDL must name the same types.
pub fn columns() -> Vec<Field> {
    vec![
        nullable("event_type", LogicalType::Int),
        nullable("person", row(&PERSON)),
        nullable("auction", row(&AUCTION)),
        nullable("bid", row(&BID)),
    ]
}

#[derive(Clone, Copy)]
enum Type {
    Long,
    Text,
    Time,
}

const PERSON: [(&str, Type); 8] = [
    ("id", Type::Long),
    ("name", Type::Text),
    ("emailAddress", Type::Text),
    ("creditCard", Type::Text),
    ("city", Type::Text),
    ("state", Type::Text),
    ("dateTime", Type::Time),
    ("extra", Type::Text),
];

const AUCTION: [(&str, Type); 10] = [
    ("id", Type::Long),
    ("itemName", Type::Text),
    ("description", Type::Text),
    ("initialBid", Type::Long),
    ("reserve", Type::Long),
    ("dateTime", Type::Time),
    ("expires", Type::Time),
    ("seller", Type::Long),
    ("category", Type::Long),
    ("extra", Type::Text),
];

const BID: [(&str, Type); 7] = [
    ("auction", Type::Long),
    ("bidder", Type::Long),
    ("price", Type::Long),
    ("channel", Type::Text),
    ("url", Type::Text),
    ("dateTime", Type::Time),
    ("extra", Type::Text),
];

fn row(fields: &[(&str, Type)]) -> LogicalType {
    let fields = fields.iter().map(|(name, ty)| {
        nullable(
            name,
            match ty {
                Type::Long => LogicalType::BigInt,
                Type::Text => LogicalType::STRING,
                Type::Time => LogicalType::timestamp(3),
            },
        )
    });
    LogicalType::Row(fields.collect())
}

fn nullable(name: &str, ty: LogicalType) -> Field {
    Field::new(name, ty.nullable())
}

/// One column of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Column 0 to 3 with all that is in it.
    Column(usize),
    /// A row column in its full shape, of which only these fields are filled; the others are NULL.
    Fields(usize, Vec<usize>),
    /// One field of a row column, as a column of its own.
    Field(usize, usize),
}

/// The columns of the output, in order. Fields that no entry wants are never made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection(Vec<Wanted>);

/// A selection of a column or field that the table does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchColumn {
    /// Position of the column.
    #[error("a nexmark table has no column {0}")]
    Column(usize),
    /// Position of the column and of the field in it.
    #[error("column {0} of a nexmark table has no field {1}")]
    Field(usize, usize),
}

impl Projection {
    /// The whole table.
    pub fn all() -> Projection {
        Projection((0..4).map(Wanted::Column).collect())
    }

    /// A selection.
    ///
    /// # Errors
    /// A column beyond 3, or a field that its row does not have.
    pub fn new(wanted: Vec<Wanted>) -> Result<Projection, NoSuchColumn> {
        let columns = columns();
        let field_count = |column: usize| match columns.get(column).map(|c| &c.ty.logical) {
            Some(LogicalType::Row(fields)) => Some(fields.len()),
            Some(_) => Some(0),
            None => None,
        };
        for entry in &wanted {
            let (column, fields) = match entry {
                Wanted::Column(column) => (*column, &[][..]),
                Wanted::Fields(column, fields) => (*column, fields.as_slice()),
                Wanted::Field(column, field) => (*column, std::slice::from_ref(field)),
            };
            let Some(count) = field_count(column) else {
                return Err(NoSuchColumn::Column(column));
            };
            if let Some(&field) = fields.iter().find(|field| **field >= count) {
                return Err(NoSuchColumn::Field(column, field));
            }
        }
        Ok(Projection(wanted))
    }

    /// The output columns.
    pub(super) fn wanted(&self) -> &[Wanted] {
        &self.0
    }
}

/// The Arrow types of the table's columns.
pub(super) fn arrow_columns() -> Vec<Arrow> {
    columns().iter().map(|column| column.ty.logical.to_arrow()).collect()
}
