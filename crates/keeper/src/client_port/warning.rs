//! Connections that were refused or ended for a reason that somebody should hear of: each kind is
//! counted, and logged at once, then at most once in a while, with how many there were.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::connection::End;
use super::info::ConnectionInfo;

/// The while.
const INTERVAL: Duration = Duration::from_secs(10);

/// One kind.
#[derive(Debug, Default)]
pub struct Warning {
    last: Mutex<Option<Instant>>,
    held_back: AtomicU64,
    count: AtomicU64,
}

impl Warning {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// One more; the log hears of it if it is time.
    fn add(&self, text: impl fmt::Display) {
        self.count.fetch_add(1, Relaxed);
        let Some(held_back) = self.held_back() else { return };
        match held_back {
            0 => tracing::warn!("{text}"),
            count => tracing::warn!("{text} ({count} more of this kind since the last line)"),
        }
    }

    /// Whether to log now; if so, how many were not logged since the last.
    fn held_back(&self) -> Option<u64> {
        if let Ok(mut last) = self.last.try_lock()
            && last.is_none_or(|last| last.elapsed() >= INTERVAL)
        {
            *last = Some(Instant::now());
            return Some(self.held_back.swap(0, Relaxed));
        }
        self.held_back.fetch_add(1, Relaxed);
        None
    }
}

/// All kinds.
#[derive(Debug, Default)]
pub struct Warnings {
    /// Refused by `maxClientCnxns`.
    pub per_address: Warning,
    /// Refused by `maxCnxns`.
    pub total: Warning,
    /// The operating system has refused (too many open files).
    pub accept: Warning,
    /// No first frame in time.
    pub silent: Warning,
    /// Bytes that are no requests.
    pub malformed: Warning,
    /// Clients that ask on and read nothing.
    pub unread: Warning,
    /// Refused by `largeRequestMaxBytes`.
    pub large_request: Warning,
    /// TLS that failed.
    pub tls: Warning,
    /// Refused by `connection_throttle_tokens`.
    pub throttled: Warning,
}

impl Warnings {
    pub(super) fn connection_ended(&self, info: &ConnectionInfo, end: &End) {
        let address = info.address;
        match end {
            End::ByServer | End::NoCore => {}
            End::ByClient => tracing::debug!("connection of {address} closed by the client"),
            End::Io(error) => tracing::debug!("connection of {address} broke: {error}"),
            End::Malformed(what) => self.malformed.add(format_args!(
                "connection of {address} closed: what it sent is no request: {what}. Requests \
                 that are too large need a higher jute.maxbuffer, here and in the client"
            )),
            End::Unread(bytes) => self.unread.add(format_args!(
                "connection of {address} closed: {bytes} bytes of answers wait for it, and it \
                 does not read them"
            )),
            End::LargeRequest(bytes) => self.large_request.add(format_args!(
                "connection of {address} closed: no room for its request of {bytes} bytes beside \
                 other large ones: see largeRequestMaxBytes and largeRequestThreshold"
            )),
            End::Throttled => self.throttled.add(format_args!(
                "connection of {address} closed: too many new sessions at once: see \
                 connection_throttle_tokens"
            )),
            End::Tls(error) => {
                self.tls.add(format_args!("connection of {address} closed: {error}"));
            }
            End::Silent => self.silent.add(format_args!(
                "connection of {address} closed: it sent no first frame in time: see \
                 nio.sessionlessCnxnTimeout"
            )),
        }
    }

    pub(super) fn refused_per_address(&self, address: SocketAddr, limit: usize) {
        self.per_address.add(format_args!(
            "connection of {address} refused: that address has {limit} already: see maxClientCnxns"
        ));
    }

    pub(super) fn refused_in_all(&self, address: SocketAddr, limit: usize) {
        self.total.add(format_args!(
            "connection of {address} refused: there are {limit} already: see maxCnxns"
        ));
    }

    pub(super) fn not_accepted(&self, error: &std::io::Error) {
        self.accept.add(format_args!(
            "no connection can be taken: {error}. Raise the limit of open files (ulimit -n)"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_and_all_are_counted() {
        let warning = Warning::default();
        assert_eq!(warning.held_back(), Some(0));
        assert_eq!(warning.held_back(), None);
        warning.add("again");
        assert_eq!(warning.count(), 1);
    }
}
