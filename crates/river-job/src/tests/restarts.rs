//! Restarts, with and without checkpoints, and commits that fail.

use super::world::{SPLITS, State, World, checkpoints};
use super::*;

const FIXED: (&str, &str) = ("restart-strategy.type", "fixed-delay");
const DELAY: (&str, &str) = ("restart-strategy.fixed-delay.delay", "1 ms");
const NONE: (&str, &str) = ("restart-strategy.type", "none");
const EVERY: (&str, &str) = ("execution.checkpointing.interval", "10 ms");
const DIR: &str = "execution.checkpointing.dir";
const RETENTION: &str = "execution.checkpointing.externalized-checkpoint-retention";
const FROM: &str = "execution.state-recovery.path";

fn attempts(number: &str) -> (&'static str, &str) {
    ("restart-strategy.fixed-delay.attempts", number)
}

#[test]
fn the_last_error_is_the_jobs_once_no_restart_is_left() {
    let world = World::new(100, State { failures: [0; 9].into(), ..State::default() });
    let job = world.start(&[FIXED, DELAY, attempts("2")]);
    let error = job.wait().unwrap_err();
    assert!(error.message.ends_with("failure 3"), "{error}");
    assert_eq!(world.state().failed, 3);
    // Each attempt begins from nothing, and the last one leaves nothing.
    assert_eq!(world.state().aborted, 3);
    assert_eq!(world.committed_rows(), vec![0; SPLITS as usize]);
}

#[test]
fn without_a_strategy_the_first_error_is_the_last() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    for options in [&[][..], &[NONE, EVERY, (DIR, dir)]] {
        let world = World::new(100, State { failures: [50; 9].into(), ..State::default() });
        let error = world.start(options).wait().unwrap_err();
        assert!(error.message.ends_with("failure 1"), "{error}");
        assert_eq!(world.state().failed, 1);
        assert_eq!(world.state().aborted, 1);
    }
}

#[test]
fn without_checkpoints_a_job_begins_again() {
    let world = World::new(200, State { failures: [150].into(), ..State::default() });
    assert_eq!(world.start(&[FIXED, DELAY]).wait(), Ok(Ended::Finished));
    world.assert_all_committed();
    assert_eq!(world.state().aborted, 1);
    assert!(world.state().restored.is_empty());
}

#[test]
fn a_restart_goes_on_from_the_latest_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    let state =
        State { gate: Some((100, 2)), failures: [150, 170, 190].into(), ..State::default() };
    let world = World::new(200, state);
    let job = world.start(&[FIXED, DELAY, attempts("3"), EVERY, (DIR, dir)]);
    assert_eq!(job.wait(), Ok(Ended::Finished));
    world.assert_all_committed();
    let state = world.state();
    assert_eq!((state.failed, state.recovered, state.aborted), (3, 3, 0));
    assert_eq!(state.restored.len(), 3 * SPLITS as usize);
    // After a commit comes a checkpoint that holds the rows in front of the gate.
    assert!(state.restored.iter().any(|position| *position > 0));
    assert_eq!(checkpoints(directory.path()), 0, "a finished job needs none");
}

#[test]
fn a_commit_that_fails_is_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    // The first one, one in the middle, and one after which others wait to be stored.
    for (spared, after, at_once) in [(0, 0, "1"), (2, 0, "1"), (1, 20, "2"), (0, 12, "1")] {
        let state = State {
            gate: Some((100, 3)),
            failing_commits: (spared, 1),
            // Without room for more in flight only the next one can be prepared.
            fails_after_prepared: if at_once == "1" { after.min(4) } else { after.min(6) },
            ..State::default()
        };
        let world = World::new(200, state);
        let concurrent = ("execution.checkpointing.max-concurrent-checkpoints", at_once);
        let job = world.start(&[FIXED, DELAY, EVERY, concurrent, (DIR, dir)]);
        assert_eq!(job.wait(), Ok(Ended::Finished));
        world.assert_all_committed();
        assert_eq!(world.state().recovered, 1);
    }
}

