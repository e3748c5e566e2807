use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array};
use river_core::options::Options;
use river_core::plan::{Edge, NotNullEnforcer, Operator as Op, PLAN_VERSION};
use river_core::{ChangelogMode, LogicalType, Value};
use river_expr::EvalContext;

use super::*;
use river_runtime::operator::{Output, Status};
use river_runtime::sink::SinkWriter;
use river_runtime::source::{Poll, SourceReader, SplitState};

mod regions;
mod restarts;
mod savepoints;
mod unrestorable;
mod world;

/// Numbers from 0, `batches` batches of 100; `usize::MAX` batches do not end.
struct Numbers {
    batches: usize,
}

struct NumbersReader {
    next: usize,
    step: usize,
    batches: usize,
}

impl Source for Numbers {
    fn reader(&self, subtask: u32, parallelism: u32) -> Result<Box<dyn SourceReader>> {
        let (next, step) = (subtask as usize, parallelism as usize);
        Ok(Box::new(NumbersReader { next, step, batches: self.batches }))
    }

    fn is_bounded(&self) -> bool {
        self.batches != usize::MAX
    }
}

impl SourceReader for NumbersReader {
    fn poll(&mut self) -> Result<Poll> {
        if self.next >= self.batches {
            return Ok(Poll::End);
        }
        let first = self.next as i64 * 100;
        self.next += self.step;
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + 100));
        Ok(Poll::Batch(Batch::new(vec![column], 100)))
    }

    fn snapshot(&self) -> Vec<SplitState> {
        Vec::new()
    }

    fn restore(&mut self, _: Vec<SplitState>) -> Result<()> {
        Ok(())
    }
}

/// What a sink was told.
#[derive(Default)]
struct Written {
    sum: Mutex<i64>,
    rows: AtomicUsize,
    committed: Mutex<Vec<usize>>,
    aborted: AtomicUsize,
    /// Fails after that many rows; 0 never.
    fail_after: usize,
}

struct Sum(Arc<Written>);
struct SumWriter(Arc<Written>, u32);

impl Sink for Sum {
    fn writer(&self, subtask: u32, _: u32) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(SumWriter(self.0.clone(), subtask)))
    }

    fn commit(&self, prepared: &[Vec<u8>]) -> Result<()> {
        self.0.committed.lock().unwrap().extend(prepared.iter().map(|bytes| bytes[0] as usize));
        Ok(())
    }

    fn abort(&self) -> Result<()> {
        self.0.aborted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl SinkWriter for SumWriter {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let values = batch.columns[0].as_primitive::<Int64Type>();
        *self.0.sum.lock().unwrap() += values.values().iter().sum::<i64>();
        let rows = self.0.rows.fetch_add(batch.rows, Ordering::Relaxed) + batch.rows;
        if self.0.fail_after > 0 && rows >= self.0.fail_after {
            return Err(Error::environment("no space left on device"));
        }
        Ok(())
    }

    fn prepare(&mut self) -> Result<Vec<Vec<u8>>> {
        Ok(vec![vec![self.1 as u8]])
    }
}

/// Passes batches, or panics at the first.
struct Pass {
    panics: bool,
}

impl Operator for Pass {
    fn process(
        &mut self,
        _: usize,
        batch: Batch,
        _: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        assert!(!self.panics, "an index was out of bounds");
        assert_eq!(batch.columns.len(), 1, "marks come with the columns of the schema too");
        out.push(batch);
        Ok(Status::Done)
    }
}

/// The table's name says what it is: `numbers.5` has five batches.
struct Fakes {
    written: Arc<Written>,
}

impl Components for Fakes {
    fn source(&self, table: &TableRef) -> Result<Arc<dyn Source>> {
        let batches = table.options.i64("batches").unwrap().unwrap_or(i64::MAX) as usize;
        let batches = if batches == i64::MAX as usize { usize::MAX } else { batches };
        Ok(Arc::new(Numbers { batches }))
    }

