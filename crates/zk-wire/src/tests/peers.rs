//! What servers say to each other.

use bytes::{Bytes, BytesMut};

use super::fixtures::{self, hex, rows, unhex};
use crate::acl::Id;
use crate::op_code::OpCode;
use crate::quorum::greeting::Greeting;
use crate::quorum::learner::*;
use crate::quorum::notification::{Notification, ServerState};
use crate::quorum::packet::{PacketType, QuorumPacket};
use crate::{Jute, Problem, SessionId, Text, Zxid};

fn packets() -> Vec<QuorumPacket> {
    let forwarded = ForwardedRequest {
        session_id: SessionId(7),
        cxid: 3,
        op: OpCode::GetData.code(),
        body: Bytes::from_static(b"as the client sent it"),
    };
    assert_eq!(ForwardedRequest::from_bytes(&forwarded.to_bytes()), Ok(forwarded.clone()));
    vec![
        QuorumPacket::new(PacketType::UpToDate, Zxid(-1), None),
        QuorumPacket::new(PacketType::Ping, Zxid(5), Some(Bytes::new())),
        QuorumPacket {
            authinfo: Some(vec![Id::anyone(), Id::new("ip", "127.0.0.1"), Id::default()]),
            ..QuorumPacket::new(PacketType::Request, Zxid(-1), Some(forwarded.to_bytes()))
        },
        QuorumPacket::new(PacketType::Proposal, Zxid(6), Some(Bytes::from(vec![9; 300]))),
    ]
}

#[test]
fn packets_are_taken_when_they_are_whole() {
    let mut sent = Vec::new();
    packets().iter().for_each(|packet| packet.encode(&mut sent));
    for piece in [1, 7, sent.len()] {
        let mut received = BytesMut::new();
        let mut taken = Vec::new();
        for bytes in sent.chunks(piece) {
            received.extend_from_slice(bytes);
            while let Some(packet) = QuorumPacket::take(&mut received, 1000).expect("sound bytes") {
                taken.push(packet);
            }
        }
        assert_eq!(taken, packets());
        assert!(received.is_empty());
    }
}

#[test]
fn packets_above_the_limit_are_refused_at_once() {
    let take = |bytes: &[u8]| {
        QuorumPacket::take(&mut BytesMut::from(bytes), 100).map_err(|error| error.to_string())
    };
    let mut head = vec![0; 12];
    head.extend_from_slice(&101i32.to_be_bytes());
    assert_eq!(take(&head), Err("QuorumPacket.data at byte 12: 101 bytes, more than 100".into()));
    head[12..].copy_from_slice(&(-2i32).to_be_bytes());
    assert_eq!(take(&head), Err("QuorumPacket.data at byte 12: its length is -2".into()));
    head[12..].copy_from_slice(&(-1i32).to_be_bytes());
    assert_eq!(take(&head), Ok(None));
    head.extend_from_slice(&13i32.to_be_bytes());
    let error = "QuorumPacket.authinfo at byte 16: 104 bytes, more than 100";
    assert_eq!(take(&head), Err(error.into()));
    // Apache takes any other negative count for none.
    head[16..].copy_from_slice(&(-9i32).to_be_bytes());
    assert!(take(&head).is_ok_and(|packet| packet.is_some()));
}

#[test]
fn learners_introduce_themselves_in_three_lengths() {
    let bytes = LearnerInfo::new(3, 0x100).to_data();
    assert_eq!(bytes.len(), 20);
    let of = |len: usize| LearnerInfo::from_data(&bytes.slice(..len));
    let info = |protocol_version, config_version| {
        Some(LearnerInfo { server_id: 3, protocol_version, config_version })
    };
    assert_eq!(of(7), None);
    assert_eq!(of(8), info(1, None));
    assert_eq!(of(12), info(PROTOCOL_VERSION, None));
    assert_eq!(of(19), info(PROTOCOL_VERSION, None));
    assert_eq!(of(20), info(PROTOCOL_VERSION, Some(0x100)));
    assert_eq!(of(12).map(LearnerInfo::to_data), Some(bytes.slice(..12)));
}

#[test]
fn pings_end_with_their_bytes() {
    let touch = |id| SessionTouch { session_id: SessionId(id), timeout_ms: 4000 };
    let mut out = Vec::new();
    [1, 2].iter().for_each(|id| touch(*id).encode(&mut out));
    out.extend_from_slice(&[0; 5]);
    let touched: Vec<_> = touched_sessions(&Bytes::from(out)).collect();
    assert_eq!(touched, [touch(1), touch(2)]);
    assert_eq!(touched_sessions(&Bytes::new()).count(), 0);
}

/// The config of the fixtures, which `Notification::version` 2 carries.
const CONFIG: &str = "server.1=a:2888:3888:participant\nversion=0";

