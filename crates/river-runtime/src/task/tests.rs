//! One task at a time: all its input is queued before it runs, on the test's thread, so each run
//! goes the same way. Graphs of tasks with threads are in [`graphs`].

use crossbeam_channel::unbounded;
use expect_test::{Expect, expect};
use river_core::Field;
use river_expr::Session;

use super::*;
use crate::Result;
use crate::checkpoint::{Alignment, Barrier, Command, OperatorId, Scope};
use crate::exchange::{Element, Outputs, Partitioner, Target};
use crate::sink::SinkWriter;
use crate::source::SplitState;

mod graphs;
mod support;

use support::*;

fn barrier(checkpoint: u64, alignment: Alignment) -> Barrier {
    Barrier { checkpoint, timestamp_ms: 0, alignment, stop: false, scope: Scope::Full }
}

/// One task with a queue before it and one behind it.
struct Bench {
    queue: Arc<InputQueue>,
    behind: Arc<InputQueue>,
    writer: Option<Recorder>,
    events: crossbeam_channel::Receiver<Event>,
    restored: Option<Given>,
    finished_before: bool,
    signals: Arc<Signals>,
}

impl Bench {
    fn new(channels: usize) -> Bench {
        let (sender, events) = unbounded();
        Bench {
            queue: Arc::new(InputQueue::new(channels)),
            behind: Arc::new(InputQueue::new(1)),
            writer: Some(Recorder::new(0, sender, 1)),
            events,
            restored: None,
            finished_before: false,
            signals: Arc::default(),
        }
    }

    fn send(&self, channel: usize, element: Element) {
        self.queue.send(channel, element, &TaskMetrics::default()).unwrap();
    }

    /// Queues rows of that key, numbered from `first`.
    fn rows(&self, channel: usize, key: i64, numbers: std::ops::Range<i64>) {
        let rows: Vec<(i64, i64)> = numbers.map(|number| (key, number)).collect();
        self.send(channel, Element::Batch(batch(&rows)));
    }

    fn barrier(&self, channel: usize, checkpoint: u64, alignment: Alignment) {
        self.queue.send_barrier(channel, None, barrier(checkpoint, alignment)).unwrap();
    }

    fn end(&self, channels: usize) {
        (0..channels).for_each(|channel| self.send(channel, Element::End));
    }

    fn task(&mut self, head: Head) -> Task {
        let metrics = Arc::new(TaskMetrics::default());
        let mut outputs = Outputs::new(metrics.clone());
        let target = Target { queue: self.behind.clone(), channel: 0 };
        outputs.add(Partitioner::First, vec![target]);
        let mut chain = Chain::new(1);
        for part in 0..2 {
            let id = OperatorId { node: 3, part };
            chain.push("count", id, Box::new(Count::new()), &[&schema()]);
        }
        let destination = Destination::Edges(outputs);
        let signals = self.signals.clone();
        Task {
            name: "test-0".to_owned(),
            head,
            chain,
            end: ChainEnd::new(destination, &schema(), metrics.clone(), signals.clone()),
            queue: self.queue.clone(),
            session: Session::default(),
            metrics,
            signals,
            writer: self.writer.take().map(|writer| Box::new(writer) as Box<dyn SnapshotWriter>),
            restored: self
                .restored
                .take()
                .map(|given| Box::new(SamePlace(Arc::new(given))) as Box<dyn RestoredState>),
            memory: None,
            finished_before: self.finished_before,
        }
    }

    /// Runs the task with these channels of its one input, and shows what came of it.
    fn run(&mut self, channels: usize) -> String {
        let task = self.task(Head::Gate(Gate::new(&[channels])));
        self.run_task(task)
    }

    fn run_task(&mut self, task: Task) -> String {
        let state = task.run().unwrap();
        let mut text = String::new();
        while let Ok(event) = self.events.try_recv() {
            text.push_str(&event_text(event));
        }
        text.push_str(&format!("ended: finished {}, splits {:?}\n", state.finished, state.splits));
        while let Received::Element(_, element) = self.behind.try_receive() {
            text.push_str(&format!("behind: {}\n", element_text(&element)));
        }
        text
    }
}

