//! `VARIANT`: `PARSE_JSON`, `TRY_PARSE_JSON` and the access to parts.
//!
//! A variant is kept as JSON text in the form Flink's `BinaryVariant.toJson` writes: objects in key
//! order, integers and decimals of up to 38 digits exact and without trailing zeros, all other
//! numbers as `DOUBLE`.

use river_core::types::LogicalType;
use river_core::{Expr, Value};

use super::check::{self, Bound, Param};
use super::java_text;
use super::json::model::Json;
use super::{Call, Function};
use crate::{EvalError, Result, Session};

/// Most digits of an exact number.
const MAX_DIGITS: usize = 38;

/// A number as a variant holds it.
fn normal_number(text: &str) -> String {
    let double = || java_text::double(text.parse().unwrap_or(f64::NAN));
    if text.contains(['e', 'E']) {
        return double();
    }
    let Some((sign, digits, scale)) = java_text::parse_big_decimal(text) else { return double() };
    if digits.len() > MAX_DIGITS || scale > MAX_DIGITS as i64 {
        return double();
    }
    let plain = match scale {
        0 => digits,
        scale => {
            let padded = format!("{digits:0>width$}", width = scale as usize + 1);
            let (whole, fraction) = padded.split_at(padded.len() - scale as usize);
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{whole}{point}{fraction}")
        }
    };
    format!("{sign}{plain}")
}

fn normalise(json: Json) -> Json {
    match json {
        Json::Number(text) => Json::Number(normal_number(&text)),
        Json::Array(items) => Json::Array(items.into_iter().map(normalise).collect()),
        Json::Object(fields) => {
            Json::Object(fields.into_iter().map(|(k, v)| (k, normalise(v))).collect())
        }
        other => other,
    }
}

fn parse(text: &str, allow_duplicates: bool) -> Result<Value> {
    match Json::parse_raw(text, !allow_duplicates) {
        Ok(json) => Ok(Value::string(normalise(json).to_text())),
        Err(error) => Err(EvalError::new(format!("Failed to parse json string: {error}"))),
    }
}

/// The JSON text of a variant.
pub fn to_json(variant: &str) -> String {
    variant.to_string()
}

/// The part of a variant at a key (of an object) or an index from 1 (of an array); NULL if it has
/// none.
pub fn item(variant: &str, key: &Value) -> Value {
    let Ok(json) = Json::parse_raw(variant, false) else { return Value::Null };
    let part = match (&json, key) {
        (Json::Object(_), Value::String(name)) => json.get(name),
        (Json::Array(items), key) => {
            let index = key.as_i64().and_then(|i| usize::try_from(i).ok()?.checked_sub(1));
            index.and_then(|i| items.get(i))
        }
        _ => None,
    };
    part.map_or(Value::Null, |part| Value::string(part.to_text()))
}

fn bind_parse(name: &str, args: &mut [Expr]) -> std::result::Result<bool, crate::BindError> {
    check::infer(name, args, &[Param::Text, Param::Boolean], 1)?;
    Ok(check::any_nullable(args))
}

fn bind_parse_json(_: &Session, args: &mut Vec<Expr>) -> Bound {
    let nullable = bind_parse("PARSE_JSON", args)?;
    Ok(LogicalType::Variant.with_nullable(nullable))
}

fn bind_try_parse_json(_: &Session, args: &mut Vec<Expr>) -> Bound {
    bind_parse("TRY_PARSE_JSON", args)?;
    Ok(LogicalType::Variant.nullable())
}

fn parse_json(_: &Call, args: &[Value]) -> Result<Value> {
    let allow = match args.get(1) {
        None => Some(false),
        Some(flag) => flag.as_bool(),
    };
    match (args[0].as_str(), allow) {
        (Some(text), Some(allow)) => parse(text, allow),
        _ => Ok(Value::Null),
    }
}

fn try_parse_json(call: &Call, args: &[Value]) -> Result<Value> {
    Ok(parse_json(call, args).unwrap_or(Value::Null))
}

/// Variants.
pub const FUNCTIONS: &[Function] = &[
    Function::values(
        "PARSE_JSON",
        "PARSE_JSON(json STRING [, allow_duplicate_keys BOOLEAN]) -> VARIANT",
        "The JSON text as a variant; fails if it is no JSON or repeats a key.",
        bind_parse_json,
        parse_json,
    )
    .or_fails(),
    Function::values(
        "TRY_PARSE_JSON",
        "TRY_PARSE_JSON(json STRING [, allow_duplicate_keys BOOLEAN]) -> VARIANT",
        "The JSON text as a variant; NULL if it is no JSON or repeats a key.",
        bind_try_parse_json,
        try_parse_json,
    ),
];
