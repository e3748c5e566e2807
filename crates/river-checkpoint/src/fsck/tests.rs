use expect_test::expect;
use river_runtime::checkpoint::SubtaskState;

use super::*;
use crate::testing::*;

const DAY_MS: i64 = 86_400_000;

/// A directory in which something of each kind is wrong.
fn prepared() -> Job {
    let job = Job::new(16);
    let write = |path: String| {
        std::fs::create_dir_all(river_storage::parent(&path).unwrap()).unwrap();
        std::fs::write(path, b"0123456789").unwrap();
    };
    for number in 1..=4 {
        let rows = vec![vec![Row::new(1, "a")]];
        let subtask = job.snapshot(number, 0, &[("rows", rows)], SubtaskState::default()).unwrap();
        job.complete(number, vec![subtask]);
    }
    std::fs::remove_file(format!("{}/state-1-0-0", job.chk(2))).unwrap();
    write(format!("{}/state-1-0-0", job.chk(3)));
    write(format!("{}/state-1-1-0", job.chk(4)));
    write(format!("{}/state-1-0-0", job.chk(5)));
    write(format!("{}/_metadata", job.chk(6)));
    std::fs::create_dir_all(job.chk(7)).unwrap();
    write(job.path("savepoint-012345-0123456789ab/state-0-0-0"));
    write(job.path("notes.txt"));
    write(format!("{}/shared/x", job.path(JOB_ID)));
    // A write that someone has not finished.
    let mut writer = job.storage.create(&format!("{}/state-9-9-0", job.chk(4))).unwrap();
    std::io::Write::write_all(&mut writer, b"half").unwrap();
    std::io::Write::flush(&mut writer).unwrap();
    std::mem::forget(writer);
    job
}

fn now_ms() -> i64 {
    // Files are made by the test, so their age depends on the clock: look from far ahead.
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis() as i64 + 3 * DAY_MS + 4_000_000
}

/// The report without what differs from run to run.
fn text(job: &Job, report: &Report) -> String {
    let text = report.to_string().replace(job.folder.path().to_str().unwrap(), "ROOT");
    let name = |word: &str| {
        let temporary = word.ends_with(".tmp:");
        let folder = word.rsplit_once('/').map_or("", |(folder, _)| folder);
        if temporary { format!("{folder}/TEMPORARY:") } else { word.to_owned() }
    };
    let line = |line: &str| line.split(' ').map(name).collect::<Vec<_>>().join(" ");
    text.lines().map(|l| line(l) + "\n").collect()
}

