//! The files of `testdata/zookeeper/wire`, whose README says what their lines are.

use bytes::Bytes;

macro_rules! fixture {
    ($($name:ident $file:literal)*) => {$(
        pub(super) const $name: &str =
            include_str!(concat!("../../../../testdata/zookeeper/wire/", $file));
    )*};
}

fixture! {
    CODES "codes.txt"
    CONNECTS "connects.txt"
    CONVERSATION "conversation.txt"
    DECODES "decodes.txt"
    MULTIS "multis.txt"
    MULTI_DECODES "multi-decodes.txt"
    NOTIFICATIONS "notifications.txt"
    PATHS "paths.txt"
    RECORDS "records.txt"
    TEXTS "texts.txt"
    TXNS "txns.txt"
    TXN_DECODES "txn-decodes.txt"
}

/// The words of each line.
pub(super) fn rows(file: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    file.lines().map(|line| line.split(' ').collect())
}

/// Bytes from hexadecimal.
pub(super) fn unhex(text: &str) -> Bytes {
    if text == "-" {
        return Bytes::new();
    }
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("two digits");
    (0..text.len()).step_by(2).map(digit).collect()
}

/// Bytes to hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    match bytes {
        [] => "-".to_owned(),
        _ => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// What a decoder made of bytes, in the words of the files.
pub(super) fn outcome<E>(again: Result<Vec<u8>, E>) -> String {
    match again {
        Ok(bytes) => format!("ok {}", hex(&bytes)),
        Err(_) => "refused".to_owned(),
    }
}
