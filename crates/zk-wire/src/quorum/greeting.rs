//! The first bytes of a connection to the election port: who is calling, and where it can be
//! called back.
//!
//! Rules: `QuorumCnxManager.InitialMessage`, `ConfigUtils.getHostAndPort`.

use bytes::Bytes;

use crate::error::Problem;
use crate::text::Text;
use crate::{DecodeError, Jute, Reader};

/// The most bytes of addresses.
pub const MAX_ADDRESS_LEN: usize = 2048;

/// First number of a greeting with one address; since 3.5.
const ONE_ADDRESS: i64 = -65536;

/// First number of a greeting with any number of addresses; since 3.6, where it is switched on.
const MANY_ADDRESSES: i64 = -65535;

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    /// A server of 3.4, which says its id only.
    IdOnly {
        /// The caller's id.
        server_id: i64,
    },
    /// A server with one address.
    OneAddress {
        /// The caller's id; `i64::MAX` is an observer without one.
        server_id: i64,
        /// Its election address, as `host:port`.
        address: Text,
    },
    /// A server with several addresses.
    ManyAddresses {
        /// The caller's id; `i64::MAX` is an observer without one.
        server_id: i64,
        /// Its election addresses, as `host:port`, with `|` between.
        addresses: Text,
    },
}

impl Greeting {
    /// The caller's id.
    pub fn server_id(&self) -> i64 {
        match self {
            Self::IdOnly { server_id }
            | Self::OneAddress { server_id, .. }
            | Self::ManyAddresses { server_id, .. } => *server_id,
        }
    }

    /// Hosts and ports it can be called back at; `None` if one of them is malformed, on which
    /// Apache ends the connection. Both generations are read alike. Addresses that stand for any
    /// (`0.0.0.0`, `::`) are no use, and for the caller to leave out.
    pub fn addresses(&self) -> Option<Vec<(&str, u16)>> {
        match self {
            Self::IdOnly { .. } => Some(Vec::new()),
            Self::OneAddress { address: addresses, .. } | Self::ManyAddresses { addresses, .. } => {
                // As Java's split, which drops what is empty at the end.
                addresses.trim_end_matches('|').split('|').map(host_and_port).collect()
            }
        }
    }
}

/// Takes apart `host:port` or `[IPv6 address]:port`.
fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => rest.split_once("]:")?,
        None => address.split_once(':')?,
    };
    Some((host, port.parse().ok()?))
}

impl Jute for Greeting {
    const MIN_LEN: usize = 8;

    fn encode(&self, out: &mut Vec<u8>) {
        let (version, server_id, addresses) = match self {
            Self::IdOnly { server_id } => return server_id.encode(out),
            Self::OneAddress { server_id, address } => (ONE_ADDRESS, server_id, address),
            Self::ManyAddresses { server_id, addresses } => (MANY_ADDRESSES, server_id, addresses),
        };
        version.encode(out);
        server_id.encode(out);
        crate::put_string(out, addresses);
    }

    /// A greeting that is merely not whole yet fails with [`Problem::Truncated`].
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = input.clone();
        let version = i64::decode(input)?;
        if version >= 0 {
            return Ok(Self::IdOnly { server_id: version });
        }
        if version != ONE_ADDRESS && version != MANY_ADDRESSES {
            return Err(start.error(Problem::Unknown(version)).within("Greeting", "version"));
        }
        let server_id = i64::decode(input)?;
        let addresses = decode_addresses(input)?;
        Ok(match version {
            ONE_ADDRESS => Self::OneAddress { server_id, address: addresses },
            _ => Self::ManyAddresses { server_id, addresses },
        })
    }
}

fn decode_addresses(input: &mut Reader<'_>) -> Result<Text, DecodeError> {
    let start = input.clone();
    let fail = |problem| Err(start.error(problem).within("Greeting", "addresses"));
    let len = i32::decode(&mut input.clone())?;
    match usize::try_from(len) {
        Ok(len) if len > MAX_ADDRESS_LEN => fail(Problem::TooLong { len, limit: MAX_ADDRESS_LEN }),
        Ok(0) => fail(Problem::Null),
        Ok(_) => {
            let bytes = Option::<Bytes>::decode(input)?.unwrap_or_default();
            Ok(Text::from_java(bytes))
        }
        Err(_) => fail(Problem::NegativeLength(len)),
    }
}
