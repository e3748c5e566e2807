//! Random writes, prepared and applied here, applied by Apache's own tree. Skipped where Apache's
//! jars are not installed: see `scripts/test-services`.
//!
//! ```text
//! int transactions, { int length, entry, int error, long digest }*
//! int nodes, { UTF path, UTF stat and data }*
//! ```

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use super::model::Random;
use super::*;

/// Where Apache's jars are, if they are.
fn jars() -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods)] // Where things are installed.
    let of = |name: &str| std::env::var(name).ok().map(PathBuf::from);
    let cache = of("XDG_CACHE_HOME").or_else(|| of("HOME").map(|home| home.join(".cache")))?;
    let jars = cache.join("riverkeeper/test-services/zookeeper");
    let files = std::fs::read_dir(&jars).into_iter().flatten().flatten();
    let mut names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.any(|name| name.starts_with("zookeeper-3")).then_some(jars)
}

#[test]
fn apaches_tree_is_the_same() {
    let Some(jars) = jars() else {
        // Not by `println`, which is shown for failed tests only.
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nskipped: Apache ZooKeeper's jars are not installed").unwrap();
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut expected = String::new();
    let mut command = Command::new("java");
    let testdata = format!("{}/../../testdata/zookeeper", env!("CARGO_MANIFEST_DIR"));
    command.args(["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp"]).arg(jars.join("*"));
    command.arg(format!("{testdata}/ApacheTree.java"));
    for seed in 0..20 {
        let file = folder.path().join(format!("seed {seed}"));
        #[allow(clippy::disallowed_methods)] // A test, no core.
        std::fs::write(&file, written(seed)).unwrap();
        command.arg(file);
        expected += &format!("seed {seed}: same\n");
    }
    let output = command.output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(out, expected);
}

/// Random writes below a quota, and what came of them.
fn written(seed: u64) -> Vec<u8> {
    let mut world = World::new(TreeOptions::default(), PrepOptions::default());
    world.lag = seed as usize % 4;
    let quota = "/zookeeper/quota/a";
    for (path, data) in [
        (quota.to_owned(), ""),
        (format!("{quota}/zookeeper_limits"), "count=3,bytes=5"),
        (format!("{quota}/zookeeper_stats"), ""),
    ] {
        world.run(A, &create(&path, data, CreateMode::Persistent));
    }
    let mut random = Random(seed);
    for _ in 0..400 {
        random.step(&mut world);
    }
    let mut tree = Tree::new(TreeOptions::default());
    let mut out = (world.log.len() as i32).to_bytes().to_vec();
    for entry in &world.log {
        let bytes = entry.to_bytes();
        (bytes.len() as i32).encode(&mut out);
        out.extend_from_slice(&bytes);
        let (applied, _) = tree.apply_entry(entry, &mut ()).unwrap();
        applied.err.encode(&mut out);
        tree.digest().encode(&mut out);
    }
    (tree.node_count() as i32).encode(&mut out);
    tree.walk().advance(&tree, usize::MAX, |path, data, _, _| {
        let s = tree.find(path).unwrap().stat();
        let data = data.map_or("null".into(), String::from_utf8_lossy);
        let longs = [s.czxid.0, s.mzxid.0, s.ctime, s.mtime];
        let ints = [s.version, s.cversion, s.aversion].map(i64::from);
        let rest = [s.ephemeral_owner, s.data_length.into(), s.num_children.into(), s.pzxid.0];
        let numbers: Vec<_> =
            longs.iter().chain(&ints).chain(&rest).map(ToString::to_string).collect();
        for text in [path, &format!("{} {data}", numbers.join(" "))] {
            out.extend_from_slice(&(text.len() as u16).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
    });
    out
}
