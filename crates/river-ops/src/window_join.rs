//! Join of rows of the same window (`WindowJoinOperator`): both inputs are held by window and key,
//! and joined when the watermark ends the window. A row whose window has ended is dropped.

mod held;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{ArrayRef, NullArray};
use river_core::plan::{JoinKeys, JoinKind};
use river_core::{Expr, Field};
use river_expr::EvalContext;
use river_expr::program::Program;
use river_runtime::operator::TARGET_ROWS;
use river_runtime::state::row_store::NULL_ROW;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Batch, Operator, OperatorContext, Output, Result, Status};

use self::held::{Ending, Held, Place, Side};
use crate::one_row::project;
use crate::window::progress::Progress;
use crate::window::span::{Spans, bring_back, spans};
use crate::window_rank::window_zone;

/// What a window join is made of: the fields of the plan node.
pub struct WindowJoinSpec<'a> {
    /// Kind of the join.
    pub kind: JoinKind,
    /// Equal columns.
    pub keys: &'a JoinKeys,
    /// `window_start`, `window_end` columns of each input.
    pub windows: [(usize, usize); 2],
    /// Further condition over left ++ right columns.
    pub condition: Option<&'a Expr>,
}

/// Windows being joined: the next pair is left row `left` and right row `right` of slot `slot`.
struct Ended {
    trigger: i64,
    windows: Ending,
    /// Whether all of them are in memory.
    is_here: bool,
    slot: usize,
    left: usize,
    right: usize,
}

/// What is to be sent, in order.
enum Step {
    Windows(Ended),
    Watermark(i64),
}

/// A window join.
pub struct WindowJoin {
    kind: JoinKind,
    condition: Option<(Program, Vec<usize>)>,
    left_width: usize,
    held: Keyed<Held>,
    progress: Progress,
    steps: VecDeque<Step>,
}

impl WindowJoin {
    /// A join of inputs with those columns.
    pub fn new(
        left: &[Field],
        right: &[Field],
        spec: &WindowJoinSpec<'_>,
        context: &OperatorContext,
    ) -> Result<WindowJoin> {
        use JoinKind::*;
        let [left_alone, right_alone] =
            [matches!(spec.kind, Left | Full | Anti), matches!(spec.kind, Right | Full)];
        let (left_window, right_window) = (spec.windows[0], spec.windows[1]);
        let (left_keys, right_keys) = (&spec.keys.left, &spec.keys.right);
        let zones = [window_zone(left, context)?, window_zone(right, context)?];
        let [left_zone, right_zone] = zones;
        let sides = [
            Side::new("left", left, left_keys, left_window, left_zone, left_alone)?,
            Side::new("right", right, right_keys, right_window, right_zone, right_alone)?,
        ];
        let condition = match spec.condition {
            Some(expr) => Some((Program::compile(expr)?, expr.columns())),
            None => None,
        };
        Ok(WindowJoin {
            kind: spec.kind,
            condition,
            left_width: left.len(),
            held: Keyed::new(Held::new(sides, &spec.keys.null_safe)?),
            progress: Progress::new(context.max_parallelism),
            steps: VecDeque::new(),
        })
    }

    fn is_left_only(&self) -> bool {
        matches!(self.kind, JoinKind::Semi | JoinKind::Anti)
    }

