//! Texts beside those that Apache ZooKeeper 3.9.4 gave in the same state (testdata/zookeeper/ops).

use expect_test::expect;
use keeper_core::node::Now;
use keeper_core::watch::ConnectionId;
use zk_wire::SessionId;

use super::text;
use crate::view::{
    Connection, Digest, Folders, Server, Sessions, Settings, Statistics, WatchSummary, Watches,
};

const SESSION: SessionId = SessionId(0x0100_01fe_8ec1_0000);

fn connections() -> Vec<Connection> {
    let statistics = Statistics {
        session: SESSION,
        last_operation: "CREA",
        timeout_ms: 10_000,
        last_cxid: 0x8c,
        last_zxid: 0x89,
        last_response_ms: 33_509_859,
        last_latency_ms: 1,
        min_latency_ms: 0,
        avg_latency_ms: 1,
        max_latency_ms: 11,
    };
    let with_session = Connection {
        id: ConnectionId(1),
        address: "127.0.0.1:52374".parse().unwrap(),
        secure: false,
        interest_ops: 1,
        outstanding: 0,
        received: 142,
        sent: 142,
        established_ms: 1_795_403_860_289,
        statistics: Some(statistics),
    };
    let without = Connection {
        id: ConnectionId(2),
        address: "[::1]:52402".parse().unwrap(),
        interest_ops: 0,
        received: 1,
        sent: 0,
        statistics: None,
        ..with_session.clone()
    };
    vec![with_session, without]
}

fn server() -> Server {
    Server {
        min_latency: 0,
        avg_latency: 1.2908,
        max_latency: 11,
        received: 160,
        sent: 160,
        connections: 2,
        zxid: 0x89,
        mode: "standalone",
        nodes: 11,
        ..Server::default()
    }
}

#[test]
fn the_server_and_its_connections() {
    expect![[r#"
        Zookeeper version: 3.9.4-keeper-0.1.0, built on 2026-11-23 00:00 UTC
        Clients:
         /127.0.0.1:52374[1](queued=0,recved=142,sent=142)
         /[0:0:0:0:0:0:0:1]:52402[0](queued=0,recved=1,sent=0)

        Latency min/avg/max: 0/1.2908/11
        Received: 160
        Sent: 160
        Connections: 2
        Outstanding: 0
        Zxid: 0x89
        Mode: standalone
        Node count: 11
    "#]]
    .assert_eq(&text::server(&server(), Some(&connections())));
    // A line at the margin keeps the blank that the others begin with.
    expect![[r#"
        cons
         /127.0.0.1:52374[1](queued=0,recved=142,sent=142,sid=0x10001fe8ec10000,lop=CREA,est=1795403860289,to=10000,lcxid=0x8c,lzxid=0x89,lresp=33509859,llat=1,minlat=0,avglat=1,maxlat=11)
         /[0:0:0:0:0:0:0:1]:52402[0](queued=0,recved=1,sent=0)

    "#]]
    .assert_eq(&("cons\n".to_owned() + &text::connections(&connections())));
    let brief = text::server(&server(), None);
    assert!(brief.starts_with("Zookeeper version: 3.9.4-"));
    assert!(!brief.contains("Clients:") && brief.ends_with("Node count: 11\n"));
}

#[test]
fn settings_and_folders() {
    let settings = Settings {
        client_port: 2181,
        secure_client_port: -1,
        data_dir: "/var/lib/zookeeper/version-2".into(),
        data_log_dir: "/var/lib/zookeeper/version-2".into(),
        tick_ms: 2000,
        max_client_cnxns: 60,
        min_session_timeout_ms: 4000,
        max_session_timeout_ms: 40_000,
        listen_backlog: -1,
        server_id: 0,
    };
    let folders = Folders { data: 494, log: 67_108_880 };
    expect![[r#"
        clientPort=2181
        secureClientPort=-1
        dataDir=/var/lib/zookeeper/version-2
        dataDirSize=494
        dataLogDir=/var/lib/zookeeper/version-2
        dataLogSize=67108880
        tickTime=2000
        maxClientCnxns=60
        minSessionTimeout=4000
        maxSessionTimeout=40000
        clientPortListenBacklog=-1
        serverId=0
    "#]]
    .assert_eq(&text::settings(&settings, folders));
    expect![[r#"
        datadir_size: 494
        logdir_size: 67108880
    "#]]
    .assert_eq(&text::folders(folders));
}

#[test]
fn sessions_and_their_nodes() {
    let sessions = Sessions { ends: vec![(20_000, vec![SESSION])] };
    let ephemerals = vec![(SESSION, vec!["/app/e".to_owned()])];
    let now = Now { elapsed: 10_000, wall: 1_795_403_860_000 };
    let dump = text::dump(&sessions, &ephemerals, &connections(), now);
    expect![[r#"
        SessionTracker dump:
        Session Sets (1)/(1):
        1 expire at Mon Nov 23 03:17:50 UTC 2026:
        	0x10001fe8ec10000
        ephemeral nodes dump:
        Sessions with Ephemerals (1):
        0x10001fe8ec10000:
        	/app/e
        Connections dump:
        Connections Sets (1)/(2):
        2 expire at Mon Nov 23 03:18:00 UTC 2026:
        	ip: /127.0.0.1:52374 sessionId: 0x10001fe8ec10000
        	ip: /[0:0:0:0:0:0:0:1]:52402 sessionId: 0x0
    "#]]
    .assert_eq(&dump);
    expect![[r#"
        SessionTracker dump:
        Session Sets (0)/(0):
        ephemeral nodes dump:
        Sessions with Ephemerals (0):
        Connections dump:
        Connections Sets (0)/(0):
    "#]]
    .assert_eq(&text::dump(&Sessions::default(), &Vec::new(), &[], now));
}

#[test]
fn watches_and_digests() {
    let watches = Watches {
        by_session: vec![(SESSION, vec!["/app".to_owned(), "/missing".to_owned()])],
        by_path: vec![("/app".to_owned(), vec![SESSION]), ("/missing".to_owned(), vec![SESSION])],
    };
    let summary = WatchSummary { connections: 1, paths: 2, watches: 2 };
    let all = [
        text::watch_summary(summary),
        text::watches_by_session(&watches),
        text::watches_by_path(&watches),
        text::digests(&[Digest { zxid: 128, version: 2, digest: 2_877_117_696 }]),
    ];
    expect![[r#"
        1 connections watching 2 paths
        Total watches:2
        0x10001fe8ec10000
        	/app
        	/missing

        /app
        	0x10001fe8ec10000
        /missing
        	0x10001fe8ec10000

        80: 2877117696
    "#]]
    .assert_eq(&all.concat());
}
