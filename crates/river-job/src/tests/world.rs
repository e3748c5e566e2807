//! A table to read, an operator and a table to write that do as a test says, and remember.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::Duration;

use river_runtime::operator::{Output, Status};
use river_runtime::source::{Poll, SourceReader, SplitState};

use super::*;

/// Splits of the source.
pub const SPLITS: i64 = 3;
/// The rows of a split begin at its number times this.
const SPLIT: i64 = 1_000_000;
/// Rows of a batch.
const ROWS: i64 = 10;

/// What a job works on, and what becomes of it.
pub struct World {
    /// Rows of each split.
    pub rows: i64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub struct State {
    /// Rows of a split from this one on are read only when so many commits have been made.
    pub gate: Option<(i64, usize)>,
    /// The operator fails at a row with that position or a later one, once for each.
    pub failures: VecDeque<i64>,
    /// The operator of that subtask fails at a row with that position or a later one, once for each.
    pub kills: Vec<(u32, i64)>,
    /// Single subtasks restart.
    pub by_subtask: bool,
    /// The subtasks of the readers that were made.
    pub opened: Vec<u32>,
    /// Who has prepared what; by number.
    pub writers: BTreeMap<u64, u32>,
    /// How many more commits fail, after so many more that do not.
    pub failing_commits: (usize, usize),
    /// The commit that fails waits until writers have prepared so often.
    pub fails_after_prepared: usize,
    /// Commits break down.
    pub panicking_commits: bool,
    /// Operators cannot go on from their state.
    pub unrestorable_operators: bool,
    /// Sinks cannot go on from theirs.
    pub unrecoverable_sinks: bool,
    /// Commits, also empty ones.
    pub commits: usize,
    /// What was prepared and is there; by number.
    pub prepared: BTreeSet<u64>,
    /// What was committed, by number.
    pub committed: BTreeMap<u64, Vec<i64>>,
    /// How often writers have prepared.
    pub times_prepared: usize,
    /// The number of the next.
    pub next: u64,
    /// How often sinks were told to abort.
    pub aborted: usize,
    /// How often sinks were told to go on from a checkpoint.
    pub recovered: usize,
    /// Failures of the operator so far.
    pub failed: usize,
    /// Positions that splits went on from.
    pub restored: Vec<i64>,
}

impl World {
    pub fn new(rows: i64, state: State) -> Arc<World> {
        Arc::new(World { rows, state: Mutex::new(state), changed: Condvar::new() })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes something.
    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// Waits for something.
    pub fn wait(&self, until: impl Fn(&State) -> bool) {
        drop(self.changed.wait_while(self.state(), |state| !until(state)).unwrap());
    }

    /// Waits until so many more commits have been made.
    pub fn wait_for_commits(&self, more: usize) {
        let wanted = self.state().commits + more;
        self.wait(|state| state.commits >= wanted);
    }

    /// The rows that were committed, each as often as it was, as positions in their splits.
    pub fn committed(&self) -> Vec<Vec<i64>> {
        let mut splits = vec![Vec::new(); SPLITS as usize];
        for row in self.state().committed.values().flatten() {
            splits[(row / SPLIT) as usize].push(row % SPLIT);
        }
        splits.iter_mut().for_each(|rows| rows.sort_unstable());
        splits
    }

    /// Each split's rows were committed once, from the first on without gaps; how many they are.
    pub fn committed_rows(&self) -> Vec<i64> {
        let splits = self.committed();
        for rows in &splits {
            assert_eq!(*rows, (0..rows.len() as i64).collect::<Vec<_>>());
        }
        splits.iter().map(|rows| rows.len() as i64).collect()
    }

    /// All rows were committed once.
    pub fn assert_all_committed(&self) {
        assert_eq!(self.committed_rows(), vec![self.rows; SPLITS as usize]);
    }

    /// Starts a job over this.
    pub fn start(self: &Arc<World>, options: &[(&str, &str)]) -> JobHandle {
        self.try_start(options).unwrap()
    }

    pub fn try_start(self: &Arc<World>, options: &[(&str, &str)]) -> Result<JobHandle> {
        let nodes = vec![
            (source(None), vec![]),
            (Op::DropUpdateBefore, vec![(0, Hash(vec![0]))]),
            (sink(), vec![(1, Rebalance)]),
        ];
        let mut plan = plan(2, nodes);
        options.iter().for_each(|(key, value)| drop(plan.options.set(*key, *value)));
        run(&plan, Arc::new(Worldly(self.clone())), None)
    }
}

/// Complete checkpoints below a directory.
pub fn checkpoints(directory: &Path) -> usize {
    let folders = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
    let jobs = folders(directory);
    let checkpoints = jobs.flat_map(|job| folders(&job.path()).map(|entry| entry.path()));
    checkpoints.filter(|path| path.join("_metadata").is_file()).count()
}

/// Connectors and operators of a world.
pub struct Worldly(pub Arc<World>);

impl Components for Worldly {
    fn source(&self, _: &TableRef) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(Counting(self.0.clone())))
    }

