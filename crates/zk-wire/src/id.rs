//! Numbers that must not be mistaken for each other.

use std::fmt;

use crate::{DecodeError, Jute, Reader};

/// Place of a change in the order of all changes: epoch of the leader that made it, and a count
/// within that epoch. Signed, and compared so, as Java's `long`; -1 stands for none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Zxid(pub i64);

impl Zxid {
    /// The change `counter` of an epoch; 0 is the epoch's begin and no change.
    pub const fn new(epoch: u32, counter: u32) -> Self {
        Self(((epoch as i64) << 32) | counter as i64)
    }

    /// The upper half.
    pub const fn epoch(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The lower half.
    pub const fn counter(self) -> u32 {
        self.0 as u32
    }
}

/// A client's session; 0 stands for none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SessionId(pub i64);

/// In hexadecimal, as Apache's logs and commands print them.
macro_rules! hexadecimal {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "0x{:x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl Jute for $name {
            const MIN_LEN: usize = 8;

            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }

            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                i64::decode(input).map(Self)
            }
        }
    )*};
}

hexadecimal!(Zxid SessionId);
