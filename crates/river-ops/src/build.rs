//! From a plan node to the operator that does it. Called by the task for each node of its chain
//! except sources, sinks and constant rows, which the task does itself.

use river_core::plan::{Node, Operator as Op, RankFunction, RankStrategy, WindowKind, WindowTime};
use river_core::{Field, RowKind};
use river_runtime::lookup::LookupTable;
use river_runtime::{Error, Operator, OperatorContext, Result};

use crate::aggregate::group::{self, GroupAggregate};
use crate::calc::Calc;
use crate::changelog_normalize::ChangelogNormalize;
use crate::correlate::Correlate;
use crate::deduplicate;
use crate::drop_update_before::DropUpdateBefore;
use crate::expand::Expand;
use crate::join::{Join, JoinSpec};
use crate::lookup_join::LookupJoin;
use crate::rank::{self, RankSpec};
use crate::single_row::SingleRow;
use crate::sort::Sort;
use crate::union::Union;
use crate::watermark_assigner::WatermarkAssigner;
use crate::window::session::SessionAggregate;
use crate::window::session_table::SessionTable;
use crate::window::sliced::{self, SlicedAggregate};
use crate::window::table_function::WindowTableFunction;
use crate::window_join::{WindowJoin, WindowJoinSpec};
use crate::window_rank::{self, WindowRankSpec};

/// The operator of a node with these inputs.
///
/// Errors: a function that does not exist, or an operator that river cannot run yet.
pub fn build(
    node: &Node,
    inputs: &[&Node],
    context: &OperatorContext,
) -> Result<Box<dyn Operator>> {
    let input = |number: usize| -> Result<&[Field]> {
        let node = inputs.get(number).copied();
        let node = node.ok_or_else(|| Error::internal("a plan node lacks an input"))?;
        Ok(&node.schema)
    };
    Ok(match &node.operator {
        Op::Calc { condition, projection } => Box::new(Calc::new(condition.as_ref(), projection)?),
        Op::Expand { projections } => Box::new(Expand::new(projections)?),
        Op::Union => Box::new(Union),
        Op::WatermarkAssigner { rowtime, watermark, interval_ms, idle_timeout_ms } => {
            Box::new(WatermarkAssigner::new(*rowtime, watermark, *interval_ms, *idle_timeout_ms)?)
        }
        Op::GroupAggregate { .. } | Op::WindowTableFunction { .. } | Op::WindowAggregate { .. } => {
            aggregation(node, input(0)?, takes_back(inputs), context)?
        }
        Op::Correlate { function, args, left, condition } => Box::new(Correlate::new(
            input(0)?,
            &node.schema,
            function,
            args,
            *left,
            condition.as_ref(),
        )?),
        Op::Join { kind, keys, condition, left_unique, right_unique, ttl_ms } => {
            let spec = JoinSpec {
                kind: *kind,
                keys,
                condition: condition.as_ref(),
                unique: [left_unique.as_deref(), right_unique.as_deref()],
                ttl_ms: [ttl_ms.0, ttl_ms.1],
            };
            Box::new(Join::new(input(0)?, input(1)?, spec)?)
        }
        Op::WindowRank { partition, window, order, start, end, output_rank } => {
            let spec = WindowRankSpec {
                partition,
                window: *window,
                order,
                ranks: (*start, *end),
                output_rank: *output_rank,
            };
            window_rank::create(input(0)?, &spec, context)?
        }
        Op::WindowJoin { kind, keys, left_window, right_window, condition } => {
            let spec = WindowJoinSpec {
                kind: *kind,
                keys,
                windows: [*left_window, *right_window],
                condition: condition.as_ref(),
            };
            Box::new(WindowJoin::new(input(0)?, input(1)?, &spec, context)?)
        }
        Op::Rank { .. } | Op::SortLimit { .. } => rank_operator(node, input(0)?)?,
        Op::Deduplicate { keys, rowtime, keep_last, emit_update_before } => deduplicate::create(
            input(0)?,
            keys,
            *rowtime,
            *keep_last,
            *emit_update_before,
            node.state_ttl_ms,
        )?,
        Op::ChangelogNormalize { keys, emit_update_before } => Box::new(ChangelogNormalize::new(
            input(0)?,
            keys,
            *emit_update_before,
            node.state_ttl_ms,
        )?),
        Op::DropUpdateBefore => Box::new(DropUpdateBefore),
        Op::SingleRow => Box::new(SingleRow::default()),
        Op::Sort { order, rowtime } => Box::new(Sort::new(input(0)?, order, *rowtime)?),
        Op::Source(_) | Op::Values { .. } | Op::Sink(_) => {
            return Err(Error::internal("sources, values and sinks are run by the task"));
        }
        Op::LookupJoin { .. } => {
            return Err(Error::internal("a lookup join is made by build_lookup, with its table"));
        }
        Op::Over { .. } => return Err(unsupported("OVER aggregation")),
        Op::IntervalJoin { .. } => return Err(unsupported("a join bounded in time")),
        Op::TemporalJoin { .. } => return Err(unsupported("FOR SYSTEM_TIME AS OF event time")),
    })
}

