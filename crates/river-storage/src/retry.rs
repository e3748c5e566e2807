//! Options for how long and how often requests to a remote storage are tried. Local paths are not
//! retried; the kernel does that.

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

#[cfg(test)]
mod tests;
