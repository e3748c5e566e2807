//! Filters move towards the sources: through projections, into joins and unions
//! (`FilterJoinRule`, `FilterProjectTransposeRule`). They stop at watermarks, which must see every
//! row, and above `OVER`, where they may be a Top-N.

use river_core::plan::JoinKind;
use river_core::{Expr, LogicalType, Value};

use crate::rel::{Rel, RelKind, conjunction, conjuncts};

/// Moves every filter of the tree as far down as it may go.
pub fn push_down(rel: Rel) -> Rel {
    let schema = rel.schema;
    match rel.kind {
        RelKind::Filter { input, condition } => push(*input, conjuncts(condition)),
        RelKind::Join { left, right, kind, condition, hints } => {
            let joined = RelKind::Join { left, right, kind, condition: literal(true), hints };
            push_into_join(Rel::new(joined, schema), conjuncts(condition), Vec::new())
        }
        kind => map_inputs(Rel::new(kind, schema), &mut push_down),
    }
}

/// `input` filtered by the conditions.
fn push(input: Rel, conditions: Vec<Expr>) -> Rel {
    if conditions.is_empty() {
        return push_down(input);
    }
    let schema = input.schema;
    match input.kind {
        RelKind::Filter { input, condition } => {
            let mut all = conjuncts(condition);
            all.extend(conditions);
            push(*input, all)
        }
        RelKind::Project { input, exprs } if exprs.iter().all(repeatable) => {
            let lowered = conditions.into_iter().map(|c| c.substitute(&exprs)).collect();
            let input = push(*input, lowered);
            Rel::new(RelKind::Project { input: Box::new(input), exprs }, schema)
        }
        RelKind::Union(inputs) => {
            let filtered = inputs.into_iter().map(|i| push(i, conditions.clone())).collect();
            Rel::new(RelKind::Union(filtered), schema)
        }
        RelKind::Join { left, right, kind, condition, hints } => {
            let joined = RelKind::Join { left, right, kind, condition: literal(true), hints };
            push_into_join(Rel::new(joined, schema), conjuncts(condition), conditions)
        }
        RelKind::TemporalJoin { left, right, kind, time, condition } => {
            let width = left.schema.len();
            let (lower, rest): (Vec<_>, Vec<_>) =
                conditions.into_iter().partition(|c| c.columns().iter().all(|i| *i < width));
            let left = Box::new(push(*left, lower));
            let right = Box::new(push_down(*right));
            Rel::new(RelKind::TemporalJoin { left, right, kind, time, condition }, schema)
                .filter(conjunction(rest))
        }
        RelKind::Correlate { input, function, args, left, condition } => {
            let width = input.schema.len();
            let (lower, rest): (Vec<_>, Vec<_>) =
                conditions.into_iter().partition(|c| c.columns().iter().all(|i| *i < width));
            let input = Box::new(push(*input, lower));
            Rel::new(RelKind::Correlate { input, function, args, left, condition }, schema)
                .filter(conjunction(rest))
        }
        kind => push_down(Rel::new(kind, schema)).filter(conjunction(conditions)),
    }
}

/// A join with the conditions of its `ON` clause and of the filter above it.
fn push_into_join(join: Rel, on: Vec<Expr>, above: Vec<Expr>) -> Rel {
    let schema = join.schema;
    let RelKind::Join { left, right, kind, hints, .. } = join.kind else {
        return Rel::new(join.kind, schema);
    };
    let width = left.schema.len();
    let only_left = |e: &Expr| e.columns().iter().all(|c| *c < width);
    let only_right = |e: &Expr| !e.columns().is_empty() && e.columns().iter().all(|c| *c >= width);
    let (mut to_left, mut to_right, mut stay, mut top) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // A filter above may go below a side whose rows the join never makes up.
    for condition in above {
        let (left_kept, right_kept) = match kind {
            JoinKind::Inner => (true, true),
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti => (true, false),
            JoinKind::Right => (false, true),
            JoinKind::Full => (false, false),
        };
        if only_left(&condition) && left_kept {
            to_left.push(condition);
        } else if only_right(&condition) && right_kept {
            to_right.push(condition);
        } else if kind == JoinKind::Inner {
            stay.push(condition);
        } else {
            top.push(condition);
        }
    }
    // A condition of ON may go below a side whose unmatched rows are dropped.
    for condition in on {
        let left_dropped = matches!(kind, JoinKind::Inner | JoinKind::Right | JoinKind::Semi);
        let right_dropped = !matches!(kind, JoinKind::Right | JoinKind::Full);
        if only_left(&condition) && left_dropped {
            to_left.push(condition);
        } else if only_right(&condition) && right_dropped {
            to_right.push(condition);
        } else {
            stay.push(condition);
        }
    }
    let lowered = to_right.into_iter().map(|c| c.map_columns(&|i| i - width)).collect();
    let left = Box::new(push(*left, to_left));
    let right = Box::new(push(*right, lowered));
    let kind = RelKind::Join { left, right, kind, condition: conjunction(stay), hints };
    Rel::new(kind, schema).filter(conjunction(top))
}

fn literal(value: bool) -> Expr {
    Expr::literal(Value::Boolean(value), LogicalType::Boolean.not_null())
}

/// Whether an expression gives the same value each time it is computed.
fn repeatable(expr: &Expr) -> bool {
    let own = match &expr.kind {
        river_core::expr::ExprKind::Call { function, .. } => {
            river_expr::function::lookup(function).is_some_and(|f| f.deterministic)
        }
        _ => true,
    };
    own && expr.children().into_iter().all(repeatable)
}

/// The relation with each input replaced by `f` of it.
pub fn map_inputs(rel: Rel, f: &mut dyn FnMut(Rel) -> Rel) -> Rel {
    let mut on = |input: Box<Rel>| Box::new(f(*input));
    let kind = match rel.kind {
        leaf @ (RelKind::Scan(_) | RelKind::Values(_)) => leaf,
        RelKind::Project { input, exprs } => RelKind::Project { input: on(input), exprs },
        RelKind::Filter { input, condition } => RelKind::Filter { input: on(input), condition },
        RelKind::Watermark { input, rowtime, watermark, idle_timeout_ms } => {
            RelKind::Watermark { input: on(input), rowtime, watermark, idle_timeout_ms }
        }
        RelKind::Join { left, right, kind, condition, hints } => {
            RelKind::Join { left: on(left), right: on(right), kind, condition, hints }
        }
        RelKind::TemporalJoin { left, right, kind, time, condition } => {
            RelKind::TemporalJoin { left: on(left), right: on(right), kind, time, condition }
        }
        RelKind::Correlate { input, function, args, left, condition } => {
            RelKind::Correlate { input: on(input), function, args, left, condition }
        }
        RelKind::Aggregate(mut aggregate) => {
            aggregate.input = on(aggregate.input);
            RelKind::Aggregate(aggregate)
        }
        RelKind::Expand { input, projections } => RelKind::Expand { input: on(input), projections },
        RelKind::WindowTvf { input, kind, time } => {
            RelKind::WindowTvf { input: on(input), kind, time }
        }
        RelKind::Over { input, window, calls } => RelKind::Over { input: on(input), window, calls },
        RelKind::Sort { input, order, offset, limit } => {
            RelKind::Sort { input: on(input), order, offset, limit }
        }
        RelKind::Union(inputs) => RelKind::Union(inputs.into_iter().map(f).collect()),
        RelKind::SingleRow(input) => RelKind::SingleRow(on(input)),
    };
    Rel::new(kind, rel.schema)
}
