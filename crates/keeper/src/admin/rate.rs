//! One of something within so much time. Rules: `RateLimiter`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets one pass within an interval.
#[derive(Debug)]
pub(super) struct RateLimit {
    interval: Duration,
    last: Mutex<Option<Instant>>,
}

impl RateLimit {
    pub fn new(interval: Duration) -> Self {
        Self { interval, last: Mutex::new(None) }
    }

    /// Whether one may pass now; if so, it has.
    pub fn allow(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = last.is_none_or(|last| now.saturating_duration_since(last) > self.interval);
        if allowed {
            *last = Some(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_within_an_interval() {
        let limit = RateLimit::new(Duration::from_millis(10));
        let start = Instant::now();
        let at = |ms| limit.allow(start + Duration::from_millis(ms));
        assert_eq!([at(0), at(5), at(10), at(11), at(12)], [true, false, false, true, false]);
    }
}
