//! How batches travel between tasks of one process: split by target, made large enough to be worth
//! a hand-over, and queued with a bound.
//!
//! A task's output [`Outputs::emit`]s a batch to every edge; a [`Partitioner`] says which rows go
//! to which consumer subtask; a [`coalesce::Coalescer`] a target joins small pieces; the
//! consumer's [`InputQueue`] takes them, and makes the producer wait when its channel is full.

pub mod coalesce;
pub mod local;
pub mod outputs;
pub mod partition;

pub use local::{InputQueue, Notice, Received};
pub use outputs::{Outputs, Target};
pub use partition::Partitioner;

use crate::checkpoint::Barrier;
use crate::{Batch, Error};

/// What travels in a channel, in order.
#[derive(Debug)]
pub enum Element {
    /// Rows and marks.
    Batch(Batch),
    /// No watermark is to be expected until [`Element::Active`] (`WatermarkStatus.IDLE`).
    Idle,
    /// The channel takes part in the watermark again.
    Active,
    /// What came before belongs to a checkpoint, what follows does not.
    Barrier {
        /// Which checkpoint.
        barrier: Barrier,
        /// Batches of the channel that come after the barrier though they belong before it, oldest
        /// first: it has overtaken them, and they stay in the channel.
        overtaken: Vec<Batch>,
    },
    /// Nothing will follow.
    End,
}

/// Why a task leaves its loop before its input has ended.
#[derive(Debug)]
pub enum Stop {
    /// The job was cancelled, or another task failed.
    Cancelled,
    /// This task failed.
    Failed(Error),
    /// The state that this task was to go on from cannot be used: it is damaged or does not fit.
    /// To try it again gives the same.
    Unrestorable(Error),
}

/// Result of work that a cancel may end.
pub type Outcome<T> = std::result::Result<T, Stop>;

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Failed(error.into())
    }
}
