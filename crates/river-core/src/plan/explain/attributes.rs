//! One line for each operator: Flink's node name and the attributes its `explainTerms` tells.

use super::expression::{Named, literal};
use crate::plan::{
    AggregateCall, JoinKeys, JoinKind, Node, Operator, OverFrame, RankFunction, RankStrategy,
    SinkSpec, SortKey, TableRef, Window, WindowKind, WindowProperty, WindowTime,
};
use crate::{ChangelogMode, Expr, Value};

/// The attributes of one node, in the order they are told.
struct Line {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
}

impl Line {
    fn new(name: &'static str) -> Line {
        Line { name, attributes: Vec::new() }
    }

    fn with(mut self, key: &'static str, value: impl Into<String>) -> Line {
        self.attributes.push((key, value.into()));
        self
    }

    fn with_some(self, key: &'static str, value: Option<String>) -> Line {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    fn with_names(self, key: &'static str, names: &[String], positions: &[usize]) -> Line {
        if positions.is_empty() { self } else { self.with(key, pick(names, positions)) }
    }

    fn text(self, changelog: Option<ChangelogMode>) -> String {
        let mut parts: Vec<String> =
            self.attributes.iter().map(|(key, value)| format!("{key}=[{value}]")).collect();
        parts.push(match changelog {
            Some(mode) => format!("changelogMode={mode}"),
            None => "changelogMode=[NONE]".to_owned(),
        });
        format!("{}({})", self.name, parts.join(", "))
    }
}

/// The line of a node above those inputs.
pub fn describe(node: &Node, inputs: &[&Node]) -> String {
    let names: Vec<Vec<String>> = inputs.iter().map(|input| columns(input)).collect();
    let scope = Scope { node, output: columns(node), inputs: names };
    let changelog = match node.operator {
        Operator::Sink(_) => None,
        _ => Some(node.changelog),
    };
    scope.line().text(changelog)
}

/// The columns of a node under names of their own: a second `id` is `id0`, as in Flink's plans.
pub fn columns(node: &Node) -> Vec<String> {
    unique(node.schema.iter().map(|field| field.name.clone()))
}

fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let free = |candidate: &String| !taken.contains(candidate);
        let numbered = (0..).map(|n| format!("{name}{n}"));
        let chosen = std::iter::once(name.clone()).chain(numbered).find(free);
        taken.push(chosen.unwrap_or(name));
    }
    taken
}

/// Columns by position, separated by commas.
pub fn pick(names: &[String], positions: &[usize]) -> String {
    let names: Vec<String> = positions.iter().map(|position| name_at(names, *position)).collect();
    names.join(", ")
}

fn name_at(names: &[String], position: usize) -> String {
    names.get(position).cloned().unwrap_or_else(|| format!("${position}"))
}

/// A node, the names it reads and the names it gives.
struct Scope<'a> {
    node: &'a Node,
    output: Vec<String>,
    inputs: Vec<Vec<String>>,
}

