//! Joins: regular, window, lookup and temporal.

use river_core::expr::ExprKind;
use river_core::plan::{JoinKeys, JoinKind, Operator};
use river_core::types::TimeKind;
use river_core::{ChangelogMode, Expr, Field};

use super::simple::{calc, table_ref};
use super::{Changes, Planner, Stream, WindowColumns, materialised, spread};
use crate::error::{Result, SqlError};
use crate::rel::{JoinHints, Rel, RelKind, conjunction, conjuncts};

/// A join condition taken apart.
struct Condition {
    /// Pairs of equal expressions: over the left, over the right (in its own positions).
    pairs: Vec<(Expr, Expr, bool)>,
    /// The rest, over left ++ right columns.
    rest: Vec<Expr>,
}

impl Planner<'_> {
    pub(super) fn join(
        &self,
        left: &Rel,
        right: &Rel,
        kind: JoinKind,
        condition: &Expr,
        hints: JoinHints,
    ) -> Result<Stream> {
        let (left, right) = (self.stream(left)?, self.stream(right)?);
        let widths = (left.schema.len(), right.schema.len());
        let split = split(condition, left.schema.len());
        // Keys that are no plain columns are computed below the join, behind the columns.
        let lefts: Vec<Expr> = split.pairs.iter().map(|(l, ..)| l.clone()).collect();
        let rights: Vec<Expr> = split.pairs.iter().map(|(_, r, _)| r.clone()).collect();
        let (left, left_keys) = with_columns(left, lefts);
        let (right, right_keys) = with_columns(right, rights);
        let shift = left.schema.len();
        let rest: Vec<Expr> = split
            .rest
            .into_iter()
            .map(|e| e.map_columns(&|c| if c < widths.0 { c } else { c - widths.0 + shift }))
            .collect();
        let keys = JoinKeys {
            left: left_keys,
            right: right_keys,
            null_safe: split.pairs.iter().map(|(.., null_safe)| *null_safe).collect(),
        };
        let joined = self.joined(left, right, kind, keys, rest, hints)?;
        // Drop the columns of computed keys again.
        let semi = matches!(kind, JoinKind::Semi | JoinKind::Anti);
        let keep: Vec<usize> =
            (0..widths.0).chain((shift..shift + widths.1).filter(|_| !semi)).collect();
        if keep.len() == joined.schema.len() {
            return Ok(joined);
        }
        let exprs = keep.iter().map(|c| Expr::column(*c, joined.schema[*c].ty.clone())).collect();
        let names: Vec<Field> = keep.iter().map(|c| joined.schema[*c].clone()).collect();
        Ok(calc(joined, Vec::new(), exprs, &names))
    }

    fn joined(
        &self,
        left: Stream,
        right: Stream,
        kind: JoinKind,
        keys: JoinKeys,
        rest: Vec<Expr>,
        hints: JoinHints,
    ) -> Result<Stream> {
        if let Some((left_window, right_window)) = window_join(&left, &right, &keys) {
            return Ok(window_joined(left, right, kind, keys, rest, left_window, right_window));
        }
        // Whatever leaves a regular join has lost its relation to watermarks.
        let schema = output_schema(&materialised(&left.schema), &materialised(&right.schema), kind);
        let unique = |s: &Stream| s.keys.iter().min_by_key(|k| k.len()).cloned();
        let (left_unique, right_unique) = (unique(&left), unique(&right));
        let both = left.changes.or(right.changes);
        let changes = match kind {
            JoinKind::Inner | JoinKind::Semi => {
                // A semi join takes rows back only when the right side does.
                both
            }
            _ => Changes::ALL,
        };
        let exchanges = (spread(&keys.left), spread(&keys.right));
        let parallelism = keys.left.is_empty().then_some(1);
        let out_keys = output_keys(&left, &right, &keys, kind);
        let ttl_ms =
            (hints.left_ttl_ms.unwrap_or(self.ttl_ms), hints.right_ttl_ms.unwrap_or(self.ttl_ms));
        let operator = Operator::Join {
            kind,
            keys,
            condition: (!rest.is_empty()).then(|| conjunction(rest)),
            left_unique,
            right_unique,
            ttl_ms,
        };
        Ok(Stream {
            operator,
            inputs: vec![(left, exchanges.0), (right, exchanges.1)],
            schema,
            keys: out_keys,
            changes,
            mode: ChangelogMode::APPEND,
            parallelism,
            window: None,
            ttl_ms: ttl_ms.0.max(ttl_ms.1),
        })
    }

    pub(super) fn temporal_join(
        &self,
        left: &Rel,
        right: &Rel,
        kind: JoinKind,
        time: usize,
        condition: &Expr,
    ) -> Result<Stream> {
        let left = self.stream(left)?;
        if left.schema[time].ty.logical.time_kind() == TimeKind::Proctime {
            return self.lookup_join(left, right, kind, condition);
        }
        let right = self.stream(right)?;
        let width = left.schema.len();
        let split = split(condition, width);
        let column = |e: &Expr| e.as_column();
        let keys: Option<Vec<(usize, usize)>> =
            split.pairs.iter().map(|(l, r, _)| Some((column(l)?, column(r)?))).collect();
        let keys = keys.filter(|k| !k.is_empty()).ok_or_else(|| {
            SqlError::new("a temporal join needs an equality of the right table's primary key")
        })?;
        let right_time = right
            .schema
            .iter()
            .position(|f| f.ty.logical.time_kind() == TimeKind::Rowtime)
            .ok_or_else(|| SqlError::new("the right table of a temporal join needs a WATERMARK"))?;
        let keys = JoinKeys {
            left: keys.iter().map(|(l, _)| *l).collect(),
            right: keys.iter().map(|(_, r)| *r).collect(),
            null_safe: vec![false; keys.len()],
        };
        let schema = output_schema(&left.schema, &materialised(&right.schema), kind);
        let exchanges = (spread(&keys.left), spread(&keys.right));
        let changes = left.changes;
        let operator = Operator::TemporalJoin {
            kind,
            keys,
            time: (time, right_time),
            condition: (!split.rest.is_empty()).then(|| conjunction(split.rest)),
        };
        Ok(Stream {
            operator,
            keys: left.keys.clone(),
            inputs: vec![(left, exchanges.0), (right, exchanges.1)],
            schema,
            changes,
            mode: ChangelogMode::APPEND,
            parallelism: None,
            window: None,
            ttl_ms: self.ttl_ms,
        })
    }

    /// The right side must be a table as it is stored, through projections and filters.
    fn lookup_join(
        &self,
        left: Stream,
        right: &Rel,
        kind: JoinKind,
        condition: &Expr,
    ) -> Result<Stream> {
        let (scan, exprs, filters) = scan_below(right).ok_or_else(|| {
            SqlError::new("Processing-time temporal join needs a table that can be looked up")
        })?;
        let table = table_ref(scan);
        let at = |message: String| SqlError::at(scan.span, message);
        self.connectors.check_source(&table.name, &table.options).map_err(at)?;
        if !self.connectors.supports_lookup(&table.options) {
            return Err(at(format!(
                "the connector of table '{}' cannot be looked up by key",
                table.name
            )));
        }
        let width = left.schema.len();
        let split = split(condition, width);
        let mut keys = Vec::new();
        let mut rest: Vec<Expr> = Vec::new();
        for (l, r, null_safe) in split.pairs {
            match exprs[..].get(r.as_column().unwrap_or(usize::MAX)).and_then(Expr::as_column) {
                Some(column) if !null_safe => keys.push((l, column)),
                _ => {
                    return Err(at("a lookup join compares plain columns of the table".to_owned()));
                }
            }
        }
        if keys.is_empty() {
            return Err(at(
                "Temporal table join requires an equality condition on fields of the table"
                    .to_owned(),
            ));
        }
        // Over input ++ stored columns.
        let mut over_stored: Vec<Expr> =
            (0..width).map(|c| Expr::column(c, left.schema[c].ty.clone())).collect();
        over_stored.extend(exprs.iter().map(|e| e.clone().map_columns(&|c| c + width)));
        rest.extend(split.rest.into_iter().map(|e| e.substitute(&over_stored)));
        rest.extend(filters.into_iter().map(|e| e.map_columns(&|c| c + width)));
        let stored: Vec<Field> = {
            let all: Vec<Field> = table.physical.iter().chain(&table.metadata).cloned().collect();
            table.projection.iter().map(|p| all[*p].clone()).collect()
        };
        let schema = output_schema(&left.schema, &stored, kind);
        let operator = Operator::LookupJoin {
            table,
            kind,
            keys,
            condition: (!rest.is_empty()).then(|| conjunction(rest)),
        };
        let joined = Stream::above(left, operator, schema);
        let mut names = joined.schema[..width].to_vec();
        let outputs: Vec<Expr> = over_stored
            .into_iter()
            .enumerate()
            .map(|(i, e)| {
                let nullable = e.ty.nullable || (i >= width && kind == JoinKind::Left);
                let ty = e.ty.with_nullable(nullable);
                Expr { ty, ..e }
            })
            .collect();
        names.extend(
            right
                .schema
                .iter()
                .zip(&outputs[width..])
                .map(|(f, e)| Field::new(&f.name, e.ty.clone())),
        );
        Ok(calc(joined, Vec::new(), outputs, &names))
    }
}

