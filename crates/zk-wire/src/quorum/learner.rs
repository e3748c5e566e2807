//! What is inside the data of [`super::packet::QuorumPacket`], by type of packet. Proposals carry a
//! [`crate::txn::TxnEntry`], as logs do; NEWLEADER the configuration's text.
//!
//! Rules: `LearnerHandler`, `Learner`, `Leader`.

use bytes::Bytes;

use crate::id::SessionId;
use crate::{DecodeError, Jute, Reader};

/// The protocol between leader and learner that all servers since 3.4 speak.
pub const PROTOCOL_VERSION: i32 = 0x10000;

/// The protocol of a learner that does not say: none that has epochs.
const FIRST_PROTOCOL_VERSION: i32 = 1;

record! {
    /// FOLLOWERINFO and OBSERVERINFO as servers send it today.
    #[derive(Copy)]
    struct LearnerInfoFields {
        server_id: i64,
        protocol_version: i32,
        config_version: i64,
    }

    /// LEADERINFO.
    #[derive(Copy)]
    pub struct LeaderInfo {
        /// [`PROTOCOL_VERSION`].
        pub protocol_version: i32,
    }

    /// ACKEPOCH.
    #[derive(Copy)]
    pub struct AckEpoch {
        /// The learner's current epoch; -1 if it had accepted the new epoch before.
        pub current_epoch: i32,
    }

    /// A session that was heard from: PING to the leader, again and again until the data end;
    /// REVALIDATE to the leader, once.
    #[derive(Copy)]
    pub struct SessionTouch {
        /// The session.
        pub session_id: SessionId,
        /// Its timeout, in milliseconds.
        pub timeout_ms: i32,
    }

    /// REVALIDATE to a learner.
    #[derive(Copy)]
    pub struct SessionVerdict {
        /// The session.
        pub session_id: SessionId,
        /// Whether it goes on.
        pub valid: bool,
    }

    /// COMMITANDACTIVATE, and in front of the transaction in INFORMANDACTIVATE.
    #[derive(Copy)]
    pub struct DesignatedLeader {
        /// Id of the server that is to lead the new configuration.
        pub server_id: i64,
    }

    /// In front of the body in REQUEST.
    #[derive(Copy)]
    struct ForwardedHeader {
        session_id: SessionId,
        cxid: i32,
        op: i32,
    }
}

/// FOLLOWERINFO and OBSERVERINFO: who wants to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnerInfo {
    /// The server's id.
    pub server_id: i64,
    /// The protocol it speaks; below [`PROTOCOL_VERSION`] it knows no epochs.
    pub protocol_version: i32,
    /// Version of the configuration it has; `None` from servers before 3.5.
    pub config_version: Option<i64>,
}

impl LearnerInfo {
    /// A server that speaks today's protocol.
    pub fn new(server_id: i64, config_version: i64) -> Self {
        let config_version = Some(config_version);
        Self { server_id, protocol_version: PROTOCOL_VERSION, config_version }
    }

    /// Reads what is there: from 8, 12 or 20 bytes on one, two or all three fields. `None` for
    /// fewer bytes, from a server without an id.
    pub fn from_data(data: &Bytes) -> Option<Self> {
        let mut input = Reader::new(data);
        let server_id = i64::decode(&mut input).ok()?;
        let protocol_version = i32::decode(&mut input).unwrap_or(FIRST_PROTOCOL_VERSION);
        let config_version = i64::decode(&mut input).ok();
        Some(Self { server_id, protocol_version, config_version })
    }

    /// The data of the packet.
    pub fn to_data(self) -> Bytes {
        match self.config_version {
            Some(config_version) => {
                let Self { server_id, protocol_version, .. } = self;
                LearnerInfoFields { server_id, protocol_version, config_version }.to_bytes()
            }
            None => {
                let mut out = Vec::with_capacity(12);
                self.server_id.encode(&mut out);
                self.protocol_version.encode(&mut out);
                Bytes::from(out)
            }
        }
    }
}

/// Sessions of a learner's PING, which ends with its bytes. An incomplete last one is ignored.
pub fn touched_sessions(data: &Bytes) -> impl Iterator<Item = SessionTouch> {
    let mut input = Reader::new(data);
    std::iter::from_fn(move || SessionTouch::decode(&mut input).ok())
}

/// REQUEST: a client's request on its way to the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedRequest {
    /// The client's session.
    pub session_id: SessionId,
    /// The client's number for the request; 0 for a new session.
    pub cxid: i32,
    /// The operation, see [`crate::op_code::OpCode`].
    pub op: i32,
    /// The body as the client sent it.
    pub body: Bytes,
}

impl Jute for ForwardedRequest {
    const MIN_LEN: usize = ForwardedHeader::MIN_LEN;

    fn encode(&self, out: &mut Vec<u8>) {
        let Self { session_id, cxid, op, .. } = *self;
        ForwardedHeader { session_id, cxid, op }.encode(out);
        out.extend_from_slice(&self.body);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let ForwardedHeader { session_id, cxid, op } = Jute::decode(input)?;
        Ok(Self { session_id, cxid, op, body: input.rest() })
    }
}
