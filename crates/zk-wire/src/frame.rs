//! Frames of the client port: four bytes of length, then that many bytes.
//!
//! Whoever reads the socket collects bytes and takes whole frames out of them; the limit is
//! `jute.maxbuffer`. Rules: `NIOServerCnxn.readLength`, `ClientCnxnSocket.readLength`.

use bytes::{Buf, Bytes, BytesMut};

/// `jute.maxbuffer` where it is not set, in bytes.
pub const DEFAULT_MAX_BUFFER: usize = 0xfffff;

/// A frame that cannot be: Apache closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("frame of {len} bytes; from 0 to {limit} (jute.maxbuffer) are allowed")]
pub struct FrameError {
    /// The length as written, which may be negative.
    pub len: i64,
    /// The most bytes that are allowed.
    pub limit: usize,
}

/// Takes a whole frame out of what was received, without its length; `None` while bytes lack.
/// Memory for the rest is for the reader of the socket to reserve, a piece at a time.
pub fn take(received: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(len) = announced(received, limit)? else { return Ok(None) };
    if received.len() - 4 < len {
        return Ok(None);
    }
    received.advance(4);
    Ok(Some(received.split_to(len).freeze()))
}

/// The length of the frame that begins there; `None` while its four bytes lack.
pub fn announced(received: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
    let Some(head) = received.first_chunk::<4>() else { return Ok(None) };
    let len = i32::from_be_bytes(*head);
    match usize::try_from(len) {
        Ok(len) if len <= limit => Ok(Some(len)),
        _ => Err(FrameError { len: i64::from(len), limit }),
    }
}

/// Appends a frame around what `body` appends. More than four bytes of length can say is an error,
/// and leaves `out` as it was.
pub fn put(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let len = out.len() - start - 4;
    match i32::try_from(len) {
        Ok(len) => {
            out[start..start + 4].copy_from_slice(&len.to_be_bytes());
            Ok(())
        }
        Err(_) => {
            out.truncate(start);
            Err(FrameError { len: len as i64, limit: i32::MAX as usize })
        }
    }
}
