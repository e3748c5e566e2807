//! What is known of a node besides its data: as clients see it, and as it is stored.

use crate::id::Zxid;

record! {
    /// What clients see of a node; 68 bytes.
    #[derive(Copy)]
    pub struct Stat {
        /// The change that created it.
        pub czxid: Zxid,
        /// The last change of its data.
        pub mzxid: Zxid,
        /// When it was created, in milliseconds since 1970.
        pub ctime: i64,
        /// When its data last changed.
        pub mtime: i64,
        /// Changes of its data.
        pub version: i32,
        /// Children created and deleted.
        pub cversion: i32,
        /// Changes of its ACL.
        pub aversion: i32,
        /// The session of an ephemeral node; 0 for all others, containers and TTL nodes too.
        pub ephemeral_owner: i64,
        /// Bytes of its data.
        pub data_length: i32,
        /// Children it has.
        pub num_children: i32,
        /// The last change of its children.
        pub pzxid: Zxid,
    }

    /// What servers store of a node, in snapshots; 60 bytes.
    #[derive(Copy)]
    pub struct StatPersisted {
        /// The change that created it.
        pub czxid: Zxid,
        /// The last change of its data.
        pub mzxid: Zxid,
        /// When it was created, in milliseconds since 1970.
        pub ctime: i64,
        /// When its data last changed.
        pub mtime: i64,
        /// Changes of its data.
        pub version: i32,
        /// Children created; not those deleted, as in [`Stat::cversion`].
        pub cversion: i32,
        /// Changes of its ACL.
        pub aversion: i32,
        /// The session of an ephemeral node, or the mark of a container or TTL node.
        pub ephemeral_owner: i64,
        /// The last change of its children.
        pub pzxid: Zxid,
    }
}
