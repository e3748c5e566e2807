//! Bytes of known values, both ways.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;

use super::every::{Visitor, visit_all};
use super::fixtures::{self, hex, rows, unhex};
use super::sample::{Filler, Sample, Style};
use crate::acl::Acl;
use crate::multi::{MultiOp, MultiRequest, MultiResponse, MultiResult};
use crate::quorum::learner::LearnerInfo;
use crate::reply::*;
use crate::request::*;
use crate::stat::Stat;
use crate::txn::*;
use crate::{Jute, Reader, SessionId, Text, Zxid};

/// Bytes by record and style.
struct Fixtures {
    bytes: BTreeMap<(&'static str, &'static str), &'static str>,
    used: usize,
}

impl Visitor for Fixtures {
    fn visit<T: Jute + Sample + Debug + PartialEq + 'static>(&mut self, name: &str) {
        for (style, style_name) in Style::ALL {
            let expected = self.bytes[&(name, style_name)];
            let value = T::fill(&mut Filler::new(style));
            assert_eq!(hex(&value.to_bytes()), expected, "{name} {style_name}, encoded");
            let bytes = unhex(expected);
            let mut input = Reader::new(&bytes);
            let decoded = T::decode(&mut input);
            assert_eq!(decoded.as_ref(), Ok(&value), "{name} {style_name}, decoded");
            assert_eq!(input.left(), 0, "{name} {style_name}, bytes left");
            assert!(T::MIN_LEN <= bytes.len(), "{name} {style_name}, least length");
            self.used += 1;
        }
    }
}

#[test]
fn every_record_has_apaches_bytes() {
    let bytes = rows(fixtures::RECORDS).map(|row| ((row[0], row[1]), row[2])).collect();
    let mut fixtures = Fixtures { bytes, used: 0 };
    visit_all(&mut fixtures);
    for (style, style_name) in Style::ALL {
        let bytes = unhex(fixtures.bytes[&("LearnerInfo", style_name)]);
        let mut filler = Filler::new(style);
        let (server_id, protocol_version) = (i64::fill(&mut filler), i32::fill(&mut filler));
        let config_version = Some(i64::fill(&mut filler));
        let info = LearnerInfo { server_id, protocol_version, config_version };
        assert_eq!(LearnerInfo::from_data(&bytes), Some(info));
        assert_eq!(info.to_data(), bytes);
        fixtures.used += 1;
    }
    assert_eq!(fixtures.used, fixtures.bytes.len(), "fixtures that nothing was compared with");
}

fn data() -> Option<Bytes> {
    Some(Bytes::from_static(b"data"))
}

fn path(path: &str) -> Option<Text> {
    Some(Text::from(path))
}

fn open() -> Option<Vec<Acl>> {
    Some(vec![Acl::open()])
}

fn stat() -> Stat {
    Stat {
        czxid: Zxid(1),
        mzxid: Zxid(2),
        ctime: 3,
        mtime: 4,
        version: 5,
        cversion: 6,
        aversion: 7,
        ephemeral_owner: 8,
        data_length: 9,
        num_children: 10,
        pzxid: Zxid(11),
    }
}

fn multi_requests() -> Vec<MultiRequest> {
    let create =
        |name: &str, data, flags| CreateRequest { path: path(name), data, acl: open(), flags };
    let all_or_none = vec![
        MultiOp::Check(CheckVersionRequest { path: path("/a"), version: 3 }),
        MultiOp::Create(create("/a/b", data(), 0)),
        MultiOp::Create(create("/a/c", None, 3)),
        MultiOp::CreateContainer(create("/a/d", data(), 4)),
        MultiOp::CreateTtl(CreateTtlRequest {
            path: path("/a/e"),
            data: data(),
            acl: open(),
            flags: 5,
            ttl_ms: 1000,
        }),
        MultiOp::SetData(SetDataRequest {
            path: path("/a"),
            data: Some(Bytes::new()),
            version: -1,
        }),
        MultiOp::Delete(DeleteRequest { path: path("/a/b"), version: 0 }),
    ];
    let reads = vec![
        MultiOp::GetChildren(PathRequest { path: path("/a") }),
        MultiOp::GetData(PathRequest { path: path("/a/b") }),
    ];
    [vec![], all_or_none, reads].into_iter().map(|ops| MultiRequest { ops }).collect()
}

fn multi_responses() -> Vec<MultiResponse> {
    let error = |err| MultiResult::Error(ErrorResponse { err });
    let writes = vec![
        MultiResult::Check,
        MultiResult::Create(PathResponse { path: path("/a/b") }),
        MultiResult::Create2(Create2Response { path: path("/a/c0000000001"), stat: stat() }),
        MultiResult::SetData(StatResponse { stat: stat() }),
        MultiResult::Delete,
    ];
    let children = Some(vec![Text::from("b"), Text::from("c")]);
    let reads = vec![
        MultiResult::GetChildren(GetChildrenResponse { children }),
        MultiResult::GetData(GetDataResponse { data: data(), stat: stat() }),
        error(-101),
    ];
    let failed = vec![error(0), error(-110), error(-2)];
    [vec![], writes, reads, failed].into_iter().map(|results| MultiResponse { results }).collect()
}

