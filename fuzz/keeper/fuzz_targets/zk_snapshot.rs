//! A snapshot on disk, plain or compressed, as a server reads it at its start. The input's first
//! byte chooses the compression.
//!
//! It is read to its end, or refused; what was read of it as a tree is written and read again as
//! the same, also where the input's own seals are wrong.

#![no_main]

use std::path::Path;
use std::sync::Arc;

use keeper_core::tree::{Tree, TreeBuilder, TreeOptions, Walk};
use keeper_disk::sim::SimDisk;
use keeper_disk::snapshot::{self, Compression, SnapshotReader, SnapshotWriter, WriteOptions};
use libfuzzer_sys::fuzz_target;
use zk_wire::{SessionId, Zxid};

const METHODS: [&str; 3] = ["", "gz", "snappy"];

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let compression = Compression::of_option(METHODS[usize::from(*first) % METHODS.len()]);
    let folder = Path::new("data");
    let name = keeper_disk::FileName::snapshot(Zxid(5), compression.extension());
    let path = folder.join(name);
    let disk = SimDisk::new();
    disk.put(&path, bytes.to_vec());
    let _ = snapshot::looks_complete(&disk, &path).expect("the disk is sound");
    let is_valid = snapshot::is_valid(&disk, &path).expect("the disk is sound");
    let Some((tree, sessions)) = read(&disk, &path, is_valid) else { return };
    assert_eq!(tree.digest(), tree.digest_from_scratch());

    let acls = tree.acls();
    let acls = acls.iter().map(|(number, list)| (*number, &list[..]));
    let options = WriteOptions { compression };
    let folder = Path::new("again");
    let disk = Arc::new(disk);
    let mut writer =
        SnapshotWriter::begin(disk.clone(), folder, Zxid(5), options, &sessions, acls).unwrap();
    let mut walk: Walk = tree.walk();
    while !walk.advance(&tree, 1000, |path, data, acl, stat| {
        writer.node(path, data, acl, stat).unwrap();
    }) {}
    let file = writer.finish(None, Some(Zxid(7))).unwrap();
    let (again, sessions_again) = read(&disk, &folder.join(file.name), true).expect("our own");
    assert_eq!(again.digest(), tree.digest());
    assert_eq!(again.node_count(), tree.node_count());
    assert_eq!(sessions_again, sessions);
});

/// The tree of a snapshot, up to where it goes wrong unless it must be sound.
fn read(disk: &SimDisk, path: &Path, is_valid: bool) -> Option<(Tree, Vec<(SessionId, i32)>)> {
    let mut reader = match SnapshotReader::open(disk, path) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(!is_valid && !error.to_string().is_empty(), "{error}");
            return None;
        }
    };
    let sessions = reader.sessions().to_vec();
    let lists = reader.acls().iter().map(|(number, list)| (*number, &list[..]));
    let mut builder = TreeBuilder::new(TreeOptions::default(), lists);
    loop {
        match reader.advance() {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                assert!(!is_valid, "{error}");
                break;
            }
        }
        // A whole file may still be no tree.
        builder.node(reader.path(), reader.data(), reader.acl(), reader.stat()).ok()?;
    }
    Some((builder.finish(Zxid(5), None).ok()?, sessions))
}
