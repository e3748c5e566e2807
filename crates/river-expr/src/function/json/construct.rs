//! JSON made of SQL values: `JSON_STRING`, `JSON_OBJECT`, `JSON_ARRAY`, `JSON`.
//!
//! A value of `JSON_OBJECT` or `JSON_ARRAY` that is itself such a call, or `JSON(..)`, is put in
//! as JSON and not as a string. Binding notes this in a literal argument, one character a value
//! (`J` or `-`), so that folding the inner call to a constant does not lose it.

use base64::Engine;
use river_core::expr::ExprKind;
use river_core::types::{DataType, LogicalType, ticks_per_second};
use river_core::{Expr, Value};

use super::model::Json;
use crate::function::check::{self, Bound, Param};
use crate::function::{Call, Function, java_text, variant};
use crate::{BindError, EvalError, Result, Session};

/// Refuses a type that has no JSON form.
fn check_type(ty: &LogicalType) -> std::result::Result<(), BindError> {
    use LogicalType::*;
    match ty {
        Boolean | TinyInt | SmallInt | Int | BigInt | Float | Double | Decimal(..) | Char(_)
        | VarChar(_) | Binary(_) | VarBinary(_) | Timestamp(..) | TimestampLtz(..) | Variant => {
            Ok(())
        }
        Array(item) => check_type(&item.logical),
        Map(key, value) if key.logical.is_character() => check_type(&value.logical),
        Multiset(item) if item.logical.is_character() => Ok(()),
        Map(key, _) | Multiset(key) => Err(BindError::new(format!(
            "Type '{key}' is not supported for JSON conversion. The key type must be a character \
             string."
        ))),
        Row(fields) => fields.iter().try_for_each(|f| check_type(&f.ty.logical)),
        Null => Err(BindError::new("Type is not supported: NULL")
            .with_help("give it a type: CAST(NULL AS STRING)")),
        other => Err(BindError::new(format!(
            "Type '{other}' is not scalar or cannot be converted into JSON."
        ))),
    }
}

/// The JSON form of a value.
pub fn to_json(value: &Value, ty: &LogicalType) -> Json {
    let number = |text: String| Json::Number(text);
    match (value, ty) {
        (Value::Boolean(b), _) => Json::Bool(*b),
        (Value::Int8(_) | Value::Int16(_) | Value::Int32(_), _) => {
            number(value.as_i64().unwrap_or_default().to_string())
        }
        (Value::Int64(ticks), LogicalType::Timestamp(p, _)) => timestamp(*ticks, *p, ""),
        (Value::Int64(ticks), LogicalType::TimestampLtz(p, _)) => timestamp(*ticks, *p, "Z"),
        (Value::Int64(v), _) => number(v.to_string()),
        (Value::Float32(v), _) => double(f64::from(*v)),
        (Value::Float64(v), _) => double(*v),
        (Value::Decimal(v), LogicalType::Decimal(_, scale)) => {
            let sign = if *v < 0 { "-" } else { "" };
            let digits = v.unsigned_abs().to_string();
            number(java_text::big_decimal(sign, &digits, i64::from(*scale)))
        }
        (Value::String(text), LogicalType::Variant) => {
            Json::parse(text).unwrap_or_else(|_| Json::String(text.to_string()))
        }
        (Value::String(text), _) => Json::String(text.to_string()),
        (Value::Bytes(bytes), _) => {
            Json::String(base64::engine::general_purpose::STANDARD.encode(bytes))
        }
        (Value::List(values), LogicalType::Array(item)) => {
            Json::Array(values.iter().map(|v| to_json(v, &item.logical)).collect())
        }
        (Value::List(values), LogicalType::Row(fields)) => {
            let fields = fields.iter().zip(values);
            let fields = fields.map(|(f, v)| (f.name.clone(), to_json(v, &f.ty.logical)));
            Json::Object(fields.collect())
        }
        (Value::Map(entries), LogicalType::Map(_, value)) => object(entries, &value.logical),
        (Value::Map(entries), LogicalType::Multiset(_)) => object(entries, &LogicalType::Int),
        _ => Json::Null,
    }
}

