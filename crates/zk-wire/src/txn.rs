//! Transactions: what a write does, once the leader has decided it. In logs, in proposals between
//! servers, and (stats, ACLs) in snapshots.
//!
//! An entry is a header, the transaction of the header's type, and perhaps a digest of the tree
//! behind it, with nothing to separate them: what is there is told by where the bytes end.
//!
//! Rules: `SerializeUtils.deserializeTxn`, `Util.marshallTxnEntry`, `DataTree.processTxn`.

use bytes::Bytes;

use crate::acl::Acl;
use crate::error::Problem;
use crate::id::{SessionId, Zxid};
use crate::op_code::OpCode;
use crate::text::Text;
use crate::{DecodeError, Jute, Reader};

record! {
    /// In front of log and snapshot files.
    #[derive(Copy)]
    pub struct FileHeader {
        /// `ZKLG` or `ZKSN`.
        pub magic: i32,
        /// 2.
        pub version: i32,
        /// 0 in logs, -1 in snapshots.
        pub dbid: i64,
    }

    /// In front of a transaction.
    #[derive(Copy)]
    pub struct TxnHeader {
        /// The session that asked for it.
        pub client_id: SessionId,
        /// That session's number for the request.
        pub cxid: i32,
        /// Its place among all changes.
        pub zxid: Zxid,
        /// When the leader decided it, in milliseconds since 1970.
        pub time: i64,
        /// What it does, see [`OpCode`].
        pub op: i32,
    }

    /// A digest of the whole tree as the transaction leaves it.
    #[derive(Copy)]
    pub struct TxnDigest {
        /// How the digest is made; 2.
        pub version: i32,
        /// The digest.
        pub tree_digest: i64,
    }

    /// Makes a node.
    pub struct CreateTxn {
        /// The node.
        pub path: Option<Text>,
        /// Its data.
        pub data: Option<Bytes>,
        /// Its ACL.
        pub acl: Option<Vec<Acl>>,
        /// Whether it goes with the header's session.
        pub ephemeral: bool,
        /// The parent's count of created children afterwards; -1: one more than before.
        pub parent_cversion: i32,
    }

    /// Makes a node, as servers of 3.3 wrote it.
    pub(crate) struct CreateTxnV0 {
        pub(crate) path: Option<Text>,
        pub(crate) data: Option<Bytes>,
        pub(crate) acl: Option<Vec<Acl>>,
        pub(crate) ephemeral: bool,
    }

    /// Makes a container.
    pub struct CreateContainerTxn {
        /// The node.
        pub path: Option<Text>,
        /// Its data.
        pub data: Option<Bytes>,
        /// Its ACL.
        pub acl: Option<Vec<Acl>>,
        /// The parent's count of created children afterwards.
        pub parent_cversion: i32,
    }

    /// Makes a node that goes by age.
    pub struct CreateTtlTxn {
        /// The node.
        pub path: Option<Text>,
        /// Its data.
        pub data: Option<Bytes>,
        /// Its ACL.
        pub acl: Option<Vec<Acl>>,
        /// The parent's count of created children afterwards.
        pub parent_cversion: i32,
        /// How long it may stay unused, in milliseconds.
        pub ttl_ms: i64,
    }

    /// Removes a node.
    pub struct DeleteTxn {
        /// The node.
        pub path: Option<Text>,
    }

    /// Replaces a node's data; a reconfiguration, too.
    pub struct SetDataTxn {
        /// The node.
        pub path: Option<Text>,
        /// Its data.
        pub data: Option<Bytes>,
        /// Its version afterwards.
        pub version: i32,
    }

    /// Replaces a node's ACL.
    pub struct SetAclTxn {
        /// The node.
        pub path: Option<Text>,
        /// Its ACL.
        pub acl: Option<Vec<Acl>>,
        /// The ACL's version afterwards.
        pub version: i32,
    }

    /// Does nothing: a comparison within a multi that held.
    pub struct CheckVersionTxn {
        /// The node.
        pub path: Option<Text>,
        /// The version it had.
        pub version: i32,
    }

    /// Opens the header's session.
    #[derive(Copy)]
    pub struct CreateSessionTxn {
        /// The session timeout, in milliseconds.
        pub timeout_ms: i32,
    }

