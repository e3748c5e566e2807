//! What the state of an operator is made of. Two operators can exchange state if, and only if,
//! their [`Identity`] is the same.
//!
//! The columns of the tables are those of `docs/river/state-tables.md`. Time to live, parallelism,
//! names of results and which halves of updates are sent do not matter. Keys and arguments of
//! aggregates are what they are computed from; rows are kept as they come, so their columns must be
//! the same by name, type and order.

use super::lineage::{self, stored_type};
use crate::Expr;
use crate::options::Options;
use crate::plan::name::kind_name;
use crate::plan::{
    AggregateCall, JoinKeys, JoinKind, Operator, Plan, RankStrategy, SinkSpec, SortKey, TableRef,
    Window, WindowKind, WindowTime,
};
use crate::types::TimeKind;

/// Options that say which data a table is. A table without any of them is its name.
const IDENTITY_KEYS: [&str; 5] = ["path", "topic", "topic-pattern", "index", "table-name"];

/// What the state of a node is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Kind of operator.
    pub kind: &'static str,
    /// Whether results are wrong without the state.
    pub needed: bool,
    /// What must be the same, by what it is.
    pub parts: Vec<(&'static str, String)>,
    /// What kept rows are computed from: may change, but then they are of both queries.
    pub computed: String,
}

/// The identity of a node; `None` if it keeps no state.
pub fn of(plan: &Plan, node: usize) -> Option<Identity> {
    let operator = &plan.nodes.get(node)?.operator;
    let reader = Reader { plan, node };
    let parts = Parts { reader, parts: Vec::new(), computed: String::new() };
    let (needed, parts) = match operator {
        Operator::Source(table) => (true, parts.table(&table.options, &table.name)),
        Operator::Values { rows } => (true, parts.with("rows", format!("{rows:?}"))),
        Operator::Sink(spec) => (spec.upsert_materialize.is_some(), parts.sink(spec)),
        Operator::WatermarkAssigner { rowtime, .. } => {
            (false, parts.with("event time", reader.key(0, &[*rowtime])))
        }
        _ => (true, parts.of_operator(operator)?),
    };
    let Parts { parts, computed, .. } = parts;
    Some(Identity { kind: kind_name(operator), needed, parts, computed })
}

/// Which data a table is.
pub fn table(options: &Options, name: &str) -> String {
    let connector = options.get("connector").unwrap_or("none");
    let keys = IDENTITY_KEYS.iter().filter_map(|key| Some((*key, options.get(key)?)));
    let named: Vec<String> = keys.map(|(key, value)| format!("{key} '{}'", place(value))).collect();
    if named.is_empty() {
        return format!("{connector}, {name}");
    }
    format!("{connector}, {}", named.join(", "))
}

/// A path without what makes no difference.
fn place(path: &str) -> &str {
    let path = path.strip_prefix("file://").unwrap_or(path);
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { path } else { trimmed }
}

/// A lookup table as part of what rows go through.
pub fn lookup(table_ref: &TableRef) -> String {
    table(&table_ref.options, &table_ref.name)
}

/// Windows and the time they are on.
pub fn window(plan: &Plan, node: usize, window: &Window) -> String {
    let reader = Reader { plan, node };
    let shape = match &window.kind {
        WindowKind::Tumble { size, offset } => format!("TUMBLE of {size} ms, offset {offset} ms"),
        WindowKind::Hop { slide, size, offset } => {
            format!("HOP of {size} ms each {slide} ms, offset {offset} ms")
        }
        WindowKind::Cumulate { step, size, offset } => {
            format!("CUMULATE of {size} ms by {step} ms, offset {offset} ms")
        }
        WindowKind::Session { gap, partition } => {
            format!("SESSION with gap {gap} ms by [{}]", reader.key(0, partition))
        }
    };
    let time = match &window.time {
        WindowTime::Rowtime(column) => reader.key(0, &[*column]),
        WindowTime::Proctime => "processing time".to_owned(),
        WindowTime::Attached { start, end, .. } => reader.key(0, &[*start, *end]),
    };
    let zone = window.zone.as_deref().unwrap_or("no zone");
    format!("{shape}, on {time}, {zone}")
}

