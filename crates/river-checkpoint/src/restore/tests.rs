use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use river_core::plan::Exchange;
use river_runtime::checkpoint::SubtaskState;
use river_runtime::{Batch, Mark};

use super::*;
use crate::testing::*;

const TABLE: &str = "rows";

fn request(subtask: u32, parallelism: u32, max_parallelism: u32) -> SubtaskRequest {
    SubtaskRequest {
        nodes: BTreeMap::from([(OPERATOR.node, OPERATOR.node)]),
        subtask,
        parallelism,
        max_parallelism,
        in_flight_of: Some(1),
        inputs: vec![NewInput { exchange: Exchange::Hash(vec![0]), channels: 1 }],
        allow_non_restored: false,
    }
}

/// The operators of a new parallelism.
fn restore(job: &Job, path: &str, parallelism: u32) -> Vec<Keeper> {
    let restore = Arc::new(Restore::open(job.storage.clone(), path).unwrap());
    let subtask = |subtask| {
        let request = request(subtask, parallelism, job.max_parallelism);
        let mut keeper = Keeper::new(&[TABLE]);
        let mut restored = restore.subtask(request).unwrap();
        restored.restore(OPERATOR, &mut keeper).unwrap();
        keeper
    };
    (0..parallelism).map(subtask).collect()
}

/// The parts of rows that belong to each subtask, in chunks.
fn spread(rows: &[Row], parallelism: u32, groups: u32, chunk: usize) -> Vec<Vec<Vec<Row>>> {
    let of = |subtask| {
        let mine = |row: &&Row| subtask_of(row.key, parallelism, groups) == subtask;
        let rows: Vec<Row> = rows.iter().filter(mine).cloned().collect();
        rows.chunks(chunk.max(1)).map(<[Row]>::to_vec).collect()
    };
    (0..parallelism).map(of).collect()
}

fn store(job: &Job, checkpoint: u64, parts: &[Vec<Vec<Row>>]) -> String {
    let snapshot = |(subtask, chunks): (usize, &Vec<Vec<Row>>)| {
        let state = SubtaskState {
            locals: vec![(OPERATOR, vec![subtask as u8])],
            ..SubtaskState::default()
        };
        job.snapshot(checkpoint, subtask as u32, &[(TABLE, chunks.clone())], state).unwrap()
    };
    let subtasks = parts.iter().enumerate().map(snapshot).collect();
    job.complete(checkpoint, subtasks)
}

