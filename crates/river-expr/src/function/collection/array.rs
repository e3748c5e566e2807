//! The `ARRAY_*` functions.
//!
//! Rules: Flink's `Array*Function` classes and type strategies (`ARRAY_ELEMENT_ARG`: an element
//! must convert to the array's element type without an explicit cast).

use river_core::types::{DataType, LogicalType};
use river_core::{Expr, Value};

use super::order::{self, compare, same};
use crate::function::check::{self, Bound, Param};
use crate::function::{Call, Function};
use crate::{BindError, Result, Session, bind, cast};

/// The element type of argument 0, which must be an array.
fn item_type(name: &str, args: &[Expr]) -> Bound {
    match args.first().map(|a| &a.ty.logical) {
        Some(LogicalType::Array(item)) => Ok((**item).clone()),
        _ => Err(check::mismatch(name, args, "<ARRAY>, ...")),
    }
}

/// Brings argument 1 to the element type of the array in argument 0; gives that type.
fn bind_with_element(name: &str, args: &mut [Expr]) -> Bound {
    check::count(name, args, 2, 2)?;
    let item = item_type(name, args)?;
    let given = &args[1].ty;
    let fits = given.logical == LogicalType::Null
        || given.logical == item.logical
        || given.logical.is_character() && item.logical.is_character()
        || cast::supports_implicit(given, &item);
    if !fits {
        return Err(check::mismatch(name, args, "<ARRAY>, <ELEMENT>"));
    }
    bind::coerce_arg(args, 1, &item.logical);
    Ok(item)
}

fn bind_grow(name: &str, args: &mut [Expr]) -> Bound {
    let item = bind_with_element(name, args)?;
    let item = item.with_nullable(item.nullable || args[1].ty.nullable);
    Ok(LogicalType::Array(Box::new(item)).with_nullable(check::any_nullable(args)))
}

fn items(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::List(items) => Some(items),
        _ => None,
    }
}

fn append(_: &Call, args: &[Value]) -> Result<Value> {
    let grown = items(&args[0]).map(|list| [list.as_slice(), &args[1..2]].concat());
    Ok(grown.map_or(Value::Null, Value::List))
}

fn prepend(_: &Call, args: &[Value]) -> Result<Value> {
    let grown = items(&args[0]).map(|list| [&args[1..2], list.as_slice()].concat());
    Ok(grown.map_or(Value::Null, Value::List))
}

fn bind_contains(_: &Session, args: &mut Vec<Expr>) -> Bound {
    bind_with_element("ARRAY_CONTAINS", args)?;
    Ok(LogicalType::Boolean.with_nullable(args[0].ty.nullable))
}

fn contains(_: &Call, args: &[Value]) -> Result<Value> {
    let found = items(&args[0]).map(|list| order::contains(list, &args[1]));
    Ok(found.map_or(Value::Null, Value::Boolean))
}

fn bind_position(_: &Session, args: &mut Vec<Expr>) -> Bound {
    bind_with_element("ARRAY_POSITION", args)?;
    Ok(LogicalType::Int.with_nullable(check::any_nullable(args)))
}

fn position(_: &Call, args: &[Value]) -> Result<Value> {
    let (Some(list), false) = (items(&args[0]), args[1].is_null()) else {
        return Ok(Value::Null);
    };
    let at = list.iter().position(|v| same(v, &args[1]));
    Ok(Value::Int32(at.map_or(0, |at| at as i32 + 1)))
}

fn bind_remove(_: &Session, args: &mut Vec<Expr>) -> Bound {
    bind_with_element("ARRAY_REMOVE", args)?;
    Ok(args[0].ty.clone())
}

fn remove(_: &Call, args: &[Value]) -> Result<Value> {
    let kept = |list: &Vec<Value>| list.iter().filter(|v| !same(v, &args[1])).cloned().collect();
    Ok(items(&args[0]).map_or(Value::Null, |list| Value::List(kept(list))))
}

