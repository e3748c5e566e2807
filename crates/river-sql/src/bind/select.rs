//! One `SELECT`: `FROM`, `WHERE`, grouping, `HAVING`, `OVER`, the select list, `DISTINCT`, and the
//! columns that `ORDER BY` needs.

use river_core::plan::SortKey;
use river_core::{Expr, Field, LogicalType, Value};
use river_expr::{bind, fold};

use super::aggregate::{self, GroupWindow};
use super::query::{direction, distinct, ordinal, retyped};
use super::{Binder, ExprBinder, Scope, over, subquery};
use crate::error::{AtSpan, Result, SqlError};
use crate::parse::ast::{self, GroupItem, OrderItem, Select, SelectItem, SetQuantifier, Span};
use crate::rel::{GroupWindowProperty, Rel, RelKind};

/// Most key sets that a `GROUP BY` may stand for: each multiplies the rows.
const MAX_GROUPING_SETS: usize = 4096;

/// Most keys of grouping sets: each is a bit of a set's id.
const MAX_GROUPING_KEYS: usize = 63;

/// Columns of a `SELECT` before they are computed.
struct Item {
    expr: Expr,
    name: String,
    span: Span,
}

/// What `GROUP BY` says.
#[derive(Default)]
struct Grouping {
    keys: Vec<Expr>,
    /// For `GROUPING SETS`, `CUBE`, `ROLLUP`: keys of each set.
    sets: Option<Vec<Vec<usize>>>,
    window: Option<GroupWindow>,
}

