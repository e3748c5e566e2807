//! The record that everything between leader and learner travels in. Records follow each other
//! without lengths: where one ends is known once it is read.
//!
//! Rules: `Leader` (types), `LearnerHandler`, `Learner`.

use bytes::{Bytes, BytesMut};

use crate::acl::Id;
use crate::error::Problem;
use crate::id::Zxid;
use crate::{DecodeError, Jute, Reader};

record! {
    /// A message between leader and learner.
    pub struct QuorumPacket {
        /// What it says, see [`PacketType`].
        pub kind: i32,
        /// What change, or begin of an epoch, it is about.
        pub zxid: Zxid,
        /// What belongs to it; see [`crate::quorum::learner`].
        pub data: Option<Bytes>,
        /// Identities of the client whose request it forwards; null in all other packets.
        pub authinfo: Option<Vec<Id>>,
    }
}

/// What a packet says. "To the leader" and "to learners" is its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum PacketType {
    /// To the leader: a client's request.
    Request = 1,
    /// To learners: log this transaction.
    Proposal = 2,
    /// To the leader: it is logged.
    Ack = 3,
    /// To followers: apply it.
    Commit = 4,
    /// Both ways: still there; back with the sessions heard from.
    Ping = 5,
    /// Both ways: is this session valid?
    Revalidate = 6,
    /// To learners: a sync is done.
    Sync = 7,
    /// To observers: log and apply this transaction.
    Inform = 8,
    /// To followers: apply a reconfiguration.
    CommitAndActivate = 9,
    /// To learners: all that the new leader starts from was sent.
    NewLeader = 10,
    /// To the leader: a follower's greeting.
    FollowerInfo = 11,
    /// To learners: serve clients.
    UpToDate = 12,
    /// To learners: the transactions you lack follow.
    Diff = 13,
    /// To learners: forget what is behind this change.
    Trunc = 14,
    /// To learners: the whole tree follows.
    Snap = 15,
    /// To the leader: an observer's greeting.
    ObserverInfo = 16,
    /// To learners: the new epoch.
    LeaderInfo = 17,
    /// To the leader: the epoch is accepted.
    AckEpoch = 18,
    /// To observers: log and apply a reconfiguration.
    InformAndActivate = 19,
}

impl PacketType {
    /// All of them, by number from 1.
    pub const ALL: [Self; 19] = [
        Self::Request,
        Self::Proposal,
        Self::Ack,
        Self::Commit,
        Self::Ping,
        Self::Revalidate,
        Self::Sync,
        Self::Inform,
        Self::CommitAndActivate,
        Self::NewLeader,
        Self::FollowerInfo,
        Self::UpToDate,
        Self::Diff,
        Self::Trunc,
        Self::Snap,
        Self::ObserverInfo,
        Self::LeaderInfo,
        Self::AckEpoch,
        Self::InformAndActivate,
    ];

    /// The number on the wire.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The type of a number.
    pub fn from_code(code: i32) -> Option<Self> {
        let index = usize::try_from(code).ok()?.checked_sub(1)?;
        Self::ALL.get(index).copied()
    }

    /// Apache's name, as in its logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "REQUEST",
            Self::Proposal => "PROPOSAL",
            Self::Ack => "ACK",
            Self::Commit => "COMMIT",
            Self::Ping => "PING",
            Self::Revalidate => "REVALIDATE",
            Self::Sync => "SYNC",
            Self::Inform => "INFORM",
            Self::CommitAndActivate => "COMMITANDACTIVATE",
            Self::NewLeader => "NEWLEADER",
            Self::FollowerInfo => "FOLLOWERINFO",
            Self::UpToDate => "UPTODATE",
            Self::Diff => "DIFF",
            Self::Trunc => "TRUNC",
            Self::Snap => "SNAP",
            Self::ObserverInfo => "OBSERVERINFO",
            Self::LeaderInfo => "LEADERINFO",
            Self::AckEpoch => "ACKEPOCH",
            Self::InformAndActivate => "INFORMANDACTIVATE",
        }
    }
}

impl QuorumPacket {
    /// A packet without identities.
    pub fn new(kind: PacketType, zxid: Zxid, data: Option<Bytes>) -> Self {
        Self { kind: kind.code(), zxid, data, authinfo: None }
    }

    /// Takes a whole packet out of what was received; `None` while bytes lack. Buffers longer than
    /// `max_len` bytes, and counts of as many, are errors at once: the connection has to end.
    pub fn take(received: &mut BytesMut, max_len: usize) -> Result<Option<Self>, DecodeError> {
        match measure(received, max_len)? {
            Some(len) if len <= received.len() => {
                let bytes = received.split_to(len).freeze();
                Self::decode(&mut Reader::with_max_len(&bytes, max_len)).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// How long the packet is that begins there, as soon as that can be told.
fn measure(received: &[u8], max_len: usize) -> Result<Option<usize>, DecodeError> {
    // Type and zxid are 12 bytes.
    let Some(mut at) = behind_buffer(received, 12, max_len, "data")? else { return Ok(None) };
    let Some(count) = int_at(received, at) else { return Ok(None) };
    let count = usize::try_from(count).unwrap_or(0);
    let least = count.saturating_mul(Id::MIN_LEN);
    if least > max_len {
        let problem = Problem::TooLong { len: least, limit: max_len };
        return Err(DecodeError::new(at, problem).within("QuorumPacket", "authinfo"));
    }
    at += 4;
    for _ in 0..2 * count {
        match behind_buffer(received, at, max_len, "authinfo")? {
            Some(behind) => at = behind,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// Where the buffer ends whose length is at `at`; `None` while the length lacks.
fn behind_buffer(
    received: &[u8],
    at: usize,
    max_len: usize,
    field: &'static str,
) -> Result<Option<usize>, DecodeError> {
    let Some(len) = int_at(received, at) else { return Ok(None) };
    let problem = match usize::try_from(len) {
        Ok(len) if len <= max_len => return Ok(Some(at + 4 + len)),
        Ok(len) => Problem::TooLong { len, limit: max_len },
        Err(_) if len == -1 => return Ok(Some(at + 4)),
        Err(_) => Problem::NegativeLength(len),
    };
    Err(DecodeError::new(at, problem).within("QuorumPacket", field))
}

fn int_at(received: &[u8], at: usize) -> Option<i32> {
    received.get(at..)?.first_chunk::<4>().map(|bytes| i32::from_be_bytes(*bytes))
}