/// Whether an input takes rows back.
fn takes_back(inputs: &[&Node]) -> bool {
    inputs
        .iter()
        .any(|input| input.changelog.contains(RowKind::Delete) || input.changelog.has_updates())
}

/// Group aggregation, and all that assigns rows to windows.
fn aggregation(
    node: &Node,
    input: &[Field],
    retract: bool,
    context: &OperatorContext,
) -> Result<Box<dyn Operator>> {
    let max_parallelism = context.max_parallelism;
    Ok(match &node.operator {
        Op::GroupAggregate { keys, calls, emit_update_before, mini_batch } => {
            Box::new(GroupAggregate::new(&group::Spec {
                input,
                keys,
                calls,
                retract,
                emit_update_before: *emit_update_before,
                mini_batch: *mini_batch,
                ttl_ms: node.state_ttl_ms,
            })?)
        }
        Op::WindowTableFunction { window } => match window.kind {
            WindowKind::Session { .. } => {
                Box::new(SessionTable::new(input, &node.schema, window, max_parallelism)?)
            }
            _ => Box::new(WindowTableFunction::new(input, &node.schema, window)?),
        },
        Op::WindowAggregate { window, keys, calls, properties } => {
            let output = &node.schema[..];
            let spec = sliced::Spec {
                input,
                output,
                window,
                keys,
                calls,
                properties,
                retract,
                max_parallelism,
            };
            let attached = matches!(window.time, WindowTime::Attached { .. });
            match window.kind {
                WindowKind::Session { .. } if !attached => Box::new(SessionAggregate::new(&spec)?),
                _ => Box::new(SlicedAggregate::new(&spec)?),
            }
        }
        _ => return Err(Error::internal("the node is no aggregation")),
    })
}

/// The operator of a lookup join with its table, opened for the columns of the node's keys.
pub fn build_lookup(
    node: &Node,
    input: &[Field],
    table: Box<dyn LookupTable>,
) -> Result<Box<dyn Operator>> {
    match &node.operator {
        Op::LookupJoin { kind, keys, condition, .. } => {
            Ok(Box::new(LookupJoin::new(input, table, *kind, keys, condition.as_ref())?))
        }
        _ => Err(Error::internal("no lookup join")),
    }
}

/// `Rank`, and `SortLimit` as a `Rank` of one partition.
fn rank_operator(node: &Node, input: &[Field]) -> Result<Box<dyn Operator>> {
    let row_number = RankFunction::RowNumber;
    let spec = match &node.operator {
        Op::Rank {
            function,
            partition,
            order,
            start,
            end,
            output_rank,
            strategy,
            emit_update_before,
        } => RankSpec {
            function: *function,
            partition,
            order,
            start: *start,
            end: *end,
            output_rank: *output_rank,
            strategy,
            emit_update_before: *emit_update_before,
            ttl_ms: node.state_ttl_ms,
        },
        Op::SortLimit { order, offset, limit, input_updates, emit_update_before } => RankSpec {
            function: row_number,
            partition: &[],
            order,
            start: offset.saturating_add(1),
            end: limit.map_or(u64::MAX, |limit| offset.saturating_add(limit)),
            output_rank: false,
            strategy: if *input_updates { &RankStrategy::Retract } else { &RankStrategy::Append },
            emit_update_before: *emit_update_before,
            ttl_ms: node.state_ttl_ms,
        },
        _ => return Err(Error::internal("no Top-N")),
    };
    rank::create(input, &spec)
}

fn unsupported(what: &str) -> Error {
    Error::input(format!("{what} is not supported yet"))
}
