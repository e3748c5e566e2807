//! What servers answer: the body behind each reply header whose error is 0.
//!
//! Replies do not say what they answer: the client knows by the number of its request.
//!
//! Rules: `FinalRequestProcessor`.

use bytes::Bytes;

use crate::acl::Acl;
use crate::error::Problem;
use crate::multi::MultiResponse;
use crate::op_code::OpCode;
use crate::request::SaslToken;
use crate::stat::Stat;
use crate::text::Text;
use crate::{DecodeError, Jute, Reader};

record! {
    /// Answers create and sync.
    pub struct PathResponse {
        /// The node's path, with the number of a sequential one.
        pub path: Option<Text>,
    }

    /// Answers create2, createContainer and createTTL.
    pub struct Create2Response {
        /// The node's path, with the number of a sequential one.
        pub path: Option<Text>,
        /// The node's stat.
        pub stat: Stat,
    }

    /// Answers exists, setData and setACL.
    #[derive(Copy)]
    pub struct StatResponse {
        /// The node's stat.
        pub stat: Stat,
    }

    /// Answers getData and reconfig.
    pub struct GetDataResponse {
        /// The node's data.
        pub data: Option<Bytes>,
        /// The node's stat.
        pub stat: Stat,
    }

    /// Answers getACL.
    pub struct GetAclResponse {
        /// The node's ACL.
        pub acl: Option<Vec<Acl>>,
        /// The node's stat.
        pub stat: Stat,
    }

    /// Answers getChildren.
    pub struct GetChildrenResponse {
        /// Names, in no order.
        pub children: Option<Vec<Text>>,
    }

    /// Answers getChildren2.
    pub struct GetChildren2Response {
        /// Names, in no order.
        pub children: Option<Vec<Text>>,
        /// The node's stat.
        pub stat: Stat,
    }

    /// Answers getAllChildrenNumber.
    #[derive(Copy)]
    pub struct GetAllChildrenNumberResponse {
        /// Nodes below it.
        pub total_number: i32,
    }

    /// Answers getEphemerals.
    pub struct GetEphemeralsResponse {
        /// Paths, in no order.
        pub ephemerals: Option<Vec<Text>>,
    }

    /// Answers addWatch (0), and stands for what failed in a multi.
    #[derive(Copy)]
    pub struct ErrorResponse {
        /// How it ended, see [`crate::error_code::ErrorCode`].
        pub err: i32,
    }

    /// An identity of a connection, as whoAmI tells it.
    pub struct ClientInfo {
        /// The scheme.
        pub auth_scheme: Option<Text>,
        /// Who it is, without secrets.
        pub user: Option<Text>,
    }

    /// Answers whoAmI.
    pub struct WhoAmIResponse {
        /// The connection's identities.
        pub client_info: Option<Vec<ClientInfo>>,
    }
}

/// The body of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// None: delete, ping, auth, setWatches, setWatches2, checkWatches, removeWatches,
    /// deleteContainer, closeSession.
    Empty,
    /// create, sync.
    Path(PathResponse),
    /// create2, createContainer, createTTL.
    Create2(Create2Response),
    /// exists, setData, setACL.
    Stat(StatResponse),
    /// getData, reconfig.
    Data(GetDataResponse),
    /// getACL.
    Acl(GetAclResponse),
    /// getChildren.
    Children(GetChildrenResponse),
    /// getChildren2.
    Children2(GetChildren2Response),
    /// getAllChildrenNumber.
    AllChildrenNumber(GetAllChildrenNumberResponse),
    /// getEphemerals.
    Ephemerals(GetEphemeralsResponse),
    /// multi, multiRead.
    Multi(MultiResponse),
    /// sasl.
    Sasl(SaslToken),
    /// addWatch.
    Error(ErrorResponse),
    /// whoAmI.
    WhoAmI(WhoAmIResponse),
}

impl Reply {
    /// Reads what answers an operation, where the header's error is 0. Operations without an answer
    /// of their own are refused.
    pub fn decode(op: OpCode, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match op {
            OpCode::Create | OpCode::Sync => Self::Path(Jute::decode(input)?),
            OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => {
                Self::Create2(Jute::decode(input)?)
            }
            OpCode::Exists | OpCode::SetData | OpCode::SetAcl => Self::Stat(Jute::decode(input)?),
            OpCode::GetData | OpCode::Reconfig => Self::Data(Jute::decode(input)?),
            OpCode::GetAcl => Self::Acl(Jute::decode(input)?),
            OpCode::GetChildren => Self::Children(Jute::decode(input)?),
            OpCode::GetChildren2 => Self::Children2(Jute::decode(input)?),
            OpCode::GetAllChildrenNumber => Self::AllChildrenNumber(Jute::decode(input)?),
            OpCode::GetEphemerals => Self::Ephemerals(Jute::decode(input)?),
            OpCode::Multi | OpCode::MultiRead => Self::Multi(Jute::decode(input)?),
            OpCode::Sasl => Self::Sasl(Jute::decode(input)?),
            OpCode::AddWatch => Self::Error(Jute::decode(input)?),
            OpCode::WhoAmI => Self::WhoAmI(Jute::decode(input)?),
            OpCode::Delete
            | OpCode::DeleteContainer
            | OpCode::Ping
            | OpCode::Auth
            | OpCode::SetWatches
            | OpCode::SetWatches2
            | OpCode::CheckWatches
            | OpCode::RemoveWatches
            | OpCode::CloseSession => Self::Empty,
            OpCode::Check | OpCode::CreateSession | OpCode::Notification | OpCode::Error => {
                let unknown = Problem::Unknown(i64::from(op.code()));
                return Err(input.error(unknown).within("RequestHeader", "op"));
            }
        })
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => {}
            Self::Path(body) => body.encode(out),
            Self::Create2(body) => body.encode(out),
            Self::Stat(body) => body.encode(out),
            Self::Data(body) => body.encode(out),
            Self::Acl(body) => body.encode(out),
            Self::Children(body) => body.encode(out),
            Self::Children2(body) => body.encode(out),
            Self::AllChildrenNumber(body) => body.encode(out),
            Self::Ephemerals(body) => body.encode(out),
            Self::Multi(body) => body.encode(out),
            Self::Sasl(body) => body.encode(out),
            Self::Error(body) => body.encode(out),
            Self::WhoAmI(body) => body.encode(out),
        }
    }
}
