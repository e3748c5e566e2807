//! Several operations in one request, and their results.
//!
//! Both ways: a header of nine bytes and what belongs to it, again and again, until a header says
//! that it is the last. There is no count, and no multi within a multi.
//!
//! Rules: `MultiOperationRecord`, `MultiResponse`, `Op`. A request is read as Apache's server reads
//! it: modes choose the operation where they contradict it, and the watch flags of reads are
//! dropped. So what was read need not have the bytes it was read from.

use crate::create_mode::CreateMode;
use crate::error::Problem;
use crate::op_code::OpCode;
use crate::reply::{
    Create2Response, ErrorResponse, GetChildrenResponse, GetDataResponse, PathResponse,
    StatResponse,
};
use crate::request::{
    CheckVersionRequest, CreateRequest, CreateTtlRequest, DeleteRequest, PathRequest, ReadRequest,
    SetDataRequest,
};
use crate::{DecodeError, Jute, Reader};

record! {
    /// In front of each operation and result, and behind the last.
    #[derive(Copy)]
    pub struct MultiHeader {
        /// The operation; -1 for a result that is an error, and behind the last.
        pub op: i32,
        /// Whether this is the end.
        pub done: bool,
        /// The result's error; -1 in requests, and behind the last.
        pub err: i32,
    }
}

impl MultiHeader {
    /// Behind the last operation or result.
    pub const END: Self = Self { op: -1, done: true, err: -1 };
}

/// Operations of a multi, which all write, or of a multiRead, which all read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MultiRequest {
    /// In the order in which they are done.
    pub ops: Vec<MultiOp>,
}

/// One operation of a multi or multiRead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // Each is the operation of its name.
pub enum MultiOp {
    Create(CreateRequest),
    Create2(CreateRequest),
    CreateContainer(CreateRequest),
    CreateTtl(CreateTtlRequest),
    Delete(DeleteRequest),
    SetData(SetDataRequest),
    Check(CheckVersionRequest),
    GetChildren(PathRequest),
    GetData(PathRequest),
}

impl MultiOp {
    /// The operation.
    pub fn op(&self) -> OpCode {
        match self {
            Self::Create(_) => OpCode::Create,
            Self::Create2(_) => OpCode::Create2,
            Self::CreateContainer(_) => OpCode::CreateContainer,
            Self::CreateTtl(_) => OpCode::CreateTtl,
            Self::Delete(_) => OpCode::Delete,
            Self::SetData(_) => OpCode::SetData,
            Self::Check(_) => OpCode::Check,
            Self::GetChildren(_) => OpCode::GetChildren,
            Self::GetData(_) => OpCode::GetData,
        }
    }

    /// Whether it reads: then it belongs in a multiRead.
    pub fn is_read(&self) -> bool {
        matches!(self, Self::GetChildren(_) | Self::GetData(_))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        MultiHeader { op: self.op().code(), done: false, err: -1 }.encode(out);
        match self {
            Self::Create(body) | Self::Create2(body) | Self::CreateContainer(body) => {
                body.encode(out);
            }
            Self::CreateTtl(body) => body.encode(out),
            Self::Delete(body) => body.encode(out),
            Self::SetData(body) => body.encode(out),
            Self::Check(body) => body.encode(out),
            Self::GetChildren(body) | Self::GetData(body) => {
                body.encode(out);
                false.encode(out);
            }
        }
    }

    fn decode(op: i32, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let decoded = match OpCode::from_code(op) {
            Some(OpCode::Create) => create(Self::Create, input)?,
            Some(OpCode::Create2) => create(Self::Create2, input)?,
            Some(OpCode::CreateContainer) => create(Self::CreateContainer, input)?,
            Some(OpCode::CreateTtl) => create_ttl(input)?,
            Some(OpCode::Delete) => Self::Delete(Jute::decode(input)?),
            Some(OpCode::SetData) => Self::SetData(Jute::decode(input)?),
            Some(OpCode::Check) => Self::Check(Jute::decode(input)?),
            Some(OpCode::GetChildren) => Self::GetChildren(without_watch(input)?),
            Some(OpCode::GetData) => Self::GetData(without_watch(input)?),
            _ => return Err(unknown_op(op, input)),
        };
        Ok(decoded)
    }
}

/// A create whose mode is a container's makes one, whatever the operation. It has no TTL, so a mode
/// that wants one is refused, as one without a meaning is.
fn create(
    as_asked: fn(CreateRequest) -> MultiOp,
    input: &mut Reader<'_>,
) -> Result<MultiOp, DecodeError> {
    let request = CreateRequest::decode(input)?;
    match CreateMode::from_flags(request.flags) {
        Some(mode) if mode.is_container() => Ok(MultiOp::CreateContainer(request)),
        Some(mode) if !mode.is_ttl() => Ok(as_asked(request)),
        _ => {
            let unknown = Problem::Unknown(i64::from(request.flags));
            Err(input.error(unknown).within("CreateRequest", "flags"))
        }
    }
}

