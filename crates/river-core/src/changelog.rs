//! Row kinds and changelog modes (`org.apache.flink.types.RowKind`, `ChangelogMode`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a row says about the table it belongs to. The numbers are Flink's byte values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum RowKind {
    /// `+I`: a new row
    Insert = 0,
    /// `-U`: the row before an update
    UpdateBefore = 1,
    /// `+U`: the row after an update
    UpdateAfter = 2,
    /// `-D`: a removed row
    Delete = 3,
}

impl RowKind {
    /// `+I`, `-U`, `+U` or `-D`.
    pub fn short(self) -> &'static str {
        match self {
            RowKind::Insert => "+I",
            RowKind::UpdateBefore => "-U",
            RowKind::UpdateAfter => "+U",
            RowKind::Delete => "-D",
        }
    }

    /// The kind of that byte.
    pub fn from_byte(byte: u8) -> Option<RowKind> {
        match byte {
            0 => Some(RowKind::Insert),
            1 => Some(RowKind::UpdateBefore),
            2 => Some(RowKind::UpdateAfter),
            3 => Some(RowKind::Delete),
            _ => None,
        }
    }

    /// `+I` or `+U`: the row is in the table afterwards.
    pub fn is_accumulate(self) -> bool {
        matches!(self, RowKind::Insert | RowKind::UpdateAfter)
    }
}

/// The row kinds that a stream may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChangelogMode(u8);

impl ChangelogMode {
    /// Only `+I`.
    pub const APPEND: ChangelogMode = ChangelogMode(0b0001);
    /// All four kinds.
    pub const RETRACT: ChangelogMode = ChangelogMode(0b1111);
    /// `+I`, `+U`, `-D`: updates by key, without their before-image.
    pub const UPSERT: ChangelogMode = ChangelogMode(0b1101);

    /// The mode of exactly these kinds.
    pub fn of(kinds: &[RowKind]) -> ChangelogMode {
        ChangelogMode(kinds.iter().fold(0, |bits, kind| bits | 1 << *kind as u8))
    }

    /// Whether that kind may occur.
    pub fn contains(self, kind: RowKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// The mode with that kind added.
    pub fn with(self, kind: RowKind) -> ChangelogMode {
        ChangelogMode(self.0 | 1 << kind as u8)
    }

    /// The mode with that kind taken away.
    pub fn without(self, kind: RowKind) -> ChangelogMode {
        ChangelogMode(self.0 & !(1 << kind as u8))
    }

    /// The kinds of both.
    pub fn union(self, other: ChangelogMode) -> ChangelogMode {
        ChangelogMode(self.0 | other.0)
    }

    /// Only `+I`.
    pub fn is_append(self) -> bool {
        self == ChangelogMode::APPEND
    }

    /// Whether rows may be changed after they were inserted (`+U`).
    pub fn has_updates(self) -> bool {
        self.contains(RowKind::UpdateAfter)
    }
}

impl fmt::Display for ChangelogMode {
    /// As in Flink's plans: `[I,UB,UA,D]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (RowKind::Insert, "I"),
            (RowKind::UpdateBefore, "UB"),
            (RowKind::UpdateAfter, "UA"),
            (RowKind::Delete, "D"),
        ];
        let kinds: Vec<&str> =
            names.iter().filter(|(kind, _)| self.contains(*kind)).map(|(_, name)| *name).collect();
        write!(f, "[{}]", kinds.join(","))
    }
}
