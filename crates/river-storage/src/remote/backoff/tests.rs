use std::time::Duration;

use super::Backoff;
use crate::{Error, ErrorKind, RetryOptions};

const LIMITS: RetryOptions = RetryOptions {
    timeout: Duration::from_secs(10),
    initial_backoff: Duration::from_millis(100),
    max_backoff: Duration::from_secs(1),
    request_timeout: Duration::from_secs(1),
};

/// The pauses in milliseconds after failures of `kind` that take a second each, at most `count`.
fn pauses(kind: ErrorKind, count: usize) -> Vec<u128> {
    let mut backoff = Backoff::new(&LIMITS);
    let error = Error::new(kind, "read", "x", "y");
    let mut elapsed = Duration::ZERO;
    let next = || {
        elapsed += Duration::from_secs(1);
        let pause = backoff.pause_after(&error, elapsed, 0.5)?;
        elapsed += pause;
        Some(pause.as_millis())
    };
    std::iter::from_fn(next).take(count).collect()
}

#[test]
fn transient_faults_are_tried_again_with_growing_pauses() {
    assert_eq!(pauses(ErrorKind::Unreachable, 6), [50, 100, 200, 400, 500, 500]);
}

#[test]
fn the_time_is_limited() {
    let count = pauses(ErrorKind::Unreachable, usize::MAX).len();
    assert_eq!(count, 7, "of one second and a pause each, no more than ten seconds");
}

#[test]
fn other_errors_are_final() {
    for kind in [ErrorKind::PermissionDenied, ErrorKind::AlreadyExists, ErrorKind::Full] {
        assert!(pauses(kind, 1).is_empty());
    }
}
