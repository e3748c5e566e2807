//! Exactly once under `kill -9`: jobs from files to files, killed at random, restarted from the
//! latest checkpoint until they finish; what they have committed must equal, row for row, the
//! output of a run that nobody disturbed.
//!
//! Each round has a seed that decides everything but the moment at which the system's scheduler
//! lets a kill strike: the mode (aligned, unaligned, at most so long aligned, faulty storage, state on
//! disk), the parallelism, which may change at a restart, and the times. `RIVER_CHAOS_KILLS` sets how many
//! kills there are to be in all, `RIVER_CHAOS_SEED` the first round's seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Kills in a normal test run.
const KILLS: usize = 20;
/// Rows of the input.
const ROWS: u64 = 40_000;
/// Files that they are in.
const FILES: u64 = 5;
/// Kills of one round, at most; then it may finish.
const KILLS_OF_A_ROUND: usize = 10;
/// Starts of one round, at most: a round that takes more does not get on.
const STARTS_OF_A_ROUND: usize = 60;

/// A small generator of numbers (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}

/// How often each row is in the output: changes summed up, so the order of updates of different
/// keys does not matter. An append-only table has the row once for each time it was written.
type Net = BTreeMap<String, i64>;

#[test]
fn committed_output_is_exactly_once_under_kills() {
    let number = |name: &str, default: usize| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (wanted, first) = (number("RIVER_CHAOS_KILLS", KILLS), number("RIVER_CHAOS_SEED", 1));
    let directory = tempfile::tempdir().unwrap();
    write_input(directory.path());
    let undisturbed = Round::new(directory.path(), "undisturbed", Mode::None);
    assert!(undisturbed.start(1, None).wait().unwrap().success(), "{}", undisturbed.log());
    let expected = undisturbed.output();
    assert_eq!(expected.len(), 4);
    let (mut kills, mut seed) = (0, first as u64);
    while kills < wanted {
        kills += round(directory.path(), seed, &expected, wanted - kills);
        seed += 1;
    }
    println!("chaos: {kills} kills in {} rounds, output equal", seed - first as u64);
}

/// One round; the number of kills.
fn round(directory: &Path, seed: u64, expected: &BTreeMap<String, Net>, most: usize) -> usize {
    let mut dice = Dice(seed);
    let mode = Mode::ALL[dice.roll(Mode::ALL.len() as u64) as usize];
    let round = Round::new(directory, &format!("round-{seed}"), mode);
    let mut parallelism = 1 + dice.roll(3) as u32;
    let mut kills = 0;
    for start in 0..STARTS_OF_A_ROUND {
        let latest = round.latest_checkpoint();
        let mut child = round.start(parallelism, latest.as_deref());
        let lives_ms = 60 + dice.roll(900);
        if kills < most.min(KILLS_OF_A_ROUND) && outlives(&mut child, lives_ms) {
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            // It says so after its last commit and before its last checkpoint is deleted: a job
            // that has ended must not be started again from an older one.
            if round.log().contains("the job has finished") {
                let case = format!("seed {seed}, {mode:?}, {kills} kills, the last after the end");
                compare(&case, expected, &round.output());
                return kills;
            }
            if dice.roll(3) == 0 {
                parallelism = 1 + dice.roll(3) as u32;
            }
            continue;
        }
        if child.wait().unwrap().success() {
            let case = format!("seed {seed}, {mode:?}, {kills} kills, {} starts", start + 1);
            compare(&case, expected, &round.output());
            return kills;
        }
        // Some of a vertex's subtasks had ended: only the same number can go on.
        let log = round.log();
        if let Some(needed) = log.rsplit("not all, of the ").next().filter(|t| *t != log) {
            parallelism = needed.split(' ').next().unwrap().parse().unwrap();
            continue;
        }
        assert!(mode == Mode::FaultyStorage, "seed {seed}, {mode:?}: {log}");
    }
    panic!("seed {seed}, {mode:?}: not finished after {STARTS_OF_A_ROUND} starts: {}", round.log());
}

