//! A server: start, threads, stop.
//!
//! | thread | what |
//! |---|---|
//! | `core` | owns the [`keeper_core::node::Node`]; one step at a time ([`core`]) |
//! | `log` | makes transactions durable, as many as wait at once (`keeper-disk`) |
//! | `network-N` | sockets, frames, decoding and encoding ([`crate::client_port`]) |
//! | `snapshot` | writes what the core's walk hands out ([`snapshot`]) |
//! | `purge` | removes old files |
//!
//! Everybody else looks at the server through a [`Handle`].

mod core;
mod failure;
mod handle;
mod inbox;
mod load;
mod lock;
mod purge;
mod run;
mod snapshot;
pub mod stats;
mod systemd;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use core::Message;
pub use failure::Failure;
pub use handle::Handle;
pub use run::{Server, run};
