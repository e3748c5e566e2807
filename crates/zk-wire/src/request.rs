//! What clients ask for: the body behind each request header.
//!
//! The server decodes with [`Request::decode`], by the operation of the header. Bodies that
//! `zookeeper.jute` defines but no operation uses (those on a maximum of children) are not here.
//!
//! Rules: `PrepRequestProcessor`, `FinalRequestProcessor`, and `DeleteContainerRequest`.

use bytes::Bytes;

use crate::acl::Acl;
use crate::error::Problem;
use crate::id::Zxid;
use crate::multi::MultiRequest;
use crate::op_code::OpCode;
use crate::text::Text;
use crate::{DecodeError, Jute, Reader};

record! {
    /// Body of create, create2 and createContainer.
    pub struct CreateRequest {
        /// The node; of sequential ones the part before the number.
        pub path: Option<Text>,
        /// Its data.
        pub data: Option<Bytes>,
        /// Its ACL.
        pub acl: Option<Vec<Acl>>,
        /// Its kind, see [`crate::create_mode::CreateMode`].
        pub flags: i32,
    }

    /// Body of createTTL.
    pub struct CreateTtlRequest {
        /// The node; of sequential ones the part before the number.
        pub path: Option<Text>,
        /// Its data.
        pub data: Option<Bytes>,
        /// Its ACL.
        pub acl: Option<Vec<Acl>>,
        /// Its kind, see [`crate::create_mode::CreateMode`].
        pub flags: i32,
        /// How long it may stay unused, in milliseconds.
        pub ttl_ms: i64,
    }

    /// Body of delete.
    pub struct DeleteRequest {
        /// The node.
        pub path: Option<Text>,
        /// The version it must have; -1: any.
        pub version: i32,
    }

    /// Body of exists, getData, getChildren and getChildren2.
    pub struct ReadRequest {
        /// The node.
        pub path: Option<Text>,
        /// Whether to leave a watch.
        pub watch: bool,
    }

    /// Body of setData.
    pub struct SetDataRequest {
        /// The node.
        pub path: Option<Text>,
        /// Its new data.
        pub data: Option<Bytes>,
        /// The version it must have; -1: any.
        pub version: i32,
    }

    /// Body of getACL, sync, deleteContainer and getAllChildrenNumber; also of getEphemerals, where
    /// the path is the begin of the paths asked for.
    pub struct PathRequest {
        /// The node.
        pub path: Option<Text>,
    }

    /// Body of setACL.
    pub struct SetAclRequest {
        /// The node.
        pub path: Option<Text>,
        /// Its new ACL.
        pub acl: Option<Vec<Acl>>,
        /// The ACL's version that it must have; -1: any.
        pub version: i32,
    }

    /// Body of check.
    pub struct CheckVersionRequest {
        /// The node.
        pub path: Option<Text>,
        /// The version it must have; -1: any.
        pub version: i32,
    }

    /// Body of reconfig: either joiners and leavers, or all members.
    pub struct ReconfigRequest {
        /// Servers to add or change, as `server.N=..`, with commas between.
        pub joining_servers: Option<Text>,
        /// Ids of servers to remove, with commas between.
        pub leaving_servers: Option<Text>,
        /// All servers of the new configuration.
        pub new_members: Option<Text>,
        /// The version that the configuration must have; -1: any.
        pub config_version: i64,
    }

    /// Body of checkWatches and removeWatches.
    pub struct WatchesRequest {
        /// The node.
        pub path: Option<Text>,
        /// Which watches, see [`crate::event::WatcherType`].
        pub kind: i32,
    }

    /// Body of addWatch.
    pub struct AddWatchRequest {
        /// The node.
        pub path: Option<Text>,
        /// Which watch, see [`crate::event::AddWatchMode`].
        pub mode: i32,
    }

    /// Body of auth.
    pub struct AuthPacket {
        /// 0.
        pub kind: i32,
        /// The scheme.
        pub scheme: Option<Text>,
        /// Credentials, as the scheme has them.
        pub auth: Option<Bytes>,
    }

    /// Body of sasl, both ways.
    pub struct SaslToken {
        /// The mechanism's next token.
        pub token: Option<Bytes>,
    }

    /// Body of setWatches.
    pub struct SetWatches {
        /// The last change that the client has seen: later ones are told at once.
        pub relative_zxid: Zxid,
        /// Nodes with a watch of getData, or of exists when they were there.
        pub data_watches: Option<Vec<Text>>,
        /// Nodes with a watch of exists that were not there.
        pub exist_watches: Option<Vec<Text>>,
        /// Nodes with a watch of getChildren.
        pub child_watches: Option<Vec<Text>>,
    }

