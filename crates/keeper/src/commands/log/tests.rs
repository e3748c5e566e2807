//! The logs of Apache's own tests, dumped, verified and repaired.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use expect_test::{Expect, expect};

use super::{Dump, Verify, dump, verify};
use crate::commands::fixtures::copy;

fn is_success(code: ExitCode) -> bool {
    format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS)
}

fn dumped(arguments: &Dump) -> (bool, String) {
    let mut out = Vec::new();
    let code = dump::run(arguments, &mut out).expect("a dump");
    (is_success(code), String::from_utf8(out).expect("text"))
}

fn verified(arguments: &Verify, folder: &Path) -> (bool, String) {
    let mut out = Vec::new();
    let code = verify::run(arguments, &mut out).expect("a report");
    let text = String::from_utf8(out).expect("text");
    (is_success(code), text.replace(&*folder.to_string_lossy(), "DATA"))
}

fn check(text: &str, lines: usize, expected: &Expect) {
    let shown: Vec<&str> = text.lines().take(lines).collect();
    expected.assert_eq(&format!("{}\n", shown.join("\n")));
}

#[test]
fn a_log_as_the_toolkit_prints_it() {
    let data = copy("invalidsnap");
    let path = data.path().join("version-2/log.1");
    let (sound, text) = dumped(&Dump { path: path.clone(), ..Dump::default() });
    assert!(sound);
    assert_eq!(text.lines().count(), 629);
    assert!(text.ends_with("EOF reached after 627 txns.\n"));
    let text = text.replace(&*data.path().to_string_lossy(), "DATA");
    check(
        &text,
        4,
        &expect![[r#"
        ZooKeeper Transactional Log File DATA/version-2/log.1
        2009-04-03T21:33:21.414Z session 0x1206de675bd0000 cxid 0x0 zxid 0x1 createSession 20000
        2009-04-03T21:33:21.451Z session 0x1206de675bd0000 cxid 0x1 zxid 0x2 create /0,/0!,[15,s{'world,'anyone}],false,-1
        2009-04-03T21:33:21.462Z session 0x1206de675bd0000 cxid 0x2 zxid 0x3 create /0/0,/0/0!,[15,s{'world,'anyone}],false,-1
    "#]],
    );

    let one = Dump { path, from: Some(3), to: Some(3), json: true, ..Dump::default() };
    let (_, text) = dumped(&one);
    check(
        &text,
        1,
        &expect![[r#"
        {"time":"2009-04-03T21:33:21.462Z","session":"0x1206de675bd0000","cxid":2,"zxid":"0x3","type":"create","path":"/0/0","data":"LzAvMCE=","acl":["world:anyone:cdrw"],"ephemeral":false,"parent_cversion":-1}
    "#]],
    );
}

#[test]
fn filters_look_over_all_files_of_a_folder() {
    let data = copy("invalidsnap");
    fs::remove_file(data.path().join("version-2/log.42")).expect("a file");
    let all = Dump { path: data.path().to_path_buf(), json: true, ..Dump::default() };
    assert_eq!(dumped(&all).1.lines().count(), 627 + 967 + 517);
    let range = Dump { from: Some(0x273), to: Some(0x275), ..all.clone() };
    let zxids: Vec<serde_json::Value> = dumped(&range)
        .1
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["zxid"].clone())
        .collect();
    assert_eq!(zxids, ["0x273", "0x274", "0x275"]);
    let none = Dump { session: Some(1), ..all.clone() };
    assert_eq!(dumped(&none).1, "");
    let path = serde_json::from_str::<serde_json::Value>(
        dumped(&Dump { from: Some(0x300), to: Some(0x300), ..all.clone() }).1.trim(),
    )
    .expect("JSON")["path"]
        .clone();
    let path = path.as_str().expect("a path").to_owned();
    let about = dumped(&Dump { paths: vec![path.clone()], ..all.clone() }).1;
    assert!(about.lines().count() >= 1 && about.lines().all(|line| line.contains(&path)));
    let prefix = Dump { paths: vec![path[..path.len() - 1].to_owned()], ..all };
    assert!(!dumped(&prefix).1.contains(&format!("\"{path}\"")), "names are whole");
}

#[test]
fn damage_is_told_and_repaired_on_demand() {
    let data = copy("invalidsnap");
    let folder = data.path().join("version-2");
    let all = Verify { path: data.path().to_path_buf(), repair: false, json: false };
    let (sound, text) = verified(&all, data.path());
    assert!(!sound);
    check(
        &text,
        20,
        &expect![[r#"
        DATA/version-2/log.1: 627 transactions, 0x1 to 0x273: sound
        DATA/version-2/log.42: 1 transactions, 0x8800000001 to 0x8800000001: DAMAGED
          at offset 61: an entry whose checksum is wrong, with a sound entry after it: zxid 0x8800000003 at 110
          nothing was changed: `keeper log verify DATA/version-2` lists all damage. In an ensemble, move DATA/version-2 away and start: the leader sends a snapshot. Alone, restore a backup, or `keeper log repair DATA/version-2/log.42` keeps what is sound
        DATA/version-2/log.274: 967 transactions, 0x274 to 0x63a: DAMAGED
          0x274 follows 0x8800000001: transactions are missing or out of order
        DATA/version-2/log.63b: 517 transactions, 0x63b to 0x83f: sound
    "#]],
    );

    for name in ["log.1", "log.274", "log.63b"] {
        fs::remove_file(folder.join(name)).expect("a file");
    }
    let repair = Verify { repair: true, ..all.clone() };
    let (_, text) = verified(&repair, data.path());
    check(
        &text,
        20,
        &expect![[r#"
        DATA/version-2/log.42: 1 transactions, 0x8800000001 to 0x8800000001: DAMAGED
          at offset 61: an entry whose checksum is wrong, with a sound entry after it: zxid 0x8800000003 at 110
          nothing was changed: `keeper log verify DATA/version-2` lists all damage. In an ensemble, move DATA/version-2 away and start: the leader sends a snapshot. Alone, restore a backup, or `keeper log repair DATA/version-2/log.42` keeps what is sound
          repaired: DATA/version-2/log.42 now ends with zxid 0x8800000001; 123 bytes are left out. The damaged file is DATA/version-2/damaged.log.42
    "#]],
    );
    let (sound, text) = verified(&all, data.path());
    assert!(sound, "{text}");
    assert!(folder.join("damaged.log.42").exists());
}

#[test]
fn a_path_without_logs_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = |path: &Path| {
        let dump = Dump { path: path.to_path_buf(), ..Dump::default() };
        let error = dump::run(&dump, &mut Vec::new()).expect_err("an error").to_string();
        error.replace(&*folder.path().to_string_lossy(), "DATA")
    };
    assert_eq!(error(folder.path()), "DATA holds no transaction log (log.<zxid>)");
    assert_eq!(error(&folder.path().join("log.5")), "DATA/log.5 does not exist");
}
