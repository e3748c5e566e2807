use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::{is_address, option};
use crate::open;
use river_core::options::Options;

/// What opening `s3://bucket/a/b` with the options gives.
fn check(options: &[(&str, &str)], expected: Expect) {
    let options: BTreeMap<String, String> =
        options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let text = match open("s3://bucket/a//b/", &options) {
        Ok((storage, path)) => format!("{path} = {}", storage.display(&path)),
        Err(error) => format!("{:?}: {error}", error.kind()),
    };
    expected.assert_eq(&text);
}

#[test]
fn good_and_bad_options() {
    check(&[], expect!["a/b = s3://bucket/a/b"]);
    check(&[("s3.access-key", "a"), ("s3.secret-key", "b")], expect!["a/b = s3://bucket/a/b"]);
    check(
        &[("s3.access-key", "a")],
        expect![
            "Invalid: cannot open s3://bucket/a//b/: only one of s3.access-key and s3.secret-key is set; set both, or none to use the environment's or the machine's"
        ],
    );
    check(
        &[("s3.endpoint", "ftp://x")],
        expect![
            "Invalid: cannot open s3://bucket/a//b/: option 's3.endpoint' has the scheme 'ftp'; use http:// or https://"
        ],
    );
    check(&[("s3.endpoint", "localhost:9000")], expect!["a/b = s3://bucket/a/b"]);
    check(
        &[("s3.path.style.access", "yes"), ("s3.endpoint", "h")],
        expect![
            "Invalid: cannot open s3://bucket/a//b/: option 's3.path.style.access': 'yes' is not 'true' or 'false'"
        ],
    );
}

#[test]
fn odd_endpoints_and_buckets_are_refused() {
    for endpoint in ["http://", "bad host", "http://user@host", "host?x"] {
        let options = [("s3.endpoint".to_owned(), endpoint.to_owned())].into();
        let error = open("s3://bucket/", &options).unwrap_err();
        assert!(error.to_string().contains("is no address"), "{endpoint}: {error}");
    }
    for uri in ["s3://a b/x", "s3://key:secret@bucket/x", "s3://-b/x", "s3://b?c/x"] {
        let error = open(uri, &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("no name of a bucket"), "{uri}: {error}");
    }
}

#[test]
fn a_bucket_is_needed() {
    for uri in ["s3://", "s3:/", "s3:///key", "s3a://"] {
        let error = open(uri, &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("no bucket"), "{uri}: {error}");
    }
}

#[test]
fn keys_have_the_spellings_of_flink() {
    let value = |pairs: &[(&str, &str)], names: &[&str]| {
        let options: Options = pairs.iter().copied().collect();
        option(&options, names).map(str::to_owned)
    };
    let names = ["access-key", "access.key"];
    for key in ["s3.access-key", "s3.access.key", "s3a.access-key", "fs.s3a.access.key"] {
        assert_eq!(value(&[(key, " x ")], &names).as_deref(), Some("x"), "{key}");
    }
    let both = [("fs.s3a.access.key", "hadoop"), ("s3.access.key", "flink")];
    assert_eq!(value(&both, &names).as_deref(), Some("flink"));
    assert_eq!(value(&[("s3.access-key", " ")], &names), None);
}

#[test]
fn addresses_have_no_bucket_hosts() {
    for host in ["127.0.0.1", "127.0.0.1:9000", "[::1]:9000", "[::1]"] {
        assert!(is_address(host), "{host}");
    }
    for host in ["localhost", "minio:9000", "s3.eu-west-1.amazonaws.com"] {
        assert!(!is_address(host), "{host}");
    }
}