    /// Body of setWatches2.
    pub struct SetWatches2 {
        /// The last change that the client has seen: later ones are told at once.
        pub relative_zxid: Zxid,
        /// Nodes with a watch of getData, or of exists when they were there.
        pub data_watches: Option<Vec<Text>>,
        /// Nodes with a watch of exists that were not there.
        pub exist_watches: Option<Vec<Text>>,
        /// Nodes with a watch of getChildren.
        pub child_watches: Option<Vec<Text>>,
        /// Nodes with a persistent watch.
        pub persistent_watches: Option<Vec<Text>>,
        /// Nodes with a persistent watch on all below, too.
        pub persistent_recursive_watches: Option<Vec<Text>>,
    }

    /// Body of createSession, which only servers send each other.
    #[derive(Copy)]
    pub struct CreateSessionRequest {
        /// The session timeout, in milliseconds.
        pub timeout_ms: i32,
    }
}

/// An operation and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // Each is the operation of its name.
pub enum Request {
    Create(CreateRequest),
    Create2(CreateRequest),
    CreateContainer(CreateRequest),
    CreateTtl(CreateTtlRequest),
    Delete(DeleteRequest),
    DeleteContainer(PathRequest),
    Exists(ReadRequest),
    GetData(ReadRequest),
    SetData(SetDataRequest),
    GetAcl(PathRequest),
    SetAcl(SetAclRequest),
    GetChildren(ReadRequest),
    GetChildren2(ReadRequest),
    Sync(PathRequest),
    Check(CheckVersionRequest),
    Multi(MultiRequest),
    MultiRead(MultiRequest),
    Reconfig(ReconfigRequest),
    CheckWatches(WatchesRequest),
    RemoveWatches(WatchesRequest),
    AddWatch(AddWatchRequest),
    SetWatches(SetWatches),
    SetWatches2(SetWatches2),
    GetEphemerals(PathRequest),
    GetAllChildrenNumber(PathRequest),
    Auth(AuthPacket),
    Sasl(SaslToken),
    Ping,
    WhoAmI,
    CreateSession(CreateSessionRequest),
    CloseSession,
}

impl Request {
    /// The operation.
    pub fn op(&self) -> OpCode {
        match self {
            Self::Create(_) => OpCode::Create,
            Self::Create2(_) => OpCode::Create2,
            Self::CreateContainer(_) => OpCode::CreateContainer,
            Self::CreateTtl(_) => OpCode::CreateTtl,
            Self::Delete(_) => OpCode::Delete,
            Self::DeleteContainer(_) => OpCode::DeleteContainer,
            Self::Exists(_) => OpCode::Exists,
            Self::GetData(_) => OpCode::GetData,
            Self::SetData(_) => OpCode::SetData,
            Self::GetAcl(_) => OpCode::GetAcl,
            Self::SetAcl(_) => OpCode::SetAcl,
            Self::GetChildren(_) => OpCode::GetChildren,
            Self::GetChildren2(_) => OpCode::GetChildren2,
            Self::Sync(_) => OpCode::Sync,
            Self::Check(_) => OpCode::Check,
            Self::Multi(_) => OpCode::Multi,
            Self::MultiRead(_) => OpCode::MultiRead,
            Self::Reconfig(_) => OpCode::Reconfig,
            Self::CheckWatches(_) => OpCode::CheckWatches,
            Self::RemoveWatches(_) => OpCode::RemoveWatches,
            Self::AddWatch(_) => OpCode::AddWatch,
            Self::SetWatches(_) => OpCode::SetWatches,
            Self::SetWatches2(_) => OpCode::SetWatches2,
            Self::GetEphemerals(_) => OpCode::GetEphemerals,
            Self::GetAllChildrenNumber(_) => OpCode::GetAllChildrenNumber,
            Self::Auth(_) => OpCode::Auth,
            Self::Sasl(_) => OpCode::Sasl,
            Self::Ping => OpCode::Ping,
            Self::WhoAmI => OpCode::WhoAmI,
            Self::CreateSession(_) => OpCode::CreateSession,
            Self::CloseSession => OpCode::CloseSession,
        }
    }

