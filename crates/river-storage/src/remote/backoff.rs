//! Exponential back-off with full jitter, up to a total time. Pure: time and chance are given.

use std::time::Duration;

use crate::{Error, ErrorKind, RetryOptions};

/// Decides about the next attempt of one operation.
#[derive(Debug)]
pub(crate) struct Backoff {
    limits: RetryOptions,
    /// The next pause is shorter than this.
    ceiling: Duration,
}

impl Backoff {
    pub(crate) fn new(limits: &RetryOptions) -> Backoff {
        Backoff { limits: *limits, ceiling: limits.initial_backoff }
    }

    /// How long to wait before the next attempt; `None` if `error` is final or the time is up.
    /// `elapsed` is since the first attempt began, `random` from 0 up to 1.
    pub(crate) fn pause_after(
        &mut self,
        error: &Error,
        elapsed: Duration,
        random: f64,
    ) -> Option<Duration> {
        let pause = self.ceiling.mul_f64(random.clamp(0.0, 1.0));
        let again = error.kind() == ErrorKind::Unreachable && elapsed + pause < self.limits.timeout;
        self.ceiling = (self.ceiling * 2).min(self.limits.max_backoff);
        again.then_some(pause)
    }
}

#[cfg(test)]
mod tests;
