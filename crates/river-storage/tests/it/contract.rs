//! What every back end must do, as one list of checks below a fresh folder.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use river_storage::{Entry, Error, ErrorKind, ObjectReader, Storage, join, open};

type Check = fn(&Arc<dyn Storage>, &str);

const CHECKS: &[(&str, Check)] = &[
    ("put", put),
    ("put-new", put_new),
    ("put-new-race", put_new_race),
    ("create", create),
    ("create-empty", create_empty),
    ("create-large", create_large),
    ("create-replaces", create_replaces),
    ("dropped", dropped),
    ("missing", missing),
    ("ranges", ranges),
    ("list", list),
    ("delete", delete),
    ("names", names),
    ("parallel", parallel),
];

/// Runs all checks below the folder `uri`, each in a folder of its own.
pub fn check(uri: &str, options: &BTreeMap<String, String>) {
    let (storage, root) = open(uri, options).unwrap();
    assert!(storage.display(&root).contains(root.trim_matches('/')));
    for (name, check) in CHECKS {
        let dir = join(&root, name);
        check(&storage, &dir);
        storage.delete_dir(&dir).unwrap();
        assert_eq!(storage.list(&dir, true).unwrap(), [], "{name}: nothing is left");
        assert_eq!(storage.list_unfinished(&dir).unwrap(), [], "{name}: nothing is left");
    }
    let error = storage.delete_dir("").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

/// The kind of a failure, whose message must name the object.
fn kind<T: std::fmt::Debug>(result: Result<T, Error>, path: &str) -> ErrorKind {
    let error = result.unwrap_err();
    assert!(error.to_string().contains(path), "{error} names {path}");
    error.kind()
}

fn paths(entries: &[Entry], dir: &str) -> Vec<String> {
    let short = |entry: &Entry| {
        let path = entry.path.strip_prefix(dir).unwrap().trim_start_matches('/');
        format!("{path}{}", if entry.is_dir { "/" } else { "" })
    };
    entries.iter().map(short).collect()
}

/// Bytes that differ along the object.
fn pattern(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(step).collect()
}

fn put(storage: &Arc<dyn Storage>, dir: &str) {
    let path = join(dir, "deep/er/object");
    storage.put(&path, b"one").unwrap();
    assert_eq!(storage.read(&path).unwrap(), b"one");
    storage.put(&path, b"another").unwrap();
    assert_eq!(storage.read(&path).unwrap(), b"another");
    assert_eq!(storage.size(&path).unwrap(), 7);
    storage.put(&path, b"").unwrap();
    assert_eq!(storage.read(&path).unwrap(), b"");
    assert_eq!(storage.size(&path).unwrap(), 0);
}

fn put_new(storage: &Arc<dyn Storage>, dir: &str) {
    let path = join(dir, "a/_metadata");
    storage.put_new(&path, b"first").unwrap();
    assert_eq!(kind(storage.put_new(&path, b"second"), &path), ErrorKind::AlreadyExists);
    assert_eq!(storage.read(&path).unwrap(), b"first");
    storage.delete(&path).unwrap();
    storage.put_new(&path, b"third").unwrap();
    assert_eq!(storage.read(&path).unwrap(), b"third");
}

fn put_new_race(storage: &Arc<dyn Storage>, dir: &str) {
    let path = join(dir, "object");
    let results: Vec<_> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..6u8)
            .map(|i| {
                scope.spawn({
                    let path = &path;
                    move || storage.put_new(path, &[i; 100])
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let winners: Vec<usize> = (0..6).filter(|i| results[*i].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{results:?}");
    for result in results {
        if result.is_err() {
            assert_eq!(kind(result, &path), ErrorKind::AlreadyExists);
        }
    }
    assert_eq!(storage.read(&path).unwrap(), [winners[0] as u8; 100]);
    assert_eq!(storage.list_unfinished(dir).unwrap(), []);
}

fn create(storage: &Arc<dyn Storage>, dir: &str) {
    let path = join(dir, "x/y/object");
    let mut writer = storage.create(&path).unwrap();
    writer.write_all(b"hello, ").unwrap();
    writer.flush().unwrap();
    writer.write_all(b"world").unwrap();
    assert_eq!(kind(storage.read(&path), &path), ErrorKind::NotFound);
    assert_eq!(storage.list(dir, true).unwrap(), []);
    assert_eq!(writer.finish().unwrap(), 12);
    assert_eq!(storage.read(&path).unwrap(), b"hello, world");
    assert_eq!(paths(&storage.list(dir, true).unwrap(), dir), ["x/y/object"]);
}

fn create_empty(storage: &Arc<dyn Storage>, dir: &str) {
    let path = join(dir, "object");
    assert_eq!(storage.create(&path).unwrap().finish().unwrap(), 0);
    assert_eq!(storage.read(&path).unwrap(), b"");
    assert_eq!(ObjectReader::whole(storage.clone(), &path).unwrap().remaining(), 0);
}

/// Several parts of a multipart upload, in uneven writes.
fn create_large(storage: &Arc<dyn Storage>, dir: &str) {
    let path = join(dir, "object");
    let bytes = pattern(25_000_003);
    let mut writer = storage.create(&path).unwrap();
    for piece in bytes.chunks(999_983) {
        writer.write_all(piece).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), bytes.len() as u64);
    assert_eq!(storage.size(&path).unwrap(), bytes.len() as u64);
    let mut read = Vec::new();
    let mut reader = ObjectReader::whole(storage.clone(), &path).unwrap();
    reader.read_to_end(&mut read).unwrap();
    assert!(read == bytes, "the object is what was written");
    assert_eq!(reader.remaining(), 0);
    let middle = storage.read_range(&path, 8_388_600..8_388_700).unwrap();
    assert_eq!(middle, &bytes[8_388_600..8_388_700]);
}

fn create_replaces(storage: &Arc<dyn Storage>, dir: &str) {
    let path = join(dir, "object");
    storage.put(&path, b"old").unwrap();
    let mut writer = storage.create(&path).unwrap();
    writer.write_all(b"new and longer").unwrap();
    assert_eq!(storage.read(&path).unwrap(), b"old");
    writer.finish().unwrap();
    assert_eq!(storage.read(&path).unwrap(), b"new and longer");
}

fn dropped(storage: &Arc<dyn Storage>, dir: &str) {
    for (name, length) in [("none", 0), ("small", 10), ("large", 20_000_000)] {
        let path = join(dir, name);
        let mut writer = storage.create(&path).unwrap();
        writer.write_all(&pattern(length)).unwrap();
        drop(writer);
        assert_eq!(kind(storage.size(&path), &path), ErrorKind::NotFound);
    }
    assert_eq!(storage.list(dir, true).unwrap(), []);
    assert_eq!(storage.list_unfinished(dir).unwrap(), []);
}

fn missing(storage: &Arc<dyn Storage>, dir: &str) {
    let path = join(dir, "a/b");
    assert_eq!(kind(storage.read(&path), &path), ErrorKind::NotFound);
    assert_eq!(kind(storage.size(&path), &path), ErrorKind::NotFound);
    assert_eq!(kind(storage.read_range(&path, 0..1), &path), ErrorKind::NotFound);
    assert!(ObjectReader::whole(storage.clone(), &path).is_err());
    storage.delete(&path).unwrap();
    storage.delete_dir(&path).unwrap();
    for recursive in [false, true] {
        assert_eq!(storage.list(&path, recursive).unwrap(), []);
    }
    // A folder is not an object.
    storage.put(&path, b"x").unwrap();
    let folder = join(dir, "a");
    assert_eq!(kind(storage.read(&folder), &folder), ErrorKind::NotFound);
    assert_eq!(kind(storage.size(&folder), &folder), ErrorKind::NotFound);
    assert_eq!(kind(storage.read_range(&folder, 0..1), &folder), ErrorKind::NotFound);
}

fn ranges(storage: &Arc<dyn Storage>, dir: &str) {
    let path = join(dir, "object");
    storage.put(&path, b"0123456789").unwrap();
    let read = |range| storage.read_range(&path, range);
    assert_eq!(read(0..10).unwrap(), b"0123456789");
    assert_eq!(read(3..5).unwrap(), b"34");
    assert_eq!(read(9..10).unwrap(), b"9");
    assert_eq!(read(4..4).unwrap(), b"");
    assert_eq!(kind(read(5..11), &path), ErrorKind::Corrupt);
    assert_eq!(kind(read(20..30), &path), ErrorKind::Corrupt);
    // From a broken index: nothing of that size is reserved.
    assert_eq!(kind(read(1..u64::MAX), &path), ErrorKind::Corrupt);
    let backwards = std::ops::Range { start: 5, end: 4 };
    assert_eq!(kind(read(backwards), &path), ErrorKind::Invalid);
}

fn list(storage: &Arc<dyn Storage>, dir: &str) {
    for name in ["b/1", "b/2/deep", "a", "bb/x", "c/.hidden", "c/.x.tmp"] {
        storage.put(&join(dir, name), name.as_bytes()).unwrap();
    }
    let list = |folder: &str, recursive| {
        let folder = join(dir, folder);
        storage.list(folder.trim_end_matches('/'), recursive).unwrap()
    };
    assert_eq!(paths(&list("", false), dir), ["a", "b/", "bb/", "c/"]);
    assert_eq!(paths(&list("b", false), dir), ["b/1", "b/2/"]);
    let all = list("", true);
    assert_eq!(paths(&all, dir), ["a", "b/1", "b/2/deep", "bb/x", "c/.hidden", "c/.x.tmp"]);
    assert_eq!(paths(&storage.list(&join(dir, "b/"), true).unwrap(), dir), ["b/1", "b/2/deep"]);
    for entry in all {
        assert_eq!(storage.read(&entry.path).unwrap().len() as u64, entry.size);
        // After 2020: a time in milliseconds.
        assert!(entry.modified_ms > 1_577_836_800_000, "{entry:?}");
    }
}

fn delete(storage: &Arc<dyn Storage>, dir: &str) {
    for name in ["keep", "go/1", "go/2/3", "gone"] {
        storage.put(&join(dir, name), b"x").unwrap();
    }
    storage.delete(&join(dir, "gone")).unwrap();
    storage.delete_dir(&join(dir, "go")).unwrap();
    assert_eq!(paths(&storage.list(dir, true).unwrap(), dir), ["keep"]);
    assert_eq!(kind(storage.size(&join(dir, "go/1")), "go/1"), ErrorKind::NotFound);
}

/// Characters that URIs, XML and shells treat in their own ways. HDFS has no `:` in names.
fn names(storage: &Arc<dyn Storage>, dir: &str) {
    let odd = ["a b", "a+b", "a%20b", "ü", "x&y=<z>", "job,2;3", "#hash?", "dt=2026-11-22"];
    for name in odd {
        storage.put(&join(dir, name), name.as_bytes()).unwrap();
        assert_eq!(storage.read(&join(dir, name)).unwrap(), name.as_bytes());
    }
    let mut sorted = odd.to_vec();
    sorted.sort_unstable();
    assert_eq!(paths(&storage.list(dir, true).unwrap(), dir), sorted);
}

/// Many threads, one storage.
fn parallel(storage: &Arc<dyn Storage>, dir: &str) {
    std::thread::scope(|scope| {
        for i in 0..8 {
            scope.spawn(move || {
                let path = join(dir, &format!("{i}/object"));
                let bytes = pattern(10_000 + i);
                let mut writer = storage.create(&path).unwrap();
                writer.write_all(&bytes).unwrap();
                writer.finish().unwrap();
                assert!(storage.read(&path).unwrap() == bytes);
            });
        }
    });
    assert_eq!(storage.list(dir, true).unwrap().len(), 8);
}