#[test]
fn a_commit_that_panics_fails_the_job_and_names_the_sink() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    for options in [&[][..], &[NONE, EVERY, (DIR, dir)]] {
        let world = World::new(100, State { panicking_commits: true, ..State::default() });
        let error = world.start(options).wait().unwrap_err();
        assert_eq!(error.kind, river_runtime::error::ErrorKind::Internal);
        expect_test::expect![
            "Sink: sum: the commit broke down: an index was out of bounds; this is a bug of river"
        ]
        .assert_eq(&error.message);
    }
}

#[test]
fn output_of_a_kept_checkpoint_is_kept_when_its_commit_fails_the_job() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    let kept = (RETENTION, "DELETE_ON_CANCELLATION");
    let state = State { gate: Some((100, 2)), failing_commits: (1, 1), ..State::default() };
    let world = World::new(200, state);
    let error = world.start(&[NONE, EVERY, kept, (DIR, dir)]).wait().unwrap_err();
    assert!(error.message.ends_with("no space left on device"), "{error}");
    assert_eq!(world.state().aborted, 0);
    assert_eq!(checkpoints(directory.path()), 1);
    let job = world.start(&[NONE, EVERY, (DIR, dir), (FROM, dir)]);
    assert_eq!(job.wait(), Ok(Ended::Finished));
    world.assert_all_committed();
}

#[test]
fn more_failed_checkpoints_than_are_tolerated_fail_the_job() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    let faults = ("riverkeeper.testing.storage-faults", "error=1");
    let tolerated = ("execution.checkpointing.tolerable-failed-checkpoints", "2");
    let world = World::new(200, State { gate: Some((100, usize::MAX)), ..State::default() });
    let error = world.start(&[NONE, EVERY, faults, tolerated, (DIR, dir)]).wait().unwrap_err();
    assert!(error.message.contains("Exceeded checkpoint tolerable failure threshold"), "{error}");
    assert!(world.state().times_prepared >= 3 * 2);
    assert_eq!(world.state().aborted, 1);
    assert_eq!(checkpoints(directory.path()), 0);
}

#[test]
fn a_cancel_ends_the_wait_for_a_restart() {
    let hour = ("restart-strategy.fixed-delay.delay", "1 h");
    let world = World::new(200, State { failures: [100].into(), ..State::default() });
    let job = world.start(&[FIXED, hour]);
    world.wait(|state| state.failed == 1);
    job.cancel();
    let ended = job.wait();
    assert_eq!(ended, Ok(Ended::Cancelled));
    assert_eq!(world.state().aborted, 1);
}

#[test]
fn the_end_of_a_job_decides_which_checkpoints_are_kept() {
    const WORDS: [&str; 3] =
        ["NO_EXTERNALIZED_CHECKPOINTS", "DELETE_ON_CANCELLATION", "RETAIN_ON_CANCELLATION"];
    for (word, cancelled, failed) in [(WORDS[0], 0, 0), (WORDS[1], 0, 1), (WORDS[2], 1, 1)] {
        let directory = tempfile::tempdir().unwrap();
        let dir = directory.path().to_str().unwrap();
        let options = [NONE, EVERY, (DIR, dir), (RETENTION, word)];
        let gate = Some((100, usize::MAX));

        let world = World::new(200, State { gate, ..State::default() });
        let job = world.start(&options);
        world.wait_for_commits(2);
        job.cancel();
        assert_eq!(job.wait(), Ok(Ended::Cancelled));
        assert_eq!(checkpoints(directory.path()), cancelled, "{word}");

        let state = State { gate, failures: [150].into(), ..State::default() };
        let world = World::new(200, state);
        let job = world.start(&options);
        world.wait_for_commits(2);
        world.set(|state| state.gate = None);
        assert!(job.wait().is_err());
        assert_eq!(checkpoints(directory.path()), cancelled + failed, "{word}");

        let world = World::new(200, State::default());
        assert_eq!(world.start(&options).wait(), Ok(Ended::Finished));
        assert_eq!(checkpoints(directory.path()), cancelled + failed, "{word}");
    }
}
