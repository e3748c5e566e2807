//! Regular joins, both sides kept in state (`StreamingJoinOperator`,
//! `StreamingSemiAntiJoinOperator`).
//!
//! A batch of one input is first applied to its own side, then its keys are probed against the
//! other side at once. Matching pairs are listed in chunks, the residual condition is evaluated on
//! a whole chunk, and each chunk becomes an output batch; between chunks the operator yields, so a
//! skewed key cannot hold up barriers. The changes are Flink's, row by row: an inner join passes
//! the input's row kinds on; an outer join sends `+I` and `-D` only, and NULL rows come and go with
//! the number of matches kept for each row of an outer side. Rows whose key has a NULL match
//! nothing and are not stored.

mod cursor;
mod emit;
mod side;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

use arrow_array::{Array, ArrayRef};
use river_core::plan::{JoinKeys, JoinKind};
use river_core::{Expr, Field};
use river_expr::EvalContext;
use river_expr::program::Program;
use river_runtime::operator::now_ms;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Batch, Operator, Output, Result, Status};

use cursor::Cursor;
use side::{Side, probe};

use crate::one_row::project;

/// What the kind of join means for each input.
#[derive(Clone, Copy)]
struct Rules {
    /// Rows without a match are kept with NULLs, for the left and the right input.
    outer: [bool; 2],
    /// Semi and anti joins give left rows only.
    left_only: bool,
    anti: bool,
}

impl Rules {
    fn of(kind: JoinKind) -> Rules {
        let outer = [
            matches!(kind, JoinKind::Left | JoinKind::Full),
            matches!(kind, JoinKind::Right | JoinKind::Full),
        ];
        let left_only = matches!(kind, JoinKind::Semi | JoinKind::Anti);
        Rules { outer, left_only, anti: kind == JoinKind::Anti }
    }
}

/// The residual condition and the columns it reads.
struct Condition {
    program: Program,
    columns: Vec<usize>,
}

/// A regular join.
pub struct Join {
    rules: Rules,
    sides: [Keyed<Side>; 2],
    null_safe: Vec<bool>,
    condition: Option<Condition>,
    /// Columns of the left input.
    left_width: usize,
    cursor: Option<Cursor>,
}

/// What a join is made of: the fields of the plan node.
pub struct JoinSpec<'a> {
    /// Kind of the join.
    pub kind: JoinKind,
    /// Equal columns.
    pub keys: &'a JoinKeys,
    /// Further condition over left ++ right columns.
    pub condition: Option<&'a Expr>,
    /// Columns that identify a row of each input.
    pub unique: [Option<&'a [usize]>; 2],
    /// Time to live of each side's state in milliseconds, 0 = for ever.
    pub ttl_ms: [u64; 2],
}

impl Join {
    /// A join of inputs with those columns.
    pub fn new(left: &[Field], right: &[Field], spec: JoinSpec<'_>) -> Result<Join> {
        let rules = Rules::of(spec.kind);
        let counted = [rules.outer[0] || rules.left_only, rules.outer[1]];
        let condition = match spec.condition {
            Some(expr) => {
                Some(Condition { program: Program::compile(expr)?, columns: expr.columns() })
            }
            None => None,
        };
        let [left_ttl, right_ttl] = spec.ttl_ms;
        let [left_unique, right_unique] = spec.unique;
        let keys = spec.keys;
        let left_side = Side::new("left", left, &keys.left, left_unique, counted[0], left_ttl)?;
        let right_side =
            Side::new("right", right, &keys.right, right_unique, counted[1], right_ttl)?;
        Ok(Join {
            rules,
            sides: [Keyed::new(left_side), Keyed::new(right_side)],
            null_safe: spec.keys.null_safe.clone(),
            condition,
            left_width: left.len(),
            cursor: None,
        })
    }

    /// Rows whose key can match: those without a NULL where NULL does not equal NULL.
    fn matchable(&self, keys: &[ArrayRef], rows: usize) -> Option<Vec<bool>> {
        let mut matchable: Option<Vec<bool>> = None;
        for (position, key) in keys.iter().enumerate() {
            if self.null_safe.get(position).copied().unwrap_or(false) {
                continue;
            }
            let Some(nulls) = key.logical_nulls().filter(|nulls| nulls.null_count() > 0) else {
                continue;
            };
            let matchable = matchable.get_or_insert_with(|| vec![true; rows]);
            for (flag, valid) in matchable.iter_mut().zip(nulls.iter()) {
                *flag &= valid;
            }
        }
        matchable
    }

    fn run(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        let Some(mut cursor) = self.cursor.take() else { return Ok(Status::Done) };
        loop {
            if out.is_full() {
                self.cursor = Some(cursor);
                return Ok(Status::More);
            }
            let done = self.next_chunk(&mut cursor, now, out)?;
            if done {
                let side = cursor.input;
                self.sides[side].finish(cursor.applied);
                return Ok(Status::Done);
            }
        }
    }
}

impl Operator for Join {
    fn process(
        &mut self,
        input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        if batch.rows == 0 {
            out.push(batch);
            return Ok(Status::Done);
        }
        let clock = now_ms(now);
        let input = input.min(1);
        let keys = project(&batch.columns, &self.sides[input].key_columns);
        for side in &mut self.sides {
            side.fetch(&keys, batch.rows)?;
            expire(side, clock)?;
        }
        let own = &mut self.sides[input];
        let slots = own.slots(&batch)?;
        own.touch(&slots)?;
        let matchable = self.matchable(&keys, batch.rows);
        let matchable = matchable.as_deref();
        let applied = self.sides[input].apply(&batch, &slots, matchable, clock)?;
        let other = &mut self.sides[1 - input];
        let slots = probe(&mut other.keys, &keys, batch.rows, matchable)?;
        if other.matches.is_some() {
            // Their numbers of matches change.
            other.touch(&slots)?;
        }
        self.cursor = Some(Cursor::new(input, batch, slots, applied, clock));
        self.run(now, out)
    }

    fn resume(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        self.run(now, out)
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        self.sides.iter_mut().map(|side| side as &mut dyn Checkpointed).collect()
    }
}

/// Forgets the rows of a side that were not written for its time to live.
fn expire(side: &mut Keyed<Side>, now_ms: i64) -> Result<()> {
    if !side.expires() {
        return Ok(());
    }
    let rows = side.expired(now_ms);
    if !rows.is_empty() {
        let slots = side.key_slots(&rows);
        side.touch(&slots)?;
        side.forget(&rows);
    }
    Ok(())
}
