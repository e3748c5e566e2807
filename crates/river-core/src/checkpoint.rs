//! Checkpoints: the decisions of when to take one, when it is complete, what to keep, and what
//! its failure means; and the restart strategies that bring a failed job back to the last one.
//!
//! All of it is pure: events and the time come in, commands go out. The driver (in `river`)
//! sends barriers, writes files and runs the clock; it must carry out commands in their order
//! and invent none. The format of what is stored is not known here.
//!
//! Sources of the rules: Flink 2.3 `CheckpointCoordinator`, `CheckpointRequestDecider`,
//! `CheckpointFailureManager`, `DefaultCheckpointPlanCalculator`, `CheckpointProperties`,
//! `RestartBackoffTimeStrategy`, and the options `execution.checkpointing.*`,
//! `execution.state-recovery.*`, `restart-strategy.*`.

pub mod coordinator;
pub mod failure;
pub mod message;
pub mod options;
mod pending;
mod requests;
pub mod restart;
mod retention;
mod schedule;
#[cfg(test)]
mod sim;
pub mod statistics;

pub use coordinator::Coordinator;
pub use failure::{Failure, FailureReason};
pub use message::{Alignment, CheckpointId, Command, Event, Kind, Stop, TaskId};
pub use options::{CheckpointOptions, CheckpointingMode, ClaimMode, RecoveryOptions, Retention};
pub use restart::{RestartOptions, RestartStrategy};
pub use retention::JobEnd;
pub use statistics::{CheckpointRecord, Statistics, Status};
