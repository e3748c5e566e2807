//! Settings of a client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use zk_wire::SessionId;

use crate::transport::{Tcp, Transport};

/// What a session is known by: whoever has it can go on with the session.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey {
    /// Its id.
    pub id: SessionId,
    /// Its password, 16 bytes.
    pub password: Bytes,
}

/// Without the password.
impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Credentials, given to every server that is connected to.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth {
    /// The scheme, such as `digest`.
    pub scheme: String,
    /// What the scheme wants, such as `user:password`.
    pub credentials: Bytes,
}

/// Without the credentials.
impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// Settings of a client.
#[derive(Clone)]
pub struct Options {
    /// How long the session may be without a connection; the server has the last word.
    pub session_timeout: Duration,
    /// How long one server may take to answer a connection; by default the session timeout divided
    /// by the number of servers, one second at least.
    pub connect_timeout: Option<Duration>,
    /// Whether a server that is read-only will do.
    pub read_only: bool,
    /// A session to go on with.
    pub session: Option<SessionKey>,
    /// Credentials.
    pub auths: Vec<Auth>,
    /// Requests that wait for a connection or for room; more wait where they are made.
    pub queue: usize,
    /// Requests without a reply, on one connection.
    pub in_flight: usize,
    /// Events that wait for a slow reader of [`crate::Events`]; older ones are dropped.
    pub events: usize,
    /// Bytes of the largest frame, both ways (`jute.maxbuffer`); replies may be much larger than
    /// what servers take.
    pub max_request: usize,
    /// The largest reply.
    pub max_reply: usize,
    /// Whether to begin with a server by chance, as Apache's clients do.
    pub shuffle: bool,
    /// How servers are reached.
    pub transport: Arc<dyn Transport>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            session_timeout: Duration::from_secs(30),
            connect_timeout: None,
            read_only: false,
            session: None,
            auths: Vec::new(),
            queue: 1024,
            in_flight: 4096,
            events: 4096,
            max_request: zk_wire::frame::DEFAULT_MAX_BUFFER,
            max_reply: 64 << 20,
            shuffle: true,
            transport: Arc::new(Tcp),
        }
    }
}
