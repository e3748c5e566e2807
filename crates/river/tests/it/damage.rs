//! Damaged checkpoints from the outside: each file of the latest retained one is changed, cut off
//! and deleted in turn. A job must refuse to go on from it, naming the file and the checkpoint to
//! use instead, before it commits anything; and it must go on from that one as if nothing had been.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stateful_job;

/// A process that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(120);
/// Rows of the input, and the files that they are in.
const ROWS: u64 = 4000;
const FILES: u64 = 8;
/// Files that are read after the damage.
const REST: u64 = 2;

/// Of incremental checkpoints, which share files: also the checkpoint before may need them.
#[test]
fn every_damage_of_a_shared_file_is_refused() {
    let work = Work::new();
    work.read_and_kill(&[
        "-D",
        "execution.checkpointing.incremental=true",
        "-D",
        "riverkeeper.testing.incremental-file-cost=0",
    ]);
    let latest = stateful_job::checkpoints(&work.path("checkpoints")).pop().unwrap();
    let shared = latest.parent().unwrap().join("shared");
    let metadata = fs::read(latest.join("_metadata")).unwrap();
    let metadata = String::from_utf8_lossy(&metadata);
    let files = fs::read_dir(&shared).unwrap().map(|entry| entry.unwrap().path());
    let is_named = |file: &PathBuf| {
        metadata.contains(&format!("\"{}\"", file.file_name().unwrap().to_str().unwrap()))
    };
    let mut files: Vec<PathBuf> = files.filter(is_named).collect();
    files.sort();
    assert!(files.len() > 4, "{files:?}");
    for (number, file) in files.iter().enumerate() {
        let whole = fs::read(file).unwrap();
        let damage = Damage::ALL[number % Damage::ALL.len()];
        damage.strike(file, &whole);
        work.check_refused(&latest, None, file, damage);
        fs::write(file, &whole).unwrap();
    }
    let went_on = work.finish(work.run("input", "output", "", &["-s", latest.to_str().unwrap()]));
    assert_eq!(went_on.code, Some(0), "{}", went_on.said);
}

#[test]
fn every_damage_is_refused_and_the_checkpoint_before_is_used() {
    let work = Work::new();
    let undisturbed = work.finish(work.run("all", "undisturbed", "", &[]));
    assert_eq!(undisturbed.code, Some(0), "{}", undisturbed.said);
    let expected = stateful_job::tables(&work.path("undisturbed"));

    work.read_and_kill(&[]);
    let checkpoints = stateful_job::checkpoints(&work.path("checkpoints"));
    let [.., older, latest] = &checkpoints[..] else { panic!("{checkpoints:?}") };
    assert!(checkpoints.len() >= 3, "not all that are to be retained: {checkpoints:?}");
    let mut files: Vec<PathBuf> =
        fs::read_dir(latest).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    // Window, updating aggregate, join, Top-N.
    assert!(files.len() > 4, "{files:?}");
    for file in &files {
        let whole = fs::read(file).unwrap();
        for damage in Damage::ALL {
            damage.strike(file, &whole);
            work.check_refused(latest, Some(older), file, damage);
            fs::write(file, &whole).unwrap();
        }
    }
    let cases = files.len() * Damage::ALL.len();
    println!("damage: {cases} cases in {} files, all refused", files.len());

    fs::remove_file(files.last().unwrap()).unwrap();
    work.add_files(FILES - REST..FILES);
    let older = older.to_str().unwrap();
    let went_on = work.finish(work.run("input", "output", "", &["-s", older]));
    assert_eq!(went_on.code, Some(0), "{}", went_on.said);
    // What was committed after the older one is written again: the job says which files those are.
    let twice = went_on.said.lines().map(str::trim_start).filter(|line| line.starts_with('/'));
    let twice: Vec<&str> = twice.collect();
    twice.iter().for_each(|file| fs::remove_file(file).unwrap());
    println!("damage: {} files of output are written again", twice.len());
    stateful_job::compare(
        "from the older one",
        &expected,
        &stateful_job::tables(&work.path("output")),
    );
}

/// What is done to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    FirstByte,
    MiddleByte,
    LastByte,
    Empty,
    Half,
    AllButOneByte,
    Gone,
}

impl Damage {
    const ALL: [Damage; 7] = [
        Damage::FirstByte,
        Damage::MiddleByte,
        Damage::LastByte,
        Damage::Empty,
        Damage::Half,
        Damage::AllButOneByte,
        Damage::Gone,
    ];

    fn strike(self, file: &Path, whole: &[u8]) {
        let mut bytes = whole.to_vec();
        let (half, last) = (bytes.len() / 2, bytes.len() - 1);
        match self {
            Damage::FirstByte => bytes[0] ^= 0x10,
            Damage::MiddleByte => bytes[half] ^= 0x10,
            Damage::LastByte => bytes[last] ^= 0x10,
            Damage::Empty => bytes.clear(),
            Damage::Half => bytes.truncate(half),
            Damage::AllButOneByte => bytes.truncate(last),
            Damage::Gone => return fs::remove_file(file).unwrap(),
        }
        fs::write(file, bytes).unwrap();
    }
}

/// How a process ended, and all that it has printed.
struct Ended {
    code: Option<i32>,
    said: String,
}

/// A directory with input, checkpoints and output of the job.
struct Work {
    directory: tempfile::TempDir,
}

