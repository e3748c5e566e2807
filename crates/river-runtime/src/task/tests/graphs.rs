//! Random graphs of tasks in threads, with random checkpoints, and runs that go on from them.
//!
//! Each row counts once for each way it can take from its source to a vertex. So whatever the
//! threads do, each vertex's counts are known in the end; and a run that goes on from a checkpoint
//! reaches the same counts only if state, what was in flight and the positions of the sources
//! fit together exactly. Where rows of a key can come one way only, operators also check that they
//! come in order without a gap.
//!
//! `RIVER_SIM_SEED` runs one seed, `RIVER_SIM_SEEDS` that many.

use crate::checkpoint::Scope;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::thread;

use crossbeam_channel::{Receiver, Sender};

use super::*;
use crate::exchange::partition::HashPartitioner;

/// Rows of each source subtask.
const ROWS: i64 = 2000;
/// Keys of each source subtask.
const KEYS: i64 = 16;
/// Key groups.
const GROUPS: u32 = 16;
/// A run in which nothing happens for so long has locked up.
const LOCKED_UP: Duration = Duration::from_secs(120);

/// Random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Exchange {
    Forward,
    Hash,
    Rebalance,
    Broadcast,
}

#[derive(Debug)]
struct Vertex {
    parallelism: usize,
    /// For each input the vertices and exchanges it unites; none for a source.
    inputs: Vec<Vec<(usize, Exchange)>>,
    /// Operators in its chain.
    operators: usize,
    yields: usize,
    /// In how many ways a row of a source gets here.
    ways: BTreeMap<usize, i64>,
    /// Rows of a key come in order.
    ordered: bool,
}

impl Vertex {
    fn edges(&self) -> impl Iterator<Item = &(usize, Exchange)> {
        self.inputs.iter().flatten()
    }
}

#[derive(Debug)]
struct Graph(Vec<Vertex>);

impl Graph {
    fn random(random: &mut Random) -> Graph {
        let mut vertices: Vec<Vertex> = Vec::new();
        let sources = 1 + random.below(2);
        for number in 0..sources + 1 + random.below(4) {
            let parallelism = 1 + random.below(3);
            let mut inputs: Vec<Vec<(usize, Exchange)>> = Vec::new();
            for _ in 0..(if number < sources { 0 } else { 1 + random.below(3) }) {
                let producer = random.below(vertices.len());
                let edge = (producer, exchange(&vertices[producer], parallelism, random));
                match inputs.last_mut() {
                    Some(input) if random.one_in(2) => input.push(edge),
                    _ => inputs.push(vec![edge]),
                }
            }
            let (operators, yields) = (random.below(3), random.below(4));
            let mut vertex = Vertex {
                parallelism,
                inputs,
                operators: operators.max(usize::from(number >= sources)),
                yields: yields * yields,
                ways: BTreeMap::new(),
                ordered: number < sources,
            };
            if number < sources {
                vertex.ways.insert(number, 1);
            }
            set_ways(&mut vertex, &vertices);
            vertices.push(vertex);
        }
        Graph(vertices)
    }

    /// Channels that an edge gives each subtask of its consumer.
    fn channels(&self, edge: &(usize, Exchange)) -> usize {
        if edge.1 == Exchange::Forward { 1 } else { self.0[edge.0].parallelism }
    }

    fn places(&self) -> Vec<(usize, usize)> {
        let subtasks = |(v, vertex): (usize, &Vertex)| (0..vertex.parallelism).map(move |s| (v, s));
        self.0.iter().enumerate().flat_map(subtasks).collect()
    }

    /// The keys of a source's subtask.
    fn first_key(source: usize, subtask: usize) -> i64 {
        (source * 3 + subtask) as i64 * KEYS
    }

