//! Disks that are full, read-only, or fail: a server stops serving at once and says why; what it
//! has acknowledged is there when the disk is mended, and nothing was acknowledged that is not.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use zk_wire::create_mode::CreateMode;

use crate::client::{Client, create};
use crate::server::{Server, Settings};

/// Writes until the server is gone; the nodes that were acknowledged.
fn write_until_the_end(server: &Server, bytes: usize) -> usize {
    // A session is a write, too.
    let Ok(mut client) = Client::connect(server.address) else { return 0 };
    let data = vec![b'x'; bytes];
    let mut acknowledged = 0;
    for number in 0..10_000 {
        let sent = client.send(&create(&format!("/n{number}"), &data, CreateMode::Persistent));
        if sent.is_err() {
            break;
        }
        // Two at once, so that one is under way when the disk fails.
        if number > 0 {
            match client.answer() {
                Ok(answer) => assert_eq!(answer.header.err, 0),
                Err(_) => break,
            }
            acknowledged += 1;
        }
    }
    assert!(acknowledged < 9_999, "the disk never failed");
    acknowledged
}

/// Exactly those that were acknowledged are there, and perhaps those under way.
fn check_found(settings: &Settings, acknowledged: usize) {
    let server = settings.start();
    let mut client = Client::connect(server.address).unwrap();
    let found = client.children("/").unwrap().iter().filter(|name| name.starts_with('n')).count();
    assert!(found >= acknowledged, "{found} of {acknowledged}");
    assert!(found <= acknowledged + 2, "{found} of {acknowledged}");
    for number in 0..found {
        client.exists(&format!("/n{number}")).unwrap();
    }
    client.create("/goes-on", b"", CreateMode::Persistent).unwrap();
}

/// It has ended by itself, with a code that is no success, and with a reason.
fn check_ended(server: Server, reason: &str) -> Settings {
    let (settings, status) = server.ends();
    assert!(status.code().is_some_and(|code| code != 0), "{status}: {}", settings.log());
    let log = settings.log();
    assert!(log.contains(reason), "no word of {reason:?}: {log}");
    settings
}

fn skip(why: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nskipped: {why}").unwrap();
}

/// No file may grow beyond a limit, which is what a quota or a full disk is to a program.
#[test]
fn a_file_that_cannot_grow() {
    let folder = tempfile::tempdir().unwrap();
    let limited = Settings::new(folder.path())
        .line("preAllocSize=64")
        // In blocks of 512 bytes: 2 MB.
        .before("trap '' XFSZ; ulimit -f 4096");
    let server = limited.start();
    let acknowledged = write_until_the_end(&server, 50_000);
    assert!(acknowledged > 20, "{acknowledged}");
    let mut settings = check_ended(server, "File too large");
    settings.before.clear();
    check_found(&settings, acknowledged);
}

/// Whether mounts can be made for one process.
fn can_mount() -> bool {
    let tried =
        Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    let can = tried.is_ok_and(|output| output.status.success());
    if !can {
        skip("no mounts without unshare and its rights");
    }
    can
}

fn within_mounts(settings: Settings, shell: &str) -> Settings {
    let within = ["unshare", "-m"].map(str::to_owned).to_vec();
    Settings { within, ..settings.before(shell) }
}

#[test]
fn a_full_disk() {
    if !can_mount() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new(folder.path()).line("preAllocSize=64");
    let data = settings.data_dir();
    fs::create_dir_all(&data).unwrap();
    let shell = format!("mount -t tmpfs -o size=4m tmpfs {} || exit 77", data.display());
    let server = within_mounts(settings, &shell).start();
    let acknowledged = write_until_the_end(&server, 50_000);
    assert!(acknowledged > 20, "{acknowledged}");
    check_ended(server, "No space left on device");
}

#[test]
fn a_read_only_disk() {
    if !can_mount() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new(folder.path());
    let server = settings.start();
    Client::connect(server.address).unwrap().create("/n0", b"", CreateMode::Persistent).unwrap();
    server.stop();
    let data = settings.data_dir();
    let shell =
        format!("mount --bind {0} {0} && mount -o remount,bind,ro {0} || exit 77", data.display());
    let read_only = within_mounts(settings.clone(), &shell);
    let status = read_only.fail();
    assert!(status.code().is_some_and(|code| code != 0 && code != 77), "{status}");
    let log = settings.log();
    assert!(log.contains("Read-only file system"), "{log}");
    assert!(log.contains(&data.display().to_string()), "{log}");
    check_found(&settings, 1);
}

/// Makes `fdatasync` fail from the call of a number on, in whatever program it is loaded into.
const FAILING: &str = r#"
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int calls;

int fdatasync(int file) {
    const char *limit = getenv("FAIL_AFTER");
    if (limit && __sync_add_and_fetch(&calls, 1) > atoi(limit)) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_fdatasync, file);
}
"#;

fn failing_library(folder: &Path) -> Option<String> {
    let (source, library) = (folder.join("failing.c"), folder.join("failing.so"));
    fs::write(&source, FAILING).unwrap();
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    if built.is_ok_and(|status| status.success()) {
        return Some(library.display().to_string());
    }
    skip("no C compiler for a failing fdatasync");
    None
}

#[test]
fn an_fsync_that_fails() {
    for limit in [6, 40] {
        let folder = tempfile::tempdir().unwrap();
        let Some(library) = failing_library(folder.path()) else { return };
        let mut settings = Settings::new(folder.path()).line("preAllocSize=64");
        settings.variables.push(("LD_PRELOAD".to_owned(), library));
        settings.variables.push(("FAIL_AFTER".to_owned(), limit.to_string()));
        let server = settings.start();
        let acknowledged = write_until_the_end(&server, 100);
        // Two writes may share one.
        assert!(acknowledged <= 2 * limit, "{acknowledged}");
        let mut settings = check_ended(server, "Input/output error");
        settings.variables.clear();
        check_found(&settings, acknowledged);
    }
}

#[test]
fn two_servers_on_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let server = Settings::new(folder.path()).start();
    let second = Settings { port: crate::server::free_port(), ..server.settings().clone() };
    let status = second.fail();
    assert_eq!(status.code(), Some(3), "{}", second.log());
    assert!(second.log().contains("another server runs on"));
    let mut client = Client::connect(server.address).unwrap();
    client.create("/n", b"", CreateMode::Persistent).unwrap();
}
