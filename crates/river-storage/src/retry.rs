//! How long and how often a request to a remote storage is tried: exponential back-off with full
//! jitter, up to a total time. Local paths are not retried; the kernel does that.

use std::time::Duration;

use river_core::options::{OptionError, Options};

use crate::{Error, ErrorKind, Result};

/// Total time for one operation with its retries.
const TIMEOUT_KEY: &str = "riverkeeper.storage.retry.timeout";
/// First pause between two attempts.
const INITIAL_BACKOFF_KEY: &str = "riverkeeper.storage.retry.initial-backoff";
/// Longest pause between two attempts.
const MAX_BACKOFF_KEY: &str = "riverkeeper.storage.retry.max-backoff";
/// Time for one request.
const REQUEST_TIMEOUT_KEY: &str = "riverkeeper.storage.request-timeout";

/// Limits of requests to remote storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOptions {
    /// After this much time since the first attempt no further one is made.
    pub timeout: Duration,
    /// First pause; each next one is up to twice as long.
    pub initial_backoff: Duration,
    /// No pause is longer.
    pub max_backoff: Duration,
    /// One request that takes longer counts as failed.
    pub request_timeout: Duration,
}

impl Default for RetryOptions {
    fn default() -> RetryOptions {
        RetryOptions {
            timeout: Duration::from_secs(30),
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
        }
    }
}

impl RetryOptions {
    /// Reads them from the configuration.
    pub fn from_options(uri: &str, options: &Options) -> Result<RetryOptions> {
        let default = RetryOptions::default();
        let read = |key: &str, default: Duration| {
            let value = options.duration(key).map_err(|e| of_option(uri, &e))?;
            Ok(value.unwrap_or(default))
        };
        Ok(RetryOptions {
            timeout: read(TIMEOUT_KEY, default.timeout)?,
            initial_backoff: read(INITIAL_BACKOFF_KEY, default.initial_backoff)?,
            max_backoff: read(MAX_BACKOFF_KEY, default.max_backoff)?,
            request_timeout: read(REQUEST_TIMEOUT_KEY, default.request_timeout)?,
        })
    }
}

/// The error of an option's text.
pub(crate) fn of_option(uri: &str, error: &OptionError) -> Error {
    Error::new(ErrorKind::Invalid, "open", uri, error.to_string())
}

/// Decides about the next attempt of one operation.
#[cfg(any(feature = "hdfs", feature = "s3"))]
#[derive(Debug)]
pub(crate) struct Backoff {
    limits: RetryOptions,
    /// The next pause is shorter than this.
    ceiling: Duration,
}

#[cfg(any(feature = "hdfs", feature = "s3"))]
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