fn bind_same(name: &str, args: &mut [Expr]) -> Bound {
    check::count(name, args, 1, 1)?;
    item_type(name, args)?;
    Ok(args[0].ty.clone())
}

fn distinct(_: &Call, args: &[Value]) -> Result<Value> {
    Ok(items(&args[0]).map_or(Value::Null, |list| Value::List(order::distinct(list))))
}

fn reverse(_: &Call, args: &[Value]) -> Result<Value> {
    let reversed = items(&args[0]).map(|list| list.iter().rev().cloned().collect());
    Ok(reversed.map_or(Value::Null, Value::List))
}

/// Brings all array arguments to one type.
fn bind_common(name: &str, args: &mut [Expr], least: usize, most: usize) -> Bound {
    check::count(name, args, least, most)?;
    let mut types: Vec<DataType> = Vec::with_capacity(args.len());
    for arg in args.iter() {
        match &arg.ty.logical {
            LogicalType::Array(item) => types.push((**item).clone()),
            LogicalType::Null => {}
            _ => {
                let message = format!("All arguments of {name} require to be an ARRAY type");
                return Err(BindError::new(message));
            }
        }
    }
    let types: Vec<&DataType> = types.iter().collect();
    let item = bind::find_common_type(&types).ok_or_else(|| {
        let given: Vec<String> = args.iter().map(|a| a.ty.to_string()).collect();
        let given = given.join(", ");
        BindError::new(format!("Could not find a common type for arguments: [{given}]"))
    })?;
    let ty = LogicalType::Array(Box::new(item));
    for index in 0..args.len() {
        bind::coerce_arg(args, index, &ty);
    }
    Ok(ty.with_nullable(check::any_nullable(args)))
}

/// All arguments as lists; `None` if one is NULL.
fn lists(args: &[Value]) -> Option<Vec<&Vec<Value>>> {
    args.iter().map(items).collect()
}

fn concat(_: &Call, args: &[Value]) -> Result<Value> {
    let all = lists(args).map(|lists| lists.into_iter().flatten().cloned().collect());
    Ok(all.map_or(Value::Null, Value::List))
}

fn union(_: &Call, args: &[Value]) -> Result<Value> {
    let all = lists(args).map(|lists| order::distinct(lists.into_iter().flatten()));
    Ok(all.map_or(Value::Null, Value::List))
}

/// The distinct elements of the first array that are (or are not) in the second.
fn filter(args: &[Value], keep: bool) -> Value {
    match lists(args).as_deref() {
        Some([left, right]) => {
            let kept = left.iter().filter(|v| order::contains(right, v) == keep);
            Value::List(order::distinct(kept))
        }
        _ => Value::Null,
    }
}

fn bind_join(_: &Session, args: &mut Vec<Expr>) -> Bound {
    use Param::{Array, Text};
    check::infer("ARRAY_JOIN", args, &[Array, Text, Text], 1)?;
    if !item_type("ARRAY_JOIN", args)?.logical.is_character() {
        return Err(check::mismatch("ARRAY_JOIN", args, "<ARRAY<STRING>>, <STRING>, <STRING>"));
    }
    Ok(LogicalType::STRING.with_nullable(check::any_nullable(args)))
}

fn join(_: &Call, args: &[Value]) -> Result<Value> {
    let (Some(list), Some(separator)) = (items(&args[0]), args[1].as_str()) else {
        return Ok(Value::Null);
    };
    let replacement = match args.get(2) {
        Some(Value::Null) => return Ok(Value::Null),
        Some(text) => text.as_str(),
        None => None,
    };
    let parts: Vec<&str> = list.iter().filter_map(|v| v.as_str().or(replacement)).collect();
    Ok(Value::string(parts.join(separator)))
}