impl Binder<'_> {
    /// Binds a `SELECT`. Returns its relation with the visible columns first, the sort keys of
    /// `order`, and how many columns are visible.
    pub(super) fn select(
        &mut self,
        select: &Select,
        order: &[OrderItem],
    ) -> Result<(Rel, Vec<SortKey>, usize)> {
        if let Some(qualify) = &select.qualify {
            return Err(SqlError::at(qualify.span, "QUALIFY is not supported yet")
                .with_help("filter a subquery that selects the OVER column"));
        }
        let (mut input, scope) = self.from(&select.from, &select.hints)?;
        if let Some(filter) = &select.filter {
            input = self.filter(input, &scope, filter)?;
        }
        let grouping = match &select.group_by {
            Some(group_by) => Some(self.grouping(group_by, &scope)?),
            None => None,
        };
        let mut binder = ExprBinder::new(self, &scope, "SELECT list");
        binder.aggregates = Some(Vec::new());
        binder.grouped =
            grouping.as_ref().is_some_and(|g| !g.keys.is_empty() || g.window.is_some());
        binder.overs = Some(Vec::new());
        binder.subqueries = Some(Vec::new());
        binder.named_windows = &select.windows;
        binder.window = grouping.as_ref().and_then(|g| g.window.clone()).map(|w| (w, Vec::new()));
        let mut items = binder.select_items(&select.items)?;
        let visible = items.len();
        let mut having = match &select.having {
            Some(having) => {
                let overs = binder.overs.take();
                binder.clause = "HAVING clause";
                let bound = binder.condition(having)?;
                binder.overs = overs;
                Some((bound, having.span))
            }
            None => None,
        };
        binder.clause = "ORDER BY clause";
        let unique = select.quantifier == Some(SetQuantifier::Distinct);
        let keys = binder.order_items(order, &mut items, visible, unique)?;
        let requests = binder.aggregates.take().unwrap_or_default();
        let mut overs = binder.overs.take().unwrap_or_default();
        let subqueries = binder.subqueries.take().unwrap_or_default();
        let window = binder.window.take();

        let subquery_columns;
        (input, subquery_columns) = subquery::attach(input, subqueries, select.span)?;
        for item in &mut items {
            item.expr = subquery::replace(item.expr.clone(), &subquery_columns);
        }
        if let Some((condition, _)) = &mut having {
            *condition = subquery::replace(condition.clone(), &subquery_columns);
        }
        if grouping.is_some() || !requests.is_empty() || having.is_some() {
            let grouping = grouping.unwrap_or_default();
            let ttl = aggregate_ttl(&select.hints)?;
            input = self.group(input, &scope, grouping, &requests, window, ttl, |rewrite| {
                for item in &mut items {
                    item.expr = rewrite(item.expr.clone(), item.span)?;
                }
                if let Some((condition, span)) = &mut having {
                    *condition = rewrite(condition.clone(), *span)?;
                }
                for request in &mut overs {
                    let span = request.span;
                    for expr in request.exprs_mut() {
                        *expr = rewrite(expr.clone(), span)?;
                    }
                }
                Ok(())
            })?;
        }
        if let Some((condition, _)) = having {
            input = input.filter(fold::fold(condition, &self.eval));
        }
        if !overs.is_empty() {
            let (windowed, results) = over::apply(input, &overs);
            input = windowed;
            for item in &mut items {
                item.expr = over::replace(item.expr.clone(), &results);
            }
        }
        let rel = self.project_items(input, items);
        let rel = if unique { distinct(rel) } else { rel };
        Ok((rel, keys, visible))
    }

    fn project_items(&self, input: Rel, items: Vec<Item>) -> Rel {
        let (exprs, names): (Vec<Expr>, Vec<String>) =
            items.into_iter().map(|i| (fold::fold(i.expr, &self.eval), i.name)).unzip();
        input.project(exprs, names)
    }

    /// `WHERE`: subqueries of `IN` and `EXISTS` become joins, the rest a filter below them.
    fn filter(&mut self, mut input: Rel, scope: &Scope, filter: &ast::Expr) -> Result<Rel> {
        let mut parts = Vec::new();
        split_and(filter, &mut parts);
        let (tests, plain): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|part| subquery::test(part).is_some());
        let mut binder = ExprBinder::new(self, scope, "WHERE clause");
        binder.subqueries = Some(Vec::new());
        let mut conditions = Vec::with_capacity(plain.len());
        for part in plain {
            conditions.push(binder.condition(part)?);
        }
        let subqueries = binder.subqueries.take().unwrap_or_default();
        let width = input.schema.len();
        let columns;
        (input, columns) = subquery::attach(input, subqueries, filter.span)?;
        let conditions: Vec<Expr> = conditions
            .into_iter()
            .map(|c| fold::fold(subquery::replace(c, &columns), &self.eval))
            .collect();
        input = input.filter(crate::rel::conjunction(conditions));
        for part in tests {
            if let Some(test) = subquery::test(part) {
                input = self.subquery_test(input, scope, &test, part.span)?;
            }
        }
        if input.schema.len() > width {
            let exprs = (0..width).map(|i| input.column(i)).collect();
            let names = input.names()[..width].to_vec();
            input = input.project(exprs, names);
        }
        Ok(input)
    }

    fn grouping(&mut self, group_by: &ast::GroupBy, scope: &Scope) -> Result<Grouping> {
        let mut grouping = Grouping::default();
        // Each item gives alternatives; the sets are all combinations of one of each.
        let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
        let mut several = false;
        for item in &group_by.items {
            let alternatives = self.group_item(item, scope, &mut grouping)?;
            several |= !matches!(item, GroupItem::Expr(_)) && alternatives.len() != 1;
            if sets.len().saturating_mul(alternatives.len()) > MAX_GROUPING_SETS {
                let message = format!("GROUP BY stands for more than {MAX_GROUPING_SETS} sets");
                return Err(SqlError::at(group_by.span, message));
            }
            sets = sets
                .iter()
                .flat_map(|set| {
                    alternatives.iter().map(move |more| {
                        let mut all = set.clone();
                        all.extend(more.iter().filter(|k| !set.contains(k)));
                        all
                    })
                })
                .collect();
        }
        if several && grouping.keys.len() > MAX_GROUPING_KEYS {
            let message = format!("more than {MAX_GROUPING_KEYS} keys in grouping sets");
            return Err(SqlError::at(group_by.span, message));
        }
        if several {
            grouping.sets = Some(sets);
        }
        Ok(grouping)
    }

    /// The key sets that one item of `GROUP BY` stands for.
    fn group_item(
        &mut self,
        item: &GroupItem,
        scope: &Scope,
        grouping: &mut Grouping,
    ) -> Result<Vec<Vec<usize>>> {
        match item {
            GroupItem::Expr(expr) => {
                let key = self.group_key(expr, scope, grouping)?;
                Ok(vec![key.into_iter().collect()])
            }
            GroupItem::Tuple(exprs, _) => {
                let mut keys = Vec::new();
                for expr in exprs {
                    keys.extend(self.group_key(expr, scope, grouping)?);
                }
                Ok(vec![keys])
            }
            GroupItem::GroupingSets(items, _) => {
                let mut sets = Vec::new();
                for item in items {
                    sets.extend(self.group_item(item, scope, grouping)?);
                }
                Ok(sets)
            }
            GroupItem::Rollup(items, _) => {
                let parts = self.group_parts(items, scope, grouping)?;
                Ok((0..=parts.len()).rev().map(|n| parts[..n].concat()).collect())
            }
            GroupItem::Cube(items, span) => {
                let parts = self.group_parts(items, scope, grouping)?;
                if parts.len() > 12 {
                    return Err(SqlError::at(*span, "CUBE of more than 12 columns"));
                }
                let sets = (0..1usize << parts.len()).rev().map(|mask| {
                    let chosen = parts.iter().enumerate();
                    let bit = |i: usize| mask >> (parts.len() - 1 - i) & 1 == 1;
                    chosen.filter(|(i, _)| bit(*i)).flat_map(|(_, p)| p.clone()).collect()
                });
                Ok(sets.collect())
            }
        }
    }

    fn group_parts(
        &mut self,
        items: &[GroupItem],
        scope: &Scope,
        grouping: &mut Grouping,
    ) -> Result<Vec<Vec<usize>>> {
        let mut parts = Vec::with_capacity(items.len());
        for item in items {
            parts.push(self.group_item(item, scope, grouping)?.concat());
        }
        Ok(parts)
    }

    /// The position of a grouping key; `None` for a group window or a constant.
    fn group_key(
        &mut self,
        expr: &ast::Expr,
        scope: &Scope,
        grouping: &mut Grouping,
    ) -> Result<Option<usize>> {
        if let ast::ExprKind::Function(call) = &expr.kind {
            let name = call.name.last().map_or(String::new(), |n| n.value.to_ascii_uppercase());
            if matches!(name.as_str(), "TUMBLE" | "HOP" | "SESSION") {
                let mut binder = ExprBinder::new(self, scope, "GROUP BY clause");
                let window = binder.group_window(&name, call, expr.span)?;
                if grouping.window.replace(window).is_some() {
                    return Err(SqlError::at(expr.span, "only one group window is possible"));
                }
                return Ok(None);
            }
        }
        let bound = ExprBinder::new(self, scope, "GROUP BY clause").bind(expr)?;
        if bound.as_literal().is_some() {
            return Ok(None);
        }
        let keys = &mut grouping.keys;
        Ok(Some(keys.iter().position(|k| *k == bound).unwrap_or_else(|| {
            keys.push(bound);
            keys.len() - 1
        })))
    }

    /// Puts the grouping above `input` and has every expression rewritten to read its output.
    #[allow(clippy::too_many_arguments)]
    fn group(
        &mut self,
        mut input: Rel,
        scope: &Scope,
        grouping: Grouping,
        requests: &[aggregate::AggregateRequest],
        window: Option<(GroupWindow, Vec<GroupWindowProperty>)>,
        ttl_ms: Option<u64>,
        rewrite_all: impl FnOnce(&dyn Fn(Expr, Span) -> Result<Expr>) -> Result<()>,
    ) -> Result<Rel> {
        let names =
            |column: usize| scope.fields.get(column).map_or("?".to_owned(), |f| f.name.clone());
        let Some(sets) = grouping.sets else {
            let keys = grouping.keys;
            let rel = aggregate::aggregate(input, &keys, requests, window, ttl_ms);
            let schema = rel.schema.clone();
            let eval = &self.eval;
            rewrite_all(&|expr, span| {
                let expr = grouping_functions(expr, &keys, None, eval, span)?;
                aggregate::over_output(expr, &keys, requests.len(), &schema)
                    .map_err(|column| not_grouped(&names(column), span))
            })?;
            return Ok(rel);
        };
        // GROUPING SETS: each input row once a set, keys not in the set as NULL, and the set's id.
        let keys = grouping.keys;
        let width = input.schema.len();
        let projections = sets
            .iter()
            .map(|set| {
                let mut row = input.columns();
                row.extend(keys.iter().enumerate().map(|(i, key)| {
                    if set.contains(&i) {
                        Expr { ty: key.ty.with_nullable(true), ..key.clone() }
                    } else {
                        Expr::literal(Value::Null, key.ty.materialised().with_nullable(true))
                    }
                }));
                row.push(Expr::literal(
                    Value::Int64(grouping_id(set, keys.len())),
                    LogicalType::BigInt.not_null(),
                ));
                row
            })
            .collect();
        let mut schema = input.schema.clone();
        for (i, key) in keys.iter().enumerate() {
            let name = key.as_column().map_or(format!("$g{i}"), |c| input.schema[c].name.clone());
            schema.push(Field::new(name, key.ty.with_nullable(true)));
        }
        schema.push(Field::new("$e", LogicalType::BigInt.not_null()));
        input = Rel::new(RelKind::Expand { input: Box::new(input), projections }, schema);
        let mut set_keys: Vec<Expr> = (0..=keys.len()).map(|i| input.column(width + i)).collect();
        let rel = aggregate::aggregate(input, &set_keys, requests, window, ttl_ms);
        let id = set_keys.len() - 1;
        let output = rel.schema.clone();
        // Expressions still speak of the keys over the old input.
        let eval = &self.eval;
        let id_column = set_keys.remove(id);
        let mut readable = keys.clone();
        readable.push(id_column.clone());
        rewrite_all(&|expr, span| {
            let expr = grouping_functions(expr, &keys, Some(&id_column), eval, span)?;
            aggregate::over_output(expr, &readable, requests.len(), &output)
                .map_err(|column| not_grouped(&names(column), span))
        })?;
        Ok(rel)
    }
}

