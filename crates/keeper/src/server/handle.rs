//! How everybody else looks at a running server.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;
use keeper_core::node::{Node, Now};
use keeper_disk::FileName;

use super::Failure;
use super::core::{Clock, Message};
use super::inbox::Inbox;
use super::stats::Stats;
use crate::client_port::{ConnectionInfo, Connections, Throttle, Warnings};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::operations::Operations;

/// Why a server is to end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Somebody has asked for it.
    Asked,
    /// The core has finished.
    Done,
    /// It cannot go on.
    Failed(Failure),
}

/// A running server. Clones are the same one.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    stats: Stats,
    connections: Connections,
    warnings: Warnings,
    throttle: Mutex<Throttle>,
    operations: Operations,
    clock: Clock,
    core: Inbox<Message>,
    stop: Sender<Stop>,
}

impl Handle {
    /// For a server that tells `stop` when somebody asks it to end.
    pub(super) fn new(config: Config, operations: Operations, stop: Sender<Stop>) -> Self {
        let (stats, connections, core) = (Stats::default(), Connections::default(), Inbox::new());
        let warnings = Warnings::default();
        let throttle = Mutex::new(Throttle::new(config.limits.connection_throttle.clone()));
        let clock = Clock::start();
        let shared = Shared {
            config,
            stats,
            connections,
            warnings,
            throttle,
            operations,
            clock,
            core,
            stop,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Looks at the tree, the sessions and the watches, between two steps of the core; `None` if
    /// the server has ended. What takes long holds up all clients.
    pub async fn inspect<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node) -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let look = move |node: &Node| drop(sender.send(look(node)));
        self.shared.core.send(Message::Inspect(Box::new(look)));
        receiver.await.ok()
    }

    /// As [`Handle::inspect`], for threads that may block.
    pub fn inspect_blocking<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node) -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        let look = move |node: &Node| drop(sender.send(look(node)));
        self.shared.core.send(Message::Inspect(Box::new(look)));
        receiver.recv().ok()
    }

    /// Takes a snapshot; its file when it is there, or why there is none.
    pub async fn snapshot(&self) -> Result<FileName, String> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.shared.core.send(Message::TakeSnapshot(sender));
        receiver.await.unwrap_or_else(|_| Err("the server has ended".to_owned()))
    }

    /// What those who look after the server have set.
    pub fn operations(&self) -> &Operations {
        &self.shared.operations
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.operations.metrics
    }

    /// The time, as the core has it.
    pub fn now(&self) -> Now {
        self.shared.clock.now()
    }

    /// The core's clock.
    pub(super) fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// All connections of clients, with or without a session, oldest first.
    pub fn connections(&self) -> Vec<Arc<ConnectionInfo>> {
        self.shared.connections.all()
    }

    /// Who is connected.
    pub(crate) fn registry(&self) -> &Connections {
        &self.shared.connections
    }

    /// Connections that were refused or ended for a reason.
    pub fn warnings(&self) -> &Warnings {
        &self.shared.warnings
    }

    /// The chance of a new session being refused (`connection_throttle_*`).
    pub fn drop_probability(&self) -> f64 {
        self.throttle().drop_probability()
    }

    /// Whether a session may be opened, or taken over, now.
    pub(crate) fn allows_session(&self, is_renewed: bool) -> bool {
        if self.config().limits.connection_throttle.tokens <= 0 {
            return true;
        }
        let random = RandomState::new().build_hasher().finish() >> 11;
        let chance = random as f64 / (1u64 << 53) as f64;
        let now_ms = self.uptime().as_millis() as i64;
        self.throttle().allows(is_renewed, now_ms, chance)
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.shared.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was done so far.
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// The settings it was started with.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// How long it has run.
    pub fn uptime(&self) -> Duration {
        self.shared.stats.started().elapsed()
    }

    /// Ends the server, as SIGTERM does. Returns at once.
    pub fn shutdown(&self) {
        self.tell_stop(Stop::Asked);
    }

    /// For a thread without which the server is none: if it panics, the server ends.
    pub(crate) fn fault_guard(&self, thread: &'static str) -> FaultGuard {
        FaultGuard { handle: self.clone(), thread }
    }

    pub(super) fn tell_stop(&self, stop: Stop) {
        // Nobody listens any more if it has ended.
        let _ = self.shared.stop.send(stop);
    }

    /// The core's queue.
    pub(crate) fn core(&self) -> &Inbox<Message> {
        &self.shared.core
    }
}

/// See [`Handle::fault_guard`].
pub(crate) struct FaultGuard {
    handle: Handle,
    thread: &'static str,
}

impl Drop for FaultGuard {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let message = format!(
            "the thread '{}' has ended by a fault of this program, which the lines above describe: \
             please report it. Nothing acknowledged is lost",
            self.thread
        );
        self.handle.core().close();
        self.handle.tell_stop(Stop::Failed(Failure::new(Failure::UNEXPECTED, message)));
    }
}
