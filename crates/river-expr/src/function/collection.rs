//! Arrays, maps and rows: constructors, access, and Flink's `ARRAY_*` and `MAP_*` functions.
//!
//! Most work on single values row by row: an element can be of any type.

pub mod array;
pub mod construct;
pub mod map;
pub mod order;

#[cfg(test)]
mod tests;
