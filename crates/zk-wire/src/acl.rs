//! Who may do what with a node.
//!
//! Rules: `ZooDefs.Perms`, `ZooDefs.Ids`.

use crate::text::Text;

/// Bits of [`Acl::perms`].
pub mod perms {
    /// Read data and names of children.
    pub const READ: i32 = 1;
    /// Replace data.
    pub const WRITE: i32 = 2;
    /// Create children.
    pub const CREATE: i32 = 4;
    /// Delete children.
    pub const DELETE: i32 = 8;
    /// Replace the ACL.
    pub const ADMIN: i32 = 16;
    /// All of them.
    pub const ALL: i32 = 31;
}

record! {
    /// An identity.
    #[derive(PartialOrd, Ord, Hash)]
    pub struct Id {
        /// How it is proved: `world`, `auth`, `digest`, `ip`, `x509`, `sasl`, ..
        pub scheme: Option<Text>,
        /// Who it is, in the scheme's words.
        pub id: Option<Text>,
    }

    /// One identity and what it may do.
    #[derive(PartialOrd, Ord, Hash)]
    pub struct Acl {
        /// Bits of [`perms`].
        pub perms: i32,
        /// Whom it is for.
        pub id: Id,
    }
}

impl Id {
    /// An identity of a scheme.
    pub fn new(scheme: impl Into<Text>, id: impl Into<Text>) -> Self {
        Self { scheme: Some(scheme.into()), id: Some(id.into()) }
    }

    /// `world:anyone`.
    pub const fn anyone() -> Self {
        Self { scheme: Some(Text::from_static("world")), id: Some(Text::from_static("anyone")) }
    }

    /// `auth:`, which stands for the identities of whoever creates the node.
    pub const fn creator() -> Self {
        Self { scheme: Some(Text::from_static("auth")), id: Some(Text::from_static("")) }
    }
}

impl Acl {
    /// Anyone may do all: `OPEN_ACL_UNSAFE`.
    pub const fn open() -> Self {
        Self { perms: perms::ALL, id: Id::anyone() }
    }

    /// Anyone may read: `READ_ACL_UNSAFE`.
    pub const fn read_only() -> Self {
        Self { perms: perms::READ, id: Id::anyone() }
    }

    /// Whoever creates the node may do all: `CREATOR_ALL_ACL`.
    pub const fn creator_all() -> Self {
        Self { perms: perms::ALL, id: Id::creator() }
    }
}
