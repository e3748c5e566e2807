//! Checks that an operator that is restored from a checkpoint goes on as if nothing had been.
//!
//! [`survives_checkpoints`] cuts the state at every place between the events of a run, takes the
//! saved rows while the operator goes on, and restores them in new operators: in one, in one from
//! two old subtasks, in two from one, and again and again in one after each event. All must give
//! the output of the undisturbed run.
//! The same with what was saved at one place and what had changed from there to another one.
//! All of it is done again with operators that move keys to disk between the events.
//! [`survives_different_progress`] cuts two subtasks at different places.

use std::fmt::Write;

use arrow_array::{ArrayRef, BooleanArray, UInt32Array};
use river_core::Field;
use river_core::key_group::{key_group, owner};
use river_runtime::operator::now_ms;
use river_runtime::state::{Saved, hash_columns};
use river_runtime::{Batch, Operator, Output, Status};

use super::random::Random;
use super::spilling::Spilling;
use super::{at, show};

const MAX_PARALLELISM: u32 = 128;
/// Places at which operators are cut that move keys to disk, about: files are slow.
const SPILLING_CUTS: usize = 3;

/// Something that happens to an operator.
#[derive(Clone)]
pub enum Event {
    /// A batch comes.
    Batch {
        /// Which input it comes from.
        input: usize,
        /// The batch.
        batch: Batch,
        /// Wall clock in milliseconds.
        now: i64,
    },
    /// An input ends.
    End {
        /// Which one.
        input: usize,
        /// Wall clock in milliseconds.
        now: i64,
    },
}

/// In which order an operator's output is defined.
#[derive(Clone, Copy)]
pub enum Order<'a> {
    /// In all.
    Exact,
    /// Of rows with the same values in these columns of the output, between two watermarks. Of
    /// watermarks without rows between them only the last one counts.
    Within(&'a [usize]),
}

/// An operator to be checked.
pub struct Case<'a> {
    /// Makes it, without state.
    pub make: &'a dyn Fn() -> Box<dyn Operator>,
    /// For each input, the columns by which it is partitioned; none of them: one subtask gets
    /// all. `None`: of any number of subtasks each has its own state that is not keyed, and nothing
    /// is checked with another number.
    pub partition: Option<&'a [&'a [usize]]>,
    /// Columns of its output.
    pub output: &'a [Field],
    /// Order of its output.
    pub order: Order<'a>,
}

/// Output: each line with the watermark that came last before it.
#[derive(Default)]
struct Lines {
    lines: Vec<(i64, String)>,
    watermark: Option<i64>,
}

/// What a checkpoint holds of one subtask: the rows of each table, and what is not keyed.
struct Checkpoint {
    tables: Vec<Vec<Piece>>,
    local: Vec<u8>,
}

/// What a checkpoint does to a table.
enum Piece {
    Rows(Saved),
    /// Removes the keys.
    Removed(Saved),
}

/// Fails unless the operator gives the same output from any checkpoint on; see the module.
pub fn survives_checkpoints(case: &Case, events: &[Event]) {
    let expected = undisturbed(case, events);
    for cut in 0..=events.len() {
        survives_cut(case, events, cut, &expected);
    }
    restored_after_each(case, events, &expected);
    let make: &dyn Fn() -> Box<dyn Operator> = &|| Box::new(Spilling::new((case.make)()));
    let case = Case { make, ..*case };
    for cut in (0..=events.len()).step_by(events.len().div_ceil(SPILLING_CUTS).max(1)) {
        survives_cut(&case, events, cut, &expected);
    }
}

fn survives_cut(case: &Case, events: &[Event], cut: usize, expected: &[Lines]) {
    let random = &mut Random::new(cut as u64 + 1);
    let rest: Vec<&Lines> = expected[cut..].iter().collect();
    restored_in_one(case, events, cut, &rest, random);
    restored_from_changes(case, events, cut, &rest, random);
    if let Some(partition) = case.partition {
        restored_from_two(case, partition, events, cut, &rest, random);
        restored_in_two(case, partition, events, cut, &rest, random);
    }
}

