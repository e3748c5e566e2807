//! Columns, and fields of row columns, that nobody reads are not made: from the root down every
//! relation is told what is read of it (`ProjectRemoveRule`, `PushProjectIntoTableSourceScanRule`).

use std::collections::{BTreeMap, BTreeSet};

use river_core::expr::ExprKind;
use river_core::plan::{JoinKind, SortKey, WindowKind};
use river_core::{Expr, Field};

use crate::rel::{Aggregate, Rel, RelKind, Scan};

/// What is read of each column: some of its fields, or (`None`) all of it.
type Needs = BTreeMap<usize, Option<BTreeSet<usize>>>;

/// Prunes the whole tree; the root keeps all its columns.
pub fn prune(rel: Rel) -> Rel {
    let all: Needs = (0..rel.schema.len()).map(|c| (c, None)).collect();
    prune_to(rel, &all).0
}

/// The relation with the needed columns (or a few more), and the old position of each.
fn prune_to(rel: Rel, needs: &Needs) -> (Rel, Vec<usize>) {
    let schema = rel.schema;
    match rel.kind {
        RelKind::Scan(scan) => prune_scan(scan, schema, needs),
        RelKind::Values(rows) => {
            let kept: Vec<usize> = needs.keys().copied().collect();
            let rows = rows
                .into_iter()
                .map(|row| kept.iter().map(|c| row[*c].clone()).collect())
                .collect();
            (Rel::new(RelKind::Values(rows), pick(&schema, &kept)), kept)
        }
        RelKind::Project { input, exprs } => {
            let kept: Vec<usize> = needs.keys().copied().collect();
            let mut below = Needs::new();
            for column in &kept {
                match (&exprs[*column].kind, &needs[column]) {
                    (ExprKind::Column(inner), Some(fields)) => {
                        fields.iter().for_each(|f| need_field(&mut below, *inner, *f));
                    }
                    _ => read(&exprs[*column], &mut below),
                }
            }
            let (input, map) = prune_input(*input, &below);
            let exprs = kept.iter().map(|c| exprs[*c].clone().map_columns(&map)).collect();
            let kind = RelKind::Project { input: Box::new(input), exprs };
            (Rel::new(kind, pick(&schema, &kept)), kept)
        }
        RelKind::Expand { input, projections } => {
            let kept: Vec<usize> = needs.keys().copied().collect();
            let mut below = Needs::new();
            for row in &projections {
                kept.iter().for_each(|c| read(&row[*c], &mut below));
            }
            let (input, map) = prune_input(*input, &below);
            let pick_row =
                |row: Vec<Expr>| kept.iter().map(|c| row[*c].clone().map_columns(&map)).collect();
            let projections = projections.into_iter().map(pick_row).collect();
            let kind = RelKind::Expand { input: Box::new(input), projections };
            (Rel::new(kind, pick(&schema, &kept)), kept)
        }
        RelKind::Filter { input, condition } => {
            let mut below = needs.clone();
            read(&condition, &mut below);
            let (input, kept) = prune_to(*input, &below);
            let condition = condition.map_columns(&map_of(&kept));
            let schema = pick(&schema, &kept);
            (Rel::new(RelKind::Filter { input: Box::new(input), condition }, schema), kept)
        }
        RelKind::Watermark { input, rowtime, watermark, idle_timeout_ms } => {
            let mut below = needs.clone();
            below.insert(rowtime, None);
            read(&watermark, &mut below);
            let (input, kept) = prune_to(*input, &below);
            let map = map_of(&kept);
            let kind = RelKind::Watermark {
                input: Box::new(input),
                rowtime: map(rowtime),
                watermark: watermark.map_columns(&map),
                idle_timeout_ms,
            };
            (Rel::new(kind, pick(&schema, &kept)), kept)
        }
        RelKind::SingleRow(input) => {
            let (input, kept) = prune_to(*input, needs);
            (Rel::new(RelKind::SingleRow(Box::new(input)), pick(&schema, &kept)), kept)
        }
        RelKind::Sort { input, order, offset, limit } => {
            let mut below = needs.clone();
            order.iter().for_each(|k| drop(below.insert(k.column, None)));
            let (input, kept) = prune_to(*input, &below);
            let order = sort_keys(&order, &map_of(&kept));
            let kind = RelKind::Sort { input: Box::new(input), order, offset, limit };
            (Rel::new(kind, pick(&schema, &kept)), kept)
        }
        RelKind::Union(inputs) => prune_union(inputs, schema, needs),
        kind => prune_wide(Rel::new(kind, schema), needs),
    }
}

