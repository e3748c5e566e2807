//! Building blocks of keyed state in memory: keys to dense slots, and compact storage of rows.
//!
//! Used by the operators of `river-ops`; the exchange uses [`hash`]. Nothing here knows of
//! checkpoints, but all of it can be walked key by key with the key's hash, so that a snapshot can
//! be cut by key group. Values kept here are owned: never a view of a batch's buffers.

pub mod fixed;
pub mod hash;
pub mod keys;
pub mod row_store;

pub use hash::hash_columns;
pub use keys::{KeyIndex, MISSING};
pub use row_store::RowStore;
