//! The first frame of each direction, which opens a session or takes one over.
//!
//! Both may end with a byte that says read-only; clients of 3.3 and before, and some of other
//! languages, neither send nor expect it. Rules: `ProtocolManager`.

use bytes::Bytes;

use crate::id::{SessionId, Zxid};
use crate::{DecodeError, Jute, Reader};

record! {
    /// [`ConnectRequest`] up to the byte that may lack.
    struct RequestFields {
        protocol_version: i32,
        last_zxid_seen: Zxid,
        timeout_ms: i32,
        session_id: SessionId,
        password: Option<Bytes>,
    }

    /// [`ConnectResponse`] up to the byte that may lack.
    struct ResponseFields {
        protocol_version: i32,
        timeout_ms: i32,
        session_id: SessionId,
        password: Option<Bytes>,
    }
}

/// What a client says first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectRequest {
    /// 0.
    pub protocol_version: i32,
    /// The last change that the client has seen; a server that is behind refuses it.
    pub last_zxid_seen: Zxid,
    /// The session timeout that the client wants, in milliseconds.
    pub timeout_ms: i32,
    /// The session to go on with; 0 asks for a new one.
    pub session_id: SessionId,
    /// The password of that session, 16 bytes.
    pub password: Option<Bytes>,
    /// Whether a read-only server will do; `None` if the client did not send the byte, and then
    /// does not expect it in the response.
    pub read_only: Option<bool>,
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectResponse {
    /// 0.
    pub protocol_version: i32,
    /// The session timeout that holds, in milliseconds; 0 if the session is not valid.
    pub timeout_ms: i32,
    /// The session; 0 if it is not valid.
    pub session_id: SessionId,
    /// The password of the session, 16 bytes.
    pub password: Option<Bytes>,
    /// Whether the server is read-only; `None` if the byte is left out.
    pub read_only: Option<bool>,
}

impl ConnectResponse {
    /// The answer to a session that has expired or never was, or whose password is wrong.
    pub fn invalid(read_only: Option<bool>) -> Self {
        let password = Some(Bytes::from_static(&[0; 16]));
        Self { password, read_only, ..Self::default() }
    }
}

impl Jute for ConnectRequest {
    const MIN_LEN: usize = RequestFields::MIN_LEN;

    fn encode(&self, out: &mut Vec<u8>) {
        self.protocol_version.encode(out);
        self.last_zxid_seen.encode(out);
        self.timeout_ms.encode(out);
        self.session_id.encode(out);
        self.password.encode(out);
        encode_optional(self.read_only, out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let fields = RequestFields::decode(input)?;
        Ok(Self {
            protocol_version: fields.protocol_version,
            last_zxid_seen: fields.last_zxid_seen,
            timeout_ms: fields.timeout_ms,
            session_id: fields.session_id,
            password: fields.password,
            read_only: decode_optional(input),
        })
    }
}

impl Jute for ConnectResponse {
    const MIN_LEN: usize = ResponseFields::MIN_LEN;

    fn encode(&self, out: &mut Vec<u8>) {
        self.protocol_version.encode(out);
        self.timeout_ms.encode(out);
        self.session_id.encode(out);
        self.password.encode(out);
        encode_optional(self.read_only, out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let fields = ResponseFields::decode(input)?;
        Ok(Self {
            protocol_version: fields.protocol_version,
            timeout_ms: fields.timeout_ms,
            session_id: fields.session_id,
            password: fields.password,
            read_only: decode_optional(input),
        })
    }
}

fn encode_optional(read_only: Option<bool>, out: &mut Vec<u8>) {
    if let Some(read_only) = read_only {
        read_only.encode(out);
    }
}

fn decode_optional(input: &mut Reader<'_>) -> Option<bool> {
    bool::decode(input).ok()
}
