//! Tells systemd how the server is (`sd_notify`): `Type=notify` and `WatchdogSec=` of its unit.

use std::env;
use std::io;
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
    if let Err(error) = send(&name, state) {
        tracing::warn!("systemd is not told ({}): {error}", state.trim_end());
    }
}

/// Sends to a socket that has a path, or, behind `@`, an abstract name.
fn send(name: &str, state: &str) -> io::Result<()> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }?;
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_arrive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        send(path.to_str().unwrap(), "READY=1\n").unwrap();
        let mut bytes = [0; 100];
        let len = socket.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..len], b"READY=1\n");
        assert!(send("/nowhere/at/all", "READY=1\n").is_err());
    }
}
