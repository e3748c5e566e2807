//! Flink SQL: from script text to bound, typed plans.
//!
//! ```text
//! text -> parse (syntax tree) -> bind (typed logical algebra, rel) -> rewrite -> physical (plan)
//! ```
//!
//! [`session::Session`] drives it statement by statement. The crate does no I/O and runs nothing;
//! what it must know of connectors it asks through [`catalog::Connectors`].

pub mod bind;
pub mod catalog;
pub mod error;
pub mod parse;
pub mod physical;
pub mod rel;
pub mod rewrite;
pub mod session;

pub use error::{Result, SqlError};