/// The scan below projections, filters and the watermark; its rows as expressions and conditions
/// over the stored columns.
fn scan_below(rel: &Rel) -> Option<(&crate::rel::Scan, Vec<Expr>, Vec<Expr>)> {
    match &rel.kind {
        RelKind::Scan(scan) => Some((scan, rel.columns(), Vec::new())),
        RelKind::Watermark { input, .. } => scan_below(input),
        RelKind::Filter { input, condition } => {
            let (scan, exprs, mut filters) = scan_below(input)?;
            filters.push(condition.clone().substitute(&exprs));
            Some((scan, exprs, filters))
        }
        RelKind::Project { input, exprs } => {
            let (scan, below, filters) = scan_below(input)?;
            let exprs = exprs.iter().map(|e| e.clone().substitute(&below)).collect();
            Some((scan, exprs, filters))
        }
        _ => None,
    }
}

/// Finds the equalities between the two sides.
fn split(condition: &Expr, left_width: usize) -> Condition {
    let mut found = Condition { pairs: Vec::new(), rest: Vec::new() };
    for part in conjuncts(condition.clone()) {
        let side = |e: &Expr| {
            let columns = e.columns();
            match (
                columns.iter().any(|c| *c < left_width),
                columns.iter().any(|c| *c >= left_width),
            ) {
                (true, false) => Some(false),
                (false, true) => Some(true),
                _ => None,
            }
        };
        if let ExprKind::Call { function, args } = &part.kind {
            let null_safe = match function.as_str() {
                "=" => Some(false),
                "IS NOT DISTINCT FROM" => Some(true),
                _ => None,
            };
            if let (Some(null_safe), [a, b]) = (null_safe, args.as_slice()) {
                let to_right = |e: &Expr| e.clone().map_columns(&|c| c - left_width);
                match (side(a), side(b)) {
                    (Some(false), Some(true)) => {
                        found.pairs.push((a.clone(), to_right(b), null_safe));
                        continue;
                    }
                    (Some(true), Some(false)) => {
                        found.pairs.push((b.clone(), to_right(a), null_safe));
                        continue;
                    }
                    _ => {}
                }
            }
        }
        found.rest.push(part);
    }
    found
}