/// Fails unless each row comes once if two subtasks are cut at different places, as an unaligned
/// checkpoint does, and go on as one. Not for operators that look at the clock.
pub fn survives_different_progress(case: &Case, events: &[Event]) {
    let partition = case.partition.expect("the operator is keyed");
    let mut expected = rows(undisturbed(case, events));
    expected.sort();
    let parts = [0, 1].map(|subtask| -> Vec<Event> {
        events.iter().map(|event| of_subtask(event, partition, subtask)).collect()
    });
    for first in 0..events.len() {
        let random = &mut Random::new(first as u64 + 1);
        let second = (first + 1 + random.below(4) as usize).min(events.len());
        let mut outputs = Vec::new();
        let checkpoints = [(0, first), (1, second)].map(|(subtask, cut)| {
            let mut operator = (case.make)();
            outputs.push(run(&mut *operator, case, &parts[subtask][..cut], None));
            cut_and_go_on(&mut *operator, case, &[], None, random).0
        });
        let [one, other] = &checkpoints;
        let mut operator = restore(case, &[one, other], random, |_| true);
        // What was in flight to the one that was behind.
        outputs.push(run(&mut *operator, case, &parts[0][first..second], None));
        outputs.push(run(&mut *operator, case, &events[second..], None));
        let mut found = rows(outputs);
        found.sort();
        assert_eq!(found, expected, "cut before events {first} and {second}");
    }
}

/// The rows of outputs.
fn rows(outputs: Vec<Lines>) -> Vec<String> {
    let lines = outputs.into_iter().flat_map(|output| output.lines);
    lines.map(|(_, line)| line).filter(|line| !line.starts_with('@')).collect()
}

/// The output of each event.
fn undisturbed(case: &Case, events: &[Event]) -> Vec<Lines> {
    let mut operator = (case.make)();
    let mut watermark = None;
    let outputs = events.iter().map(|event| {
        let lines = play(&mut *operator, case, event, watermark);
        watermark = lines.watermark;
        lines
    });
    outputs.collect()
}

fn restored_in_one(
    case: &Case,
    events: &[Event],
    cut: usize,
    expected: &[&Lines],
    random: &mut Random,
) {
    let mut operator = (case.make)();
    let before = run(&mut *operator, case, &events[..cut], None);
    let (checkpoint, lines) =
        cut_and_go_on(&mut *operator, case, &events[cut..], before.watermark, random);
    compare("the one that was cut", case, cut, expected, &[&lines]);
    let mut operator = restore(case, &[&checkpoint], random, |_| true);
    let lines = run(&mut *operator, case, &events[cut..], before.watermark);
    compare("restored", case, cut, expected, &[&lines]);
}

/// All rows at one place, then what has changed up to a second and a third one.
fn restored_from_changes(
    case: &Case,
    events: &[Event],
    cut: usize,
    expected: &[&Lines],
    random: &mut Random,
) {
    let mut operator = (case.make)();
    let base = random.below(cut as u64 + 1) as usize;
    let between = base + random.below((cut - base) as u64 + 1) as usize;
    let mut watermark = run(&mut *operator, case, &events[..base], None).watermark;
    let tables = operator.tables().len();
    let mut chain: Vec<Vec<Piece>> = (0..tables).map(|_| Vec::new()).collect();
    cut_changes(&mut *operator, 1, None, &mut chain);
    take_pieces(&mut *operator, &mut chain, true);
    watermark = run(&mut *operator, case, &events[base..between], watermark).watermark;
    // One that is given up, or only not complete when the next begins.
    let mut not_complete: Vec<Vec<Piece>> = (0..tables).map(|_| Vec::new()).collect();
    cut_changes(&mut *operator, 2, Some(1), &mut not_complete);
    if random.once_in(2) {
        operator.tables().into_iter().for_each(|table| table.forget_cut());
    }
    watermark = run(&mut *operator, case, &events[between..cut], watermark).watermark;
    let local = operator.save_local().unwrap();
    cut_changes(&mut *operator, 3, Some(1), &mut chain);
    let mut given: Vec<Vec<Piece>> = (0..tables).map(|_| Vec::new()).collect();
    let mut lines = Lines { lines: Vec::new(), watermark };
    for event in &events[cut..] {
        let more = play(&mut *operator, case, event, lines.watermark);
        lines.lines.extend(more.lines);
        lines.watermark = more.watermark;
        if random.once_in(3) {
            take_pieces(&mut *operator, &mut given, false);
        }
    }
    take_pieces(&mut *operator, &mut given, true);
    for (chain, mut given) in chain.iter_mut().zip(given) {
        given.sort_by_key(|piece| matches!(piece, Piece::Rows(_)));
        chain.extend(given);
    }
    compare("the one whose changes were cut", case, cut, expected, &[&lines]);
    let checkpoint = Checkpoint { tables: chain, local };
    let mut operator = restore(case, &[&checkpoint], random, |_| true);
    let lines = run(&mut *operator, case, &events[cut..], watermark);
    compare("restored from changes", case, cut, expected, &[&lines]);
}