    /// Ends the header's session.
    pub struct CloseSessionTxn {
        /// Its ephemeral nodes, which go with it.
        pub paths_to_delete: Option<Vec<Text>>,
    }

    /// Does nothing: a write that failed.
    #[derive(Copy)]
    pub struct ErrorTxn {
        /// Why, see [`crate::error_code::ErrorCode`].
        pub err: i32,
    }

    /// One part of a multi, not yet decoded.
    pub struct SubTxn {
        /// What it does, see [`OpCode`].
        pub op: i32,
        /// The transaction's bytes.
        pub data: Option<Bytes>,
    }

    /// Several transactions under one header, all or (if one of them is an error) none.
    pub struct MultiTxn {
        /// In the order in which they are done.
        pub txns: Option<Vec<SubTxn>>,
    }
}

impl SubTxn {
    /// A part with this transaction.
    pub fn new(txn: &Txn) -> Self {
        let mut data = Vec::new();
        txn.encode(&mut data);
        Self { op: txn.op().code(), data: Some(Bytes::from(data)) }
    }

    /// The part's transaction: never a multi, nor what concerns a session. Bytes behind it are
    /// ignored.
    pub fn decode(&self) -> Result<Txn, DecodeError> {
        let none = Bytes::new();
        let mut input = Reader::new(self.data.as_ref().unwrap_or(&none));
        match OpCode::from_code(self.op) {
            Some(OpCode::Check) => Ok(Txn::Check(Jute::decode(&mut input)?)),
            Some(
                op @ (OpCode::Create
                | OpCode::Create2
                | OpCode::CreateContainer
                | OpCode::CreateTtl
                | OpCode::Delete
                | OpCode::DeleteContainer
                | OpCode::SetData
                | OpCode::Error),
            ) => Txn::decode_known(op, &mut input),
            _ => Err(unknown_op(self.op, "SubTxn", &input)),
        }
    }
}

/// A transaction of any type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // Each is what its operation does.
pub enum Txn {
    Create(CreateTxn),
    Create2(CreateTxn),
    CreateContainer(CreateContainerTxn),
    CreateTtl(CreateTtlTxn),
    Delete(DeleteTxn),
    DeleteContainer(DeleteTxn),
    SetData(SetDataTxn),
    Reconfig(SetDataTxn),
    SetAcl(SetAclTxn),
    /// Only within a multi.
    Check(CheckVersionTxn),
    CreateSession(CreateSessionTxn),
    /// `None` in logs that do not say which nodes go: those that the session has then.
    CloseSession(Option<CloseSessionTxn>),
    Error(ErrorTxn),
    Multi(MultiTxn),
}

impl Txn {
    /// The operation in the header.
    pub fn op(&self) -> OpCode {
        match self {
            Self::Create(_) => OpCode::Create,
            Self::Create2(_) => OpCode::Create2,
            Self::CreateContainer(_) => OpCode::CreateContainer,
            Self::CreateTtl(_) => OpCode::CreateTtl,
            Self::Delete(_) => OpCode::Delete,
            Self::DeleteContainer(_) => OpCode::DeleteContainer,
            Self::SetData(_) => OpCode::SetData,
            Self::Reconfig(_) => OpCode::Reconfig,
            Self::SetAcl(_) => OpCode::SetAcl,
            Self::Check(_) => OpCode::Check,
            Self::CreateSession(_) => OpCode::CreateSession,
            Self::CloseSession(_) => OpCode::CloseSession,
            Self::Error(_) => OpCode::Error,
            Self::Multi(_) => OpCode::Multi,
        }
    }

