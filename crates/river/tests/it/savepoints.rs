//! Savepoints from the outside: made by signal, described, checked and moved, and gone on from by
//! jobs of another parallelism and of an edited query.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A job that has not come so far by then hangs.
const LONGEST: Duration = Duration::from_secs(120);

/// A directory with input, output and savepoints of a job.
struct Work {
    directory: tempfile::TempDir,
}

impl Work {
    fn new() -> Work {
        let work = Work { directory: tempfile::tempdir().unwrap() };
        fs::create_dir_all(work.path("in")).unwrap();
        work
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A new file of bids.
    fn add_bids(&self, file: &str, prices: impl Iterator<Item = u64>) {
        let rows: String = prices.map(|price| format!("{},{price}\n", price % 7)).collect();
        fs::write(self.path("in").join(file), rows).unwrap();
    }

    /// A script that reads the bids: for ever, or those that are there.
    fn script(&self, query: &str, for_ever: bool) -> String {
        let root = self.directory.path().display().to_string();
        let monitor = if for_ever { ", 'source.monitor-interval' = '20 ms'" } else { "" };
        format!(
            "SET 'execution.checkpointing.savepoint-dir' = '{root}/savepoints';
             SET 'execution.checkpointing.interval' = '100 ms';
             SET 'execution.checkpointing.dir' = '{root}/checkpoints';
             SET 'execution.checkpointing.incremental' = 'true';
             SET 'pipeline.max-parallelism' = '32';
             CREATE TABLE bids (auction INT, price BIGINT)
               WITH ('connector' = 'filesystem', 'path' = '{root}/in', 'format' = 'csv'{monitor});
             CREATE TABLE counts (auction INT, n BIGINT, most BIGINT)
               WITH ('connector' = 'filesystem', 'path' = '{root}/out',
                     'format' = 'debezium-json');
             INSERT INTO counts {query};"
        )
    }

    fn river(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_river"));
        command.env_remove("FLINK_CONF_DIR").env_remove("RUST_LOG");
        command
    }

    fn run(&self, script: &str, arguments: &[&str]) -> Command {
        let file = self.path("job.sql");
        fs::write(&file, script).unwrap();
        let mut command = self.river();
        command.args(["run", "--quiet"]).arg(&file).args(arguments);
        command
    }

    /// Runs a job until it has written something, and stops it with a savepoint: its folder.
    fn stop_with_savepoint(&self, script: &str, arguments: &[&str]) -> String {
        let before = self.written();
        let mut child = self.run(script, arguments);
        let child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let until = Instant::now() + LONGEST;
        while self.written() == before && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        signal("USR2", child.id());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let path = said.trim().strip_prefix("savepoint completed: ");
        path.unwrap_or_else(|| panic!("{said}")).to_owned()
    }

    /// Number of files that are visible in the output.
    fn written(&self) -> usize {
        let entries = fs::read_dir(self.path("out")).into_iter().flatten().flatten();
        entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count()
    }

    /// The rows of the sink's table: auction, number, highest price.
    fn table(&self) -> Vec<String> {
        let mut net: BTreeMap<String, i64> = BTreeMap::new();
        for entry in fs::read_dir(self.path("out")).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            for line in fs::read_to_string(entry.path()).unwrap().lines() {
                let change: Value = serde_json::from_str(line).unwrap();
                for (image, weight) in [("before", -1), ("after", 1)] {
                    if change[image].is_object() {
                        let row =
                            ["auction", "n", "most"].map(|name| change[image][name].to_string());
                        *net.entry(row.join(" ")).or_default() += weight;
                    }
                }
            }
        }
        assert!(net.values().all(|count| (0..=1).contains(count)), "{net:?}");
        net.into_iter().filter(|(_, count)| *count == 1).map(|(row, _)| row).collect()
    }
}

fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status();
    assert!(sent.unwrap().success());
}

