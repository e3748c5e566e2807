//! What kind of node a create makes: the `flags` of its request.
//!
//! Rules: `CreateMode`.

/// Kind of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(i32)]
pub enum CreateMode {
    /// Stays until it is deleted.
    #[default]
    Persistent = 0,
    /// Goes with its session.
    Ephemeral = 1,
    /// Persistent, with a number appended to its name.
    PersistentSequential = 2,
    /// Ephemeral, with a number appended to its name.
    EphemeralSequential = 3,
    /// Goes some time after its last child went.
    Container = 4,
    /// Goes when it was not changed for a time and has no children.
    PersistentWithTtl = 5,
    /// As that, with a number appended to its name.
    PersistentSequentialWithTtl = 6,
}

impl CreateMode {
    /// All of them, by flag.
    pub const ALL: [Self; 7] = [
        Self::Persistent,
        Self::Ephemeral,
        Self::PersistentSequential,
        Self::EphemeralSequential,
        Self::Container,
        Self::PersistentWithTtl,
        Self::PersistentSequentialWithTtl,
    ];

    /// The mode of a request's flags; `None` is BADARGUMENTS.
    pub fn from_flags(flags: i32) -> Option<Self> {
        Self::ALL.get(usize::try_from(flags).ok()?).copied()
    }

    /// The flags of a request.
    pub const fn flags(self) -> i32 {
        self as i32
    }

    /// Whether the node goes with its session.
    pub const fn is_ephemeral(self) -> bool {
        matches!(self, Self::Ephemeral | Self::EphemeralSequential)
    }

    /// Whether a number is appended to the name.
    pub const fn is_sequential(self) -> bool {
        matches!(
            self,
            Self::PersistentSequential
                | Self::EphemeralSequential
                | Self::PersistentSequentialWithTtl
        )
    }

    /// Whether the node goes with its last child.
    pub const fn is_container(self) -> bool {
        matches!(self, Self::Container)
    }

    /// Whether the node goes by age.
    pub const fn is_ttl(self) -> bool {
        matches!(self, Self::PersistentWithTtl | Self::PersistentSequentialWithTtl)
    }
}
