//! The data folders of Apache ZooKeeper's own tests, in `testdata/zookeeper/data`.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::GzDecoder;
use keeper_disk::disk::{Disk, RealDisk};
use keeper_disk::layout::Layout;
use keeper_disk::log::{LogFileReader, LogOptions, LogWriter, Replay, truncate};
use keeper_disk::snapshot::{self, SnapshotWriter, WriteOptions};
use keeper_disk::start::{Start, StartOptions, decide};
use keeper_disk::{Error, Zxid, purge};

use crate::tree::Tree;

/// A copy of a folder of fixtures: its `version-2` in a folder of its own.
struct Data {
    folder: tempfile::TempDir,
}

impl Data {
    fn of(name: &str) -> Data {
        let from = fixtures().join(name).join("version-2");
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("version-2");
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            fs::write(to.join(path.file_stem().unwrap()), unpacked(&path)).unwrap();
        }
        Data { folder }
    }

    fn layout(&self) -> Layout {
        Layout::new(self.folder.path(), None)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.layout().log_dir.join(name)
    }

    fn remove(&self, names: &[&str]) {
        names.iter().for_each(|name| fs::remove_file(self.path(name)).unwrap());
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/zookeeper/data")
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

/// Entries of one file, by operation, and the last number.
fn count(path: &Path) -> (usize, usize, Zxid) {
    let mut reader = LogFileReader::open(&RealDisk, path).unwrap();
    let (mut creates, mut sessions, mut last) = (0, 0, Zxid(0));
    while reader.advance().unwrap() {
        let header = reader.head().unwrap();
        match header.op {
            1 => creates += 1,
            -10 => sessions += 1,
            op => panic!("operation {op}"),
        }
        last = header.zxid;
    }
    (sessions, creates, last)
}

fn replay(tree: &mut Tree, folder: &Path, after: Zxid, to: Zxid) {
    let mut replay = Replay::open(disk(), folder, after).unwrap();
    while replay.advance().unwrap() && replay.head().unwrap().zxid <= to {
        tree.apply(replay.txn());
    }
}

#[test]
fn logs_hold_what_apache_wrote() {
    let data = Data::of("invalidsnap");
    assert_eq!(count(&data.path("log.1")), (1, 626, Zxid(0x273)));
    assert_eq!(count(&data.path("log.274")), (0, 967, Zxid(0x63a)));
    assert_eq!(count(&data.path("log.63b")), (0, 517, Zxid(0x83f)));
}

#[test]
fn snapshots_hold_what_apache_wrote() {
    let data = Data::of("invalidsnap");
    for (name, sessions, nodes, digest) in [
        ("snapshot.0", 0, 3, 1371985504),
        ("snapshot.272", 1, 628, 1370709949661),
        ("snapshot.273", 1, 629, 1374008285807),
        ("snapshot.639", 1, 1595, 3439518639896),
    ] {
        let (tree, found) = Tree::read(&RealDisk, &data.path(name)).unwrap();
        assert_eq!((found, tree.nodes.len(), tree.digest()), (sessions, nodes, digest), "{name}");
        assert!(snapshot::looks_complete(&RealDisk, &data.path(name)).unwrap());
    }
    let data = Data::of("buffersize/snapshot");
    let (tree, _) = Tree::read(&RealDisk, &data.path("snapshot.2")).unwrap();
    assert_eq!(tree.digest(), 2977255962);
}

#[test]
fn the_log_leads_from_one_snapshot_to_the_next() {
    let data = Data::of("invalidsnap");
    let folder = data.layout().log_dir;
    let read = |name: &str| Tree::read(&RealDisk, &data.path(name)).unwrap().0;
    // Not a part of the sequence, but damaged on purpose.
    data.remove(&["log.42"]);
    let mut tree = read("snapshot.0");
    replay(&mut tree, &folder, Zxid(0), Zxid(0x272));
    assert!(tree == read("snapshot.272"));
    replay(&mut tree, &folder, Zxid(0x272), Zxid(0x639));
    assert!(tree == read("snapshot.639"));
    replay(&mut tree, &folder, Zxid(0x639), Zxid(i64::MAX));
    let end = Replay::open(disk(), &folder, Zxid(0x639)).unwrap().finish().unwrap();
    assert_eq!((end.last, end.entries, end.torn), (Zxid(0x83f), 518, None));
}

#[test]
fn a_snapshot_cut_short_is_passed_over() {
    let data = Data::of("invalidsnap");
    let layout = data.layout();
    layout.open(&RealDisk, true).unwrap();
    let start = decide(&RealDisk, &layout, StartOptions::default()).unwrap();
    let Start::Snapshots(candidates) = start else { panic!("{start:?}") };
    let zxids: Vec<i64> = candidates.iter().map(|file| file.zxid.0).collect();
    // Its last bytes happen to be those of a seal: only reading shows what it lacks.
    assert_eq!(zxids, [0x83f, 0x639, 0x273, 0x272, 0]);
    let newest = snapshot::newest_valid(&RealDisk, &layout.snap_dir, Zxid(i64::MAX)).unwrap();
    assert_eq!(newest.unwrap().zxid, Zxid(0x639));
    assert!(
        snapshot::verify(&RealDisk, &data.path("snapshot.83f")).unwrap_err().damage().is_some()
    );
}

#[test]
fn a_wrong_checksum_is_refused() {
    let data = Data::of("invalidsnap");
    data.remove(&["log.1", "log.274", "log.63b"]);
    let mut reader = LogFileReader::open(&RealDisk, &data.path("log.42")).unwrap();
    let mut sound = 0;
    while reader.advance().unwrap() {
        sound += 1;
    }
    assert!(sound < 3);
    let replay = Replay::open(disk(), &data.layout().log_dir, Zxid(0x41));
    let error = replay.unwrap().finish().unwrap_err();
    let damage = error.damage().unwrap_or_else(|| panic!("{error}"));
    assert!(damage.what.contains("checksum is wrong"), "{damage}");
    assert_eq!(damage.file, data.path("log.42"));
}

#[test]
fn a_format_before_version_2_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["log.100000001", "snapshot.100000000"] {
        let bytes = unpacked(&fixtures().join("upgrade").join(format!("{name}.gz")));
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let replay = Replay::open(disk(), folder.path(), Zxid(0x1_0000_0000));
    assert!(replay.unwrap().finish().unwrap_err().to_string().contains("no header"));
    let path = folder.path().join("snapshot.100000000");
    assert!(snapshot::verify(&RealDisk, &path).unwrap_err().to_string().contains("no header"));
}

#[test]
fn a_snapshot_written_again_is_the_same_bytes() {
    let data = Data::of("invalidsnap");
    for (name, zxid) in [("snapshot.0", 0), ("snapshot.272", 0x272), ("snapshot.639", 0x639)] {
        let path = data.path(name);
        let mut reader = snapshot::SnapshotReader::open(&RealDisk, &path).unwrap();
        let to = tempfile::tempdir().unwrap();
        let acls = reader.acls().to_vec();
        let acls = acls.iter().map(|(number, list)| (*number, &list[..]));
        let sessions = reader.sessions().to_vec();
        let options = WriteOptions::default();
        let mut writer =
            SnapshotWriter::begin(disk(), to.path(), Zxid(zxid), options, &sessions, acls).unwrap();
        while reader.advance().unwrap() {
            writer.node(reader.path(), reader.data(), reader.acl(), reader.stat()).unwrap();
        }
        writer.finish(None, None).unwrap();
        assert!(fs::read(path).unwrap() == fs::read(to.path().join(name)).unwrap(), "{name}");
    }
}

#[test]
fn a_log_written_again_is_the_same_bytes_but_for_zeros() {
    let data = Data::of("invalidsnap");
    for name in ["log.1", "log.274", "log.63b"] {
        let mut reader = LogFileReader::open(&RealDisk, &data.path(name)).unwrap();
        let to = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::new(disk(), to.path(), Zxid(0), LogOptions::default());
        while reader.advance().unwrap() {
            writer.append(reader.head().unwrap().zxid, reader.txn()).unwrap();
        }
        writer.roll().unwrap();
        let ours = fs::read(to.path().join(name)).unwrap();
        let apache = fs::read(data.path(name)).unwrap();
        assert!(apache[..ours.len()] == ours, "{name}");
        assert!(apache[ours.len()..].iter().all(|byte| *byte == 0), "{name}");
    }
}

#[test]
fn the_log_goes_back_to_a_transaction() {
    let data = Data::of("invalidsnap");
    let layout = data.layout();
    data.remove(&["log.42"]);
    assert!(matches!(truncate(&disk(), &layout, Zxid(0x840)), Err(Error::NotInLog(_))));
    assert!(matches!(truncate(&disk(), &layout, Zxid(0)), Err(Error::NotInLog(_))));
    assert!(data.path("log.63b").exists());
    assert_eq!(truncate(&disk(), &layout, Zxid(0x300)).unwrap(), Zxid(0x273));
    for gone in ["log.63b", "snapshot.639", "snapshot.83f"] {
        assert!(!data.path(gone).exists(), "{gone}");
    }
    let end = Replay::open(disk(), &layout.log_dir, Zxid(0)).unwrap().finish().unwrap();
    assert_eq!((end.last, end.torn), (Zxid(0x300), None));
    let mut writer = LogWriter::new(disk(), &layout.log_dir, end.last, LogOptions::default());
    let txn = {
        let mut reader = LogFileReader::open(&RealDisk, &data.path("log.1")).unwrap();
        reader.advance().unwrap();
        let mut txn = reader.txn().to_vec();
        txn[12..20].copy_from_slice(&0x301i64.to_be_bytes());
        txn
    };
    writer.append(Zxid(0x301), &txn).unwrap();
    writer.commit().unwrap();
    let end = Replay::open(disk(), &layout.log_dir, Zxid(0)).unwrap().finish().unwrap();
    assert_eq!(end.last, Zxid(0x301));
    // To the end of a file that has one after it.
    truncate(&disk(), &layout, Zxid(0x273)).unwrap();
    assert!(data.path("log.1").exists() && !data.path("log.274").exists());
}

#[test]
fn purging_keeps_what_the_kept_snapshots_need() {
    let data = Data::of("invalidsnap");
    let layout = data.layout();
    let mut removed: Vec<String> = purge::purge(&RealDisk, &layout, 1)
        .unwrap()
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    removed.sort();
    // 0x639, 0x273 and 0x272 are sound; log.42 is the newest log that begins before the last.
    assert_eq!(removed, ["log.1", "snapshot.0"]);
    assert!(data.path("snapshot.83f").exists());
}
