//! Runs tasks: batches and the marks inside them, operators, chains, exchanges, watermarks,
//! sources and sinks.
//!
//! A *task* is one thread that runs one chain of operators for one subtask; tasks are joined by
//! bounded channels, so a slow one slows those before it. The crate knows no SQL and no connector:
//! those implement [`operator::Operator`], [`source::SourceReader`] and [`sink::SinkWriter`].

pub mod batch;
pub mod chain;
pub mod checkpoint;
pub mod error;
pub mod exchange;
pub mod gate;
pub mod graph;
pub mod lookup;
pub mod metrics;
pub mod operator;
pub mod sink;
pub mod source;
pub mod state;
pub mod task;
pub mod values;

pub use batch::{Batch, Kinds, MAX_WATERMARK, Mark};
pub use error::{Error, Result};
pub use operator::{Operator, OperatorContext, Output, Status};
