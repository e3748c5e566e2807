use std::io;

use expect_test::expect;

use super::{Error, ErrorKind};

#[test]
fn an_error_says_what_where_why_and_what_to_do() {
    let error = Error::from_io(
        io::ErrorKind::StorageFull.into(),
        "write",
        "file:///data/checkpoints/chk-1/_metadata",
    );
    assert_eq!(error.kind(), ErrorKind::Full);
    expect![[r#"cannot write file:///data/checkpoints/chk-1/_metadata: no storage space; free space there, raise the quota, or configure another place"#]]
        .assert_eq(&error.to_string());
}

#[test]
fn an_error_survives_the_way_through_io() {
    let error = Error::new(ErrorKind::Unreachable, "write", "s3://b/k", "no answer");
    let io: io::Error = error.into();
    assert_eq!(io.kind(), io::ErrorKind::TimedOut);
    let back = Error::from_io(io, "read", "elsewhere");
    assert_eq!((back.kind(), back.uri()), (ErrorKind::Unreachable, "s3://b/k"));
}

#[cfg(unix)]
#[test]
fn codes_of_the_system_have_kinds() {
    for (code, kind) in [
        (2, ErrorKind::NotFound),
        (13, ErrorKind::PermissionDenied),
        (17, ErrorKind::AlreadyExists),
        (28, ErrorKind::Full),
        (30, ErrorKind::PermissionDenied),
        (111, ErrorKind::Unreachable),
        (110, ErrorKind::Unreachable),
        (5, ErrorKind::Other),
    ] {
        // The numbers are Linux's.
        if cfg!(target_os = "linux") {
            let error = Error::from_io(io::Error::from_raw_os_error(code), "read", "x");
            assert_eq!(error.kind(), kind, "{error}");
        }
    }
}
