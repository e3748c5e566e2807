use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::expect;
use proptest::prelude::*;
use zk_wire::SessionId;
use zk_wire::acl::{Acl, Id};
use zk_wire::stat::StatPersisted;

use super::*;
use crate::sim::SimDisk;

fn stat(number: i64) -> StatPersisted {
    StatPersisted {
        czxid: Zxid(number),
        mzxid: Zxid(number + 1),
        ctime: number * 1000,
        mtime: number * 1000 + 1,
        version: 1,
        cversion: 2,
        aversion: 3,
        ephemeral_owner: number % 2,
        pzxid: Zxid(number + 2),
    }
}

const DIGEST: Digest = Digest { zxid: Zxid(0x17), version: 2, digest: 1371985504 };

fn folder() -> PathBuf {
    PathBuf::from("version-2")
}

/// A snapshot of `nodes` nodes, the largest of 100,000 bytes.
fn write(disk: &SimDisk, compression: Compression, nodes: i64, tail: Tail) -> PathBuf {
    let list = [Acl { perms: 31, id: Id::new("digest", "user:hash") }];
    let options = WriteOptions { compression };
    let mut writer = SnapshotWriter::begin(
        Arc::new(disk.clone()),
        &folder(),
        Zxid(0x17),
        options,
        &[(SessionId(0x1_0000), 4000), (SessionId(-5), 30_000)],
        [(1, &list[..])].into_iter(),
    )
    .unwrap();
    writer.node("", None, -1, &stat(0)).unwrap();
    for number in 1..nodes {
        let data = vec![number as u8; if number == 7 { 100_000 } else { number as usize }];
        writer.node(&format!("/n{number}"), Some(&data), 1, &stat(number)).unwrap();
    }
    let file = writer.finish(tail.digest, tail.last_processed).unwrap();
    folder().join(file.name)
}

fn tails() -> [Tail; 4] {
    let last_processed = Some(Zxid(0x19));
    [
        Tail { digest: Some(DIGEST), last_processed },
        Tail { digest: Some(DIGEST), last_processed: None },
        Tail { digest: None, last_processed },
        Tail::default(),
    ]
}

#[test]
fn what_is_written_is_read() {
    for compression in [Compression::None, Compression::Gzip, Compression::Snappy] {
        for tail in tails() {
            let disk = SimDisk::new();
            let path = write(&disk, compression, 300, tail);
            assert!(looks_complete(&disk, &path).unwrap());
            let mut reader = SnapshotReader::open(&disk, &path).unwrap();
            assert_eq!(reader.sessions(), [(SessionId(0x1_0000), 4000), (SessionId(-5), 30_000)]);
            assert_eq!(reader.acls()[0].1[0].id.scheme.as_ref().unwrap().as_str(), "digest");
            assert!(reader.advance().unwrap());
            assert_eq!((reader.path(), reader.data(), reader.acl()), ("", None, -1));
            for number in 1..300 {
                assert!(reader.advance().unwrap());
                assert_eq!(reader.path(), format!("/n{number}"));
                let len = if number == 7 { 100_000 } else { number as usize };
                assert!(reader.data() == Some(&vec![number as u8; len][..]));
                assert_eq!((reader.acl(), *reader.stat()), (1, stat(number)));
            }
            assert!(!reader.advance().unwrap());
            assert_eq!(reader.finish().unwrap(), tail);
        }
    }
}

#[test]
fn names_say_the_compression() {
    let disk = SimDisk::new();
    for compression in [Compression::None, Compression::Gzip, Compression::Snappy] {
        write(&disk, compression, 3, Tail::default());
    }
    let mut names = crate::disk::Disk::list(&disk, &folder()).unwrap();
    names.sort();
    assert_eq!(names, ["snapshot.17", "snapshot.17.gz", "snapshot.17.snappy"]);
    assert_eq!(Compression::of_option("GZ"), Compression::Gzip);
    assert_eq!(Compression::of_option("zstd"), Compression::None);
}

/// Everything in a snapshot, if it is sound.
fn everything(disk: &SimDisk, path: &Path) -> Option<String> {
    let mut reader = SnapshotReader::open(disk, path).ok()?;
    let mut all = format!("{:?} {:?}", reader.sessions(), reader.acls());
    while reader.advance().ok()? {
        let (acl, stat) = (reader.acl(), reader.stat());
        all.push_str(&format!("{} {:?} {acl} {stat:?}", reader.path(), reader.data()));
    }
    Some(format!("{all}{:?}", reader.finish().ok()?))
}

