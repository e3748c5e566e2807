//! Top-N, deduplication and `OVER` aggregation.

use std::ops::RangeInclusive;

use river_core::expr::ExprKind;
use river_core::plan::{AggregateCall, Operator, OverFrame, RankFunction, RankStrategy};
use river_core::types::TimeKind;
use river_core::{Expr, Field, LogicalType, Value};

use super::simple::{calc, identity};
use super::{Changes, Planner, Stream};
use crate::error::{Result, SqlError};
use crate::rel::{OverCall, OverWindow, Rel, RelKind, conjuncts};

/// A filter on a ranking column right above the `OVER` that makes it.
struct Ranking<'a> {
    input: &'a Rel,
    window: &'a OverWindow,
    function: RankFunction,
    range: RangeInclusive<u64>,
    /// What else is asked of the rows.
    rest: Vec<Expr>,
}

impl Planner<'_> {
    /// A projection over a filtered ranking that does not read the rank itself, so that the rank
    /// need not be kept up to date. Returns the stream and the expressions over it.
    pub(super) fn projected_rank(
        &self,
        input: &Rel,
        exprs: &[Expr],
    ) -> Result<Option<(Stream, Vec<Expr>)>> {
        let RelKind::Filter { input: over, condition } = &input.kind else { return Ok(None) };
        let Some(ranking) = ranking(over, condition) else { return Ok(None) };
        let rank = ranking.input.schema.len();
        let reads = |e: &Expr| e.columns().contains(&rank);
        if exprs.iter().chain(&ranking.rest).any(reads) {
            return Ok(None);
        }
        let stream = self.filtered_over(over, condition, false)?;
        Ok(Some((stream, exprs.to_vec())))
    }

    /// A filter right above `OVER`: a Top-N if it bounds a rank.
    pub(super) fn filtered_over(
        &self,
        over: &Rel,
        condition: &Expr,
        with_rank: bool,
    ) -> Result<Stream> {
        let Some(ranking) = ranking(over, condition) else {
            let stream = self.stream(over)?;
            let (exprs, schema) = identity(&stream);
            return Ok(calc(stream, conjuncts(condition.clone()), exprs, &schema));
        };
        let rest = ranking.rest.clone();
        let stream = self.rank(ranking, with_rank)?;
        if rest.is_empty() {
            return Ok(stream);
        }
        let (exprs, schema) = identity(&stream);
        Ok(calc(stream, rest, exprs, &schema))
    }

    fn rank(&self, ranking: Ranking<'_>, with_rank: bool) -> Result<Stream> {
        let Ranking { input, window, function, range, .. } = ranking;
        let input = self.stream(input)?;
        let schema = input.schema.clone();
        let (start, end) = (*range.start(), *range.end());
        // A single rank is a constant: no need to keep it.
        let constant = (start == end && with_rank).then_some(start);
        let output_rank = with_rank && constant.is_none();
        let ranked = match self.window_rank(&input, window, &range, output_rank) {
            Some(operator) => {
                let partition = match &operator {
                    Operator::WindowRank { partition, .. } => partition.clone(),
                    _ => Vec::new(),
                };
                let window = input.window;
                let above = Stream::above(input, operator, with_number(&schema, output_rank));
                Stream { window, changes: Changes::NONE, ..above.keyed_by(&partition) }
            }
            None => self.top_n(input, window, function, start, end, output_rank)?,
        };
        let Some(rank) = constant else { return Ok(ranked) };
        let (mut exprs, mut names) = identity(&ranked);
        let ty = LogicalType::BigInt.not_null();
        exprs.push(Expr::literal(Value::Int64(rank as i64), ty.clone()));
        names.push(Field::new("$rank", ty));
        Ok(calc(ranked, Vec::new(), exprs, &names))
    }

    fn top_n(
        &self,
        input: Stream,
        window: &OverWindow,
        function: RankFunction,
        start: u64,
        end: u64,
        output_rank: bool,
    ) -> Result<Stream> {
        if function != RankFunction::RowNumber {
            let name = if function == RankFunction::Rank { "RANK" } else { "DENSE_RANK" };
            return Err(SqlError::new(format!(
                "{name}() on streaming table is not supported currently"
            ))
            .with_help("use ROW_NUMBER()"));
        }
        let schema = input.schema.clone();
        let partition = window.partition.clone();
        let insert_only = input.changes.insert_only();
        let time = match window.order.as_slice() {
            [key] => Some((key, schema[key.column].ty.logical.time_kind())),
            _ => None,
        };
        let first_or_last = start == 1 && end == 1 && insert_only && !output_rank;
        let mut keys: Vec<Vec<usize>> = input.keys.clone();
        if start == end {
            keys.push(partition.clone());
        }
        let (operator, changes) = match time {
            Some((key, kind)) if first_or_last && kind != TimeKind::Regular => {
                let keep_last = key.descending;
                let operator = Operator::Deduplicate {
                    keys: partition.clone(),
                    rowtime: (kind == TimeKind::Rowtime).then_some(key.column),
                    keep_last,
                    emit_update_before: true,
                };
                (operator, if keep_last { Changes::UPDATES } else { Changes::NONE })
            }
            _ => {
                let operator = Operator::Rank {
                    function,
                    partition: partition.clone(),
                    order: window.order.clone(),
                    start,
                    end,
                    output_rank,
                    strategy: if insert_only {
                        RankStrategy::Append
                    } else {
                        RankStrategy::Retract
                    },
                    emit_update_before: true,
                };
                (operator, Changes::ALL)
            }
        };
        let columns = with_number(&schema, output_rank);
        if output_rank {
            keys.push(partition.iter().copied().chain([schema.len()]).collect());
        }
        let ranked = Stream::above(input, operator, columns).keyed_by(&partition);
        Ok(Stream { keys, changes, ttl_ms: self.ttl_ms, ..ranked })
    }

    /// A Top-N whose partition is a window: emitted once, when the window ends.
    fn window_rank(
        &self,
        input: &Stream,
        window: &OverWindow,
        range: &RangeInclusive<u64>,
        output_rank: bool,
    ) -> Option<Operator> {
        let columns = input.window?;
        let (start, end) = (columns.start?, columns.end?);
        let both = window.partition.contains(&start) && window.partition.contains(&end);
        if !both || !input.changes.insert_only() || !columns.event_time {
            return None;
        }
        let plain = window.partition.iter().copied().filter(|c| *c != start && *c != end);
        Some(Operator::WindowRank {
            partition: plain.collect(),
            window: (start, end),
            order: window.order.clone(),
            start: *range.start(),
            end: *range.end(),
            output_rank,
        })
    }

    pub(super) fn over(
        &self,
        input: &Rel,
        window: &OverWindow,
        calls: &[OverCall],
        schema: &[Field],
    ) -> Result<Stream> {
        let stream = self.stream(input)?;
        let start = stream.schema.len();
        let mut columns = stream.schema.clone();
        columns.extend(schema[start..].iter().cloned());
        if window.order.is_empty() {
            return Err(SqlError::new(
                "OVER windows' ordering in stream mode must be defined on a time attribute.",
            )
            .with_help("add ORDER BY to the OVER clause"));
        }
        let frame = window.frame.clone().unwrap_or(OverFrame::Range(None));
        let calls = calls
            .iter()
            .zip(&schema[start..])
            .map(|(call, field)| AggregateCall {
                function: call.function.clone(),
                args: call.args.clone(),
                distinct: call.distinct,
                filter: None,
                ty: call.ty.clone(),
                name: field.name.clone(),
            })
            .collect();
        let partition = window.partition.clone();
        let changes = stream.changes;
        let keys = stream.keys.clone();
        let operator = Operator::Over {
            partition: partition.clone(),
            order: window.order.clone(),
            frame,
            calls,
        };
        let over = Stream::above(stream, operator, columns).keyed_by(&partition);
        Ok(Stream { keys, changes, ttl_ms: self.ttl_ms, ..over })
    }
}