    /// Appends the transaction without its header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Create(txn) | Self::Create2(txn) => txn.encode(out),
            Self::CreateContainer(txn) => txn.encode(out),
            Self::CreateTtl(txn) => txn.encode(out),
            Self::Delete(txn) | Self::DeleteContainer(txn) => txn.encode(out),
            Self::SetData(txn) | Self::Reconfig(txn) => txn.encode(out),
            Self::SetAcl(txn) => txn.encode(out),
            Self::Check(txn) => txn.encode(out),
            Self::CreateSession(txn) => txn.encode(out),
            Self::CloseSession(txn) => {
                if let Some(txn) = txn {
                    txn.encode(out);
                }
            }
            Self::Error(txn) => txn.encode(out),
            Self::Multi(txn) => txn.encode(out),
        }
    }

    /// Reads the transaction of a header, which stands alone or in front of a digest.
    pub fn decode(op: i32, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match OpCode::from_code(op) {
            Some(OpCode::Create) => decode_create(input).map(Self::Create),
            Some(OpCode::CloseSession) => decode_close_session(input).map(Self::CloseSession),
            Some(OpCode::CreateSession) => Ok(Self::CreateSession(Jute::decode(input)?)),
            Some(OpCode::Multi) => Ok(Self::Multi(Jute::decode(input)?)),
            Some(op) => Self::decode_known(op, input),
            None => Err(unknown_op(op, "TxnHeader", input)),
        }
    }

    /// Those without a special case, at the top and within a multi.
    fn decode_known(op: OpCode, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match op {
            OpCode::Create => Self::Create(Jute::decode(input)?),
            OpCode::Create2 => Self::Create2(Jute::decode(input)?),
            OpCode::CreateContainer => Self::CreateContainer(Jute::decode(input)?),
            OpCode::CreateTtl => Self::CreateTtl(Jute::decode(input)?),
            OpCode::Delete => Self::Delete(Jute::decode(input)?),
            OpCode::DeleteContainer => Self::DeleteContainer(Jute::decode(input)?),
            OpCode::SetData => Self::SetData(Jute::decode(input)?),
            OpCode::Reconfig => Self::Reconfig(Jute::decode(input)?),
            OpCode::SetAcl => Self::SetAcl(Jute::decode(input)?),
            OpCode::Error => Self::Error(Jute::decode(input)?),
            _ => return Err(unknown_op(op.code(), "TxnHeader", input)),
        })
    }
}

fn unknown_op(op: i32, record: &'static str, input: &Reader<'_>) -> DecodeError {
    input.error(Problem::Unknown(i64::from(op))).within(record, "op")
}

/// A create whose bytes end before the parent's count is one of 3.3.
fn decode_create(input: &mut Reader<'_>) -> Result<CreateTxn, DecodeError> {
    let start = input.clone();
    match CreateTxn::decode(input) {
        Err(error) if error.is_truncated() => {
            *input = start;
            let CreateTxnV0 { path, data, acl, ephemeral } = Jute::decode(input)?;
            Ok(CreateTxn { path, data, acl, ephemeral, parent_cversion: -1 })
        }
        result => result,
    }
}

/// The end of a session in logs that do not say which nodes go is nothing, or a digest only: twelve
/// bytes that begin with the digest's version and are no paths.
fn decode_close_session(input: &mut Reader<'_>) -> Result<Option<CloseSessionTxn>, DecodeError> {
    let start = input.clone();
    let error = match CloseSessionTxn::decode(input) {
        Ok(txn) => return Ok(Some(txn)),
        Err(error) => error,
    };
    let digest_only = start.left() == TxnDigest::MIN_LEN
        && TxnDigest::decode(&mut start.clone()).is_ok_and(|digest| digest.version == 2);
    if digest_only {
        *input = start;
        return Ok(None);
    }
    match error.is_truncated() {
        true => {
            // Nothing is left for a digest, as Apache's reader has read on to the end.
            input.rest();
            Ok(None)
        }
        false => Err(error),
    }
}

/// A whole entry of a log, or the data of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxnEntry {
    /// Who, when, and the place among all changes.
    pub header: TxnHeader,
    /// What; its operation is the header's.
    pub txn: Txn,
    /// The tree's digest afterwards, where the leader makes digests.
    pub digest: Option<TxnDigest>,
}

impl Jute for TxnEntry {
    const MIN_LEN: usize = TxnHeader::MIN_LEN;

    fn encode(&self, out: &mut Vec<u8>) {
        self.header.encode(out);
        self.txn.encode(out);
        if let Some(digest) = &self.digest {
            digest.encode(out);
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = TxnHeader::decode(input)?;
        let txn = Txn::decode(header.op, input)?;
        // Fewer bytes than a digest's are none, to Apache too.
        let digest = TxnDigest::decode(input).ok();
        Ok(Self { header, txn, digest })
    }
}
