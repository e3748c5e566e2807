//! Apache's own programs on files written here, and the reverse. Skipped where they are not
//! installed: see `scripts/test-services`.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use keeper_disk::Zxid;
use keeper_disk::disk::{Disk, RealDisk};
use keeper_disk::layout::Layout;
use keeper_disk::log::{LogOptions, LogWriter, Replay};
use keeper_disk::snapshot::{
    self, Compression, Digest, SnapshotReader, SnapshotWriter, WriteOptions,
};

use crate::tree::Tree;

/// Folders of `ApacheFiles`, in its order.
const METHODS: [&str; 3] = ["gz", "none", "snappy"];

/// Java and Apache's jars.
struct Apache {
    jars: PathBuf,
}

impl Apache {
    /// `None`, and a line that says so, where they are not installed.
    fn find() -> Option<Apache> {
        let jars = cache().join("riverkeeper/test-services/zookeeper");
        let has_jar = |name: &str| {
            let files = fs::read_dir(&jars).into_iter().flatten().flatten();
            files.map(|file| file.file_name()).any(|f| f.to_string_lossy().starts_with(name))
        };
        if has_jar("zookeeper-3") && has_jar("commons-cli") && has_jar("snappy-java") {
            return Some(Apache { jars });
        }
        // Not by `println`, which is shown for failed tests only.
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nskipped: Apache ZooKeeper's jars are not installed").unwrap();
        None
    }

    /// Runs a class or source file; its output.
    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new("java")
            .args(["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp"])
            .arg(self.jars.join("*"))
            .args(arguments)
            .output()
            .unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        out.into_owned()
    }

    /// What a server finds in the folders of a folder, or has written there.
    fn files(&self, verb: &str, folder: &Path) -> String {
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/zookeeper/ApacheFiles.java");
        self.run(&[&source.to_string_lossy(), verb, &folder.to_string_lossy()])
    }
}

fn cache() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or_else(home).unwrap_or_else(env::temp_dir)
}

fn disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

/// What we find in a folder, in the words of `ApacheFiles`, whose count has the root twice.
fn line(layout: &Layout) -> String {
    let newest = snapshot::newest_valid(&RealDisk, &layout.snap_dir, Zxid(i64::MAX)).unwrap();
    let path = layout.snap_dir.join(newest.unwrap().name);
    let (mut tree, sessions) = Tree::read(&RealDisk, &path).unwrap();
    let after = keeper_disk::FileName::parse(path.file_name().unwrap().to_str().unwrap());
    let mut replay = Replay::open(disk(), &layout.log_dir, after.unwrap().zxid).unwrap();
    while replay.advance().unwrap() {
        tree.apply(replay.txn());
    }
    let zxid = replay.finish().unwrap().last;
    let (nodes, digest) = (tree.nodes.len() + 1, tree.digest());
    let name = layout.snap_dir.parent().unwrap().file_name().unwrap().to_string_lossy();
    format!("{name} zxid={} nodes={nodes} digest={digest} sessions={sessions}\n", zxid.0)
}

/// Writes what is in one folder to another, with our writers, up to the point of a crash: the last
/// log is not closed.
fn copy(from: &Layout, to: &Layout, compression: Compression) {
    to.open(&RealDisk, true).unwrap();
    for file in snapshot::list(&RealDisk, &from.snap_dir).unwrap() {
        let path = from.snap_dir.join(&file.name);
        let mut reader = SnapshotReader::open(&RealDisk, &path).unwrap();
        let tail = snapshot::verify(&RealDisk, &path).unwrap().tail;
        let (sessions, acls) = (reader.sessions().to_vec(), reader.acls().to_vec());
        let acls = acls.iter().map(|(number, list)| (*number, &list[..]));
        let options = WriteOptions { compression };
        let folder = &to.snap_dir;
        let mut writer =
            SnapshotWriter::begin(disk(), folder, file.zxid, options, &sessions, acls).unwrap();
        while reader.advance().unwrap() {
            writer.node(reader.path(), reader.data(), reader.acl(), reader.stat()).unwrap();
        }
        assert!(matches!(tail.digest, Some(Digest { version: 2, .. })), "{tail:?}");
        writer.finish(tail.digest, tail.last_processed).unwrap();
    }
    let options = LogOptions { preallocate: 1 << 20, ..LogOptions::default() };
    let mut writer = LogWriter::new(disk(), &to.log_dir, Zxid(0), options);
    let preallocator = writer.preallocator();
    let mut replay = Replay::open(disk(), &from.log_dir, Zxid(0)).unwrap();
    while replay.advance().unwrap() {
        let zxid = replay.head().unwrap().zxid;
        writer.append(zxid, replay.txn()).unwrap();
        match zxid.0 {
            300 => drop(writer.roll().unwrap()),
            other if other % 40 == 0 => drop(writer.commit().unwrap()),
            _ => {}
        }
        preallocator.step();
    }
    writer.commit().unwrap();
}

#[test]
fn apache_reads_what_is_written_here_and_the_reverse() {
    let Some(apache) = Apache::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let layouts = |of: &str| {
        METHODS.map(|method| {
            fs::create_dir_all(folder.path().join(of).join(method)).unwrap();
            Layout::new(&folder.path().join(of).join(method), None)
        })
    };
    let (theirs, ours) = (layouts("theirs"), layouts("ours"));
    let written = apache.files("write", &folder.path().join("theirs"));
    assert_eq!(written, theirs.each_ref().map(line).concat(), "theirs");
    for ((method, theirs), ours) in METHODS.iter().zip(&theirs).zip(&ours) {
        copy(theirs, ours, Compression::of_option(method));
    }
    assert_eq!(written, ours.each_ref().map(line).concat(), "ours");
    assert_eq!(written, apache.files("read", &folder.path().join("ours")));
    dump(&apache, &theirs[1], &ours[1]);
}

/// Apache's offline tools say the same of their files and of ours.
fn dump(apache: &Apache, theirs: &Layout, ours: &Layout) {
    let formatter = "org.apache.zookeeper.server.SnapshotFormatter";
    let of = |layout: &Layout| layout.snap_dir.join("snapshot.c8").to_string_lossy().into_owned();
    let without_name = |text: String| text.lines().skip(1).collect::<Vec<_>>().join("\n");
    let expected = apache.run(&[formatter, "-d", &of(theirs)]);
    assert!(expected.contains("/n200"), "{expected}");
    let found = apache.run(&[formatter, "-d", &of(ours)]);
    assert_eq!(without_name(found), without_name(expected));

    let toolkit = "org.apache.zookeeper.server.persistence.TxnLogToolkit";
    let mut entries = 0;
    for name in ["log.1", "log.12d"] {
        let path = ours.log_dir.join(name).to_string_lossy().into_owned();
        let text = apache.run(&[toolkit, "-d", &path]);
        assert!(!text.contains("CRC ERROR"), "{text}");
        entries += text.lines().filter(|line| line.contains("zxid")).count();
    }
    assert_eq!(entries, 500);
}
