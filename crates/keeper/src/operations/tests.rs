//! A server in this process as those see it who look after it, beside what Apache's server said in
//! the same state (`testdata/zookeeper/ops`).

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use serde_json::Value;
use zk_wire::acl::Acl;
use zk_wire::request::{CreateRequest, ReadRequest, Request};

use crate::server::Server;
use crate::server::tests::{Client, create, set, start, stop};

const PROMETHEUS: &str = "metricsProvider.httpHost=127.0.0.1\nmetricsProvider.httpPort=0\n\
    metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n";
const ADMIN: &str = "admin.enableServer=true\nadmin.serverAddress=127.0.0.1\nadmin.serverPort=0\n\
    DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=\n";

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/zookeeper/ops");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

fn word(server: &Server, word: &str) -> String {
    let answer = exchange(server.client_address().unwrap(), word.as_bytes());
    String::from_utf8(answer).unwrap()
}

/// Head and body of an answer over HTTP.
fn http(address: SocketAddr, line: &str, headers: &str) -> (String, Vec<u8>) {
    let request = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    let answer = exchange(address, request.as_bytes());
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..at].to_vec()).unwrap(), answer[at + 4..].to_vec())
}

fn command(server: &Server, name: &str) -> String {
    let address = server.admin_address().unwrap();
    let (head, body) = http(address, &format!("GET /commands/{name}"), "");
    assert!(head.starts_with("HTTP/1.1 200"), "{name}: {head}");
    String::from_utf8(body).unwrap()
}

/// The client and what it does in the fixtures.
fn client(server: &Server) -> Client {
    let mut client = Client::new(server);
    let mut ask = |request: &Request| assert_eq!(client.ask(request).0.err, 0, "{request:?}");
    ask(&create("/app", b"hello"));
    ask(&create("/app/child", b"x"));
    for number in 0..130 {
        ask(&set("/app", format!("v{number}").as_bytes()));
    }
    let ephemeral = CreateRequest {
        path: Some("/app/e".into()),
        data: None,
        acl: Some(vec![Acl::open()]),
        flags: 1,
    };
    ask(&Request::Create(ephemeral));
    let watch = |path: &str| ReadRequest { path: Some(path.into()), watch: true };
    ask(&Request::GetData(watch("/app")));
    ask(&Request::GetChildren(watch("/app")));
    client.ask(&Request::Exists(watch("/missing")));
    let mut ask = |request: &Request| assert_eq!(client.ask(request).0.err, 0, "{request:?}");
    ask(&create("/zookeeper/quota/app", b""));
    ask(&create("/zookeeper/quota/app/zookeeper_limits", b"count=10,bytes=-1"));
    ask(&create("/zookeeper/quota/app/zookeeper_stats", b"count=0,bytes=0"));
    client
}

/// Names of lines, each once.
fn names(text: &str, end: char) -> BTreeSet<String> {
    let name = |line: &str| line.split(end).next().unwrap_or_default().to_owned();
    text.lines().filter(|line| !line.is_empty()).map(name).collect()
}

/// The same names, but for bytes by namespace, which are not counted here.
fn same_names(ours: &BTreeSet<String>, theirs: &BTreeSet<String>) {
    let by_namespace = ["read_per_namespace", "write_per_namespace"];
    let counted = |name: &&String| !by_namespace.iter().any(|end| name.ends_with(end));
    let differing: Vec<_> = ours.symmetric_difference(theirs).filter(counted).collect();
    assert!(differing.is_empty(), "{differing:?}");
}

/// A text with all numbers replaced, and what comes out of Java's hash tables in order.
fn shape(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.split("version: ").next().unwrap_or_default();
        let line = line.split("expire at").next().unwrap_or_default();
        let line = line.split("dataDir=").next().unwrap_or_default();
        let line = line.split("dataLogDir=").next().unwrap_or_default();
        let mut shown = String::new();
        for letter in line.replace("0x", "#").chars() {
            match letter {
                '0'..='9' | 'a'..='f' | '#' | '-' | '.' if !shown.ends_with('#') => shown.push('#'),
                '0'..='9' | 'a'..='f' | '#' | '-' | '.' => {}
                other => shown.push(other),
            }
        }
        lines.push(shown);
    }
    // How many connections end at one time is chance.
    lines.sort();
    lines.dedup();
    lines
}

#[test]
fn four_letter_words_have_apaches_shape() {
    let folder = folder();
    let server = start(folder.path(), "4lw.commands.whitelist=*\n");
    let _client = client(&server);
    same_names(&names(&word(&server, "mntr"), '\t'), &names(&fixture("mntr.txt"), '\t'));
    for name in ["stat", "cons", "conf", "dump", "wchs", "wchc", "wchp", "hash"] {
        assert_eq!(shape(&word(&server, name)), shape(&fixture(&format!("{name}.txt"))), "{name}");
    }
    assert_eq!(word(&server, "ruok"), "imok");
    assert_eq!(word(&server, "isro"), "rw");
    assert_eq!(word(&server, "gtmk"), "306");
    assert_eq!(word(&server, "stmk\0\0\0\0\0\0\u{1}\u{2}"), "258");
    assert_eq!(word(&server, "gtmk"), "258");
    assert_eq!(word(&server, "crst"), "Connection stats reset.\n");
    assert_eq!(word(&server, "srst"), "Server stats reset.\n");
    stop(server);
}

