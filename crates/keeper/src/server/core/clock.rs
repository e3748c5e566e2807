//! The two clocks of the core.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use keeper_core::node::Now;

/// Reads both clocks.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct Clock {
    started: Instant,
}

impl Clock {
    /// One whose elapsed time begins now.
    pub(in crate::server) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The time.
    pub(in crate::server) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { wall: wall.as_millis() as i64, elapsed: self.started.elapsed().as_millis() as i64 }
    }
}