/// The stream with the expressions as columns, and where they are.
fn with_columns(stream: Stream, wanted: Vec<Expr>) -> (Stream, Vec<usize>) {
    if let Some(columns) = wanted.iter().map(Expr::as_column).collect::<Option<Vec<usize>>>() {
        return (stream, columns);
    }
    let (mut exprs, mut names) = super::simple::identity(&stream);
    let positions = wanted
        .into_iter()
        .map(|e| match e.as_column() {
            Some(column) => column,
            None => {
                names.push(Field::new(format!("$k{}", exprs.len()), e.ty.clone()));
                exprs.push(e);
                exprs.len() - 1
            }
        })
        .collect();
    (calc(stream, Vec::new(), exprs, &names), positions)
}

/// Both sides carry windows, and both window columns are among the keys.
#[allow(clippy::type_complexity)]
fn window_join(
    left: &Stream,
    right: &Stream,
    keys: &JoinKeys,
) -> Option<((usize, usize), (usize, usize))> {
    let (l, r) = (left.window?, right.window?);
    let (left_window, right_window) = ((l.start?, l.end?), (r.start?, r.end?));
    let joined =
        |a: usize, b: usize| keys.left.iter().zip(&keys.right).any(|(x, y)| *x == a && *y == b);
    let insert_only = left.changes.insert_only() && right.changes.insert_only();
    (insert_only
        && l.event_time == r.event_time
        && joined(left_window.0, right_window.0)
        && joined(left_window.1, right_window.1))
    .then_some((left_window, right_window))
}