fn event_text(event: Event) -> String {
    match event {
        Event::Finished { checkpoint, given, .. } => {
            let of = |part: usize| {
                let rows = given.rows.iter().filter(|(id, ..)| id.part == part);
                rows.flat_map(|(_, _, saved)| counts_of(saved)).collect::<Counts>()
            };
            let (first, second) = (of(0), of(1));
            assert_eq!(first, second, "operators of a chain are cut at the same point");
            let rows = |local: &Vec<u8>| i64::from_le_bytes(local[..].try_into().unwrap());
            let local = given.state.locals.iter().map(|(_, local)| rows(local));
            assert!(local.eq([first.values().sum::<i64>(); 2]));
            let in_flight = given.state.in_flight.iter().map(|(c, b)| format!("{c}: {}", b.rows));
            let in_flight = in_flight.collect::<Vec<_>>().join(", ");
            let splits = given.state.splits;
            format!("finished {checkpoint}: {first:?} in flight [{in_flight}] splits {splits:?}\n")
        }
        Event::Aborted { checkpoint } => format!("aborted {checkpoint}\n"),
        Event::Declined { checkpoint } => format!("declined {checkpoint}\n"),
        Event::Prepared { .. } | Event::Ended { .. } => String::new(),
    }
}

fn element_text(element: &Element) -> String {
    match element {
        Element::Batch(batch) if batch.marks.is_empty() => format!("{} rows", batch.rows),
        Element::Batch(batch) => format!("{} rows and a mark", batch.rows),
        Element::Barrier { barrier, overtaken } => {
            let overtaken: Vec<usize> = overtaken.iter().map(|batch| batch.rows).collect();
            format!("barrier {} {:?} over {overtaken:?}", barrier.checkpoint, barrier.alignment)
        }
        other => format!("{other:?}"),
    }
}

fn check(bench: &mut Bench, channels: usize, expected: Expect) {
    expected.assert_eq(&bench.run(channels));
}

