//! What stands in front of every request and reply once a session is there.

use crate::id::Zxid;

/// Numbers of requests that mean something by themselves; others count up from 1.
pub mod xid {
    /// A notification: nobody asked.
    pub const NOTIFICATION: i32 = -1;
    /// A ping and its reply.
    pub const PING: i32 = -2;
    /// An auth packet and its reply.
    pub const AUTH: i32 = -4;
    /// setWatches or setWatches2, of which several may be under way, and their replies.
    pub const SET_WATCHES: i32 = -8;
}

record! {
    /// In front of a request's body.
    #[derive(Copy)]
    pub struct RequestHeader {
        /// The client's number for the request; see [`xid`].
        pub xid: i32,
        /// The operation, see [`crate::op_code::OpCode`]; a client may send any number.
        pub op: i32,
    }

    /// In front of a reply's or notification's body. Without a body where `err` is not 0.
    #[derive(Copy)]
    pub struct ReplyHeader {
        /// The number of the request, or one of [`xid`].
        pub xid: i32,
        /// The last change that the server had applied.
        pub zxid: Zxid,
        /// How it ended, see [`crate::error_code::ErrorCode`].
        pub err: i32,
    }
}
