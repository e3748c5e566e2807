//! Requests as bytes: made once, then copied, with the request's number and the node's patched in.

use bytes::Bytes;
use zk_wire::acl::Acl;
use zk_wire::header::RequestHeader;
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::request::{CreateRequest, ReadRequest, Request, SetDataRequest};
use zk_wire::{Jute, Text, frame};

use super::{Plan, Workload};

/// Digits of a node's number.
pub(super) const DIGITS: usize = 10;
/// Where a frame has its number.
const XID_AT: usize = 4;

/// One request with gaps.
pub(super) struct Frame {
    bytes: Vec<u8>,
    /// Where nodes' numbers are.
    numbers: Vec<usize>,
}

impl Frame {
    /// The frame of a request in which the number of each node is ten zeros after the prefix.
    pub fn new(request: &Request, prefix: &str) -> Frame {
        let mut bytes = Vec::new();
        let header = RequestHeader { xid: 0, op: request.op().code() };
        // Requests here are far below 2 GiB, beyond which alone there is no frame.
        let _ = frame::put(&mut bytes, |out| {
            header.encode(out);
            request.encode(out);
        });
        let mark = numbered(prefix, 0).into_bytes();
        let found = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&mark));
        let numbers = found.map(|at| at + prefix.len()).collect();
        Frame { bytes, numbers }
    }

    /// Appends the request; `number` gives the nodes' numbers.
    pub fn put(&self, out: &mut Vec<u8>, xid: i32, mut number: impl FnMut() -> u64) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        out[start + XID_AT..start + XID_AT + 4].copy_from_slice(&xid.to_be_bytes());
        for at in &self.numbers {
            put_digits(&mut out[start + at..start + at + DIGITS], number());
        }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// A node's path.
pub(super) fn numbered(prefix: &str, number: u64) -> String {
    format!("{prefix}{number:0DIGITS$}")
}

fn put_digits(into: &mut [u8], mut number: u64) {
    for digit in into.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// The data of nodes: bytes that do not compress to nothing.
pub(super) fn data(size: usize) -> Bytes {
    (0..size).map(|at| b'a' + (at * 7 % 26) as u8).collect()
}

/// What a connection sends in a workload.
pub(super) enum Requests {
    /// The next node of this connection.
    Next(Frame),
    /// Any node.
    Any(Frame),
    /// Nine times the first to the second.
    Mixed(Frame, Frame),
}

impl Requests {
    pub fn of(plan: &Plan, workload: Workload, connection: usize) -> Requests {
        let root = &plan.root;
        let nodes = format!("{root}/n");
        let path = Some(Text::from(numbered(&nodes, 0)));
        let watch = false;
        let read = ReadRequest { path: path.clone(), watch };
        let write = SetDataRequest { path, data: Some(data(plan.size)), version: -1 };
        match workload {
            Workload::Create => {
                let prefix = format!("{}/n", folder(root, connection));
                let body = CreateRequest {
                    path: Some(Text::from(numbered(&prefix, 0))),
                    data: Some(data(plan.size)),
                    acl: Some(vec![Acl::open()]),
                    flags: 0,
                };
                Requests::Next(Frame::new(&Request::Create(body), &prefix))
            }
            Workload::Set => Requests::Any(Frame::new(&Request::SetData(write), &nodes)),
            Workload::Exists => Requests::Any(Frame::new(&Request::Exists(read), &nodes)),
            Workload::Children => {
                let read = ReadRequest { path: Some(Text::from(parent(root))), watch };
                Requests::Any(Frame::new(&Request::GetChildren2(read), &nodes))
            }
            Workload::Multi => {
                let ops = vec![MultiOp::SetData(write); plan.multi_ops];
                Requests::Any(Frame::new(&Request::Multi(MultiRequest { ops }), &nodes))
            }
            Workload::Mixed => Requests::Mixed(
                Frame::new(&Request::GetData(read), &nodes),
                Frame::new(&Request::SetData(write), &nodes),
            ),
            _ => Requests::Any(Frame::new(&Request::GetData(read), &nodes)),
        }
    }

    /// Bytes of the longest.
    pub fn max_len(&self) -> usize {
        match self {
            Requests::Next(frame) | Requests::Any(frame) => frame.len(),
            Requests::Mixed(read, write) => read.len().max(write.len()),
        }
    }
}

/// Below which a connection creates nodes.
pub(super) fn folder(root: &str, connection: usize) -> String {
    format!("{root}/c{connection}")
}

/// The node whose children are asked for.
pub(super) fn parent(root: &str) -> String {
    format!("{root}/parent")
}

/// Numbers by chance, good enough to spread requests (xorshift64).
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The upper bits of the product: no division.
        ((u128::from(self.0) * u128::from(limit)) >> 64) as u64
    }
}
