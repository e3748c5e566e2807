//! `IS JSON`, `JSON_EXISTS`, `JSON_VALUE`, `JSON_QUERY`.
//!
//! Rules: `SqlJsonUtils`. A path without `lax` or `strict` before it is strict: what it does not
//! find is an error, so `ON ERROR` decides and not `ON EMPTY`.

use arrow_array::ArrayRef;
use river_core::types::{DataType, LogicalType};
use river_core::{Expr, Value};

use super::model::Json;
use super::path::{Path, PathError};
use crate::function::check::{self, Bound, Param};
use crate::function::{Call, Function, rows};
use crate::{BindError, EvalError, Result, Session};

/// What a path gave: a value, nothing (in lax mode), or an error.
struct Found {
    strict: bool,
    value: std::result::Result<Option<Json>, String>,
}

/// `(lax|strict) path`, the words in any case.
fn split_mode(spec: &str) -> (bool, &str) {
    let trimmed = spec.trim_start();
    let word = trimmed.find(char::is_whitespace).map(|end| trimmed.split_at(end));
    match word {
        Some((mode, path)) if mode.eq_ignore_ascii_case("lax") => (false, path.trim_start()),
        Some((mode, path)) if mode.eq_ignore_ascii_case("strict") => (true, path.trim_start()),
        _ => (true, spec),
    }
}

fn find(text: &str, spec: &str) -> Found {
    let (strict, path) = split_mode(spec);
    let document = match Json::parse(text) {
        Ok(Json::Null) => return Found { strict, value: Err("json can not be null".into()) },
        Ok(document) => document,
        Err(error) if strict => return Found { strict, value: Err(error) },
        Err(_) => return Found { strict, value: Ok(None) },
    };
    let found = Path::parse(path).and_then(|path| match path.read(&document) {
        Err(PathError::NotFound(_)) if !strict && !path.is_definite() => {
            Ok(Json::Array(Vec::new()))
        }
        other => other,
    });
    let value = match found {
        Ok(Json::Null) if strict => {
            Err("Strict jsonpath mode requires a non empty returned value, but is null".into())
        }
        Ok(Json::Null) => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(PathError::NotFound(_)) if !strict => Ok(None),
        Err(PathError::NotFound(message) | PathError::Invalid(message)) => Err(message),
    };
    Found { strict, value }
}

fn bind_is_json(name: &str, args: &mut [Expr]) -> Bound {
    check::expect(name, args, &[Param::Text], 0)?;
    Ok(LogicalType::Boolean.not_null())
}

fn is_json(call: &Call, accepts: fn(&Json) -> bool) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    Ok(rows::build_boolean(call.rows, |row| {
        Some(text.get(row).is_some_and(|s| Json::parse(s).is_ok_and(|json| accepts(&json))))
    }))
}

/// Checks that a clause argument is one of the words.
fn clause(
    name: &str,
    args: &[Expr],
    index: usize,
    words: &[&str],
) -> std::result::Result<(), BindError> {
    if args.len() <= index || words.contains(&check::constant_text(name, args, index)?) {
        return Ok(());
    }
    let words = words.join(", ");
    Err(BindError::new(format!("Argument {} of '{name}' must be one of {words}", index + 1)))
}

/// The text of a clause argument of a running call.
fn word<'a>(args: &'a [Value], index: usize, default: &'a str) -> &'a str {
    args.get(index).and_then(Value::as_str).unwrap_or(default)
}

fn bind_subject(name: &str, args: &mut [Expr]) -> std::result::Result<(), BindError> {
    if args.len() < 2 {
        return check::count(name, args, 2, usize::MAX);
    }
    check::infer(name, &mut args[..2], &[Param::Text, Param::Text], 0)
}

fn bind_exists(_: &Session, args: &mut Vec<Expr>) -> Bound {
    bind_subject("JSON_EXISTS", args)?;
    check::count("JSON_EXISTS", args, 2, 3)?;
    clause("JSON_EXISTS", args, 2, &["TRUE", "FALSE", "UNKNOWN", "ERROR"])?;
    Ok(LogicalType::Boolean.nullable())
}

fn exists(_: &Call, args: &[Value]) -> Result<Value> {
    let (Some(text), Some(path)) = (args[0].as_str(), args[1].as_str()) else {
        return Ok(Value::Null);
    };
    match find(text, path).value {
        Ok(value) => Ok(Value::Boolean(value.is_some())),
        Err(error) => match word(args, 2, "FALSE") {
            "TRUE" => Ok(Value::Boolean(true)),
            "UNKNOWN" => Ok(Value::Null),
            "ERROR" => Err(EvalError::new(error)),
            _ => Ok(Value::Boolean(false)),
        },
    }
}

/// The type after `RETURNING`: that of the argument, `STRING` where it is left out or untyped.
fn returning(args: &[Expr], index: usize) -> LogicalType {
    match args.get(index).map(|arg| &arg.ty.logical) {
        None | Some(LogicalType::Null) => LogicalType::STRING,
        Some(ty) => ty.clone(),
    }
}

