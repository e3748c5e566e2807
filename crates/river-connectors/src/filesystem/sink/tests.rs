//! What a sink leaves behind, and what it does not touch.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringViewArray};
use river_core::types::{Field, LogicalType};
use river_runtime::batch::Mark;

use super::*;
use crate::tests::sink_spec;

fn columns() -> Vec<Field> {
    let text = |name| Field::new(name, LogicalType::STRING.nullable());
    vec![text("line"), text("day")]
}

fn sink(table: &Path, more: &[(&str, &str)]) -> FilesystemSink {
    let mut pairs = vec![
        ("connector", "filesystem"),
        ("format", "csv"),
        ("path", table.to_str().unwrap()),
        ("sink.partition-commit.policy.kind", "success-file"),
    ];
    pairs.extend_from_slice(more);
    let mut spec = sink_spec(&pairs, columns());
    spec.partition_keys = vec!["day".to_owned()];
    FilesystemSink::new(&spec).unwrap()
}

fn rows(line: &str, day: &str) -> Batch {
    let column = |text: &str| Arc::new(StringViewArray::from(vec![text])) as ArrayRef;
    Batch::new(vec![column(line), column(day)], 1)
}

fn watermark(text: &str) -> Batch {
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    watermark_ms(time.and_utc().timestamp_millis())
}

fn watermark_ms(watermark: i64) -> Batch {
    let mut batch = Batch::new(rows("", "").columns.iter().map(|c| c.slice(0, 0)).collect(), 0);
    batch.marks.push(Mark { offset: 0, watermark });
    batch
}

/// All files, visible or not, with names cut to what does not change.
fn files(table: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut directories = vec![table.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            let below = path.strip_prefix(table).unwrap().parent().unwrap().display().to_string();
            let kind = match name {
                name if name.starts_with("part-") => "part",
                name if name.ends_with(".inprogress") => "hidden",
                name if name.ends_with(".lock") => "lock",
                name if name.ends_with(".committed") => continue,
                name => name,
            };
            names.push(format!("{below}/{kind}"));
        }
    }
    names.sort();
    names
}

const BY_TIME: &[(&str, &str)] = &[
    ("sink.partition-commit.trigger", "partition-time"),
    ("sink.partition-commit.delay", "1 d"),
    ("partition.time-extractor.timestamp-pattern", "$day 00:00:00"),
];

#[test]
fn a_partition_is_marked_by_the_least_watermark_across_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path();
    let first = sink(table, BY_TIME);
    let mut writers = [first.writer(0, 2).unwrap(), first.writer(1, 2).unwrap()];
    writers[0].write(&rows("a", "2024-01-01")).unwrap();
    writers[0].write(&watermark("2024-01-05 00:00")).unwrap();
    writers[1].write(&watermark("2024-01-01 12:00")).unwrap();
    let prepared = |writers: &mut [Box<dyn SinkWriter>]| {
        writers.iter_mut().flat_map(|writer| writer.prepare().unwrap()).collect::<Vec<_>>()
    };
    let checkpoint = prepared(&mut writers);
    first.commit(&checkpoint).unwrap();
    assert_eq!(files(table), ["/lock", "day=2024-01-01/part"]);
    // Rows of the next checkpoint, which never comes.
    writers[1].write(&rows("b", "2024-01-02")).unwrap();
    drop((first, writers));

    let second = sink(table, BY_TIME);
    second.recover(&checkpoint).unwrap();
    assert_eq!(files(table), ["day=2024-01-01/part"]);
    let mut writers = [second.writer(0, 1).unwrap()];
    writers[0].write(&watermark("2024-01-02 00:00")).unwrap();
    second.commit(&prepared(&mut writers)).unwrap();
    assert_eq!(files(table), ["day=2024-01-01/part"]); // not past it yet
    let checkpoint = prepared(&mut writers);
    drop((second, writers));

    let third = sink(table, BY_TIME);
    third.recover(&checkpoint).unwrap();
    let mut writers = [third.writer(0, 1).unwrap()];
    writers[0].write(&watermark("2024-01-02 00:01")).unwrap();
    third.commit(&prepared(&mut writers)).unwrap();
    assert_eq!(files(table), ["day=2024-01-01/_SUCCESS", "day=2024-01-01/part"]);
    // Marked once: not again by the next checkpoint.
    fs::remove_file(table.join("day=2024-01-01/_SUCCESS")).unwrap();
    third.commit(&prepared(&mut writers)).unwrap();
    assert_eq!(files(table), ["day=2024-01-01/part"]);
}

