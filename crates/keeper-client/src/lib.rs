//! A client of any ZooKeeper: sessions that outlive connections, many requests in flight, watches
//! that are set again on the next server.
//!
//! Used by the command line `keeper cli`, by tests, and by whoever needs coordination. Knows no
//! files and no server's inside; bytes are `zk-wire`'s.
//!
//! | module | what |
//! |---|---|
//! | [`ConnectString`] | servers and chroot |
//! | [`Client`] | the handle: requests, one method an operation |
//! | `session` | the task behind it: connects, goes on with the session elsewhere |
//! | `connection` | one connection: requests out, replies and events in |
//! | `watches` | what is watched, for the next server |
//! | [`Transport`] | how bytes get to a server: TCP, TLS, a test's |
//!
//! What holds:
//!
//! - Replies come in the order of requests. A watch's event comes before the reply that shows the
//!   change.
//! - A request that was sent when its connection broke ends in [`Error::ConnectionLoss`]: it may
//!   have been done or not. None is sent twice.
//! - Nothing waits without a limit: connecting, a server's silence, and the queues have bounds.
//!
//! Rules: `ClientCnxn`, `ZooKeeper`, `ConnectStringParser`, `StaticHostProvider`.

mod chroot;
mod client;
mod connect_string;
mod connection;
mod error;
mod event;
mod options;
mod pending;
mod session;
mod transport;
mod watches;

#[cfg(test)]
mod tests;

pub use client::{Client, Response};
pub use connect_string::{ConnectString, Server};
pub use error::{Error, Result};
pub use event::{Event, Events};
pub use options::{Auth, Options, SessionKey};
pub use pending::Answer;
pub use session::State;
pub use transport::{Connecting, Stream, Tcp, Transport};