#[test]
fn every_cut_and_every_changed_byte_is_found() {
    for compression in [Compression::None, Compression::Gzip, Compression::Snappy] {
        let disk = SimDisk::new();
        let path = write(&disk, compression, 4, tails()[0]);
        let (sound, all) = (disk.contents(&path).unwrap(), everything(&disk, &path));
        for at in 0..sound.len() {
            disk.put(&path, sound[..at].to_vec());
            // Without its last parts a snapshot is one of a server that writes none.
            let whole = compression == Compression::None && [54, 21].contains(&(sound.len() - at));
            assert_eq!(everything(&disk, &path).is_some(), whole, "{compression:?} cut at {at}");
            let mut changed = sound.clone();
            changed[at] ^= 0x10;
            disk.put(&path, changed);
            // Other compressed bytes may stand for the same.
            let found = everything(&disk, &path);
            let same = compression != Compression::None && found == all;
            assert!(same || found.is_none(), "{compression:?} changed at {at}");
        }
    }
}

#[test]
fn damage_says_where_and_what_helps() {
    let disk = SimDisk::new();
    let path = write(&disk, Compression::None, 4, Tail::default());
    let mut bytes = disk.contents(&path).unwrap();
    bytes[200] ^= 1;
    disk.put(&path, bytes.clone());
    expect!["version-2/snapshot.17 is damaged at offset 424: the seal after the nodes is 38792cd1, but the bytes before it give 394c2cd2; an older snapshot with the log after it replaces it: `keeper snapshot verify version-2/snapshot.17` shows what it still holds"]
    .assert_eq(&verify(&disk, &path).unwrap_err().to_string());
    bytes.truncate(300);
    disk.put(&path, bytes);
    assert!(!looks_complete(&disk, &path).unwrap());
    assert!(verify(&disk, &path).unwrap_err().to_string().contains("bytes too early"));
}

#[test]
fn the_newest_sound_one_is_found() {
    let disk = SimDisk::new();
    write(&disk, Compression::None, 3, Tail::default());
    let sound = disk.contents(&folder().join("snapshot.17")).unwrap();
    for zxid in [5, 9, 0x20] {
        disk.put(&folder().join(FileName::snapshot(Zxid(zxid), "")), sound.clone());
    }
    disk.put(&folder().join("snapshot.30"), sound[..sound.len() - 1].to_vec());
    disk.put(&folder().join("partial.snapshot.40"), sound.clone());
    disk.put(&folder().join("snapshot.50.tmp"), sound.clone());
    let newest = |up_to| newest_valid(&disk, &folder(), Zxid(up_to)).unwrap().map(|f| f.zxid.0);
    assert_eq!(newest(i64::MAX), Some(0x20));
    assert_eq!(newest(0x1f), Some(0x17));
    assert_eq!(newest(4), None);
}

#[test]
fn without_its_end_there_is_no_snapshot() {
    let disk = SimDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = WriteOptions::default();
    let begin =
        || SnapshotWriter::begin(disk.clone(), &folder(), Zxid(1), options, &[], [].into_iter());
    let mut writer = begin().unwrap();
    writer.node("", None, -1, &stat(0)).unwrap();
    drop(writer);
    assert!(list(&*disk, &folder()).unwrap().is_empty());
    let layout = crate::layout::Layout::new(Path::new(""), None);
    layout.open(&*disk, true).unwrap();
    assert!(disk.list(&folder()).unwrap().is_empty());
    begin().unwrap().abandon().unwrap();
    assert!(disk.list(&folder()).unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        kind in 0..3usize,
        with_head in any::<bool>(),
    ) {
        let names = ["snapshot.1", "snapshot.1.gz", "snapshot.1.snappy"];
        let heads: [&[u8]; 3] = [
            b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
            b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01",
        ];
        let disk = SimDisk::new();
        let mut file = if with_head { heads[kind].to_vec() } else { Vec::new() };
        file.extend_from_slice(&bytes);
        disk.put(Path::new(names[kind]), file);
        prop_assert!(!is_valid(&disk, Path::new(names[kind])).unwrap());
    }
}
