//! Sort keys as byte strings that compare as the rows do (`ORDER BY` with `DESC` and NULLS
//! FIRST/LAST), made a batch at a time. Floats order as Java's `compare` does: -0.0 below 0.0, NaN
//! above all.

use arrow_array::ArrayRef;
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::SortOptions;
use river_core::plan::SortKey;
use river_core::{Field, LogicalType};
use river_runtime::{Error, Result};

/// Encodes the sort columns of batches.
pub struct Order {
    columns: Vec<usize>,
    converter: RowConverter,
    width: Option<usize>,
}

/// The encoded sort keys of one batch.
pub struct OrderKeys(Option<Rows>);

impl OrderKeys {
    /// The key of a row; smaller means earlier in the order.
    pub fn get(&self, row: usize) -> &[u8] {
        self.0.as_ref().map_or(&[], |rows| rows.row(row).data())
    }
}

impl Order {
    /// An order over columns of that input.
    pub fn new(input: &[Field], keys: &[SortKey]) -> Result<Order> {
        let mut fields = Vec::with_capacity(keys.len());
        let mut width = Some(0);
        for key in keys {
            let ty = input
                .get(key.column)
                .map(|f| &f.ty.logical)
                .ok_or_else(|| Error::internal("a sort key is no column of the input"))?;
            let options = SortOptions { descending: key.descending, nulls_first: key.nulls_first };
            fields.push(SortField::new_with_options(ty.to_arrow(), options));
            width = width.zip(fixed_width(ty)).map(|(sum, bytes)| sum + bytes);
        }
        let converter = RowConverter::new(fields)?;
        Ok(Order { columns: keys.iter().map(|k| k.column).collect(), converter, width })
    }

    /// The keys of a batch's rows.
    pub fn keys(&self, columns: &[ArrayRef]) -> Result<OrderKeys> {
        if self.columns.is_empty() {
            return Ok(OrderKeys(None));
        }
        let sorted: Vec<ArrayRef> = self.columns.iter().map(|c| columns[*c].clone()).collect();
        Ok(OrderKeys(Some(self.converter.convert_columns(&sorted)?)))
    }

    /// Whether every key fits [`u128`], so that no memory is allocated for it.
    pub fn is_small(&self) -> bool {
        self.width.is_some_and(|width| width <= 16)
    }
}

/// Bytes of an encoded value with its NULL byte, if all values of the type have as many.
fn fixed_width(ty: &LogicalType) -> Option<usize> {
    use LogicalType::*;
    Some(match ty {
        Boolean | TinyInt => 2,
        SmallInt => 3,
        Int | Float | Date | Time(_) | IntervalYearMonth => 5,
        BigInt | Double | Timestamp(..) | TimestampLtz(..) | IntervalDayTime => 9,
        _ => return None,
    })
}

/// A sort key as it is kept in state.
pub trait StoredKey: Ord + Clone + Send + 'static {
    /// Keeps an encoded key.
    fn from_bytes(bytes: &[u8]) -> Self;

    /// Whether this key comes after the encoded one.
    fn is_after(&self, bytes: &[u8]) -> bool {
        *self > Self::from_bytes(bytes)
    }
}

impl StoredKey for u128 {
    fn from_bytes(bytes: &[u8]) -> u128 {
        let mut padded = [0; 16];
        let length = bytes.len().min(16);
        padded[..length].copy_from_slice(&bytes[..length]);
        u128::from_be_bytes(padded)
    }
}

impl StoredKey for Box<[u8]> {
    fn from_bytes(bytes: &[u8]) -> Box<[u8]> {
        bytes.into()
    }

    fn is_after(&self, bytes: &[u8]) -> bool {
        **self > *bytes
    }
}