impl Scope<'_> {
    fn line(&self) -> Line {
        match &self.node.operator {
            Operator::Source(table) => self.scan(table),
            Operator::Values { rows } => self.values(rows),
            Operator::Sink(spec) => sink(spec),
            Operator::Calc { condition, projection } => Line::new("Calc")
                .with("select", self.projection(projection))
                .with_some("where", condition.as_ref().map(|c| self.expr(c))),
            Operator::WatermarkAssigner { rowtime, watermark, .. } => {
                Line::new("WatermarkAssigner")
                    .with("rowtime", name_at(self.input(), *rowtime))
                    .with("watermark", self.expr(watermark))
            }
            Operator::Expand { projections } => self.expand(projections),
            Operator::Union => {
                Line::new("Union").with("all", "true").with("union", self.output.join(", "))
            }
            Operator::ChangelogNormalize { keys, .. } => {
                Line::new("ChangelogNormalize").with("key", pick(self.input(), keys))
            }
            Operator::DropUpdateBefore => Line::new("DropUpdateBefore"),
            Operator::SingleRow => Line::new("SingleRow"),
            Operator::Correlate { function, args, left, condition } => {
                let args: Vec<String> = args.iter().map(|arg| self.expr(arg)).collect();
                Line::new("Correlate")
                    .with("invocation", format!("{function}({})", args.join(", ")))
                    .with("select", self.output.join(", "))
                    .with("joinType", if *left { "LEFT" } else { "INNER" })
                    .with_some("condition", condition.as_ref().map(|c| self.over_both(c)))
            }
            _ => self.aggregate_line(),
        }
    }

    fn aggregate_line(&self) -> Line {
        match &self.node.operator {
            Operator::GroupAggregate { keys, calls, mini_batch, .. } => Line::new("GroupAggregate")
                .with_names("groupBy", self.input(), keys)
                .with("select", self.grouped(keys, calls, &[]))
                .with_some("miniBatch", mini_batch.then(|| "true".to_owned())),
            Operator::WindowTableFunction { window: shape } => {
                Line::new("WindowTableFunction").with("window", self.window(shape))
            }
            Operator::WindowAggregate { window: shape, keys, calls, properties } => {
                Line::new("WindowAggregate")
                    .with_names("groupBy", self.input(), keys)
                    .with("window", self.window(shape))
                    .with("select", self.grouped(keys, calls, properties))
            }
            Operator::Over { partition, order, frame, calls } => {
                let kept = self.output.len().saturating_sub(calls.len());
                let mut select: Vec<String> = self.output.iter().take(kept).cloned().collect();
                select.extend(calls.iter().enumerate().map(|(i, call)| {
                    format!("{} AS {}", self.call(call), name_at(&self.output, kept + i))
                }));
                Line::new("OverAggregate")
                    .with_names("partitionBy", self.input(), partition)
                    .with("orderBy", self.order(order))
                    .with("window", over_frame(frame))
                    .with("select", select.join(", "))
            }
            _ => self.order_line(),
        }
    }

    fn order_line(&self) -> Line {
        match &self.node.operator {
            Operator::Rank { function, partition, order, start, end, strategy, .. } => {
                Line::new("Rank")
                    .with("strategy", rank_strategy(strategy))
                    .with("rankType", rank_type(*function))
                    .with("rankRange", format!("rankStart={start}, rankEnd={end}"))
                    .with("partitionBy", pick(self.input(), partition))
                    .with("orderBy", self.order(order))
                    .with("select", self.output.join(", "))
            }
            Operator::WindowRank { partition, window, order, start, end, .. } => {
                Line::new("WindowRank")
                    .with("window", attached(self.input(), *window))
                    .with("rankType", rank_type(RankFunction::RowNumber))
                    .with("rankRange", format!("rankStart={start}, rankEnd={end}"))
                    .with("partitionBy", pick(self.input(), partition))
                    .with("orderBy", self.order(order))
                    .with("select", self.output.join(", "))
            }
            Operator::Deduplicate { keys, rowtime, keep_last, .. } => Line::new("Deduplicate")
                .with("keep", if *keep_last { "LastRow" } else { "FirstRow" })
                .with("key", pick(self.input(), keys))
                .with("order", if rowtime.is_some() { "ROWTIME" } else { "PROCTIME" }),
            Operator::SortLimit { order, offset, limit, input_updates, .. } => {
                let fetch = limit.map_or_else(|| "unlimited".to_owned(), |rows| rows.to_string());
                let line = match order.is_empty() {
                    true => Line::new("Limit"),
                    false => Line::new("SortLimit").with("orderBy", self.order(order)),
                };
                let line = line.with("offset", offset.to_string()).with("fetch", fetch);
                let strategy =
                    if *input_updates { "RetractStrategy" } else { "AppendFastStrategy" };
                if order.is_empty() { line } else { line.with("strategy", strategy) }
            }
            Operator::Sort { order, rowtime } => {
                let name = if rowtime.is_some() { "TemporalSort" } else { "Sort" };
                Line::new(name).with("orderBy", self.order(order))
            }
            _ => self.join_line(),
        }
    }

    fn join_line(&self) -> Line {
        let select = || self.output.join(", ");
        match &self.node.operator {
            Operator::Join { kind, keys, condition, left_unique, right_unique, .. } => {
                Line::new("Join")
                    .with("joinType", join_type(*kind))
                    .with("where", self.join_condition(keys, condition.as_ref()))
                    .with("select", select())
                    .with("leftInputSpec", input_spec(&keys.left, left_unique.as_deref()))
                    .with("rightInputSpec", input_spec(&keys.right, right_unique.as_deref()))
            }
            Operator::WindowJoin { kind, keys, left_window, right_window, condition } => {
                Line::new("WindowJoin")
                    .with("leftWindow", attached(self.side(0), *left_window))
                    .with("rightWindow", attached(self.side(1), *right_window))
                    .with("joinType", join_type(*kind))
                    .with("where", self.join_condition(keys, condition.as_ref()))
                    .with("select", select())
            }
            Operator::IntervalJoin { kind, keys, time, bounds, condition } => {
                let bounds = format!(
                    "isRowTime=true, leftLowerBound={}, leftUpperBound={}, leftTimeIndex={}, \
                     rightTimeIndex={}",
                    bounds.0, bounds.1, time.0, time.1
                );
                Line::new("IntervalJoin")
                    .with("joinType", join_type(*kind))
                    .with("windowBounds", bounds)
                    .with("where", self.join_condition(keys, condition.as_ref()))
                    .with("select", select())
            }
            Operator::TemporalJoin { kind, keys, time, condition } => Line::new("TemporalJoin")
                .with("joinType", join_type(*kind))
                .with("where", self.join_condition(keys, condition.as_ref()))
                .with("leftTime", name_at(self.side(0), time.0))
                .with("rightTime", name_at(self.side(1), time.1))
                .with("select", select()),
            Operator::LookupJoin { table, kind, keys, condition } => {
                let given = produced(table);
                let pairs = keys.iter().map(|(key, column)| {
                    format!("{}={}", name_at(&given, *column), self.expr(key))
                });
                let both = unique(self.input().iter().cloned().chain(given.clone()));
                let condition = condition.as_ref();
                let text = condition.map(|expr| Named { expr, columns: &both }.to_string());
                Line::new("LookupJoin")
                    .with("table", &table.name)
                    .with("joinType", join_type(*kind))
                    .with("lookup", pairs.collect::<Vec<_>>().join(", "))
                    .with_some("where", text)
                    .with("select", select())
            }
            _ => Line::new("Operator"),
        }
    }

    fn scan(&self, table: &TableRef) -> Line {
        let path: Vec<&str> = table.name.splitn(3, '.').collect();
        let all: Vec<usize> = (0..table.physical.len()).collect();
        let mut text = path.join(", ");
        if table.projection != all || !table.metadata.is_empty() {
            let (physical, metadata): (Vec<usize>, Vec<usize>) =
                table.projection.iter().partition(|column| **column < table.physical.len());
            let names: Vec<String> = table.physical.iter().map(|f| f.name.clone()).collect();
            let keys = metadata.iter().filter_map(|at| table.metadata.get(at - names.len()));
            let keys: Vec<&str> = keys.map(|field| field.name.as_str()).collect();
            text.push_str(&format!(
                ", project=[{}], metadata=[{}]",
                pick(&names, &physical),
                keys.join(", ")
            ));
        }
        Line::new("TableSourceScan")
            .with("table", format!("[{text}]"))
            .with("fields", self.output.join(", "))
    }

    fn values(&self, rows: &[Vec<Value>]) -> Line {
        let row = |row: &Vec<Value>| {
            let cells = row.iter().zip(&self.node.schema);
            let cells: Vec<String> = cells.map(|(v, field)| literal(v, &field.ty)).collect();
            format!("{{ {} }}", cells.join(", "))
        };
        let rows: Vec<String> = rows.iter().map(row).collect();
        Line::new("Values")
            .with("type", self.output.join(", "))
            .with("tuples", format!("[{}]", rows.join(", ")))
    }

    fn expand(&self, projections: &[Vec<Expr>]) -> Line {
        let rows: Vec<String> =
            projections.iter().map(|row| format!("{{{}}}", self.projection(row))).collect();
        Line::new("Expand").with("projects", rows.join(", "))
    }

    /// Names of the only input.
    fn input(&self) -> &[String] {
        self.side(0)
    }

    fn side(&self, input: usize) -> &[String] {
        self.inputs.get(input).map_or(&[], Vec::as_slice)
    }

    fn expr(&self, expr: &Expr) -> String {
        Named { expr, columns: self.input() }.to_string()
    }

    /// An expression over input ++ what the node adds, or left ++ right.
    fn over_both(&self, expr: &Expr) -> String {
        let columns = match self.inputs.as_slice() {
            [_] => self.output.clone(),
            inputs => unique(inputs.iter().flatten().cloned()),
        };
        Named { expr, columns: &columns }.to_string()
    }

    /// `a, +(b, 1) AS c`
    fn projection(&self, exprs: &[Expr]) -> String {
        let item = |(expr, name): (&Expr, &String)| match self.expr(expr) {
            text if text == *name => text,
            text => format!("{text} AS {name}"),
        };
        let items: Vec<String> = exprs.iter().zip(&self.output).map(item).collect();
        items.join(", ")
    }

    fn order(&self, order: &[SortKey]) -> String {
        let key = |key: &SortKey| {
            let direction = if key.descending { "DESC" } else { "ASC" };
            let nulls = match key.nulls_first {
                first if first != key.descending => "",
                true => " NULLS FIRST",
                false => " NULLS LAST",
            };
            format!("{} {direction}{nulls}", name_at(self.input(), key.column))
        };
        order.iter().map(key).collect::<Vec<_>>().join(", ")
    }

    /// `SUM(DISTINCT amount) FILTER paid`
    fn call(&self, call: &AggregateCall) -> String {
        let args =
            if call.args.is_empty() { "*".to_owned() } else { pick(self.input(), &call.args) };
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let filter = call.filter.map(|column| format!(" FILTER {}", name_at(self.input(), column)));
        format!("{}({distinct}{args}){}", call.function, filter.unwrap_or_default())
    }

    /// Keys, calls and window columns under the names of the output.
    fn grouped(
        &self,
        keys: &[usize],
        calls: &[AggregateCall],
        properties: &[WindowProperty],
    ) -> String {
        let property = |property: &WindowProperty| match property {
            WindowProperty::Start => "start('w$)".to_owned(),
            WindowProperty::End => "end('w$)".to_owned(),
            WindowProperty::Time => "rowtime('w$)".to_owned(),
        };
        let keys = keys.iter().map(|key| name_at(self.input(), *key));
        let calls = calls.iter().map(|call| self.call(call));
        let items = keys.chain(calls).chain(properties.iter().map(property));
        let named = items.zip(&self.output).map(|(text, name)| match text == *name {
            true => text,
            false => format!("{text} AS {name}"),
        });
        named.collect::<Vec<_>>().join(", ")
    }

    fn join_condition(&self, keys: &JoinKeys, further: Option<&Expr>) -> String {
        let columns = unique(self.inputs.iter().flatten().cloned());
        let width = self.side(0).len();
        let pairs = keys.left.iter().zip(&keys.right).enumerate();
        let mut parts: Vec<String> = pairs
            .map(|(i, (left, right))| {
                let null_safe = keys.null_safe.get(i).copied().unwrap_or(false);
                let operator = if null_safe { "IS NOT DISTINCT FROM" } else { "=" };
                let (left, right) = (name_at(&columns, *left), name_at(&columns, width + right));
                format!("{operator}({left}, {right})")
            })
            .collect();
        parts.extend(further.map(|expr| Named { expr, columns: &columns }.to_string()));
        match parts.as_slice() {
            [] => "true".to_owned(),
            [one] => one.clone(),
            all => format!("AND({})", all.join(", ")),
        }
    }

    fn window(&self, window: &Window) -> String {
        let time = match &window.time {
            WindowTime::Rowtime(column) => format!("time_col=[{}]", name_at(self.input(), *column)),
            WindowTime::Proctime => "time_col=[PROCTIME()]".to_owned(),
            WindowTime::Attached { start, end, .. } => attached(self.input(), (*start, *end)),
        };
        let offset = |offset: i64| match offset {
            0 => String::new(),
            offset => format!(", offset=[{}]", duration(offset)),
        };
        match &window.kind {
            WindowKind::Tumble { size, offset: by } => {
                format!("TUMBLE({time}, size=[{}]{})", duration(*size), offset(*by))
            }
            WindowKind::Hop { slide, size, offset: by } => {
                let (size, slide) = (duration(*size), duration(*slide));
                format!("HOP({time}, size=[{size}], slide=[{slide}]{})", offset(*by))
            }
            WindowKind::Cumulate { step, size, offset: by } => {
                let (size, step) = (duration(*size), duration(*step));
                format!("CUMULATE({time}, max_size=[{size}], step=[{step}]{})", offset(*by))
            }
            WindowKind::Session { gap, partition } => {
                let keys = match partition.as_slice() {
                    [] => String::new(),
                    keys => format!(", partition keys=[{}]", pick(self.input(), keys)),
                };
                format!("SESSION({time}, gap=[{}]{keys})", duration(*gap))
            }
        }
    }
}