    /// Reads the body of an operation. Bytes behind it stay. Operations that nobody asks for
    /// (notification, error) are refused like unknown numbers: [`Problem::Unknown`].
    pub fn decode(op: OpCode, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match op {
            OpCode::Create => Self::Create(Jute::decode(input)?),
            OpCode::Create2 => Self::Create2(Jute::decode(input)?),
            OpCode::CreateContainer => Self::CreateContainer(Jute::decode(input)?),
            OpCode::CreateTtl => Self::CreateTtl(Jute::decode(input)?),
            OpCode::Delete => Self::Delete(Jute::decode(input)?),
            OpCode::DeleteContainer => Self::DeleteContainer(Jute::decode(input)?),
            OpCode::Exists => Self::Exists(Jute::decode(input)?),
            OpCode::GetData => Self::GetData(Jute::decode(input)?),
            OpCode::SetData => Self::SetData(Jute::decode(input)?),
            OpCode::GetAcl => Self::GetAcl(Jute::decode(input)?),
            OpCode::SetAcl => Self::SetAcl(Jute::decode(input)?),
            OpCode::GetChildren => Self::GetChildren(Jute::decode(input)?),
            OpCode::GetChildren2 => Self::GetChildren2(Jute::decode(input)?),
            OpCode::Sync => Self::Sync(Jute::decode(input)?),
            OpCode::Check => Self::Check(Jute::decode(input)?),
            OpCode::Multi => Self::Multi(Jute::decode(input)?),
            OpCode::MultiRead => Self::MultiRead(Jute::decode(input)?),
            OpCode::Reconfig => Self::Reconfig(Jute::decode(input)?),
            OpCode::CheckWatches => Self::CheckWatches(Jute::decode(input)?),
            OpCode::RemoveWatches => Self::RemoveWatches(Jute::decode(input)?),
            OpCode::AddWatch => Self::AddWatch(Jute::decode(input)?),
            OpCode::SetWatches => Self::SetWatches(Jute::decode(input)?),
            OpCode::SetWatches2 => Self::SetWatches2(Jute::decode(input)?),
            OpCode::GetEphemerals => Self::GetEphemerals(Jute::decode(input)?),
            OpCode::GetAllChildrenNumber => Self::GetAllChildrenNumber(Jute::decode(input)?),
            OpCode::Auth => Self::Auth(Jute::decode(input)?),
            OpCode::Sasl => Self::Sasl(Jute::decode(input)?),
            OpCode::Ping => Self::Ping,
            OpCode::WhoAmI => Self::WhoAmI,
            OpCode::CreateSession => Self::CreateSession(Jute::decode(input)?),
            OpCode::CloseSession => Self::CloseSession,
            OpCode::Notification | OpCode::Error => {
                let unknown = Problem::Unknown(i64::from(op.code()));
                return Err(input.error(unknown).within("RequestHeader", "op"));
            }
        })
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Create(body) | Self::Create2(body) | Self::CreateContainer(body) => {
                body.encode(out);
            }
            Self::CreateTtl(body) => body.encode(out),
            Self::Delete(body) => body.encode(out),
            Self::Exists(body)
            | Self::GetData(body)
            | Self::GetChildren(body)
            | Self::GetChildren2(body) => body.encode(out),
            Self::SetData(body) => body.encode(out),
            Self::DeleteContainer(body)
            | Self::GetAcl(body)
            | Self::Sync(body)
            | Self::GetEphemerals(body)
            | Self::GetAllChildrenNumber(body) => body.encode(out),
            Self::SetAcl(body) => body.encode(out),
            Self::Check(body) => body.encode(out),
            Self::Multi(body) | Self::MultiRead(body) => body.encode(out),
            Self::Reconfig(body) => body.encode(out),
            Self::CheckWatches(body) | Self::RemoveWatches(body) => body.encode(out),
            Self::AddWatch(body) => body.encode(out),
            Self::SetWatches(body) => body.encode(out),
            Self::SetWatches2(body) => body.encode(out),
            Self::Auth(body) => body.encode(out),
            Self::Sasl(body) => body.encode(out),
            Self::CreateSession(body) => body.encode(out),
            Self::Ping | Self::WhoAmI | Self::CloseSession => {}
        }
    }

    /// The node that it is about, for logs and metrics; of multis, setWatches and what is about no
    /// node there is none.
    pub fn path(&self) -> Option<&Text> {
        match self {
            Self::Create(body) | Self::Create2(body) | Self::CreateContainer(body) => &body.path,
            Self::CreateTtl(body) => &body.path,
            Self::Delete(body) => &body.path,
            Self::Exists(body)
            | Self::GetData(body)
            | Self::GetChildren(body)
            | Self::GetChildren2(body) => &body.path,
            Self::SetData(body) => &body.path,
            Self::DeleteContainer(body)
            | Self::GetAcl(body)
            | Self::Sync(body)
            | Self::GetEphemerals(body)
            | Self::GetAllChildrenNumber(body) => &body.path,
            Self::SetAcl(body) => &body.path,
            Self::Check(body) => &body.path,
            Self::CheckWatches(body) | Self::RemoveWatches(body) => &body.path,
            Self::AddWatch(body) => &body.path,
            _ => return None,
        }
        .as_ref()
    }
}
