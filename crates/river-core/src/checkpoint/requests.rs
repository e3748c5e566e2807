//! The requests that wait for a free place, and which comes first (`CheckpointRequestDecider`):
//! savepoints, then checkpoints asked for by hand, then the periodic one.

use std::collections::VecDeque;

use super::message::Kind;

/// How many requests may wait (`DEFAULT_MAX_QUEUED_REQUESTS`).
pub(super) const MAX_QUEUED_REQUESTS: usize = 1000;

/// A wish for a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    /// Of what kind.
    pub(super) kind: Kind,
    /// Who wants it; none: the clock.
    pub(super) request: Option<u64>,
}

/// All that wait, in the order in which they will be served.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests {
    savepoints: VecDeque<Request>,
    checkpoints: VecDeque<Request>,
    /// Whether the clock's own wish waits. It is one, however late it gets.
    pub(super) is_periodic_due: bool,
}

impl Requests {
    /// Puts a request last among its kind; gives it back if too many wait.
    pub(super) fn push(&mut self, request: Request) -> Result<(), Request> {
        if self.savepoints.len() + self.checkpoints.len() >= MAX_QUEUED_REQUESTS {
            return Err(request);
        }
        match request.kind.is_savepoint() {
            true => self.savepoints.push_back(request),
            false => self.checkpoints.push_back(request),
        }
        Ok(())
    }

    /// The one to serve next.
    pub(super) fn first(&self) -> Option<Request> {
        let asked = self.savepoints.front().or(self.checkpoints.front()).copied();
        let periodic = Request { kind: Kind::Checkpoint, request: None };
        asked.or(self.is_periodic_due.then_some(periodic))
    }

    /// Takes out the one to serve next.
    pub(super) fn pop(&mut self) -> Option<Request> {
        let first = self.first()?;
        match (first.kind.is_savepoint(), first.request) {
            (true, _) => drop(self.savepoints.pop_front()),
            (false, Some(_)) => drop(self.checkpoints.pop_front()),
            (false, None) => self.is_periodic_due = false,
        }
        Some(first)
    }
}
