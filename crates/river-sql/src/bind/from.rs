//! `FROM`: tables, views, subqueries, window and table functions, joins.

use std::sync::Arc;

use river_core::plan::{JoinKind, WindowKind};
use river_core::types::TimeKind;
use river_core::{DataType, Expr, Field, LogicalType};
use river_expr::bind;

use super::call::interval_ms;
use super::expr::materialised;
use super::query::rename;
use super::subquery::{contains_outer, decorrelate};
use super::{Binder, ExprBinder, Scope};
use crate::catalog::{ColumnKind, Object, Table, View};
use crate::error::{AtSpan, Result, SqlError};
use crate::parse::ast::{
    self, ArgValue, FunctionCall, HintArgs, JoinCondition, ObjectName, Span, TableArgSource,
    TableRefKind,
};
use crate::rel::{JoinHints, Rel, RelKind, Scan, conjunction, literal_true};

impl Binder<'_> {
    /// All entries of `FROM`, joined by comma.
    pub(super) fn from(
        &mut self,
        from: &[ast::TableRef],
        hints: &[ast::Hint],
    ) -> Result<(Rel, Scope)> {
        let Some((first, rest)) = from.split_first() else {
            return Ok((super::query::one_row(), Scope::default()));
        };
        let mut joined = self.table_ref(first, hints)?;
        for entry in rest {
            let on = JoinCondition::None;
            joined =
                self.join_with(joined, entry, ast::JoinKind::Cross, &on, false, entry.span, hints)?;
        }
        Ok(joined)
    }

    fn table_ref(&mut self, table: &ast::TableRef, hints: &[ast::Hint]) -> Result<(Rel, Scope)> {
        let (mut rel, mut scope) = match &table.kind {
            TableRefKind::Named { name, hints, as_of: None } => self.named_table(name, hints)?,
            TableRefKind::Named { as_of: Some(time), .. } => {
                return Err(SqlError::at(
                    time.span,
                    "FOR SYSTEM_TIME AS OF needs a table to its left to join with",
                ));
            }
            TableRefKind::Derived { query, .. } => {
                let rel = self.query(query)?;
                let scope = Scope::of(Vec::new(), rel.schema.clone());
                (rel, scope)
            }
            TableRefKind::Function { call, .. } => {
                let rel = self.table_function(call, table.span)?;
                let scope = Scope::of(Vec::new(), rel.schema.clone());
                (rel, scope)
            }
            TableRefKind::Unnest { .. } => {
                let one = (super::query::one_row(), Scope::default());
                let on = JoinCondition::None;
                return self.join_with(
                    one,
                    table,
                    ast::JoinKind::Cross,
                    &on,
                    false,
                    table.span,
                    hints,
                );
            }
            TableRefKind::Join(join) => {
                let left = self.table_ref(&join.left, hints)?;
                self.join_with(
                    left,
                    &join.right,
                    join.kind,
                    &join.condition,
                    join.natural,
                    join.join_span,
                    hints,
                )?
            }
            TableRefKind::Nested(inner) => self.table_ref(inner, hints)?,
            TableRefKind::MatchRecognize(matching) => {
                return Err(SqlError::at(matching.span, "MATCH_RECOGNIZE is not supported yet"));
            }
            TableRefKind::AsOf { time, .. } => {
                return Err(SqlError::at(time.span, "FOR SYSTEM_TIME AS OF needs a table name"));
            }
        };
        if let Some(alias) = &table.alias {
            rename(&mut rel, &alias.columns)?;
            scope = Scope::of(vec![alias.name.value.clone()], rel.schema.clone());
        }
        Ok((rel, scope))
    }

    /// A table, view or query of `WITH`.
    pub(super) fn named_table(
        &mut self,
        name: &ObjectName,
        hints: &[ast::Hint],
    ) -> Result<(Rel, Scope)> {
        if let [single] = name.0.as_slice() {
            let with = self.with.iter().rev().find_map(|w| w.get(&single.value));
            if let Some(rel) = with {
                let rel = rel.clone();
                self.count_parts(rel.parts(), single.span)?;
                let rel = (*rel).clone();
                let scope = Scope::of(vec![single.value.clone()], rel.schema.clone());
                return Ok((rel, scope));
            }
        }
        let path = self.catalogs.resolve_in(name, (self.home.0.as_str(), self.home.1.as_str()))?;
        let scope_name = vec![path.catalog.clone(), path.database.clone(), path.name.clone()];
        let rel = match self.catalogs.get(&path) {
            Some(Object::Table(table)) => self.scan(&table.clone(), hints, name.span())?,
            Some(Object::View(view)) => {
                if let Some(hint) = hints.first() {
                    return Err(SqlError::at(
                        hint.span,
                        "View hints are not allowed: options belong to the tables below it",
                    ));
                }
                self.view(&view.clone(), name.span())?
            }
            None => return Err(self.unknown_table(name)),
        };
        self.count_parts(1 + rel.schema.len(), name.span())?;
        let scope = Scope::of(scope_name, rel.schema.clone());
        Ok((rel, scope))
    }

    /// The error for a table that does not exist.
    pub fn unknown_table(&self, name: &ObjectName) -> SqlError {
        let error = SqlError::at(name.span(), format!("Object '{name}' not found"));
        let known = self.catalogs.objects(&self.home.0, &self.home.1).unwrap_or_default();
        let names: Vec<&str> = known.iter().map(|(n, _)| n.as_str()).collect();
        let wanted = name.last().map_or("", |i| i.value.as_str());
        match river_core::options::nearest(wanted, names.iter().copied()) {
            Some(near) => error.with_help(format!("did you mean `{near}`?")),
            None if names.is_empty() => error.with_help("no table has been created yet"),
            None => error.with_help(format!("there are: {}", names.join(", "))),
        }
    }

    fn view(&mut self, view: &Arc<View>, span: Span) -> Result<Rel> {
        let mut rel = self.in_home(view.home.clone(), |binder| binder.query(&view.query)).map_err(
            |error| {
                // The error's place is in the text of another statement.
                SqlError { span: Some(span), label: None, ..error }
                    .with_label(format!("in view {}", view.path))
            },
        )?;
        rel.schema.iter_mut().zip(&view.columns).for_each(|(f, name)| f.name = name.clone());
        Ok(rel)
    }

    fn scan(&mut self, table: &Arc<Table>, hints: &[ast::Hint], span: Span) -> Result<Rel> {
        let mut options = Vec::new();
        for hint in hints {
            match &hint.args {
                HintArgs::Options(pairs) if hint.name.value.eq_ignore_ascii_case("OPTIONS") => {
                    options
                        .extend(pairs.iter().map(|p| (p.key.value.clone(), p.value.value.clone())));
                }
                _ => {
                    return Err(SqlError::at(hint.span, "only OPTIONS(..) may follow a table"));
                }
            }
        }
        let mut stored = table.physical();
        let physical = stored.len();
        stored.extend(table.metadata());
        let width = stored.len();
        let scan = Scan {
            table: table.clone(),
            hints: options,
            projection: (0..width).collect(),
            used_fields: vec![None; width],
            span,
        };
        let mut rel = Rel::new(RelKind::Scan(scan), stored);
        let (mut next_physical, mut next_metadata) = (0, physical);
        let mut exprs = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            exprs.push(match &column.kind {
                ColumnKind::Physical => {
                    next_physical += 1;
                    rel.column(next_physical - 1)
                }
                ColumnKind::Metadata { .. } => {
                    next_metadata += 1;
                    rel.column(next_metadata - 1)
                }
                ColumnKind::Computed { expr, .. } => expr.clone(),
            });
        }
        let names: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
        if exprs.len() == width && exprs.iter().enumerate().all(|(i, e)| e.as_column() == Some(i)) {
            rel.schema.iter_mut().zip(names).for_each(|(f, name)| f.name = name);
        } else {
            rel = rel.project(exprs, names);
        }
        let Some(watermark) = &table.watermark else { return Ok(rel) };
        let mut schema = rel.schema.clone();
        let field = &mut schema[watermark.column];
        field.ty =
            field.ty.logical.with_time_kind(TimeKind::Rowtime).with_nullable(field.ty.nullable);
        let idle = table
            .options
            .duration("scan.watermark.idle-timeout")
            .map_err(|e| SqlError::at(span, e.to_string()))?;
        let kind = RelKind::Watermark {
            input: Box::new(rel),
            rowtime: watermark.column,
            watermark: watermark.expr.clone(),
            idle_timeout_ms: idle.map(|d| d.as_millis() as i64),
        };
        Ok(Rel::new(kind, schema))
    }

    /// `TUMBLE(TABLE t, DESCRIPTOR(c), size)` and its like as an entry of `FROM`.
    fn table_function(&mut self, call: &FunctionCall, span: Span) -> Result<Rel> {
        let name = call.name.last().map_or(String::new(), |n| n.value.to_ascii_uppercase());
        let lengths: &[&str] = match name.as_str() {
            "TUMBLE" => &["SIZE", "OFFSET"],
            "HOP" => &["SLIDE", "SIZE", "OFFSET"],
            "CUMULATE" => &["STEP", "SIZE", "OFFSET"],
            "SESSION" => &["GAP"],
            _ => {
                return Err(SqlError::at(
                    span,
                    format!("No match found for table function {name}"),
                )
                .with_help("window functions are TUMBLE, HOP, CUMULATE and SESSION"));
            }
        };
        let mut slots: Vec<Option<&ast::FunctionArg>> = vec![None; 2 + lengths.len()];
        for (position, arg) in call.args.iter().enumerate() {
            let slot = match &arg.name {
                None => position,
                Some(given) => ["DATA", "TIMECOL"]
                    .iter()
                    .chain(lengths)
                    .position(|n| n.eq_ignore_ascii_case(&given.value))
                    .ok_or_else(|| {
                        SqlError::at(given.span, format!("{name} has no parameter {}", given.value))
                            .with_help(format!("it takes DATA, TIMECOL, {}", lengths.join(", ")))
                    })?,
            };
            match slots.get_mut(slot) {
                Some(free @ None) => *free = Some(arg),
                _ => {
                    return Err(SqlError::at(
                        arg.span,
                        format!("one argument too many for {name}"),
                    ));
                }
            }
        }
        let (input, partition) = self.window_data(slots[0], &name, span)?;
        let time = window_time(slots[1], &input, &name, span)?;
        let mut values = Vec::with_capacity(lengths.len());
        for (slot, parameter) in slots[2..].iter().zip(lengths) {
            values.push(self.window_length(*slot, parameter, &name, span)?);
        }
        let kind = window_kind(&name, &values, partition, span)?;
        let mut schema = input.schema.clone();
        let bound = LogicalType::timestamp(3).not_null();
        let time_type = schema[time].ty.with_nullable(false);
        schema.push(Field::new("window_start", bound.clone()));
        schema.push(Field::new("window_end", bound));
        schema.push(Field::new("window_time", time_type));
        Ok(Rel::new(RelKind::WindowTvf { input: Box::new(input), kind, time }, schema))
    }

    /// The first argument of a window function: its table and partition columns.
    fn window_data(
        &mut self,
        arg: Option<&ast::FunctionArg>,
        name: &str,
        span: Span,
    ) -> Result<(Rel, Vec<usize>)> {
        let Some(arg) = arg else {
            return Err(SqlError::at(span, format!("{name} needs a table"))
                .with_help(format!("{name}(TABLE t, DESCRIPTOR(time_column), ..)")));
        };
        let ArgValue::Table(table) = &arg.value else {
            return match &arg.value {
                ArgValue::Expr(ast::Expr { kind: ast::ExprKind::Subquery(query), .. }) => {
                    Ok((self.query(query)?, Vec::new()))
                }
                _ => {
                    Err(SqlError::at(arg.span, format!("the first argument of {name} is a table"))
                        .with_help("write TABLE in front of its name"))
                }
            };
        };
        let (input, scope) = match &table.source {
            TableArgSource::Named(name) => self.named_table(name, &[])?,
            TableArgSource::Query(query) => {
                let rel = self.query(query)?;
                let scope = Scope::of(Vec::new(), rel.schema.clone());
                (rel, scope)
            }
        };
        let mut partition = Vec::with_capacity(table.partition_by.len());
        for expr in &table.partition_by {
            let bound = ExprBinder::new(self, &scope, "PARTITION BY clause").bind(expr)?;
            partition.push(
                bound.as_column().ok_or_else(|| {
                    SqlError::at(expr.span, "PARTITION BY of a table takes columns")
                })?,
            );
        }
        Ok((input, partition))
    }

    fn window_length(
        &mut self,
        arg: Option<&ast::FunctionArg>,
        parameter: &str,
        name: &str,
        span: Span,
    ) -> Result<Option<i64>> {
        let Some(arg) = arg else {
            if parameter == "OFFSET" {
                return Ok(None);
            }
            return Err(SqlError::at(span, format!("{name} needs {parameter}")));
        };
        let scope = Scope::default();
        let bound = match &arg.value {
            ArgValue::Expr(expr) => ExprBinder::new(self, &scope, "window").bind(expr)?,
            _ => return Err(SqlError::at(arg.span, format!("{parameter} is an interval"))),
        };
        interval_ms(&river_expr::fold::fold(bound, &self.eval)).map(Some).ok_or_else(|| {
            SqlError::at(arg.span, format!("{parameter} must be a constant day-time INTERVAL"))
        })
    }

    /// Joins what is there with one more entry.
    #[allow(clippy::too_many_arguments)]
    fn join_with(
        &mut self,
        (left, left_scope): (Rel, Scope),
        entry: &ast::TableRef,
        kind: ast::JoinKind,
        condition: &JoinCondition,
        natural: bool,
        span: Span,
        hints: &[ast::Hint],
    ) -> Result<(Rel, Scope)> {
        let join_kind = match kind {
            ast::JoinKind::Inner | ast::JoinKind::Cross => JoinKind::Inner,
            ast::JoinKind::Left => JoinKind::Left,
            ast::JoinKind::Right => JoinKind::Right,
            ast::JoinKind::Full => JoinKind::Full,
        };
        match &entry.kind {
            TableRefKind::Unnest { exprs, with_ordinality, .. } => {
                self.unnest(left, left_scope, entry, exprs, *with_ordinality, join_kind, condition)
            }
            TableRefKind::Named { name, hints: options, as_of: Some(time) } => {
                let right = self.named_table(name, options)?;
                self.temporal_join(left, left_scope, entry, right, time, join_kind, condition, span)
            }
            TableRefKind::Derived { lateral: true, query } => {
                self.lateral(left, left_scope, entry, query, join_kind, condition, span)
            }
            _ => {
                let (right, right_scope) = self.table_ref(entry, hints)?;
                let hints = join_hints(hints, &left_scope, &right_scope)?;
                let left_fields = left.schema.len();
                let (condition, hidden) =
                    self.join_condition(&left_scope, &right_scope, condition, natural, span)?;
                let mut scope = left_scope.join(right_scope);
                scope.hidden.extend(hidden.into_iter().map(|c| c + left_fields));
                let rel = join(left, right, join_kind, condition, hints);
                scope.fields = rel.schema.clone();
                Ok((rel, scope))
            }
        }
    }

    /// The condition over left ++ right columns, and right columns merged into left ones.
    fn join_condition(
        &mut self,
        left: &Scope,
        right: &Scope,
        condition: &JoinCondition,
        natural: bool,
        span: Span,
    ) -> Result<(Expr, Vec<usize>)> {
        let names: Vec<String> = match condition {
            JoinCondition::On(expr) => {
                let scope = left.clone().join(right.clone());
                let bound = ExprBinder::new(self, &scope, "ON clause").condition(expr)?;
                return Ok((bound, Vec::new()));
            }
            JoinCondition::Using(names) => names.iter().map(|n| n.value.clone()).collect(),
            JoinCondition::None if natural => {
                let shared = |f: &&Field| right.fields.iter().any(|r| r.name == f.name);
                left.fields.iter().filter(shared).map(|f| f.name.clone()).collect()
            }
            JoinCondition::None => return Ok((literal_true(), Vec::new())),
        };
        let mut conditions = Vec::with_capacity(names.len());
        let mut hidden = Vec::with_capacity(names.len());
        for name in &names {
            let find = |scope: &Scope| scope.fields.iter().position(|f| f.name == *name);
            let (Some(l), Some(r)) = (find(left), find(right)) else {
                return Err(SqlError::at(
                    span,
                    format!("Column '{name}' of USING is not in both tables"),
                ));
            };
            let right_column =
                Expr::column(left.fields.len() + r, right.fields[r].ty.materialised());
            let args = vec![materialised(left.column(l)), right_column];
            conditions.push(bind::call(&self.eval, "=", args).at(span)?);
            hidden.push(r);
        }
        Ok((conjunction(conditions), hidden))
    }

    #[allow(clippy::too_many_arguments)]
    fn unnest(
        &mut self,
        left: Rel,
        left_scope: Scope,
        entry: &ast::TableRef,
        exprs: &[ast::Expr],
        with_ordinality: bool,
        kind: JoinKind,
        condition: &JoinCondition,
    ) -> Result<(Rel, Scope)> {
        if !matches!(kind, JoinKind::Inner | JoinKind::Left) {
            return Err(SqlError::at(entry.span, "UNNEST joins only as CROSS, INNER or LEFT JOIN"));
        }
        let [collection] = exprs else {
            return Err(SqlError::at(entry.span, "UNNEST takes one collection"));
        };
        let arg = ExprBinder::new(self, &left_scope, "UNNEST").bind(collection)?;
        let mut fields = unnest_fields(&arg.ty).ok_or_else(|| {
            SqlError::at(collection.span, "UNNEST takes an ARRAY, MAP or MULTISET")
                .with_label(format!("this is {}", arg.ty.logical))
        })?;
        if with_ordinality {
            fields.push(Field::new("ORDINALITY", LogicalType::Int.not_null()));
        }
        let mut right = Rel::new(RelKind::Values(Vec::new()), fields);
        let mut name = Vec::new();
        if let Some(alias) = &entry.alias {
            rename(&mut right, &alias.columns)?;
            name.push(alias.name.value.clone());
        }
        let function = if with_ordinality { "UNNEST_WITH_ORDINALITY" } else { "UNNEST" };
        self.correlate(
            left,
            left_scope,
            function,
            vec![arg],
            Scope::of(name, right.schema),
            kind,
            condition,
        )
    }

    #[allow(clippy::too_many_arguments)]
    fn correlate(
        &mut self,
        left: Rel,
        left_scope: Scope,
        function: &str,
        args: Vec<Expr>,
        right: Scope,
        kind: JoinKind,
        condition: &JoinCondition,
    ) -> Result<(Rel, Scope)> {
        let mut scope = left_scope.join(right.clone());
        let condition = match condition {
            JoinCondition::On(expr) => {
                ExprBinder::new(self, &scope, "ON clause").condition(expr)?
            }
            _ => literal_true(),
        };
        let outer = kind == JoinKind::Left;
        let mut schema = left.schema.clone();
        schema.extend(
            right
                .fields
                .iter()
                .map(|f| Field::new(&f.name, f.ty.with_nullable(f.ty.nullable || outer))),
        );
        scope.fields = schema.clone();
        let kind = RelKind::Correlate {
            input: Box::new(left),
            function: function.to_owned(),
            args,
            left: outer,
            condition,
        };
        Ok((Rel::new(kind, schema), scope))
    }

    #[allow(clippy::too_many_arguments)]
    fn temporal_join(
        &mut self,
        left: Rel,
        left_scope: Scope,
        entry: &ast::TableRef,
        (mut right, mut right_scope): (Rel, Scope),
        time: &ast::Expr,
        kind: JoinKind,
        condition: &JoinCondition,
        span: Span,
    ) -> Result<(Rel, Scope)> {
        if !matches!(kind, JoinKind::Inner | JoinKind::Left) {
            return Err(SqlError::at(span, "a temporal join is an INNER or LEFT JOIN"));
        }
        if let Some(alias) = &entry.alias {
            rename(&mut right, &alias.columns)?;
            right_scope = Scope::of(vec![alias.name.value.clone()], right.schema.clone());
        }
        let at = ExprBinder::new(self, &left_scope, "FOR SYSTEM_TIME AS OF").bind(time)?;
        let time_column = match at.as_column() {
            Some(column) if at.ty.logical.time_kind() != TimeKind::Regular => column,
            _ => {
                return Err(SqlError::at(
                    time.span,
                    "FOR SYSTEM_TIME AS OF takes a time attribute of the left table",
                )
                .with_label(format!("this is {}", at.ty.logical)));
            }
        };
        let (condition, _) =
            self.join_condition(&left_scope, &right_scope, condition, false, span)?;
        let mut scope = left_scope.join(right_scope);
        let schema = join_schema(&left.schema, &right.schema, kind);
        scope.fields = schema.clone();
        let kind = RelKind::TemporalJoin {
            left: Box::new(left),
            right: Box::new(right),
            kind,
            time: time_column,
            condition,
        };
        Ok((Rel::new(kind, schema), scope))
    }

    #[allow(clippy::too_many_arguments)]
    fn lateral(
        &mut self,
        left: Rel,
        left_scope: Scope,
        entry: &ast::TableRef,
        query: &ast::Query,
        kind: JoinKind,
        condition: &JoinCondition,
        span: Span,
    ) -> Result<(Rel, Scope)> {
        let mut right = self.subquery(query, &left_scope)?;
        let mut name = Vec::new();
        if let Some(alias) = &entry.alias {
            rename(&mut right, &alias.columns)?;
            name.push(alias.name.value.clone());
        }
        let right_scope = Scope::of(name, right.schema.clone());
        let (on, _) = self.join_condition(&left_scope, &right_scope, condition, false, span)?;
        let visible = left.schema.len() + right.schema.len();
        let mut conditions = vec![on];
        if contains_outer(&right) {
            let (flat, correlated) = decorrelate(right, left.schema.len(), span)?;
            right = flat;
            conditions.extend(correlated);
        }
        let rel = join(left, right, kind, conjunction(conditions), JoinHints::default());
        let exprs = (0..visible).map(|i| rel.column(i)).collect();
        let names = rel.names()[..visible].to_vec();
        let rel = rel.project(exprs, names);
        let mut scope = left_scope.join(right_scope);
        scope.fields = rel.schema.clone();
        Ok((rel, scope))
    }
}

