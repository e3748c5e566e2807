//! The SQL operators of river, each its own file, vectorised on Arrow columns.
//!
//! A task calls [`build::build`] for each node of its chain and drives the result through
//! [`river_runtime::Operator`]. Each operator gives the changes of its Flink counterpart, in
//! Flink's order (`org.apache.flink.table.runtime.operators`). Nothing here does I/O or knows a
//! connector; a table to look up comes in as [`river_runtime::lookup::LookupTable`].

pub mod aggregate;
pub mod build;
pub mod calc;
mod change;
pub mod changelog_normalize;
mod changes;
pub mod correlate;
pub mod deduplicate;
pub mod drop_update_before;
pub mod expand;
pub mod join;
pub mod lookup_join;
mod one_row;
mod order;
mod pairs;
mod pending;
pub mod rank;
mod saved;
pub mod single_row;
pub mod sink;
pub mod sink_constraint;
pub mod sort;
mod stored_rows;
pub mod table_function;
#[cfg(test)]
mod testing;
mod ttl;
pub mod union;
pub mod upsert_materialize;
pub mod watermark_assigner;
pub mod window;
pub mod window_join;
pub mod window_rank;

pub use build::build;