/// Takes some of what the tables owe, or all.
fn take_pieces(operator: &mut dyn Operator, pieces: &mut [Vec<Piece>], all: bool) {
    for (table, pieces) in operator.tables().into_iter().zip(pieces) {
        while let Some(saved) = table.next_saved().unwrap() {
            pieces.push(Piece::Rows(saved));
            pieces.extend(std::iter::from_fn(|| table.next_removed()).map(Piece::Removed));
            if !all {
                break;
            }
        }
    }
}

/// Cuts all tables; what is whole replaces what was saved before.
fn cut_changes(
    operator: &mut dyn Operator,
    checkpoint: u64,
    since: Option<u64>,
    chain: &mut [Vec<Piece>],
) {
    for (table, chain) in operator.tables().into_iter().zip(chain) {
        if !table.cut_changes(checkpoint, since).unwrap() {
            chain.clear();
        }
    }
}

fn restored_from_two(
    case: &Case,
    partition: &[&[usize]],
    events: &[Event],
    cut: usize,
    expected: &[&Lines],
    random: &mut Random,
) {
    let mut watermark = None;
    let checkpoints = [0, 1].map(|subtask| {
        let part: Vec<Event> = events.iter().map(|e| of_subtask(e, partition, subtask)).collect();
        let mut operator = (case.make)();
        watermark = watermark.max(run(&mut *operator, case, &part[..cut], None).watermark);
        cut_and_go_on(&mut *operator, case, &part[cut..], None, random).0
    });
    let [one, other] = &checkpoints;
    let mut operator = restore(case, &[one, other], random, |_| true);
    let lines = run(&mut *operator, case, &events[cut..], watermark);
    compare("restored from two", case, cut, expected, &[&lines]);
}

fn restored_in_two(
    case: &Case,
    partition: &[&[usize]],
    events: &[Event],
    cut: usize,
    expected: &[&Lines],
    random: &mut Random,
) {
    let mut operator = (case.make)();
    let watermark = run(&mut *operator, case, &events[..cut], None).watermark;
    let (checkpoint, _) = cut_and_go_on(&mut *operator, case, &events[cut..], None, random);
    let lines = [0, 1].map(|subtask| {
        let part: Vec<Event> =
            events[cut..].iter().map(|e| of_subtask(e, partition, subtask)).collect();
        let mut operator =
            restore(case, &[&checkpoint], random, |hash| subtask_of(hash) == subtask);
        run(&mut *operator, case, &part, watermark)
    });
    compare("restored in two", case, cut, expected, &[&lines[0], &lines[1]]);
}

fn restored_after_each(case: &Case, events: &[Event], expected: &[Lines]) {
    let random = &mut Random::new(7);
    let mut operator = (case.make)();
    let mut watermark = None;
    for (number, event) in events.iter().enumerate() {
        let lines = play(&mut *operator, case, event, watermark);
        watermark = lines.watermark;
        compare("restored each time", case, number, &[&expected[number]], &[&lines]);
        let (checkpoint, _) = cut_and_go_on(&mut *operator, case, &[], None, random);
        operator = restore(case, &[&checkpoint], random, |_| true);
    }
}

fn subtask_of(hash: u64) -> u32 {
    owner(key_group(hash, MAX_PARALLELISM), MAX_PARALLELISM, 2)
}

