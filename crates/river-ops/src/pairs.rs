//! Rows with what was found for them: the common end of table functions and lookup joins.

use arrow_array::{Array, ArrayRef, UInt32Array};
use river_expr::EvalContext;
use river_expr::program::Program;
use river_runtime::{Batch, Result};

/// Joins input rows with found rows. `parents` names, ascending, the input row of each found row.
/// Found rows for which the condition is not true are dropped; where `left`, an input row without
/// any keeps its place with NULLs. Row kinds and marks are those of the input.
pub fn join_found(
    batch: &Batch,
    parents: Vec<u32>,
    found: &[ArrayRef],
    condition: Option<&Program>,
    left: bool,
    now: &EvalContext,
) -> Result<Batch> {
    let mut children: Vec<u32> = (0..parents.len() as u32).collect();
    let mut parents = parents;
    if let Some(condition) = condition {
        let mut columns = take_all(&batch.columns, &UInt32Array::from(parents.clone()))?;
        columns.extend(found.iter().cloned());
        let keep = condition.eval_predicate(&columns, parents.len(), now)?;
        children.retain(|child| keep.value(*child as usize));
        parents = children.iter().map(|child| parents[*child as usize]).collect();
    }
    let children =
        if left { pad(batch.rows, &mut parents, &children) } else { UInt32Array::from(children) };
    let at = UInt32Array::from(parents);
    let mut joined = batch.take(&at)?;
    joined.columns.extend(take_all(found, &children)?);
    let mut marks = batch.marks.clone();
    for mark in &mut marks {
        mark.offset = at.values().partition_point(|parent| (*parent as usize) < mark.offset);
    }
    joined.marks = marks;
    Ok(joined)
}

/// Gives every row of `0..rows` that has no child one that is NULL.
fn pad(rows: usize, parents: &mut Vec<u32>, children: &[u32]) -> UInt32Array {
    let mut padded = Vec::with_capacity(children.len() + rows);
    let mut all = Vec::with_capacity(children.len() + rows);
    let mut next = 0;
    for row in 0..rows as u32 {
        let before = all.len();
        while next < children.len() && parents[next] == row {
            all.push(row);
            padded.push(Some(children[next]));
            next += 1;
        }
        if all.len() == before {
            all.push(row);
            padded.push(None);
        }
    }
    *parents = all;
    UInt32Array::from(padded)
}

/// The rows at `indices` of each column; NULL where the index is.
pub fn take_all(columns: &[ArrayRef], indices: &UInt32Array) -> Result<Vec<ArrayRef>> {
    columns
        .iter()
        .map(|column| {
            if column.is_empty() {
                return Ok(arrow_array::new_null_array(column.data_type(), indices.len()));
            }
            Ok(arrow_select::take::take(column, indices, None)?)
        })
        .collect()
}