/// Bit i of the id, counted from the left, says that key i is not in the set.
fn grouping_id(set: &[usize], keys: usize) -> i64 {
    (0..keys).fold(0, |id, key| id << 1 | i64::from(!set.contains(&key)))
}

fn not_grouped(name: &str, span: Span) -> SqlError {
    SqlError::at(span, format!("Expression '{name}' is not being grouped"))
        .with_help("put it into GROUP BY or into an aggregate function")
}

/// `GROUPING(a)`, `GROUPING_ID(a, b)`, `GROUP_ID()`: computed from the id of the grouping set.
fn grouping_functions(
    expr: Expr,
    keys: &[Expr],
    id: Option<&Expr>,
    eval: &river_expr::Session,
    span: Span,
) -> Result<Expr> {
    use river_core::expr::ExprKind;
    let ExprKind::Call { function, args } = &expr.kind else {
        return map_fallible(expr, &mut |e| grouping_functions(e, keys, id, eval, span));
    };
    if !matches!(function.as_str(), "$GROUPING" | "$GROUP_ID") {
        return map_fallible(expr, &mut |e| grouping_functions(e, keys, id, eval, span));
    }
    let number = |n: i64| Expr::literal(Value::Int64(n), LogicalType::BigInt.not_null());
    let Some(id) = id.filter(|_| function == "$GROUPING") else { return Ok(number(0)) };
    let mut total = number(0);
    for arg in args {
        let at = keys.iter().position(|k| k == arg).ok_or_else(|| {
            SqlError::at(span, "Argument to GROUPING operator must be a grouped expression")
        })?;
        let shift = number(1i64 << (keys.len() - 1 - at));
        let bit = bind::call(eval, "/", vec![id.clone(), shift]).at(span)?;
        let bit = bind::call(eval, "MOD", vec![bit, number(2)]).at(span)?;
        let doubled = bind::call(eval, "*", vec![total, number(2)]).at(span)?;
        total = bind::call(eval, "+", vec![doubled, bit]).at(span)?;
    }
    Ok(retyped(total, &LogicalType::BigInt.not_null()))
}