fn bind_value(_: &Session, args: &mut Vec<Expr>) -> Bound {
    const NAME: &str = "JSON_VALUE";
    bind_subject(NAME, args)?;
    check::count(NAME, args, 2, 7)?;
    for index in [2, 4] {
        clause(NAME, args, index, &["NULL", "ERROR", "DEFAULT"])?;
    }
    let returning = returning(args, 6);
    use LogicalType::{Boolean, Double, Int, VarChar};
    match returning {
        VarChar(_) | Int | Double | Boolean => Ok(returning.nullable()),
        other => Err(BindError::new(format!(
            "Unsupported type '{other}' for RETURNING in JSON_VALUE()."
        ))
        .with_help("STRING, INT, DOUBLE and BOOLEAN are supported; cast the result")),
    }
}

fn value(call: &Call, args: &[Value]) -> Result<Value> {
    let (Some(text), Some(path)) = (args[0].as_str(), args[1].as_str()) else {
        return Ok(Value::Null);
    };
    let found = find(text, path);
    let default = |index: usize| {
        let ty = call.types.get(index);
        args.get(index).zip(ty).map_or(Ok(Value::Null), |(v, ty)| default_as(v, ty, call.out))
    };
    let error = match found.value {
        Ok(Some(value)) if value.is_scalar() => return scalar_as(&value, call.out),
        Ok(Some(value)) if found.strict => format!(
            "Strict jsonpath mode requires scalar value, and the actual value is: '{}'",
            value.to_text()
        ),
        Ok(_) => {
            return match word(args, 2, "NULL") {
                "ERROR" => {
                    Err(EvalError::new("Empty result of JSON_VALUE function is not allowed"))
                }
                "DEFAULT" => default(3),
                _ => Ok(Value::Null),
            };
        }
        Err(error) => error,
    };
    match word(args, 4, "NULL") {
        "ERROR" => Err(EvalError::new(error)),
        "DEFAULT" => default(5),
        _ => Ok(Value::Null),
    }
}

/// A scalar as the `RETURNING` type. Flink casts the Java object, so that only an integer of 32
/// bits is an INT and only a number with point or exponent a DOUBLE.
fn scalar_as(json: &Json, out: &DataType) -> Result<Value> {
    let refuse = || {
        EvalError::new(format!("JSON_VALUE: '{}' is not of type {}", json.to_text(), out.logical))
    };
    Ok(match (&out.logical, json) {
        (LogicalType::VarChar(_), json) => Value::string(json.scalar_text()),
        (LogicalType::Boolean, Json::Bool(b)) => Value::Boolean(*b),
        (LogicalType::Int, Json::Number(text)) => Value::Int32(text.parse().map_err(|_| refuse())?),
        (LogicalType::Double, Json::Number(text)) if text.contains(['.', 'E']) => {
            Value::Float64(text.parse().map_err(|_| refuse())?)
        }
        _ => return Err(refuse()),
    })
}

/// A `DEFAULT` literal as the `RETURNING` type.
fn default_as(value: &Value, ty: &DataType, out: &DataType) -> Result<Value> {
    let LogicalType::Decimal(_, scale) = ty.logical else {
        let fits = match (&out.logical, value) {
            (_, Value::Null) => Value::Null,
            (LogicalType::VarChar(_), Value::String(_)) => value.clone(),
            (LogicalType::VarChar(_), Value::Boolean(b)) => Value::string(b.to_string()),
            (LogicalType::VarChar(_), Value::Float64(v)) => {
                Value::string(crate::function::java_text::double(*v))
            }
            (LogicalType::VarChar(_), other) if other.as_i64().is_some() => {
                Value::string(other.as_i64().unwrap_or_default().to_string())
            }
            (LogicalType::Int, Value::Int32(_)) => value.clone(),
            (LogicalType::Boolean, Value::Boolean(_)) => value.clone(),
            (LogicalType::Double, Value::Float64(_)) => value.clone(),
            _ => {
                let message = format!("JSON_VALUE: the default is not of type {}", out.logical);
                return Err(EvalError::new(message));
            }
        };
        return Ok(fits);
    };
    let Value::Decimal(unscaled) = value else { return Ok(Value::Null) };
    let text = crate::function::java_text::decimal_plain(*unscaled, scale);
    scalar_as(&Json::Number(text), out)
}

fn bind_query(_: &Session, args: &mut Vec<Expr>) -> Bound {
    const NAME: &str = "JSON_QUERY";
    bind_subject(NAME, args)?;
    check::count(NAME, args, 2, 6)?;
    clause(NAME, args, 2, &["WITHOUT", "CONDITIONAL", "UNCONDITIONAL"])?;
    for index in [3, 4] {
        clause(NAME, args, index, &["NULL", "ERROR", "EMPTY ARRAY", "EMPTY OBJECT"])?;
    }
    let returning = returning(args, 5);
    match &returning {
        LogicalType::VarChar(_) => Ok(returning.nullable()),
        LogicalType::Array(item) if item.logical.is_character() => Ok(returning.nullable()),
        LogicalType::Array(item) => Err(BindError::new(format!(
            "Unsupported array element type '{}' for RETURNING ARRAY in JSON_QUERY().",
            item.logical
        ))),
        other => Err(BindError::new(format!(
            "Unsupported type '{other}' for RETURNING in JSON_QUERY()."
        ))),
    }
}