impl Work {
    fn new() -> Work {
        let work = Work { directory: tempfile::tempdir().unwrap() };
        stateful_job::write_input(&work.path("all"), ROWS, FILES);
        fs::create_dir_all(work.path("input/events")).unwrap();
        fs::create_dir_all(work.path("input/names")).unwrap();
        fs::copy(work.path("all/names/0.csv"), work.path("input/names/0.csv")).unwrap();
        work
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts some of the events where the job looks for them.
    fn add_files(&self, files: std::ops::Range<u64>) {
        for file in files {
            let name = format!("events/{file}.csv");
            fs::copy(self.path("all").join(&name), self.path("aside")).unwrap();
            fs::rename(self.path("aside"), self.path("input").join(&name)).unwrap();
        }
    }

    /// Starts `river`; what it prints goes to a file.
    fn start(&self, arguments: &[&str]) -> Child {
        let log = fs::File::create(self.path("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_river"));
        command.args(arguments).env_remove("FLINK_CONF_DIR").env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command.spawn().unwrap()
    }

    /// Starts the job, with options of its sources.
    fn run(&self, input: &str, output: &str, options: &str, arguments: &[&str]) -> Child {
        let script = self.path("job.sql");
        let text = stateful_job::script(&self.path(input), &self.path(output), options);
        fs::write(&script, text).unwrap();
        self.start(&[&["run", "--quiet", script.to_str().unwrap()], arguments].concat())
    }

    /// Waits for the process.
    fn finish(&self, mut child: Child) -> Ended {
        let until = Instant::now() + LONGEST;
        while Instant::now() < until {
            if let Some(status) = child.try_wait().unwrap() {
                let said = fs::read_to_string(self.path("log")).unwrap();
                return Ended { code: status.code(), said };
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        panic!("it hangs: {}", fs::read_to_string(self.path("log")).unwrap());
    }

    /// Runs the job on all files but the rest, a checkpoint or more after each, and kills it when
    /// output of the last one is committed: by the latest checkpoint, not by the one before.
    fn read_and_kill(&self, more: &[&str]) {
        let dir = format!("execution.checkpointing.dir={}", self.path("checkpoints").display());
        let options = [
            more,
            &[
                "-D",
                &dir,
                "-D",
                "execution.checkpointing.interval=40 ms",
                "-D",
                "execution.checkpointing.num-retained=3",
                "-D",
                "execution.checkpointing.externalized-checkpoint-retention=RETAIN_ON_CANCELLATION",
                "-D",
                "execution.checkpointing.data-inline-threshold=0 b",
            ],
        ]
        .concat();
        let mut child =
            self.run("input", "output", ", 'source.monitor-interval' = '10 ms'", &options[..]);
        let latest = || stateful_job::checkpoints(&self.path("checkpoints")).pop();
        let until = Instant::now() + LONGEST;
        let mut wait_for = |is_there: &dyn Fn() -> bool| {
            while !is_there() && Instant::now() < until {
                assert!(child.try_wait().unwrap().is_none(), "it has ended");
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        for file in 0..FILES - REST {
            let (checkpoint, output) = (latest(), self.committed());
            self.add_files(file..file + 1);
            wait_for(&|| self.committed() > output && latest() != checkpoint);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Number of files that readers of the output see.
    fn committed(&self) -> usize {
        let output = self.path("output");
        if !output.exists() {
            return 0;
        }
        let files = files_below(&output);
        files.iter().filter(|(file, _)| stateful_job::is_committed(file)).count()
    }

    /// Neither a job nor those who look take the damaged file for what it was.
    fn check_refused(&self, latest: &Path, older: Option<&Path>, file: &Path, damage: Damage) {
        let case = format!("{damage:?} of {}", file.display());
        let names = |path: &Path, ended: &Ended| {
            let name = path.to_str().unwrap();
            assert!(ended.said.contains(name), "{case}: {name} is not named: {}", ended.said);
        };
        let before = files_below(&self.path("output"));
        let ended = self.finish(self.run("input", "output", "", &["-s", latest.to_str().unwrap()]));
        assert_eq!(ended.code, Some(1), "{case}: {}", ended.said);
        names(file, &ended);
        if let Some(older) = older {
            names(older, &ended);
        }
        assert!(ended.said.starts_with("error: "), "{case}: {}", ended.said);
        assert!(!ended.said.contains("panicked"), "{case}: {}", ended.said);
        assert_eq!(files_below(&self.path("output")), before, "{case}: output was committed");

        let latest = latest.to_str().unwrap();
        let verified = self.finish(self.start(&["savepoint", "verify", latest]));
        assert_eq!(verified.code, Some(1), "{case}: {}", verified.said);
        names(file, &verified);
        let directory = self.path("checkpoints");
        let checked = self.start(&["fsck", directory.to_str().unwrap(), "--verify"]);
        let checked = self.finish(checked);
        let is_metadata = file.ends_with("_metadata");
        if is_metadata && matches!(damage, Damage::Gone) {
            // Which looks like one that is just being made.
            names(file.parent().unwrap(), &checked);
        } else {
            assert_eq!(checked.code, Some(1), "{case}: {}", checked.said);
            names(file, &checked);
        }
    }
}

/// All files below a directory, visible or not, with their sizes. A job that runs may rename some
/// while they are listed; these are left out.
fn files_below(directory: &Path) -> Vec<(PathBuf, u64)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()) {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => files.extend(files_below(&entry.path())),
            Ok(metadata) => files.push((entry.path(), metadata.len())),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
        }
    }
    files.sort();
    files
}