    /// What a vertex counts in the end.
    fn expected(&self, vertex: &Vertex) -> Counts {
        let mut counts = Counts::new();
        for (source, ways) in &vertex.ways {
            for subtask in 0..self.0[*source].parallelism {
                let first = Graph::first_key(*source, subtask);
                for row in 0..ROWS {
                    *counts.entry(first + row % KEYS).or_default() += ways;
                }
            }
        }
        counts
    }
}

fn exchange(producer: &Vertex, parallelism: usize, random: &mut Random) -> Exchange {
    match random.below(6) {
        0 | 1 if producer.parallelism == parallelism => Exchange::Forward,
        2 => Exchange::Rebalance,
        3 => Exchange::Broadcast,
        _ => Exchange::Hash,
    }
}

fn set_ways(vertex: &mut Vertex, producers: &[Vertex]) {
    let edges: Vec<(usize, Exchange)> = vertex.edges().copied().collect();
    for (producer, exchange) in &edges {
        let copies = if *exchange == Exchange::Broadcast { vertex.parallelism } else { 1 };
        for (source, ways) in &producers[*producer].ways {
            *vertex.ways.entry(*source).or_default() += ways * copies as i64;
        }
    }
    if let [(producer, exchange)] = edges[..] {
        let keeps_order = matches!(exchange, Exchange::Forward | Exchange::Hash);
        vertex.ordered = keeps_order && producers[producer].ordered;
    }
}

/// Gives its rows in batches of any size, and ends once it may.
struct Rows {
    first_key: i64,
    next: i64,
    may_end: Arc<AtomicBool>,
    random: Random,
}

impl SourceReader for Rows {
    fn poll(&mut self) -> Result<Poll> {
        if self.next == ROWS {
            return Ok(match self.may_end.load(Ordering::Relaxed) {
                true => Poll::End,
                false => Poll::Wait(Duration::from_millis(1)),
            });
        }
        let most = if self.random.one_in(50) { 600 } else { 8 };
        let until = ROWS.min(self.next + 1 + self.random.below(most) as i64);
        let rows: Vec<(i64, i64)> =
            (self.next..until).map(|row| (self.first_key + row % KEYS, row / KEYS)).collect();
        self.next = until;
        let mut batch = batch(&rows);
        if self.random.one_in(4) {
            batch.marks.push(crate::Mark { offset: rows.len(), watermark: until });
        }
        Ok(Poll::Batch(batch))
    }

    fn snapshot(&self) -> Vec<SplitState> {
        let position = self.next.to_le_bytes().to_vec();
        vec![SplitState { split: "rows".to_owned(), position }]
    }

    fn restore(&mut self, splits: Vec<SplitState>) -> Result<()> {
        self.next = i64::from_le_bytes(splits[0].position[..].try_into().unwrap());
        Ok(())
    }
}

/// A complete checkpoint: what each task gave.
#[derive(Clone)]
struct Checkpoint {
    number: u64,
    given: Vec<Arc<Given>>,
    exactly_once: bool,
}

/// One run of a graph.
struct Run<'a> {
    graph: &'a Graph,
    seed: u64,
    published: Published,
    may_end: Arc<AtomicBool>,
    signals: Arc<Signals>,
    /// By vertex, by subtask.
    queues: Vec<Vec<Arc<InputQueue>>>,
}