fn vote(state: i32, version: i32, config: Option<&str>) -> Notification {
    Notification {
        state,
        leader: 3,
        zxid: Zxid::new(5, 7),
        election_epoch: 8,
        peer_epoch: 5,
        version,
        config: config.map(Text::from),
    }
}

#[test]
fn votes_have_apaches_bytes() {
    let bytes: Vec<_> = rows(fixtures::NOTIFICATIONS).map(|row| unhex(row[1])).collect();
    let encoded = |vote: Notification| {
        let mut out = Vec::new();
        vote.encode(&mut out);
        hex(&out)
    };
    // Servers that know versions take a message of that length for one without.
    assert_eq!(Notification::decode(&bytes[0]), Ok(vote(2, 0, None)));
    assert_eq!(encoded(vote(2, 1, None)), hex(&bytes[0]));
    assert_eq!(Notification::decode(&bytes[1]), Ok(vote(0, 2, Some(CONFIG))));
    assert_eq!(encoded(vote(0, 2, Some(CONFIG))), hex(&bytes[1]));
    // The oldest end before the epoch, which is the zxid's then.
    assert_eq!(Notification::decode(&bytes[0].slice(..28)), Ok(vote(2, 0, None)));
}

#[test]
fn votes_of_other_lengths_are_dropped() {
    let bytes = unhex(rows(fixtures::NOTIFICATIONS).nth(1).expect("today's")[1]);
    for len in (0..bytes.len()).filter(|len| ![28, 40].contains(len)) {
        assert!(Notification::decode(&bytes.slice(..len)).is_err(), "{len}");
    }
    let with_length = |len: i32| {
        let mut changed = bytes.to_vec();
        changed[40..44].copy_from_slice(&len.to_be_bytes());
        Notification::decode(&Bytes::from(changed)).map(|vote| vote.config).map_err(|e| e.problem)
    };
    assert_eq!(with_length(0), Ok(Some(Text::default())));
    assert_eq!(with_length(-1), Err(Problem::NegativeLength(-1)));
    assert!(with_length(i32::MAX).is_err());
    // A version before configurations has none, whatever follows.
    let mut old = bytes.to_vec();
    old[39] = 1;
    assert_eq!(Notification::decode(&Bytes::from(old)), Ok(vote(0, 1, None)));
}

#[test]
fn states_have_numbers() {
    assert_eq!(ServerState::from_code(3), Some(ServerState::Observing));
    assert_eq!([-1, 4].map(ServerState::from_code), [None, None]);
}

#[test]
fn greetings_come_back() {
    let greetings = [
        Greeting::IdOnly { server_id: 2 },
        Greeting::OneAddress { server_id: 2, address: Text::from("host:3888") },
        Greeting::ManyAddresses {
            server_id: i64::MAX,
            addresses: Text::from("[::1]:3888|10.0.0.1:3889|"),
        },
    ];
    for greeting in &greetings {
        let bytes = greeting.to_bytes();
        assert_eq!(Greeting::from_bytes(&bytes).as_ref(), Ok(greeting));
        for len in 0..bytes.len() {
            let cut = Greeting::from_bytes(&bytes.slice(..len));
            assert!(cut.is_err_and(|error| error.is_truncated()), "{greeting:?} to {len}");
        }
    }
    let addresses: Vec<_> = greetings.iter().map(Greeting::addresses).collect();
    assert_eq!(addresses[0], Some(vec![]));
    assert_eq!(addresses[1], Some(vec![("host", 3888)]));
    assert_eq!(addresses[2], Some(vec![("::1", 3888), ("10.0.0.1", 3889)]));
}

#[test]
fn greetings_that_cannot_be_are_refused() {
    let problem = |version: i64, len: i32| {
        let mut out = version.to_bytes().to_vec();
        2i64.encode(&mut out);
        len.encode(&mut out);
        out.extend_from_slice(&[b'x'; 2049]);
        Greeting::from_bytes(&Bytes::from(out)).map_err(|error| error.problem)
    };
    assert_eq!(problem(-1, 5), Err(Problem::Unknown(-1)));
    assert_eq!(problem(-65536, 0), Err(Problem::Null));
    assert_eq!(problem(-65536, -1), Err(Problem::NegativeLength(-1)));
    assert_eq!(problem(-65535, 2049), Err(Problem::TooLong { len: 2049, limit: 2048 }));
    assert!(problem(-65535, 2048).is_ok_and(|greeting| greeting.addresses().is_none()));
    let of = |address: &str| {
        Greeting::OneAddress { server_id: 1, address: Text::from(address) }
            .addresses()
            .map(|addresses| addresses.len())
    };
    assert_eq!(of("host"), None);
    assert_eq!(of("host:x"), None);
    assert_eq!(of("[::1]"), None);
    assert_eq!(of("a:1|b"), None);
}
