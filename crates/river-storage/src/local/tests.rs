use std::fs;
use std::io::Write;

use super::{Local, write_exclusively};
use crate::{Error, ErrorKind, ObjectWriter, Storage, join};

#[test]
fn unfinished_objects_are_temporary_files() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    let path = join(dir, "a/b/object");
    let mut writer = Local.create(&path).unwrap();
    writer.write_all(b"some").unwrap();
    writer.flush().unwrap();
    assert!(Local.list(dir, true).unwrap().is_empty());
    let unfinished = Local.list_unfinished(dir).unwrap();
    assert_eq!(unfinished.len(), 1);
    assert_eq!(unfinished[0].size, 4);
    drop(writer);
    assert!(Local.list_unfinished(dir).unwrap().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_stays_told() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = join(dir.path().to_str().unwrap(), "object");
    let mut writer = super::LocalWriter::begin(&path).unwrap();
    writer.file = super::State::Open(std::io::BufWriter::with_capacity(8, full));
    let error = writer.write_all(b"more than eight bytes").unwrap_err();
    let error = Error::from_io(error, "write", "x");
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(error.uri().ends_with("/object"), "{error}");
    assert!(writer.write_all(b"x").is_err(), "a failed object takes no more bytes");
    assert!(Box::new(writer).finish().is_err());
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn names_are_taken_exclusively_without_links_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = join(dir.path().to_str().unwrap(), "object");
    write_exclusively(&path, b"first").unwrap();
    let error = write_exclusively(&path, b"second").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"first");
}

#[cfg(unix)]
#[test]
fn links_are_listed_and_not_followed_into_folders() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    Local.put(&join(dir, "sub/object"), b"1").unwrap();
    std::os::unix::fs::symlink(dir, join(dir, "sub/round")).unwrap();
    std::os::unix::fs::symlink("nowhere", join(dir, "sub/dangling")).unwrap();
    std::os::unix::fs::symlink("object", join(dir, "sub/other")).unwrap();
    let names = |recursive, folder: &str| -> Vec<String> {
        let entries = Local.list(&join(dir, folder), recursive).unwrap();
        entries.iter().map(|entry| entry.name().to_owned()).collect()
    };
    assert_eq!(names(true, ""), ["object", "other"]);
    assert_eq!(names(false, "sub"), ["object", "other", "round"]);
}
