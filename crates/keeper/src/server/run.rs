//! Start and stop: what is put together, and in which order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use keeper_core::node::Node;
use keeper_core::session::{Sessions, first_id};
use keeper_disk::disk::{Disk, RealDisk};
use keeper_disk::layout::Layout;
use keeper_disk::log::{LogThread, LogWriter};
use keeper_disk::snapshot::WriteOptions;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::core::{Clock, Core, Message};
use super::handle::{Handle, Stop};
use super::load::{Loaded, failure, load};
use super::lock::{Locks, probe};
use super::snapshot::{self, News, Writing};
use super::{Failure, purge, systemd};
use crate::client_port::{Acceptor, Listener, Mailbox, Network, bind};
use crate::config::Config;
use crate::http::Endpoint;
use crate::open_files;
use crate::operations::{Addresses, Endpoints, Operations};

/// How long a stop waits for the core and its disk.
const STOP: Duration = Duration::from_secs(10);

/// Runs a server until a signal ends it, or it cannot go on.
pub fn run(config: Config) -> Result<(), Failure> {
    open_files::raise_limit();
    let server = Server::start(config)?;
    let handle = server.handle().clone();
    let signals = Signals::new([SIGTERM, SIGINT]);
    let mut signals = signals.map_err(|error| unexpected("handle signals", &error))?;
    let named = thread::Builder::new().name("signals".to_owned());
    let spawned = named.spawn(move || {
        for _ in signals.forever() {
            handle.shutdown();
        }
    });
    spawned.map_err(|error| unexpected("start a thread", &error))?;
    server.wait()
}

/// A running server.
pub struct Server {
    handle: Handle,
    stops: Receiver<Stop>,
    listeners: Vec<Listener>,
    network: Network,
    core: JoinHandle<()>,
    log: LogThread,
    snapshot: JoinHandle<()>,
    endpoints: Endpoints,
    /// Ends the purging when it is dropped.
    _purge: Sender<()>,
    _locks: Locks,
}

fn unexpected(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Failure::UNEXPECTED, format!("cannot {what}: {error}"))
}

impl Server {
    /// Starts a server; it serves clients when this returns.
    pub fn start(config: Config) -> Result<Server, Failure> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let layout = Layout::new(&config.data_dir, config.data_log_dir.as_deref());
        let locks = open_folders(&config, &*disk, &layout)?;
        // Before the data is read: a wrong key and a port that is taken are known at once.
        let operations =
            Operations::new(&config).map_err(|error| Failure::new(Failure::INVALID, error))?;
        let bound = bind_ports(&config)?;
        let loaded = load(&disk, &layout, config.start, config.tree)?;
        let writing = writing(&config, &disk, &layout);
        if loaded.is_new {
            first_snapshot(&writing, &loaded)?;
        }
        let (stop, stops) = unbounded();
        let handle = Handle::new(config, operations, stop);
        handle.operations().set_addresses(addresses(&bound));
        let config = handle.config();
        let mailboxes: Vec<Arc<Mailbox>> =
            (0..config.network_threads.max(1)).map(|_| Arc::default()).collect();
        let network = Network::start(&handle, mailboxes.clone());
        let network = network.map_err(|error| unexpected("start the network", &error))?;
        let writer = LogWriter::new(disk.clone(), &layout.log_dir, loaded.last, config.log.clone());
        let core = handle.clone();
        let log = LogThread::start(writer, config.flush.clone(), move |event| {
            core.core().send(Message::Log(event));
        });
        let log = log.map_err(|error| failure(&error))?;
        let (sender, receiver) = unbounded();
        let snapshot = snapshot::start(writing, handle.clone(), receiver);
        let snapshot = snapshot.map_err(|error| unexpected("start a thread", &error))?;
        if loaded.replayed > 0 {
            handle.core().send(Message::Snapshot(News::Wanted));
        }
        let clock = handle.clock();
        let node = node(&handle, loaded, clock);
        let core = Core::new(node, handle.clone(), clock, log.sender(), mailboxes.clone(), sender);
        let named = thread::Builder::new().name("core".to_owned());
        let core = named.spawn(move || core.run());
        let core = core.map_err(|error| unexpected("start a thread", &error))?;
        let acceptor =
            Acceptor { handle: handle.clone(), mailboxes, next: Arc::new(AtomicU64::new(1)) };
        let listeners = listen(bound, &acceptor)?;
        let endpoints = handle.operations().listen(&handle);
        let endpoints = endpoints.map_err(|error| Failure::new(Failure::ADMIN_SERVER, error))?;
        let (end, ended) = bounded(0);
        if let Some(interval) = config.purge.interval {
            let started = purge::start(disk, layout, config.purge.retain, interval, ended);
            started.map_err(|error| unexpected("start a thread", &error))?;
        }
        for listener in &listeners {
            tracing::info!("clients are served at {}", listener.address());
        }
        systemd::ready();
        systemd::watchdog(&handle);
        Ok(Server {
            handle,
            stops,
            listeners,
            network,
            core,
            log,
            snapshot,
            endpoints,
            _purge: end,
            _locks: locks,
        })
    }

    /// Where the AdminServer listens, if it does.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.endpoints.admin.as_ref().map(Endpoint::address)
    }

    /// Where metrics are served, if they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.endpoints.prometheus.as_ref().map(Endpoint::address)
    }

    /// What others may do with it.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Where clients connect, the port that the operating system chose for port 0 included.
    pub fn client_address(&self) -> Option<SocketAddr> {
        self.listeners.first().map(Listener::address)
    }

    /// Waits until somebody asks it to end ([`Handle::shutdown`]), and ends it; or until it cannot
    /// go on.
    pub fn wait(self) -> Result<(), Failure> {
        match self.stops.recv() {
            Ok(Stop::Failed(failure)) => return Err(failure),
            Ok(Stop::Asked | Stop::Done) | Err(_) => {}
        }
        tracing::info!("stopping");
        systemd::stopping();
        for listener in self.listeners {
            listener.stop();
        }
        self.handle.core().send(Message::Stop);
        loop {
            match self.stops.recv_timeout(STOP) {
                Ok(Stop::Asked) => {}
                Ok(Stop::Done) => break,
                Ok(Stop::Failed(failure)) => return Err(failure),
                Err(_) => {
                    let message = "the disk has not finished in time; nothing acknowledged is lost";
                    return Err(Failure::new(Failure::UNEXPECTED, message));
                }
            }
        }
        self.network.stop();
        // Their senders are gone with the core's thread.
        let _ = self.core.join();
        self.log.close();
        let _ = self.snapshot.join();
        tracing::info!("stopped");
        Ok(())
    }
}