    fn sink(&self, _: &SinkSpec, _: &[Field]) -> Result<Arc<dyn Sink>> {
        Ok(Arc::new(Sum(self.written.clone())))
    }

    fn sink_operators(
        &self,
        _: &SinkSpec,
        _: &[Field],
        _: &OperatorContext,
    ) -> Result<Vec<Box<dyn Operator>>> {
        Ok(vec![Box::new(Pass { panics: false })])
    }

    fn operator(&self, node: &Node, _: &[&Node], _: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Pass { panics: matches!(node.operator, Op::SingleRow) }))
    }
}

fn source(batches: Option<usize>) -> Op {
    let options = batches.map(|batches| ("batches", batches.to_string()));
    Op::Source(TableRef {
        name: "c.d.numbers".to_owned(),
        options: options.into_iter().collect(),
        physical: Vec::new(),
        metadata: Vec::new(),
        projection: Vec::new(),
        used_fields: Vec::new(),
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
    })
}

fn sink() -> Op {
    Op::Sink(SinkSpec {
        name: "c.d.sum".to_owned(),
        options: Options::new(),
        columns: Vec::new(),
        partition_keys: Vec::new(),
        overwrite: false,
        primary_key: Vec::new(),
        upsert_materialize: None,
        not_null: NotNullEnforcer::Error,
        trim_pad: false,
    })
}

fn plan(parallelism: u32, nodes: Vec<(Op, Vec<(usize, Exchange)>)>) -> Plan {
    let schema = vec![Field::new("n", LogicalType::BigInt.nullable())];
    let node = |(id, (operator, inputs)): (usize, (Op, Vec<_>))| Node {
        id,
        inputs: inputs.into_iter().map(|(node, exchange)| Edge { node, exchange }).collect(),
        operator,
        schema: schema.clone(),
        changelog: ChangelogMode::APPEND,
        keys: Vec::new(),
        parallelism: None,
        state_ttl_ms: 0,
    };
    let nodes = nodes.into_iter().enumerate().map(node).collect();
    let options = Options::from_iter([("parallelism.default", parallelism.to_string())]);
    Plan { version: PLAN_VERSION, name: "test".to_owned(), nodes, options }
}

use Exchange::{Broadcast, Forward, Hash, Rebalance, Single};

fn start(plan: &Plan, fail_after: usize) -> (Arc<Written>, JobHandle) {
    let written = Arc::new(Written { fail_after, ..Written::default() });
    let job = run(plan, Arc::new(Fakes { written: written.clone() }), None).unwrap();
    (written, job)
}

#[test]
fn all_rows_arrive_and_are_committed_once() {
    for exchange in [Forward, Hash(vec![0]), Single, Rebalance] {
        for parallelism in [1, 3] {
            let plan = plan(
                parallelism,
                vec![
                    (source(Some(40)), vec![]),
                    (Op::DropUpdateBefore, vec![(0, exchange.clone())]),
                    (sink(), vec![(1, Forward)]),
                ],
            );
            let (written, job) = start(&plan, 0);
            assert_eq!(job.wait(), Ok(Ended::Finished));
            assert_eq!(*written.sum.lock().unwrap(), (0..4000).sum::<i64>());
            let subtasks = if exchange == Single { 1 } else { parallelism as usize };
            assert_eq!(*written.committed.lock().unwrap(), (0..subtasks).collect::<Vec<_>>());
            assert_eq!(written.aborted.load(Ordering::Relaxed), 0);
            let metrics = job.metrics();
            assert!(metrics.vertices.iter().all(VertexSnapshot::ended));
            assert_eq!(metrics.vertices.last().unwrap().rows_out(), 4000);
            assert_eq!(metrics.vertices[0].watermark(), Some(river_runtime::MAX_WATERMARK));
        }
    }
}

