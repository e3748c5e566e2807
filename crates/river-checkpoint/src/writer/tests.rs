use std::sync::Arc;

use river_runtime::checkpoint::{SnapshotWriter, SubtaskState, Timing};
use river_storage::{Faults, Faulty};

use super::*;
use crate::testing::*;

fn rows(keys: std::ops::Range<i64>) -> Saved {
    saved(&keys.map(|key| Row::new(key, "some text that is not short")).collect::<Vec<_>>())
}

fn files(job: &Job, checkpoint: u64) -> Vec<String> {
    let folder = std::fs::read_dir(job.chk(checkpoint));
    let names = folder.into_iter().flatten().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn a_task_without_rows_has_no_file_and_no_thread() {
    let job = Job::new(128);
    let (mut writer, reports) = job.writer(0);
    writer.begin(&job.begin(1));
    let state = SubtaskState { finished: true, ..SubtaskState::default() };
    writer.finish(state, Timing { sync_us: 5, ..Timing::default() });
    let report = wait_for(&reports);
    assert_eq!((report.checkpoint, report.task), (1, 0));
    let SnapshotEvent::Stored(handle) = report.event else { panic!() };
    assert!(handle.finished && handle.rows.is_none() && handle.timing.sync_us == 5);
    assert!(writer.thread.is_none() && files(&job, 1).is_empty());
}

#[test]
fn small_state_is_inside_the_metadata() {
    let mut job = Job::new(128);
    job.inline_bytes = 20_000;
    let small = vec![vec![Row::new(1, "a")]];
    let handle = job.snapshot(1, 0, &[("rows", small)], SubtaskState::default()).unwrap();
    assert!(matches!(handle.rows, Some(crate::metadata::StateFile::Inline(_))));
    assert!(files(&job, 1).is_empty());
    let large = vec![(0..1000).map(|key| Row::new(key, "a")).collect()];
    let handle = job.snapshot(2, 0, &[("rows", large)], SubtaskState::default()).unwrap();
    let Some(crate::metadata::StateFile::Stored(file)) = handle.rows else { panic!() };
    assert_eq!(files(&job, 2), [file.name]);
}

#[test]
fn what_is_given_up_leaves_no_file() {
    let job = Job::new(128);
    let (mut writer, reports) = job.writer(0);
    writer.begin(&job.begin(1));
    (0..4).for_each(|part| writer.rows(OPERATOR, "rows", rows(part * 10_000..(part + 1) * 10_000)));
    writer.abort();
    assert!(matches!(wait_for(&reports).event, SnapshotEvent::GivenUp));
    // The next one begins while the other may still be written.
    writer.begin(&job.begin(2));
    writer.rows(OPERATOR, "rows", rows(0..10));
    writer.begin(&job.begin(3));
    assert!(matches!(wait_for(&reports).event, SnapshotEvent::GivenUp));
    writer.rows(OPERATOR, "rows", rows(0..10));
    writer.finish(SubtaskState::default(), Timing::default());
    let report = wait_for(&reports);
    assert_eq!(report.checkpoint, 3);
    assert!(matches!(report.event, SnapshotEvent::Stored(_)));
    assert_eq!((files(&job, 1), files(&job, 2)), (Vec::new(), Vec::new()));
    assert!(!writer.is_busy() && writer.shared.waiting_bytes.load(Ordering::Relaxed) == 0);
    writer.decline(4);
    assert!(matches!(wait_for(&reports).event, SnapshotEvent::GivenUp));
}

#[test]
fn what_was_prepared_comes_first() {
    let job = Job::new(128);
    let (mut writer, reports) = job.writer(0);
    writer.begin(&job.begin(1));
    writer.prepared(1, vec![vec![1]]);
    writer.abort();
    assert!(matches!(wait_for(&reports).event, SnapshotEvent::Prepared(items) if items == [[1]]));
    assert!(matches!(wait_for(&reports).event, SnapshotEvent::GivenUp));
}

#[test]
fn a_barrier_of_a_checkpoint_that_is_over_is_declined() {
    let job = Job::new(128);
    let (mut writer, reports) = job.writer(0);
    let barrier = job.begin(1);
    job.places.remove(1);
    writer.begin(&barrier);
    writer.rows(OPERATOR, "rows", rows(0..10));
    writer.finish(SubtaskState::default(), Timing::default());
    assert!(matches!(wait_for(&reports).event, SnapshotEvent::Failed(_)));
    assert!(reports.is_empty());
}

/// A driver that hears of a task's end has heard all that it had to say before.
#[test]
fn no_report_comes_after_the_wait() {
    let job = Job::new(128);
    let (mut writer, reports) = job.writer(0);
    writer.wait();
    assert!(writer.thread.is_none() && reports.is_empty());
    for checkpoint in 1..=3 {
        writer.begin(&job.begin(checkpoint));
        (0..3).for_each(|part| writer.rows(OPERATOR, "rows", rows(part * 5000..(part + 1) * 5000)));
        writer.finish(SubtaskState::default(), Timing::default());
        writer.wait();
        let report = reports.try_recv().unwrap();
        assert_eq!(report.checkpoint, checkpoint);
        assert!(matches!(report.event, SnapshotEvent::Stored(_)));
    }
}

/// Storage that fails declines checkpoints, one report each, and later ones are stored.
#[test]
fn failing_storage_declines() {
    let mut job = Job::new(128);
    let plain = job.storage.clone();
    let faults = Faults::parse("seed=3,error=0.1,torn=0.1").unwrap();
    job.storage = Arc::new(Faulty::new(plain.clone(), faults));
    let (mut writer, reports) = job.writer(0);
    let (mut stored, mut failed) = (0, 0);
    for checkpoint in 1..=40 {
        writer.begin(&job.begin(checkpoint));
        writer.rows(OPERATOR, "rows", rows(0..100));
        writer.finish(SubtaskState::default(), Timing::default());
        let report = wait_for(&reports);
        assert_eq!(report.checkpoint, checkpoint);
        match report.event {
            SnapshotEvent::Stored(handle) => {
                stored += 1;
                let file = handle.rows.unwrap();
                crate::reader::SubtaskFile::open(&plain, &job.chk(checkpoint), &file).unwrap();
            }
            SnapshotEvent::Failed(error) => {
                failed += 1;
                assert!(matches!(error.kind(), crate::ErrorKind::Storage(_)), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(stored > 5 && failed > 5, "{stored} stored, {failed} failed");
    assert!(reports.is_empty());
}
