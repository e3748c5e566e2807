//! What a client reads from a server: the connect response, notifications, and what answers each
//! operation. The input's first four bytes, in place of the request's number, choose the operation.

#![no_main]

use bytes::Bytes;
use keeper_fuzz::{record, round_trip};
use libfuzzer_sys::fuzz_target;
use zk_wire::connect::ConnectResponse;
use zk_wire::event::WatcherEvent;
use zk_wire::header::ReplyHeader;
use zk_wire::op_code::OpCode;
use zk_wire::reply::Reply;
use zk_wire::{Jute, Reader};

fuzz_target!(|data: &[u8]| {
    let frame = Bytes::copy_from_slice(data);
    record::<ConnectResponse>(&frame);
    let mut input = Reader::new(&frame);
    let Ok(header) = ReplyHeader::decode(&mut input) else { return };
    let body = input.rest();
    record::<WatcherEvent>(&body);
    if let Some(op) = OpCode::from_code(header.xid) {
        round_trip(&body, |input| Reply::decode(op, input), |reply, out| reply.encode(out));
    }
});