/// Reads what a node says about its inputs.
#[derive(Clone, Copy)]
struct Reader<'a> {
    plan: &'a Plan,
    node: usize,
}

impl Reader<'_> {
    /// Columns of an input by name, type and what they are computed from.
    fn key(&self, input: usize, columns: &[usize]) -> String {
        let below = lineage::input(self.plan, self.node, input);
        let schema = lineage::schema(self.plan, below);
        let text = |position: &usize| {
            let (Some(field), Some(below)) = (schema.get(*position), below) else {
                return format!("${position}");
            };
            let computed = lineage::column(self.plan, below, *position);
            let ty = stored_type(&field.ty);
            match computed == field.name {
                true => format!("{} {ty}", field.name),
                false => format!("{} {ty} = {computed}", field.name),
            }
        };
        columns.iter().map(text).collect::<Vec<_>>().join(", ")
    }

    /// All columns of an input by name and type.
    fn row(&self, input: usize) -> String {
        let below = lineage::input(self.plan, self.node, input);
        let schema = lineage::schema(self.plan, below);
        let columns =
            schema.iter().map(|field| format!("{} {}", field.name, stored_type(&field.ty)));
        columns.collect::<Vec<_>>().join(", ")
    }

    /// All columns of an input by what they are computed from.
    fn row_computed(&self, input: usize) -> String {
        let Some(below) = lineage::input(self.plan, self.node, input) else { return String::new() };
        let columns = 0..lineage::schema(self.plan, Some(below)).len();
        columns.map(|at| lineage::column(self.plan, below, at)).collect::<Vec<_>>().join(", ")
    }

    /// What a column of the input is computed from, and its type.
    fn value(&self, column: usize) -> String {
        let below = lineage::input(self.plan, self.node, 0);
        let field = lineage::schema(self.plan, below).get(column);
        match (field, below) {
            (Some(field), Some(below)) => {
                let computed = lineage::column(self.plan, below, column);
                format!("{computed} {}", stored_type(&field.ty))
            }
            _ => format!("${column}"),
        }
    }

    fn call(&self, call: &AggregateCall) -> String {
        let args: Vec<String> = call.args.iter().map(|column| self.value(*column)).collect();
        let args = if args.is_empty() { "*".to_owned() } else { args.join(", ") };
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let filter = call.filter.map(|column| format!(" FILTER ({})", self.value(column)));
        format!("{}({distinct}{args}){}", call.function, filter.unwrap_or_default())
    }

    fn order(&self, order: &[SortKey]) -> String {
        let text = |key: &SortKey| {
            let direction = if key.descending { "DESC" } else { "ASC" };
            let nulls = if key.nulls_first { "FIRST" } else { "LAST" };
            format!("{} {direction} NULLS {nulls}", self.key(0, &[key.column]))
        };
        order.iter().map(text).collect::<Vec<_>>().join(", ")
    }

    fn condition(&self, condition: Option<&Expr>) -> String {
        let inputs: Option<Vec<usize>> =
            (0..2).map(|number| lineage::input(self.plan, self.node, number)).collect();
        match (condition, inputs) {
            (Some(expr), Some(inputs)) => lineage::expression(self.plan, &inputs, expr),
            (Some(expr), None) => expr.to_string(),
            (None, _) => "none".to_owned(),
        }
    }

    /// Whether the input takes rows back: accumulators then remember more.
    fn retracts(&self) -> bool {
        let below = lineage::input(self.plan, self.node, 0);
        let below = below.and_then(|below| self.plan.nodes.get(below));
        below.is_some_and(|input| {
            input.changelog.has_updates() || input.changelog.contains(crate::RowKind::Delete)
        })
    }

    /// Whether the order is that of arrival, so that a Top-N only counts.
    fn is_by_arrival(&self, order: &[SortKey]) -> bool {
        let below = lineage::input(self.plan, self.node, 0);
        match order {
            [] => true,
            [key] => lineage::schema(self.plan, below).get(key.column).is_some_and(|field| {
                !key.descending && field.ty.logical.time_kind() == TimeKind::Proctime
            }),
            _ => false,
        }
    }
}

