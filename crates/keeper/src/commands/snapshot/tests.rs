//! The snapshots of Apache's own tests, dumped, verified and compared.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use expect_test::expect;

use super::{Diff, Dump, Summary, Verify, diff, dump, summary, verify};
use crate::commands::fixtures::copy;

fn run(run: impl FnOnce(&mut Vec<u8>) -> Result<ExitCode>) -> (bool, String) {
    let mut out = Vec::new();
    let code = run(&mut out).expect("no error");
    let success = format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS);
    (success, String::from_utf8(out).expect("text"))
}

#[test]
fn a_snapshot_as_apache_formats_it() {
    let data = copy("invalidsnap");
    let path = data.path().join("version-2/snapshot.0");
    let plain = Dump { path: path.clone(), ..Dump::default() };
    let (_, text) = run(|out| dump::run(&plain, out));
    expect![[r#"
        ZNode Details (count=3):
        ----
        /
          cZxid = 0x00000000000000
          ctime = Thu Jan 01 00:00:00 UTC 1970
          mZxid = 0x00000000000000
          mtime = Thu Jan 01 00:00:00 UTC 1970
          pZxid = 0x00000000000000
          cversion = 0
          dataVersion = 0
          aclVersion = 0
          ephemeralOwner = 0x00000000000000
          dataLength = 0
        ----
        /zookeeper
          cZxid = 0x00000000000000
          ctime = Thu Jan 01 00:00:00 UTC 1970
          mZxid = 0x00000000000000
          mtime = Thu Jan 01 00:00:00 UTC 1970
          pZxid = 0x00000000000000
          cversion = 0
          dataVersion = 0
          aclVersion = 0
          ephemeralOwner = 0x00000000000000
          dataLength = 0
        ----
        /zookeeper/quota
          cZxid = 0x00000000000000
          ctime = Thu Jan 01 00:00:00 UTC 1970
          mZxid = 0x00000000000000
          mtime = Thu Jan 01 00:00:00 UTC 1970
          pZxid = 0x00000000000000
          cversion = 0
          dataVersion = 0
          aclVersion = 0
          ephemeralOwner = 0x00000000000000
          dataLength = 0
        ----
        Session Details (sid, timeout, ephemeralCount):
        ----
        Last zxid: 0x0
    "#]]
    .assert_eq(&text);
    let ncdu = Dump { ncdu: true, ..plain.clone() };
    let (_, text) = run(|out| dump::run(&ncdu, out));
    expect![[r#"
        [1,0,{"progname":"keeper","progver":"0.1.0"},[{"name":"/","asize":0,"dsize":0,"dev":0,"ino":1},[{"name":"zookeeper","asize":0,"dsize":0,"dev":0,"ino":2},{"name":"quota","asize":0,"dsize":0,"dev":0,"ino":3}]]]
    "#]].assert_eq(&text);
    let parsed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(parsed.is_array());
    let one = Dump { json: true, paths: vec!["/zookeeper/quota".to_owned()], ..plain };
    let (_, text) = run(|out| dump::run(&one, out));
    expect![[r#"
        {"path":"/zookeeper/quota","czxid":"0x0","mzxid":"0x0","pzxid":"0x0","ctime":"1970-01-01T00:00:00.000Z","mtime":"1970-01-01T00:00:00.000Z","version":0,"cversion":0,"aversion":0,"ephemeral_owner":"0x0","acl":["world:anyone:cdrwa"],"data_length":0}
    "#]].assert_eq(&text);
}

#[test]
fn a_folder_stands_for_its_newest_sound_snapshot() {
    let data = copy("invalidsnap");
    let newest = Dump { path: data.path().to_path_buf(), ..Dump::default() };
    let (_, text) = run(|out| dump::run(&newest, out));
    // snapshot.83f is cut short.
    assert!(text.starts_with("ZNode Details (count=1595):\n"), "{}", &text[..60]);
    assert!(text.ends_with("----\nLast zxid: 0x639\n"));
    let ncdu = Dump { ncdu: true, ..newest };
    let (_, text) = run(|out| dump::run(&ncdu, out));
    let parsed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    fn count(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Array(parts) => parts.iter().map(count).sum(),
            serde_json::Value::Object(fields) => usize::from(fields.contains_key("ino")),
            _ => 0,
        }
    }
    assert_eq!(count(&parsed), 1595);
}

#[test]
fn snapshots_are_checked_to_the_last_byte() {
    let data = copy("invalidsnap");
    let all = Verify { path: data.path().to_path_buf(), json: false };
    let (sound, text) = run(|out| verify::run(&all, out));
    assert!(!sound);
    expect![[r#"
        DATA/version-2/snapshot.0: 3 nodes, 0 sessions, 0 ACLs, digest 1371985504: sound
        DATA/version-2/snapshot.272: 628 nodes, 1 sessions, 1 ACLs, digest 1370709949661: sound
        DATA/version-2/snapshot.273: 629 nodes, 1 sessions, 2 ACLs, digest 1374008285807: sound
        DATA/version-2/snapshot.639: 1595 nodes, 1 sessions, 1 ACLs, digest 3439518639896: sound
        DATA/version-2/snapshot.83f: DAMAGED at offset 4819: it ends 977468224 bytes too early
    "#]]
    .assert_eq(&text.replace(&*data.path().to_string_lossy(), "DATA"));
    let one = Verify { path: data.path().join("version-2/snapshot.273"), json: true };
    let (sound, text) = run(|out| verify::run(&one, out));
    assert!(sound);
    assert!(text.contains("\"digest\":1374008285807"), "{text}");
}

#[test]
fn two_snapshots_compared() {
    let data = copy("invalidsnap");
    let path = |name: &str| -> PathBuf { data.path().join("version-2").join(name) };
    let grown = Diff { left: path("snapshot.272"), right: path("snapshot.273"), ..Diff::default() };
    let (equal, text) = run(|out| diff::run(&grown, out));
    assert!(!equal);
    expect![[r#"
        + /7 bytes 0 version 0
        ~ / cversion 3 -> 4 pZxid 0x1a8 -> 0x100000002
        628 nodes on the left, 629 on the right: 1 added, 0 removed, 1 changed
    "#]]
    .assert_eq(&text);
    let shrunk = Diff { left: grown.right.clone(), right: grown.left.clone(), ..grown.clone() };
    let (_, text) = run(|out| diff::run(&Diff { json: true, ..shrunk }, out));
    expect![[r#"
        {"change":"changed","path":"/","before":{"bytes":0,"version":0,"mzxid":"0x0","acl_version":0,"pzxid":"0x100000002","cversion":4},"after":{"bytes":0,"version":0,"mzxid":"0x0","acl_version":0,"pzxid":"0x1a8","cversion":3}}
        {"change":"removed","path":"/7","before":{"bytes":0,"version":0,"mzxid":"0x100000002","acl_version":0,"pzxid":"0x100000002","cversion":0},"after":null}
        {"left":629,"right":628,"added":0,"removed":1,"changed":1}
    "#]].assert_eq(&text);
    let same = Diff { right: grown.left.clone(), ..grown.clone() };
    let (equal, text) = run(|out| diff::run(&same, out));
    assert!(equal);
    expect![[r#"
        628 nodes on the left, 628 on the right: 0 added, 0 removed, 0 changed
    "#]]
    .assert_eq(&text);
    let large = Diff { bytes: 1 << 20, ..grown };
    let (equal, _) = run(|out| diff::run(&large, out));
    assert!(equal, "no node differs by a megabyte");
}

#[test]
fn nodes_and_bytes_by_level() {
    let data = copy("invalidsnap");
    let path = data.path().join("version-2/snapshot.273");
    let two = Summary { path, start: "/zookeeper".to_owned(), depth: 1, json: false };
    let (_, text) = run(|out| summary::run(&two, out));
    // A line at the margin keeps the blank that the others begin with.
    expect![[r#"
        all
         /zookeeper
           children: 1
           data: 0
    "#]]
    .assert_eq(&("all\n".to_owned() + &text));
    let all = Summary { start: "/".to_owned(), depth: 2, json: true, ..two.clone() };
    let (_, text) = run(|out| summary::run(&all, out));
    expect![[r#"
        {"path":"/","children":628,"data":4595}
        {"path":"/0","children":210,"data":1553}
        {"path":"/0/0","children":20,"data":155}
        {"path":"/0/1","children":20,"data":155}"#]]
    .assert_eq(&text.lines().take(4).collect::<Vec<_>>().join("\n"));
    let none = Summary { start: "/none".to_owned(), ..two };
    let error = summary::run(&none, &mut Vec::new()).expect_err("no node");
    assert_eq!(error.to_string(), "there is no node /none");
}