#[test]
fn a_commit_that_was_cut_off_is_finished_by_the_restart() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path();
    let first = sink(table, &[]);
    let mut writer = first.writer(0, 1).unwrap();
    ["1", "2", "3"].iter().for_each(|day| writer.write(&rows("a", day)).unwrap());
    let prepared = writer.prepare().unwrap();
    first.publish_one_file(&prepared);
    drop((first, writer));
    let second = sink(table, &[]);
    second.recover(&prepared).unwrap();
    let marked =
        ["1", "2", "3"].map(|day| [format!("day={day}/_SUCCESS"), format!("day={day}/part")]);
    assert_eq!(files(table), marked.concat());
    second.recover(&prepared).unwrap();
    assert_eq!(files(table), marked.concat());
}

impl FilesystemSink {
    /// A commit that gets no further than its first file.
    fn publish_one_file(&self, prepared: &[Vec<u8>]) {
        let mut committables = Committable::decode_all(prepared).unwrap();
        committables[0].files.truncate(1);
        self.shared.publish(&[&committables[0]]).unwrap();
    }
}

#[test]
fn many_open_files_are_handed_over_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let first = sink(directory.path(), &[]);
    let mut writer = first.writer(0, 1).unwrap();
    let days: Vec<String> = (0..37).map(|day| format!("{day:02}")).collect();
    days.iter().for_each(|day| writer.write(&rows(day, day)).unwrap());
    let prepared = Committable::decode_all(&writer.prepare().unwrap()).unwrap();
    let day_of = |file: &FinishedFile| file.name[4..6].to_owned();
    assert_eq!(prepared[0].files.iter().map(day_of).collect::<Vec<_>>(), days);
    assert!(first.recover(&[]).is_err()); // too late
}

#[test]
fn a_job_that_has_come_to_its_end_leaves_only_its_output() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path();
    let first = sink(table, &[]);
    let mut writer = first.writer(0, 1).unwrap();
    writer.write(&rows("a", "1")).unwrap();
    writer.write(&watermark_ms(MAX_WATERMARK)).unwrap();
    first.commit(&writer.prepare().unwrap()).unwrap();
    assert_eq!(fs::read_dir(table).unwrap().count(), 1);
    assert_eq!(files(table), ["day=1/_SUCCESS", "day=1/part"]);
}

/// The last that a subtask has handed over stays in later checkpoints.
#[test]
fn files_that_were_committed_long_ago_may_be_gone() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path();
    let first = sink(table, &[]);
    let mut writers = [first.writer(0, 2).unwrap(), first.writer(1, 2).unwrap()];
    writers[0].write(&rows("a", "1")).unwrap();
    let ended = writers[0].prepare().unwrap();
    first.commit(&[ended.clone(), writers[1].prepare().unwrap()].concat()).unwrap();
    let consume = || fs::remove_dir_all(table.join("day=1")).unwrap();
    consume();
    let mut checkpoint = Vec::new();
    for _ in 0..2 {
        checkpoint = [ended.clone(), writers[1].prepare().unwrap()].concat();
        first.commit(&checkpoint).unwrap();
    }
    drop((first, writers));
    let second = sink(table, &[]);
    second.recover(&checkpoint).unwrap();
    let mut writer = second.writer(1, 2).unwrap();
    writer.write(&rows("b", "1")).unwrap();
    let checkpoint = [ended, writer.prepare().unwrap()].concat();
    second.commit(&checkpoint).unwrap();
    drop((second, writer));
    let third = sink(table, &[]);
    third.recover(&checkpoint).unwrap();
    assert_eq!(files(table), ["day=1/_SUCCESS", "day=1/part"]);
    drop(third);
    // The last checkpoint's, too, if its commit is known to have come to its end.
    let hidden = fs::read_dir(table).unwrap().map(|entry| entry.unwrap().path());
    let known: Vec<_> = hidden.filter(|path| path.extension().is_some()).collect();
    assert_eq!(known.len(), 1, "{known:?}");
    consume();
    sink(table, &[]).recover(&checkpoint).unwrap();
    fs::remove_file(&known[0]).unwrap();
    let error = sink(table, &[]).recover(&checkpoint).unwrap_err().to_string();
    assert!(error.contains("is gone"), "{error}");
}

