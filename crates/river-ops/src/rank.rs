//! Top-N by partition (`StreamExecRank`), and `ORDER BY .. LIMIT` as one of a single partition
//! (`StreamExecSortLimit`, `StreamExecLimit`). As Flink chooses:
//!
//! | input | operator |
//! |---|---|
//! | appends, ordered by arrival | [`first_n`] (`AppendOnlyFirstNFunction`) |
//! | appends or improves, N = 1 | [`top_one`] (`FastTop1Function`) |
//! | appends | [`append`] (`AppendOnlyTopNFunction`) |
//! | improves by key | [`update`] (`UpdatableTopNFunction`) |
//! | takes rows back | [`retract`] (`RetractableTopNFunction`) |
//!
//! With the rank in the output or an offset, a row that moves is a `-U` and `+U` of each rank it
//! passes; else only the row that enters (`+I`) and the one that leaves (`-D`) are sent.

mod append;
mod first_n;
mod retract;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;
mod top_one;
mod update;

use river_core::plan::{RankFunction, RankStrategy, SortKey};
use river_core::types::TimeKind;
use river_core::{Field, RowKind};
use river_runtime::{Error, Operator, Result};

use crate::changes::Changes;
use crate::order::{Order, StoredKey};

/// What a Top-N is made of: the fields of the plan node.
pub struct RankSpec<'a> {
    /// The ranking function.
    pub function: RankFunction,
    /// Partition columns.
    pub partition: &'a [usize],
    /// Order within a partition.
    pub order: &'a [SortKey],
    /// First rank kept, from 1.
    pub start: u64,
    /// Last rank kept.
    pub end: u64,
    /// Whether the rank is appended.
    pub output_rank: bool,
    /// How the state is kept.
    pub strategy: &'a RankStrategy,
    /// Whether `-U` rows are wanted.
    pub emit_update_before: bool,
    /// Time to live of the state in milliseconds, 0 = for ever.
    pub ttl_ms: u64,
}

/// The operator for a Top-N of rows with the columns `input`.
///
/// Errors: `RANK` and `DENSE_RANK`, which Flink does not have on streams either.
pub fn create(input: &[Field], spec: &RankSpec<'_>) -> Result<Box<dyn Operator>> {
    if spec.function != RankFunction::RowNumber {
        return Err(Error::input(
            "RANK and DENSE_RANK are not supported on streaming tables; use ROW_NUMBER",
        ));
    }
    let appends = *spec.strategy == RankStrategy::Append;
    if appends && is_by_arrival(input, spec.order) {
        return Ok(Box::new(first_n::FirstN::new(input, spec)?));
    }
    if Order::new(input, spec.order)?.is_small() {
        create_for::<u128>(input, spec)
    } else {
        create_for::<Box<[u8]>>(input, spec)
    }
}

fn create_for<K: StoredKey>(input: &[Field], spec: &RankSpec<'_>) -> Result<Box<dyn Operator>> {
    let one = spec.start == 1 && spec.end == 1;
    Ok(match spec.strategy {
        RankStrategy::Retract => Box::new(retract::RetractTopN::<K>::new(input, spec)?),
        _ if one => Box::new(top_one::TopOne::<K>::new(input, spec)?),
        RankStrategy::Append => Box::new(append::AppendTopN::<K>::new(input, spec)?),
        RankStrategy::UpdateFast(keys) => {
            Box::new(update::UpdateTopN::<K>::new(input, spec, keys)?)
        }
    })
}

fn is_by_arrival(input: &[Field], order: &[SortKey]) -> bool {
    match order {
        [] => true,
        [key] => !key.descending && input[key.column].ty.logical.time_kind() == TimeKind::Proctime,
        _ => false,
    }
}

/// Which ranks are sent, and how.
struct Ranks {
    start: u64,
    end: u64,
    output_rank: bool,
    emit_update_before: bool,
}

impl Ranks {
    fn of(spec: &RankSpec<'_>) -> Ranks {
        Ranks {
            start: spec.start,
            end: spec.end,
            output_rank: spec.output_rank,
            emit_update_before: spec.emit_update_before,
        }
    }

    /// Whether every change of rank is sent.
    fn are_tracked(&self) -> bool {
        self.output_rank || self.start > 1
    }

    /// Sends a change of the row at that rank, if the rank is wanted.
    fn send(&self, changes: &mut Changes, row: u32, kind: RowKind, rank: u64) {
        if rank < self.start || rank > self.end {
            return;
        }
        if kind == RowKind::UpdateBefore && !self.emit_update_before {
            return;
        }
        if self.output_rank {
            changes.push_ranked(row, kind, rank);
        } else {
            changes.push(row, kind);
        }
    }

    /// A row has come to a rank; those behind it move on by one.
    fn insert(
        &self,
        changes: &mut Changes,
        row: u32,
        mut rank: u64,
        behind: impl Iterator<Item = u32>,
    ) {
        let mut current = row;
        for next in behind {
            if rank > self.end {
                return;
            }
            self.send(changes, next, RowKind::UpdateBefore, rank);
            self.send(changes, current, RowKind::UpdateAfter, rank);
            current = next;
            rank += 1;
        }
        self.send(changes, current, RowKind::Insert, rank);
    }

    /// The row at a rank has gone; those behind it move up by one.
    fn remove(
        &self,
        changes: &mut Changes,
        row: u32,
        mut rank: u64,
        behind: impl Iterator<Item = u32>,
    ) {
        let mut gone = row;
        for next in behind {
            if rank > self.end {
                return;
            }
            self.send(changes, gone, RowKind::UpdateBefore, rank);
            self.send(changes, next, RowKind::UpdateAfter, rank);
            gone = next;
            rank += 1;
        }
        self.send(changes, gone, RowKind::Delete, rank);
    }
}
