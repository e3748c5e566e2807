//! What is known of each connection, for `cons`, `stat` and the AdminServer.
//!
//! Rules: `ServerCnxn.getConnectionInfo`, `NIOServerCnxnFactory.cnxns`, `ipMap`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use hashbrown::HashMap;
use keeper_core::watch::ConnectionId;
use zk_wire::SessionId;
use zk_wire::op_code::OpCode;

use crate::server::stats::Latency;

/// A client's connection. Written by its network thread alone, but for [`ConnectionInfo::reset`].
#[derive(Debug)]
pub struct ConnectionInfo {
    /// Its number, never used again.
    pub id: ConnectionId,
    /// Where it comes from.
    pub address: SocketAddr,
    /// Whether it is encrypted.
    pub secure: bool,
    /// When it began, in milliseconds since 1970.
    pub established_ms: i64,
    pub(super) session: AtomicI64,
    pub(super) has_session: AtomicBool,
    pub(super) timeout_ms: AtomicI32,
    pub(super) queued: AtomicU32,
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) last_op: AtomicI32,
    pub(super) last_cxid: AtomicI32,
    pub(super) last_zxid: AtomicI64,
    pub(super) last_response_ms: AtomicI64,
    pub(super) last_latency_us: AtomicU64,
    pub(super) latency: Latency,
}

/// No operation yet.
const NO_OP: i32 = i32::MIN;

impl ConnectionInfo {
    pub(super) fn new(id: ConnectionId, address: SocketAddr, secure: bool) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            id,
            address,
            secure,
            established_ms: now.as_millis() as i64,
            session: AtomicI64::new(0),
            has_session: AtomicBool::new(false),
            timeout_ms: AtomicI32::new(0),
            queued: AtomicU32::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            last_op: AtomicI32::new(NO_OP),
            last_cxid: AtomicI32::new(-1),
            last_zxid: AtomicI64::new(0),
            last_response_ms: AtomicI64::new(0),
            last_latency_us: AtomicU64::new(0),
            latency: Latency::default(),
        }
    }

    /// Its session; `None` before it has one.
    pub fn session(&self) -> Option<SessionId> {
        self.has_session.load(Relaxed).then(|| SessionId(self.session.load(Relaxed)))
    }

    /// The session's timeout in milliseconds.
    pub fn timeout_ms(&self) -> i32 {
        self.timeout_ms.load(Relaxed)
    }

    /// Requests that are not answered yet.
    pub fn queued(&self) -> u32 {
        self.queued.load(Relaxed)
    }

    /// Requests received.
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Answers and notifications sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// The last operation answered; `None` before there is one, or of an unknown number.
    pub fn last_op(&self) -> Option<OpCode> {
        OpCode::from_code(self.last_op.load(Relaxed))
    }

    /// The client's number of the last request answered.
    pub fn last_cxid(&self) -> i32 {
        self.last_cxid.load(Relaxed)
    }

    /// The last change that it was told of by an answer.
    pub fn last_zxid(&self) -> i64 {
        self.last_zxid.load(Relaxed)
    }

    /// When the last answer was given, in milliseconds since 1970.
    pub fn last_response_ms(&self) -> i64 {
        self.last_response_ms.load(Relaxed)
    }

    /// How long the last answer took, in milliseconds.
    pub fn last_latency_ms(&self) -> u64 {
        self.last_latency_us.load(Relaxed) / 1000
    }

    /// How long answers took.
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// `crst`: counts begin anew.
    pub fn reset(&self) {
        self.received.store(0, Relaxed);
        self.sent.store(0, Relaxed);
        self.last_op.store(NO_OP, Relaxed);
        self.last_cxid.store(-1, Relaxed);
        self.last_zxid.store(0, Relaxed);
        self.last_response_ms.store(0, Relaxed);
        self.last_latency_us.store(0, Relaxed);
        self.latency.reset();
    }
}

/// Who is connected.
#[derive(Default)]
pub struct Connections {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    by_id: BTreeMap<ConnectionId, Arc<ConnectionInfo>>,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// `maxClientCnxns`
    PerAddress,
    /// `maxCnxns`
    Total,
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in, within limits of connections per address and in all; 0: no limit.
    pub(super) fn add(
        &self,
        info: ConnectionInfo,
        per_address: usize,
        total: usize,
    ) -> Result<Arc<ConnectionInfo>, Refused> {
        let mut tables = self.lock();
        if total > 0 && tables.by_id.len() >= total {
            return Err(Refused::Total);
        }
        let address = info.address.ip();
        let count = tables.by_address.get(&address).copied().unwrap_or(0);
        if per_address > 0 && count >= per_address {
            return Err(Refused::PerAddress);
        }
        tables.by_address.insert(address, count + 1);
        let info = Arc::new(info);
        tables.by_id.insert(info.id, info.clone());
        Ok(info)
    }

    /// A connection is gone.
    pub(super) fn remove(&self, id: ConnectionId) {
        let mut tables = self.lock();
        let Some(info) = tables.by_id.remove(&id) else { return };
        let address = info.address.ip();
        if let Some(count) = tables.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                tables.by_address.remove(&address);
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All, oldest first.
    pub fn all(&self) -> Vec<Arc<ConnectionInfo>> {
        self.lock().by_id.values().cloned().collect()
    }
}
