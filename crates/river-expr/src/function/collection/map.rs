//! The `MAP_*` functions.
//!
//! Rules: Flink's `Map*Function` classes and type strategies.

use river_core::types::{DataType, Field, LogicalType};
use river_core::{Expr, Value};

use super::construct::insert;
use crate::function::check::{self, Bound, Param};
use crate::function::{Call, Function};
use crate::{BindError, EvalError, Result, Session, bind};

/// Key and value type of the only argument, a map.
fn bind_parts(name: &str, args: &mut [Expr], item: fn(DataType, DataType) -> DataType) -> Bound {
    check::infer(name, args, &[Param::Map], 0)?;
    let LogicalType::Map(key, value) = &args[0].ty.logical else {
        return Err(check::mismatch(name, args, "<MAP>"));
    };
    let item = item((**key).clone(), (**value).clone());
    Ok(LogicalType::Array(Box::new(item)).with_nullable(args[0].ty.nullable))
}

fn entry_type(key: DataType, value: DataType) -> DataType {
    LogicalType::Row(vec![Field::new("key", key), Field::new("value", value)]).nullable()
}

/// A list made of each entry.
fn each(args: &[Value], f: fn(&(Value, Value)) -> Value) -> Value {
    match &args[0] {
        Value::Map(entries) => Value::List(entries.iter().map(f).collect()),
        _ => Value::Null,
    }
}

fn bind_from_arrays(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("MAP_FROM_ARRAYS", args, &[Param::Array, Param::Array], 0)?;
    match (&args[0].ty.logical, &args[1].ty.logical) {
        (LogicalType::Array(key), LogicalType::Array(value)) => {
            let ty = LogicalType::Map(key.clone(), value.clone());
            Ok(ty.with_nullable(check::any_nullable(args)))
        }
        _ => Err(check::mismatch("MAP_FROM_ARRAYS", args, "<ARRAY>, <ARRAY>")),
    }
}

fn from_arrays(_: &Call, args: &[Value]) -> Result<Value> {
    let (Value::List(keys), Value::List(values)) = (&args[0], &args[1]) else {
        return Ok(Value::Null);
    };
    if keys.len() != values.len() {
        return Err(EvalError::new(format!(
            "Invalid function MAP_FROM_ARRAYS call:\nThe length of the keys array {} is not equal \
             to the length of the values array {}",
            keys.len(),
            values.len()
        )));
    }
    Ok(Value::Map(keys.iter().cloned().zip(values.iter().cloned()).collect()))
}

fn bind_union(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::count("MAP_UNION", args, 1, usize::MAX)?;
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for arg in args.iter() {
        match &arg.ty.logical {
            LogicalType::Map(key, value) => {
                keys.push(&**key);
                values.push(&**value);
            }
            LogicalType::Null => {}
            _ => return Err(BindError::new("All arguments of MAP_UNION require to be a MAP type")),
        }
    }
    let common = bind::find_common_type(&keys).zip(bind::find_common_type(&values));
    let Some((key, value)) = common else {
        return Err(BindError::new("Could not find a common type for the maps of MAP_UNION"));
    };
    let ty = LogicalType::Map(Box::new(key), Box::new(value));
    for index in 0..args.len() {
        bind::coerce_arg(args, index, &ty);
    }
    Ok(ty.with_nullable(check::any_nullable(args)))
}

fn union(_: &Call, args: &[Value]) -> Result<Value> {
    let mut out = Vec::new();
    for arg in args {
        let Value::Map(entries) = arg else { return Ok(Value::Null) };
        entries.iter().for_each(|(key, value)| insert(&mut out, key, value));
    }
    Ok(Value::Map(out))
}

/// Map functions.
pub const FUNCTIONS: &[Function] = &[
    Function::values(
        "MAP_KEYS",
        "MAP_KEYS(map MAP<K, V>) -> ARRAY<K>",
        "All keys, in no particular order.",
        |_, args| bind_parts("MAP_KEYS", args, |key, _| key),
        |_, args| Ok(each(args, |(key, _)| key.clone())),
    ),
    Function::values(
        "MAP_VALUES",
        "MAP_VALUES(map MAP<K, V>) -> ARRAY<V>",
        "All values, in no particular order.",
        |_, args| bind_parts("MAP_VALUES", args, |_, value| value),
        |_, args| Ok(each(args, |(_, value)| value.clone())),
    ),
    Function::values(
        "MAP_ENTRIES",
        "MAP_ENTRIES(map MAP<K, V>) -> ARRAY<ROW<key K, value V>>",
        "All entries, in no particular order.",
        |_, args| bind_parts("MAP_ENTRIES", args, entry_type),
        |_, args| Ok(each(args, |(k, v)| Value::List(vec![k.clone(), v.clone()]))),
    ),
    Function::values(
        "MAP_FROM_ARRAYS",
        "MAP_FROM_ARRAYS(keys ARRAY<K>, values ARRAY<V>) -> MAP<K, V>",
        "The map of keys and values at the same place; fails if the lengths differ.",
        bind_from_arrays,
        from_arrays,
    )
    .or_fails(),
    Function::values(
        "MAP_UNION",
        "MAP_UNION(map MAP<K, V>, ...) -> MAP<K, V>",
        "The entries of all maps; the value of the last map counts.",
        bind_union,
        union,
    ),
];
