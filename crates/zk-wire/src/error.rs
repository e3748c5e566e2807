//! Why bytes are not what they should be: which record and field, where, and what is wrong.

use std::fmt;

/// Bytes that a decoder refused. A server answers MARSHALLINGERROR, or closes the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The innermost record, and the field in it; empty where a bare value was read.
    place: (&'static str, &'static str),
    /// Where the value begins, in bytes from the first that the reader was given.
    pub offset: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The bytes end before the value does. For what comes as a stream: more bytes are needed.
    Truncated {
        /// Bytes that the value takes at least.
        needed: usize,
        /// Bytes that are there.
        left: usize,
    },
    /// A length below -1.
    NegativeLength(i32),
    /// A length above the reader's limit.
    TooLong {
        /// The length.
        len: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A null where there must be a value.
    Null,
    /// A number that means nothing here.
    Unknown(i64),
    /// Operations that read and operations that write in one multi.
    MixedKinds,
}

impl DecodeError {
    pub(crate) fn new(offset: usize, problem: Problem) -> Self {
        Self { place: ("", ""), offset, problem }
    }

    /// Names record and field, unless an inner record did.
    pub(crate) fn within(mut self, record: &'static str, field: &'static str) -> Self {
        if self.place.0.is_empty() {
            self.place = (record, field);
        }
        self
    }

    /// The innermost record whose field is at fault; empty where a bare value was read.
    pub fn record(&self) -> &'static str {
        self.place.0
    }

    /// The field at fault; empty where a bare value was read.
    pub fn field(&self) -> &'static str {
        self.place.1
    }

    /// Whether more bytes at the end could mend it.
    pub fn is_truncated(&self) -> bool {
        matches!(self.problem, Problem::Truncated { .. })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            ("", _) => write!(f, "value")?,
            (record, field) => write!(f, "{record}.{field}")?,
        }
        write!(f, " at byte {}: {}", self.offset, self.problem)
    }
}

impl std::error::Error for DecodeError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Truncated { needed, left } => {
                write!(f, "takes at least {needed} bytes, {left} are left")
            }
            Problem::NegativeLength(len) => write!(f, "its length is {len}"),
            Problem::TooLong { len, limit } => write!(f, "{len} bytes, more than {limit}"),
            Problem::Null => write!(f, "is null"),
            Problem::Unknown(value) => write!(f, "{value} has no meaning here"),
            Problem::MixedKinds => write!(f, "reads and writes in one multi"),
        }
    }
}