/// Makes the folders this server's own.
fn open_folders(config: &Config, disk: &dyn Disk, layout: &Layout) -> Result<Locks, Failure> {
    let mut folders: Vec<&Path> = vec![&layout.snap_dir, &layout.log_dir];
    folders.dedup();
    let mut locks = Locks::default();
    // What is there is locked first: opening it removes what another server may be writing.
    locks.take(folders.iter().copied().filter(|folder| folder.exists()))?;
    layout.open(disk, config.create_data_dir).map_err(|error| failure(&error))?;
    locks.take(folders.iter().copied())?;
    probe(disk, &folders)?;
    Ok(locks)
}

fn writing(config: &Config, disk: &Arc<dyn Disk>, layout: &Layout) -> Writing {
    Writing {
        disk: disk.clone(),
        folder: layout.snap_dir.clone(),
        options: WriteOptions { compression: config.snapshot.compression },
        last_processed_zxid: config.snapshot.last_processed_zxid,
    }
}

/// What a server without any data begins with.
fn first_snapshot(writing: &Writing, loaded: &Loaded) -> Result<(), Failure> {
    let sessions = loaded.sessions.iter().map(|(id, ms)| (*id, *ms)).collect();
    let written = writing.write(&loaded.tree, sessions);
    written.map_err(|error| Failure::new(Failure::SNAPSHOT, error.to_string()))?;
    Ok(())
}

/// The node, with the sessions that were there.
fn node(handle: &Handle, loaded: Loaded, clock: Clock) -> Node {
    let (config, metrics) = (handle.config(), handle.metrics());
    metrics.dbinittime.observe((loaded.snapshot_time + loaded.log_time).as_millis() as i64);
    metrics.startup_snap_load_time.observe(loaded.snapshot_time.as_millis() as i64);
    metrics.startup_txns_load_time.observe(loaded.log_time.as_millis() as i64);
    metrics.startup_txns_loaded.observe(loaded.replayed as i64);
    let now = clock.now();
    let first = first_id(config.server_id, now.wall);
    let sessions = Sessions::new(config.sessions, first, loaded.sessions, now.elapsed);
    Node::new(config.node.clone(), loaded.tree, sessions, now)
}

type Bound = Vec<(std::net::TcpListener, bool)>;

/// Where clients connect, with the ports that the operating system chose.
fn addresses(bound: &Bound) -> Addresses {
    let of = |secure: bool| {
        let listener = bound.iter().find(|(_, is_secure)| *is_secure == secure);
        listener.and_then(|(listener, _)| listener.local_addr().ok())
    };
    Addresses { client: of(false), secure: of(true) }
}

/// Binds the ports that are set.
fn bind_ports(config: &Config) -> Result<Bound, Failure> {
    let mut bound = Vec::new();
    let ports = [(config.client_address, false), (config.secure_client_address, true)];
    for (address, secure) in ports {
        let Some(address) = address else { continue };
        let listener = bind(address, config.listen_backlog, config.limits.keep_alive);
        let listener = listener.map_err(|error| {
            let message = format!(
                "cannot listen at {address}: {error}; another server may run there: stop it, or \
                 change clientPort or clientPortAddress"
            );
            Failure::new(Failure::UNEXPECTED, message)
        })?;
        bound.push((listener, secure));
    }
    Ok(bound)
}

fn listen(bound: Bound, acceptor: &Acceptor) -> Result<Vec<Listener>, Failure> {
    let mut listeners = Vec::new();
    for (listener, secure) in bound {
        let started = Listener::start(listener, acceptor.clone(), secure);
        listeners.push(started.map_err(|error| unexpected("start a thread", &error))?);
    }
    Ok(listeners)
}
