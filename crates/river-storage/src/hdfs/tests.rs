//! Addresses and errors; the contract against Hadoop's own servers is in tests/it.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;

use expect_test::{Expect, expect};
use hdfs_native::HdfsError;

use super::failure::translate;
use crate::remote::Call;
use crate::{ErrorKind, RetryOptions, open};

fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// What opening URIs gives, with a configuration of the service "ns".
fn check(core_site: &str, uris: &[&str], expected: Expect) {
    let folder = tempfile::tempdir().unwrap();
    let property = |name: &str, value: &str| {
        format!("<property><name>{name}</name><value>{value}</value></property>")
    };
    let hdfs_site = property("dfs.ha.namenodes.ns", "a,b")
        + &property("dfs.namenode.rpc-address.ns.a", "127.0.0.1:1")
        + &property("dfs.namenode.rpc-address.ns.b", "127.0.0.1:2");
    for (name, text) in [("core-site.xml", core_site), ("hdfs-site.xml", &hdfs_site)] {
        let text = format!("<configuration>{text}</configuration>");
        fs::write(folder.path().join(name), text).unwrap();
    }
    let options = options(&[("env.hadoop.conf.dir", folder.path().to_str().unwrap())]);
    let mut out = String::new();
    for uri in uris {
        let line = match open(uri, &options) {
            Ok((storage, path)) => format!("{path} = {}", storage.display(&path)),
            Err(error) => format!("{:?}: {error}", error.kind()),
        };
        out.push_str(&format!("{uri} -> {line}\n"));
    }
    expected.assert_eq(&out);
}

#[test]
fn addresses_with_a_default_file_system() {
    check(
        "<property><name>fs.defaultFS</name><value>hdfs://ns</value></property>",
        &["hdfs://ns/a//b/", "hdfs:///a", "hdfs:/a", "hdfs://host:9000/a", "hdfs://host/a"],
        expect![[r#"
            hdfs://ns/a//b/ -> /a/b = hdfs://ns/a/b
            hdfs:///a -> /a = hdfs:///a
            hdfs:/a -> /a = hdfs:///a
            hdfs://host:9000/a -> /a = hdfs://host:9000/a
            hdfs://host/a -> /a = hdfs://host/a
        "#]],
    );
}

#[test]
fn addresses_without_a_default_file_system() {
    check(
        "",
        &["hdfs:///a", "hdfs://ns", "hdfs://ns/a:b", "hdfs://ns/.."],
        expect![[r#"
        hdfs:///a -> Invalid: cannot open hdfs:///a: invalid argument: No fs.defaultFS setting found; set HADOOP_CONF_DIR (or env.hadoop.conf.dir) to the folder whose core-site.xml and hdfs-site.xml describe fs.defaultFS, or write hdfs://host:port/path
        hdfs://ns -> / = hdfs://ns/
        hdfs://ns/a:b -> Invalid: cannot open hdfs://ns/a:b: HDFS has no name 'a:b'
        hdfs://ns/.. -> Invalid: cannot open hdfs://ns/..: HDFS has no name '..'
    "#]],
    );
}

#[test]
fn a_missing_configuration_is_told() {
    let error = open("hdfs:///a", &options(&[("fs.hdfs.hadoopconf", "/no/such")])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("/no/such"), "{error}");
}

#[test]
fn nobody_there_is_an_error_after_the_time_for_retries() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = options(&[
        ("riverkeeper.storage.retry.timeout", "50 ms"),
        ("riverkeeper.storage.request-timeout", "300 ms"),
    ]);
    let (storage, path) = open(&format!("hdfs://127.0.0.1:{port}/a"), &options).unwrap();
    for error in [
        storage.size(&path).unwrap_err(),
        storage.put(&path, b"x").unwrap_err(),
        storage.create(&path).map(|_| ()).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    }
}

#[test]
fn exceptions_have_kinds() {
    let call =
        Call { action: "write", uri: "hdfs://ns/a".to_owned(), limits: RetryOptions::default() };
    let mut text = String::new();
    for (class, message) in [
        ("org.apache.hadoop.security.AccessControlException", "Permission denied: user=x\n\tat y"),
        ("org.apache.hadoop.hdfs.protocol.DSQuotaExceededException", "The DiskSpace quota of /a"),
        ("org.apache.hadoop.hdfs.server.namenode.SafeModeException", "Cannot create /a"),
        ("java.io.IOException", "File /a could only be written to 0 of the 1 minReplication nodes"),
        ("java.io.IOException", "something else"),
    ] {
        let error = HdfsError::RPCError(class.to_owned(), message.to_owned());
        let error = translate(&call, error);
        text.push_str(&format!("{:?}: {error}\n", error.kind()));
    }
    expect![[r#"
        PermissionDenied: cannot write hdfs://ns/a: RPC error: org.apache.hadoop.security.AccessControlException Permission denied: user=x; check the credentials and that this user may read, write and delete there
        Full: cannot write hdfs://ns/a: RPC error: org.apache.hadoop.hdfs.protocol.DSQuotaExceededException The DiskSpace quota of /a; free space there, raise the quota, or configure another place
        Unreachable: cannot write hdfs://ns/a: RPC error: org.apache.hadoop.hdfs.server.namenode.SafeModeException Cannot create /a; wait until the NameNode has left its safe mode (hdfs dfsadmin -safemode get)
        Unreachable: cannot write hdfs://ns/a: RPC error: java.io.IOException File /a could only be written to 0 of the 1 minReplication nodes; check that DataNodes are up and have space (hdfs dfsadmin -report)
        Other: cannot write hdfs://ns/a: RPC error: java.io.IOException something else
    "#]].assert_eq(&text);
}