#[test]
fn only_listed_words_are_answered() {
    let folder = folder();
    let server = start(folder.path(), "");
    let refused = "ruok is not executed because it is not in the whitelist.\n";
    assert_eq!(word(&server, "ruok"), refused);
    assert!(word(&server, "srvr").contains("Mode: standalone\nNode count: 5\n"));
    stop(server);
}

/// Names and kinds of values, lists by their first member, maps with session ids by their values.
fn skeleton(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(number) if number.to_string().contains('.') => "float".to_owned(),
        Value::Number(_) => "int".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Array(list) => format!("[{}]", list.first().map(skeleton).unwrap_or_default()),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                let is_id = name.starts_with('/') || name.bytes().all(|byte| byte.is_ascii_digit());
                format!("{}:{}", if is_id { "*" } else { name }, skeleton(value))
            };
            let mut fields: Vec<String> = fields.iter().map(field).collect();
            fields.dedup();
            format!("{{{}}}", fields.join(","))
        }
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_admin_server_has_apaches_names() {
    let folder = folder();
    let server = start(folder.path(), ADMIN);
    let _client = client(&server);
    for name in [
        "configuration",
        "connections",
        "connection_stat_reset",
        "dirs",
        "dump",
        "environment",
        "get_trace_mask",
        "set_trace_mask?traceMask=7",
        "hash",
        "is_read_only",
        "leader",
        "observers",
        "observer_connection_stat_reset",
        "ruok",
        "server_stats",
        "stats",
        "voting_view",
        "watches",
        "watches_by_path",
        "watch_summary",
        "zabstate",
        "nosuch",
    ] {
        let file = format!("admin/{}.json", name.split('?').next().unwrap());
        let expected = skeleton(&parsed(&fixture(&file)));
        assert_eq!(skeleton(&parsed(&command(&server, name))), expected, "{name}");
    }
    let keys = |text: &str| -> BTreeSet<String> {
        parsed(text).as_object().unwrap().keys().cloned().collect()
    };
    let monitor = command(&server, "mntr");
    same_names(&keys(&monitor), &keys(&fixture("admin/monitor.json")));
    let whole = command(&server, "zabstate");
    assert_eq!(whole, fixture("admin/zabstate.json"), "to the letter");
    let config = command(&server, "icfg");
    assert!(config.contains("superDigest=***") && !config.contains("super:D"), "{config}");
    let links = command(&server, "");
    assert!(links.contains("<a href=\"/commands/monitor\">monitor</a>"), "{links}");
    let address = server.admin_address().unwrap();
    for (line, status) in [
        ("GET /", "404"),
        ("GET /commandsx", "404"),
        ("TRACE /commands/ruok", "403"),
        ("PUT /commands/ruok", "405"),
        ("POST /commands/ruok", "405"),
    ] {
        let (head, _) = http(address, line, "");
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{line}: {head}");
    }
    stop(server);
}

#[test]
fn snapshots_are_for_those_who_may_do_all() {
    let folder = folder();
    let server = start(folder.path(), ADMIN);
    let _client = client(&server);
    let address = server.admin_address().unwrap();
    let line = "GET /commands/snapshot?streaming=true";
    let status = |headers: &str| http(address, line, headers).0[9..12].to_owned();
    assert_eq!(status(""), "401");
    assert_eq!(status("authorization: digest\r\n"), "401");
    assert_eq!(status("authorization: nosuch a:b\r\n"), "401");
    let (head, body) = http(address, line, "authorization: digest super:test\r\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("last_zxid: 0x89"), "{head}");
    assert!(head.contains(&format!("snapshot_size: {}", body.len())), "{head}");
    assert!(head.contains("content-type: application/octet-stream"), "{head}");
    let files: Vec<PathBuf> = std::fs::read_dir(folder.path().join("data/version-2"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    let file = files.iter().find(|file| file.ends_with("snapshot.89")).unwrap();
    assert_eq!(std::fs::read(file).unwrap(), body);
    assert_eq!(status("authorization: digest super:test\r\n"), "429", "the next is too soon");
    assert_eq!(server.handle().metrics().snapshot_rate_limited_count.get(), 1);
    assert!(command(&server, "lsnp").contains("\"zxid\" : \"89\""));
    stop(server);
}

#[test]
fn prometheus_finds_apaches_names() {
    let folder = folder();
    let server = start(folder.path(), PROMETHEUS);
    let _client = client(&server);
    let address = server.metrics_address().unwrap();
    let (head, body) = http(address, "GET /metrics", "");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    let text = String::from_utf8(body).unwrap();
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let found: BTreeSet<&str> = kinds.collect();
    let expected = fixture("prometheus.txt");
    let missing: Vec<&str> = expected.lines().filter(|line| !found.contains(line)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert!(text.contains("znode_count 11.0\n"), "{text}");
    assert!(text.contains("quota_count_limit_per_namespace{key=\"app\"} 10.0\n"));
    assert!(http(address, "GET /", "").0.starts_with("HTTP/1.1 404"));
    stop(server);
}
