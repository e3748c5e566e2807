use expect_test::expect;
use river_runtime::Batch;
use river_runtime::checkpoint::SubtaskState;
use river_runtime::source::SplitState;

use super::*;
use crate::testing::*;

/// A checkpoint with something of everything.
fn checkpoint(job: &Job) -> String {
    let rows = |range: std::ops::Range<i64>| vec![range.map(|key| Row::new(key, "x")).collect()];
    let locals = |bytes: usize| vec![(OPERATOR, vec![0; bytes])];
    let one = SubtaskState {
        locals: locals(8),
        in_flight: vec![(0, Batch::new(arrays(&[Row::new(1, "a")]), 1))],
        ..SubtaskState::default()
    };
    let two = SubtaskState { locals: locals(16), ..SubtaskState::default() };
    let subtasks = vec![
        job.snapshot(7, 0, &[("groups", rows(0..30)), ("timers", rows(0..2))], one).unwrap(),
        job.snapshot(7, 1, &[("groups", rows(30..50))], two).unwrap(),
    ];
    let mut metadata = job.metadata(7, subtasks);
    metadata.vertices[0].subtasks[0].splits = vec![
        SplitState { split: "/data/a.csv".to_owned(), position: b"1234".to_vec() },
        SplitState { split: "/data/b.csv".to_owned(), position: vec![0, 255] },
    ];
    metadata.vertices[0].subtasks[0].finished = true;
    metadata.vertices[1].subtasks[1].prepared = vec![b"part-0".to_vec()];
    layout::complete(job.storage.as_ref(), &job.chk(7), &metadata).unwrap()
}

fn text(job: &Job, path: &str) -> String {
    let text = describe_at(&job.storage, path).unwrap().to_string();
    text.replace(job.folder.path().to_str().unwrap(), "ROOT")
}

#[test]
fn a_checkpoint_is_described() {
    let job = Job::new(128);
    let path = checkpoint(&job);
    expect![[r#"
        checkpoint 7 of job 'job'
        job id   0123456789abcdef0123456789abcdef
        path     file://ROOT/0123456789abcdef0123456789abcdef/chk-7/_metadata
        made     2023-11-14 22:13:20.000 UTC by river 0.1.0
        state    10.8 KiB, 10.8 KiB of it in 2 files beside _metadata

        vertex 0: Values[0]
          1 subtask, 128 key groups, 28 bytes; ended
          subtask 0 reads /data/a.csv at 1234
          subtask 0 reads /data/b.csv at 0x00ff

        vertex 1: Deduplicate[1]
          2 subtasks, 128 key groups, 10.8 KiB
          Deduplicate[1]
            table groups: 50 rows, 5.3 KiB, 42 key groups
              columns: key Int64, text Utf8View, bytes BinaryView, list List(Utf8View), pair Struct("a": Utf8View, "b": Decimal128(38, 2))
              rows by subtask: 30, 20
            table timers: 2 rows, 1.8 KiB, 2 key groups
              columns: key Int64, text Utf8View, bytes BinaryView, list List(Utf8View), pair Struct("a": Utf8View, "b": Decimal128(38, 2))
              rows by subtask: 2, 0
            beside tables: 24 bytes
          subtask 1 has prepared output:
            part-0
          in flight: 1 batch, 1 row, 1.8 KiB
    "#]].assert_eq(&text(&job, &path));
}

#[test]
fn what_is_missing_is_said_in_its_place() {
    let job = Job::new(128);
    let path = checkpoint(&job);
    std::fs::remove_file(format!("{}/state-1-1-0", job.chk(7))).unwrap();
    let description = describe_at(&job.storage, &path).unwrap();
    let problem = &description.vertices[1].problems[0];
    let problem = problem.replace(job.folder.path().to_str().unwrap(), "ROOT");
    expect!["file://ROOT/0123456789abcdef0123456789abcdef/chk-7/state-1-1-0 is damaged: the file is missing; use an older checkpoint or savepoint"].assert_eq(&problem);
    assert_eq!(description.vertices[1].operators[0].tables[0].rows, 30);
}

#[test]
fn programs_read_it_too() {
    let job = Job::new(128);
    let path = checkpoint(&job);
    let uri = path.trim_end_matches("_metadata");
    let description = describe(uri, &BTreeMap::new()).unwrap();
    let json = serde_json::to_value(&description).unwrap();
    assert_eq!(json["kind"], "checkpoint");
    assert_eq!(json["vertices"][1]["operators"][0]["tables"][0]["rows"], 50);
}