fn sink(spec: &SinkSpec) -> Line {
    let fields: Vec<&str> = spec.columns.iter().map(|field| field.name.as_str()).collect();
    let materialize = spec.upsert_materialize.map(|_| "true".to_owned());
    Line::new("Sink")
        .with("table", &spec.name)
        .with("fields", fields.join(", "))
        .with_some("upsertMaterialize", materialize)
        .with_some("overwrite", spec.overwrite.then(|| "true".to_owned()))
}

/// Names of the columns that a table gives.
fn produced(table: &TableRef) -> Vec<String> {
    let all: Vec<&str> =
        table.physical.iter().chain(&table.metadata).map(|field| field.name.as_str()).collect();
    let name = |column: &usize| all.get(*column).map_or(String::new(), |name| (*name).to_owned());
    table.projection.iter().map(name).collect()
}

fn attached(names: &[String], (start, end): (usize, usize)) -> String {
    format!("win_start=[{}], win_end=[{}]", name_at(names, start), name_at(names, end))
}

fn rank_type(function: RankFunction) -> &'static str {
    match function {
        RankFunction::RowNumber => "ROW_NUMBER",
        RankFunction::Rank => "RANK",
        RankFunction::DenseRank => "DENSE_RANK",
    }
}

fn rank_strategy(strategy: &RankStrategy) -> String {
    match strategy {
        RankStrategy::Append => "AppendFastStrategy".to_owned(),
        RankStrategy::Retract => "RetractStrategy".to_owned(),
        RankStrategy::UpdateFast(keys) => {
            let keys: Vec<String> = keys.iter().map(usize::to_string).collect();
            format!("UpdateFastStrategy[{}]", keys.join(","))
        }
    }
}

