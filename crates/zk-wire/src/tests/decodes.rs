//! Damaged and odd bytes: what Apache's decoders accept is accepted and read as they read it, and
//! what they refuse is refused.

use std::fmt::Debug;

use super::every::{Visitor, visit_all};
use super::fixtures::{self, hex, outcome, rows, unhex};
use super::sample::Sample;
use crate::connect::{ConnectRequest, ConnectResponse};
use crate::multi::{MultiRequest, MultiResponse};
use crate::txn::TxnEntry;
use crate::{Jute, Reader, Text, path};

/// `jute.maxbuffer` + `zookeeper.jute.maxbuffer.extrasize`, with which the fixtures were made.
const MAX_LEN: usize = 2 * crate::frame::DEFAULT_MAX_BUFFER;

/// The bytes written again, as the fixtures have them.
fn again<T: Jute>(input: &str) -> String {
    let bytes = unhex(input);
    let decoded = T::decode(&mut Reader::with_max_len(&bytes, MAX_LEN));
    outcome(decoded.map(|value| value.to_bytes().to_vec()))
}

struct Decodes {
    compared: usize,
}

impl Visitor for Decodes {
    fn visit<T: Jute + Sample + Debug + PartialEq + 'static>(&mut self, name: &str) {
        for row in rows(fixtures::DECODES).filter(|row| row[0] == name) {
            assert_eq!(again::<T>(row[1]), row[2..].join(" "), "{name} from {}", row[1]);
            self.compared += 1;
        }
    }
}

#[test]
fn records_are_read_as_apache_reads_them() {
    let mut decodes = Decodes { compared: 0 };
    visit_all(&mut decodes);
    assert_eq!(decodes.compared, fixtures::DECODES.lines().count());
}

/// Compares all lines of a file whose first word says what is decoded.
fn check(file: &'static str, request: fn(&str) -> String, response: fn(&str) -> String) {
    for row in rows(file) {
        let again = if row[0] == "request" { request } else { response };
        assert_eq!(again(row[1]), row[2..].join(" "), "{} from {}", row[0], row[1]);
    }
}

#[test]
fn multis_are_read_as_apache_reads_them() {
    check(fixtures::MULTI_DECODES, again::<MultiRequest>, again::<MultiResponse>);
}

#[test]
fn connects_are_read_as_apache_reads_them() {
    check(fixtures::CONNECTS, again::<ConnectRequest>, again::<ConnectResponse>);
}

#[test]
fn transactions_are_read_as_apache_reads_them() {
    for row in rows(fixtures::TXN_DECODES) {
        assert_eq!(again::<TxnEntry>(row[0]), row[1..].join(" "), "from {}", row[0]);
    }
}

#[test]
fn malformed_texts_are_read_as_java_reads_them() {
    for row in rows(fixtures::TEXTS) {
        let text = Text::from_java(unhex(row[0]));
        assert_eq!(hex(text.as_bytes()), row[1], "from {}", row[0]);
    }
}

#[test]
fn paths_are_judged_as_apache_judges_them() {
    for line in fixtures::PATHS.lines() {
        let (bytes, expected) = line.split_once(' ').expect("two words");
        let path = Text::from_java(unhex(bytes));
        let verdict = match path::validate(&path) {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(verdict, expected, "{path:?}");
    }
}
