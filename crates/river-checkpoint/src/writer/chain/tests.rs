//! Incremental checkpoints of a job with tables that change, restored from the files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossbeam_channel::Receiver;
use river_core::plan::Exchange;
use river_runtime::checkpoint::{Barrier, Scope, SnapshotWriter, SubtaskState, Timing};

use crate::restore::{NewInput, Restore, SubtaskRequest};
use crate::testing::*;
use crate::writer::{FileSnapshotWriter, SnapshotEvent, SnapshotReport};
use crate::{ErrorKind, SubtaskHandle, discard, fsck, layout, verify};

const GROUPS: u32 = 16;
const SUBTASKS: u32 = 2;
/// Of changes, and always given as a whole.
const TABLES: [&str; 2] = ["rows", "held"];

/// A subtask whose state changes.
struct Subtask {
    writer: FileSnapshotWriter,
    reports: Receiver<SnapshotReport>,
    rows: BTreeMap<i64, Vec<Row>>,
    held: Vec<Row>,
    /// Keys that changed after each checkpoint, until it is given up.
    changed: BTreeMap<u64, BTreeSet<i64>>,
}

impl Subtask {
    fn new(job: &Job, number: u32) -> Subtask {
        let (mut writer, reports) = job.writer(number);
        TABLES.iter().for_each(|table| writer.table(OPERATOR, table, columns()));
        writer.keys(OPERATOR, TABLES[0], vec![0]);
        let (rows, held) = (BTreeMap::new(), Vec::new());
        Subtask { writer, reports, rows, held, changed: BTreeMap::new() }
    }

    fn set(&mut self, key: i64, rows: Vec<Row>) {
        self.changed.values_mut().for_each(|changed| changed.extend([key]));
        match rows.is_empty() {
            true => drop(self.rows.remove(&key)),
            false => drop(self.rows.insert(key, rows)),
        }
    }

    fn snapshot(&mut self, job: &Job, checkpoint: u64, scope: Scope) -> SubtaskHandle {
        let barrier = Barrier { scope, ..job.begin(checkpoint) };
        let is_incremental = scope != Scope::Full;
        let since = is_incremental.then(|| self.writer.since(&barrier)).flatten();
        self.writer.begin(&barrier);
        let rows: Vec<Row> = match since {
            None => self.rows.values().flatten().cloned().collect(),
            Some(since) => {
                self.writer.changes(vec![(OPERATOR, TABLES[0])]);
                let keys: Vec<i64> = self.changed[&since].iter().copied().collect();
                keys.chunks(5).for_each(|keys| {
                    self.writer.removed(OPERATOR, TABLES[0], removed(keys));
                });
                keys.iter().filter_map(|key| self.rows.get(key)).flatten().cloned().collect()
            }
        };
        rows.chunks(7).for_each(|rows| self.writer.rows(OPERATOR, TABLES[0], saved(rows)));
        self.writer.rows(OPERATOR, TABLES[1], saved(&self.held));
        self.writer.finish(SubtaskState::default(), Timing::default());
        if is_incremental {
            self.changed.insert(checkpoint, BTreeSet::new());
        }
        match wait_for(&self.reports).event {
            SnapshotEvent::Stored(handle) => *handle,
            other => panic!("{other:?}"),
        }
    }
}

struct Run {
    job: Job,
    subtasks: Vec<Subtask>,
    complete: Option<u64>,
    next: u64,
}

impl Run {
    fn new(inline_bytes: u64) -> Run {
        let job = Job { inline_bytes, ..Job::new(GROUPS) };
        let subtasks = (0..SUBTASKS).map(|number| Subtask::new(&job, number)).collect();
        Run { job, subtasks, complete: None, next: 0 }
    }

    fn set(&mut self, key: i64, texts: &[&str]) {
        let subtask = subtask_of(key, SUBTASKS, GROUPS) as usize;
        let rows = texts.iter().map(|text| Row::new(key, text)).collect();
        self.subtasks[subtask].set(key, rows);
    }