fn bind_extreme(name: &str, args: &mut [Expr]) -> Bound {
    check::count(name, args, 1, 1)?;
    let item = item_type(name, args)?;
    if !order::is_ordered(&item) {
        return Err(BindError::new(format!(
            "Type '{item}' should support both 'EQUALS' and 'ORDER' comparison with itself."
        )));
    }
    Ok(item.with_nullable(true))
}

fn extreme(args: &[Value], pick: fn(&Value, &Value) -> bool) -> Value {
    let present = items(&args[0]).into_iter().flatten().filter(|v| !v.is_null());
    let best = present.reduce(|best, v| if pick(v, best) { v } else { best });
    best.cloned().unwrap_or(Value::Null)
}

fn bind_slice(_: &Session, args: &mut Vec<Expr>) -> Bound {
    use Param::{Array, Int};
    check::infer("ARRAY_SLICE", args, &[Array, Int, Int], 1)?;
    Ok(args[0].ty.with_nullable(check::any_nullable(args)))
}

/// Positions count from 1, from the end if negative; 0 is the first.
fn slice(_: &Call, args: &[Value]) -> Result<Value> {
    let Some(list) = items(&args[0]) else { return Ok(Value::Null) };
    let length = list.len() as i64;
    let place = |value: Option<&Value>, default: i64| match value {
        None => Some(default),
        Some(value) => value.as_i64().map(|p| if p < 0 { length + p + 1 } else { p }),
    };
    let (Some(start), Some(end)) = (place(args.get(1), 1), place(args.get(2), length)) else {
        return Ok(Value::Null);
    };
    let (start, end) = (start.max(1), end.min(length));
    if start > end {
        return Ok(Value::List(Vec::new()));
    }
    Ok(Value::List(list[start as usize - 1..end as usize].to_vec()))
}

fn bind_sort(_: &Session, args: &mut Vec<Expr>) -> Bound {
    use Param::{Array, Boolean};
    check::infer("ARRAY_SORT", args, &[Array, Boolean, Boolean], 2)?;
    if !order::is_ordered(&item_type("ARRAY_SORT", args)?) {
        return Err(check::mismatch("ARRAY_SORT", args, "<ARRAY of sortable elements>, ..."));
    }
    Ok(args[0].ty.with_nullable(check::any_nullable(args)))
}

/// NULLs come first when ascending and last when descending, if not said otherwise.
fn sort(_: &Call, args: &[Value]) -> Result<Value> {
    let Some(list) = items(&args[0]) else { return Ok(Value::Null) };
    let flag = |index: usize, default: Option<bool>| match args.get(index) {
        Some(value) => value.as_bool(),
        None => default,
    };
    let ascending = flag(1, Some(true));
    let (Some(ascending), Some(nulls_first)) = (ascending, flag(2, ascending)) else {
        return Ok(Value::Null);
    };
    let (mut nulls, mut values): (Vec<Value>, Vec<Value>) =
        list.iter().cloned().partition(Value::is_null);
    values.sort_by(|a, b| if ascending { compare(a, b) } else { compare(b, a) });
    let sorted = if nulls_first {
        nulls.append(&mut values);
        nulls
    } else {
        values.append(&mut nulls);
        values
    };
    Ok(Value::List(sorted))
}

