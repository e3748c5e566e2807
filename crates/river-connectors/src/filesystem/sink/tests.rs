//! What a sink leaves behind, and what it does not touch.

use std::fs;
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

/// A table of files, empty at first, with more options for its sinks.
struct Table {
    directory: tempfile::TempDir,
    options: &'static [(&'static str, &'static str)],
}

impl Table {
    fn new() -> Table {
        Table { directory: tempfile::tempdir().unwrap(), options: &[] }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A sink that has not been used.
    fn sink(&self) -> FilesystemSink {
        let mut pairs = vec![
            ("connector", "filesystem"),
            ("format", "csv"),
            ("path", self.directory.path().to_str().unwrap()),
            ("sink.partition-commit.policy.kind", "success-file"),
        ];
        pairs.extend_from_slice(self.options);
        let mut spec = sink_spec(&pairs, columns());
        spec.partition_keys = vec!["day".to_owned()];
        FilesystemSink::new(&spec).unwrap()
    }

    /// A sink that goes on from a checkpoint.
    fn recovered(&self, checkpoint: &[Vec<u8>]) -> FilesystemSink {
        let sink = self.sink();
        sink.recover(checkpoint).unwrap();
        sink
    }

    /// Why a sink cannot go on from a checkpoint.
    fn not_recovered(&self, checkpoint: &[Vec<u8>]) -> String {
        self.sink().recover(checkpoint).unwrap_err().to_string()
    }

    /// A sink with its only writer.
    fn start(&self) -> (FilesystemSink, Box<dyn SinkWriter>) {
        let sink = self.sink();
        let writer = sink.writer(0, 1).unwrap();
        (sink, writer)
    }

    /// The same, once the writer has a row for the first day.
    fn start_with_a_row(&self) -> (FilesystemSink, Box<dyn SinkWriter>) {
        let (sink, mut writer) = self.start();
        writer.write(&rows("a", "1")).unwrap();
        (sink, writer)
    }

    /// All files, visible or not, with names cut to what does not change.
    fn files(&self) -> Vec<String> {
        let table = self.directory.path();
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
                let below =
                    path.strip_prefix(table).unwrap().parent().unwrap().display().to_string();
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

const BY_TIME: &[(&str, &str)] = &[
    ("sink.partition-commit.trigger", "partition-time"),
    ("sink.partition-commit.delay", "1 d"),
    ("partition.time-extractor.timestamp-pattern", "$day 00:00:00"),
];

#[test]
fn a_partition_is_marked_by_the_least_watermark_across_a_restart() {
    let table = Table { options: BY_TIME, ..Table::new() };
    let first = table.sink();
    let mut writers = [first.writer(0, 2).unwrap(), first.writer(1, 2).unwrap()];
    writers[0].write(&rows("a", "2024-01-01")).unwrap();
    writers[0].write(&watermark("2024-01-05 00:00")).unwrap();
    writers[1].write(&watermark("2024-01-01 12:00")).unwrap();
    let prepared = |writers: &mut [Box<dyn SinkWriter>]| {
        writers.iter_mut().flat_map(|writer| writer.prepare().unwrap()).collect::<Vec<_>>()
    };
    let checkpoint = prepared(&mut writers);
    first.commit(&checkpoint).unwrap();
    assert_eq!(table.files(), ["/lock", "day=2024-01-01/part"]);
    // Rows of the next checkpoint, which never comes.
    writers[1].write(&rows("b", "2024-01-02")).unwrap();
    drop((first, writers));

    let second = table.recovered(&checkpoint);
    assert_eq!(table.files(), ["day=2024-01-01/part"]);
    let mut writers = [second.writer(0, 1).unwrap()];
    writers[0].write(&watermark("2024-01-02 00:00")).unwrap();
    second.commit(&prepared(&mut writers)).unwrap();
    assert_eq!(table.files(), ["day=2024-01-01/part"]); // not past it yet
    let checkpoint = prepared(&mut writers);
    drop((second, writers));

    let third = table.recovered(&checkpoint);
    let mut writers = [third.writer(0, 1).unwrap()];
    writers[0].write(&watermark("2024-01-02 00:01")).unwrap();
    third.commit(&prepared(&mut writers)).unwrap();
    assert_eq!(table.files(), ["day=2024-01-01/_SUCCESS", "day=2024-01-01/part"]);
    // Marked once: not again by the next checkpoint.
    fs::remove_file(table.path("day=2024-01-01/_SUCCESS")).unwrap();
    third.commit(&prepared(&mut writers)).unwrap();
    assert_eq!(table.files(), ["day=2024-01-01/part"]);
}

#[test]
fn a_commit_that_was_cut_off_is_finished_by_the_restart() {
    let table = Table::new();
    let (first, mut writer) = table.start();
    ["1", "2", "3"].iter().for_each(|day| writer.write(&rows("a", day)).unwrap());
    let prepared = writer.prepare().unwrap();
    first.publish_one_file(&prepared);
    drop((first, writer));
    let second = table.recovered(&prepared);
    let marked =
        ["1", "2", "3"].map(|day| [format!("day={day}/_SUCCESS"), format!("day={day}/part")]);
    assert_eq!(table.files(), marked.concat());
    second.recover(&prepared).unwrap();
    assert_eq!(table.files(), marked.concat());
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
    let table = Table::new();
    let (first, mut writer) = table.start();
    let days: Vec<String> = (0..37).map(|day| format!("{day:02}")).collect();
    days.iter().for_each(|day| writer.write(&rows(day, day)).unwrap());
    let prepared = Committable::decode_all(&writer.prepare().unwrap()).unwrap();
    let day_of = |file: &FinishedFile| file.name[4..6].to_owned();
    assert_eq!(prepared[0].files.iter().map(day_of).collect::<Vec<_>>(), days);
    assert!(first.recover(&[]).is_err()); // too late
}

#[test]
fn a_job_that_has_come_to_its_end_leaves_only_its_output() {
    let table = Table::new();
    let (first, mut writer) = table.start_with_a_row();
    writer.write(&watermark_ms(MAX_WATERMARK)).unwrap();
    first.commit(&writer.prepare().unwrap()).unwrap();
    assert_eq!(fs::read_dir(table.directory.path()).unwrap().count(), 1);
    assert_eq!(table.files(), ["day=1/_SUCCESS", "day=1/part"]);
}

/// The last that a subtask has handed over stays in later checkpoints.
#[test]
fn files_that_were_committed_long_ago_may_be_gone() {
    let table = Table::new();
    let first = table.sink();
    let mut writers = [first.writer(0, 2).unwrap(), first.writer(1, 2).unwrap()];
    writers[0].write(&rows("a", "1")).unwrap();
    let ended = writers[0].prepare().unwrap();
    first.commit(&[ended.clone(), writers[1].prepare().unwrap()].concat()).unwrap();
    let consume = || fs::remove_dir_all(table.path("day=1")).unwrap();
    consume();
    let mut checkpoint = Vec::new();
    for _ in 0..2 {
        checkpoint = [ended.clone(), writers[1].prepare().unwrap()].concat();
        first.commit(&checkpoint).unwrap();
    }
    drop((first, writers));
    let second = table.recovered(&checkpoint);
    let mut writer = second.writer(1, 2).unwrap();
    writer.write(&rows("b", "1")).unwrap();
    let checkpoint = [ended, writer.prepare().unwrap()].concat();
    second.commit(&checkpoint).unwrap();
    drop((second, writer));
    let third = table.recovered(&checkpoint);
    assert_eq!(table.files(), ["day=1/_SUCCESS", "day=1/part"]);
    drop(third);
    // The last checkpoint's, too, if its commit is known to have come to its end.
    let hidden = fs::read_dir(table.directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let known: Vec<_> = hidden.filter(|path| path.extension().is_some()).collect();
    assert_eq!(known.len(), 1, "{known:?}");
    consume();
    table.recovered(&checkpoint);
    fs::remove_file(&known[0]).unwrap();
    let error = table.not_recovered(&checkpoint);
    assert!(error.contains("is gone"), "{error}");
}

#[test]
fn going_back_says_which_files_come_again() {
    let table = Table::new();
    let after = |checkpoint: &[Vec<u8>]| {
        let committables = Committable::decode_all(checkpoint).unwrap();
        let commits = Commits::new(table.directory.path());
        later::files_after(table.directory.path(), &committables, &commits).len()
    };
    let checkpoint = |(sink, writer): &mut (FilesystemSink, Box<dyn SinkWriter>)| {
        writer.write(&rows("a", "1")).unwrap();
        let prepared = writer.prepare().unwrap();
        sink.commit(&prepared).unwrap();
        prepared
    };
    let mut checkpoints = Vec::new();
    for _ in 0..3 {
        let sink = table.recovered(checkpoints.last().map_or(&[], |last: &Vec<_>| last));
        let writer = sink.writer(0, 1).unwrap();
        let mut run = (sink, writer);
        checkpoints.extend([checkpoint(&mut run), checkpoint(&mut run)]);
    }
    // One file each; those of earlier runs are none of the later ones.
    assert_eq!([0, 1, 2, 3, 4, 5].map(|at| after(&checkpoints[at])), [5, 4, 3, 2, 1, 0]);
    let text = later::warning("t", &["/t/part-1".into()]);
    assert!(text.ends_with("remove the files:\n  /t/part-1"), "{text}");
}

#[test]
fn a_lost_or_torn_file_is_named() {
    let table = Table::new();
    let (first, mut writer) = table.start_with_a_row();
    let prepared = writer.prepare().unwrap();
    let hidden = fs::read_dir(table.path("day=1")).unwrap().next().unwrap().unwrap().path();
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
    let table = Table::new();
    let (first, mut writer) = table.start_with_a_row();
    let prepared = writer.prepare().unwrap();
    let in_the_way = table.path("day=1/_SUCCESS");
    fs::create_dir(&in_the_way).unwrap();
    let error = first.commit(&prepared).unwrap_err().to_string();
    assert!(error.contains("_SUCCESS"), "{error}");
    fs::remove_dir(&in_the_way).unwrap();
    first.commit(&prepared).unwrap();
    assert_eq!(table.files(), ["/lock", "day=1/_SUCCESS", "day=1/part"]);
}

#[test]
fn what_could_not_be_committed_is_not_thrown_away() {
    let table = Table::new();
    let (first, mut writer) = table.start_with_a_row();
    let prepared = writer.prepare().unwrap();
    writer.write(&rows("b", "2")).unwrap();
    let name = &Committable::decode_all(&prepared).unwrap()[0].files[0].name;
    let in_the_way = table.path(name).join("x");
    fs::create_dir_all(&in_the_way).unwrap();
    let error = first.commit(&prepared).unwrap_err().to_string();
    assert!(error.contains(name.as_str()), "{error}");
    first.abort().unwrap();
    assert_eq!(table.files(), ["day=1/hidden"]);
    fs::remove_dir_all(table.path(name)).unwrap();
    drop((first, writer));
    table.recovered(&prepared);
    assert_eq!(table.files(), ["day=1/_SUCCESS", "day=1/part"]);
}

#[test]
fn only_the_dead_are_cleared_away() {
    let table = Table::new();
    let (first, mut writer) = table.start();
    let savepoint = writer.prepare().unwrap();
    writer.write(&rows("a", "1")).unwrap();
    fs::write(table.path("day=1/.part-other-run-0-0.inprogress"), "").unwrap();
    // Two jobs from one savepoint: the first still runs.
    let _second = table.recovered(&savepoint);
    assert_eq!(table.files(), ["/lock", "day=1/hidden", "day=1/hidden"]);
    let prepared = [savepoint, writer.prepare().unwrap()].concat();
    first.commit(&prepared).unwrap();
    // It fails with an attempt that is not gone before the next one starts.
    writer.write(&rows("b", "2")).unwrap();
    let handed_over = writer.prepare().unwrap();
    writer.write(&rows("c", "3")).unwrap();
    let third = table.recovered(&prepared);
    let left = ["day=1/_SUCCESS", "day=1/hidden", "day=1/part", "day=2/hidden", "day=3/hidden"];
    assert_eq!(table.files(), [&["/lock"], &left[..]].concat());
    drop((first, writer));
    let mut writer = third.writer(0, 1).unwrap();
    let nothing = writer.prepare().unwrap();
    writer.write(&rows("d", "1")).unwrap();
    third.commit(&nothing).unwrap();
    let own = ["/lock", "day=1/_SUCCESS", "day=1/hidden", "day=1/hidden", "day=1/part"];
    assert_eq!(table.files(), own);
    third.abort().unwrap();
    assert_eq!(table.files(), left[..3]);
    // Which cannot be gone on from any more.
    let error = table.not_recovered(&handed_over);
    assert!(error.contains("is gone"), "{error}");
}