/// The columns, and the rank where it is wanted.
fn with_number(schema: &[Field], output_rank: bool) -> Vec<Field> {
    let mut columns = schema.to_vec();
    if output_rank {
        columns.push(Field::new("$rank", LogicalType::BigInt.not_null()));
    }
    columns
}

fn ranking<'a>(over: &'a Rel, condition: &Expr) -> Option<Ranking<'a>> {
    let RelKind::Over { input, window, calls } = &over.kind else { return None };
    let [call] = calls.as_slice() else { return None };
    let function = match call.function.as_str() {
        "ROW_NUMBER" => RankFunction::RowNumber,
        "RANK" => RankFunction::Rank,
        "DENSE_RANK" => RankFunction::DenseRank,
        _ => return None,
    };
    let rank = input.schema.len();
    let (mut start, mut end) = (1u64, None::<u64>);
    let mut rest = Vec::new();
    for part in conjuncts(condition.clone()) {
        match rank_bound(&part, rank) {
            Some((low, high)) => {
                start = start.max(low);
                end = match (end, high) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
            None => rest.push(part),
        }
    }
    Some(Ranking { input, window, function, range: start..=end?, rest })
}

/// The ranks that `rank <= n` and its like allow.
fn rank_bound(condition: &Expr, rank: usize) -> Option<(u64, Option<u64>)> {
    let ExprKind::Call { function, args } = &condition.kind else { return None };
    let [left, right] = args.as_slice() else { return None };
    let is_rank = |e: &Expr| match &e.kind {
        ExprKind::Cast { input, .. } => input.as_column() == Some(rank),
        _ => e.as_column() == Some(rank),
    };
    let number = |e: &Expr| match &e.kind {
        ExprKind::Cast { input, .. } => input.as_literal().and_then(Value::as_i64),
        _ => e.as_literal().and_then(Value::as_i64),
    };
    let (operator, n) = match (is_rank(left), is_rank(right)) {
        (true, false) => (function.as_str(), number(right)?),
        (false, true) => {
            let mirrored = match function.as_str() {
                "<" => ">",
                "<=" => ">=",
                ">" => "<",
                ">=" => "<=",
                other => other,
            };
            (mirrored, number(left)?)
        }
        _ => return None,
    };
    let n = u64::try_from(n).unwrap_or(0);
    Some(match operator {
        "<=" => (1, Some(n)),
        "<" => (1, Some(n.saturating_sub(1))),
        "=" => (n.max(1), Some(n)),
        ">=" => (n.max(1), None),
        ">" => (n + 1, None),
        _ => return None,
    })
}