/// A join with the columns that its kind gives.
pub fn join(left: Rel, right: Rel, kind: JoinKind, condition: Expr, hints: JoinHints) -> Rel {
    let schema = match kind {
        JoinKind::Semi | JoinKind::Anti => left.schema.clone(),
        _ => join_schema(&left.schema, &right.schema, kind),
    };
    let kind =
        RelKind::Join { left: Box::new(left), right: Box::new(right), kind, condition, hints };
    Rel::new(kind, schema)
}

/// Left columns, then right ones; those of a side that may be missing become nullable.
fn join_schema(left: &[Field], right: &[Field], kind: JoinKind) -> Vec<Field> {
    let side = |fields: &[Field], optional: bool| -> Vec<Field> {
        let nullable = |ty: &DataType| ty.with_nullable(ty.nullable || optional);
        fields.iter().map(|f| Field::new(&f.name, nullable(&f.ty))).collect()
    };
    let mut schema = side(left, matches!(kind, JoinKind::Right | JoinKind::Full));
    schema.extend(side(right, matches!(kind, JoinKind::Left | JoinKind::Full)));
    schema
}

/// Columns that `UNNEST` gives for a collection; a row element gives its fields.
fn unnest_fields(ty: &DataType) -> Option<Vec<Field>> {
    let element = |item: &DataType| match &item.logical {
        LogicalType::Row(fields) => fields
            .iter()
            .map(|f| Field::new(&f.name, f.ty.with_nullable(f.ty.nullable || item.nullable)))
            .collect(),
        _ => vec![Field::new("EXPR$0", item.clone())],
    };
    match &ty.logical {
        LogicalType::Array(item) | LogicalType::Multiset(item) => Some(element(item)),
        LogicalType::Map(key, value) => {
            Some(vec![Field::new("KEY", (**key).clone()), Field::new("VALUE", (**value).clone())])
        }
        _ => None,
    }
}