fn assert_bytes<T: Jute + Debug + PartialEq>(value: &T, expected: &str) {
    assert_eq!(hex(&value.to_bytes()), expected, "encoded {value:?}");
    assert_eq!(T::from_bytes(&unhex(expected)).as_ref(), Ok(value), "decoded");
}

#[test]
fn multis_have_apaches_bytes() {
    let of = |kind| rows(fixtures::MULTIS).filter(move |row| row[0] == kind).map(|row| row[1]);
    let (requests, responses) = (multi_requests(), multi_responses());
    assert_eq!(of("request").count(), requests.len());
    assert_eq!(of("response").count(), responses.len());
    of("request").zip(&requests).for_each(|(expected, value)| assert_bytes(value, expected));
    of("response").zip(&responses).for_each(|(expected, value)| assert_bytes(value, expected));
}

fn multi_txn() -> MultiTxn {
    let create = CreateTxn {
        path: path("/a"),
        data: data(),
        acl: open(),
        ephemeral: false,
        parent_cversion: 1,
    };
    let parts = [
        Txn::Create(create),
        Txn::Check(CheckVersionTxn { path: path("/a"), version: 0 }),
        Txn::Delete(DeleteTxn { path: path("/a") }),
        Txn::Error(ErrorTxn { err: -101 }),
    ];
    let txn = MultiTxn { txns: Some(parts.iter().map(SubTxn::new).collect()) };
    for (part, sub) in parts.iter().zip(txn.txns.iter().flatten()) {
        assert_eq!(sub.decode().as_ref(), Ok(part));
    }
    txn
}

/// Transactions, and whether the fixtures have them with a digest, too.
fn txns() -> Vec<(Txn, bool)> {
    let create = |data, ephemeral, parent_cversion| CreateTxn {
        path: path("/a"),
        data,
        acl: open(),
        ephemeral,
        parent_cversion,
    };
    let set_data = |name: &str, version| SetDataTxn { path: path(name), data: data(), version };
    let close = |paths: &[&str]| CloseSessionTxn {
        paths_to_delete: Some(paths.iter().map(|path| Text::from(*path)).collect()),
    };
    let delete = DeleteTxn { path: path("/a") };
    let container =
        CreateContainerTxn { path: path("/a"), data: data(), acl: open(), parent_cversion: 2 };
    let ttl = CreateTtlTxn {
        path: path("/a"),
        data: data(),
        acl: open(),
        parent_cversion: 3,
        ttl_ms: 1000,
    };
    vec![
        (Txn::Create(create(data(), false, 1)), true),
        // As servers of 3.3 wrote it: without the parent's count.
        (Txn::Create(create(data(), true, -1)), false),
        (Txn::Create2(create(None, true, 1)), true),
        (Txn::CreateContainer(container), true),
        (Txn::CreateTtl(ttl), true),
        (Txn::Delete(delete.clone()), true),
        (Txn::DeleteContainer(delete), true),
        (Txn::SetData(set_data("/a", 4)), true),
        (Txn::Reconfig(set_data("/zookeeper/config", -1)), true),
        (Txn::SetAcl(SetAclTxn { path: path("/a"), acl: open(), version: 5 }), true),
        (Txn::Multi(multi_txn()), true),
        (Txn::CreateSession(CreateSessionTxn { timeout_ms: 30000 }), true),
        (Txn::CloseSession(Some(close(&["/a", "/b"]))), true),
        (Txn::CloseSession(Some(close(&[]))), true),
        (Txn::CloseSession(None), false),
        (Txn::Error(ErrorTxn { err: -110 }), true),
    ]
}

#[test]
fn transactions_have_apaches_bytes() {
    let mut fixtures = fixtures::TXNS.lines();
    for (txn, with_digest) in txns() {
        for digest in [None, Some(TxnDigest { version: 2, tree_digest: 1_371_985_504 })] {
            if digest.is_some() && !with_digest {
                continue;
            }
            let header = TxnHeader {
                client_id: SessionId(0x0100_0000_0000_0001),
                cxid: 7,
                zxid: Zxid::new(2, 3),
                time: 1234,
                op: txn.op().code(),
            };
            let expected = fixtures.next().expect("a fixture for each");
            let entry = TxnEntry { header, txn: txn.clone(), digest };
            let oldest = matches!(&txn, Txn::Create(create) if create.parent_cversion == -1);
            if oldest {
                assert_eq!(TxnEntry::from_bytes(&unhex(expected)), Ok(entry));
            } else {
                assert_bytes(&entry, expected);
            }
        }
    }
    assert_eq!(fixtures.next(), None);
}

#[test]
fn a_closed_session_may_have_a_digest_only() {
    let header = TxnHeader { op: -11, ..TxnHeader::default() };
    for tree_digest in [-1, 1, 1 << 32, i64::MIN, 1_371_985_504] {
        let digest = Some(TxnDigest { version: 2, tree_digest });
        let entry = TxnEntry { header, txn: Txn::CloseSession(None), digest };
        assert_eq!(TxnEntry::from_bytes(&entry.to_bytes()), Ok(entry));
    }
}
