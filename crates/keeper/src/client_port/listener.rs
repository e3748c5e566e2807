//! Takes connections and gives them to the network threads, in turn.
//!
//! A thread of its own, which only waits for connections: none is served by it, so that a silent
//! client holds up nobody.
//!
//! Rules: `NIOServerCnxnFactory.AcceptThread`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use keeper_core::watch::ConnectionId;
use tokio::net::TcpSocket;

use super::info::{ConnectionInfo, Refused};
use super::mailbox::{Accepted, Mailbox};
use crate::server::Handle;

/// Connections that the operating system holds until they are taken. Java's 50 make clients that
/// come all at once wait a second and more.
const BACKLOG: u32 = 1024;
/// How long nothing is taken after the operating system has refused.
const PAUSE: Duration = Duration::from_millis(100);

/// One port that is listened on.
pub(crate) struct Listener {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// What all listeners share.
#[derive(Clone)]
pub(crate) struct Acceptor {
    pub handle: Handle,
    pub mailboxes: Vec<Arc<Mailbox>>,
    /// The last connection's number, less its thread's.
    pub next: Arc<AtomicU64>,
}

/// Binds a port; `backlog` as in `clientPortListenBacklog`. Where no address is named, clients come
/// by IPv6 and IPv4, as with Java.
pub(crate) fn bind(
    address: SocketAddr,
    backlog: Option<u32>,
    keep_alive: bool,
) -> io::Result<TcpListener> {
    if address.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
        let both = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port());
        match bind_one(both, backlog, keep_alive) {
            // Another server's, and not the lack of IPv6.
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {}
            result => return result,
        }
    }
    bind_one(address, backlog, keep_alive)
}

fn bind_one(
    address: SocketAddr,
    backlog: Option<u32>,
    keep_alive: bool,
) -> io::Result<TcpListener> {
    // Sockets of tokio's are made within a runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _within = runtime.enter();
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    // The connections inherit it.
    socket.set_keepalive(keep_alive)?;
    socket.bind(address)?;
    let listener = socket.listen(backlog.unwrap_or(BACKLOG))?.into_std()?;
    listener.set_nonblocking(false)?;
    Ok(listener)
}

impl Listener {
    /// Takes connections from a port from now on.
    pub(crate) fn start(
        listener: TcpListener,
        acceptor: Acceptor,
        secure: bool,
    ) -> io::Result<Listener> {
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let of_thread = stop.clone();
        let named = thread::Builder::new().name("accept".to_owned());
        let guard = acceptor.handle.fault_guard("accept");
        let thread = named.spawn(move || {
            let _guard = guard;
            while !of_thread.load(Relaxed) {
                match listener.accept() {
                    Ok(_) if of_thread.load(Relaxed) => {}
                    Ok((stream, address)) => acceptor.take(stream, address, secure),
                    Err(error) if is_of_client(&error) => {}
                    Err(error) => {
                        acceptor.handle.warnings().not_accepted(&error);
                        thread::sleep(PAUSE);
                    }
                }
            }
        })?;
        Ok(Listener { address, stop, thread })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections.
    pub(crate) fn stop(self) {
        self.stop.store(true, Relaxed);
        let local = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let wakes = match self.address.ip().is_unspecified() {
            true => &local[..],
            false => &[self.address.ip()],
        };
        // Wakes the thread; where that fails, it ends with the process.
        let woken = wakes.iter().any(|ip| {
            let address = SocketAddr::new(*ip, self.address.port());
            TcpStream::connect_timeout(&address, PAUSE).is_ok()
        });
        if woken {
            let _ = self.thread.join();
        }
    }
}

/// The client has gone before it was taken.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

impl Acceptor {
    fn take(&self, stream: TcpStream, address: SocketAddr, secure: bool) {
        // IPv4 as itself, also where it comes through a socket of IPv6.
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let threads = self.mailboxes.len().max(1) as u64;
        let number = self.next.fetch_add(1, Relaxed);
        let limits = &self.handle.config().limits;
        let (each, all) = (limits.connections_per_address, limits.connections);
        // A thread's connections are those whose number it divides with its own as rest.
        let info = ConnectionInfo::new(ConnectionId(number), address, secure);
        match self.handle.registry().add(info, each, all) {
            Ok(info) => {
                // Answers are small, and somebody waits for each.
                if stream.set_nonblocking(true).is_err() || stream.set_nodelay(true).is_err() {
                    // The client has gone.
                    return self.handle.registry().remove(info.id);
                }
                let thread = (number % threads) as usize;
                if let Some(mailbox) = self.mailboxes.get(thread) {
                    mailbox.accept(Accepted { stream, info });
                }
            }
            Err(refused) => {
                self.handle.metrics().connection_rejected.increment();
                match refused {
                    Refused::PerAddress => {
                        self.handle.warnings().refused_per_address(address, each);
                    }
                    Refused::Total => self.handle.warnings().refused_in_all(address, all),
                }
            }
        }
    }
}
