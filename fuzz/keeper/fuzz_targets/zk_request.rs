//! What a server reads from a client: frames, the connect request, then headers and bodies of all
//! operations, multis among them.

#![no_main]

use bytes::{Bytes, BytesMut};
use keeper_fuzz::{record, round_trip};
use libfuzzer_sys::fuzz_target;
use zk_wire::connect::ConnectRequest;
use zk_wire::create_mode::CreateMode;
use zk_wire::header::RequestHeader;
use zk_wire::multi::MultiOp;
use zk_wire::op_code::OpCode;
use zk_wire::request::Request;
use zk_wire::{Jute, Reader, four_letter, frame, path};

fuzz_target!(|data: &[u8]| {
    let frame = Bytes::copy_from_slice(data);
    frames(data);
    record::<ConnectRequest>(&frame);
    let mut input = Reader::new(&frame);
    let Ok(header) = RequestHeader::decode(&mut input) else { return };
    let Some(op) = OpCode::from_code(header.op) else { return };
    let body = input.rest();
    if has_impossible_create(op, &body) {
        return;
    }
    let request =
        round_trip(&body, |input| Request::decode(op, input), |request, out| request.encode(out));
    let Some(request) = request else { return };
    assert_eq!(request.op(), op);
    if let Some(text) = request.path() {
        assert!(std::str::from_utf8(text.as_bytes()).is_ok());
        let sound = path::validate(text).is_ok();
        assert!(!sound || text.starts_with('/'));
    }
});

/// Whether a multi has a create with flags that mean nothing. Apache makes it of a createTTL, for
/// which it is an error of that operation alone, and does not read again what it would write.
fn has_impossible_create(op: OpCode, body: &Bytes) -> bool {
    let Ok(Request::Multi(multi) | Request::MultiRead(multi)) =
        Request::decode(op, &mut Reader::new(body))
    else {
        return false;
    };
    multi.ops.iter().any(|op| match op {
        MultiOp::Create(create) => CreateMode::from_flags(create.flags).is_none(),
        _ => false,
    })
}

/// Takes frames out of bytes that come one by one, and all at once.
fn frames(data: &[u8]) {
    const LIMIT: usize = 1000;
    if let Some(head) = data.first_chunk::<4>() {
        let _ = four_letter::word(*head);
    }
    let mut at_once = BytesMut::from(data);
    let mut in_pieces = BytesMut::new();
    let mut pieces = data.iter();
    loop {
        let whole = frame::take(&mut at_once, LIMIT);
        let piece = loop {
            match frame::take(&mut in_pieces, LIMIT) {
                Ok(None) => match pieces.next() {
                    Some(byte) => in_pieces.extend_from_slice(&[*byte]),
                    None => break Ok(None),
                },
                taken => break taken,
            }
        };
        assert_eq!(whole, piece, "at once and in pieces");
        if !matches!(whole, Ok(Some(_))) {
            return;
        }
    }
}
