//! One ZooKeeper server's whole logic, without a socket, a file, a clock or a thread.
//!
//! Used by the server, whose one core thread owns all that is here, and by its tests. Time, bytes
//! from clients and news from the disk come in with calls; what is to be written, sent and answered
//! goes out as values. Bytes are `zk-wire`'s; files are `keeper-disk`'s, which this crate does not
//! know: [`tree::Walk`] gives what a snapshot takes, [`tree::TreeBuilder`] takes what one gives.
//!
//! | module | what |
//! |---|---|
//! | [`node`] | one server: what happens comes in, what is to be done comes out |
//! | [`tree`] | the nodes, their stats, ACLs and digests; snapshots in pieces |
//! | [`apply`] | what each transaction does to the tree |
//! | [`prep`] | what each write will do, decided before it is written down |
//! | [`recover`] | the tree and the sessions that a server starts with |
//! | [`read`], [`watch`] | what is answered without a write, and who is told of changes |
//! | [`session`] | who is there, and until when |
//! | [`acl`], [`auth`] | who may do what, and who is who |
//! | [`digest`], [`owner`], [`quota`] | rules that tree and preparation share |
//!
//! What holds:
//!
//! - The same calls give the same results: nothing depends on chance, time or the order of tables.
//! - No input from clients panics; a transaction that no server writes is refused whole.

pub mod acl;
mod acl_cache;
pub mod apply;
pub mod auth;
mod crc32;
pub mod digest;
pub mod node;
pub mod owner;
pub mod prep;
pub mod quota;
pub mod read;
pub mod recover;
pub mod session;
pub mod tree;
pub mod watch;

pub use acl_cache::AclList;