/// What one of two subtasks sees of an event.
fn of_subtask(event: &Event, partition: &[&[usize]], subtask: u32) -> Event {
    let Event::Batch { input, batch, now } = event else { return event.clone() };
    let keys: Vec<ArrayRef> =
        partition[*input].iter().map(|column| batch.columns[*column].clone()).collect();
    let mut hashes = Vec::new();
    hash_columns(&keys, batch.rows, &mut hashes).unwrap();
    let mine: Vec<bool> = hashes.iter().map(|hash| subtask_of(*hash) == subtask).collect();
    let batch = batch.filter(&BooleanArray::from(mine)).unwrap();
    Event::Batch { input: *input, batch, now: *now }
}

/// Plays events; the first output comes after `watermark`.
fn run(
    operator: &mut dyn Operator,
    case: &Case,
    events: &[Event],
    watermark: Option<i64>,
) -> Lines {
    let mut all = Lines { lines: Vec::new(), watermark };
    for event in events {
        let lines = play(operator, case, event, all.watermark);
        all.lines.extend(lines.lines);
        all.watermark = lines.watermark;
    }
    all
}

/// Does what a task does for an event: first the timers that are due.
fn play(operator: &mut dyn Operator, case: &Case, event: &Event, watermark: Option<i64>) -> Lines {
    let mut lines = Lines { lines: Vec::new(), watermark };
    let (Event::Batch { now, .. } | Event::End { now, .. }) = event;
    let now = at(*now);
    let mut drain = |operator: &mut dyn Operator, mut status: Status, out: &mut Output| loop {
        while let Some(batch) = out.pop() {
            lines.add(case, &batch);
        }
        if status == Status::Done {
            return;
        }
        status = operator.resume(&now, out).unwrap();
    };
    let mut out = Output::default();
    if operator.next_timer_ms().is_some_and(|timer| timer <= now_ms(&now)) {
        let status = operator.on_timer(&now, &mut out).unwrap();
        drain(operator, status, &mut out);
    }
    let status = match event.clone() {
        Event::Batch { input, batch, .. } => operator.process(input, batch, &now, &mut out),
        Event::End { input, .. } => operator.end_input(input, &now, &mut out),
    };
    drain(operator, status.unwrap(), &mut out);
    lines
}

impl Lines {
    fn add(&mut self, case: &Case, batch: &Batch) {
        let fields = if batch.rows == 0 { &[] } else { case.output };
        for line in show(fields, batch).lines() {
            if let Some(watermark) = line.strip_prefix("@ ") {
                self.watermark = watermark.parse().ok();
            }
            self.lines.push((self.watermark.unwrap_or(i64::MIN), line.to_owned()));
        }
    }
}

/// Cuts all tables and goes on with the events; the saved rows are taken in between.
fn cut_and_go_on(
    operator: &mut dyn Operator,
    case: &Case,
    events: &[Event],
    watermark: Option<i64>,
    random: &mut Random,
) -> (Checkpoint, Lines) {
    let local = operator.save_local().unwrap();
    let mut tables: Vec<Vec<Piece>> = Vec::new();
    for table in operator.tables() {
        if random.once_in(4) {
            // One that is given up, as after an abort.
            table.cut().unwrap();
            table.next_saved().unwrap();
            if random.once_in(2) {
                table.forget_cut();
            }
        }
        table.cut().unwrap();
        tables.push(Vec::new());
    }
    // While the first of the events are played, only some of the rows are taken.
    let until = (random.below(4) as usize).min(events.len());
    let mut lines = Lines { lines: Vec::new(), watermark };
    for event in &events[..until] {
        let more = play(operator, case, event, lines.watermark);
        lines.lines.extend(more.lines);
        lines.watermark = more.watermark;
        for (saved, table) in tables.iter_mut().zip(operator.tables()) {
            if random.once_in(3) {
                saved.extend(table.next_saved().unwrap().map(Piece::Rows));
            }
        }
    }
    for (saved, table) in tables.iter_mut().zip(operator.tables()) {
        while let Some(more) = table.next_saved().unwrap() {
            saved.push(Piece::Rows(more));
        }
    }
    let rest = run(operator, case, &events[until..], lines.watermark);
    lines.lines.extend(rest.lines);
    (Checkpoint { tables, local }, lines)
}