fn join_type(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "InnerJoin",
        JoinKind::Left => "LeftOuterJoin",
        JoinKind::Right => "RightOuterJoin",
        JoinKind::Full => "FullOuterJoin",
        JoinKind::Semi => "LeftSemiJoin",
        JoinKind::Anti => "LeftAntiJoin",
    }
}

/// What is known of one side of a join (`JoinInputSideSpec`).
fn input_spec(keys: &[usize], unique: Option<&[usize]>) -> &'static str {
    match unique {
        None => "NoUniqueKey",
        Some(unique) if unique.iter().all(|column| keys.contains(column)) => {
            "JoinKeyContainsUniqueKey"
        }
        Some(_) => "HasUniqueKey",
    }
}

fn over_frame(frame: &OverFrame) -> String {
    let (unit, from) = match frame {
        OverFrame::Rows(rows) => ("ROWS", rows.map(|rows| rows.to_string())),
        OverFrame::Range(ms) => ("RANGE", ms.map(|ms| ms.to_string())),
    };
    let from = from.unwrap_or_else(|| "UNBOUNDED".to_owned());
    format!(" {unit} BETWEEN {from} PRECEDING AND CURRENT ROW")
}

/// Milliseconds in the largest unit that divides them (`TimeUtils.formatWithHighestUnit`).
fn duration(ms: i64) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)];
    let fitting = units.into_iter().find(|(_, length)| ms != 0 && ms % length == 0);
    let (unit, length) = fitting.unwrap_or(("ms", 1));
    format!("{} {unit}", ms / length)
}
