//! Pure data and decisions of river: Flink's logical types, values, bound expressions and plans,
//! changelog modes, options and key groups.
//!
//! Everything here is plain data with no I/O, clock, thread or randomness. The SQL front end
//! (`river-sql`) produces a [`plan::Plan`]; the runtime crates execute it. Only types of this
//! crate are stored in savepoints or sent between processes.

pub mod changelog;
pub mod checkpoint;
pub mod expr;
pub mod key_group;
pub mod options;
pub mod plan;
pub mod state_options;
pub mod types;
pub mod value;

pub use changelog::{ChangelogMode, RowKind};
pub use expr::Expr;
pub use types::{DataType, Field, LogicalType};
pub use value::Value;
