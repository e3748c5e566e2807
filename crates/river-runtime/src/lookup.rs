//! Tables that are looked up by key at processing time. Connectors implement [`LookupTable`]; the
//! lookup join of `river-ops` asks.

use arrow_array::ArrayRef;

use crate::{Batch, Result};

/// A table that can be asked for the rows of a key.
pub trait LookupTable: Send {
    /// The table's rows for each of `rows` keys, given as one column a key part, in the order of
    /// the key columns the table was opened with.
    ///
    /// Returns, one entry a found row, the number of the key it belongs to (ascending), and the
    /// rows, with the columns the table was opened with. A NULL in a key finds nothing. Errors: the
    /// table cannot be reached or read.
    fn lookup(&mut self, keys: &[ArrayRef], rows: usize) -> Result<(Vec<u32>, Batch)>;
}
