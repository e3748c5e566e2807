//! Frames, four-letter words, and how failures read.

use bytes::{Bytes, BytesMut};
use expect_test::expect;

use super::fixtures::unhex;
use crate::connect::ConnectResponse;
use crate::frame;
use crate::multi::MultiRequest;
use crate::op_code::OpCode;
use crate::request::{CreateRequest, Request, SetWatches};
use crate::{DecodeError, Jute, Reader, Text, Zxid, four_letter, path};

#[test]
fn frames_are_taken_when_they_are_whole() {
    let mut out = Vec::new();
    frame::put(&mut out, |out| out.extend_from_slice(b"first")).expect("a short frame");
    frame::put(&mut out, |_| {}).expect("an empty frame");
    frame::put(&mut out, |out| out.extend_from_slice(b"last")).expect("a short frame");
    let mut received = BytesMut::new();
    let mut frames = Vec::new();
    for byte in out {
        received.extend_from_slice(&[byte]);
        frames.extend(frame::take(&mut received, 5).expect("frames within the limit"));
    }
    assert_eq!(frames, [&b"first"[..], b"", b"last"]);
    assert!(received.is_empty());
}

#[test]
fn frames_that_cannot_be_are_refused() {
    let take = |head: &[u8]| frame::take(&mut BytesMut::from(head), 100).map_err(|e| e.to_string());
    assert_eq!(take(&[0, 0, 0]), Ok(None));
    assert_eq!(take(&[0, 0, 0, 100]), Ok(None));
    expect![[r#"
        Err(
            "frame of 101 bytes; from 0 to 100 (jute.maxbuffer) are allowed",
        )
    "#]]
    .assert_debug_eq(&take(&[0, 0, 0, 101]));
    expect![[r#"
        Err(
            "frame of -2 bytes; from 0 to 100 (jute.maxbuffer) are allowed",
        )
    "#]]
    .assert_debug_eq(&take(&[0xff, 0xff, 0xff, 0xfe]));
}

#[test]
fn four_letters_are_known() {
    assert_eq!(four_letter::word(*b"ruok"), Some("ruok"));
    assert_eq!(four_letter::word(*b"RUOK"), None);
    assert_eq!(four_letter::word(four_letter::TELNET_CLOSE), None);
}

fn failure<T: Jute>(bytes: &str) -> String {
    let error = T::from_bytes(&unhex(bytes)).err();
    error.map_or_else(String::new, |error| error.to_string())
}

#[test]
fn failures_name_record_and_field() {
    expect!["CreateRequest.path at byte 0: takes at least 4 bytes, 1 are left"]
        .assert_eq(&failure::<CreateRequest>("00"));
    expect!["CreateRequest.path at byte 0: takes at least 6 bytes, 5 are left"]
        .assert_eq(&failure::<CreateRequest>("0000000261"));
    expect!["CreateRequest.data at byte 5: its length is -2"]
        .assert_eq(&failure::<CreateRequest>("000000012ffffffffe"));
    expect!["CreateRequest.acl at byte 9: takes at least 16 bytes, 12 are left"]
        .assert_eq(&failure::<CreateRequest>("000000012fffffffff000000010000000000000000"));
    expect!["Id.scheme at byte 17: its length is -16777215"].assert_eq(&failure::<CreateRequest>(
        "000000012fffffffff000000010000001fff0000010000000000",
    ));
    expect!["SetWatches.data_watches at byte 12: is null"]
        .assert_eq(&failure::<SetWatches>("000000000000000000000001ffffffff"));
    expect!["MultiHeader.op at byte 9: 14 has no meaning here"]
        .assert_eq(&failure::<MultiRequest>("0000000e0000000000"));
}

#[test]
fn limits_of_the_reader_hold() {
    let bytes = Some(Bytes::from_static(&[0; 10])).to_bytes();
    let decode = |max_len| Option::<Bytes>::decode(&mut Reader::with_max_len(&bytes, max_len));
    assert!(decode(10).is_ok());
    expect!["value at byte 0: 10 bytes, more than 9"]
        .assert_eq(&decode(9).expect_err("above the limit").to_string());
}

#[test]
fn nobody_asks_for_notifications() {
    let decode = |op| Request::decode(op, &mut Reader::new(&Bytes::new()));
    expect!["RequestHeader.op at byte 0: 0 has no meaning here"]
        .assert_eq(&decode(OpCode::Notification).expect_err("not asked for").to_string());
    let error: DecodeError = decode(OpCode::Error).expect_err("not asked for");
    assert_eq!((error.record(), error.field()), ("RequestHeader", "op"));
}

#[test]
fn invalid_sessions_get_zeros() {
    let long = ConnectResponse::invalid(Some(false)).to_bytes();
    let short = ConnectResponse::invalid(None).to_bytes();
    assert_eq!((long.len(), short.len()), (37, 36));
    assert_eq!(long.iter().map(|byte| u32::from(*byte)).sum::<u32>(), 16);
}

#[test]
fn zxids_have_two_halves() {
    let zxid = Zxid::new(5, 0xffff_ffff);
    assert_eq!((zxid.epoch(), zxid.counter()), (5, 0xffff_ffff));
    assert_eq!(format!("{zxid} {zxid:?}"), "0x5ffffffff Zxid(0x5ffffffff)");
    assert!(Zxid(-1) < Zxid(0));
}

#[test]
fn paths_are_split_at_the_last_slash() {
    assert_eq!(path::split("/a/b"), Some(("/a", "b")));
    assert_eq!(path::split("/a"), Some(("/", "a")));
    assert_eq!(path::split("/"), None);
    assert_eq!(path::split("a"), None);
}

#[test]
fn texts_share_memory_until_detached() {
    let frame = Bytes::from(b"/a/b".to_vec());
    let text = Text::from_java(frame.clone());
    assert_eq!(text.as_ptr(), frame.as_ptr());
    assert_ne!(text.detached().as_ptr(), frame.as_ptr());
    assert_eq!(text.detached(), text);
    assert_eq!(text, "/a/b");
}
