use std::path::Path;

use expect_test::{Expect, expect};

use super::*;

fn parse(text: &str) -> Result<Config> {
    read::config(Properties::parse(Path::new("zoo.cfg"), text)?)
}

fn check_error(text: &str, expected: Expect) {
    let text = format!("dataDir=/data\nclientPort=2181\n{text}");
    expected.assert_eq(&parse(&text).unwrap_err().to_string());
}

#[test]
fn syntax_is_java_properties() {
    let text = "# comment\n! other\n a = b \nc:d\ne f\n\tlong = one,\\\n   two\n\
                esc\\=aped=\\u0041\\tb\\\\\nempty\nlast=\\";
    let properties = Properties::parse(Path::new("f"), text).unwrap();
    let all: Vec<_> = properties.iter().collect();
    assert_eq!(
        all,
        [
            ("a", "b"),
            ("c", "d"),
            ("e", "f"),
            ("empty", ""),
            ("esc=aped", "A\tb\\"),
            ("last", ""),
            ("long", "one,two"),
        ]
    );
    let error = Properties::parse(Path::new("f"), "a=1\nb=\\u12").unwrap_err();
    assert_eq!(error.to_string(), "f:2: malformed \\u12 in 'b=\\u12'");
}

#[test]
fn keys_with_and_without_the_prefix_are_the_same() {
    let with = Properties::parse(Path::new("f"), "zookeeper.snapCount=5\nmaxCnxns=6").unwrap();
    assert_eq!(with.get("snapCount"), Some("5"));
    assert_eq!(with.get("zookeeper.maxCnxns"), Some("6"));
    assert_eq!(with.number("zookeeper.snapCount", 0), Ok(5));
}

#[test]
fn defaults_are_apaches() {
    let config = parse("dataDir=/data\nclientPort=2181\n").unwrap();
    assert_eq!(config.sessions, SessionOptions::default());
    assert_eq!(config.client_address, Some("0.0.0.0:2181".parse().unwrap()));
    assert_eq!((config.limits.frame, config.limits.connections_per_address), (0xfffff, 60));
    assert_eq!((config.limits.outstanding, config.listen_backlog), (1000, None));
    assert_eq!((config.log.clone(), config.flush.clone()), Default::default());
    assert_eq!((config.snapshot.count, config.snapshot.size), (100_000, Some(4 << 30)));
    assert_eq!((config.purge.retain, config.purge.interval), (3, None));
    assert!(config.data_log_dir.is_none() && config.create_data_dir);
}

#[test]
fn what_is_set_is_taken() {
    let config = parse(
        "tickTime=2000\ndataDir=/data\ndataLogDir=/log\nclientPort=1\n\
         clientPortAddress=127.0.0.1\nminSessionTimeout=3000\nforceSync=no\nskipACL=yes\n\
         jute.maxbuffer=0x10\nautopurge.purgeInterval=2\nautopurge.snapRetainCount=5\n\
         enforce.auth.enabled=true\nenforce.auth.schemes=digest, x509\nsnapSizeLimitInKb=0\n",
    )
    .unwrap();
    assert_eq!((config.sessions.min_timeout_ms, config.sessions.max_timeout_ms), (3000, 40_000));
    assert_eq!(config.client_address, Some("127.0.0.1:1".parse().unwrap()));
    assert_eq!((config.limits.frame, config.log.force_sync), (16, false));
    assert_eq!(config.purge.interval, Some(Duration::from_secs(7200)));
    assert_eq!(config.node.required_schemes, ["digest", "x509"]);
    assert!(config.node.prep.acl.skip && config.snapshot.size.is_none());
}

#[test]
fn one_server_line_is_no_ensemble() {
    let config = parse("dataDir=/data\nserver.1=host:2888:3888:participant;2182\n").unwrap();
    assert_eq!(config.client_address, Some("0.0.0.0:2182".parse().unwrap()));
}

#[test]
fn errors_say_where_what_and_what_helps() {
    check_error(
        "tickTime=x",
        expect![[r#"zoo.cfg:3: tickTime=x: is not a number in its range: correct or remove it"#]],
    );
    check_error(
        "tickTime=0",
        expect![[r#"zoo.cfg:3: tickTime=0: must be above 0, in milliseconds"#]],
    );
    check_error(
        "clientPort=70000",
        expect![[
            r#"zoo.cfg:3: clientPort=70000: is not a number in its range: correct or remove it"#
        ]],
    );
    check_error(
        "minSessionTimeout=9\nmaxSessionTimeout=8",
        expect![[
            r#"zoo.cfg:4: maxSessionTimeout=8: minSessionTimeout (9 ms) must not be above it"#
        ]],
    );
    check_error(
        "reconfigEnabled=yes",
        expect![[r#"zoo.cfg:3: reconfigEnabled=yes: must be true or false"#]],
    );
    check_error(
        "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2",
        expect![[
            r#"zoo.cfg: server.N is there 3 times, which asks for an ensemble: this version of keeper runs alone, and ensembles come with a later one. Keep at most one server.N and leave standaloneEnabled out"#
        ]],
    );
    check_error(
        "server.1=a:1:2:observer",
        expect![[r#"zoo.cfg: all server.N are observers: one must be a participant"#]],
    );
    let missing = parse("clientPort=1").unwrap_err().to_string();
    assert_eq!(missing, "zoo.cfg: dataDir is not set: name the folder for snapshots");
    let nowhere = parse("dataDir=/d").unwrap_err().to_string();
    assert_eq!(
        nowhere,
        "zoo.cfg: neither clientPort nor secureClientPort is set: set clientPort=2181"
    );
}

#[test]
fn what_does_nothing_is_named() {
    let text = "initLimit=5\nzookeeper.commitProcessor.numWorkerThreads=4\nsslQuorum=false\n";
    let properties = Properties::parse(Path::new("zoo.cfg"), text).unwrap();
    let notes = notes::notes(&properties).join("\n");
    expect![[r#"
        initLimit=5: Apache ZooKeeper bounds the start of followers; here: nothing: the server is alone
        zookeeper.commitProcessor.numWorkerThreads=4: Apache ZooKeeper sets Java's threads; here: one thread owns the tree"#]]
    .assert_eq(&notes);
}
