//! Rules that make a relation cheaper and keep what it means: filters move down, columns nobody
//! reads are not made.

use crate::rel::Rel;

mod filter;
mod prune;

/// Applies all rules.
pub fn rewrite(rel: Rel) -> Rel {
    prune::prune(filter::push_down(rel))
}
