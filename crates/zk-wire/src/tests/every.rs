//! Every record that `zookeeper.jute` names, under its name there.

use std::fmt::Debug;

use super::sample::{Filler, Sample};
use crate::Jute;
use crate::acl::{Acl, Id};
use crate::connect::{ConnectRequest, ConnectResponse};
use crate::event::WatcherEvent;
use crate::header::{ReplyHeader, RequestHeader};
use crate::multi::MultiHeader;
use crate::quorum::auth::QuorumAuthPacket;
use crate::quorum::packet::QuorumPacket;
use crate::reply::*;
use crate::request::*;
use crate::stat::{Stat, StatPersisted};
use crate::txn::*;
use proptest::prelude::*;

/// What is done with each record.
pub(super) trait Visitor {
    fn visit<T: Jute + Sample + Debug + PartialEq + 'static>(&mut self, name: &str);
}

/// Visits all of them.
pub(super) fn visit_all(visitor: &mut impl Visitor) {
    macro_rules! visit {
        ($($name:literal $type:ty,)*) => { $(visitor.visit::<$type>($name);)* };
    }
    visit! {
        "Id" Id,
        "ACL" Acl,
        "Stat" Stat,
        "StatPersisted" StatPersisted,
        "ClientInfo" ClientInfo,
        "ConnectRequest" ConnectRequest,
        "ConnectResponse" ConnectResponse,
        "SetWatches" SetWatches,
        "SetWatches2" SetWatches2,
        "RequestHeader" RequestHeader,
        "MultiHeader" MultiHeader,
        "AuthPacket" AuthPacket,
        "ReplyHeader" ReplyHeader,
        "GetDataRequest" ReadRequest,
        "SetDataRequest" SetDataRequest,
        "ReconfigRequest" ReconfigRequest,
        "SetDataResponse" StatResponse,
        "GetSASLRequest" SaslToken,
        "SetSASLRequest" SaslToken,
        "SetSASLResponse" SaslToken,
        "CreateRequest" CreateRequest,
        "CreateTTLRequest" CreateTtlRequest,
        "DeleteRequest" DeleteRequest,
        "GetChildrenRequest" ReadRequest,
        "GetAllChildrenNumberRequest" PathRequest,
        "GetChildren2Request" ReadRequest,
        "CheckVersionRequest" CheckVersionRequest,
        "SyncRequest" PathRequest,
        "SyncResponse" PathResponse,
        "GetACLRequest" PathRequest,
        "SetACLRequest" SetAclRequest,
        "SetACLResponse" StatResponse,
        "AddWatchRequest" AddWatchRequest,
        "WatcherEvent" WatcherEvent,
        "ErrorResponse" ErrorResponse,
        "CreateResponse" PathResponse,
        "Create2Response" Create2Response,
        "ExistsRequest" ReadRequest,
        "ExistsResponse" StatResponse,
        "GetDataResponse" GetDataResponse,
        "GetChildrenResponse" GetChildrenResponse,
        "GetAllChildrenNumberResponse" GetAllChildrenNumberResponse,
        "GetChildren2Response" GetChildren2Response,
        "GetACLResponse" GetAclResponse,
        "CheckWatchesRequest" WatchesRequest,
        "RemoveWatchesRequest" WatchesRequest,
        "GetEphemeralsRequest" PathRequest,
        "GetEphemeralsResponse" GetEphemeralsResponse,
        "WhoAmIResponse" WhoAmIResponse,
        "QuorumPacket" QuorumPacket,
        "QuorumAuthPacket" QuorumAuthPacket,
        "FileHeader" FileHeader,
        "TxnDigest" TxnDigest,
        "TxnHeader" TxnHeader,
        "CreateTxnV0" CreateTxnV0,
        "CreateTxn" CreateTxn,
        "CreateTTLTxn" CreateTtlTxn,
        "CreateContainerTxn" CreateContainerTxn,
        "DeleteTxn" DeleteTxn,
        "SetDataTxn" SetDataTxn,
        "CheckVersionTxn" CheckVersionTxn,
        "SetACLTxn" SetAclTxn,
        "CreateSessionTxn" CreateSessionTxn,
        "CloseSessionTxn" CloseSessionTxn,
        "ErrorTxn" ErrorTxn,
        "Txn" SubTxn,
        "MultiTxn" MultiTxn,
    }
}

impl Sample for ConnectRequest {
    fn fill(filler: &mut Filler) -> Self {
        Self {
            protocol_version: Sample::fill(filler),
            last_zxid_seen: Sample::fill(filler),
            timeout_ms: Sample::fill(filler),
            session_id: Sample::fill(filler),
            password: Sample::fill(filler),
            read_only: Some(Sample::fill(filler)),
        }
    }

    fn any() -> BoxedStrategy<Self> {
        (i32::any(), Sample::any(), i32::any(), Sample::any(), Sample::any(), any::<Option<bool>>())
            .prop_map(|fields| Self {
                protocol_version: fields.0,
                last_zxid_seen: fields.1,
                timeout_ms: fields.2,
                session_id: fields.3,
                password: fields.4,
                read_only: fields.5,
            })
            .boxed()
    }
}

impl Sample for ConnectResponse {
    fn fill(filler: &mut Filler) -> Self {
        Self {
            protocol_version: Sample::fill(filler),
            timeout_ms: Sample::fill(filler),
            session_id: Sample::fill(filler),
            password: Sample::fill(filler),
            read_only: Some(Sample::fill(filler)),
        }
    }

    fn any() -> BoxedStrategy<Self> {
        (i32::any(), i32::any(), Sample::any(), Sample::any(), any::<Option<bool>>())
            .prop_map(|fields| Self {
                protocol_version: fields.0,
                timeout_ms: fields.1,
                session_id: fields.2,
                password: fields.3,
                read_only: fields.4,
            })
            .boxed()
    }
}
