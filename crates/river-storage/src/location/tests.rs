use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{join, open, parent};

/// Each URI with what it opens, or why not.
fn check(uris: &[&str], expected: Expect) {
    let mut out = String::new();
    for uri in uris {
        let line = match open(uri, &BTreeMap::new()) {
            Ok((storage, path)) => format!("{path} = {}", storage.display(&path)),
            Err(error) => format!("{:?}: {error}", error.kind()),
        };
        out.push_str(&format!("{uri} -> {line}\n"));
    }
    expected.assert_eq(&out);
}

#[test]
fn local_paths() {
    check(
        &[
            "/data/checkpoints",
            "/data//checkpoints/",
            "/data/./a/../b",
            "/~/a:b",
            "file:/data/x",
            "file:///data/x",
            "FILE:///data/x",
            "file://localhost/data/x",
            "file://data/x",
            "file://data",
            "ftp://host/x",
            "",
        ],
        expect![[r#"
            /data/checkpoints -> /data/checkpoints = file:///data/checkpoints
            /data//checkpoints/ -> /data/checkpoints = file:///data/checkpoints
            /data/./a/../b -> /data/b = file:///data/b
            /~/a:b -> /~/a:b = file:///~/a:b
            file:/data/x -> /data/x = file:///data/x
            file:///data/x -> /data/x = file:///data/x
            FILE:///data/x -> /data/x = file:///data/x
            file://localhost/data/x -> /data/x = file:///data/x
            file://data/x -> Invalid: cannot open file://data/x: 'data' is taken as a host; a local path has three slashes: file:///path
            file://data -> Invalid: cannot open file://data: 'data' is taken as a host, and no path follows; a local path has three slashes: file:///path
            ftp://host/x -> Invalid: cannot open ftp://host/x: there is no storage for the scheme 'ftp'; use a local path, file://, s3://, s3a:// or hdfs://
             -> Invalid: cannot open '': the location is empty
        "#]],
    );
}

#[test]
fn relative_paths_are_made_absolute() {
    let here = std::env::current_dir().unwrap();
    for (uri, below) in [("a/b", "a/b"), ("./a", "a"), ("~/a", "~/a"), ("c:d/e", "c:d/e")] {
        let (_, path) = open(uri, &BTreeMap::new()).unwrap();
        assert_eq!(path, here.join(below).to_str().unwrap());
    }
}

#[test]
fn paths_are_joined_and_split() {
    assert_eq!(join("/a/b", "c"), "/a/b/c");
    assert_eq!(join("/a/b/", "/c/d"), "/a/b/c/d");
    assert_eq!(join("/", "c"), "/c");
    assert_eq!(join("", "c"), "c");
    assert_eq!(parent("/a/b"), Some("/a"));
    assert_eq!(parent("/a/b/"), Some("/a"));
    assert_eq!(parent("/a"), Some("/"));
    assert_eq!(parent("/"), None);
    assert_eq!(parent("a"), None);
    assert_eq!(parent("a/b"), Some("a"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Opening gives a storage or an error, whatever the text.
    #[test]
    fn no_text_panics(
        scheme in "(|[a-z]{2}:|file:|s3:|s3a://|hdfs:|hdfs://)",
        rest in "(/{0,3}[a-z]{1,4}(:[0-9]{1,6})?)?\\PC{0,12}(/\\PC{0,8}){0,3}",
    ) {
        let uri = format!("{scheme}{rest}");
        if let Ok((storage, path)) = open(&uri, &BTreeMap::new()) {
            prop_assert!(!storage.display(&path).is_empty());
        }
    }
}