impl<'a> Run<'a> {
    fn new(graph: &'a Graph, seed: u64, published: Published) -> Run<'a> {
        let queues = |vertex: &Vertex| {
            let channels = vertex.edges().map(|edge| graph.channels(edge)).sum();
            (0..vertex.parallelism).map(|_| Arc::new(InputQueue::new(channels))).collect()
        };
        Run {
            graph,
            seed,
            published,
            may_end: Arc::default(),
            signals: Arc::default(),
            queues: graph.0.iter().map(queues).collect(),
        }
    }

    fn task(&self, number: usize, from: Option<&Checkpoint>, events: &Sender<Event>) -> Task {
        let (v, subtask) = self.graph.places()[number];
        let vertex = &self.graph.0[v];
        let given = from.map(|from| from.given[number].clone());
        let finished_before = given.as_ref().is_some_and(|given| given.state.finished);
        let metrics = Arc::new(TaskMetrics::default());
        let mut random = Random(self.seed ^ (number as u64) << 32);
        let mut chain = Chain::new(vertex.inputs.len().max(1));
        for part in 0..vertex.operators {
            let mut count = Count::new();
            count.ordered = vertex.ordered;
            count.yields = vertex.yields;
            if part + 1 == vertex.operators {
                count.published = Some((self.published.clone(), number));
            }
            let inputs = vec![schema(); vertex.inputs.len().max(1)];
            let inputs: Vec<&[Field]> = inputs.iter().map(|input| &input[..]).collect();
            chain.push("count", OperatorId { node: v, part }, Box::new(count), &inputs);
        }
        let destination = Destination::Edges(self.outputs(v, subtask, &metrics));
        let recorder = Recorder::new(number, events.clone(), 1 + random.below(3));
        Task {
            name: format!("{v}-{subtask}"),
            head: self.head(v, subtask, given.as_deref(), random),
            chain,
            end: ChainEnd::new(destination, &schema(), metrics.clone(), self.signals.clone()),
            queue: self.queues[v][subtask].clone(),
            session: Session::default(),
            metrics,
            signals: self.signals.clone(),
            writer: Some(Box::new(recorder)),
            restored: given.map(|given| Box::new(SamePlace(given)) as Box<dyn RestoredState>),
            memory: None,
            finished_before,
        }
    }

    fn head(&self, v: usize, subtask: usize, given: Option<&Given>, random: Random) -> Head {
        let vertex = &self.graph.0[v];
        if !vertex.inputs.is_empty() {
            let channels = |input: &Vec<(usize, Exchange)>| {
                input.iter().map(|edge| self.graph.channels(edge)).sum()
            };
            return Head::Gate(Gate::new(&vertex.inputs.iter().map(channels).collect::<Vec<_>>()));
        }
        let may_end = self.may_end.clone();
        let first_key = Graph::first_key(v, subtask);
        let mut reader = Box::new(Rows { first_key, next: 0, may_end, random });
        if let Some(given) = given {
            reader.restore(given.state.splits.clone()).unwrap();
        }
        Head::Source { name: "rows".to_owned(), reader }
    }

    fn outputs(&self, producer: usize, subtask: usize, metrics: &Arc<TaskMetrics>) -> Outputs {
        let mut outputs = Outputs::new(metrics.clone());
        for (v, vertex) in self.graph.0.iter().enumerate() {
            let mut channel = 0;
            for edge in vertex.edges() {
                if edge.0 == producer {
                    let target =
                        |queue: &Arc<InputQueue>, channel| Target { queue: queue.clone(), channel };
                    let targets = match edge.1 {
                        Exchange::Forward => vec![target(&self.queues[v][subtask], channel)],
                        _ => {
                            let queues = self.queues[v].iter();
                            queues.map(|queue| target(queue, channel + subtask)).collect()
                        }
                    };
                    let parallelism = vertex.parallelism as u32;
                    let partitioner = match edge.1 {
                        Exchange::Forward => Partitioner::First,
                        Exchange::Rebalance => Partitioner::RoundRobin { next: subtask },
                        Exchange::Broadcast => Partitioner::Broadcast,
                        Exchange::Hash => {
                            Partitioner::Hash(HashPartitioner::new(vec![0], parallelism, GROUPS))
                        }
                    };
                    outputs.add(partitioner, targets);
                }
                channel += self.graph.channels(edge);
            }
        }
        outputs
    }

    /// Runs to the end; gives the checkpoints that were completed.
    fn run(&self, from: Option<&Checkpoint>) -> Vec<Checkpoint> {
        let (sender, events) = unbounded();
        let tasks = self.graph.places().len();
        thread::scope(|scope| {
            for number in 0..tasks {
                let task = self.task(number, from, &sender);
                let sender = sender.clone();
                scope.spawn(move || {
                    let outcome = task.run().map_err(|stop| format!("{stop:?}"));
                    let _ = sender.send(Event::Ended { task: number, outcome });
                });
            }
            let next = from.map_or(1, |from| from.number + 1);
            let outcome = Driver::new(self, tasks, next, &events).drive();
            if outcome.is_err() {
                self.queues.iter().flatten().for_each(|queue| queue.close());
            }
            outcome
        })
        .unwrap_or_else(|error| panic!("seed {}: {error}; {:#?}", self.seed, self.graph))
    }
}

/// A checkpoint in progress.
struct Pending {
    alignment: Alignment,
    given: BTreeMap<usize, Arc<Given>>,
    /// It is aborted once that many tasks have given theirs.
    abort_at: usize,
}

/// Triggers, aborts and completes checkpoints of a run at random.
struct Driver<'a> {
    run: &'a Run<'a>,
    tasks: usize,
    next: u64,
    events: &'a Receiver<Event>,
    random: Random,
    pending: BTreeMap<u64, Pending>,
    ended: BTreeMap<usize, Arc<Given>>,
    completed: Vec<Checkpoint>,
}

