//! Exactly once under `kill -9`: jobs from files to files, killed at random, restarted from the
//! latest checkpoint until they finish; what they have committed must equal, row for row, the
//! output of a run that nobody disturbed.
//!
//! Each round has a seed that decides everything but the moment at which the system's scheduler
//! lets a kill strike: the mode (aligned, unaligned, at most so long aligned, faulty storage, state on
//! disk, and incremental checkpoints in several of these), the parallelism, which may change at a
//! restart, and the times. `RIVER_CHAOS_KILLS` sets how many kills there are to be in all of each
//! test, `RIVER_CHAOS_SEED` the first round's seed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stateful_job::{self, Dice, Net, compare};

/// Kills in a normal test run.
const KILLS: usize = 20;
/// The same with incremental checkpoints.
const INCREMENTAL_KILLS: usize = 12;
/// Rows of the input.
const ROWS: u64 = 40_000;
/// Files that they are in.
const FILES: u64 = 5;
/// Kills of one round, at most; then it may finish.
const KILLS_OF_A_ROUND: usize = 8;
/// Starts of one round, at most: a round that takes more does not get on.
const STARTS_OF_A_ROUND: usize = 60;

#[test]
fn committed_output_is_exactly_once_under_kills() {
    check(KILLS, &Mode::ALL);
}

#[test]
fn so_it_is_with_incremental_checkpoints() {
    check(INCREMENTAL_KILLS, &Mode::INCREMENTAL);
}

/// Plays rounds of these modes; how many starts were from a checkpoint that refers to others' files.
fn check(kills: usize, modes: &[Mode]) -> usize {
    let number = |name: &str, default: usize| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (wanted, first) = (number("RIVER_CHAOS_KILLS", kills), number("RIVER_CHAOS_SEED", 1));
    let directory = tempfile::tempdir().unwrap();
    stateful_job::write_input(&directory.path().join("input"), ROWS, FILES);
    let undisturbed = Round::new(directory.path(), "undisturbed", Mode::None);
    assert!(undisturbed.start(1, None).wait().unwrap().success(), "{}", undisturbed.log());
    let expected = undisturbed.tables();
    assert_eq!(expected.len(), 4);
    let (mut kills, mut built_on, mut seed) = (0, 0, first as u64);
    while kills < wanted {
        let dice = Dice(seed);
        // Each in turn, as there are few rounds.
        let mode = modes[seed as usize % modes.len()];
        let round = Round::new(directory.path(), &format!("round-{seed}"), mode);
        kills += play(&round, dice, seed, &expected, wanted - kills, &mut built_on);
        if Mode::INCREMENTAL.contains(&mode) {
            round.check_files();
        }
        seed += 1;
    }
    let rounds = seed - first as u64;
    println!("chaos: {kills} kills in {rounds} rounds, {built_on} on chains, output equal");
    built_on
}

/// One round; the number of kills.
fn play(
    round: &Round,
    mut dice: Dice,
    seed: u64,
    expected: &BTreeMap<String, Net>,
    most: usize,
    built_on: &mut usize,
) -> usize {
    let mode = round.mode;
    let mut parallelism = 1 + dice.roll(3) as u32;
    let mut kills = 0;
    for start in 0..STARTS_OF_A_ROUND {
        let latest = round.checkpoints().pop();
        *built_on += usize::from(latest.as_deref().is_some_and(refers_to_others));
        let mut child = round.start(parallelism, latest.as_deref());
        // In time, or so many checkpoints that one can build on another.
        let (lives_ms, more) = match Mode::INCREMENTAL.contains(&mode) {
            true => (0, 1 + dice.roll(6)),
            false => (60 + dice.roll(900), 0),
        };
        let first = round.newest();
        let is_time = || round.newest() >= first + more;
        if kills < most.min(KILLS_OF_A_ROUND) && outlives(&mut child, lives_ms, is_time) {
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            // It says so after its last commit and before its last checkpoint is deleted: a job
            // that has ended must not be started again from an older one.
            if round.log().contains("the job has finished") {
                let case = format!("seed {seed}, {mode:?}, {kills} kills, the last after the end");
                compare(&case, expected, &round.tables());
                return kills;
            }
            if dice.roll(3) == 0 {
                parallelism = 1 + dice.roll(3) as u32;
            }
            continue;
        }
        if child.wait().unwrap().success() {
            let case = format!("seed {seed}, {mode:?}, {kills} kills, {} starts", start + 1);
            compare(&case, expected, &round.tables());
            return kills;
        }
        // Some of a vertex's subtasks had ended: only the same number can go on.
        let log = round.log();
        if let Some(needed) = log.rsplit("not all, of the ").next().filter(|t| *t != log) {
            parallelism = needed.split(' ').next().unwrap().parse().unwrap();
            continue;
        }
        assert!(mode.has_faulty_storage(), "seed {seed}, {mode:?}: {log}");
    }
    panic!("seed {seed}, {mode:?}: not finished after {STARTS_OF_A_ROUND} starts: {}", round.log());
}

