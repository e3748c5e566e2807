//! What a server reads from other servers: greetings and votes on the election port, packets and
//! their data on the quorum port, whole and in pieces.

#![no_main]

use bytes::{Bytes, BytesMut};
use keeper_fuzz::record;
use libfuzzer_sys::fuzz_target;
use zk_wire::Reader;
use zk_wire::quorum::auth::QuorumAuthPacket;
use zk_wire::quorum::greeting::Greeting;
use zk_wire::quorum::learner::{self, ForwardedRequest, LearnerInfo};
use zk_wire::quorum::notification::Notification;
use zk_wire::quorum::packet::QuorumPacket;
use zk_wire::txn::TxnEntry;

/// The most bytes of a packet's data.
const LIMIT: usize = 1000;

fuzz_target!(|data: &[u8]| {
    let bytes = Bytes::copy_from_slice(data);
    if let Some(greeting) = record::<Greeting>(&bytes) {
        let _ = greeting.addresses();
    }
    record::<QuorumAuthPacket>(&bytes);
    votes(&bytes);
    packets(data);
});

fn votes(bytes: &Bytes) {
    let Ok(vote) = Notification::decode(bytes) else { return };
    let mut out = Vec::new();
    vote.encode(&mut out);
    let again = Notification::decode(&Bytes::from(out));
    // Without a configuration the length says that there is no version.
    let version = if vote.config.is_some() { vote.version } else { 0 };
    assert_eq!(again, Ok(Notification { version, ..vote }));
}

fn packets(data: &[u8]) {
    let mut at_once = BytesMut::from(data);
    let mut in_pieces = BytesMut::new();
    let mut pieces = data.iter();
    loop {
        let whole = QuorumPacket::take(&mut at_once, LIMIT);
        let piece = loop {
            match QuorumPacket::take(&mut in_pieces, LIMIT) {
                Ok(None) => match pieces.next() {
                    Some(byte) => in_pieces.extend_from_slice(&[*byte]),
                    None => break Ok(None),
                },
                taken => break taken,
            }
        };
        assert_eq!(whole, piece, "at once and in pieces");
        match whole {
            Ok(Some(packet)) => payloads(&packet.data.unwrap_or_default()),
            _ => return,
        }
    }
}

fn payloads(data: &Bytes) {
    if let Some(info) = LearnerInfo::from_data(data) {
        assert!(info.config_version.is_none() || data.starts_with(&info.to_data()));
    }
    record::<ForwardedRequest>(data);
    assert_eq!(learner::touched_sessions(data).count(), data.len() / 12);
    let _ = Reader::new(data).rest();
    let _ = <TxnEntry as zk_wire::Jute>::from_bytes(data);
}