fn object(entries: &[(Value, Value)], ty: &LogicalType) -> Json {
    let entry = |(key, value): &(Value, Value)| {
        (key.as_str().unwrap_or("null").to_string(), to_json(value, ty))
    };
    Json::Object(entries.iter().map(entry).collect())
}

/// `new BigDecimal(Double.toString(v))`; NaN and infinities as strings.
fn double(value: f64) -> Json {
    let text = java_text::double(value);
    match java_text::big_decimal_of(&text) {
        Some(number) => Json::Number(number),
        None => Json::String(text),
    }
}

fn timestamp(ticks: i64, precision: u8, suffix: &str) -> Json {
    let per_second = ticks_per_second(precision);
    let nanos = ticks.rem_euclid(per_second) * (1_000_000_000 / per_second);
    match java_text::iso_local(ticks.div_euclid(per_second), nanos as u32) {
        Some(text) => Json::String(text + suffix),
        None => Json::Null,
    }
}

fn bind_string(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::count("JSON_STRING", args, 1, 1)?;
    if args[0].ty.logical != LogicalType::Null {
        check_type(&args[0].ty.logical)?;
    }
    Ok(LogicalType::STRING.with_nullable(args[0].ty.nullable))
}

fn string(call: &Call, args: &[Value]) -> Result<Value> {
    Ok(match (&args[0], &call.types[0].logical) {
        (Value::Null, _) => Value::Null,
        (Value::String(text), LogicalType::Variant) => Value::string(variant::to_json(text)),
        (value, ty) => Value::string(to_json(value, ty).to_text()),
    })
}

/// Calls whose result is put into another as JSON.
const RAW: &[&str] = &["JSON_OBJECT", "JSON_ARRAY", "JSON"];

/// Notes which values are JSON already and makes `JSON(..)` legal.
fn mark_raw(value: &mut Expr) -> std::result::Result<char, BindError> {
    check_type(&value.ty.logical)?;
    if let ExprKind::Call { function, .. } = &mut value.kind
        && RAW.contains(&function.as_str())
    {
        if function == "JSON" {
            *function = "JSON VALUE".to_string();
        }
        return Ok('J');
    }
    Ok('-')
}

fn on_null(name: &str, args: &[Expr]) -> std::result::Result<(), BindError> {
    match check::constant_text(name, args, 0)? {
        "NULL" | "ABSENT" => Ok(()),
        other => Err(BindError::new(format!("{name} has no behaviour '{other} ON NULL'"))),
    }
}

fn flags_argument(flags: String) -> Expr {
    let ty = LogicalType::STRING.not_null();
    Expr::literal(Value::string(flags), ty)
}

fn bind_object(_: &Session, args: &mut Vec<Expr>) -> Bound {
    const NAME: &str = "JSON_OBJECT";
    on_null(NAME, args)?;
    if args.len().is_multiple_of(2) {
        return Err(BindError::new("JSON_OBJECT takes pairs of key and value"));
    }
    let mut flags = String::new();
    for pair in args[1..].chunks_exact_mut(2) {
        if !pair[0].ty.logical.is_character() {
            return Err(BindError::new("Expected a character type")
                .with_help("the keys of JSON_OBJECT are character strings"));
        }
        if pair[0].ty.nullable {
            let message = format!("Argument to function '{}' must not be NULL", pair[0]);
            return Err(BindError::new(message));
        }
        flags.push(mark_raw(&mut pair[1])?);
    }
    args.insert(1, flags_argument(flags));
    Ok(LogicalType::STRING.not_null())
}

fn bind_array(_: &Session, args: &mut Vec<Expr>) -> Bound {
    on_null("JSON_ARRAY", args)?;
    let flags = args[1..].iter_mut().map(mark_raw).collect::<std::result::Result<String, _>>()?;
    args.insert(1, flags_argument(flags));
    Ok(LogicalType::STRING.not_null())
}

