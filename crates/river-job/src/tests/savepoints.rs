//! Savepoints: while a job runs, to stop it, and to start from.

use std::path::PathBuf;

use super::world::{State, World, Worldly};
use super::*;
use river_checkpoint::layout;

const EVERY: (&str, &str) = ("execution.checkpointing.interval", "10 ms");
const DIR: &str = "execution.checkpointing.dir";
const FROM: &str = "execution.state-recovery.path";
const CLAIM: &str = "execution.state-recovery.claim-mode";

/// A world that stops at row 100 of each split.
fn waiting() -> Arc<World> {
    World::new(200, State { gate: Some((100, usize::MAX)), ..State::default() })
}

/// The folder of a savepoint, which must be complete.
fn folder(uri: &str) -> PathBuf {
    let path = PathBuf::from(uri.strip_prefix("file:").map_or(uri, |path| path));
    assert!(path.join("_metadata").is_file(), "{uri}");
    path
}

#[test]
fn a_job_goes_on_after_savepoints() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    for options in [&[][..], &[EVERY, (DIR, dir)]] {
        let world = waiting();
        let job = world.start(options);
        let take = |_| {
            let job = job.clone();
            let dir = directory.path().join("savepoints").display().to_string();
            std::thread::spawn(move || job.savepoint(Some(&dir), false))
        };
        // All at the same time.
        let threads: Vec<_> = (0..4).map(take).collect();
        let taken: Vec<_> = threads.into_iter().map(|t| t.join().unwrap().unwrap()).collect();
        let different: std::collections::BTreeSet<_> =
            taken.iter().map(|uri| folder(uri)).collect();
        assert_eq!(different.len(), 4);
        world.set(|state| state.gate = None);
        assert_eq!(job.wait(), Ok(Ended::Finished));
        world.assert_all_committed();
        assert!(job.savepoint(Some(dir), false).is_err(), "it has ended");
        taken.iter().for_each(|uri| drop(folder(uri)));
    }
}

#[test]
fn a_savepoint_that_stops_commits_everything_and_is_gone_on_from() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    for options in [&[][..], &[EVERY, (DIR, dir)]] {
        let world = waiting();
        let job = world.start(options);
        let savepoint = job.savepoint(Some(dir), true).unwrap();
        assert_eq!(job.wait(), Ok(Ended::Finished));
        assert!(world.committed_rows().iter().all(|rows| *rows <= 100));
        assert_eq!(world.state().aborted, 0);
        let rows = world.committed_rows();
        world.set(|state| state.gate = None);
        let from = [(FROM, savepoint.as_str())];
        let job = world.start(&[options, &from].concat());
        assert_eq!(job.wait(), Ok(Ended::Finished));
        world.assert_all_committed();
        assert_eq!(world.state().restored.iter().sum::<i64>(), rows.iter().sum::<i64>());
    }
}

#[test]
fn a_job_goes_on_from_the_savepoint_whose_commit_failed() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    let fixed =
        [("restart-strategy.type", "fixed-delay"), ("restart-strategy.fixed-delay.delay", "1 ms")];
    let world = waiting();
    world.set(|state| state.failing_commits = (0, 1));
    let job = world.start(&fixed);
    job.savepoint(Some(dir), true).unwrap();
    world.wait(|state| state.recovered == 1);
    world.set(|state| state.gate = None);
    assert_eq!(job.wait(), Ok(Ended::Finished));
    world.assert_all_committed();
}

#[test]
fn only_a_claimed_savepoint_is_deleted() {
    for (mode, is_kept) in [("CLAIM", false), ("NO_CLAIM", true)] {
        let directory = tempfile::tempdir().unwrap();
        let dir = directory.path().to_str().unwrap();
        let world = waiting();
        let job = world.start(&[]);
        let savepoint = job.savepoint(Some(dir), true).unwrap();
        assert_eq!(job.wait(), Ok(Ended::Finished));
        let path = folder(&savepoint);
        let job = world.start(&[EVERY, (DIR, dir), (FROM, &savepoint), (CLAIM, mode)]);
        // The first checkpoint subsumes it; what comes after its commit is its deletion.
        world.wait_for_commits(3);
        assert_eq!(path.join("_metadata").exists(), is_kept, "{mode}");
        world.set(|state| state.gate = None);
        assert_eq!(job.wait(), Ok(Ended::Finished));
        world.assert_all_committed();
        assert_eq!(path.join("_metadata").exists(), is_kept, "{mode}");
    }
}

#[test]
fn a_query_whose_rows_are_shown_takes_no_snapshots() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("checkpoints");
    let mut plan = plan(2, vec![(source(None), vec![])]);
    let options = [EVERY, (DIR, dir.to_str().unwrap()), ("restart-strategy.type", "fixed-delay")];
    options.iter().for_each(|(key, value)| drop(plan.options.set(*key, *value)));
    let (sender, receiver) = crossbeam_channel::bounded(16);
    let world = waiting();
    let job = run(&plan, Arc::new(Worldly(world.clone())), Some(sender)).unwrap();
    assert!(receiver.recv().is_ok());
    let error = job.savepoint(dir.to_str(), true).unwrap_err();
    expect_test::expect!["a query whose rows are shown has no savepoints; write them to a table"]
        .assert_eq(&error.message);
    world.set(|state| state.gate = None);
    assert!(receiver.iter().map(|batch| batch.rows).sum::<usize>() > 0);
    assert_eq!(job.wait(), Ok(Ended::Finished));
    assert!(!dir.exists());
}

#[test]
fn rows_in_flight_take_the_unchanged_query_only() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    let world = waiting();
    let savepoint = world.start(&[]).savepoint(Some(dir), true).unwrap();
    // The same, with rows on their way to the operator.
    let storage = river_storage::Local;
    let path = folder(&savepoint).join("_metadata");
    let mut metadata = layout::read(&storage, path.to_str().unwrap()).unwrap();
    metadata.vertices[1].subtasks[0].in_flight = true;
    let unaligned = directory.path().join("unaligned");
    layout::complete(&storage, unaligned.to_str().unwrap(), &metadata).unwrap();
    let changed = plan(2, vec![(source(None), vec![]), (sink(), vec![(0, Rebalance)])]);
    for allowed in ["false", "true"] {
        let mut plan = changed.clone();
        let options = [
            (FROM, unaligned.to_str().unwrap()),
            ("execution.state-recovery.ignore-unclaimed-state", allowed),
        ];
        options.iter().for_each(|(key, value)| drop(plan.options.set(*key, *value)));
        let error = run(&plan, Arc::new(Worldly(world.clone())), None).unwrap_err();
        assert!(error.message.contains("only the unchanged query can take them"), "{error}");
    }
}
