//! Aggregate functions over slots: a slot is the state of one group (or of one group in one
//! window), numbered by the operator that owns the accumulator.
//!
//! An accumulator holds the state of *all* slots in columns and works on whole batches, so the cost
//! of a virtual call is paid per batch, not per row. Operators: updating `GROUP BY` uses
//! [`Accumulator::update_running`] to emit every change as Flink does; windows use
//! [`Accumulator::update`], [`Accumulator::merge`] and [`Accumulator::values`].

mod bitmap;
mod collect;
mod count;
mod distinct;
mod extreme;
mod first_last;
mod fold;
mod json;
mod number;
mod order;
mod percentile;
mod pick;
mod rows;
mod signature;
mod slow;
mod variance;

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;

use arrow_array::{ArrayRef, BooleanArray};
use river_core::DataType;

use crate::{BindError, Result, Session};

/// The rows of one batch as an aggregate sees them.
pub struct AggregateInput<'a> {
    /// Slot of each row.
    pub slots: &'a [u32],
    /// Argument columns, one value a row.
    pub args: &'a [ArrayRef],
    /// `FILTER (WHERE ..)`: rows that are not true (NULL counts as false) are passed over.
    pub filter: Option<&'a BooleanArray>,
    /// Whether each row is taken away (`-U`, `-D`) instead of added; `None`: all are added.
    pub retract: Option<&'a [bool]>,
}

/// The state of one aggregate call for all slots.
pub trait Accumulator: Send {
    /// Makes sure that slots `0..slots` exist; new ones are empty.
    fn grow(&mut self, slots: usize);

    /// Adds (or takes away) every row.
    fn update(&mut self, input: &AggregateInput) -> Result<()>;

    /// As [`Accumulator::update`], and returns for each row the result of its slot just before
    /// and just after the row, so that every change can be emitted.
    fn update_running(&mut self, input: &AggregateInput) -> Result<(ArrayRef, ArrayRef)>;

    /// Adds the state of slot `from[i]` to that of slot `into[i]`; `from` stays as it is.
    fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()>;

    /// Empties the slots, so that their numbers can be used again.
    fn reset(&mut self, slots: &[u32]);

    /// Results of the slots, one row each.
    fn values(&self, slots: &[u32]) -> Result<ArrayRef>;

    /// State of the slots as columns (one row each), for checkpoints and two-phase aggregation.
    fn save(&self, slots: &[u32]) -> Result<Vec<ArrayRef>>;

    /// Replaces the state of the slots by rows of [`Accumulator::save`].
    fn load(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()>;

    /// Types of the columns of [`Accumulator::save`].
    fn state_types(&self) -> Vec<DataType>;

    /// Bytes of memory that it holds, about: what its values refer to may be left out.
    fn memory(&self) -> usize;
}

/// What the binder must know of an aggregate call.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// Canonical name.
    pub function: &'static str,
    /// Types the arguments must be cast to first.
    pub args: Vec<DataType>,
    /// Type of the result; nullable as Flink says (`COUNT` never is; others are, without grouping
    /// keys or with nullable input).
    pub ty: DataType,
}

/// An aggregate function.
pub struct AggregateFunction {
    /// Canonical upper-case name.
    pub name: &'static str,
    /// How it is called.
    pub signature: &'static str,
    /// One sentence or two: what it gives, its NULL rule, its errors.
    pub doc: &'static str,
    /// Types of a call with arguments of these types; `grouped` says whether there are grouping
    /// keys and no `FILTER` (else a group may have no row, and results are nullable).
    pub bind:
        fn(&Session, args: &[DataType], grouped: bool) -> std::result::Result<Bound, BindError>,
    /// Its state; `retract` says whether rows may be taken away again.
    pub create:
        fn(args: &[DataType], out: &DataType, retract: bool) -> Result<Box<dyn Accumulator>>,
}

/// Every aggregate function.
const FUNCTIONS: &[&[AggregateFunction]] = &[
    number::FUNCTIONS,
    extreme::FUNCTIONS,
    first_last::FUNCTIONS,
    variance::FUNCTIONS,
    collect::FUNCTIONS,
    json::FUNCTIONS,
    percentile::FUNCTIONS,
    bitmap::FUNCTIONS,
];

/// The aggregate function of that name, in any case.
pub fn lookup(name: &str) -> Option<&'static AggregateFunction> {
    let mut all = FUNCTIONS.iter().flat_map(|group| group.iter());
    all.find(|f| f.name.eq_ignore_ascii_case(name))
}

/// All names, for listings.
pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().flat_map(|group| group.iter()).map(|f| f.name)
}

/// The state of a call, `DISTINCT` included.
pub fn create(
    name: &str,
    distinct: bool,
    args: &[DataType],
    out: &DataType,
    retract: bool,
) -> Result<Box<dyn Accumulator>> {
    let function = lookup(name)
        .ok_or_else(|| crate::EvalError::new(format!("aggregate '{name}' does not exist")))?;
    let plain = (function.create)(args, out, retract)?;
    if !distinct || args.is_empty() {
        return Ok(plain);
    }
    Ok(Box::new(distinct::Distinct::new(plain, args)))
}
