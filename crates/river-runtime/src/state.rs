//! Building blocks of keyed state in memory: keys to dense slots, compact storage of rows, and the
//! tables that checkpoints save.
//!
//! Used by the operators of `river-ops`; the exchange uses [`hash`]. Values kept here are owned:
//! never a view of a batch's buffers.

pub mod fixed;
pub mod hash;
pub mod keys;
pub mod row_store;
mod slot_set;
pub mod table;

pub use hash::hash_columns;
pub use keys::{KeyIndex, MISSING};
pub use row_store::RowStore;
pub use slot_set::SlotSet;
pub use table::{Checkpointed, Keyed, Saved, StateTable};