    /// Takes the rows of a batch in.
    fn arrive(&mut self, input: usize, batch: &Batch) -> Result<()> {
        let mut slots = Vec::new();
        let mut ids = Vec::new();
        let mut windows = Spans::default();
        let mut null_keys = Vec::new();
        let held = &mut self.held;
        if batch.rows > 0 {
            let keys = project(&batch.columns, &held.sides[input].columns);
            held.fetch(&keys, batch.rows)?;
            held.keys.lookup_or_insert(&keys, batch.rows, &mut slots)?;
            held.touch(&slots)?;
            held.grow();
            null_keys = held.null_keys(&keys, batch.rows);
            let all: Vec<u32> = (0..batch.rows as u32).collect();
            let side = &mut held.sides[input];
            side.store.append(&batch.columns, &all, &mut ids)?;
            windows = spans(&batch.columns, &side.columns)?;
        }
        let keys = held.sides[input].key();
        let reached = self.progress.of_rows(&batch.columns, keys, batch.rows)?;
        let (mut dead, mut unused) = (Vec::new(), Vec::new());
        for (range, watermark) in batch.segments() {
            for row in range {
                let side = &self.held.sides[input];
                let trigger = side.zone.trigger(windows.end(row));
                let is_late = trigger <= self.progress.at(&reached, row);
                if is_late || (null_keys[row] && !side.keeps_alone) {
                    dead.push(ids[row]);
                    unused.push(slots[row]);
                } else {
                    let (slot, null_key) = (slots[row], null_keys[row]);
                    let place = Place { slot, null_key, span: windows.get(row), trigger };
                    self.held.add(input, ids[row], place);
                }
            }
            if let Some(watermark) = watermark {
                self.end_windows(watermark);
            }
        }
        self.held.sides[input].store.remove(&dead);
        unused.sort_unstable();
        unused.dedup();
        for slot in unused {
            if self.held.is_without(slot) {
                self.held.keys.remove(slot);
            }
        }
        Ok(())
    }

    fn end_windows(&mut self, watermark: i64) {
        self.progress.advance(watermark);
        while let Some(entry) = self.held.windows.first_entry() {
            if *entry.key() > watermark {
                break;
            }
            let trigger = *entry.key();
            let windows = entry.remove();
            let (slot, left, right) = (0, 0, 0);
            let ended = Ended { trigger, windows, is_here: false, slot, left, right };
            self.steps.push_back(Step::Windows(ended));
        }
        self.steps.push_back(Step::Watermark(watermark));
    }

    /// Brings the keys of ended windows back that are on disk: they are filed anew, as all that is
    /// loaded.
    fn bring_back(&mut self, ended: &mut Ended) -> Result<()> {
        bring_back(&mut self.held, &ended.windows.spans)?;
        if let Some(mut back) = self.held.windows.remove(&ended.trigger) {
            ended.windows.slots.append(&mut back.slots);
            ended.windows.null_slots.append(&mut back.null_slots);
        }
        Ok(())
    }

    /// The next pairs of an ended window: rows of the left and of the right side.
    fn next_pairs(&self, ended: &mut Ended) -> [Vec<u32>; 2] {
        let mut pairs = [Vec::new(), Vec::new()];
        while pairs[0].len() < TARGET_ROWS {
            let Some(slot) = ended.windows.slots.get(ended.slot) else { break };
            let [left, right] =
                [0, 1].map(|side: usize| &self.held.sides[side].rows[*slot as usize]);
            if ended.left >= left.len() || right.is_empty() {
                (ended.slot, ended.left, ended.right) = (ended.slot + 1, 0, 0);
                continue;
            }
            let count = (right.len() - ended.right).min(TARGET_ROWS - pairs[0].len());
            pairs[0].extend(std::iter::repeat_n(left[ended.left], count));
            pairs[1].extend(&right[ended.right..ended.right + count]);
            ended.right += count;
            if ended.right == right.len() {
                (ended.left, ended.right) = (ended.left + 1, 0);
            }
        }
        pairs
    }

    /// Keeps the pairs for which the condition is true.
    fn filter(&self, pairs: [Vec<u32>; 2], now: &EvalContext) -> Result<[Vec<u32>; 2]> {
        let Some((program, used)) = &self.condition else { return Ok(pairs) };
        let count = pairs[0].len();
        let unused: ArrayRef = Arc::new(NullArray::new(count));
        let mut columns = vec![unused; used.iter().max().map_or(0, |last| last + 1)];
        for column in used {
            columns[*column] = match column.checked_sub(self.left_width) {
                None => self.held.sides[0].store.gather_column(*column, &pairs[0])?,
                Some(at) => self.held.sides[1].store.gather_column(at, &pairs[1])?,
            };
        }
        let keep = program.eval_predicate(&columns, count, now)?;
        let kept = |rows: &[u32]| {
            rows.iter().zip(&keep).filter(|(_, keep)| *keep).map(|(row, _)| *row).collect()
        };
        Ok([kept(&pairs[0]), kept(&pairs[1])])
    }

