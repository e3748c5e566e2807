//! Apache ZooKeeper's jars, where they are installed: see `scripts/test-services`.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Java and Apache's jars.
#[derive(Clone)]
pub struct Apache {
    jars: PathBuf,
}

const OPTIONS: [&str; 4] =
    ["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"];

impl Apache {
    /// `None`, and a line that says so, where they are not installed.
    pub fn find() -> Option<Apache> {
        let jars = cache().join("riverkeeper/test-services/zookeeper");
        let has_jar = |name: &str| {
            let files = fs::read_dir(&jars).into_iter().flatten().flatten();
            files.map(|file| file.file_name()).any(|f| f.to_string_lossy().starts_with(name))
        };
        if has_jar("zookeeper-3") && has_jar("snappy-java") {
            return Some(Apache { jars });
        }
        // Not by `println`, which is shown for failed tests only.
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nskipped: Apache ZooKeeper's jars are not installed").unwrap();
        None
    }

    /// The command that runs a class of theirs, but for its name.
    pub fn java(&self) -> Vec<String> {
        let jars = self.jars.join("*").to_string_lossy().into_owned();
        let mut words = vec!["java".to_owned()];
        words.extend(OPTIONS.map(str::to_owned));
        words.extend(["-cp".to_owned(), jars]);
        words
    }

    /// The command that starts a server, but for `zoo.cfg`.
    pub fn server(&self) -> Vec<String> {
        let mut words = self.java();
        words.push("org.apache.zookeeper.server.quorum.QuorumPeerMain".to_owned());
        words
    }

    /// What a server would find in the folders of a folder: a line for each.
    pub fn read(&self, folder: &Path) -> String {
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/zookeeper/ApacheFiles.java");
        let java = self.java();
        let output = Command::new(&java[0])
            .args(&java[1..])
            .arg(source)
            .arg("read")
            .arg(folder)
            .output()
            .unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}{err}");
        out.into_owned()
    }
}

fn cache() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or_else(home).unwrap_or_else(env::temp_dir)
}
