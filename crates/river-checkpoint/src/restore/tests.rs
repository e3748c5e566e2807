use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use river_core::plan::Exchange;
use river_runtime::checkpoint::SubtaskState;

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
    #![proptest_config(ProptestConfig::with_cases(24))]

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
fn locals_of_all_subtasks_are_given() {
    let job = Job::new(128);
    let path = store(&job, 1, &spread(&[Row::new(1, "a")], 3, 128, 10));
    for parallelism in [2, 3] {
        for keeper in restore(&job, &path, parallelism) {
            assert_eq!(keeper.locals, [[0], [1], [2]]);
        }
    }
}
