//! The parts of the load generator that need no server.

use zk_wire::header::RequestHeader;
use zk_wire::multi::MultiOp;
use zk_wire::request::Request;
use zk_wire::{Jute, Reader};

use super::frames::{Frame, Random, Requests, numbered};
use super::histogram::Histogram;
use super::{Plan, Workload};

fn plan() -> Plan {
    Plan {
        connect: "a:1".parse().expect("a connect string"),
        connections: 2,
        in_flight: 4,
        size: 5,
        nodes: 10,
        children: 0,
        multi_ops: 3,
        threads: 1,
        session_timeout: std::time::Duration::from_secs(1),
        warm_up: std::time::Duration::ZERO,
        duration: std::time::Duration::from_secs(1),
        count: None,
        rate: None,
        root: "/bench-1".to_owned(),
    }
}

fn decoded(frame: &Frame, xid: i32, mut numbers: impl Iterator<Item = u64>) -> (i32, Request) {
    let mut out = Vec::new();
    frame.put(&mut out, xid, || numbers.next().unwrap_or(0));
    assert_eq!(out.len(), frame.len());
    let len = i32::from_be_bytes([out[0], out[1], out[2], out[3]]);
    assert_eq!(len as usize, out.len() - 4);
    let bytes = bytes::Bytes::from(out.split_off(4));
    let mut input = Reader::new(&bytes);
    let header = RequestHeader::decode(&mut input).expect("a header");
    let op = zk_wire::op_code::OpCode::from_code(header.op).expect("an operation");
    let request = Request::decode(op, &mut input).expect("a request");
    assert_eq!(input.left(), 0);
    (header.xid, request)
}

#[test]
fn frames_are_the_requests_with_their_numbers() {
    let Requests::Next(create) = Requests::of(&plan(), Workload::Create, 1) else {
        panic!("create makes the next node");
    };
    let (xid, request) = decoded(&create, 77, std::iter::once(1234));
    assert_eq!(xid, 77);
    assert_eq!(request.path().map(|path| path.as_str()), Some("/bench-1/c1/n0000001234"));

    let Requests::Mixed(read, write) = Requests::of(&plan(), Workload::Mixed, 0) else {
        panic!("mixed has two frames");
    };
    let (_, read) = decoded(&read, 1, std::iter::once(9_999_999_999));
    assert!(matches!(&read, Request::GetData(body) if !body.watch));
    assert_eq!(read.path().map(|path| path.as_str()), Some("/bench-1/n9999999999"));
    let (_, write) = decoded(&write, 1, std::iter::once(5));
    assert!(matches!(&write, Request::SetData(body) if body.version == -1));

    let Requests::Any(multi) = Requests::of(&plan(), Workload::Multi, 0) else {
        panic!("multi has one frame");
    };
    let (_, Request::Multi(multi)) = decoded(&multi, 1, 3..) else { panic!("a multi") };
    let paths: Vec<String> = multi
        .ops
        .iter()
        .map(|op| match op {
            MultiOp::SetData(body) => body.path.as_ref().map_or(String::new(), |p| p.to_string()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(paths, [3, 4, 5].map(|number| numbered("/bench-1/n", number)));
}

#[test]
fn the_histogram_is_exact_to_a_percent_and_a_half() {
    let mut histogram = Histogram::new();
    for nanos in (0..1_000_000u64).map(|n| n * 37) {
        histogram.record(nanos);
    }
    for part in [0.5, 0.9, 0.99, 0.999] {
        let exact = part * 37e6;
        let found = histogram.quantile(part) as f64;
        assert!((found - exact).abs() / exact < 0.016, "{part}: {found} for {exact}");
    }
    assert_eq!((histogram.max(), histogram.quantile(1.0)), (999_999 * 37, 999_999 * 37));
    assert_eq!(histogram.count(), 1_000_000);
    assert!((histogram.mean() - 37.0 * 499_999.5).abs() < 1.0);
    let mut edges = Histogram::new();
    for nanos in [0, 127, 128, 129, u64::MAX] {
        edges.record(nanos);
    }
    assert_eq!((edges.quantile(0.0), edges.quantile(0.4), edges.max()), (0, 127, u64::MAX));
}

#[test]
fn chance_spreads() {
    let mut random = Random::new(3);
    let mut counts = [0u32; 10];
    for _ in 0..10_000 {
        counts[random.below(10) as usize] += 1;
    }
    assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
}
