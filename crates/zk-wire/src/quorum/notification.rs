//! Votes: what servers tell each other while they look for a leader.
//!
//! Each is a frame of its own on the election port (four bytes of length, at most [`MAX_LEN`]). It
//! grew over time, and its length tells what is in it. Rules: `FastLeaderElection`.

use bytes::Bytes;

use crate::error::Problem;
use crate::id::Zxid;
use crate::text::Text;
use crate::{DecodeError, Jute, Reader};

/// The most bytes of a frame on the election port (`QuorumCnxManager.PACKETMAXSIZE`).
pub const MAX_LEN: usize = 1024 * 512;

/// The version that servers send since 3.5.
pub const CURRENT_VERSION: i32 = 2;

/// Up to 3.3: without the epoch of the proposed leader.
const LEN_WITHOUT_EPOCH: usize = 28;

/// Up to 3.4.5: what stands in the version's place is none.
const LEN_WITHOUT_VERSION: usize = 40;

record! {
    /// What all generations have.
    #[derive(Copy)]
    struct Vote {
        state: i32,
        leader: i64,
        zxid: Zxid,
        election_epoch: i64,
    }
}

/// What a server is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ServerState {
    /// Looking for a leader.
    Looking = 0,
    /// Following one.
    Following = 1,
    /// Leading.
    Leading = 2,
    /// Observing.
    Observing = 3,
}

impl ServerState {
    /// The state of a number; messages with another are ignored.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Looking, Self::Following, Self::Leading, Self::Observing]
            .into_iter()
            .find(|state| *state as i32 == code)
    }
}

/// A vote, and the state of who sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The sender's [`ServerState`], as a number: one without a meaning does not spoil the rest.
    pub state: i32,
    /// Id of the server that it votes for.
    pub leader: i64,
    /// That server's last change.
    pub zxid: Zxid,
    /// The round of the election.
    pub election_epoch: i64,
    /// That server's epoch.
    pub peer_epoch: i64,
    /// The generation of the message; 0 where it does not say.
    pub version: i32,
    /// The sender's last committed configuration, from version 2 on.
    pub config: Option<Text>,
}

impl Notification {
    /// Reads a frame's bytes. One that fails is dropped, and the connection goes on.
    pub fn decode(frame: &Bytes) -> Result<Self, DecodeError> {
        let mut input = Reader::new(frame);
        let Vote { state, leader, zxid, election_epoch } = Jute::decode(&mut input)?;
        let name = |field| move |error: DecodeError| error.within("Notification", field);
        let peer_epoch = match frame.len() {
            LEN_WITHOUT_EPOCH => i64::from(zxid.epoch()),
            _ => i64::decode(&mut input).map_err(name("peer_epoch"))?,
        };
        let version = match frame.len() {
            LEN_WITHOUT_EPOCH | LEN_WITHOUT_VERSION => 0,
            _ => i32::decode(&mut input).map_err(name("version"))?,
        };
        let config = match version >= 2 {
            true => Some(decode_config(&mut input).map_err(name("config"))?),
            false => None,
        };
        Ok(Self { state, leader, zxid, election_epoch, peer_epoch, version, config })
    }

    /// Appends the bytes of a frame, without its length: with a configuration as servers send it
    /// today, without one as 3.4.6 did.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let Self { state, leader, zxid, election_epoch, .. } = *self;
        Vote { state, leader, zxid, election_epoch }.encode(out);
        self.peer_epoch.encode(out);
        self.version.encode(out);
        if let Some(config) = &self.config {
            crate::put_string(out, config);
        }
    }
}

/// A configuration is never null, though -1 is what a null has.
fn decode_config(input: &mut Reader<'_>) -> Result<Text, DecodeError> {
    let start = input.clone();
    let config = Option::<Text>::decode(input)?;
    config.ok_or_else(|| start.error(Problem::NegativeLength(-1)))
}
