//! What servers answer, and what is made of it.

use expect_test::expect;

const ANSWER: &str = "\
Zookeeper version: 3.9.4-7246445ec281f3dbf53dc54e970c914f39713903, built on 2025-08-19 19:53 UTC
Latency min/avg/max: 0/0.5/3
Received: 12
Sent: 11
Connections: 1
Outstanding: 0
Zxid: 0x100000003
Mode: leader
Node count: 5
Proposal sizes last/min/max: 48/32/150
";

#[test]
fn srvr_as_json() {
    let fields = serde_json::Value::Object(super::parse(ANSWER));
    expect![[r#"{"read_only":false,"version":"3.9.4-7246445ec281f3dbf53dc54e970c914f39713903, built on 2025-08-19 19:53 UTC","latency_min":0,"latency_avg":0.5,"latency_max":3,"received":12,"sent":11,"connections":1,"outstanding":0,"zxid":"0x100000003","mode":"leader","node_count":5,"proposal_size_last":48,"proposal_size_min":32,"proposal_size_max":150}"#]]
    .assert_eq(&fields.to_string());
}

#[test]
fn the_port_of_a_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("zoo.cfg");
    let port = |text: &str| {
        std::fs::write(&file, text).expect("a file");
        super::client_port(&file).map(|server| server.to_string()).map_err(|e| format!("{e:#}"))
    };
    assert_eq!(port("#clientPort=1\n clientPort = 2182 \n"), Ok("localhost:2182".to_owned()));
    assert_eq!(
        port("clientPort=2182\nclientPortAddress=10.0.0.1\n"),
        Ok("10.0.0.1:2182".to_owned())
    );
    assert_eq!(port("clientPort=2182\nclientPortAddress=::\n"), Ok("localhost:2182".to_owned()));
    assert!(port("clientPort=70000").is_err_and(|error| error.contains("clientPort=70000")));
    let data = folder.path().display();
    std::fs::write(folder.path().join("myid"), "2\n").expect("a file");
    let members = "server.1=a:2888:3888;2181\nserver.2=b:2888:3888:observer;10.0.0.2:2191";
    let text = format!("dataDir={data}\n{members}");
    assert_eq!(port(&text), Ok("10.0.0.2:2191".to_owned()));
    std::fs::write(folder.path().join("members"), members).expect("a file");
    let text = format!("dataDir={data}\ndynamicConfigFile=members");
    assert_eq!(port(&text), Ok("10.0.0.2:2191".to_owned()));
    assert!(port("secureClientPort=2281").is_err_and(|error| error.contains("over TLS")));
    assert!(port("dataDir=/x").is_err_and(|error| error.contains("has no clientPort")));
}