/// [`Expr::map_children`] with a function that may fail.
pub(super) fn map_fallible(expr: Expr, f: &mut dyn FnMut(Expr) -> Result<Expr>) -> Result<Expr> {
    let mut failed = None;
    let mapped = expr.map_children(&mut |child| {
        let keep = child.clone();
        match f(child) {
            Ok(child) => child,
            Err(error) => {
                failed.get_or_insert(error);
                keep
            }
        }
    });
    failed.map_or(Ok(mapped), Err)
}

/// The parts of a condition joined by `AND`, as written.
fn split_and<'e>(expr: &'e ast::Expr, into: &mut Vec<&'e ast::Expr>) {
    match &expr.kind {
        ast::ExprKind::Binary { op: ast::BinaryOp::And, left, right, .. } => {
            split_and(left, into);
            split_and(right, into);
        }
        _ => into.push(expr),
    }
}

/// `STATE_TTL('table' = '..')` of a query with one table.
fn aggregate_ttl(hints: &[ast::Hint]) -> Result<Option<u64>> {
    for hint in hints.iter().filter(|h| h.name.value.eq_ignore_ascii_case("STATE_TTL")) {
        if let ast::HintArgs::Options(pairs) = &hint.args
            && let [pair] = pairs.as_slice()
        {
            let ttl = river_core::options::parse_duration(&pair.value.value);
            return ttl
                .map(|t| Some(t.as_millis() as u64))
                .ok_or_else(|| SqlError::at(pair.value.span, "expected a duration such as '1 d'"));
        }
    }
    Ok(None)
}

