//! Calls with `OVER`: what the expression binder collected becomes [`RelKind::Over`] nodes, one a
//! window definition, and placeholders become columns.

use river_core::plan::{OverFrame, SortKey};
use river_core::{DataType, Expr, Field, LogicalType};

use super::expr::{OVER, placeholder_index};
use crate::parse::ast::Span;
use crate::rel::{OverCall, OverWindow, Rel, RelKind};

/// One call with `OVER`; all expressions are over the input of the windows.
#[derive(Debug, Clone)]
pub struct OverRequest {
    /// Canonical name.
    pub function: &'static str,
    /// `DISTINCT`
    pub distinct: bool,
    /// Arguments.
    pub args: Vec<Expr>,
    /// `PARTITION BY`
    pub partition: Vec<Expr>,
    /// `ORDER BY`: key, descending, NULLs first.
    pub order: Vec<(Expr, bool, bool)>,
    /// `ROWS` or `RANGE`.
    pub frame: Option<OverFrame>,
    /// Type of the result.
    pub ty: DataType,
    /// Where it was written.
    pub span: Span,
}

impl PartialEq for OverRequest {
    /// The place does not matter.
    fn eq(&self, other: &OverRequest) -> bool {
        self.function == other.function
            && self.distinct == other.distinct
            && self.args == other.args
            && self.same_window(other)
    }
}

impl OverRequest {
    fn same_window(&self, other: &OverRequest) -> bool {
        self.partition == other.partition && self.order == other.order && self.frame == other.frame
    }

    /// Every expression in it.
    pub fn exprs_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let order = self.order.iter_mut().map(|(expr, ..)| expr);
        self.args.iter_mut().chain(&mut self.partition).chain(order)
    }
}

/// Canonical name and type of functions that exist only with `OVER`; `None` for other names, or,
/// where arguments are given, for arguments that do not fit.
pub fn ranking_type(name: &str, args: &[DataType]) -> Option<(&'static str, DataType)> {
    let big = || LogicalType::BigInt.not_null();
    Some(match name {
        "ROW_NUMBER" => ("ROW_NUMBER", big()),
        "RANK" => ("RANK", big()),
        "DENSE_RANK" => ("DENSE_RANK", big()),
        "NTILE" => ("NTILE", big()),
        "PERCENT_RANK" => ("PERCENT_RANK", LogicalType::Double.not_null()),
        "CUME_DIST" => ("CUME_DIST", LogicalType::Double.not_null()),
        "LAG" | "LEAD" => {
            let name = if name == "LAG" { "LAG" } else { "LEAD" };
            let ty = args.first().map(|a| a.with_nullable(true));
            (name, ty.unwrap_or(LogicalType::Null.nullable()))
        }
        _ => return None,
    })
}

/// Adds the windows above `input`; returns the new node and, for each request, the column that
/// holds its result. The columns of `input` keep their places.
pub fn apply(mut input: Rel, requests: &[OverRequest]) -> (Rel, Vec<usize>) {
    let mut results = vec![0; requests.len()];
    let width = input.schema.len();
    let mut done = vec![false; requests.len()];
    for first in 0..requests.len() {
        if done[first] {
            continue;
        }
        let group: Vec<usize> = (first..requests.len())
            .filter(|i| !done[*i] && requests[*i].same_window(&requests[first]))
            .collect();
        let mut columns = input.columns();
        let mut names = input.names();
        let mut position = |expr: &Expr| match columns.iter().position(|c| c == expr) {
            Some(at) => at,
            None => {
                columns.push(expr.clone());
                names.push(format!("$o{}", columns.len()));
                columns.len() - 1
            }
        };
        let window = OverWindow {
            partition: requests[first].partition.iter().map(&mut position).collect(),
            order: requests[first]
                .order
                .iter()
                .map(|(expr, descending, nulls_first)| SortKey {
                    column: position(expr),
                    descending: *descending,
                    nulls_first: *nulls_first,
                })
                .collect(),
            frame: requests[first].frame.clone(),
        };
        let calls: Vec<OverCall> = group
            .iter()
            .map(|i| OverCall {
                function: requests[*i].function.to_owned(),
                args: requests[*i].args.iter().map(&mut position).collect(),
                distinct: requests[*i].distinct,
                ty: requests[*i].ty.clone(),
            })
            .collect();
        if columns.len() > input.schema.len() {
            input = input.project(columns, names);
        }
        let start = input.schema.len();
        let mut schema = input.schema.clone();
        for (offset, i) in group.iter().enumerate() {
            results[*i] = start + offset;
            done[*i] = true;
            schema.push(Field::new(format!("w{}$o{offset}", start), requests[*i].ty.clone()));
        }
        input = Rel::new(RelKind::Over { input: Box::new(input), window, calls }, schema);
    }
    debug_assert!(results.iter().all(|r| *r >= width));
    (input, results)
}

/// Replaces placeholders of calls with `OVER` by the columns that hold their results.
pub fn replace(expr: Expr, results: &[usize]) -> Expr {
    match placeholder_index(&expr, OVER) {
        Some(i) => Expr::column(results[i], expr.ty),
        None => expr.map_children(&mut |child| replace(child, results)),
    }
}