/// Waits for the process; says whether it still runs after that time.
fn outlives(child: &mut Child, ms: u64) -> bool {
    let until = Instant::now() + Duration::from_millis(ms);
    while Instant::now() < until {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

fn compare(case: &str, expected: &BTreeMap<String, Net>, found: &BTreeMap<String, Net>) {
    let mut text = String::new();
    for (table, expected) in expected {
        let found = &found[table];
        let rows: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
        let count = |net: &Net, row: &String| net.get(row).copied().unwrap_or(0);
        let wrong: Vec<_> =
            rows.into_iter().filter(|row| count(expected, row) != count(found, row)).collect();
        if !wrong.is_empty() {
            writeln!(text, "table {table} differs in {} rows:", wrong.len()).unwrap();
        }
        for row in wrong.into_iter().take(10) {
            let (expected, found) = (count(expected, row), count(found, row));
            writeln!(text, "  {row}: {found} times instead of {expected}").unwrap();
        }
    }
    assert!(text.is_empty(), "{case}\n{text}");
}

/// How checkpoints are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    None,
    Aligned,
    Unaligned,
    AlignedFor,
    FaultyStorage,
    /// Most of the state is on disk.
    OnDisk,
}

impl Mode {
    const ALL: [Mode; 5] =
        [Mode::Aligned, Mode::Unaligned, Mode::AlignedFor, Mode::FaultyStorage, Mode::OnDisk];

    fn options(self) -> &'static [(&'static str, &'static str)] {
        const UNALIGNED: (&str, &str) = ("execution.checkpointing.unaligned.enabled", "true");
        match self {
            Mode::None => &[],
            Mode::Aligned => &[("execution.checkpointing.snapshot-compression", "true")],
            Mode::Unaligned => &[UNALIGNED],
            Mode::AlignedFor => {
                &[UNALIGNED, ("execution.checkpointing.aligned-checkpoint-timeout", "5 ms")]
            }
            Mode::OnDisk => &[
                ("state.backend.type", "rocksdb"),
                ("riverkeeper.testing.keys-in-memory", "20"),
                ("io.tmp.dirs", "disk"),
            ],
            Mode::FaultyStorage => &[
                ("execution.checkpointing.tolerable-failed-checkpoints", "100000"),
                ("riverkeeper.testing.storage-faults", "error=0.03,slow=0.05:20ms,torn=0.03"),
            ],
        }
    }
}

/// The folders of one round.
struct Round {
    directory: PathBuf,
    mode: Mode,
}

impl Round {
    fn new(directory: &Path, name: &str, mode: Mode) -> Round {
        let round = Round { directory: directory.join(name), mode };
        fs::create_dir_all(&round.directory).unwrap();
        let input = directory.join("input");
        let script = SCRIPT
            .replace("$INPUT", &input.display().to_string())
            .replace("$OUTPUT", &round.directory.join("output").display().to_string());
        fs::write(round.directory.join("job.sql"), script).unwrap();
        round
    }

    fn start(&self, parallelism: u32, from: Option<&Path>) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_river"));
        command.args(["run", "--quiet", "job.sql"]).current_dir(&self.directory);
        let mut set = |key: &str, value: &str| {
            command.args(["-D", &format!("{key}={value}")]);
        };
        set("parallelism.default", &parallelism.to_string());
        if self.mode != Mode::None {
            set("execution.checkpointing.interval", "50 ms");
            set("execution.checkpointing.dir", "checkpoints");
            set("execution.checkpointing.num-retained", "2");
            set(
                "execution.checkpointing.externalized-checkpoint-retention",
                "RETAIN_ON_CANCELLATION",
            );
        }
        self.mode.options().iter().for_each(|(key, value)| set(key, value));
        if let Some(from) = from {
            set("execution.state-recovery.path", &from.display().to_string());
        }
        let log = fs::File::create(self.directory.join("log")).unwrap();
        command
            .env("RUST_LOG", "info")
            .env_remove("FLINK_CONF_DIR")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command.stderr(log).spawn().unwrap()
    }

    /// What the last start has said.
    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// The newest complete checkpoint of all jobs: numbers go on from job to job.
    fn latest_checkpoint(&self) -> Option<PathBuf> {
        let folders = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
        let jobs = folders(&self.directory.join("checkpoints"));
        let checkpoints = jobs.flat_map(|job| folders(&job.path()).map(|entry| entry.path()));
        let number = |path: &PathBuf| -> Option<u64> {
            path.file_name()?.to_str()?.strip_prefix("chk-")?.parse().ok()
        };
        checkpoints.filter(|path| path.join("_metadata").is_file()).max_by_key(number)
    }

    /// The committed rows of each table.
    fn output(&self) -> BTreeMap<String, Net> {
        let mut tables = BTreeMap::new();
        for table in ["windows", "totals", "joined", "best"] {
            let mut net = Net::new();
            let files = fs::read_dir(self.directory.join("output").join(table)).unwrap();
            for file in files.map(|file| file.unwrap().path()) {
                if is_committed(&file) {
                    let text = fs::read_to_string(&file).unwrap();
                    text.lines().for_each(|line| add(&mut net, line));
                }
            }
            net.retain(|_, count| *count != 0);
            tables.insert(table.to_owned(), net);
        }
        tables
    }
}

