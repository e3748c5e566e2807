//! Constructors and access: `ARRAY[..]` (call `ARRAY`), `MAP[..]` (`MAP`), `ROW(..)` (`ROW`),
//! `x[i]` (`ITEM`), `CARDINALITY`, `ELEMENT`.
//!
//! Rules: Calcite's value constructors with `leastRestrictive` types, Flink's `ScalarOperatorGens`.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, StructArray, UInt32Array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType as Arrow;
use river_core::types::{DataType, Field, LogicalType};
use river_core::{Expr, Value};

use super::order;
use crate::function::check::{self, Bound, Param};
use crate::function::variant;
use crate::function::{Call, Function, rows};
use crate::{BindError, EvalError, Result, Session, bind};

/// The common type of some arguments, all brought to it.
fn unify(args: &mut [Expr], pick: impl Fn(usize) -> bool) -> Bound {
    let types: Vec<&DataType> =
        args.iter().enumerate().filter(|(i, _)| pick(*i)).map(|(_, a)| &a.ty).collect();
    let known: Vec<&DataType> =
        types.iter().filter(|t| t.logical != LogicalType::Null).copied().collect();
    let nullable = types.iter().any(|t| t.nullable || t.logical == LogicalType::Null);
    let common = bind::common_type(&known)
        .ok_or_else(|| BindError::new("Parameters must be of the same type"))?
        .with_nullable(nullable);
    for index in (0..args.len()).filter(|i| pick(*i)) {
        bind::coerce_arg(args, index, &common.logical);
    }
    Ok(common)
}

fn bind_array(_: &Session, args: &mut Vec<Expr>) -> Bound {
    if args.is_empty() {
        return Err(BindError::new("Require at least 1 argument"));
    }
    let item = unify(args, |_| true)?;
    Ok(LogicalType::Array(Box::new(item)).not_null())
}

/// Interleaves the argument columns: row 0's items, then row 1's.
fn array(call: &Call) -> Result<ArrayRef> {
    let Arrow::List(field) = call.out.logical.to_arrow() else {
        return Err(EvalError::new("ARRAY makes an array"));
    };
    let width = call.args.len();
    let columns: Vec<&dyn Array> = call.args.iter().map(|c| c.array().as_ref()).collect();
    let mut picks = Vec::with_capacity(call.rows * width);
    for row in 0..call.rows {
        picks.extend(call.args.iter().enumerate().map(|(i, c)| (i, c.index(row))));
    }
    let items = arrow_select::interleave::interleave(&columns, &picks)?;
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(width, call.rows));
    Ok(Arc::new(arrow_array::ListArray::try_new(field, offsets, items, None)?))
}

fn bind_map(_: &Session, args: &mut Vec<Expr>) -> Bound {
    if args.is_empty() {
        return Err(BindError::new("Map requires at least 2 arguments"));
    }
    if !args.len().is_multiple_of(2) {
        return Err(BindError::new("Map requires an even number of arguments"));
    }
    let key = unify(args, |i| i % 2 == 0)?;
    let value = unify(args, |i| i % 2 == 1)?;
    Ok(LogicalType::Map(Box::new(key), Box::new(value)).not_null())
}

/// Sets a key's value; a key given twice keeps its place.
pub(super) fn insert(entries: &mut Vec<(Value, Value)>, key: &Value, value: &Value) {
    match entries.iter_mut().find(|(k, _)| order::same(k, key)) {
        Some(entry) => entry.1 = value.clone(),
        None => entries.push((key.clone(), value.clone())),
    }
}

fn map(_: &Call, args: &[Value]) -> Result<Value> {
    let mut entries = Vec::with_capacity(args.len() / 2);
    for pair in args.chunks_exact(2) {
        insert(&mut entries, &pair[0], &pair[1]);
    }
    Ok(Value::Map(entries))
}

fn bind_row(_: &Session, args: &mut Vec<Expr>) -> Bound {
    let fields = args.iter().enumerate();
    let fields = fields.map(|(i, a)| Field::new(format!("EXPR${i}"), a.ty.clone()));
    Ok(LogicalType::Row(fields.collect()).not_null())
}

