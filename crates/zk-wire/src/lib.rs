//! Every byte that ZooKeeper's programs exchange or store: records of the client protocol, of the
//! protocols between servers, and of transactions.
//!
//! Used by the server, its command line and its tests: all decode and encode through this crate,
//! and no other code of the project knows these bytes. It is pure: bytes in, values out, and the
//! reverse; no I/O, no clock, no limits of its own (they come in with the call).
//!
//! What holds for every decoder:
//!
//! - It takes any bytes without panicking, and reserves memory only in proportion to the bytes that
//!   are there: lengths and counts are checked against what is left before anything is reserved.
//!   Nothing recurses.
//! - Texts and buffers share the memory of the frame they came in ([`Text`], [`bytes::Bytes`]), so
//!   that decoding a request without vectors allocates nothing, and what was decoded may go to
//!   another thread. What is kept for long should be copied out ([`Text::detached`]).
//! - Bytes behind a record are left alone, as Apache's decoders leave them; [`Reader::left`] tells.
//! - It accepts what Apache's decoders accept and reads it as they do: null (-1) is not empty,
//!   counts below -1 are empty vectors, any byte but 0 is true, malformed UTF-8 becomes U+FFFD in
//!   the same number (`java.lang.String`). The one difference: a null within a vector of strings,
//!   on which Apache's server fails later, is refused at once.
//!
//! Rules: `zookeeper.jute` and `BinaryInputArchive`, `BinaryOutputArchive` of Apache ZooKeeper 3.9;
//! other classes are named where they apply.

mod error;
mod jute;
mod text;
#[macro_use]
mod record;

pub mod acl;
pub mod connect;
pub mod create_mode;
pub mod error_code;
pub mod event;
pub mod four_letter;
pub mod frame;
pub mod header;
pub mod id;
pub mod multi;
pub mod op_code;
pub mod path;
pub mod quorum;
pub mod reply;
pub mod request;
pub mod stat;
pub mod txn;

#[cfg(test)]
mod tests;

pub use error::{DecodeError, Problem};
pub use id::{SessionId, Zxid};
pub use jute::{Jute, Reader, put_buffer, put_count, put_string};
pub use text::Text;
