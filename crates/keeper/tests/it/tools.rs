//! `keeper cli`, `status`, `bench`, `log` and `snapshot` as processes, against a server and its
//! files; the command line beside Apache's own.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use expect_test::{Expect, expect};

use crate::apache::Apache;
use crate::server::{Server, Settings};

/// Verbs whose lines do not depend on time, chance or versions of ZooKeeper.
const SCRIPT: &str = "\
create /a hello
create /a again
create -s /a/s- x
create /a/b/c d
create -e /a/e 'two words'
create -c /a/container
create /a/closed x world:anyone:r
create -q /a/q
create -e -t 5 /a/q
create
ls /a
ls -R /a
ls /nothere
get /a
get /a/e
get -b /a
get -x /a
get /a/
set /a world
set -v 7 /a x
set -v 1 /a three
set /a
get /a
getAcl /a
getAcl /a/closed
setAcl /a/b world:anyone:r
setAcl /a digest:u:p:rw,world:anyone:cdrwa
getAcl /a
getAllChildrenNumber /a
getEphemerals
getEphemerals /a
getEphemerals /b
stat /nothere
delete -v 5 /a/e
delete /a
delete /nothere
sync /
setquota -n 50 /a
setquota -b 60 /a/e
setquota -B 70 /a
setquota -n x /a
listquota /a
delquota -n /a
listquota /a
delquota /a
listquota /a
addauth digest u:p
whoami
config -c
removewatches /a
printwatches
printwatches off
printwatches
deleteall /a
ls /
redo 3
redo 99
history
quit
";

fn keeper(arguments: &[&str], input: &str) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_keeper")).args(arguments), input)
}

fn run(command: &mut Command, input: &str) -> Output {
    command.env("TZ", "UTC").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn start(folder: &Path) -> Server {
    Settings::new(folder).start()
}

fn address(server: &Server) -> String {
    server.address.to_string()
}

/// What both programs print, without what is theirs alone: greetings, events (which come when they
/// come), logging, and the list of verbs.
fn comparable(bytes: &[u8]) -> String {
    let text = text(bytes);
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        match line {
            "WATCHER::" => drop(lines.nth(1)),
            "" | "JLine support is disabled" => {}
            line if line.starts_with(['\t', ' ']) && !line.contains('+') && !line.contains('|') => {
            }
            line if ["SLF4J", "Connecting to"].iter().any(|word| line.starts_with(word)) => {}
            line => kept.push(line.replace("org.apache.commons.cli.", "")),
        }
    }
    let mut text = kept.join("\n");
    for class in ["UnrecognizedOptionException", "MissingArgumentException"] {
        text = text.replace(&format!("{class}: "), "");
    }
    text
}

fn check(bytes: &[u8], expected: &Expect) {
    expected.assert_eq(&format!("{}\n", comparable(bytes)));
}

