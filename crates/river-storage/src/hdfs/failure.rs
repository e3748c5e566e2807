//! What the client's errors mean: from Hadoop's exceptions and the transport to our kinds.

use hdfs_native::HdfsError;

use crate::remote::Call;
use crate::{Error, ErrorKind};

/// Longest text of a cause; servers send stack traces.
const LONGEST_CAUSE: usize = 400;
/// The cause of [`ErrorKind::AlreadyExists`].
pub(super) const TAKEN: &str = "there is an object of this name";

/// Our error for one of the client.
pub(super) fn translate(call: &Call, error: HdfsError) -> Error {
    use HdfsError as H;
    let kind = match &error {
        H::FileNotFound(_) | H::IsADirectoryError(_) => ErrorKind::NotFound,
        H::AlreadyExists(_) => ErrorKind::AlreadyExists,
        H::RPCError(class, message) | H::FatalRPCError(class, message) => {
            kind_of_exception(class, message)
        }
        H::SASLError(_) | H::GSSAPIError(..) | H::NoSASLMechanism => ErrorKind::PermissionDenied,
        // Another replica, or the same after a while.
        H::IOError(_)
        | H::DataTransferError(_)
        | H::ChecksumError
        | H::BlocksNotFound(_)
        | H::InvalidRPCResponse(_) => ErrorKind::Unreachable,
        // "Failed to complete file in time": the NameNode waits for DataNodes.
        H::OperationFailed(_) => ErrorKind::Unreachable,
        H::InvalidPath(_) | H::InvalidArgument(_) | H::UrlParseError(_) | H::XmlParseError(_) => {
            ErrorKind::Invalid
        }
        _ => ErrorKind::Other,
    };
    let cause = match kind {
        ErrorKind::NotFound if matches!(error, H::IsADirectoryError(_)) => {
            "it is a folder".to_owned()
        }
        ErrorKind::NotFound => "there is no such object".to_owned(),
        ErrorKind::AlreadyExists => TAKEN.to_owned(),
        _ => first_line(&error.to_string()),
    };
    let own = call.error(kind, cause);
    let own = match remedy(&error) {
        Some(remedy) => own.with_remedy(remedy),
        None => own,
    };
    own.with_source(error)
}

fn kind_of_exception(class: &str, message: &str) -> ErrorKind {
    match class.rsplit(['.', '$']).next().unwrap_or(class) {
        "FileNotFoundException" | "ParentNotDirectoryException" | "PathIsNotDirectoryException" => {
            ErrorKind::NotFound
        }
        "FileAlreadyExistsException" | "AlreadyBeingCreatedException" => ErrorKind::AlreadyExists,
        "AccessControlException" | "AuthorizationException" | "InvalidToken" | "SaslException" => {
            ErrorKind::PermissionDenied
        }
        "DSQuotaExceededException"
        | "NSQuotaExceededException"
        | "QuotaByStorageTypeExceededException"
        | "QuotaExceededException" => ErrorKind::Full,
        "StandbyException"
        | "SafeModeException"
        | "RetriableException"
        | "ObserverRetryOnActiveException"
        | "NotReplicatedYetException"
        | "ConnectException" => ErrorKind::Unreachable,
        "InvalidPathException" => ErrorKind::Invalid,
        // No DataNode takes the block: none is up, or all are full. Both may pass.
        "IOException" if message.contains("could only be written to") => ErrorKind::Unreachable,
        _ => ErrorKind::Other,
    }
}

fn remedy(error: &HdfsError) -> Option<&'static str> {
    let text = error.to_string();
    if text.contains("SafeModeException") {
        return Some(
            "wait until the NameNode has left its safe mode (hdfs dfsadmin -safemode get)",
        );
    }
    if text.contains("could only be written to") {
        return Some("check that DataNodes are up and have space (hdfs dfsadmin -report)");
    }
    if matches!(error, HdfsError::NoSASLMechanism | HdfsError::GSSAPIError(..)) {
        return Some(
            "set security.kerberos.login.keytab and security.kerberos.login.principal, or run \
             kinit; libgssapi_krb5 must be installed",
        );
    }
    None
}

/// The first line, without the stack trace that follows.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    match line.char_indices().nth(LONGEST_CAUSE) {
        Some((end, _)) => format!("{}..", &line[..end]),
        None => line.to_owned(),
    }
}