    fn sink(&self, _: &SinkSpec, _: &[Field]) -> Result<Arc<dyn Sink>> {
        Ok(Arc::new(Recording(self.0.clone())))
    }

    fn sink_operators(
        &self,
        _: &SinkSpec,
        _: &[Field],
        _: &OperatorContext,
    ) -> Result<Vec<Box<dyn Operator>>> {
        Ok(Vec::new())
    }

    fn operator(
        &self,
        _: &Node,
        _: &[&Node],
        context: &OperatorContext,
    ) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Failing { world: self.0.clone(), subtask: context.subtask, rows: 0 }))
    }
}

/// Several worlds in one job: three nodes each.
pub struct Worlds(pub Vec<Arc<World>>);

impl Worlds {
    /// The number of the world that a table is of.
    const KEY: &'static str = "world";

    /// Starts a job with a pipeline over each world, between whose parts rows go like that.
    pub fn start(
        worlds: &[Arc<World>],
        exchanges: &[[Exchange; 2]],
        parallelism: u32,
        options: &[(&str, &str)],
    ) -> JobHandle {
        let mut nodes = Vec::new();
        for (number, [first, second]) in exchanges.iter().enumerate() {
            let (mut source, mut sink) = (source(None), sink());
            if let (Op::Source(table), Op::Sink(spec)) = (&mut source, &mut sink) {
                table.options = Options::from_iter([(Worlds::KEY, number.to_string())]);
                spec.options = table.options.clone();
            }
            let at = nodes.len();
            nodes.push((source, vec![]));
            nodes.push((Op::DropUpdateBefore, vec![(at, first.clone())]));
            nodes.push((sink, vec![(at + 1, second.clone())]));
        }
        let mut plan = plan(parallelism, nodes);
        options.iter().for_each(|(key, value)| drop(plan.options.set(*key, *value)));
        run(&plan, Arc::new(Worlds(worlds.to_vec())), None).unwrap()
    }

    fn of(&self, options: &Options) -> Worldly {
        let number = options.i64(Worlds::KEY).unwrap().unwrap();
        Worldly(self.0[number as usize].clone())
    }
}

impl Components for Worlds {
    fn source(&self, table: &TableRef) -> Result<Arc<dyn Source>> {
        self.of(&table.options).source(table)
    }

    fn sink(&self, spec: &SinkSpec, input: &[Field]) -> Result<Arc<dyn Sink>> {
        self.of(&spec.options).sink(spec, input)
    }

    fn sink_operators(
        &self,
        _: &SinkSpec,
        _: &[Field],
        _: &OperatorContext,
    ) -> Result<Vec<Box<dyn Operator>>> {
        Ok(Vec::new())
    }

    fn operator(
        &self,
        node: &Node,
        inputs: &[&Node],
        context: &OperatorContext,
    ) -> Result<Box<dyn Operator>> {
        Worldly(self.0[node.id / 3].clone()).operator(node, inputs, context)
    }
}

struct Counting(Arc<World>);

struct CountingReader {
    world: Arc<World>,
    /// Numbers and positions of the splits.
    splits: Vec<(i64, i64)>,
    turn: usize,
}

impl Source for Counting {
    fn reader(&self, subtask: u32, parallelism: u32) -> Result<Box<dyn SourceReader>> {
        self.0.set(|state| state.opened.push(subtask));
        let mine = |split: &i64| split % i64::from(parallelism) == i64::from(subtask);
        let splits = (0..SPLITS).filter(mine).map(|split| (split, 0)).collect();
        Ok(Box::new(CountingReader { world: self.0.clone(), splits, turn: 0 }))
    }

    fn is_bounded(&self) -> bool {
        self.0.rows < SPLIT
    }

    fn restarts_by_subtask(&self) -> bool {
        self.0.state().by_subtask
    }
}

impl SourceReader for CountingReader {
    fn poll(&mut self) -> Result<Poll> {
        let end = self.world.rows;
        let gate = {
            let state = self.world.state();
            state.gate.filter(|(_, commits)| state.commits < *commits).map(|(gate, _)| gate)
        };
        for _ in 0..self.splits.len() {
            self.turn = (self.turn + 1) % self.splits.len();
            let (split, position) = &mut self.splits[self.turn];
            if *position < gate.unwrap_or(end).min(end) {
                let rows = *split * SPLIT + *position..*split * SPLIT + *position + ROWS;
                *position += ROWS;
                let column: ArrayRef = Arc::new(Int64Array::from_iter_values(rows));
                return Ok(Poll::Batch(Batch::new(vec![column], ROWS as usize)));
            }
        }
        match self.splits.iter().all(|(_, position)| *position >= end) {
            true => Ok(Poll::End),
            false => Ok(Poll::Wait(Duration::from_millis(1))),
        }
    }

    fn snapshot(&self) -> Vec<SplitState> {
        let split = |(split, position): &(i64, i64)| SplitState {
            split: split.to_string(),
            position: position.to_le_bytes().to_vec(),
        };
        self.splits.iter().map(split).collect()
    }