/// What begins with a dot is not.
fn is_committed(file: &Path) -> bool {
    !file.file_name().unwrap().to_str().unwrap().starts_with('.')
}

fn add(net: &mut Net, line: &str) {
    let change: Option<Value> = line.starts_with('{').then(|| serde_json::from_str(line).unwrap());
    let (row, count) = match &change {
        None => (line.to_owned(), 1),
        Some(change) if change["op"] == "d" => (change["before"].to_string(), -1),
        Some(change) => (change["after"].to_string(), 1),
    };
    *net.entry(row).or_default() += count;
}

fn write_input(directory: &Path) {
    let mut dice = Dice(42);
    let (events, names) = (directory.join("input/events"), directory.join("input/names"));
    fs::create_dir_all(&events).unwrap();
    fs::create_dir_all(&names).unwrap();
    let rows = ROWS / FILES;
    for file in 0..FILES {
        let mut text = String::new();
        for id in file * rows..(file + 1) * rows {
            let (key, value) = (dice.roll(300), dice.roll(1000));
            let (minute, second, ms) = (id / 60_000, id / 1000 % 60, id % 1000);
            writeln!(text, "{id},k{key},{value},2026-01-01 00:{minute:02}:{second:02}.{ms:03}")
                .unwrap();
        }
        fs::write(events.join(format!("{file}.csv")), text).unwrap();
    }
    let mut text = String::new();
    (0..250).for_each(|key| writeln!(text, "k{key},name {key}").unwrap());
    fs::write(names.join("0.csv"), text).unwrap();
}

const SCRIPT: &str = "
CREATE TABLE events (
  id BIGINT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH ('connector' = 'filesystem', 'path' = '$INPUT/events', 'format' = 'csv');
CREATE TABLE names (k STRING, name STRING)
WITH ('connector' = 'filesystem', 'path' = '$INPUT/names', 'format' = 'csv');
CREATE TABLE windows (start_time TIMESTAMP(3), k STRING, n BIGINT, total BIGINT)
WITH ('connector' = 'filesystem', 'path' = '$OUTPUT/windows', 'format' = 'csv');
CREATE TABLE totals (k STRING, n BIGINT, total BIGINT, different BIGINT)
WITH ('connector' = 'filesystem', 'path' = '$OUTPUT/totals', 'format' = 'debezium-json');
CREATE TABLE joined (id BIGINT, name STRING, v INT)
WITH ('connector' = 'filesystem', 'path' = '$OUTPUT/joined', 'format' = 'csv');
CREATE TABLE best (k STRING, id BIGINT, v INT)
WITH ('connector' = 'filesystem', 'path' = '$OUTPUT/best', 'format' = 'debezium-json');
EXECUTE STATEMENT SET BEGIN
INSERT INTO windows SELECT window_start, k, COUNT(*), SUM(v)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '2' SECOND))
GROUP BY window_start, window_end, k;
INSERT INTO totals SELECT k, COUNT(*), SUM(v), COUNT(DISTINCT v) FROM events GROUP BY k;
INSERT INTO joined SELECT e.id, n.name, e.v FROM events AS e JOIN names AS n ON e.k = n.k;
INSERT INTO best SELECT k, id, v FROM (
  SELECT k, id, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC, id) AS place FROM events
) WHERE place <= 3;
END;
";