/// Relations whose output is their input's columns and some more.
fn prune_wide(rel: Rel, needs: &Needs) -> (Rel, Vec<usize>) {
    let schema = rel.schema;
    match rel.kind {
        RelKind::Aggregate(aggregate) => prune_aggregate(aggregate, schema, needs),
        RelKind::Join { left, right, kind, condition, hints } => {
            let width = left.schema.len();
            let mut all = needs.clone();
            read(&condition, &mut all);
            let (left_needs, right_needs) = halves(&all, width);
            let (left, left_kept) = prune_to(*left, &left_needs);
            let (right, right_kept) = prune_to(*right, &right_needs);
            let both = both_kept(&left_kept, &right_kept, width);
            let condition = condition.map_columns(&map_of(&both));
            let left_only = matches!(kind, JoinKind::Semi | JoinKind::Anti);
            let kept = if left_only { left_kept } else { both };
            let kind = RelKind::Join {
                left: Box::new(left),
                right: Box::new(right),
                kind,
                condition,
                hints,
            };
            (Rel::new(kind, pick(&schema, &kept)), kept)
        }
        RelKind::TemporalJoin { left, right, kind, time, condition } => {
            let width = left.schema.len();
            let mut all = needs.clone();
            read(&condition, &mut all);
            all.insert(time, None);
            // The versioned side keeps its key and time, whoever reads them.
            (width..width + right.schema.len()).for_each(|c| drop(all.insert(c, None)));
            let (left_needs, right_needs) = halves(&all, width);
            let (left, left_kept) = prune_to(*left, &left_needs);
            let (right, right_kept) = prune_to(*right, &right_needs);
            let kept = both_kept(&left_kept, &right_kept, width);
            let map = map_of(&kept);
            let kind = RelKind::TemporalJoin {
                time: map(time),
                condition: condition.map_columns(&map),
                left: Box::new(left),
                right: Box::new(right),
                kind,
            };
            (Rel::new(kind, pick(&schema, &kept)), kept)
        }
        RelKind::Correlate { input, function, args, left, condition } => {
            let width = input.schema.len();
            let mut below = halves(needs, width).0;
            args.iter().for_each(|a| read(a, &mut below));
            let mut in_condition = Needs::new();
            read(&condition, &mut in_condition);
            below.extend(in_condition.into_keys().filter(|c| *c < width).map(|c| (c, None)));
            let (input, mut kept) = prune_to(*input, &below);
            kept.extend(width..schema.len());
            let map = map_of(&kept);
            let kind = RelKind::Correlate {
                input: Box::new(input),
                function,
                args: args.into_iter().map(|a| a.map_columns(&map)).collect(),
                left,
                condition: condition.map_columns(&map),
            };
            (Rel::new(kind, pick(&schema, &kept)), kept)
        }
        RelKind::WindowTvf { input, kind, time } => {
            let width = input.schema.len();
            let mut below = halves(needs, width).0;
            below.insert(time, None);
            if let WindowKind::Session { partition, .. } = &kind {
                partition.iter().for_each(|c| drop(below.insert(*c, None)));
            }
            let (input, mut kept) = prune_to(*input, &below);
            kept.extend(width..schema.len());
            let map = map_of(&kept);
            let kind = match kind {
                WindowKind::Session { gap, partition } => WindowKind::Session {
                    gap,
                    partition: partition.into_iter().map(&map).collect(),
                },
                other => other,
            };
            let kind = RelKind::WindowTvf { input: Box::new(input), kind, time: map(time) };
            (Rel::new(kind, pick(&schema, &kept)), kept)
        }
        RelKind::Over { input, mut window, mut calls } => {
            let width = input.schema.len();
            let mut below = halves(needs, width).0;
            let order = window.order.iter().map(|k| k.column);
            let args = calls.iter().flat_map(|c| c.args.iter().copied());
            let read: Vec<usize> =
                window.partition.iter().copied().chain(order).chain(args).collect();
            read.into_iter().for_each(|c| drop(below.insert(c, None)));
            let (input, mut kept) = prune_to(*input, &below);
            kept.extend(width..schema.len());
            let map = map_of(&kept);
            window.partition.iter_mut().for_each(|c| *c = map(*c));
            window.order = sort_keys(&window.order, &map);
            calls.iter_mut().flat_map(|c| &mut c.args).for_each(|c| *c = map(*c));
            let kind = RelKind::Over { input: Box::new(input), window, calls };
            (Rel::new(kind, pick(&schema, &kept)), kept)
        }
        kind => {
            let kept = (0..schema.len()).collect();
            (Rel::new(kind, schema), kept)
        }
    }
}

