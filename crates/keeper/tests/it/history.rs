//! Histories of concurrent clients, as the clients saw them, and what must hold of them.
//!
//! | part | what |
//! |---|---|
//! | [`linear`] | writes, and reads behind a sync, happened one by one, each between its begin and its end |
//! | [`order`] | what each session saw: its own order, no step back, watches before what they tell of |
//! | [`load`] | clients that make histories, and lose their connections meanwhile |
//!
//! Moments are numbers of a counter that all clients share: what has the lower number came first.

pub mod linear;
pub mod load;
pub mod order;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// A moment.
pub type Moment = u64;

/// The next moment, for all threads.
pub fn now(clock: &AtomicU64) -> Moment {
    clock.fetch_add(1, Ordering::SeqCst)
}

/// A node as a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Held {
    pub value: u64,
    pub version: i32,
}

/// What was asked of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Read,
    /// With the version it must have; -1: any.
    Write(u64, i32),
    Create(u64),
    Delete,
}

/// How it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Read(Held),
    /// The version it got.
    Written(i32),
    Done,
    NoNode,
    NodeExists,
    BadVersion,
}

/// An operation on one register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub client: usize,
    pub begun: Moment,
    pub ended: End,
    pub op: Op,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Answered(Moment, Outcome),
    /// The connection broke. It has happened by then, when the session goes on in another one, or
    /// it never happens.
    Lost(Moment),
}

/// All that clients did and saw.
#[derive(Debug, Default)]
pub struct History {
    /// By register.
    pub calls: BTreeMap<String, Vec<Call>>,
    /// By session.
    pub sessions: Vec<order::Session>,
    /// Reads of two registers at once, which are always written together, that differ.
    pub torn: Vec<String>,
}

impl History {
    /// Adds what another client did.
    pub fn merge(&mut self, other: History) {
        for (register, calls) in other.calls {
            self.calls.entry(register).or_default().extend(calls);
        }
        self.sessions.extend(other.sessions);
        self.torn.extend(other.torn);
    }

    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), String> {
        if let Some(torn) = self.torn.first() {
            return Err(torn.clone());
        }
        for (register, calls) in &self.calls {
            linear::check(calls, None).map_err(|error| format!("{register}: {error}"))?;
        }
        order::check(&self.sessions)
    }
}
