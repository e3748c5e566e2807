//! Tells systemd how the server is (`sd_notify`): `Type=notify` and `WatchdogSec=` of its unit.

use std::env;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::thread;
use std::time::Duration;

use super::Handle;

/// The server can be used.
pub(super) fn ready() {
    notify("READY=1\nSTATUS=Serving clients\n");
}

/// The server ends.
pub(super) fn stopping() {
    notify("STOPPING=1\n");
}

/// Says that the server lives, as long as its core answers, twice in the time that systemd waits.
pub(super) fn watchdog(handle: &Handle) {
    let micros = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse::<u64>().ok());
    let own = env::var("WATCHDOG_PID").ok().is_none_or(|pid| pid.parse() == Ok(std::process::id()));
    let Some(micros) = micros.filter(|micros| own && *micros > 0) else { return };
    let handle = handle.clone();
    let named = thread::Builder::new().name("watchdog".to_owned());
    let spawned = named.spawn(move || {
        while handle.inspect_blocking(|_| ()).is_some() {
            notify("WATCHDOG=1\n");
            thread::sleep(Duration::from_micros(micros / 2));
        }
    });
    if let Err(error) = spawned {
        tracing::warn!("systemd's watchdog is not served: {error}");
    }
}

fn notify(state: &str) {
    let Ok(name) = env::var("NOTIFY_SOCKET") else { return };
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&name),
    };
    let sent = address
        .and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        tracing::warn!("systemd is not told ({}): {error}", state.trim_end());
    }
}