/// The parts of an identity while they are gathered.
struct Parts<'a> {
    reader: Reader<'a>,
    parts: Vec<(&'static str, String)>,
    computed: String,
}

impl Parts<'_> {
    fn with(mut self, what: &'static str, text: impl Into<String>) -> Self {
        self.parts.push((what, text.into()));
        self
    }

    fn with_key(self, what: &'static str, input: usize, columns: &[usize]) -> Self {
        let text = self.reader.key(input, columns);
        self.with(what, text)
    }

    /// Rows are kept whole.
    fn with_row(mut self, what: &'static str, input: usize) -> Self {
        self.computed.push_str(&self.reader.row_computed(input));
        let text = self.reader.row(input);
        self.with(what, text)
    }

    fn table(self, options: &Options, name: &str) -> Self {
        let text = table(options, name);
        self.with("table", text)
    }

    fn sink(self, spec: &SinkSpec) -> Self {
        let parts = self.table(&spec.options, &spec.name);
        match spec.upsert_materialize {
            None => parts,
            Some(resolution) => parts
                .with_key("primary key", 0, &spec.primary_key)
                .with("conflict resolution", format!("{resolution:?}"))
                .with_row("columns of the rows kept", 0),
        }
    }

    fn calls(self, calls: &[AggregateCall]) -> Self {
        let texts: Vec<String> = calls.iter().map(|call| self.reader.call(call)).collect();
        let kind = if self.reader.retracts() { "changes" } else { "inserts" };
        self.with("aggregates", texts.join(", ")).with("kind of input", kind)
    }

    /// Identity of operators that are no tables; `None`: stateless.
    fn of_operator(self, operator: &Operator) -> Option<Self> {
        let (plan, node) = (self.reader.plan, self.reader.node);
        let shape = |shape: &Window| window(plan, node, shape);
        Some(match operator {
            Operator::GroupAggregate { keys, calls, .. } => {
                self.with_key("GROUP BY", 0, keys).calls(calls)
            }
            Operator::WindowAggregate { window, keys, calls, .. } => {
                self.with("window", shape(window)).with_key("GROUP BY", 0, keys).calls(calls)
            }
            Operator::WindowTableFunction { window } => match window.kind {
                WindowKind::Session { .. } => {
                    self.with("window", shape(window)).with_row("columns of the rows kept", 0)
                }
                _ => return None,
            },
            Operator::Over { partition, order, frame, calls } => {
                let order = self.reader.order(order);
                self.with_key("PARTITION BY", 0, partition)
                    .with("ORDER BY", order)
                    .with("frame", format!("{frame:?}"))
                    .calls(calls)
                    .with_row("columns of the rows kept", 0)
            }
            Operator::SingleRow => self,
            Operator::ChangelogNormalize { keys, .. } => {
                self.with_key("key", 0, keys).with_row("columns of the rows kept", 0)
            }
            _ => return self.of_order(operator),
        })
    }

    fn of_order(self, operator: &Operator) -> Option<Self> {
        let rows = "columns of the rows kept";
        Some(match operator {
            Operator::Rank { function, partition, order, start, end, strategy, .. } => {
                let counts = *strategy == RankStrategy::Append && self.reader.is_by_arrival(order);
                let by = self.reader.order(order);
                let strategy = match strategy {
                    RankStrategy::Append => "inserts".to_owned(),
                    RankStrategy::Retract => "changes".to_owned(),
                    RankStrategy::UpdateFast(keys) => {
                        format!("updates by [{}]", self.reader.key(0, keys))
                    }
                };
                let parts = self
                    .with_key("PARTITION BY", 0, partition)
                    .with("ORDER BY", by)
                    .with("ranks", format!("{function:?} {start} to {end}"))
                    .with("kind of input", strategy);
                if counts { parts } else { parts.with_row(rows, 0) }
            }
            Operator::SortLimit { order, offset, limit, input_updates, .. } => {
                let counts = !input_updates && self.reader.is_by_arrival(order);
                let by = self.reader.order(order);
                let kind = if *input_updates { "changes" } else { "inserts" };
                let limit = limit.map_or_else(|| "no limit".to_owned(), |rows| rows.to_string());
                let parts = self
                    .with("ORDER BY", by)
                    .with("LIMIT", format!("{limit} after {offset}"))
                    .with("kind of input", kind);
                if counts { parts } else { parts.with_row(rows, 0) }
            }
            Operator::Deduplicate { keys, rowtime, keep_last, .. } => {
                let time = rowtime.map(|column| self.reader.key(0, &[column]));
                let by_arrival = rowtime.is_none();
                let parts = self
                    .with_key("PARTITION BY", 0, keys)
                    .with("ORDER BY", time.unwrap_or_else(|| "arrival".to_owned()))
                    .with("kept", if *keep_last { "the last row" } else { "the first row" });
                if by_arrival && !keep_last { parts } else { parts.with_row(rows, 0) }
            }
            Operator::WindowRank { partition, window, order, start, end, .. } => {
                let by = self.reader.order(order);
                self.with_key("window", 0, &[window.0, window.1])
                    .with_key("PARTITION BY", 0, partition)
                    .with("ORDER BY", by)
                    .with("ranks", format!("{start} to {end}"))
                    .with_row(rows, 0)
            }
            Operator::Sort { order, rowtime } => {
                let by = self.reader.order(order);
                let when = if rowtime.is_some() { "as time passes" } else { "at the end" };
                self.with("ORDER BY", by).with("sorted", when).with_row(rows, 0)
            }
            _ => return self.of_join(operator),
        })
    }

    fn join_keys(self, keys: &JoinKeys) -> Self {
        let null_safe: Vec<&str> =
            keys.null_safe.iter().map(|safe| if *safe { "equal" } else { "unequal" }).collect();
        self.with_key("join key on the left", 0, &keys.left)
            .with_key("join key on the right", 1, &keys.right)
            .with("NULLs", null_safe.join(", "))
    }

    fn both_rows(self) -> Self {
        self.with_row("columns kept of the left", 0).with_row("columns kept of the right", 1)
    }

    fn of_join(self, operator: &Operator) -> Option<Self> {
        Some(match operator {
            Operator::Join { kind, keys, condition, left_unique, right_unique, .. } => {
                let unique = |input: usize, columns: Option<&[usize]>| match columns {
                    Some(columns) => self.reader.key(input, columns),
                    None => "not known".to_owned(),
                };
                let left = unique(0, left_unique.as_deref());
                let right = unique(1, right_unique.as_deref());
                let condition = self.reader.condition(condition.as_ref());
                let mut parts = self.join_keys(keys).with("kind of join", format!("{kind:?}"));
                if *kind != JoinKind::Inner {
                    // Rows are kept with the number of rows they are joined with.
                    parts = parts.with("join condition", condition);
                } else {
                    parts.computed.push_str(&condition);
                }
                parts
                    .with("unique key on the left", left)
                    .with("unique key on the right", right)
                    .both_rows()
            }
            Operator::WindowJoin { keys, left_window, right_window, .. } => self
                .join_keys(keys)
                .with_key("window on the left", 0, &[left_window.0, left_window.1])
                .with_key("window on the right", 1, &[right_window.0, right_window.1])
                .both_rows(),
            Operator::IntervalJoin { kind, keys, time, bounds, .. } => self
                .join_keys(keys)
                .with("kind of join", format!("{kind:?}"))
                .with_key("time on the left", 0, &[time.0])
                .with_key("time on the right", 1, &[time.1])
                .with("bounds", format!("{} ms to {} ms", bounds.0, bounds.1))
                .both_rows(),
            Operator::TemporalJoin { kind, keys, time, .. } => self
                .join_keys(keys)
                .with("kind of join", format!("{kind:?}"))
                .with_key("time on the left", 0, &[time.0])
                .with_key("time on the right", 1, &[time.1])
                .both_rows(),
            _ => return None,
        })
    }
}