#[test]
fn what_is_wrong_is_found() {
    let job = prepared();
    let report = examine(&job.storage, &job.path(""), now_ms(), Reads::Listings).unwrap();
    assert!(!report.is_sound());
    expect![[r#"
        file://ROOT/
        job 0123456789abcdef0123456789abcdef 'job': 4 complete checkpoints
          file://ROOT/0123456789abcdef0123456789abcdef/chk-1: checkpoint 1, 3.4 KiB, 2 files, 2023-11-14 22:13:20.000 UTC
          file://ROOT/0123456789abcdef0123456789abcdef/chk-2: checkpoint 2, 1.1 KiB, 2 files, 2023-11-14 22:13:20.000 UTC
          file://ROOT/0123456789abcdef0123456789abcdef/chk-3: checkpoint 3, 1.1 KiB, 2 files, 2023-11-14 22:13:20.000 UTC
          file://ROOT/0123456789abcdef0123456789abcdef/chk-4: checkpoint 4, 3.4 KiB, 2 files, 2023-11-14 22:13:20.000 UTC
        10 findings
          MISSING  file://ROOT/0123456789abcdef0123456789abcdef/chk-2/state-1-0-0: is missing (2319 bytes)
          WRONG SIZE  file://ROOT/0123456789abcdef0123456789abcdef/chk-3/state-1-0-0: has 10 bytes, but 2319 were written
          orphan  file://ROOT/0123456789abcdef0123456789abcdef/chk-4/state-1-1-0: no metadata names it, 10 bytes, 3 d 1 h old
          incomplete  file://ROOT/0123456789abcdef0123456789abcdef/chk-5: 1 file but no _metadata: never completed, or that was deleted, 10 bytes, 3 d 1 h old
          DAMAGED  file://ROOT/0123456789abcdef0123456789abcdef/chk-6/_metadata: it does not begin as metadata of a checkpoint does (metadata of Apache Flink is not read), 10 bytes, 3 d 1 h old
          incomplete  file://ROOT/0123456789abcdef0123456789abcdef/chk-7: an empty folder, without _metadata, 3 d 1 h old
          unknown  file://ROOT/0123456789abcdef0123456789abcdef/shared/x: a file that is none of ours; not looked at, 10 bytes, 3 d 1 h old
          unknown  file://ROOT/notes.txt: a file that is none of ours; not looked at, 10 bytes, 3 d 1 h old
          incomplete  file://ROOT/savepoint-012345-0123456789ab: 1 file but no _metadata: never completed, or that was deleted, 10 bytes, 3 d 1 h old
          temporary  file://ROOT/0123456789abcdef0123456789abcdef/chk-4/TEMPORARY: an unfinished write, 4 bytes, 3 d 1 h old
    "#]].assert_eq(&text(&job, &report));
}

#[test]
fn what_is_old_and_left_over_is_removed() {
    let job = prepared();
    let (options, reads) = (BTreeMap::new(), Reads::Listings);
    let (storage, report) = fsck(&job.path(""), &options, now_ms(), reads).unwrap();
    assert_eq!(report.remove_older_than(storage.as_ref(), 4 * DAY_MS).unwrap().len(), 0);
    let removed = report.remove_older_than(storage.as_ref(), 3 * DAY_MS).unwrap();
    assert!(removed.iter().all(|finding| finding.problem.is_removable()));
    assert_eq!(removed.len(), 5);
    let report = examine(&storage, &job.path(""), now_ms(), Reads::Listings).unwrap();
    let left: Vec<Problem> = report.findings.iter().map(|finding| finding.problem).collect();
    use Problem::{DamagedMetadata, MissingFile, Unknown, WrongSize};
    assert_eq!(left, [MissingFile, WrongSize, DamagedMetadata, Unknown, Unknown]);
}

#[test]
fn a_sound_directory_is_sound_from_wherever_it_is_looked_at() {
    let job = Job::new(16);
    let rows = vec![vec![Row::new(1, "a")]];
    let subtask = job.snapshot(3, 0, &[("rows", rows)], SubtaskState::default()).unwrap();
    job.complete(3, vec![subtask]);
    for path in [job.path(""), job.path(JOB_ID), job.chk(3)] {
        let report = examine(&job.storage, &path, now_ms(), Reads::Everything).unwrap();
        assert_eq!(report.findings, []);
        let count = report.savepoints.len()
            + report.jobs.iter().map(|job| job.checkpoints.len()).sum::<usize>();
        assert_eq!(count, 1);
    }
    examine(&job.storage, &job.path("missing"), now_ms(), Reads::Listings).unwrap_err();
}

/// Between looking and removing a checkpoint may be completed.
#[test]
fn what_was_completed_meanwhile_stays() {
    let job = Job::new(16);
    let rows = vec![vec![Row::new(1, "a")]];
    let subtask = job.snapshot(3, 0, &[("rows", rows)], SubtaskState::default()).unwrap();
    let report = examine(&job.storage, &job.path(""), now_ms(), Reads::Listings).unwrap();
    assert_eq!(report.removable(0).count(), 1);
    job.complete(3, vec![subtask]);
    assert!(report.remove_older_than(job.storage.as_ref(), 0).unwrap().is_empty());
}

/// A changed byte shows only when files are read.
#[test]
fn a_changed_byte_is_found_if_everything_is_read() {
    let job = Job::new(16);
    let rows = vec![vec![Row::new(1, "a")]];
    let subtask = job.snapshot(3, 0, &[("rows", rows)], SubtaskState::default()).unwrap();
    job.complete(3, vec![subtask]);
    let file = format!("{}/state-1-0-0", job.chk(3));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let report = |reads| examine(&job.storage, &job.path(""), now_ms(), reads).unwrap();
    assert!(report(Reads::Listings).is_sound());
    let report = report(Reads::Everything);
    assert!(!report.is_sound());
    let [finding] = &report.findings[..] else { panic!("{report}") };
    let text = finding.to_string().replace(job.folder.path().to_str().unwrap(), "ROOT");
    expect!["DAMAGED  file://ROOT/0123456789abcdef0123456789abcdef/chk-3/state-1-0-0: the checksum of bytes 64 to 1856 does not match"].assert_eq(&text);
}
