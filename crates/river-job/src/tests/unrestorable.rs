//! State that cannot be used: no restart mends that.

use super::world::{State, World};
use super::*;
use river_runtime::error::ErrorKind;

const DIR: &str = "execution.checkpointing.dir";
const FROM: &str = "execution.state-recovery.path";
const RETENTION: &str = "execution.checkpointing.externalized-checkpoint-retention";

/// With the default strategy, which restarts for ever.
fn options<'a>(dir: &'a str, retention: &'a str) -> [(&'static str, &'a str); 4] {
    [
        ("execution.checkpointing.interval", "10 ms"),
        ("execution.checkpointing.num-retained", "3"),
        (DIR, dir),
        (RETENTION, retention),
    ]
}

/// A world whose operator fails once, after two checkpoints.
fn failing() -> Arc<World> {
    World::new(200, State { gate: Some((100, 2)), failures: [150].into(), ..State::default() })
}

/// The path that the error says can be used.
fn fallback(error: &Error) -> Option<&str> {
    let uri = error.message.split_once("; to go on from another one: river run -s ")?.1;
    Some(uri.strip_prefix("file://").unwrap_or(uri))
}

#[test]
fn a_job_whose_state_cannot_be_read_fails_at_once_and_says_what_can_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    for in_sink in [false, true] {
        let world = failing();
        world.set(|state| match in_sink {
            true => state.unrecoverable_sinks = true,
            false => state.unrestorable_operators = true,
        });
        let error = world.start(&options(dir, "DELETE_ON_CANCELLATION")).wait().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Input);
        let cause = if in_sink { "the part file is gone" } else { "the columns are others" };
        assert!(error.message.contains(cause), "{error}");
        let path = fallback(&error).unwrap();
        assert!(std::path::Path::new(path).join("_metadata").is_file(), "{error}");
        // It names another one than the one it could not use.
        assert_eq!(error.message.matches(path).count(), 1, "{error}");
        world.set(|state| {
            (state.unrecoverable_sinks, state.unrestorable_operators) = (false, false)
        });
        let job =
            world.start(&[&options(dir, "DELETE_ON_CANCELLATION")[..], &[(FROM, path)]].concat());
        assert_eq!(job.wait(), Ok(Ended::Finished));
    }
}

#[test]
fn checkpoints_that_are_deleted_with_the_job_are_not_named() {
    let directory = tempfile::tempdir().unwrap();
    let world = failing();
    world.set(|state| state.unrestorable_operators = true);
    let dir = directory.path().to_str().unwrap();
    let error = world.start(&options(dir, "NO_EXTERNALIZED_CHECKPOINTS")).wait().unwrap_err();
    assert_eq!(fallback(&error), None);
}

#[test]
fn damaged_metadata_to_start_from_is_refused_with_another_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    let world = failing();
    world.set(|state| state.unrestorable_operators = true);
    let error = world.start(&options(dir, "RETAIN_ON_CANCELLATION")).wait().unwrap_err();
    let path = fallback(&error).unwrap();
    let metadata = std::path::Path::new(path).join("_metadata");
    let mut bytes = std::fs::read(&metadata).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&metadata, bytes).unwrap();
    let error = world.try_start(&[(FROM, path)]).unwrap_err();
    assert!(error.message.contains(metadata.to_str().unwrap()), "{error}");
    assert_ne!(fallback(&error), Some(path));
    assert!(fallback(&error).is_some(), "{error}");
}
