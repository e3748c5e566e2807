//! Building blocks of keyed state: keys to dense slots, compact storage of rows, the tables that
//! checkpoints save, and the disk that they may move keys to.
//!
//! Used by the operators of `river-ops`; the exchange uses [`hash`]. Values kept here are owned:
//! never a view of a batch's buffers.

mod changes;
mod codec;
pub mod disk;
pub mod fixed;
pub mod hash;
mod keyed;
pub mod keys;
pub mod memory;
pub mod row_store;
mod slot_set;
mod spill;
pub mod table;

pub use hash::hash_columns;
pub use keyed::{Keyed, Range};
pub use keys::{KeyIndex, MISSING};
pub use memory::StateMemory;
pub use row_store::RowStore;
pub use slot_set::SlotSet;
pub use table::{Checkpointed, DiskLayout, Lifetime, Saved, StateTable};