fn query(call: &Call, args: &[Value]) -> Result<Value> {
    let (Some(text), Some(path)) = (args[0].as_str(), args[1].as_str()) else {
        return Ok(Value::Null);
    };
    let as_array = matches!(call.out.logical, LogicalType::Array(_));
    let fallback = |behaviour: &str, error: &str| match behaviour {
        "ERROR" => Err(EvalError::new(error)),
        "EMPTY ARRAY" if as_array => Ok(Value::List(Vec::new())),
        "EMPTY ARRAY" => Ok(Value::string("[]")),
        "EMPTY OBJECT" if as_array => {
            Err(EvalError::new("Illegal empty behavior 'EMPTY OBJECT' specified in JSON_QUERY"))
        }
        "EMPTY OBJECT" => Ok(Value::string("{}")),
        _ => Ok(Value::Null),
    };
    let found = find(text, path);
    let wrapped = found.value.map(|value| {
        value.map(|value| match (word(args, 2, "WITHOUT"), &value) {
            ("UNCONDITIONAL", _) => Json::Array(vec![value]),
            ("CONDITIONAL", other) if !matches!(other, Json::Array(_)) => Json::Array(vec![value]),
            _ => value,
        })
    });
    let error = match wrapped {
        Ok(Some(value)) if !value.is_scalar() => match (as_array, value) {
            (false, value) => return Ok(Value::string(value.to_text())),
            (true, Json::Array(items)) => return Ok(Value::List(texts(&items))),
            (true, _) => "JSON_QUERY: the value is no array".to_string(),
        },
        Ok(Some(value)) if found.strict => format!(
            "Strict jsonpath mode requires array or object value, and the actual value is: '{}'",
            value.to_text()
        ),
        Ok(_) => {
            let empty = "Empty result of JSON_QUERY function is not allowed";
            return fallback(word(args, 3, "NULL"), empty);
        }
        Err(error) => error,
    };
    fallback(word(args, 4, "NULL"), &error)
}

/// Elements for `RETURNING ARRAY<STRING>`: scalars as text, the rest as JSON.
fn texts(items: &[Json]) -> Vec<Value> {
    let text = |item: &Json| match item {
        Json::Null => Value::Null,
        other if other.is_scalar() => Value::string(other.scalar_text()),
        other => Value::string(other.to_text()),
    };
    items.iter().map(text).collect()
}

const IS_JSON: &str = "Whether the text is JSON; false for NULL. What follows the first value is \
                       not looked at.";

/// Tests and queries of JSON text.
pub const FUNCTIONS: &[Function] = &[
    Function::columns(
        "IS JSON",
        "text STRING IS JSON [VALUE] -> BOOLEAN",
        IS_JSON,
        |_, args| bind_is_json("IS JSON", args),
        |call| is_json(call, |_| true),
    )
    .also(&["IS JSON VALUE"]),
    Function::columns(
        "IS JSON OBJECT",
        "text STRING IS JSON OBJECT -> BOOLEAN",
        "Whether the text is a JSON object; false for NULL.",
        |_, args| bind_is_json("IS JSON OBJECT", args),
        |call| is_json(call, |json| matches!(json, Json::Object(_))),
    ),
    Function::columns(
        "IS JSON ARRAY",
        "text STRING IS JSON ARRAY -> BOOLEAN",
        "Whether the text is a JSON array; false for NULL.",
        |_, args| bind_is_json("IS JSON ARRAY", args),
        |call| is_json(call, |json| matches!(json, Json::Array(_))),
    ),
    Function::columns(
        "IS JSON SCALAR",
        "text STRING IS JSON SCALAR -> BOOLEAN",
        "Whether the text is a JSON string, number, boolean or null; false for NULL.",
        |_, args| bind_is_json("IS JSON SCALAR", args),
        |call| is_json(call, Json::is_scalar),
    ),
    Function::values(
        "JSON_EXISTS",
        "JSON_EXISTS(json STRING, path STRING [behaviour ON ERROR]) -> BOOLEAN",
        "Whether the path names a value that is not null.",
        bind_exists,
        exists,
    )
    .or_fails(),
    Function::values(
        "JSON_VALUE",
        "JSON_VALUE(json STRING, path STRING [RETURNING type] [NULL | ERROR | DEFAULT v ON EMPTY] \
         [NULL | ERROR | DEFAULT v ON ERROR]) -> STRING",
        "The scalar that the path names. A path without `lax` is strict.",
        bind_value,
        value,
    )
    .or_fails(),
    Function::values(
        "JSON_QUERY",
        "JSON_QUERY(json STRING, path STRING [RETURNING type] [wrapper] [behaviour ON EMPTY] \
         [behaviour ON ERROR]) -> STRING",
        "The object or array that the path names, as JSON text.",
        bind_query,
        query,
    )
    .or_fails(),
];
