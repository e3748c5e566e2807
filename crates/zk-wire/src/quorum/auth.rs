//! Steps of a SASL exchange between servers, before any other message of a connection.
//!
//! Rules: `QuorumAuth`, `SaslQuorumAuthLearner`, `SaslQuorumAuthServer`.

use bytes::Bytes;

/// First of every step, by which the accepting side knows that a peer authenticates at all.
pub const MAGIC: i64 = 0x5f24_3501_3501_edcc;

/// Values of [`QuorumAuthPacket::status`].
pub mod status {
    /// More steps follow.
    pub const IN_PROGRESS: i32 = 0;
    /// The peer is who it says.
    pub const SUCCESS: i32 = 1;
    /// It is not; the connection ends.
    pub const ERROR: i32 = -1;
}

record! {
    /// One step.
    pub struct QuorumAuthPacket {
        /// [`MAGIC`].
        pub magic: i64,
        /// One of [`status`].
        pub status: i32,
        /// The mechanism's token.
        pub token: Option<Bytes>,
    }
}
