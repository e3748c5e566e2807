//! From matching pairs to changes.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, NullArray, UInt32Array};
use river_core::RowKind;
use river_expr::EvalContext;
use river_runtime::{Batch, Mark, Output, Result};

use super::cursor::{Chunk, Cursor};
use super::side::NONE;
use super::{Condition, Join};
use crate::pairs::take_all;

/// Changes to send: for each the row of the batch and that of the other side, either of which
/// may be [`NONE`] for NULLs.
#[derive(Default)]
struct Changes {
    rows: Vec<u32>,
    others: Vec<u32>,
    kinds: Vec<u8>,
    marks: Vec<Mark>,
}

impl Changes {
    fn push(&mut self, row: u32, other: u32, kind: RowKind) {
        self.rows.push(row);
        self.others.push(other);
        self.kinds.push(kind as u8);
    }
}

impl Join {
    /// Joins and sends the next chunk; true once the batch is done.
    pub(super) fn next_chunk(
        &mut self,
        cursor: &mut Cursor,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<bool> {
        let chunk = cursor.list(&self.sides[1 - cursor.input]);
        let keep = match &self.condition {
            Some(condition) if !chunk.rows.is_empty() => {
                Some(self.evaluate(condition, cursor, &chunk, now)?)
            }
            _ => None,
        };
        let changes = if self.is_inner() {
            inner_changes(cursor, chunk, keep.as_ref())
        } else {
            self.outer_changes(cursor, &chunk, keep.as_ref())
        };
        self.send(cursor, changes, out)?;
        Ok(cursor.is_done())
    }

    fn is_inner(&self) -> bool {
        !self.rules.left_only && self.rules.outer == [false, false]
    }

    /// Whether the condition holds for each pair. Reads only the columns it uses.
    fn evaluate(
        &self,
        condition: &Condition,
        cursor: &Cursor,
        chunk: &Chunk,
        now: &EvalContext,
    ) -> Result<BooleanArray> {
        let pairs = chunk.rows.len();
        let rows = UInt32Array::from(chunk.rows.clone());
        let unused: ArrayRef = Arc::new(NullArray::new(pairs));
        let width = condition.columns.iter().max().map_or(0, |last| last + 1);
        let mut columns = vec![unused; width];
        let other = &self.sides[1 - cursor.input].store;
        for column in &condition.columns {
            let (of_left, position) = match column.checked_sub(self.left_width) {
                None => (true, *column),
                Some(position) => (false, position),
            };
            columns[*column] = if of_left == (cursor.input == 0) {
                arrow_select::take::take(&cursor.batch.columns[position], &rows, None)?
            } else {
                other.gather_column(position, &chunk.others)?
            };
        }
        Ok(condition.program.eval_predicate(&columns, pairs, now)?.into())
    }

    /// The changes of outer, semi and anti joins, row by row as the matches are counted.
    fn outer_changes(
        &mut self,
        cursor: &mut Cursor,
        chunk: &Chunk,
        keep: Option<&BooleanArray>,
    ) -> Changes {
        let mut changes = Changes::default();
        let mut pair = 0;
        while cursor.emitting < cursor.batch.rows {
            let row = cursor.emitting;
            if !cursor.begun {
                cursor.begun = true;
                cursor.matched = 0;
                let offset = changes.rows.len();
                let marks = cursor.marks_before(row).iter();
                changes.marks.extend(marks.map(|m| Mark { offset, ..*m }));
            }
            while pair < chunk.rows.len() && chunk.rows[pair] as usize == row {
                if keep.is_none_or(|keep| keep.value(pair)) {
                    self.matched(cursor, chunk.others[pair], &mut changes);
                    cursor.matched += 1;
                }
                pair += 1;
            }
            if row >= chunk.complete {
                break;
            }
            self.row_done(cursor, &mut changes);
            cursor.begun = false;
            cursor.emitting += 1;
        }
        changes
    }

    /// A row of the batch meets a row of the other side.
    fn matched(&mut self, cursor: &Cursor, other: u32, changes: &mut Changes) {
        let row = cursor.emitting;
        let kind = cursor.batch.kind(row);
        let accumulate = kind.is_accumulate();
        if self.rules.left_only && cursor.input == 0 {
            return;
        }
        let other_side = &mut self.sides[1 - cursor.input];
        let before = other_side.matches.as_ref().map(|matches| matches[other as usize]);
        if let Some(before) = before {
            let additional = before == 0 || !cursor.applied.is_replacement(row);
            let after = match accumulate {
                true => before + i32::from(additional),
                false => before - 1,
            };
            other_side.set_matches(other, after, cursor.now_ms);
        }
        let alone = if accumulate { Some(0) } else { Some(1) };
        if self.rules.left_only {
            if before == alone {
                let kind = match (self.rules.anti, accumulate) {
                    (false, _) => kind,
                    (true, true) => RowKind::Delete,
                    (true, false) => RowKind::Insert,
                };
                changes.push(NONE, other, kind);
            }
            return;
        }
        let [own_outer, other_outer] =
            [self.rules.outer[cursor.input], self.rules.outer[1 - cursor.input]];
        if accumulate {
            if other_outer && before == alone {
                changes.push(NONE, other, RowKind::Delete);
            }
            let kind = if own_outer || other_outer { RowKind::Insert } else { kind };
            changes.push(row as u32, other, kind);
        } else {
            changes.push(row as u32, other, if own_outer { RowKind::Delete } else { kind });
            if other_outer && before == alone {
                changes.push(NONE, other, RowKind::Insert);
            }
        }
    }

    /// All matches of the row being emitted are known.
    fn row_done(&mut self, cursor: &Cursor, changes: &mut Changes) {
        let row = cursor.emitting;
        let kind = cursor.batch.kind(row);
        let found = cursor.matched > 0;
        if self.rules.left_only {
            if cursor.input == 0 && found != self.rules.anti {
                changes.push(row as u32, NONE, kind);
            }
        } else if self.rules.outer[cursor.input] && !found {
            let kind = if kind.is_accumulate() { RowKind::Insert } else { RowKind::Delete };
            changes.push(row as u32, NONE, kind);
        }
        let id = cursor.applied.ids[row];
        let side = &mut self.sides[cursor.input];
        if let Some(matches) = side.matches.as_mut().filter(|_| id != NONE) {
            matches[id as usize] = cursor.matched;
        }
    }

    fn send(&self, cursor: &mut Cursor, changes: Changes, out: &mut Output) -> Result<()> {
        let Changes { rows, others, kinds, mut marks } = changes;
        let count = rows.len();
        if cursor.is_done() {
            let rest = cursor.marks_before(usize::MAX).iter();
            marks.extend(rest.map(|m| Mark { offset: count, ..*m }));
        }
        if count == 0 {
            out.push(Batch { marks, ..Batch::default() });
            return Ok(());
        }
        let mut columns = Vec::with_capacity(self.left_width * 2);
        let wanted = if self.rules.left_only { 1 } else { 2 };
        for side in 0..wanted {
            if side == cursor.input {
                let rows: UInt32Array = match rows.contains(&NONE) {
                    true => rows.iter().map(|r| (*r != NONE).then_some(*r)).collect(),
                    false => UInt32Array::from(rows.clone()),
                };
                columns.extend(take_all(&cursor.batch.columns, &rows)?);
            } else {
                columns.extend(self.sides[side].store.gather(&others)?);
            }
        }
        let kinds = kinds.iter().any(|k| *k != 0).then(|| kinds.into());
        let mut batch = Batch::new(columns, count).with_kinds(kinds);
        batch.marks = marks;
        out.push(batch);
        Ok(())
    }
}

/// The changes of an inner join: the pairs, with the kinds of the batch's rows.
fn inner_changes(cursor: &mut Cursor, chunk: Chunk, keep: Option<&BooleanArray>) -> Changes {
    let Chunk { mut rows, mut others, complete } = chunk;
    if let Some(keep) = keep {
        let keep = |pair: usize| keep.value(pair);
        rows = (0..rows.len()).filter(|p| keep(*p)).map(|p| rows[p]).collect();
        others = (0..others.len()).filter(|p| keep(*p)).map(|p| others[p]).collect();
    }
    let kinds = match &cursor.batch.kinds {
        Some(kinds) => rows.iter().map(|row| kinds[*row as usize]).collect(),
        None => Vec::new(),
    };
    // A mark goes out once all pairs of the rows before it are listed.
    let marks = cursor.marks_before(complete).iter().map(|mark| {
        let offset = rows.partition_point(|row| (*row as usize) < mark.offset);
        Mark { offset, ..*mark }
    });
    let marks = marks.collect();
    Changes { rows, others, kinds, marks }
}