/// A createTTL whose mode has none is a create without one.
fn create_ttl(input: &mut Reader<'_>) -> Result<MultiOp, DecodeError> {
    let request = CreateTtlRequest::decode(input)?;
    let mode = CreateMode::from_flags(request.flags).unwrap_or_default();
    if mode.is_ttl() {
        return Ok(MultiOp::CreateTtl(request));
    }
    let CreateTtlRequest { path, data, acl, flags, .. } = request;
    let request = CreateRequest { path, data, acl, flags };
    Ok(match mode.is_container() {
        true => MultiOp::CreateContainer(request),
        false => MultiOp::Create(request),
    })
}

fn without_watch(input: &mut Reader<'_>) -> Result<PathRequest, DecodeError> {
    let ReadRequest { path, .. } = Jute::decode(input)?;
    Ok(PathRequest { path })
}

fn unknown_op(op: i32, input: &Reader<'_>) -> DecodeError {
    input.error(Problem::Unknown(i64::from(op))).within("MultiHeader", "op")
}

impl Jute for MultiRequest {
    const MIN_LEN: usize = MultiHeader::MIN_LEN;

    fn encode(&self, out: &mut Vec<u8>) {
        for op in &self.ops {
            op.encode(out);
        }
        MultiHeader::END.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut ops: Vec<MultiOp> = Vec::new();
        loop {
            let header = MultiHeader::decode(input)?;
            if header.done {
                return Ok(Self { ops });
            }
            let op = MultiOp::decode(header.op, input)?;
            if ops.first().is_some_and(|first| first.is_read() != op.is_read()) {
                return Err(input.error(Problem::MixedKinds).within("MultiHeader", "op"));
            }
            ops.push(op);
        }
    }
}

/// Results of a multi or multiRead, in the order of its operations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MultiResponse {
    /// One for each operation.
    pub results: Vec<MultiResult>,
}

/// Result of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MultiResult {
    /// Of create.
    Create(PathResponse),
    /// Of create2, createContainer and createTTL.
    Create2(Create2Response),
    /// Of delete.
    Delete,
    /// Of setData.
    SetData(StatResponse),
    /// Of check.
    Check,
    /// Of getChildren.
    GetChildren(GetChildrenResponse),
    /// Of getData.
    GetData(GetDataResponse),
    /// It failed, or (in a multi) another did: 0 before the one that failed, its own code, and
    /// RUNTIMEINCONSISTENCY behind it.
    Error(ErrorResponse),
}

impl MultiResult {
    /// The operation in the result's header.
    pub fn op(&self) -> OpCode {
        match self {
            Self::Create(_) => OpCode::Create,
            Self::Create2(_) => OpCode::Create2,
            Self::Delete => OpCode::Delete,
            Self::SetData(_) => OpCode::SetData,
            Self::Check => OpCode::Check,
            Self::GetChildren(_) => OpCode::GetChildren,
            Self::GetData(_) => OpCode::GetData,
            Self::Error(_) => OpCode::Error,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let err = match self {
            Self::Error(error) => error.err,
            _ => 0,
        };
        MultiHeader { op: self.op().code(), done: false, err }.encode(out);
        match self {
            Self::Create(body) => body.encode(out),
            Self::Create2(body) => body.encode(out),
            Self::SetData(body) => body.encode(out),
            Self::GetChildren(body) => body.encode(out),
            Self::GetData(body) => body.encode(out),
            Self::Error(body) => body.encode(out),
            Self::Delete | Self::Check => {}
        }
    }

    fn decode(op: i32, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match OpCode::from_code(op) {
            Some(OpCode::Create) => Self::Create(Jute::decode(input)?),
            Some(OpCode::Create2) => Self::Create2(Jute::decode(input)?),
            Some(OpCode::Delete) => Self::Delete,
            Some(OpCode::SetData) => Self::SetData(Jute::decode(input)?),
            Some(OpCode::Check) => Self::Check,
            Some(OpCode::GetChildren) => Self::GetChildren(Jute::decode(input)?),
            Some(OpCode::GetData) => Self::GetData(Jute::decode(input)?),
            // The error is the body's; the header's is not looked at.
            Some(OpCode::Error) => Self::Error(Jute::decode(input)?),
            _ => return Err(unknown_op(op, input)),
        })
    }
}

impl Jute for MultiResponse {
    const MIN_LEN: usize = MultiHeader::MIN_LEN;

    fn encode(&self, out: &mut Vec<u8>) {
        for result in &self.results {
            result.encode(out);
        }
        MultiHeader::END.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut results = Vec::new();
        loop {
            let header = MultiHeader::decode(input)?;
            if header.done {
                return Ok(Self { results });
            }
            results.push(MultiResult::decode(header.op, input)?);
        }
    }
}