fn row() -> impl Strategy<Value = Row> {
    let text = || proptest::option::of(prop_oneof!["[a-zä]{0,6}", "[a-z ]{10,40}"]);
    let bytes = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..30));
    let list = proptest::option::of(proptest::collection::vec(text(), 0..4));
    let pair = proptest::option::of((text(), -(10i128.pow(38) - 1)..10i128.pow(38)));
    (0i64..40, text(), bytes, list, pair).prop_map(|(key, text, bytes, list, pair)| Row {
        key,
        text,
        bytes,
        list,
        pair,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// 1 -> 4 -> 3 subtasks: every row arrives once, where its key belongs, in order within its key.
    #[test]
    fn rows_follow_their_keys(
        rows in proptest::collection::vec(row(), 0..300),
        chunk in 1usize..50,
        compression: bool,
        inline: bool,
        groups in prop_oneof![Just(4u32), Just(128), Just(1000)],
    ) {
        let mut job = Job::new(groups);
        job.compression = compression;
        job.inline_bytes = if inline { 1 << 20 } else { 0 };
        let expected = by_key(&rows);
        let mut parts = spread(&rows, 1, groups, chunk);
        for (number, parallelism) in [1u32, 4, 3, 3].into_iter().enumerate() {
            let path = store(&job, number as u64, &parts);
            let keepers = restore(&job, &path, parallelism);
            let mut all = Vec::new();
            parts.clear();
            for (subtask, keeper) in keepers.into_iter().enumerate() {
                let rows = keeper.tables.into_iter().next().unwrap().rows;
                for row in &rows {
                    prop_assert_eq!(subtask_of(row.key, parallelism, groups), subtask as u32);
                }
                all.extend(rows.iter().cloned());
                parts.push(rows.chunks(chunk).map(<[Row]>::to_vec).collect());
            }
            prop_assert_eq!(by_key(&all), expected.clone());
        }
    }
}

#[test]
fn each_subtask_gets_its_own_local_state_and_all_of_it_when_there_are_others() {
    let job = Job::new(128);
    let path = store(&job, 1, &spread(&[Row::new(1, "a")], 3, 128, 10));
    for keeper in restore(&job, &path, 2) {
        assert_eq!(keeper.locals, [[0], [1], [2]]);
    }
    for (subtask, keeper) in restore(&job, &path, 3).into_iter().enumerate() {
        assert_eq!(keeper.locals, [[subtask as u8]]);
    }
}

/// Restores the only subtask of a checkpoint into that operator.
fn restore_into(
    job: &Job,
    path: &str,
    keeper: &mut Keeper,
    allow: bool,
) -> std::result::Result<(), String> {
    let restore = Restore::open(job.storage.clone(), path).map_err(|e| e.to_string())?;
    let request =
        SubtaskRequest { allow_non_restored: allow, ..request(0, 1, job.max_parallelism) };
    let mut restored = Arc::new(restore).subtask(request).map_err(|e| e.to_string())?;
    restored.restore(OPERATOR, keeper).map_err(|e| e.to_string())
}

fn one_row() -> Vec<Vec<Vec<Row>>> {
    vec![vec![vec![Row::new(1, "a")]]]
}

fn shown(job: &Job, text: &str) -> String {
    text.replace(job.folder.path().to_str().unwrap(), "ROOT")
}

#[test]
fn state_that_does_not_fit_is_refused() {
    let job = Job::new(128);
    let path = store(&job, 1, &one_row());
    let check = |keeper: &mut Keeper, expected: Expect| {
        let error = restore_into(&job, &path, keeper, false).unwrap_err();
        expected.assert_eq(&shown(&job, &error));
    };
    check(
        &mut Keeper::new(&["others"]),
        expect![
            "file://ROOT/0123456789abcdef0123456789abcdef/chk-1/state-1-0-0 holds state 'rows' of Deduplicate[1], for which the job has no place; allow state to be left out (--allowNonRestoredState) to go on without it"
        ],
    );
    let mut renamed = Keeper::new(&[TABLE]);
    let field = renamed.tables[0].columns[1].as_ref().clone().with_name("texts");
    renamed.tables[0].columns[1] = Arc::new(field);
    check(
        &mut renamed,
        expect![
            "file://ROOT/0123456789abcdef0123456789abcdef/chk-1/state-1-0-0 holds state 'rows' of Deduplicate[1] with the columns [key, text, bytes, list, pair], but the job keeps [key, texts, bytes, list, pair]"
        ],
    );
    let mut retyped = Keeper::new(&[TABLE]);
    let field = retyped.tables[0].columns[1].as_ref().clone();
    retyped.tables[0].columns[1] = Arc::new(field.with_data_type(arrow_schema::DataType::Int8));
    check(
        &mut retyped,
        expect![[
            r#"file://ROOT/0123456789abcdef0123456789abcdef/chk-1/state-1-0-0: state of Deduplicate[1]: state 'rows' has columns [Int64, Utf8View, BinaryView, List(Utf8View), Struct("a": Utf8View, "b": Decimal128(38, 2))], but the operator keeps [key Int64, text Int8, bytes BinaryView, list List(Utf8View), pair Struct("a": Utf8View, "b": Decimal128(38, 2))]"#
        ]],
    );
    let mut others = Keeper::new(&["others"]);
    restore_into(&job, &path, &mut others, true).unwrap();
    assert!(others.tables[0].rows.is_empty());
    // A table that is new starts empty.
    let mut more = Keeper::new(&["more", TABLE]);
    restore_into(&job, &path, &mut more, false).unwrap();
    assert_eq!((more.tables[0].rows.len(), more.tables[1].rows.len()), (0, 1));
}

#[test]
fn another_number_of_key_groups_is_refused() {
    let job = Job::new(128);
    let path = store(&job, 1, &one_row());
    let restore = Arc::new(Restore::open(job.storage.clone(), &path).unwrap());
    assert_eq!((restore.max_parallelism(0), restore.max_parallelism(1)), (None, Some(128)));
    let error = restore.subtask(request(0, 1, 256)).err().unwrap();
    assert_eq!(error.kind(), crate::ErrorKind::Incompatible);
    expect!["file://ROOT/0123456789abcdef0123456789abcdef/chk-1/_metadata keeps the state of Deduplicate[1] in 128 key groups, but the job has 256 for it; set 'pipeline.max-parallelism' to 128"].assert_eq(&shown(&job, &error.to_string()));
}

#[test]
fn damage_is_an_error_that_names_the_file() {
    let job = Job::new(128);
    let path = store(&job, 1, &one_row());
    let file = format!("{}/state-1-0-0", job.chk(1));
    let whole = std::fs::read(&file).unwrap();
    let check = |expected: Expect| {
        let error = restore_into(&job, &path, &mut Keeper::new(&[TABLE]), false).unwrap_err();
        expected.assert_eq(&shown(&job, &error));
    };
    let mut damaged = whole.clone();
    damaged[200] ^= 1;
    std::fs::write(&file, &damaged).unwrap();
    check(expect![
        "file://ROOT/0123456789abcdef0123456789abcdef/chk-1/state-1-0-0 is damaged: the checksum of bytes 64 to 1856 does not match; use an older checkpoint or savepoint"
    ]);
    std::fs::write(&file, &whole[..300]).unwrap();
    check(expect![
        "file://ROOT/0123456789abcdef0123456789abcdef/chk-1/state-1-0-0 is damaged: cut off at byte 300 of 2319; use an older checkpoint or savepoint"
    ]);
    std::fs::remove_file(&file).unwrap();
    check(expect![
        "file://ROOT/0123456789abcdef0123456789abcdef/chk-1/state-1-0-0 is damaged: the file is missing; use an older checkpoint or savepoint"
    ]);
    std::fs::write(&path, b"RIVRMETA").unwrap();
    check(expect![
        "file://ROOT/0123456789abcdef0123456789abcdef/chk-1/_metadata is damaged: cut off at byte 8; use an older checkpoint or savepoint"
    ]);
    std::fs::remove_file(&path).unwrap();
    check(expect![
        "file://ROOT/0123456789abcdef0123456789abcdef/chk-1/_metadata is missing: the checkpoint was never completed, or the file was deleted; use an older checkpoint or savepoint"
    ]);
}

/// Before anything has been taken from the checkpoint.
#[test]
fn damage_is_found_before_a_job_starts() {
    let job = Job::new(128);
    let path = store(&job, 7, &[vec![], one_row()[0].clone(), vec![vec![Row::new(2, "b")]]]);
    let open = || Restore::open_whole(job.storage.clone(), &path);
    open().unwrap();
    let file = format!("{}/state-1-2-0", job.chk(7));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let check = |expected: Expect| {
        let error = open().unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Damaged);
        expected.assert_eq(&shown(&job, &error.to_string()));
    };
    check(expect![
        "file://ROOT/0123456789abcdef0123456789abcdef/chk-7/state-1-2-0 is damaged: the checksum of bytes 64 to 1856 does not match; use an older checkpoint or savepoint"
    ]);
    std::fs::remove_file(format!("{}/state-1-1-0", job.chk(7))).unwrap();
    check(expect![
        "file://ROOT/0123456789abcdef0123456789abcdef/chk-7/state-1-1-0 is damaged: the file is missing; use an older checkpoint or savepoint"
    ]);
    std::fs::write(&path, b"RIVRMETA").unwrap();
    check(expect![
        "file://ROOT/0123456789abcdef0123456789abcdef/chk-7/_metadata is damaged: cut off at byte 8; use an older checkpoint or savepoint"
    ]);
}

