//! Table functions by name: `UNNEST`, and the place where others are added.

mod unnest;

use arrow_array::ArrayRef;
use river_core::{DataType, Field};
use river_runtime::{Error, Result};

/// A function that gives any number of rows for each input row.
pub trait TableFunction: Send {
    /// The rows for `rows` calls: for each given row the number of its call (ascending), and the
    /// columns of the given rows.
    fn call(&mut self, args: &[ArrayRef], rows: usize) -> Result<(Vec<u32>, Vec<ArrayRef>)>;
}

/// The function of that name for arguments of these types, giving those columns.
///
/// Errors: there is no such function, or it does not take such arguments.
pub fn create(name: &str, args: &[DataType], output: &[Field]) -> Result<Box<dyn TableFunction>> {
    if name.starts_with("UNNEST") {
        return Ok(Box::new(unnest::Unnest::new(args, output)?));
    }
    Err(Error::input(format!("table function '{name}' does not exist; UNNEST is what river has")))
}
