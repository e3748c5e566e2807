//! Connections of clients.
//!
//! | module | what |
//! |---|---|
//! | [`listener`] | takes connections, within limits, and gives each to a network thread |
//! | [`network`] | a thread: its connections, and what the core has for them |
//! | [`connection`] | one connection: first frame, requests, answers |
//! | [`secure`] | whether a connection is encrypted, and its handshake |
//! | [`link`] | what a connection and its thread share: answers to be sent, requests unanswered |
//! | [`throttle`] | how many sessions may be opened in a time |
//! | [`info`] | what others may know of connections |
//!
//! A connection reads as much as there is, decodes all whole frames, and sends them to the core as
//! one message. What the core has for a connection is encoded into one buffer and written at once.
//!
//! What holds:
//!
//! - Memory of a connection is bounded: it is not read while too many of its requests are
//!   unanswered or too much waits to be sent, and it is closed beyond that.
//! - A connection waits for no other: neither for a slow reader nor for a silent one.
//!
//! Rules: `NIOServerCnxnFactory`, `NIOServerCnxn`, `ServerCnxn`.

mod connection;
mod info;
mod link;
mod listener;
mod mailbox;
mod network;
mod secure;
mod throttle;
mod warning;

pub use info::{ConnectionInfo, Connections};
pub(crate) use listener::{Acceptor, Listener, bind};
pub(crate) use mailbox::Mailbox;
pub(crate) use network::Network;
pub(crate) use throttle::Throttle;
pub use warning::{Warning, Warnings};
