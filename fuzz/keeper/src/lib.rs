//! What the fuzz targets share: what must hold of every decoder, whatever the bytes are.

use std::fmt::Debug;

use bytes::Bytes;
use zk_wire::{DecodeError, Jute, Reader};

/// Decodes bytes; what they are read as must come back when it is written and read again.
///
/// Written bytes need not be those that were read: Apache's decoders, which ours follow, take more
/// than one form of some values.
pub fn round_trip<T: Debug + PartialEq>(
    bytes: &Bytes,
    decode: impl Fn(&mut Reader<'_>) -> Result<T, DecodeError>,
    encode: impl Fn(&T, &mut Vec<u8>),
) -> Option<T> {
    let mut input = Reader::new(bytes);
    let value = match decode(&mut input) {
        Ok(value) => value,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error} of {} bytes", bytes.len());
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    assert!(input.position() <= bytes.len());
    let mut out = Vec::new();
    encode(&value, &mut out);
    let written = Bytes::from(out);
    let mut input = Reader::new(&written);
    match decode(&mut input) {
        Ok(again) => assert_eq!(again, value, "read again"),
        Err(error) => panic!("{value:?} is written, but not read again: {error}"),
    }
    assert_eq!(input.left(), 0, "bytes left behind {value:?}");
    Some(value)
}

/// As [`round_trip`], for what says itself how it is coded.
pub fn record<T: Jute + Debug + PartialEq>(bytes: &Bytes) -> Option<T> {
    round_trip(bytes, T::decode, T::encode)
}