fn succeeded(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What the table must be after all prices.
fn expected(prices: impl Iterator<Item = u64>) -> Vec<String> {
    let mut groups: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for price in prices {
        let group = groups.entry(price % 7).or_default();
        *group = (group.0 + 1, group.1.max(price));
    }
    groups.iter().map(|(auction, (n, most))| format!("{auction} {n} {most}")).collect()
}

const COUNTS: &str = "SELECT auction, COUNT(*), MAX(price) FROM bids GROUP BY auction";
const EDITED: &str = "SELECT auction, n, highest FROM
    (SELECT auction, COUNT(*) AS n, MAX(price) AS highest FROM bids GROUP BY auction)
    WHERE n > 0";
const ANOTHER: &str = "SELECT CAST(price AS INT), COUNT(*), MAX(price) FROM bids GROUP BY price";

#[test]
fn stop_move_rescale_edit_and_go_on() {
    let work = Work::new();
    work.add_bids("1.csv", 0..900);
    let savepoint = work.stop_with_savepoint(&work.script(COUNTS, true), &[]);

    let moved = work.path("moved");
    fs::rename(savepoint.trim_start_matches("file://"), &moved).unwrap();
    let moved = moved.to_str().unwrap();
    work.add_bids("2.csv", 900..1500);
    let four = ["-s", moved, "-D", "parallelism.default=4"];
    let savepoint = work.stop_with_savepoint(&work.script(COUNTS, true), &four);

    work.add_bids("3.csv", 1500..1700);
    let edited = work.script(EDITED, false);
    let three = ["--fromSavepoint", &savepoint, "-rm", "NO_CLAIM", "-D", "parallelism.default=3"];
    succeeded(&work.run(&edited, &three).output().unwrap());
    assert_eq!(work.table(), expected(0..1700));
    assert!(Path::new(savepoint.trim_start_matches("file://")).join("_metadata").exists());
}

#[test]
fn look_check_refuse_and_dispose() {
    let work = Work::new();
    work.add_bids("1.csv", 0..900);
    let savepoint = work.stop_with_savepoint(&work.script(COUNTS, true), &[]);
    let ask = |arguments: &[&str]| work.river().args(arguments).output().unwrap();

    let described = succeeded(&ask(&["savepoint", "describe", &savepoint]));
    assert!(described.contains("GroupAggregate"), "{described}");
    let json = succeeded(&ask(&["savepoint", "describe", &savepoint, "--json"]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["kind"], "savepoint");
    let verified = succeeded(&ask(&["savepoint", "verify", &savepoint]));
    assert!(verified.contains("everything is whole"), "{verified}");
    let directory = work.path("savepoints").display().to_string();
    succeeded(&ask(&["fsck", &directory, "--remove-older-than", "1 h", "--dry-run"]));

    let another = work.script(ANOTHER, false);
    let refused = work.run(&another, &["-s", &savepoint]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{said}");
    assert!(said.contains("GROUP BY [auction INT] became [price BIGINT]"), "{said}");
    assert!(said.contains("--allowNonRestoredState"), "{said}");
    let explained = work.path("job.sql").display().to_string();
    let explained = succeeded(&ask(&["explain", &explained, "-s", &savepoint]));
    assert!(explained.contains("LOST     GroupAggregate"), "{explained}");
    succeeded(&work.run(&another, &["-s", &savepoint, "-n"]).output().unwrap());

    succeeded(&ask(&["savepoint", "dispose", &savepoint]));
    let gone = ask(&["savepoint", "describe", &savepoint]);
    assert!(!gone.status.success());
}

#[test]
fn command_lines_that_are_wrong() {
    let work = Work::new();
    let ask = |arguments: &[&str]| work.river().args(arguments).output().unwrap();
    let wrong: [&[&str]; 4] = [
        &["run", "job.sql", "-c", "MINE"],
        &["fsck", "/", "--dry-run"],
        &["fsck", "/", "--remove-older-than", "7"],
        &["savepoint", "describe"],
    ];
    for arguments in wrong {
        assert_eq!(ask(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