/// The time column that `DESCRIPTOR(c)` names.
fn window_time(
    arg: Option<&ast::FunctionArg>,
    input: &Rel,
    name: &str,
    span: Span,
) -> Result<usize> {
    let Some(arg) = arg else {
        return Err(SqlError::at(span, format!("{name} needs DESCRIPTOR(time_column)")));
    };
    let ArgValue::Descriptor(columns) = &arg.value else {
        return Err(SqlError::at(arg.span, "expected DESCRIPTOR(time_column)"));
    };
    let [column] = columns.as_slice() else {
        return Err(SqlError::at(arg.span, "DESCRIPTOR takes one time column here"));
    };
    let scope = Scope::of(Vec::new(), input.schema.clone());
    let bound = scope.resolve(std::slice::from_ref(column))?;
    let bound = bound.ok_or_else(|| scope.unknown(std::slice::from_ref(column)))?;
    match bound.as_column() {
        Some(at) if bound.ty.logical.time_kind() != TimeKind::Regular => Ok(at),
        _ => Err(SqlError::at(
            column.span,
            format!(
                "The window function {name} requires the timecol to be a time attribute type, but is {}",
                bound.ty
            ),
        )
        .with_help("declare a WATERMARK on the column, or use PROCTIME()")),
    }
}

fn window_kind(
    name: &str,
    lengths: &[Option<i64>],
    partition: Vec<usize>,
    span: Span,
) -> Result<WindowKind> {
    let at = |i: usize| lengths.get(i).copied().flatten();
    let positive = lengths
        .iter()
        .enumerate()
        .all(|(i, l)| l.is_none_or(|l| l > 0) || (i + 1 == lengths.len() && name != "SESSION"));
    if !positive {
        return Err(SqlError::at(span, format!("the lengths of {name} must be positive")));
    }
    Ok(match (name, at(0), at(1)) {
        ("TUMBLE", Some(size), offset) => WindowKind::Tumble { size, offset: offset.unwrap_or(0) },
        ("HOP", Some(slide), Some(size)) => {
            WindowKind::Hop { slide, size, offset: at(2).unwrap_or(0) }
        }
        ("CUMULATE", Some(step), Some(size)) => {
            if size % step != 0 {
                return Err(SqlError::at(
                    span,
                    format!(
                        "CUMULATE table function based aggregate requires maxSize must be an integral multiple of step, but got maxSize {size} ms and step {step} ms"
                    ),
                ));
            }
            WindowKind::Cumulate { step, size, offset: at(2).unwrap_or(0) }
        }
        ("SESSION", Some(gap), _) => WindowKind::Session { gap, partition },
        _ => return Err(SqlError::at(span, format!("wrong arguments for {name}"))),
    })
}

/// `STATE_TTL('left' = '1 d', 'right' = '2 d')` for the sides of a join.
fn join_hints(hints: &[ast::Hint], left: &Scope, right: &Scope) -> Result<JoinHints> {
    let mut found = JoinHints::default();
    for hint in hints.iter().filter(|h| h.name.value.eq_ignore_ascii_case("STATE_TTL")) {
        let HintArgs::Options(pairs) = &hint.args else { continue };
        for pair in pairs {
            let ttl = river_core::options::parse_duration(&pair.value.value).ok_or_else(|| {
                SqlError::at(pair.value.span, "expected a duration such as '1 d'")
            })?;
            let has = |scope: &Scope| {
                scope.relations.iter().any(|r| r.name.last() == Some(&pair.key.value))
            };
            let ms = Some(ttl.as_millis() as u64);
            if has(left) {
                found.left_ttl_ms = ms;
            } else if has(right) {
                found.right_ttl_ms = ms;
            }
        }
    }
    Ok(found)
}