/// Array functions.
pub const FUNCTIONS: &[Function] = &[
    Function::values(
        "ARRAY_APPEND",
        "ARRAY_APPEND(array ARRAY<T>, element T) -> ARRAY<T>",
        "The array with the element at its end.",
        |_, args| bind_grow("ARRAY_APPEND", args),
        append,
    ),
    Function::values(
        "ARRAY_PREPEND",
        "ARRAY_PREPEND(array ARRAY<T>, element T) -> ARRAY<T>",
        "The array with the element at its start.",
        |_, args| bind_grow("ARRAY_PREPEND", args),
        prepend,
    ),
    Function::values(
        "ARRAY_CONTAINS",
        "ARRAY_CONTAINS(array ARRAY<T>, element T) -> BOOLEAN",
        "Whether the element is in the array; NULL is found where it is.",
        bind_contains,
        contains,
    ),
    Function::values(
        "ARRAY_POSITION",
        "ARRAY_POSITION(array ARRAY<T>, element T) -> INT",
        "Where the element first occurs, from 1; 0 if nowhere.",
        bind_position,
        position,
    ),
    Function::values(
        "ARRAY_REMOVE",
        "ARRAY_REMOVE(array ARRAY<T>, element T) -> ARRAY<T>",
        "The array without all elements that equal the given one.",
        bind_remove,
        remove,
    ),
    Function::values(
        "ARRAY_DISTINCT",
        "ARRAY_DISTINCT(array ARRAY<T>) -> ARRAY<T>",
        "The array without repetitions.",
        |_, args| bind_same("ARRAY_DISTINCT", args),
        distinct,
    ),
    Function::values(
        "ARRAY_REVERSE",
        "ARRAY_REVERSE(array ARRAY<T>) -> ARRAY<T>",
        "The elements in opposite order.",
        |_, args| bind_same("ARRAY_REVERSE", args),
        reverse,
    ),
    Function::values(
        "ARRAY_CONCAT",
        "ARRAY_CONCAT(array ARRAY<T>, ...) -> ARRAY<T>",
        "All arrays one after the other.",
        |_, args| bind_common("ARRAY_CONCAT", args, 1, usize::MAX),
        concat,
    ),
    Function::values(
        "ARRAY_UNION",
        "ARRAY_UNION(left ARRAY<T>, right ARRAY<T>) -> ARRAY<T>",
        "The distinct elements of both.",
        |_, args| bind_common("ARRAY_UNION", args, 2, 2),
        union,
    ),
    Function::values(
        "ARRAY_EXCEPT",
        "ARRAY_EXCEPT(left ARRAY<T>, right ARRAY<T>) -> ARRAY<T>",
        "The distinct elements of the left that are not in the right.",
        |_, args| bind_common("ARRAY_EXCEPT", args, 2, 2),
        |_, args| Ok(filter(args, false)),
    ),
    Function::values(
        "ARRAY_INTERSECT",
        "ARRAY_INTERSECT(left ARRAY<T>, right ARRAY<T>) -> ARRAY<T>",
        "The distinct elements of the left that are in the right too.",
        |_, args| bind_common("ARRAY_INTERSECT", args, 2, 2),
        |_, args| Ok(filter(args, true)),
    ),
    Function::values(
        "ARRAY_JOIN",
        "ARRAY_JOIN(array ARRAY<STRING>, separator STRING [, null STRING]) -> STRING",
        "The texts with the separator between them; NULLs are left out or replaced.",
        bind_join,
        join,
    ),
    Function::values(
        "ARRAY_MAX",
        "ARRAY_MAX(array ARRAY<T>) -> T",
        "The largest element.",
        |_, args| bind_extreme("ARRAY_MAX", args),
        |_, args| Ok(extreme(args, |a, b| compare(a, b).is_gt())),
    ),
    Function::values(
        "ARRAY_MIN",
        "ARRAY_MIN(array ARRAY<T>) -> T",
        "The smallest element.",
        |_, args| bind_extreme("ARRAY_MIN", args),
        |_, args| Ok(extreme(args, |a, b| compare(a, b).is_lt())),
    ),
    Function::values(
        "ARRAY_SLICE",
        "ARRAY_SLICE(array ARRAY<T>, start INT [, end INT]) -> ARRAY<T>",
        "The elements from start to end, both included.",
        bind_slice,
        slice,
    ),
    Function::values(
        "ARRAY_SORT",
        "ARRAY_SORT(array ARRAY<T> [, ascending BOOLEAN [, nulls_first BOOLEAN]]) -> ARRAY<T>",
        "The elements in order.",
        bind_sort,
        sort,
    ),
];
