use river_core::options::Options;
use river_core::plan::{Exchange, Node, Operator};
use river_core::{ChangelogMode, Expr, LogicalType, Value};

use super::*;

/// A plan of constants, with an expression that is so deep.
pub(crate) fn plan(depth: usize, value: Value) -> Plan {
    let ty = LogicalType::Double.nullable();
    let mut expr = Expr::literal(value, ty.clone());
    for _ in 0..depth {
        expr = Expr::call("-", vec![expr], ty.clone());
    }
    let node = |id, inputs, operator| Node {
        id,
        inputs,
        operator,
        schema: Vec::new(),
        changelog: ChangelogMode::APPEND,
        keys: Vec::new(),
        parallelism: None,
        state_ttl_ms: 0,
    };
    let edge = river_core::plan::Edge { node: 0, exchange: Exchange::Forward };
    Plan {
        version: PLAN_VERSION,
        name: "job".to_owned(),
        nodes: vec![
            node(0, Vec::new(), Operator::Values { rows: Vec::new() }),
            node(1, vec![edge], Operator::Calc { condition: None, projection: vec![expr] }),
        ],
        options: Options::new(),
    }
}

fn metadata(plan: Plan) -> CheckpointMetadata {
    let operator = OperatorId { node: 1, part: 0 };
    let subtask = SubtaskHandle {
        locals: vec![(operator, vec![0, 255, 1])],
        splits: vec![SplitState { split: "a".to_owned(), position: vec![7; 5] }],
        prepared: vec![vec![1, 2], Vec::new()],
        rows: Some(StateFile::Inline(vec![9; 100])),
        in_flight: true,
        ..SubtaskHandle::default()
    };
    let file =
        FileHandle { name: "state-0-1-0".to_owned(), shared: false, bytes: 5, index_crc32c: 7 };
    let stored = SubtaskHandle {
        finished: true,
        rows: Some(StateFile::Stored(file)),
        timing: StoredTiming { start_delay_us: 1, alignment_us: 2, sync_us: 3, store_us: 4 },
        ..SubtaskHandle::default()
    };
    CheckpointMetadata {
        kind: Kind::Savepoint,
        checkpoint: 7,
        job_id: "0".repeat(32),
        job_name: "job".to_owned(),
        leader_epoch: 0,
        timestamp_ms: 1_700_000_000_000,
        river_version: "0.1.0".to_owned(),
        vertices: vec![VertexState {
            nodes: vec![0, 1],
            name: "Values -> Calc".to_owned(),
            parallelism: 2,
            max_parallelism: 128,
            channels: Vec::new(),
            subtasks: vec![subtask, stored],
        }],
        plan,
    }
}

#[test]
fn what_is_written_is_read() {
    for value in [0.1, f64::MIN_POSITIVE, f64::INFINITY, -0.0, 1e300, 0.1 + 0.2] {
        let written = metadata(plan(3, Value::Float64(value)));
        let read = decode(&encode(&written).unwrap(), "file:///m").unwrap();
        assert_eq!(read, written);
    }
    let written = metadata(plan(0, Value::Float64(f64::NAN)));
    let read = decode(&encode(&written).unwrap(), "file:///m").unwrap();
    assert_eq!(format!("{read:?}"), format!("{written:?}"));
    let decimal = metadata(plan(0, Value::Decimal(i128::MIN)));
    assert_eq!(decode(&encode(&decimal).unwrap(), "file:///m").unwrap(), decimal);
}

#[test]
fn deep_expressions_are_read() {
    // Comparing and dropping such a tree takes stack too.
    let work = || {
        let written = metadata(plan(2500, Value::Float64(1.5)));
        assert!(decode(&encode(&written).unwrap(), "file:///m").unwrap() == written);
    };
    std::thread::Builder::new().stack_size(256 << 20).spawn(work).unwrap().join().unwrap();
    let brackets = frame::wrap(VERSION, &b"[".repeat(1_000_000));
    let error = decode(&brackets, "file:///m").unwrap_err();
    assert_eq!(
        error.to_string(),
        "file:///m is damaged: nested 1000000 levels deep; use an older checkpoint or savepoint"
    );
}

#[test]
fn newer_versions_are_refused() {
    let body = json::to_vec(&metadata(plan(0, Value::Null))).unwrap();
    let error = decode(&frame::wrap(VERSION + 1, &body), "file:///m").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Newer);
    assert_eq!(
        error.to_string(),
        "file:///m was written by a newer version of this program (its version is 3, the newest \
         known is 2); use that version"
    );
    let mut newer = metadata(plan(0, Value::Null));
    newer.plan.version = PLAN_VERSION + 1;
    let error = decode(&encode(&newer).unwrap(), "file:///m").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Newer);
}

#[test]
fn damage_is_found() {
    let bytes = encode(&metadata(plan(1, Value::Float64(1.0)))).unwrap();
    for at in 0..bytes.len() {
        for bit in [1, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= bit;
            let error = decode(&damaged, "file:///m").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged);
            assert!(error.to_string().starts_with("file:///m is damaged: "), "{error}");
        }
        let error = decode(&bytes[..at], "file:///m").unwrap_err();
        assert!(error.to_string().contains(&format!("cut off at byte {at}")), "{error}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(decode(&longer, "file:///m").unwrap_err().to_string().contains("1 bytes too long"));
}

/// Text that passes the checksum but is not as it should be: an error or something valid, no panic.
#[test]
fn any_text_is_read_or_refused() {
    let body = json::to_vec(&metadata(plan(1, Value::Float64(1.0)))).unwrap();
    let words: &[&[u8]] = &[b"0", b"9", b"-", b"\"", b"}", b"]", b",", b"null", b"1e999", b"{"];
    let mut state = 7u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % below
    };
    for _ in 0..400 {
        let mut text = body.clone();
        for _ in 0..1 + next(3) {
            let at = next(text.len());
            let end = (at + next(6)).min(text.len());
            text.splice(at..end, words[next(words.len())].iter().copied());
        }
        if let Err(error) = decode(&frame::wrap(VERSION, &text), "file:///m") {
            assert!(error.to_string().starts_with("file:///m "), "{error}");
        }
    }
}

#[test]
fn impossible_vertices_are_refused() {
    let check = |change: fn(&mut VertexState)| {
        let mut metadata = metadata(plan(0, Value::Null));
        change(&mut metadata.vertices[0]);
        decode(&encode(&metadata).unwrap(), "file:///m").unwrap_err();
    };
    check(|vertex| vertex.parallelism = 0);
    check(|vertex| vertex.parallelism = 3);
    check(|vertex| vertex.max_parallelism = 1);
    check(|vertex| vertex.max_parallelism = 1 << 30);
    check(|vertex| vertex.nodes = vec![2]);
    check(|vertex| {
        let file = FileHandle { name: "../x".to_owned(), shared: false, bytes: 0, index_crc32c: 0 };
        vertex.subtasks[0].rows = Some(StateFile::Stored(file));
    });
}