impl ExprBinder<'_, '_> {
    fn select_items(&mut self, items: &[SelectItem]) -> Result<Vec<Item>> {
        let mut bound = Vec::with_capacity(items.len());
        for item in items {
            match item {
                SelectItem::Star(span) => {
                    if self.scope.relations.is_empty() {
                        return Err(SqlError::at(*span, "SELECT * needs a FROM clause"));
                    }
                    let columns = self.scope.star();
                    bound.extend(columns.into_iter().map(|c| self.column_item(c, *span)));
                }
                SelectItem::QualifiedStar { name, span } => {
                    bound.extend(self.qualified_star(name, *span)?);
                }
                SelectItem::Expr { expr, alias } => {
                    let value = self.bind(expr)?;
                    let name = match alias {
                        Some(alias) => alias.value.clone(),
                        None => derived_name(expr, bound.len()),
                    };
                    bound.push(Item { expr: value, name, span: expr.span });
                }
            }
        }
        Ok(bound)
    }

    fn column_item(&self, column: usize, span: Span) -> Item {
        Item { expr: self.scope.column(column), name: self.scope.fields[column].name.clone(), span }
    }

    /// `t.*`, or all fields of a row column.
    fn qualified_star(&mut self, name: &ast::ObjectName, span: Span) -> Result<Vec<Item>> {
        if let Some(columns) = self.scope.table_star(name) {
            return Ok(columns.into_iter().map(|c| self.column_item(c, span)).collect());
        }
        let Some(row) = self.scope.resolve(&name.0)? else {
            return Err(SqlError::at(span, format!("Unknown identifier '{name}'")));
        };
        let LogicalType::Row(fields) = &row.ty.logical else {
            return Err(SqlError::at(span, format!("'{name}' is neither a table nor a ROW")));
        };
        let fields = fields.clone();
        fields
            .iter()
            .map(|field| {
                let ident = ast::Ident { value: field.name.clone(), quoted: true, span };
                let expr = super::scope::fields(row.clone(), &[ident])?;
                Ok(Item { expr, name: field.name.clone(), span })
            })
            .collect()
    }

    /// Sort keys; what is not in the select list is added behind the visible columns.
    fn order_items(
        &mut self,
        order: &[OrderItem],
        items: &mut Vec<Item>,
        visible: usize,
        unique: bool,
    ) -> Result<Vec<SortKey>> {
        let mut keys = Vec::with_capacity(order.len());
        for item in order {
            let (descending, nulls_first) = direction(item);
            let column = self.order_column(item, items, visible)?;
            if unique && column >= visible {
                return Err(SqlError::at(
                    item.expr.span,
                    "Expression is not in the select clause of SELECT DISTINCT",
                ));
            }
            keys.push(SortKey { column, descending, nulls_first });
        }
        Ok(keys)
    }

    fn order_column(
        &mut self,
        item: &OrderItem,
        items: &mut Vec<Item>,
        visible: usize,
    ) -> Result<usize> {
        if let ast::ExprKind::Name(path) = &item.expr.kind
            && let [name] = path.as_slice()
        {
            let mut named = items[..visible].iter().enumerate();
            if let Some((at, _)) = named.find(|(_, i)| i.name == name.value) {
                return Ok(at);
            }
        }
        let bound = self.bind(&item.expr)?;
        if let (Some(value), ast::ExprKind::Literal(_)) = (bound.as_literal(), &item.expr.kind) {
            return ordinal(value, visible, item.expr.span);
        }
        if let Some(at) = items.iter().position(|i| i.expr == bound) {
            return Ok(at);
        }
        items.push(Item { expr: bound, name: format!("$s{}", items.len()), span: item.expr.span });
        Ok(items.len() - 1)
    }
}

/// The name of a column without alias: that of the column or field it is, else `EXPR$n`.
fn derived_name(expr: &ast::Expr, position: usize) -> String {
    match &expr.kind {
        ast::ExprKind::Name(path) => path.last().map(|i| i.value.clone()),
        ast::ExprKind::Field { name, .. } => Some(name.value.clone()),
        _ => None,
    }
    .unwrap_or_else(|| format!("EXPR${position}"))
}