fn row(call: &Call) -> Result<ArrayRef> {
    let Arrow::Struct(fields) = call.out.logical.to_arrow() else {
        return Err(EvalError::new("ROW makes a row"));
    };
    if fields.is_empty() {
        return Ok(Arc::new(StructArray::new_empty_fields(call.rows, None)));
    }
    let columns = call.args.iter().map(|c| c.clone().into_array(call.rows)).collect();
    Ok(Arc::new(StructArray::try_new(fields, columns, None)?))
}

fn refuse_item(args: &[Expr]) -> BindError {
    check::mismatch("ITEM", args, "<ARRAY>, <INTEGER> or <MAP>, <KEY> or <ROW>, <INTEGER>")
}

fn bind_item(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::count("ITEM", args, 2, 2)?;
    match args[0].ty.logical.clone() {
        LogicalType::Array(item) => {
            check::expect("ITEM", args, &[Param::Array, Param::Int], 0)
                .map_err(|_| refuse_item(args))?;
            if let Some(index) = args[1].as_literal().and_then(Value::as_i64).filter(|i| *i < 1) {
                return Err(BindError::new(format!(
                    "Array element access needs an index starting at 1 but was {index}."
                )));
            }
            Ok(item.with_nullable(true))
        }
        LogicalType::Map(key, value) => {
            let given = &args[1].ty.logical;
            let alike = *given == LogicalType::Null
                || *given == key.logical
                || given.is_character() && key.logical.is_character()
                || given.is_integer() && key.logical.is_integer()
                || given.is_binary() && key.logical.is_binary();
            if !alike {
                return Err(refuse_item(args));
            }
            if *given == LogicalType::Null {
                bind::coerce_arg(args, 1, &key.logical);
            }
            Ok(value.with_nullable(true))
        }
        LogicalType::Row(fields) => {
            let index = match args[1].as_literal() {
                Some(Value::String(name)) => fields.iter().position(|f| *f.name == **name),
                Some(other) => other.as_i64().and_then(|i| usize::try_from(i).ok()?.checked_sub(1)),
                None => None,
            };
            let field = index.and_then(|i| fields.get(i)).ok_or_else(|| refuse_item(args))?;
            Ok(field.ty.with_nullable(field.ty.nullable || args[0].ty.nullable))
        }
        LogicalType::Variant => {
            let by = &args[1].ty.logical;
            if !by.is_character() && !by.is_integer() {
                return Err(refuse_item(args));
            }
            Ok(LogicalType::Variant.nullable())
        }
        _ => Err(refuse_item(args)),
    }
}

fn item(call: &Call) -> Result<ArrayRef> {
    match &call.types[0].logical {
        LogicalType::Array(_) => array_item(call),
        ty => {
            let mut out = crate::ColumnBuilder::new(&call.out.logical, call.rows);
            for row in 0..call.rows {
                let value = |i: usize| {
                    let column = &call.args[i];
                    let ty = &call.types[i].logical;
                    crate::column::value_at(column.array(), ty, column.index(row))
                };
                let (whole, key) = (value(0), value(1));
                out.push(&lookup(ty, &whole, &key)?);
            }
            Ok(out.finish())
        }
    }
}

/// An element of a map, row or variant.
fn lookup(ty: &LogicalType, whole: &Value, key: &Value) -> Result<Value> {
    Ok(match (ty, whole) {
        (LogicalType::Variant, Value::String(text)) => variant::item(text, key),
        (LogicalType::Row(fields), Value::List(values)) => {
            let index = match key {
                Value::String(name) => fields.iter().position(|f| *f.name == **name),
                other => other.as_i64().and_then(|i| usize::try_from(i - 1).ok()),
            };
            index.and_then(|i| values.get(i)).cloned().unwrap_or(Value::Null)
        }
        (_, Value::Map(entries)) => {
            let equal = |k: &Value| match (k.as_i64(), key.as_i64()) {
                (Some(a), Some(b)) => a == b,
                _ => order::same(k, key),
            };
            // A NULL key finds nothing.
            let found = entries.iter().find(|(k, _)| !key.is_null() && equal(k));
            found.map_or(Value::Null, |(_, v)| v.clone())
        }
        _ => Value::Null,
    })
}

