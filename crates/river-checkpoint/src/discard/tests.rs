use river_runtime::checkpoint::SubtaskState;

use super::*;
use crate::testing::*;

fn checkpoint(job: &Job, number: u64) -> String {
    let rows = vec![vec![Row::new(1, "a")]];
    let subtask = job.snapshot(number, 0, &[("rows", rows)], SubtaskState::default()).unwrap();
    job.complete(number, vec![subtask])
}

fn exists(path: &str) -> bool {
    std::fs::exists(path).unwrap()
}

#[test]
fn a_folder_goes_as_a_whole() {
    let job = Job::new(16);
    checkpoint(&job, 1);
    checkpoint(&job, 2);
    discard(job.storage.as_ref(), &job.chk(1)).unwrap();
    discard(job.storage.as_ref(), &job.chk(1)).unwrap();
    assert!(!exists(&job.chk(1)) && exists(&job.chk(2)));
    discard(job.storage.as_ref(), &job.path("")).unwrap_err();
    dispose(&job.chk(2), &BTreeMap::new()).unwrap();
    assert!(!exists(&job.chk(2)));
}

#[test]
fn only_what_is_named_itself_is_disposed_of() {
    let job = Job::new(16);
    checkpoint(&job, 1);
    let error = dispose(&job.path(""), &BTreeMap::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Path);
    assert!(exists(&job.chk(1)));
}

#[test]
fn what_lies_beside_a_moved_one_stays() {
    let job = Job::new(16);
    checkpoint(&job, 1);
    let moved = job.path("moved");
    std::fs::rename(job.chk(1), &moved).unwrap();
    std::fs::write(format!("{moved}/notes"), b"mine").unwrap();
    dispose(&moved, &BTreeMap::new()).unwrap();
    let left: Vec<_> = std::fs::read_dir(&moved).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["notes"]);
}