#[test]
fn a_folder_can_be_moved() {
    let job = Job::new(128);
    store(&job, 1, &one_row());
    let moved = job.path("somewhere/else");
    std::fs::create_dir_all(job.path("somewhere")).unwrap();
    std::fs::rename(job.chk(1), &moved).unwrap();
    let mut keeper = Keeper::new(&[TABLE]);
    restore_into(&job, &format!("{moved}/_metadata"), &mut keeper, false).unwrap();
    assert_eq!(keeper.tables[0].rows, [Row::new(1, "a")]);
}

/// Enough for several blocks, so that they are read ahead on a thread, and for one large slot.
#[test]
fn many_blocks_are_read_in_order() {
    let job = Job::new(128);
    let text = "x".repeat(500);
    let row = |number: i64| Row { list: None, pair: None, ..Row::new(number % 50, &text) };
    let rows: Vec<Row> = (0..12_000).map(row).collect();
    let path = store(&job, 1, &[vec![rows[..9000].to_vec(), rows[9000..].to_vec()]]);
    for parallelism in [1, 3] {
        let keepers = restore(&job, &path, parallelism);
        let all: Vec<Row> = keepers.into_iter().flat_map(|k| k.tables[0].rows.clone()).collect();
        assert!(by_key(&all) == by_key(&rows));
    }
    let file = format!("{}/state-1-0-0", job.chk(1));
    let mut damaged = std::fs::read(&file).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&file, damaged).unwrap();
    let error = restore_into(&job, &path, &mut Keeper::new(&[TABLE]), false).unwrap_err();
    assert!(error.contains("checksum of bytes"), "{error}");
}

/// A batch with kinds and watermarks.
fn batch(keys: std::ops::Range<i64>) -> Batch {
    let rows: Vec<Row> = keys.map(|key| Row::new(key, "in flight")).collect();
    let kinds: Vec<u8> = (0..rows.len()).map(|row| row as u8 % 4).collect();
    Batch {
        columns: arrays(&rows),
        rows: rows.len(),
        kinds: Some(kinds.into()),
        marks: vec![Mark { offset: 1, watermark: -5 }, Mark { offset: rows.len(), watermark: 7 }],
    }
}

