//! What servers tell without being asked: a watch has fired. And the numbers by which watches are
//! set and removed.
//!
//! Rules: `Watcher.Event`, `Watcher.WatcherType`, `AddWatchMode`.

use crate::text::Text;

record! {
    /// Body of a notification (xid -1).
    pub struct WatcherEvent {
        /// What happened, see [`EventType`].
        pub kind: i32,
        /// State of the client's connection, see [`KeeperState`]; servers send 3.
        pub state: i32,
        /// The node it happened to.
        pub path: Option<Text>,
    }
}

/// Numbers with names, read from a record's plain field.
macro_rules! codes {
    ($($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $code:literal,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(i32)]
        pub enum $name {
            $($(#[$variant_meta])* $variant = $code,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The number on the wire.
            pub const fn code(self) -> i32 {
                self as i32
            }

            /// What a number means; `None` for a number without a meaning.
            pub fn from_code(code: i32) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.code() == code)
            }
        }
    )*};
}

codes! {
    /// What a watch tells.
    pub enum EventType {
        /// The connection's state changed; made by clients.
        None = -1,
        /// The node was created.
        NodeCreated = 1,
        /// The node was deleted.
        NodeDeleted = 2,
        /// The node's data changed.
        NodeDataChanged = 3,
        /// A child was created or deleted.
        NodeChildrenChanged = 4,
        /// A data watch was removed; made by clients.
        DataWatchRemoved = 5,
        /// A child watch was removed; made by clients.
        ChildWatchRemoved = 6,
        /// A persistent watch was removed; made by clients.
        PersistentWatchRemoved = 7,
    }

    /// State of a client's connection.
    pub enum KeeperState {
        /// Not connected.
        Disconnected = 0,
        /// Connected to a server of a quorum.
        SyncConnected = 3,
        /// Authentication failed.
        AuthFailed = 4,
        /// Connected to a server that is read-only.
        ConnectedReadOnly = 5,
        /// Authenticated by SASL.
        SaslAuthenticated = 6,
        /// The session has expired.
        Expired = -112,
        /// The client was closed.
        Closed = 7,
    }

    /// Which watches checkWatches and removeWatches mean.
    pub enum WatcherType {
        /// Those of getChildren.
        Children = 1,
        /// Those of getData and exists.
        Data = 2,
        /// All of a path.
        Any = 3,
        /// Those of addWatch, mode 0.
        Persistent = 4,
        /// Those of addWatch, mode 1.
        PersistentRecursive = 5,
    }

    /// Which watch addWatch sets.
    pub enum AddWatchMode {
        /// All events of a node, again and again.
        Persistent = 0,
        /// As that, of all nodes below too, but no `NodeChildrenChanged`.
        PersistentRecursive = 1,
    }
}