fn prune_scan(mut scan: Scan, schema: Vec<Field>, needs: &Needs) -> (Rel, Vec<usize>) {
    let mut kept: Vec<usize> = needs.keys().copied().collect();
    if kept.is_empty() && !schema.is_empty() {
        // Rows are counted by some column.
        kept.push(0);
    }
    let used = |c: &usize| match needs.get(c) {
        Some(Some(fields)) => Some(fields.iter().copied().collect()),
        Some(None) => None,
        None => scan.used_fields[*c].clone(),
    };
    let used_fields = kept.iter().map(used).collect();
    scan.projection = kept.iter().map(|c| scan.projection[*c]).collect();
    scan.used_fields = used_fields;
    (Rel::new(RelKind::Scan(scan), pick(&schema, &kept)), kept)
}

fn prune_union(inputs: Vec<Rel>, schema: Vec<Field>, needs: &Needs) -> (Rel, Vec<usize>) {
    let kept: Vec<usize> = needs.keys().copied().collect();
    let inputs = inputs
        .into_iter()
        .map(|input| {
            let exprs: Vec<Expr> = kept.iter().map(|c| input.column(*c)).collect();
            let names: Vec<String> = kept.iter().map(|c| input.schema[*c].name.clone()).collect();
            let all: Needs = (0..kept.len()).map(|c| (c, None)).collect();
            prune_to(input.project(exprs, names), &all).0
        })
        .collect();
    (Rel::new(RelKind::Union(inputs), pick(&schema, &kept)), kept)
}

/// Keys stay; results and window columns that nobody reads go.
fn prune_aggregate(
    mut aggregate: Aggregate,
    schema: Vec<Field>,
    needs: &Needs,
) -> (Rel, Vec<usize>) {
    let (keys, calls) = (aggregate.keys.len(), aggregate.calls.len());
    let needed = |column: usize| needs.contains_key(&column);
    let kept: Vec<usize> = (0..schema.len()).filter(|c| *c < keys || needed(*c)).collect();
    let mut position = keys;
    aggregate.calls.retain(|_| {
        position += 1;
        needed(position - 1)
    });
    let mut position = keys + calls;
    aggregate.properties.retain(|_| {
        position += 1;
        needed(position - 1)
    });
    let mut below = Needs::new();
    for call in &aggregate.calls {
        call.args.iter().chain(&call.filter).for_each(|c| drop(below.insert(*c, None)));
    }
    aggregate.keys.iter().for_each(|c| drop(below.insert(*c, None)));
    if let Some((_, time)) = &aggregate.window {
        below.insert(*time, None);
    }
    let (input, input_kept) = prune_to(*aggregate.input, &below);
    let map = map_of(&input_kept);
    aggregate.keys.iter_mut().for_each(|c| *c = map(*c));
    for call in &mut aggregate.calls {
        call.args.iter_mut().chain(&mut call.filter).for_each(|c| *c = map(*c));
    }
    if let Some((_, time)) = &mut aggregate.window {
        *time = map(*time);
    }
    aggregate.input = Box::new(input);
    (Rel::new(RelKind::Aggregate(aggregate), pick(&schema, &kept)), kept)
}

fn prune_input(input: Rel, needs: &Needs) -> (Rel, impl Fn(usize) -> usize + use<>) {
    let (input, kept) = prune_to(input, needs);
    (input, map_of(&kept))
}

/// Old positions to new ones.
fn map_of(kept: &[usize]) -> impl Fn(usize) -> usize + use<> {
    let positions: BTreeMap<usize, usize> =
        kept.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    move |old| positions.get(&old).copied().unwrap_or(usize::MAX)
}

fn pick(schema: &[Field], kept: &[usize]) -> Vec<Field> {
    kept.iter().map(|c| schema[*c].clone()).collect()
}

fn sort_keys(order: &[SortKey], map: &impl Fn(usize) -> usize) -> Vec<SortKey> {
    order.iter().map(|k| SortKey { column: map(k.column), ..*k }).collect()
}

/// What is read of the columns before and from `width` on, the latter in their own positions.
fn halves(needs: &Needs, width: usize) -> (Needs, Needs) {
    let mut left = needs.clone();
    let right = left.split_off(&width);
    (left, right.into_iter().map(|(c, need)| (c - width, need)).collect())
}

fn both_kept(left: &[usize], right: &[usize], width: usize) -> Vec<usize> {
    left.iter().copied().chain(right.iter().map(|c| c + width)).collect()
}

/// Adds what an expression reads.
fn read(expr: &Expr, needs: &mut Needs) {
    match &expr.kind {
        ExprKind::Column(column) => drop(needs.insert(*column, None)),
        ExprKind::Field { input, index } => match input.kind {
            ExprKind::Column(column) => need_field(needs, column, *index),
            _ => read(input, needs),
        },
        _ => expr.children().into_iter().for_each(|child| read(child, needs)),
    }
}

fn need_field(needs: &mut Needs, column: usize, field: usize) {
    if let Some(fields) = needs.entry(column).or_insert_with(|| Some(BTreeSet::new())) {
        fields.insert(field);
    }
}
