//! Windows: which windows a row belongs to, when they end, and the operators on them.
//!
//! Window times are *local* milliseconds: for a `TIMESTAMP_LTZ` time column they are shifted to the
//! session time zone (`TimeWindowUtil`), so that days begin at midnight there.

pub mod assign;
#[cfg(test)]
mod clicks;
mod fire;
pub mod progress;
pub mod session;
pub mod session_table;
mod sessions;
pub mod sliced;
mod slices;
pub mod span;
pub mod table_function;
pub mod zone;