    /// Takes a checkpoint; its metadata's path, and all rows at that time.
    fn checkpoint(&mut self, completes: bool) -> (String, Vec<SubtaskHandle>) {
        self.next += 1;
        let scope = Scope::Incremental { complete: self.complete };
        let snapshot = |subtask: &mut Subtask| subtask.snapshot(&self.job, self.next, scope);
        let handles: Vec<SubtaskHandle> = self.subtasks.iter_mut().map(snapshot).collect();
        let path = self.job.complete(self.next, handles.clone());
        if completes {
            self.complete = Some(self.next);
        }
        (path, handles)
    }

    fn rows(&self) -> BTreeMap<i64, Vec<Row>> {
        self.subtasks.iter().flat_map(|subtask| subtask.rows.clone()).collect()
    }

    fn check(&self, path: &str, parallelism: u32) {
        let restore = Arc::new(Restore::open_whole(self.job.storage.clone(), path).unwrap());
        let (mut rows, mut held) = (BTreeMap::new(), 0);
        for subtask in 0..parallelism {
            let mut keeper = Keeper::new(&TABLES);
            let mut restored = restore.subtask(request(subtask, parallelism)).unwrap();
            restored.restore(OPERATOR, &mut keeper).unwrap();
            for (key, found) in by_key(&keeper.tables[0].rows) {
                assert_eq!(subtask_of(key, parallelism, GROUPS), subtask);
                rows.insert(key, found);
            }
            held += keeper.tables[1].rows.len();
        }
        assert_eq!(rows, self.rows(), "{path} with {parallelism} subtasks");
        assert_eq!(held, self.subtasks.iter().map(|subtask| subtask.held.len()).sum::<usize>());
    }
}

fn request(subtask: u32, parallelism: u32) -> SubtaskRequest {
    SubtaskRequest {
        nodes: BTreeMap::from([(OPERATOR.node, OPERATOR.node)]),
        subtask,
        parallelism,
        max_parallelism: GROUPS,
        in_flight_of: Some(1),
        inputs: vec![NewInput { exchange: Exchange::Hash(vec![0]), channels: 1 }],
        allow_non_restored: false,
    }
}

#[test]
fn what_changes_is_restored_with_any_parallelism() {
    for seed in 0..12u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = move |limit: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 11) % limit
        };
        let mut run = Run::new([0, 2000][seed as usize % 2]);
        for key in 0..300 {
            run.set(key, &["base"; 2]);
        }
        let mut longest = 0;
        for round in 0..12 {
            for _ in 0..below(30) {
                let text = format!("round {round}");
                run.set(below(320) as i64, &vec![&text[..]; below(4) as usize]);
            }
            for subtask in &mut run.subtasks {
                subtask.held = match below(3) {
                    0 => Vec::new(),
                    rows => (0..rows as i64).map(|key| Row::new(key, "held")).collect(),
                };
            }
            let (path, handles) = run.checkpoint(below(4) > 0);
            longest =
                longest.max(handles.iter().map(|handle| handle.files().count()).max().unwrap());
            run.check(&path, 1 + below(4) as u32);
            assert!(verify::verify_at(&run.job.storage, &path).unwrap().is_whole());
        }
        assert!(longest > 3, "seed {seed}: {longest} files at most");
    }
}

#[test]
fn a_new_base_comes_when_changes_are_larger() {
    let mut run = Run::new(0);
    (0..100).for_each(|key| run.set(key, &["some text of a row"]));
    let mut bases = 0;
    for round in 0..20 {
        (0..40).for_each(|key| run.set(key, &[&format!("text of round {round}")]));
        let (path, handles) = run.checkpoint(true);
        bases += usize::from(handles.iter().all(|handle| handle.earlier.is_empty()));
        run.check(&path, 2);
        let bytes = |handle: &SubtaskHandle| handle.state_bytes();
        assert!(handles.iter().map(bytes).sum::<u64>() < 60_000);
    }
    assert!((3..18).contains(&bases), "{bases}");
}