fn array_item(call: &Call) -> Result<ArrayRef> {
    let lists = call.args[0]
        .array()
        .as_list_opt::<i32>()
        .ok_or_else(|| EvalError::new("ITEM of something that is no array"))?;
    let index = rows::primitive::<Int32Type>(call, 1)?;
    // Flink gives NULL for a computed index below 1 (only a constant one is refused).
    let picks = (0..call.rows).map(|row| {
        let list = call.args[0].index(row);
        let index = index.get(row)?;
        if lists.is_null(list) {
            return None;
        }
        if index < 1 {
            return None;
        }
        let offsets = lists.value_offsets();
        let at = offsets[list].checked_add(index - 1)?;
        (at < offsets[list + 1]).then_some(at as u32)
    });
    let picks: UInt32Array = picks.collect();
    Ok(arrow_select::take::take(lists.values(), &picks, None)?)
}

fn bind_cardinality(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::count("CARDINALITY", args, 1, 1)?;
    match args[0].ty.logical {
        LogicalType::Array(_) | LogicalType::Map(..) | LogicalType::Multiset(_) => {
            Ok(LogicalType::Int.with_nullable(args[0].ty.nullable))
        }
        _ => Err(check::mismatch("CARDINALITY", args, "<MULTISET>, <ARRAY> or <MAP>")),
    }
}

fn cardinality(call: &Call) -> Result<ArrayRef> {
    let column = &call.args[0];
    let array = column.array();
    let offsets = match array.data_type() {
        Arrow::List(_) => array.as_list::<i32>().value_offsets(),
        other => return Err(EvalError::new(format!("CARDINALITY of {other}"))),
    };
    Ok(rows::build_primitive::<Int32Type>(call.rows, |row| {
        let at = column.index(row);
        (!array.is_null(at)).then(|| offsets[at + 1] - offsets[at])
    }))
}

fn bind_element(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::count("ELEMENT", args, 1, 1)?;
    match &args[0].ty.logical {
        LogicalType::Array(item) | LogicalType::Multiset(item) => {
            Ok(item.with_nullable(item.nullable || args[0].ty.nullable))
        }
        _ => Err(check::mismatch("ELEMENT", args, "<MULTISET> or <ARRAY>")),
    }
}

fn element(_: &Call, args: &[Value]) -> Result<Value> {
    let items: Vec<&Value> = match &args[0] {
        Value::List(items) => items.iter().collect(),
        Value::Map(entries) => entries.iter().map(|(k, _)| k).collect(),
        _ => return Ok(Value::Null),
    };
    match items.as_slice() {
        [] => Ok(Value::Null),
        [one] => Ok((*one).clone()),
        _ => Err(EvalError::new("Array has more than one element.")),
    }
}

/// Constructors and access.
pub const FUNCTIONS: &[Function] = &[
    Function::columns(
        "ARRAY",
        "ARRAY[value, ...] -> ARRAY<T>",
        "The array of the values, brought to their common type.",
        bind_array,
        array,
    ),
    Function::values(
        "MAP",
        "MAP[key, value, ...] -> MAP<K, V>",
        "The map of the pairs, keys and values each brought to their common type; the last value \
         of a key counts.",
        bind_map,
        map,
    ),
    Function::columns(
        "ROW",
        "ROW(value, ...) -> ROW<...>",
        "The row of the values.",
        bind_row,
        row,
    ),
    Function::columns(
        "ITEM",
        "collection[index or key] -> element",
        "The element of an array at an index from 1, of a map at a key, of a row at a constant \
         position or name, of a VARIANT at either; NULL if there is none.",
        bind_item,
        item,
    ),
    Function::columns(
        "CARDINALITY",
        "CARDINALITY(collection ARRAY | MAP | MULTISET) -> INT",
        "Number of elements.",
        bind_cardinality,
        cardinality,
    ),
    Function::values(
        "ELEMENT",
        "ELEMENT(collection ARRAY | MULTISET) -> element",
        "The only element; NULL if there is none, fails if there are several.",
        bind_element,
        element,
    )
    .or_fails(),
];