/// Whether a checkpoint refers to files of earlier ones.
fn refers_to_others(checkpoint: &Path) -> bool {
    let metadata = fs::read(checkpoint.join("_metadata")).unwrap();
    String::from_utf8_lossy(&metadata).contains("\"earlier\"")
}

/// Waits for the process; says whether it still runs after that time, and then.
fn outlives(child: &mut Child, ms: u64, is_time: impl Fn() -> bool) -> bool {
    let until = Instant::now() + Duration::from_millis(ms);
    while Instant::now() < until || !is_time() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
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
    /// Checkpoints refer to files of earlier ones.
    Incremental,
    IncrementalUnaligned,
    IncrementalOnDisk,
    IncrementalFaultyStorage,
}

impl Mode {
    const ALL: [Mode; 5] =
        [Mode::Aligned, Mode::Unaligned, Mode::AlignedFor, Mode::FaultyStorage, Mode::OnDisk];
    const INCREMENTAL: [Mode; 4] = [
        Mode::Incremental,
        Mode::IncrementalOnDisk,
        Mode::IncrementalUnaligned,
        Mode::IncrementalFaultyStorage,
    ];

    fn has_faulty_storage(self) -> bool {
        matches!(self, Mode::FaultyStorage | Mode::IncrementalFaultyStorage)
    }

    fn options(self) -> &'static [(&'static str, &'static str)] {
        const ON_DISK: (&str, &str) = ("state.backend.type", "rocksdb");
        const KEYS: (&str, &str) = ("riverkeeper.testing.keys-in-memory", "20");
        const DISK: (&str, &str) = ("io.tmp.dirs", "disk");
        const TOLERANT: (&str, &str) =
            ("execution.checkpointing.tolerable-failed-checkpoints", "100000");
        const FAULTS: (&str, &str) =
            ("riverkeeper.testing.storage-faults", "error=0.03,slow=0.05:20ms,torn=0.03");
        // Far more files are read, and each must be.
        const FEWER_FAULTS: (&str, &str) =
            ("riverkeeper.testing.storage-faults", "error=0.003,slow=0.02:20ms,torn=0.02");
        const INCREMENTAL: (&str, &str) = ("execution.checkpointing.incremental", "true");
        const IN_FILES: (&str, &str) = ("execution.checkpointing.data-inline-threshold", "0 b");
        const MANY_FILES: (&str, &str) = ("riverkeeper.testing.incremental-file-cost", "0");
        const CLAIM: (&str, &str) = ("execution.state-recovery.claim-mode", "CLAIM");
        const UNALIGNED: (&str, &str) = ("execution.checkpointing.unaligned.enabled", "true");
        match self {
            Mode::None => &[],
            Mode::Aligned => &[("execution.checkpointing.snapshot-compression", "true")],
            Mode::Unaligned => &[UNALIGNED],
            Mode::AlignedFor => {
                &[UNALIGNED, ("execution.checkpointing.aligned-checkpoint-timeout", "5 ms")]
            }
            Mode::OnDisk => &[ON_DISK, KEYS, DISK],
            Mode::FaultyStorage => &[TOLERANT, FAULTS],
            Mode::Incremental => &[INCREMENTAL, IN_FILES, MANY_FILES, CLAIM],
            Mode::IncrementalUnaligned => &[INCREMENTAL, MANY_FILES, UNALIGNED, CLAIM],
            Mode::IncrementalOnDisk => &[INCREMENTAL, IN_FILES, MANY_FILES, ON_DISK, KEYS, DISK],
            Mode::IncrementalFaultyStorage => {
                &[INCREMENTAL, IN_FILES, MANY_FILES, TOLERANT, FEWER_FAULTS]
            }
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
        let script = stateful_job::script(&input, &round.directory.join("output"), "");
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
            let is_incremental = Mode::INCREMENTAL.contains(&self.mode);
            let interval = if is_incremental { "10 ms" } else { "50 ms" };
            set("execution.checkpointing.interval", interval);
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

    /// The complete checkpoints of all jobs, oldest first.
    fn checkpoints(&self) -> Vec<PathBuf> {
        stateful_job::checkpoints(&self.directory.join("checkpoints"))
    }

    /// Number of the newest complete checkpoint of all jobs, 0 for none.
    fn newest(&self) -> u64 {
        let newest = self.checkpoints().pop();
        let name =
            newest.as_ref().and_then(|path| path.file_name()?.to_str()?.strip_prefix("chk-"));
        name.map_or(0, |number| number.parse().unwrap())
    }

    /// No checkpoint that is left refers to a file that is not there or not whole.
    fn check_files(&self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_river"));
        command.args(["fsck", "checkpoints", "--verify"]).current_dir(&self.directory);
        let checked = command.env_remove("FLINK_CONF_DIR").output().unwrap();
        let said = String::from_utf8_lossy(&checked.stdout);
        let is_wrong = ["MISSING", "WRONG SIZE", "DAMAGED"].iter().any(|word| said.contains(word));
        assert!(!is_wrong, "{:?}: {said}", self.mode);
    }

    /// The committed rows of each table.
    fn tables(&self) -> BTreeMap<String, Net> {
        stateful_job::tables(&self.directory.join("output"))
    }
}