#[test]
fn a_diamond_does_not_lock_up() {
    // More batches than all queues on the way hold; the sides meet again in one task.
    for exchange in [Forward, Hash(vec![0]), Rebalance, Broadcast] {
        let plan = plan(
            2,
            vec![
                (source(Some(400)), vec![]),
                (Op::DropUpdateBefore, vec![(0, exchange.clone())]),
                (Op::DropUpdateBefore, vec![(1, Hash(vec![0]))]),
                (Op::DropUpdateBefore, vec![(0, Hash(vec![0]))]),
                (Op::Union, vec![(2, Hash(vec![0])), (3, Hash(vec![0])), (0, Hash(vec![0]))]),
                (sink(), vec![(4, Forward)]),
            ],
        );
        let (written, job) = start(&plan, 0);
        assert_eq!(job.wait(), Ok(Ended::Finished));
        let copies = if exchange == Broadcast { 4 } else { 3 };
        assert_eq!(*written.sum.lock().unwrap(), copies * (0..40_000).sum::<i64>());
    }
}

#[test]
fn a_panic_fails_the_job_and_names_the_operator() {
    let plan = plan(
        2,
        vec![
            (source(None), vec![]),
            (Op::SingleRow, vec![(0, Hash(vec![0]))]),
            (sink(), vec![(1, Forward)]),
        ],
    );
    let (written, job) = start(&plan, 0);
    let error = job.wait().unwrap_err();
    assert_eq!(error.kind, river_runtime::error::ErrorKind::Internal);
    expect_test::expect![
        "SingleRow[1] broke down: an index was out of bounds; this is a bug of river"
    ]
    .assert_eq(&error.message);
    assert!(written.committed.lock().unwrap().is_empty());
    assert_eq!(written.aborted.load(Ordering::Relaxed), 1);
}

#[test]
fn an_error_of_a_sink_ends_an_endless_job() {
    let plan = plan(2, vec![(source(None), vec![]), (sink(), vec![(0, Rebalance)])]);
    let (written, job) = start(&plan, 5000);
    let error = job.wait().unwrap_err();
    expect_test::expect!["Sink: sum: no space left on device"].assert_eq(&error.message);
    assert_eq!(written.aborted.load(Ordering::Relaxed), 1);
}

#[test]
fn a_cancel_aborts_and_a_stop_commits() {
    let plan = plan(
        2,
        vec![
            (source(None), vec![]),
            (Op::DropUpdateBefore, vec![(0, Hash(vec![0]))]),
            (sink(), vec![(1, Forward)]),
        ],
    );
    let (written, job) = start(&plan, 0);
    job.cancel();
    assert_eq!(job.wait(), Ok(Ended::Cancelled));
    assert!(written.committed.lock().unwrap().is_empty());
    assert_eq!(written.aborted.load(Ordering::Relaxed), 1);

    let (written, job) = start(&plan, 0);
    job.stop();
    assert_eq!(job.wait(), Ok(Ended::Finished));
    assert_eq!(written.committed.lock().unwrap().len(), 2);
    let figures = job.metrics();
    let rows = written.rows.load(Ordering::Relaxed) as u64;
    assert_eq!(figures.vertices[0].rows_in(), rows);
}

#[test]
fn rows_of_a_bare_query_go_to_the_collector() {
    let values = Op::Values { rows: vec![vec![Value::Int64(4)], vec![Value::Null]] };
    let plan = plan(2, vec![(values, vec![]), (Op::DropUpdateBefore, vec![(0, Forward)])]);
    let fakes = Arc::new(Fakes { written: Arc::default() });
    assert!(run(&plan, fakes.clone(), None).is_err());
    let (sender, receiver) = crossbeam_channel::bounded(1);
    let job = run(&plan, fakes, Some(sender)).unwrap();
    assert_eq!(receiver.iter().map(|batch| batch.rows).sum::<usize>(), 2);
    assert_eq!(job.wait(), Ok(Ended::Finished));
}

#[test]
fn a_collector_that_goes_away_ends_the_job() {
    let plan = plan(2, vec![(source(None), vec![])]);
    let (sender, receiver) = crossbeam_channel::bounded(1);
    let job = run(&plan, Arc::new(Fakes { written: Arc::default() }), Some(sender)).unwrap();
    drop(receiver);
    assert_eq!(job.wait(), Ok(Ended::Cancelled));
}