/// A new operator with the rows of checkpoints for whose hash `wanted` is true.
fn restore(
    case: &Case,
    checkpoints: &[&Checkpoint],
    random: &mut Random,
    wanted: impl Fn(u64) -> bool,
) -> Box<dyn Operator> {
    let mut operator = (case.make)();
    for (number, table) in operator.tables().into_iter().enumerate() {
        let names: Vec<String> = table.columns().iter().map(|f| f.name().clone()).collect();
        for (at, name) in names.iter().enumerate() {
            assert!(!names[..at].contains(name), "two columns '{name}' in {}", table.name());
        }
        // Key groups come in any order; what is of one key keeps its order.
        for half in [1, 0] {
            let all = checkpoints.iter().flat_map(|checkpoint| &checkpoint.tables[number]);
            for piece in all {
                let (Piece::Rows(saved) | Piece::Removed(saved)) = piece;
                if saved.rows() == 0 {
                    continue;
                }
                let in_half = |hash: u64| key_group(hash, MAX_PARALLELISM) % 2 == half;
                let rows: Vec<u32> = (0..saved.rows() as u32)
                    .filter(|row| wanted(saved.hashes[*row as usize]))
                    .filter(|row| in_half(saved.hashes[*row as usize]))
                    .collect();
                let middle = random.below(rows.len() as u64 + 1) as usize;
                for part in [&rows[..middle], &rows[middle..]] {
                    let rows = UInt32Array::from(part.to_vec());
                    let columns: Vec<ArrayRef> = saved
                        .columns
                        .iter()
                        .map(|column| arrow_select::take::take(column, &rows, None).unwrap())
                        .collect();
                    match piece {
                        Piece::Rows(_) => table.load(&columns, part.len()).unwrap(),
                        Piece::Removed(_) => table.remove_keys(&columns, part.len()).unwrap(),
                    }
                }
            }
        }
    }
    let local: Vec<Vec<u8>> = checkpoints.iter().map(|c| c.local.clone()).collect();
    operator.restore_local(&local).unwrap();
    operator
}

/// Fails unless the lines are the expected ones, in the order in which they are defined. Of two
/// subtasks' lines the watermarks are left out, and no order between them is expected.
fn compare(what: &str, case: &Case, cut: usize, expected: &[&Lines], found: &[&Lines]) {
    let split = found.len() > 1;
    let in_order = |all: &[&Lines]| -> Vec<(i64, String)> {
        let mut lines: Vec<(i64, String)> =
            all.iter().flat_map(|part| part.lines.iter().cloned()).collect();
        if split {
            lines.retain(|(_, line)| !line.starts_with('@'));
        }
        match case.order {
            Order::Exact if split => lines.sort(),
            Order::Exact => {}
            Order::Within(keys) => {
                lines = without_passed_marks(lines);
                lines.sort_by_cached_key(|(after, line)| {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    let key = keys.iter().map(|c| words.get(c + 1).copied().unwrap_or_default());
                    (*after, !line.starts_with('@'), key.collect::<String>())
                });
            }
        }
        lines
    };
    let (expected, found) = (in_order(expected), in_order(found));
    if expected == found {
        return;
    }
    let same = expected.iter().zip(&found).take_while(|(e, f)| e == f).count();
    let mut text = format!("{what}, cut before event {cut}: line {same} differs\n");
    for (name, lines) in [("expected", &expected), ("found", &found)] {
        let _ = writeln!(text, "{name}:");
        for (after, line) in lines.iter().skip(same.saturating_sub(3)).take(12) {
            let _ = writeln!(text, "  {line}   (after {after})");
        }
    }
    panic!("{text}");
}

/// The lines without watermarks that another one follows at once: it says all.
fn without_passed_marks(lines: Vec<(i64, String)>) -> Vec<(i64, String)> {
    let mut kept: Vec<(i64, String)> = Vec::with_capacity(lines.len());
    for line in lines {
        if line.1.starts_with('@') && kept.last().is_some_and(|(_, last)| last.starts_with('@')) {
            kept.pop();
        }
        kept.push(line);
    }
    kept
}
