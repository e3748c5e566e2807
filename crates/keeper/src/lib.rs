//! `keeper`: a coordination server that every ZooKeeper client takes for ZooKeeper, and the
//! commands around it.
//!
//! What is decided is decided in `keeper-core`, which has no sockets, files, clock or threads; all
//! of those are here. Bytes of the protocol are `zk-wire`'s, files are `keeper-disk`'s.
//!
//! | module | what |
//! |---|---|
//! | [`commands`] | the command line |
//! | [`config`] | `zoo.cfg` |
//! | [`server`] | start, the core's thread, snapshots, stop |
//! | [`client_port`] | connections of clients: sockets, frames, limits |
//! | [`tls`] | encrypted connections, and who their certificates say they are |
//! | [`operations`] | for those who look after a server: settings and endpoints |
//! | [`metrics`] | what is counted; Prometheus |
//! | [`audit`] | who changed what |
//! | [`four_letter`], [`admin`] | questions in four letters, and over HTTP |
//! | [`view`] | what both show |

pub mod admin;
pub mod audit;
pub mod client_port;
pub mod commands;
pub mod config;
pub mod four_letter;
mod http;
pub mod metrics;
mod open_files;
pub mod operations;
pub mod server;
pub mod tls;
pub mod view;
