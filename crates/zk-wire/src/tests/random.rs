//! Random values come back as they went; random and damaged bytes are decoded or refused, without
//! a panic and without more memory than they are worth.

use std::fmt::Debug;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::allocation::allocated;
use super::every::{Visitor, visit_all};
use super::sample::Sample;
use crate::connect::{ConnectRequest, ConnectResponse};
use crate::multi::{MultiOp, MultiRequest, MultiResponse, MultiResult};
use crate::op_code::OpCode;
use crate::quorum::greeting::Greeting;
use crate::quorum::learner::{ForwardedRequest, LearnerInfo, touched_sessions};
use crate::quorum::notification::Notification;
use crate::reply::Reply;
use crate::request::Request;
use crate::txn::{Txn, TxnEntry};
use crate::{Jute, Reader};

fn run<T: Debug>(cases: u32, strategy: impl Strategy<Value = T>, test: impl Fn(T)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&strategy, |value| {
        test(value);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

struct RoundTrips;

impl Visitor for RoundTrips {
    fn visit<T: Jute + Sample + Debug + PartialEq + 'static>(&mut self, name: &str) {
        run(48, T::any(), |value| {
            let bytes = value.to_bytes();
            assert!(bytes.len() >= T::MIN_LEN, "{name}");
            let mut input = Reader::new(&bytes);
            assert_eq!(T::decode(&mut input).as_ref(), Ok(&value), "{name}");
            assert_eq!(input.left(), 0, "{name}");
        });
    }
}

#[test]
fn records_come_back() {
    visit_all(&mut RoundTrips);
}

/// Bytes asked for in all may be this many times the input's length: a vector's elements are larger
/// in memory than on the wire, and vectors without a count grow by doubling.
const ALLOCATION_FACTOR: usize = 48;

/// Decodes and expects what holds for all decoders; says whether the bytes were accepted.
fn decode<T>(bytes: &Bytes, decode: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> bool {
    let mut input = Reader::new(bytes);
    let (decoded, allocated) = allocated(|| decode(&mut input).is_some());
    let limit = ALLOCATION_FACTOR * bytes.len() + 64;
    assert!(allocated <= limit, "{allocated} bytes for {} bytes", bytes.len());
    decoded
}

/// Damage: bytes set, words set, the end cut off.
fn damaged(bytes: Bytes) -> impl Strategy<Value = Bytes> {
    let odd_byte = prop_oneof![Just(0u8), Just(1), Just(0x7f), Just(0x80), Just(0xff), any::<u8>()];
    let odd_word = prop_oneof![Just(-1i32), Just(-2), Just(i32::MIN), Just(i32::MAX), 0..999i32];
    let change = (any::<prop::sample::Index>(), odd_byte, proptest::option::of(odd_word));
    let changes = proptest::collection::vec(change, 1..4);
    (changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(move |(changes, end, cut)| {
        let mut damaged = bytes.to_vec();
        for (at, byte, word) in changes {
            let Some(last) = damaged.len().checked_sub(1) else { break };
            let at = at.index(last + 1);
            match word {
                Some(word) if at + 4 <= damaged.len() => {
                    damaged[at..at + 4].copy_from_slice(&word.to_be_bytes());
                }
                _ => damaged[at] = byte,
            }
        }
        if cut {
            damaged.truncate(end.index(damaged.len() + 1));
        }
        Bytes::from(damaged)
    })
}

struct Damaged;

impl Visitor for Damaged {
    fn visit<T: Jute + Sample + Debug + PartialEq + 'static>(&mut self, _: &str) {
        run(48, T::any().prop_flat_map(|value| damaged(value.to_bytes())), |bytes| {
            decode(&bytes, |input| T::decode(input).ok());
        });
    }
}

#[test]
fn damaged_records_do_no_harm() {
    visit_all(&mut Damaged);
}

fn multi_request() -> impl Strategy<Value = MultiRequest> {
    let write = prop_oneof![
        Sample::any().prop_map(|mut body: crate::request::CreateRequest| {
            body.flags &= 3;
            MultiOp::Create(body)
        }),
        Sample::any().prop_map(MultiOp::Delete),
        Sample::any().prop_map(MultiOp::SetData),
        Sample::any().prop_map(MultiOp::Check),
    ];
    let read = prop_oneof![
        Sample::any().prop_map(MultiOp::GetChildren),
        Sample::any().prop_map(MultiOp::GetData),
    ];
    let ops =
        prop_oneof![proptest::collection::vec(write, 0..6), proptest::collection::vec(read, 0..6)];
    ops.prop_map(|ops| MultiRequest { ops })
}

fn multi_response() -> impl Strategy<Value = MultiResponse> {
    let result = prop_oneof![
        Sample::any().prop_map(MultiResult::Create),
        Sample::any().prop_map(MultiResult::Create2),
        Just(MultiResult::Delete),
        Just(MultiResult::Check),
        Sample::any().prop_map(MultiResult::SetData),
        Sample::any().prop_map(MultiResult::GetChildren),
        Sample::any().prop_map(MultiResult::GetData),
        Sample::any().prop_map(MultiResult::Error),
    ];
    proptest::collection::vec(result, 0..6).prop_map(|results| MultiResponse { results })
}

#[test]
fn multis_come_back() {
    run(256, multi_request(), |multi| {
        assert_eq!(MultiRequest::from_bytes(&multi.to_bytes()), Ok(multi));
    });
    run(256, multi_response(), |multi| {
        assert_eq!(MultiResponse::from_bytes(&multi.to_bytes()), Ok(multi));
    });
}

/// Every decoder on the same bytes.
fn decode_all(bytes: &Bytes) {
    for op in OpCode::ALL {
        decode(bytes, |input| Request::decode(*op, input).ok());
        decode(bytes, |input| Reply::decode(*op, input).ok());
        decode(bytes, |input| Txn::decode(op.code(), input).ok());
    }
    decode(bytes, |input| ConnectRequest::decode(input).ok());
    decode(bytes, |input| ConnectResponse::decode(input).ok());
    decode(bytes, |input| TxnEntry::decode(input).ok());
    decode(bytes, |input| Greeting::decode(input).ok());
    decode(bytes, |input| ForwardedRequest::decode(input).ok());
    decode(bytes, |_| Notification::decode(bytes).ok());
    decode(bytes, |_| LearnerInfo::from_data(bytes));
    touched_sessions(bytes).count();
}

#[test]
fn any_bytes_do_no_harm() {
    run(256, proptest::collection::vec(any::<u8>(), 0..120), |bytes| decode_all(&bytes.into()));
    // Mostly zeros and small numbers: these are lengths that come true.
    let small = prop_oneof![4 => Just(0u8), 2 => 0..9u8, 1 => any::<u8>()];
    run(256, proptest::collection::vec(small, 0..200), |bytes| decode_all(&bytes.into()));
    run(128, multi_request().prop_flat_map(|multi| damaged(multi.to_bytes())), |bytes| {
        decode_all(&bytes);
    });
    run(128, multi_response().prop_flat_map(|multi| damaged(multi.to_bytes())), |bytes| {
        decode_all(&bytes);
    });
}

#[test]
fn large_counts_reserve_nothing() {
    // A count of 2^31 - 1 and nothing behind it.
    let bytes = Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff]);
    let (decoded, allocated) = allocated(|| Option::<Vec<crate::Text>>::from_bytes(&bytes));
    assert!(decoded.is_err_and(|error| error.is_truncated()));
    assert_eq!(allocated, 0);
}

#[test]
fn requests_without_vectors_allocate_nothing() {
    let path = Some(crate::Text::from("/a/b"));
    let bodies = [
        Request::GetData(crate::request::ReadRequest { path: path.clone(), watch: true }),
        Request::SetData(crate::request::SetDataRequest {
            path: path.clone(),
            data: Some(Bytes::from_static(b"data")),
            version: -1,
        }),
        Request::Delete(crate::request::DeleteRequest { path, version: 3 }),
    ];
    for body in bodies {
        let mut out = Vec::new();
        body.encode(&mut out);
        // As a frame comes from the network: shared from the begin.
        let frame = bytes::BytesMut::from(&out[..]).freeze();
        let shared = frame.clone();
        let (decoded, allocated) =
            allocated(|| Request::decode(body.op(), &mut Reader::new(&shared)));
        assert_eq!(decoded, Ok(body));
        assert_eq!(allocated, 0);
    }
}