#[test]
fn a_lost_or_torn_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path();
    let first = sink(table, &[]);
    let mut writer = first.writer(0, 1).unwrap();
    writer.write(&rows("a", "1")).unwrap();
    let prepared = writer.prepare().unwrap();
    let hidden = fs::read_dir(table.join("day=1")).unwrap().next().unwrap().unwrap().path();
    fs::write(&hidden, "").unwrap();
    let torn = first.commit(&prepared).unwrap_err().to_string();
    assert!(torn.contains(hidden.to_str().unwrap()) && torn.contains("has 0 bytes"), "{torn}");
    fs::remove_file(&hidden).unwrap();
    let lost = first.commit(&prepared).unwrap_err().to_string();
    assert!(lost.contains(hidden.to_str().unwrap()) && lost.contains("is gone"), "{lost}");
    assert!(first.commit(&[b"?".to_vec()]).is_err());
}

#[test]
fn a_commit_that_fails_can_be_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path();
    let first = sink(table, &[]);
    let mut writer = first.writer(0, 1).unwrap();
    writer.write(&rows("a", "1")).unwrap();
    let prepared = writer.prepare().unwrap();
    let in_the_way = table.join("day=1/_SUCCESS");
    fs::create_dir(&in_the_way).unwrap();
    let error = first.commit(&prepared).unwrap_err().to_string();
    assert!(error.contains("_SUCCESS"), "{error}");
    fs::remove_dir(&in_the_way).unwrap();
    first.commit(&prepared).unwrap();
    assert_eq!(files(table), ["/lock", "day=1/_SUCCESS", "day=1/part"]);
}

#[test]
fn what_could_not_be_committed_is_not_thrown_away() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path();
    let first = sink(table, &[]);
    let mut writer = first.writer(0, 1).unwrap();
    writer.write(&rows("a", "1")).unwrap();
    let prepared = writer.prepare().unwrap();
    writer.write(&rows("b", "2")).unwrap();
    let name = &Committable::decode_all(&prepared).unwrap()[0].files[0].name;
    let in_the_way = table.join(name).join("x");
    fs::create_dir_all(&in_the_way).unwrap();
    let error = first.commit(&prepared).unwrap_err().to_string();
    assert!(error.contains(name.as_str()), "{error}");
    first.abort().unwrap();
    assert_eq!(files(table), ["day=1/hidden"]);
    fs::remove_dir_all(table.join(name)).unwrap();
    drop((first, writer));
    sink(table, &[]).recover(&prepared).unwrap();
    assert_eq!(files(table), ["day=1/_SUCCESS", "day=1/part"]);
}

#[test]
fn only_the_dead_are_cleared_away() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path();
    let first = sink(table, &[]);
    let mut writer = first.writer(0, 1).unwrap();
    let savepoint = writer.prepare().unwrap();
    writer.write(&rows("a", "1")).unwrap();
    fs::write(table.join("day=1/.part-other-run-0-0.inprogress"), "").unwrap();
    // Two jobs from one savepoint: the first still runs.
    let second = sink(table, &[]);
    second.recover(&savepoint).unwrap();
    assert_eq!(files(table), ["/lock", "day=1/hidden", "day=1/hidden"]);
    let prepared = [savepoint, writer.prepare().unwrap()].concat();
    first.commit(&prepared).unwrap();
    // It fails with an attempt that is not gone before the next one starts.
    writer.write(&rows("b", "2")).unwrap();
    let handed_over = writer.prepare().unwrap();
    writer.write(&rows("c", "3")).unwrap();
    let third = sink(table, &[]);
    third.recover(&prepared).unwrap();
    let left = ["day=1/_SUCCESS", "day=1/hidden", "day=1/part", "day=2/hidden", "day=3/hidden"];
    assert_eq!(files(table), [&["/lock"], &left[..]].concat());
    drop((first, writer));
    let mut writer = third.writer(0, 1).unwrap();
    let nothing = writer.prepare().unwrap();
    writer.write(&rows("d", "1")).unwrap();
    third.commit(&nothing).unwrap();
    let own = ["/lock", "day=1/_SUCCESS", "day=1/hidden", "day=1/hidden", "day=1/part"];
    assert_eq!(files(table), own);
    third.abort().unwrap();
    assert_eq!(files(table), left[..3]);
    // Which cannot be gone on from any more.
    let error = sink(table, &[]).recover(&handed_over).unwrap_err().to_string();
    assert!(error.contains("is gone"), "{error}");
}