/// Two old subtasks with batches in flight on two channels.
fn store_in_flight(job: &Job) -> String {
    let state = |from: i64| SubtaskState {
        in_flight: vec![
            (0, batch(from..from + 10)),
            (1, Batch::watermark(9)),
            (1, Batch::new(arrays(&[Row::new(from + 20, "b")]), 1)),
            (0, batch(from + 10..from + 15)),
        ],
        ..SubtaskState::default()
    };
    let subtask = |number| job.snapshot(1, number, &[], state(i64::from(number) * 100)).unwrap();
    let mut metadata = job.metadata(1, vec![subtask(0), subtask(1)]);
    metadata.vertices[1].channels = vec![2];
    layout::complete(job.storage.as_ref(), &job.chk(1), &metadata).unwrap()
}

fn in_flight(
    job: &Job,
    path: &str,
    subtask: u32,
    parallelism: u32,
    input: NewInput,
) -> Vec<(usize, Batch)> {
    let restore = Arc::new(Restore::open(job.storage.clone(), path).unwrap());
    let request = SubtaskRequest {
        inputs: vec![input],
        ..request(subtask, parallelism, job.max_parallelism)
    };
    restore.subtask(request).unwrap().in_flight().unwrap()
}

#[test]
fn batches_in_flight_come_back_as_they_were() {
    let job = Job::new(128);
    let path = store_in_flight(&job);
    let input = NewInput { exchange: Exchange::Hash(vec![0]), channels: 2 };
    let batches = in_flight(&job, &path, 1, 2, input);
    let channels: Vec<usize> = batches.iter().map(|(channel, _)| *channel).collect();
    assert_eq!(channels, [0, 1, 1, 0]);
    assert_eq!(format!("{:?}", batches[0].1), format!("{:?}", batch(100..110)));
    assert_eq!(batches[1].1.marks, Batch::watermark(9).marks);
    assert_eq!(batches[2].1.kinds, None);
    assert_eq!(rows_of(&batches[3].1.columns), rows_of(&batch(110..115).columns));
}

#[test]
fn batches_in_flight_are_shared_out_anew() {
    let job = Job::new(128);
    let path = store_in_flight(&job);
    let keys = |parallelism: u32, exchange: &Exchange| -> Vec<Vec<i64>> {
        let keys = |subtask| {
            let input = NewInput { exchange: exchange.clone(), channels: 1 };
            let batches = in_flight(&job, &path, subtask, parallelism, input);
            assert!(batches.iter().all(|(to, batch)| *to == 0 && batch.marks.is_empty()));
            batches.iter().flat_map(|(_, batch)| rows_of(&batch.columns)).map(|r| r.key).collect()
        };
        (0..parallelism).map(keys).collect()
    };
    for (subtask, keys) in (0u32..).zip(keys(3, &Exchange::Hash(vec![0]))) {
        assert!(!keys.is_empty());
        assert!(keys.iter().all(|key| subtask_of(*key, 3, 128) == subtask));
    }
    let mut all = keys(3, &Exchange::Hash(vec![0])).concat();
    all.sort_unstable();
    let old = |from: i64| (from..from + 15).chain([from + 20]).collect::<Vec<i64>>();
    assert_eq!(all, [old(0), old(100)].concat());
    let sorted = |mut keys: Vec<Vec<i64>>| {
        keys.iter_mut().for_each(|keys| keys.sort_unstable());
        keys
    };
    assert_eq!(sorted(keys(3, &Exchange::Rebalance)), [old(0), old(100), Vec::new()]);
    assert_eq!(sorted(keys(3, &Exchange::Broadcast)), [old(0), old(100), old(0)]);
    assert_eq!(sorted(keys(1, &Exchange::Broadcast)), [old(0)]);
    // The same tasks, but others send to them.
    assert_eq!(sorted(keys(2, &Exchange::Rebalance)), [old(0), old(100)]);
}

/// Rows on their way to a node that is not the first of its task any more have no place.
#[test]
fn batches_in_flight_need_their_channels() {
    let job = Job::new(128);
    let path = store_in_flight(&job);
    let restore = Arc::new(Restore::open(job.storage.clone(), &path).unwrap());
    let chained = SubtaskRequest {
        nodes: BTreeMap::from([(0, 0), (1, 1)]),
        in_flight_of: Some(0),
        inputs: Vec::new(),
        ..request(0, 2, 128)
    };
    let error = restore.subtask(chained).err().unwrap();
    expect!["file://ROOT/0123456789abcdef0123456789abcdef/chk-1/_metadata holds rows that were on their way to Deduplicate[1], which now runs in one task with others; go on with the parallelism and chaining of then, or from a savepoint"].assert_eq(&shown(&job, &error.to_string()));
    // A node that had none takes none.
    let other = SubtaskRequest { nodes: BTreeMap::from([(0, 0)]), ..request(0, 2, 128) };
    assert!(restore.subtask(other).unwrap().in_flight().unwrap().is_empty());
}
