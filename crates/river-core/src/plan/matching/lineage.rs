//! Columns by what they are computed from, through the stateless operators below.
//!
//! A generated name such as `$f1` says nothing, and a column's position changes with every column
//! beside it; `*(price, 2)` stays what it is.

use super::super::explain::{columns, expression::Named};
use super::super::{Node, Operator, Plan};
use crate::types::TimeKind;
use crate::{DataType, Expr, Field, LogicalType};

/// Longer texts are cut and end in a hash, so that expressions over expressions stay small.
const LONGEST_TEXT: usize = 2000;

/// The producer of an input; `None` in a plan that breaks its own rules.
pub fn input(plan: &Plan, node: usize, number: usize) -> Option<usize> {
    let edge = plan.nodes.get(node)?.inputs.get(number)?;
    (edge.node < node).then_some(edge.node)
}

/// Columns of a node; none where there is no node.
pub fn schema(plan: &Plan, node: Option<usize>) -> &[Field] {
    node.and_then(|node| plan.nodes.get(node)).map_or(&[], |node| &node.schema)
}

/// What a column of a node is computed from.
pub fn column(plan: &Plan, node: usize, position: usize) -> String {
    let Some(this) = plan.nodes.get(node) else { return format!("${position}") };
    let below = input(plan, node, 0);
    match (&this.operator, below) {
        (Operator::Calc { projection, .. }, Some(below)) => match projection.get(position) {
            Some(expr) => expression(plan, &[below], expr),
            None => format!("${position}"),
        },
        (
            Operator::WatermarkAssigner { .. } | Operator::DropUpdateBefore | Operator::SingleRow,
            Some(below),
        ) => column(plan, below, position),
        (Operator::WindowTableFunction { .. }, Some(below))
            if position < schema(plan, Some(below)).len() =>
        {
            column(plan, below, position)
        }
        _ => own_name(this, position),
    }
}

fn own_name(node: &Node, position: usize) -> String {
    columns(node).get(position).cloned().unwrap_or_else(|| format!("${position}"))
}

/// What an expression over the columns of these nodes, one after the other, computes.
pub fn expression(plan: &Plan, inputs: &[usize], expr: &Expr) -> String {
    let used = expr.columns();
    let mut names = Vec::new();
    for node in inputs {
        for position in 0..schema(plan, Some(*node)).len() {
            let wanted = used.contains(&names.len());
            names.push(if wanted { column(plan, *node, position) } else { String::new() });
        }
    }
    short(Named { expr, columns: &names }.to_string())
}

fn short(mut text: String) -> String {
    if text.len() <= LONGEST_TEXT {
        return text;
    }
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let end = (0..=80).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    format!("{text}..#{hash:016x}")
}

/// A type as far as stored values depend on it: nullability and time attributes do not matter.
pub fn stored_type(ty: &DataType) -> String {
    stored(ty).logical.to_string()
}

fn stored(ty: &DataType) -> DataType {
    let inner = |ty: &DataType| Box::new(stored(ty));
    let logical = match &ty.logical {
        LogicalType::Array(item) => LogicalType::Array(inner(item)),
        LogicalType::Multiset(item) => LogicalType::Multiset(inner(item)),
        LogicalType::Map(key, value) => LogicalType::Map(inner(key), inner(value)),
        LogicalType::Row(fields) => LogicalType::Row(
            fields.iter().map(|field| Field::new(&field.name, stored(&field.ty))).collect(),
        ),
        other => other.with_time_kind(TimeKind::Regular),
    };
    logical.nullable()
}