#[test]
fn the_command_line_prints_what_zkcli_prints() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder.path().join("ours"));
    let ours = keeper(&["cli", "-server", &address(&server)], SCRIPT);
    check(
        &ours.stdout,
        &expect![[r#"
        Welcome to ZooKeeper!
        [closed, container, e, s-0000000000]
        /a
        /a/closed
        /a/container
        /a/e
        /a/s-0000000000
        hello
        two words
        aGVsbG8=
                 +-------------------------------------------------+
                 |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |
        +--------+-------------------------------------------------+----------------+
        |00000000| 68 65 6c 6c 6f                                  |hello           |
        +--------+-------------------------------------------------+----------------+
        three
        'world,'anyone
        : cdrwa
        'world,'anyone
        : r
        'digest,'u:p
        : rw
        'world,'anyone
        : cdrwa
        4
        [/a/e]
        [/a/e]
        []
        Sync is OK
        Output quota for /a count=50,bytes=-1=;byteHardLimit=70;countHardLimit=-1
        Output stat for /a count=5,bytes=16
        Output quota for /a count=-1,bytes=-1=;byteHardLimit=70;countHardLimit=-1
        Output stat for /a count=5,bytes=16
        Auth scheme: User
        ip: 127.0.0.1
        digest: u
        printwatches is on
        printwatches is off
        [zookeeper]
        47 - whoami
        48 - config -c
        49 - removewatches /a
        50 - printwatches
        51 - printwatches off
        52 - printwatches
        53 - deleteall /a
        54 - ls /
        55 - create /a/b/c d
        56 - redo 99
        57 - history
    "#]],
    );
    check(
        &ours.stderr,
        &expect![[r#"
        Created /a
        Node already exists: /a
        Created /a/s-0000000000
        Node does not exist: /a/b/c
        Created /a/e
        Created /a/container
        Created /a/closed
        Unrecognized option: -q
        TTLs cannot be used with Ephemeral znodes
        create [-s] [-e] [-c] [-t ttl] path [data] [acl]
        Node does not exist: /nothere
        Path must not end with / character
        version No is not valid : /a
        set path data [-s] [-v version] [-b]
        Node does not exist: /a/b
        Node does not exist: /nothere
        version No is not valid : /a/e
        Node not empty: /a
        Node does not exist: /nothere
        /a/e has a parent /a which has a quota
        NumberFormatException happens when parsing the option value
        absolute path is /zookeeper/quota/a/zookeeper_limits
        absolute path is /zookeeper/quota/a/zookeeper_limits
        absolute path is /zookeeper/quota/a/zookeeper_limits
        quota for /a does not exist.
        KeeperErrorCode = No such watcher for /a
        Node does not exist: /a/b/c
        Command index out of range
    "#]],
    );
    let Some(apache) = Apache::find() else { return };
    // On a server that has seen nothing yet.
    let server = start(&folder.path().join("theirs"));
    let main = "org.apache.zookeeper.ZooKeeperMain";
    let words = apache.java();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args([main, "-server", &address(&server)]);
    let theirs = run(&mut command, SCRIPT);
    assert_eq!(comparable(&ours.stdout), comparable(&theirs.stdout));
    assert_eq!(comparable(&ours.stderr), comparable(&theirs.stderr));
}

#[test]
fn a_verb_on_the_command_line_ends_with_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let address = address(&server);
    let cli = |words: &[&str]| {
        let output = keeper(&[&["cli", "-server", &address], words].concat(), "");
        let last = text(&output.stderr).lines().last().unwrap_or_default().to_owned();
        (output.status.code(), last)
    };
    assert_eq!(cli(&["create", "/a", "x"]), (Some(0), "Created /a".to_owned()));
    assert_eq!(cli(&["create", "/a"]), (Some(1), "Node already exists: /a".to_owned()));
    assert_eq!(cli(&["get", "/b"]), (Some(1), "Node does not exist: /b".to_owned()));
    let not_found = "Command not found: Command not found nosuch";
    assert_eq!(cli(&["nosuch"]), (Some(127), not_found.to_owned()));
    // Nobody has that session any more: the node of the first call was ephemeral.
    assert_eq!(cli(&["create", "-e", "/e"]).0, Some(0));
    assert_eq!(cli(&["stat", "/e"]).1, "Node does not exist: /e");
    let output = keeper(&["cli", "-server", &format!("{address}/a"), "ls", "/"], "");
    assert!(text(&output.stdout).ends_with("\n[]\n"), "{output:?}");
    let refused = keeper(&["cli", "-server", "127.0.0.1:1", "-timeout", "300", "ls", "/"], "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("ConnectionLoss"), "{refused:?}");
}

#[test]
fn the_load_generator_runs_all_workloads() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let address = address(&server);
    let workloads = "create,set,get,exists,children,multi,mixed,watch,connect";
    let shape = ["--connections", "3", "--in-flight", "4", "--nodes", "20", "--count", "50"];
    let command = ["bench", "--json", "--threads", "2", "--server", &address, "-w", workloads];
    let output = keeper(&[&command[..], &shape[..]].concat(), "");
    assert!(output.status.success(), "{output:?}");
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 9);
    for line in &lines {
        // Each write is told to three sessions.
        let expected = if line["workload"] == "watch" { 150 } else { 50 };
        assert_eq!((&line["ops"], &line["errors"]), (&expected.into(), &0.into()), "{line}");
        assert!(line["p50_us"].as_f64() <= line["max_us"].as_f64(), "{line}");
    }
    let rate = ["bench", "--server", &address, "-w", "set,idle", "--rate", "500", "--threads", "1"];
    let short = ["--seconds", "0.3", "--warm-up", "0", "--timeout", "4000", "-c", "2"];
    let output = keeper(&[&rate[..], &short[..]].concat(), "");
    assert!(output.status.success(), "{output:?}");
    let left = keeper(&["cli", "-server", &address, "ls", "/"], "");
    assert!(text(&left.stdout).ends_with("[zookeeper]\n"), "all nodes are removed: {left:?}");
}

#[test]
fn offline_commands_read_what_a_server_has_written() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let script = "create /a 1\nset /a 2\nset -v 9 /a 3\ncreate -e /a/e x\nquit\n";
    keeper(&["cli", "-server", &address(&server)], script);
    let settings = server.kill();
    let data = settings.data_dir();
    let data = data.to_str().unwrap();
    let output = keeper(&["log", "verify", data], "");
    assert!(output.status.success(), "{output:?}");
    let output = keeper(&["log", "dump", "--json", data], "");
    assert!(output.status.success(), "{output:?}");
    let types: Vec<String> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|entry| entry["type"].as_str().unwrap().to_owned())
        .collect();
    let session = ["createSession", "create2", "setData", "error", "create2", "closeSession"];
    // The session that asks whether the server serves has been there before.
    assert!(types.ends_with(&session.map(str::to_owned)), "{types:?}");
    let output = keeper(&["log", "dump", "--path", "/a/e", data], "");
    let lines = text(&output.stdout);
    let about: Vec<&str> = lines.lines().filter(|line| line.contains(" zxid ")).collect();
    assert_eq!(about.len(), 2, "created, and gone with its session: {lines}");
    let output = keeper(&["snapshot", "verify", data], "");
    assert!(output.status.success(), "{output:?}");
    let output = keeper(&["snapshot", "diff", data, data], "");
    assert!(text(&output.stdout).contains("0 added, 0 removed, 0 changed"), "{output:?}");
    let output = keeper(&["log", "dump", "/nothere"], "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn status_says_whether_a_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let port = server.address.port();
    let configuration = folder.path().join("zoo.cfg");
    let output = keeper(&["status", configuration.to_str().unwrap()], "");
    let found =
        format!("Client port found: {port}. Client address: localhost. Client SSL: false.\n");
    assert_eq!(text(&output.stdout), format!("{found}Mode: standalone\n"));
    let output = keeper(&["status", "--json", "--server", &address(&server)], "");
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&status["mode"], &status["read_only"]), (&"standalone".into(), &false.into()));
    assert!(status["node_count"].as_i64() >= Some(4), "{status}");
    drop(server.kill());
    let output = keeper(&["status", configuration.to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(1));
    let error = "Error contacting service. It is probably not running.\n";
    assert_eq!(text(&output.stdout), format!("{found}{error}"));
}