/// A value of an object or array; `None` if it is NULL and left out.
fn part(value: &Value, ty: &DataType, raw: bool, absent: bool) -> Option<Json> {
    match value {
        Value::Null if absent => None,
        Value::String(text) if raw => Some(Json::parse(text).unwrap_or(Json::Null)),
        _ => Some(to_json(value, &ty.logical)),
    }
}

fn make_object(call: &Call, args: &[Value]) -> Result<Value> {
    let absent = args[0].as_str() == Some("ABSENT");
    let flags = args[1].as_str().unwrap_or("").bytes();
    let mut fields: Vec<(String, Json)> = Vec::new();
    for (pair, flag) in (2..args.len()).step_by(2).zip(flags) {
        let Some(key) = args[pair].as_str() else {
            return Err(EvalError::new("JSON_OBJECT: a key is NULL"));
        };
        let value = part(&args[pair + 1], &call.types[pair + 1], flag == b'J', absent);
        let Some(value) = value else { continue };
        match fields.iter_mut().find(|(k, _)| k == key) {
            Some(field) => field.1 = value,
            None => fields.push((key.to_string(), value)),
        }
    }
    Ok(Value::string(Json::Object(fields).to_text()))
}

fn make_array(call: &Call, args: &[Value]) -> Result<Value> {
    let absent = args[0].as_str() == Some("ABSENT");
    let flags = args[1].as_str().unwrap_or("").bytes();
    let items = args[2..].iter().zip(&call.types[2..]).zip(flags);
    let items = items.filter_map(|((value, ty), flag)| part(value, ty, flag == b'J', absent));
    Ok(Value::string(Json::Array(items.collect()).to_text()))
}

fn bind_json(name: &str, args: &mut [Expr]) -> Bound {
    check::infer(name, args, &[Param::Text], 0)?;
    Ok(LogicalType::STRING.with_nullable(args[0].ty.nullable))
}

fn json_alone(_: &Call, _: &[Value]) -> Result<Value> {
    Err(EvalError::new(
        "The JSON() function is currently only supported inside JSON_ARRAY() or as the VALUE \
         param of JSON_OBJECT()",
    ))
}

fn json_value(_: &Call, args: &[Value]) -> Result<Value> {
    let Some(text) = args[0].as_str().map(str::trim).filter(|t| !t.is_empty()) else {
        return Ok(Value::Null);
    };
    Json::parse(text).map(|json| Value::string(json.to_text())).map_err(|error| {
        EvalError::new(format!("Invalid JSON string in JSON(value) function: \"{text}\". {error}"))
    })
}

/// JSON made of values.
pub const FUNCTIONS: &[Function] = &[
    Function::values(
        "JSON_STRING",
        "JSON_STRING(value ANY) -> STRING",
        "The value as JSON text.",
        bind_string,
        string,
    ),
    Function::values(
        "JSON_OBJECT",
        "JSON_OBJECT([KEY] key VALUE value, ... [NULL | ABSENT ON NULL]) -> STRING",
        "The JSON object of the pairs, in key order.",
        bind_object,
        make_object,
    )
    .or_fails(),
    Function::values(
        "JSON_ARRAY",
        "JSON_ARRAY(value, ... [NULL | ABSENT ON NULL]) -> STRING",
        "The JSON array of the values; NULLs are left out if not said otherwise.",
        bind_array,
        make_array,
    )
    .or_fails(),
    Function::values(
        "JSON",
        "JSON(text STRING) -> JSON",
        "Inside JSON_OBJECT or JSON_ARRAY: the text is JSON and put in as such.",
        |_, args| bind_json("JSON", args),
        json_alone,
    )
    .or_fails(),
    Function::values(
        "JSON VALUE",
        "JSON(text STRING) -> JSON",
        "What JSON(..) becomes inside JSON_OBJECT and JSON_ARRAY; not called by name.",
        |_, args| bind_json("JSON VALUE", args),
        json_value,
    )
    .or_fails(),
];