#[test]
fn a_full_snapshot_refers_to_nothing_shared() {
    let mut run = Run::new(0);
    (0..100).for_each(|key| run.set(key, &["base"]));
    run.checkpoint(true);
    run.set(1, &["changed"]);
    run.next += 1;
    let snapshot = |subtask: &mut Subtask| subtask.snapshot(&run.job, run.next, Scope::Full);
    let handles: Vec<SubtaskHandle> = run.subtasks.iter_mut().map(snapshot).collect();
    assert!(handles.iter().all(|handle| handle.earlier.is_empty()));
    let path = run.job.complete(run.next, handles);
    let metadata = layout::read(run.job.storage.as_ref(), &path).unwrap();
    assert_eq!((metadata.shared_files().count(), metadata.files().count()), (0, 2));
    run.check(&path, 3);
    // Nobody builds on it, and changes before it are in the next checkpoint.
    run.set(2, &["changed"]);
    let (path, handles) = run.checkpoint(true);
    assert!(handles.iter().any(|handle| !handle.earlier.is_empty()));
    run.check(&path, 1);
}

#[test]
fn shared_files_are_looked_after() {
    let mut run = Run::new(0);
    (0..100).for_each(|key| run.set(key, &["base"]));
    let (first, _) = run.checkpoint(true);
    run.set(1, &["changed"]);
    let (second, _) = run.checkpoint(true);
    run.set(2, &["changed"]);
    // Written, never completed.
    let scope = Scope::Incremental { complete: run.complete };
    run.subtasks.iter_mut().for_each(|subtask| {
        subtask.snapshot(&run.job, 9, scope);
    });
    let storage = run.job.storage.clone();
    let job_folder = layout::job_folder(&run.job.path(""), JOB_ID, true);
    let shared = layout::shared_folder(&run.job.chk(1));
    let names = || {
        let files = storage.list(&shared, false).unwrap();
        files.iter().map(|entry| entry.name().to_owned()).collect::<BTreeSet<_>>()
    };
    let metadata = layout::read(storage.as_ref(), &second).unwrap();
    let named: BTreeSet<String> = metadata.shared_files().map(str::to_owned).collect();
    assert!(named.len() >= 3 && names().len() > named.len(), "{named:?} of {:?}", names());

    let report = |reads| fsck::examine(&storage, &job_folder, 0, reads).unwrap();
    let found = report(fsck::Reads::Everything);
    assert!(found.is_sound() && found.findings.len() == names().len() - named.len(), "{found:?}");
    discard::sweep_shared(storage.as_ref(), &job_folder, Some("ffff")).unwrap();
    assert!(names().len() > named.len(), "of another job");
    discard::sweep_shared(storage.as_ref(), &job_folder, Some(JOB_ID)).unwrap();
    assert_eq!(names(), named);

    // The base is shared: it is damaged for both.
    let base = layout::read(storage.as_ref(), &first).unwrap();
    let base = base.shared_files().next().unwrap().to_owned();
    let path = river_storage::join(&shared, &base);
    let whole = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let error = Restore::open_whole(storage.clone(), &second).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains(&base), "{error}");
    let found = report(fsck::Reads::Listings);
    assert!(found.findings.iter().any(|f| f.problem == fsck::Problem::MissingFile), "{found:?}");
    std::fs::write(&path, whole).unwrap();

    let options = BTreeMap::new();
    discard::dispose(&run.job.chk(1), &options).unwrap();
    run.subtasks.iter_mut().for_each(|subtask| {
        subtask.rows.entry(2).and_modify(|rows| *rows = vec![Row::new(2, "base")]);
    });
    run.check(&second, 2);
    assert_eq!(names(), named);
    discard::dispose(&run.job.chk(2), &options).unwrap();
    assert_eq!(names(), BTreeSet::new());
}