    fn restore(&mut self, splits: Vec<SplitState>) -> Result<()> {
        let split = |split: SplitState| {
            let position = i64::from_le_bytes(split.position.try_into().unwrap());
            (split.split.parse().unwrap(), position)
        };
        self.splits = splits.into_iter().map(split).collect();
        let positions = self.splits.iter().map(|(_, position)| *position);
        self.world.set(|state| state.restored.extend(positions));
        Ok(())
    }
}

/// Passes rows on and fails as the world says; counts rows across restarts.
struct Failing {
    world: Arc<World>,
    subtask: u32,
    rows: i64,
}

impl Operator for Failing {
    fn process(
        &mut self,
        _: usize,
        batch: Batch,
        _: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let rows = batch.columns[0].as_primitive::<Int64Type>();
        let last = rows.values().iter().map(|row| row % SPLIT).max().unwrap_or(-1);
        let mut state = self.world.state();
        let own = |(subtask, at): &(u32, i64)| *subtask == self.subtask && *at <= last;
        let killed = state.kills.iter().position(own).map(|at| state.kills.swap_remove(at));
        // Only one of them fails, so that each attempt has one failure.
        let fails = self.subtask == 0 && state.failures.front().is_some_and(|at| *at <= last);
        if fails || killed.is_some() {
            if killed.is_none() {
                state.failures.pop_front();
            }
            state.failed += 1;
            let number = state.failed;
            drop(state);
            self.world.changed.notify_all();
            return Err(Error::environment(format!("failure {number}")));
        }
        drop(state);
        self.rows += batch.rows as i64;
        out.push(batch);
        Ok(Status::Done)
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(self.rows.to_le_bytes().to_vec())
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        if self.world.state().unrestorable_operators {
            return Err(Error::input("the columns are others"));
        }
        let rows = saved.iter().map(|saved| i64::from_le_bytes(saved[..].try_into().unwrap()));
        self.rows = rows.sum();
        Ok(())
    }
}

struct Recording(Arc<World>);

struct RecordingWriter {
    world: Arc<World>,
    subtask: u32,
    rows: Vec<i64>,
}

impl Sink for Recording {
    fn writer(&self, subtask: u32, _: u32) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(RecordingWriter { world: self.0.clone(), subtask, rows: Vec::new() }))
    }

    fn restarts_by_subtask(&self) -> bool {
        self.0.state().by_subtask
    }

    fn recover_subtasks(&self, subtasks: &[u32], prepared: &[Vec<u8>]) -> Result<()> {
        self.0.set(|state| state.recovered += 1);
        self.commit(prepared)?;
        self.0.set(|state| {
            let State { prepared, writers, .. } = state;
            prepared.retain(|number| !subtasks.contains(&writers[number]));
        });
        Ok(())
    }

    fn commit(&self, prepared: &[Vec<u8>]) -> Result<()> {
        let world = &self.0;
        let (spared, failing) = world.state().failing_commits;
        let panics = world.state().panicking_commits;
        assert!(!panics, "an index was out of bounds");
        if spared > 0 {
            world.set(|state| state.failing_commits.0 -= 1);
        } else if failing > 0 {
            world.wait(|state| state.times_prepared >= state.fails_after_prepared);
            world.set(|state| state.failing_commits.1 -= 1);
            return Err(Error::environment("no space left on device"));
        }
        let mut outcome = Ok(());
        world.set(|state| outcome = state.commit(prepared));
        outcome
    }

    fn recover(&self, prepared: &[Vec<u8>]) -> Result<()> {
        self.0.set(|state| state.recovered += 1);
        if self.0.state().unrecoverable_sinks {
            return Err(Error::input("the part file is gone"));
        }
        self.commit(prepared)?;
        self.0.set(|state| state.prepared.clear());
        Ok(())
    }

    fn abort(&self) -> Result<()> {
        self.0.set(|state| {
            state.aborted += 1;
            state.prepared.clear();
        });
        Ok(())
    }
}

impl State {
    fn commit(&mut self, prepared: &[Vec<u8>]) -> Result<()> {
        for output in prepared {
            let mut numbers =
                output.chunks(8).map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()));
            let number = numbers.next().unwrap() as u64;
            if !self.prepared.remove(&number) && !self.committed.contains_key(&number) {
                return Err(Error::environment(format!("output {number} is gone")));
            }
            self.committed.insert(number, numbers.collect());
        }
        self.commits += 1;
        Ok(())
    }
}

impl SinkWriter for RecordingWriter {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        self.rows.extend(batch.columns[0].as_primitive::<Int64Type>().values());
        Ok(())
    }

    fn prepare(&mut self) -> Result<Vec<Vec<u8>>> {
        let mut prepared = Vec::new();
        let rows = std::mem::take(&mut self.rows);
        self.world.set(|state| {
            state.times_prepared += 1;
            if rows.is_empty() {
                return;
            }
            let number = state.next;
            state.next += 1;
            state.prepared.insert(number);
            state.writers.insert(number, self.subtask);
            let numbers = std::iter::once(number as i64).chain(rows);
            prepared.push(numbers.flat_map(i64::to_le_bytes).collect());
        });
        Ok(prepared)
    }
}