fn window_joined(
    left: Stream,
    right: Stream,
    kind: JoinKind,
    keys: JoinKeys,
    rest: Vec<Expr>,
    left_window: (usize, usize),
    right_window: (usize, usize),
) -> Stream {
    // The window columns are no keys of their own: rows meet only within their window.
    let mut plain = JoinKeys::default();
    for ((l, r), null_safe) in keys.left.iter().zip(&keys.right).zip(&keys.null_safe) {
        let bound = (*l == left_window.0 && *r == right_window.0)
            || (*l == left_window.1 && *r == right_window.1);
        if !bound {
            plain.left.push(*l);
            plain.right.push(*r);
            plain.null_safe.push(*null_safe);
        }
    }
    let schema = output_schema(&left.schema, &right.schema, kind);
    let exchanges = (spread(&plain.left), spread(&plain.right));
    let parallelism = plain.left.is_empty().then_some(1);
    let event_time = left.window.is_some_and(|w| w.event_time);
    let window =
        Some(WindowColumns { start: Some(left_window.0), end: Some(left_window.1), event_time });
    let operator = Operator::WindowJoin {
        kind,
        keys: plain,
        left_window,
        right_window,
        condition: (!rest.is_empty()).then(|| conjunction(rest)),
    };
    Stream {
        operator,
        inputs: vec![(left, exchanges.0), (right, exchanges.1)],
        schema,
        keys: Vec::new(),
        changes: Changes::NONE,
        mode: ChangelogMode::APPEND,
        parallelism,
        window,
        ttl_ms: 0,
    }
}

/// Left columns, then right ones; the side that may be missing becomes nullable.
fn output_schema(left: &[Field], right: &[Field], kind: JoinKind) -> Vec<Field> {
    if matches!(kind, JoinKind::Semi | JoinKind::Anti) {
        return left.to_vec();
    }
    let side = |fields: &[Field], optional: bool| -> Vec<Field> {
        let nullable = |f: &Field| f.ty.with_nullable(f.ty.nullable || optional);
        fields.iter().map(|f| Field::new(&f.name, nullable(f))).collect()
    };
    let mut schema = side(left, matches!(kind, JoinKind::Right | JoinKind::Full));
    schema.extend(side(right, matches!(kind, JoinKind::Left | JoinKind::Full)));
    schema
}

/// Upsert keys of a join's output.
fn output_keys(left: &Stream, right: &Stream, keys: &JoinKeys, kind: JoinKind) -> Vec<Vec<usize>> {
    if matches!(kind, JoinKind::Semi | JoinKind::Anti) {
        return left.keys.clone();
    }
    let width = left.schema.len();
    let contains = |stream: &Stream, joined: &[usize]| {
        stream.keys.iter().any(|k| k.iter().all(|c| joined.contains(c)))
    };
    let mut found = Vec::new();
    // One match at most on the other side: a side's own keys go on identifying rows.
    if contains(right, &keys.right) && matches!(kind, JoinKind::Inner | JoinKind::Left) {
        found.extend(left.keys.iter().cloned());
    }
    if contains(left, &keys.left) && matches!(kind, JoinKind::Inner | JoinKind::Right) {
        found.extend(right.keys.iter().map(|k| k.iter().map(|c| c + width).collect()));
    }
    for l in &left.keys {
        for r in &right.keys {
            let both = l.iter().copied().chain(r.iter().map(|c| c + width));
            found.push(both.collect());
        }
    }
    found.truncate(8);
    found
}
