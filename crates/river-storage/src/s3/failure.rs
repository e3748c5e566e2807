//! What the client's errors mean: from HTTP status, S3 error code and transport to our kinds.

use std::error::Error as StdError;

use object_store::client::{HttpError, HttpErrorKind};

use crate::remote::Call;
use crate::{Error, ErrorKind};

/// Longest text of a cause; servers send whole pages.
const LONGEST_CAUSE: usize = 400;

/// Our error for one of the client.
pub(super) fn translate(call: &Call, bucket: &str, error: object_store::Error) -> Error {
    use object_store::Error as S3;
    let text = chain_text(&error);
    let code = tag(&text, "Code").unwrap_or_default();
    let kind = match &error {
        S3::NotFound { .. } => ErrorKind::NotFound,
        S3::AlreadyExists { .. } if code == "ConditionalRequestConflict" => {
            // Another write of this name is going on; who wins is known after it.
            ErrorKind::Unreachable
        }
        S3::AlreadyExists { .. } | S3::Precondition { .. } => ErrorKind::AlreadyExists,
        S3::PermissionDenied { .. } | S3::Unauthenticated { .. } => ErrorKind::PermissionDenied,
        S3::InvalidPath { .. } => ErrorKind::Invalid,
        _ => kind_of_other(&error, &text, &code),
    };
    let cause = match (kind, code.as_str()) {
        (ErrorKind::NotFound, "NoSuchBucket") => format!("there is no bucket '{bucket}'"),
        (ErrorKind::NotFound, "NoSuchUpload") => "the upload is no longer there".to_owned(),
        (ErrorKind::NotFound, _) => "there is no such object".to_owned(),
        (ErrorKind::AlreadyExists, _) => "there is an object of this name".to_owned(),
        _ => cause_of(&text),
    };
    let own = call.error(kind, cause).with_source(error);
    match remedy(&code, &text) {
        Some(remedy) => own.with_remedy(remedy),
        None => own,
    }
}

fn kind_of_other(error: &object_store::Error, text: &str, code: &str) -> ErrorKind {
    if text.contains("169.254.169.254") {
        return ErrorKind::PermissionDenied;
    }
    match code {
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => {
            return ErrorKind::PermissionDenied;
        }
        "QuotaExceeded" | "XMinioStorageFull" | "InsufficientStorage" => return ErrorKind::Full,
        _ => {}
    }
    if let Some(status) = status(text) {
        return match status {
            507 => ErrorKind::Full,
            408 | 429 | 500..=599 => ErrorKind::Unreachable,
            // An error in the body of a good answer, such as of a slow completion.
            200..=299 => ErrorKind::Unreachable,
            _ => ErrorKind::Other,
        };
    }
    let mut source: Option<&dyn StdError> = Some(error);
    while let Some(inner) = source {
        if let Some(http) = inner.downcast_ref::<HttpError>() {
            return match http.kind() {
                HttpErrorKind::Unknown => ErrorKind::Other,
                _ => ErrorKind::Unreachable,
            };
        }
        source = inner.source();
    }
    ErrorKind::Other
}

/// The messages of an error and all it comes from, each that says something new.
fn chain_text(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = inner.source();
    }
    text
}

/// The HTTP status in the client's message.
fn status(text: &str) -> Option<u16> {
    let (_, after) = text.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}

/// The text of an XML element of S3's error document.
fn tag(text: &str, name: &str) -> Option<String> {
    let (_, after) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = after.split_once(&format!("</{name}>"))?;
    Some(inner.trim().to_owned())
}

fn cause_of(text: &str) -> String {
    let code = tag(text, "Code");
    let message = tag(text, "Message");
    let cause = match (code, message) {
        (Some(code), Some(message)) => format!("{message} ({code})"),
        (Some(code), None) => code,
        _ => after_preamble(text).split_whitespace().collect::<Vec<_>>().join(" "),
    };
    match cause.char_indices().nth(LONGEST_CAUSE) {
        Some((end, _)) => format!("{}..", &cause[..end]),
        None => cause,
    }
}

/// Without "Generic S3 error: Error performing PUT http://.. in 1.2ms - ": the URI is ours to say.
fn after_preamble(text: &str) -> &str {
    match text.split_once("Error performing ").and_then(|(_, rest)| rest.split_once(" - ")) {
        Some((_, cause)) => cause,
        None => text,
    }
}

fn remedy(code: &str, text: &str) -> Option<&'static str> {
    if text.contains("169.254.169.254") {
        return Some(
            "no credentials were found: set s3.access-key and s3.secret-key, or AWS_ACCESS_KEY_ID \
             and AWS_SECRET_ACCESS_KEY, or run where the machine has a role",
        );
    }
    if text.contains("redirect without LOCATION") {
        return Some("set s3.region to the region of the bucket");
    }
    match code {
        "NoSuchBucket" => Some("create the bucket, or correct the URI or s3.endpoint"),
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" => {
            Some("check s3.access-key and s3.secret-key")
        }
        "RequestTimeTooSkewed" => Some("set the clock of this machine"),
        "AuthorizationHeaderMalformed" | "PermanentRedirect" => {
            Some("set s3.region to the region of the bucket")
        }
        "NotImplemented" => Some(
            "the storage must have conditional puts (If-None-Match) and multipart uploads: use a \
             version that has them",
        ),
        _ => None,
    }
}