#[test]
fn a_snapshot_holds_what_came_before_the_barrier_on_every_channel() {
    let mut bench = Bench::new(2);
    bench.rows(0, 5, 0..1);
    bench.barrier(0, 1, Alignment::Aligned);
    bench.rows(0, 5, 1..11);
    bench.rows(1, 6, 0..100);
    bench.rows(1, 6, 100..120);
    bench.barrier(1, 1, Alignment::Aligned);
    bench.end(2);
    check(
        &mut bench,
        2,
        expect![[r#"
        finished 1: {5: 1, 6: 120} in flight [] splits []
        ended: finished true, splits []
        behind: 121 rows
        behind: barrier 1 Aligned over []
        behind: 10 rows and a mark
        behind: End
    "#]],
    );
}

#[test]
fn at_least_once_reads_on() {
    let mut bench = Bench::new(2);
    bench.barrier(0, 1, Alignment::AtLeastOnce);
    bench.rows(0, 5, 0..10);
    bench.rows(1, 6, 0..100);
    bench.barrier(1, 1, Alignment::AtLeastOnce);
    bench.end(2);
    check(
        &mut bench,
        2,
        expect![[r#"
        finished 1: {5: 10, 6: 100} in flight [] splits []
        ended: finished true, splits []
        behind: 110 rows
        behind: barrier 1 AtLeastOnce over []
        behind: 0 rows and a mark
        behind: End
    "#]],
    );
}

#[test]
fn an_unaligned_barrier_overtakes_and_what_it_overtook_is_recorded() {
    let mut bench = Bench::new(2);
    bench.rows(0, 5, 0..3);
    bench.rows(1, 6, 0..10);
    bench.barrier(0, 1, Alignment::Unaligned);
    bench.rows(0, 5, 3..7);
    bench.rows(1, 6, 10..20);
    bench.barrier(1, 1, Alignment::AlignedFor(1));
    bench.rows(1, 6, 20..21);
    bench.end(2);
    check(
        &mut bench,
        2,
        expect![[r#"
            finished 1: {} in flight [0: 3, 1: 10, 1: 10] splits []
            ended: finished true, splits []
            behind: barrier 1 Unaligned over []
            behind: 28 rows and a mark
            behind: End
        "#]],
    );
}

#[test]
fn a_barrier_that_is_late_overtakes_from_there_on() {
    // Triggered in 1970, so any wait is too long.
    let mut bench = Bench::new(2);
    bench.rows(0, 5, 0..3);
    bench.rows(1, 6, 0..10);
    bench.rows(1, 6, 10..20);
    bench.barrier(1, 1, Alignment::AlignedFor(1));
    bench.rows(1, 6, 20..21);
    bench.end(2);
    check(
        &mut bench,
        2,
        expect![[r#"
        finished 1: {} in flight [0: 3, 1: 10, 1: 10] splits []
        ended: finished true, splits []
        behind: barrier 1 Unaligned over []
        behind: 24 rows and a mark
        behind: End
    "#]],
    );
}

#[test]
fn an_end_completes_what_waits_for_its_channel() {
    let mut bench = Bench::new(2);
    bench.rows(0, 5, 0..3);
    bench.barrier(0, 1, Alignment::Aligned);
    bench.rows(0, 5, 3..4);
    bench.rows(1, 6, 0..10);
    bench.end(2);
    check(
        &mut bench,
        2,
        expect![[r#"
        finished 1: {5: 3, 6: 10} in flight [] splits []
        ended: finished true, splits []
        behind: 13 rows
        behind: barrier 1 Aligned over []
        behind: 1 rows and a mark
        behind: End
    "#]],
    );
}

#[test]
fn an_abort_lets_channels_go_on_and_a_newer_barrier_too() {
    let mut bench = Bench::new(2);
    bench.queue.command(Command::Abort(1));
    bench.barrier(0, 1, Alignment::Aligned);
    bench.rows(0, 5, 0..3);
    bench.barrier(0, 2, Alignment::Aligned);
    bench.rows(0, 5, 3..4);
    bench.rows(1, 6, 0..10);
    bench.barrier(1, 3, Alignment::Aligned);
    bench.barrier(0, 3, Alignment::Aligned);
    bench.end(2);
    check(
        &mut bench,
        2,
        expect![[r#"
            declined 2
            finished 3: {5: 4, 6: 10} in flight [] splits []
            ended: finished true, splits []
            behind: 14 rows
            behind: barrier 3 Aligned over []
            behind: 0 rows and a mark
            behind: End
        "#]],
    );
}

#[test]
fn rows_are_given_as_of_the_cut_also_to_a_slow_writer() {
    let keys = 10_000;
    let mut bench = Bench::new(1);
    bench.writer.as_mut().unwrap().pace = 3;
    let once: Vec<(i64, i64)> = (0..keys).map(|key| (key, 0)).collect();
    let again: Vec<(i64, i64)> = (0..keys).map(|key| (key, 1)).collect();
    bench.send(0, Element::Batch(batch(&once)));
    bench.barrier(0, 1, Alignment::Aligned);
    bench.send(0, Element::Batch(batch(&again[..100])));
    bench.send(0, Element::Batch(batch(&again[5000..])));
    bench.barrier(0, 2, Alignment::Aligned);
    bench.end(1);
    let task = bench.task(Head::Gate(Gate::new(&[1])));
    let metrics = task.metrics.clone();
    task.run().unwrap();
    for (checkpoint, twice) in [(1, 0), (2, 5100)] {
        let Ok(Event::Finished { checkpoint: id, given, .. }) = bench.events.try_recv() else {
            panic!("checkpoint {checkpoint} was not finished")
        };
        assert_eq!(id, checkpoint);
        let rows = given.rows.iter().filter(|(operator, ..)| operator.part == 1);
        let counts: Vec<(i64, i64)> = rows.flat_map(|(_, _, saved)| counts_of(saved)).collect();
        assert_eq!(counts.len() as i64, keys, "each key is given once");
        assert_eq!(counts.iter().filter(|(_, count)| *count == 2).count(), twice);
    }
    assert_eq!(metrics.snapshot().snapshots.count, 2);
}

#[test]
fn restored_state_and_what_was_in_flight_come_first() {
    let mut before = Bench::new(2);
    before.rows(0, 5, 0..3);
    before.rows(1, 6, 0..10);
    before.barrier(0, 1, Alignment::Unaligned);
    before.barrier(1, 1, Alignment::Unaligned);
    before.end(2);
    before.task(Head::Gate(Gate::new(&[2]))).run().unwrap();
    let Ok(Event::Finished { given, .. }) = before.events.try_recv() else { panic!("no snapshot") };
    let mut bench = Bench::new(2);
    bench.restored = Some(given);
    bench.rows(0, 5, 3..4);
    bench.barrier(0, 2, Alignment::Aligned);
    bench.barrier(1, 2, Alignment::Aligned);
    bench.end(2);
    check(
        &mut bench,
        2,
        expect![[r#"
            finished 2: {5: 4, 6: 10} in flight [] splits []
            ended: finished true, splits []
            behind: 14 rows
            behind: barrier 2 Aligned over []
            behind: 0 rows and a mark
            behind: End
        "#]],
    );
}

#[test]
fn a_subtask_that_had_ended_only_says_so() {
    let mut bench = Bench::new(1);
    bench.finished_before = true;
    bench.queue.command(Command::Abort(1));
    check(
        &mut bench,
        1,
        expect![[r#"
        ended: finished true, splits []
        behind: End
    "#]],
    );
}

/// Gives what a script says. With each wait, and with the end, comes a command to the task.
struct Script {
    polls: std::vec::IntoIter<Poll>,
    commands: std::vec::IntoIter<Command>,
    queue: Arc<InputQueue>,
    position: i64,
}

impl SourceReader for Script {
    fn poll(&mut self) -> Result<Poll> {
        let poll = self.polls.next().unwrap_or(Poll::End);
        match &poll {
            Poll::Batch(batch) => self.position += batch.rows as i64,
            Poll::Wait(_) | Poll::End => {
                self.commands.next().into_iter().for_each(|command| self.queue.command(command));
            }
        }
        Ok(poll)
    }

    fn snapshot(&self) -> Vec<SplitState> {
        let position = vec![self.position as u8];
        vec![SplitState { split: "all".to_owned(), position }]
    }

    fn restore(&mut self, _: Vec<SplitState>) -> Result<()> {
        Ok(())
    }
}

/// Runs a source; the first commands are there before it starts.
fn run_source(first: &[Command], polls: Vec<Poll>, later: Vec<Command>) -> String {
    let mut bench = Bench::new(0);
    first.iter().for_each(|command| bench.queue.command(*command));
    let (polls, commands) = (polls.into_iter(), later.into_iter());
    let reader = Box::new(Script { polls, commands, queue: bench.queue.clone(), position: 0 });
    let task = bench.task(Head::Source { name: "script".to_owned(), reader });
    bench.run_task(task)
}

#[test]
fn a_source_makes_its_snapshot_when_told_to_and_while_it_waits() {
    let snapshot = |checkpoint, alignment| Command::Snapshot(barrier(checkpoint, alignment));
    let long = Duration::from_secs(3600);
    let text = run_source(
        &[
            snapshot(1, Alignment::Aligned),
            snapshot(2, Alignment::AlignedFor(1)),
            Command::Abort(2),
        ],
        vec![
            Poll::Batch(batch(&[(1, 0), (1, 1)])),
            Poll::Wait(long),
            Poll::Batch(batch(&[(1, 2)])),
            Poll::Wait(long),
        ],
        vec![snapshot(3, Alignment::Aligned), snapshot(4, Alignment::Unaligned)],
    );
    expect![[r#"
        finished 1: {} in flight [] splits [SplitState { split: "all", position: [0] }]
        finished 3: {1: 2} in flight [] splits [SplitState { split: "all", position: [2] }]
        finished 4: {1: 3} in flight [] splits [SplitState { split: "all", position: [3] }]
        ended: finished true, splits [SplitState { split: "all", position: [3] }]
        behind: barrier 4 Unaligned over [2, 1]
        behind: barrier 1 Aligned over []
        behind: 2 rows
        behind: barrier 3 Aligned over []
        behind: 1 rows
        behind: 0 rows and a mark
        behind: End
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_command_that_waits_is_obeyed_before_the_end() {
    let last = Command::Snapshot(barrier(4, Alignment::Aligned));
    let text = run_source(&[], vec![Poll::Batch(batch(&[(1, 0)]))], vec![last]);
    expect![[r#"
        finished 4: {1: 1} in flight [] splits [SplitState { split: "all", position: [1] }]
        ended: finished true, splits [SplitState { split: "all", position: [1] }]
        behind: 1 rows
        behind: barrier 4 Aligned over []
        behind: 0 rows and a mark
        behind: End
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_source_that_is_to_stop_reads_no_further_unless_that_is_aborted() {
    let mut last = barrier(4, Alignment::Aligned);
    last.stop = true;
    // Halted, it does not end either; so the abort comes from elsewhere.
    let mut bench = Bench::new(0);
    let reader = Box::new(Script {
        polls: vec![Poll::Batch(batch(&[(1, 0)]))].into_iter(),
        commands: vec![Command::Snapshot(last)].into_iter(),
        queue: bench.queue.clone(),
        position: 0,
    });
    let task = bench.task(Head::Source { name: "script".to_owned(), reader });
    let (queue, events) = (bench.queue.clone(), bench.events.clone());
    let driver = std::thread::spawn(move || {
        let text = event_text(events.recv().unwrap());
        queue.command(Command::Abort(4));
        text
    });
    let after = bench.run_task(task);
    expect![[r#"
        finished 4: {1: 1} in flight [] splits [SplitState { split: "all", position: [1] }]
        ended: finished true, splits [SplitState { split: "all", position: [1] }]
        behind: 1 rows
        behind: barrier 4 Aligned over []
        behind: 0 rows and a mark
        behind: End
    "#]]
    .assert_eq(&format!("{}{after}", driver.join().unwrap()));
}

/// Prepares the number of rows written since it prepared last.
struct Written(usize);

impl SinkWriter for Written {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        self.0 += batch.rows;
        Ok(())
    }

    fn prepare(&mut self) -> Result<Vec<Vec<u8>>> {
        Ok(vec![std::mem::take(&mut self.0).to_string().into_bytes()])
    }
}

#[test]
fn a_sink_prepares_at_barriers_and_at_the_end() {
    let mut bench = Bench::new(1);
    bench.rows(0, 5, 0..3);
    bench.barrier(0, 1, Alignment::Aligned);
    bench.rows(0, 5, 3..7);
    bench.end(1);
    let mut task = bench.task(Head::Gate(Gate::new(&[1])));
    let sink = Destination::Sink { name: "sink".to_owned(), writer: Box::new(Written(0)) };
    task.end = ChainEnd::new(sink, &schema(), task.metrics.clone(), task.signals.clone());
    let state = task.run().unwrap();
    assert_eq!(state.prepared, [b"4"]);
    let Ok(Event::Prepared { prepared }) = bench.events.try_recv() else { panic!("no rows") };
    assert_eq!(prepared, [b"3"]);
}

#[test]
fn without_a_writer_barriers_are_passed_on() {
    let mut bench = Bench::new(1);
    bench.writer = None;
    bench.rows(0, 5, 0..3);
    bench.barrier(0, 1, Alignment::Aligned);
    bench.end(1);
    check(
        &mut bench,
        1,
        expect![[r#"
        ended: finished true, splits []
        behind: 3 rows
        behind: barrier 1 Aligned over []
        behind: 0 rows and a mark
        behind: End
    "#]],
    );
}