impl<'a> Driver<'a> {
    fn new(run: &'a Run<'a>, tasks: usize, next: u64, events: &'a Receiver<Event>) -> Driver<'a> {
        Driver {
            run,
            tasks,
            next,
            events,
            random: Random(run.seed ^ next << 48),
            pending: BTreeMap::new(),
            ended: BTreeMap::new(),
            completed: Vec::new(),
        }
    }

    fn drive(mut self) -> std::result::Result<Vec<Checkpoint>, String> {
        let mut triggers = 3 + self.random.below(6);
        while self.ended.len() < self.tasks {
            let overlaps = self.pending.len() < 3 && self.random.one_in(4);
            if triggers > 0 && (self.pending.is_empty() || overlaps) {
                (0..self.random.below(40)).for_each(|_| thread::yield_now());
                triggers -= 1;
                self.trigger();
            }
            if triggers <= 1 {
                self.run.may_end.store(true, Ordering::Relaxed);
            }
            let any = triggers > 0 && self.pending.is_empty();
            if any {
                continue;
            }
            match self.events.recv_timeout(LOCKED_UP) {
                Ok(event) => self.take(event)?,
                Err(_) => return Err("locked up".to_owned()),
            }
            self.settle();
        }
        Ok(self.completed)
    }

    fn trigger(&mut self) {
        let alignment = match self.random.below(7) {
            0 => Alignment::AtLeastOnce,
            1 | 2 => Alignment::Aligned,
            3 => Alignment::AlignedFor(self.random.below(3) as u64),
            4 => Alignment::AlignedFor(1000),
            _ => Alignment::Unaligned,
        };
        let timestamp_ms = now_ns() / 1_000_000;
        let barrier = Barrier {
            checkpoint: self.next,
            timestamp_ms,
            alignment,
            stop: false,
            scope: Scope::Full,
        };
        let abort_at = match self.random.one_in(4) {
            true => self.random.below(self.tasks),
            false => usize::MAX,
        };
        self.pending.insert(self.next, Pending { alignment, given: BTreeMap::new(), abort_at });
        self.next += 1;
        let vertices = self.run.graph.0.iter().zip(&self.run.queues);
        for (_, queues) in vertices.filter(|(vertex, _)| vertex.inputs.is_empty()) {
            queues.iter().for_each(|queue| queue.command(Command::Snapshot(barrier)));
        }
        self.settle();
    }

    fn take(&mut self, event: Event) -> std::result::Result<(), String> {
        match event {
            Event::Finished { task, checkpoint, given } => {
                if let Some(pending) = self.pending.get_mut(&checkpoint) {
                    pending.given.insert(task, Arc::new(given));
                }
            }
            Event::Declined { checkpoint } => self.abort(checkpoint),
            Event::Aborted { .. } | Event::Prepared { .. } => {}
            Event::Ended { task, outcome } => {
                let given = Given { state: outcome?, rows: Vec::new() };
                self.ended.insert(task, Arc::new(given));
            }
        }
        Ok(())
    }

    fn abort(&mut self, checkpoint: u64) {
        if self.pending.remove(&checkpoint).is_some() {
            let queues = self.run.queues.iter().flatten();
            queues.for_each(|queue| queue.command(Command::Abort(checkpoint)));
        }
    }

    /// Completes and aborts what is due.
    fn settle(&mut self) {
        let numbers: Vec<u64> = self.pending.keys().copied().collect();
        for number in numbers {
            let Some(pending) = self.pending.get(&number) else { continue };
            if pending.given.len() >= pending.abort_at {
                self.abort(number);
                continue;
            }
            let given = |task| pending.given.get(&task).or(self.ended.get(&task)).cloned();
            let Some(given) = (0..self.tasks).map(given).collect::<Option<Vec<_>>>() else {
                continue;
            };
            let exactly_once = pending.alignment != Alignment::AtLeastOnce;
            self.completed.push(Checkpoint { number, given, exactly_once });
            self.pending.remove(&number);
            let older: Vec<u64> = self.pending.range(..number).map(|(id, _)| *id).collect();
            older.into_iter().for_each(|id| self.abort(id));
        }
    }
}

/// What has been seen over all seeds.
#[derive(Debug, Default)]
struct Seen {
    restored: AtomicUsize,
    in_flight: AtomicUsize,
    finished: AtomicUsize,
}

fn check_seed(seed: u64, seen: &Seen) {
    let mut random = Random(seed);
    let graph = Graph::random(&mut random);
    let published = Published::default();
    let mut from: Option<Checkpoint> = None;
    for _ in 0..3 {
        let completed = Run::new(&graph, random.next(), published.clone()).run(from.as_ref());
        check_counts(&graph, &published, seed);
        let fit: Vec<&Checkpoint> = completed.iter().filter(|c| c.exactly_once).collect();
        if !fit.is_empty() {
            from = Some(fit[random.below(fit.len())].clone());
        }
        let Some(from) = &from else { break };
        let states = || from.given.iter().map(|given| &given.state);
        seen.restored.fetch_add(1, Ordering::Relaxed);
        let in_flight = states().any(|state| !state.in_flight.is_empty());
        seen.in_flight.fetch_add(usize::from(in_flight), Ordering::Relaxed);
        let some_finished = states().any(|state| state.finished);
        seen.finished.fetch_add(usize::from(some_finished), Ordering::Relaxed);
        published.lock().unwrap().retain(|task, _| from.given[*task].state.finished);
    }
}

fn check_counts(graph: &Graph, published: &Published, seed: u64) {
    let published = published.lock().unwrap();
    for (v, vertex) in graph.0.iter().enumerate().filter(|(_, vertex)| vertex.operators > 0) {
        let mut counts = Counts::new();
        for (task, _) in graph.places().iter().enumerate().filter(|(_, place)| place.0 == v) {
            for (key, count) in published.get(&task).into_iter().flatten() {
                *counts.entry(*key).or_default() += count;
            }
        }
        assert_eq!(counts, graph.expected(vertex), "seed {seed}, vertex {v} of {graph:#?}");
    }
}

#[test]
fn a_run_that_goes_on_from_any_checkpoint_counts_every_row_once() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seen = Seen::default();
    match number("RIVER_SIM_SEED") {
        Some(seed) => check_seed(seed, &seen),
        None => (0..number("RIVER_SIM_SEEDS").unwrap_or(30)).for_each(|seed| {
            eprintln!("seed {seed}");
            check_seed(seed, &seen);
        }),
    }
    eprintln!("{seen:?}");
}