    fn send(&self, rows: [&[u32]; 2], out: &mut Output) -> Result<()> {
        if rows[0].is_empty() {
            return Ok(());
        }
        let mut columns = self.held.sides[0].store.gather(rows[0])?;
        if !self.is_left_only() {
            columns.extend(self.held.sides[1].store.gather(rows[1])?);
        }
        out.push(Batch::new(columns, rows[0].len()));
        Ok(())
    }

    /// Joins the next chunk of a window; true once it is done and forgotten.
    fn join(&mut self, ended: &mut Ended, now: &EvalContext, out: &mut Output) -> Result<bool> {
        if !std::mem::replace(&mut ended.is_here, true) {
            self.bring_back(ended)?;
        }
        let pairs = self.next_pairs(ended);
        if pairs[0].is_empty() {
            self.finish(ended, out)?;
            return Ok(true);
        }
        let pairs = self.filter(pairs, now)?;
        for (side, rows) in self.held.sides.iter_mut().zip(&pairs) {
            side.met.resize(side.store.capacity(), false);
            rows.iter().for_each(|row| side.met[*row as usize] = true);
        }
        if !self.is_left_only() {
            self.send([&pairs[0], &pairs[1]], out)?;
        }
        Ok(false)
    }

    /// Sends the rows that met none (or, of a semi join, the others), and forgets the window.
    fn finish(&mut self, ended: &mut Ended, out: &mut Output) -> Result<()> {
        let Ending { slots, null_slots, .. } = std::mem::take(&mut ended.windows);
        self.held.touch(&slots)?;
        self.held.touch(&null_slots)?;
        for input in [0, 1] {
            let mut rows = Vec::new();
            let side = &mut self.held.sides[input];
            for slot in null_slots.iter().chain(&slots) {
                rows.append(&mut side.rows[*slot as usize]);
            }
            side.met.resize(side.store.capacity(), false);
            let semi = self.kind == JoinKind::Semi && input == 0;
            if side.keeps_alone || semi {
                let wanted: Vec<u32> =
                    rows.iter().copied().filter(|row| side.met[*row as usize] == semi).collect();
                for rows in wanted.chunks(TARGET_ROWS) {
                    let nulls = vec![NULL_ROW; rows.len()];
                    let both: [&[u32]; 2] =
                        if input == 0 { [rows, &nulls] } else { [&nulls, rows] };
                    self.send(both, out)?;
                }
            }
            let side = &mut self.held.sides[input];
            rows.iter().for_each(|row| side.met[*row as usize] = false);
            side.store.remove(&rows);
        }
        for slot in slots.iter().chain(&null_slots) {
            self.held.keys.remove(*slot);
        }
        Ok(())
    }

    fn run(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        while let Some(step) = self.steps.pop_front() {
            if out.is_full() {
                self.steps.push_front(step);
                return Ok(Status::More);
            }
            match step {
                Step::Watermark(watermark) => out.push(Batch::watermark(watermark)),
                Step::Windows(mut ended) => {
                    if !self.join(&mut ended, now, out)? {
                        self.steps.push_front(Step::Windows(ended));
                    }
                }
            }
        }
        Ok(Status::Done)
    }
}

impl Operator for WindowJoin {
    fn process(
        &mut self,
        input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        self.arrive(input.min(1), &batch)?;
        self.run(now, out)
    }

    fn resume(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        self.run(now, out)
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.held]
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(self.progress.save())
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        self.progress.restore(saved)
    }
}
