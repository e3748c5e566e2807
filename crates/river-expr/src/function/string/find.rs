//! Functions that look for something in a text or tell what it is: `CHAR_LENGTH`, `POSITION`,
//! `LOCATE`, `INSTR`, `STARTSWITH`, `ENDSWITH`, `ASCII`, `IS_ALPHA`, `IS_DIGIT`, `IS_DECIMAL`.
//!
//! Rules: `SqlFunctionUtils` and `BinaryStringData.indexOf`.

use std::sync::LazyLock;

use arrow_array::ArrayRef;
use arrow_array::types::Int32Type;
use regex::Regex;
use river_core::types::LogicalType;
use river_core::{Expr, Value};

use super::chars;
use crate::function::check::{self, Bound, Param};
use crate::function::rows;
use crate::function::{Call, Function};
use crate::{EvalError, Result, Session};

fn int_if(args: &[Expr]) -> river_core::DataType {
    LogicalType::Int.with_nullable(check::any_nullable(args))
}

fn bind_length(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("CHAR_LENGTH", args, &[Param::Text], 0)?;
    Ok(int_if(args))
}

fn char_length(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    Ok(rows::build_primitive::<Int32Type>(call.rows, |row| {
        Some(chars::length(text.get(row)?) as i32)
    }))
}

fn bind_ascii(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("ASCII", args, &[Param::Text], 0)?;
    Ok(int_if(args))
}

/// The first byte of the UTF-8 form, with its sign as in Java.
fn ascii(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    Ok(rows::build_primitive::<Int32Type>(call.rows, |row| {
        let first = text.get(row)?.as_bytes().first().copied().unwrap_or(0);
        Some(i32::from(first as i8))
    }))
}

fn bind_position(name: &str, args: &mut [Expr]) -> Bound {
    check::expect(name, args, &[Param::Text, Param::Text, Param::Int], 1)?;
    Ok(int_if(args))
}

/// `POSITION(needle IN text [FROM start])` and `LOCATE(needle, text [, start])`.
fn position(call: &Call) -> Result<ArrayRef> {
    let (needle, text) = (rows::text(call, 0)?, rows::text(call, 1)?);
    if call.args.len() == 2 {
        return Ok(rows::build_primitive::<Int32Type>(call.rows, |row| {
            Some(chars::position(text.get(row)?, needle.get(row)?, 0))
        }));
    }
    let start = rows::primitive::<Int32Type>(call, 2)?;
    Ok(rows::build_primitive::<Int32Type>(call.rows, |row| {
        let start = (i64::from(start.get(row)?) - 1).max(0) as usize;
        Some(chars::position(text.get(row)?, needle.get(row)?, start))
    }))
}

fn bind_instr(_: &Session, args: &mut Vec<Expr>) -> Bound {
    use Param::{Int, Text};
    check::expect("INSTR", args, &[Text, Text, Int, Int], 2)?;
    Ok(int_if(args))
}

fn instr(call: &Call) -> Result<ArrayRef> {
    let (text, needle) = (rows::text(call, 0)?, rows::text(call, 1)?);
    let number = |index: usize| match call.args.len() > index {
        true => rows::primitive::<Int32Type>(call, index).map(Some),
        false => Ok(None),
    };
    let (start, nth) = (number(2)?, number(3)?);
    rows::try_build_primitive::<Int32Type>(call.rows, |row| {
        let start = start.map_or(Some(1), |s| s.get(row));
        let nth = nth.map_or(Some(1), |n| n.get(row));
        let (Some(text), Some(needle), Some(start), Some(nth)) =
            (text.get(row), needle.get(row), start, nth)
        else {
            return Ok(None);
        };
        nth_position(text, needle, start, nth).map(Some)
    })
}

/// `SqlFunctionUtils.instr`; from the end for a negative start.
fn nth_position(text: &str, needle: &str, start: i32, nth: i32) -> Result<i32> {
    if nth <= 0 {
        return Err(EvalError::new("nthAppearance must be positive!"));
    }
    if start < 0 {
        let reversed: String = text.chars().rev().collect();
        let reversed_needle: String = needle.chars().rev().collect();
        let at = nth_position(&reversed, &reversed_needle, start.saturating_neg(), nth)?;
        let total = chars::length(text) as i32 + 2 - at - chars::length(needle) as i32;
        return Ok(if at == 0 { 0 } else { total });
    }
    if start == 0 {
        return Ok(0);
    }
    let mut from = start as usize - 1;
    let mut found = 0;
    for _ in 0..nth {
        found = chars::position(text, needle, from);
        if found == 0 {
            return Ok(0);
        }
        if needle.is_empty() {
            break;
        }
        from = found as usize;
    }
    Ok(found)
}

fn bind_affix(name: &str, args: &mut [Expr]) -> Bound {
    let binary = args.iter().any(|a| a.ty.logical.is_binary());
    let kind = if binary { Param::Binary } else { Param::Text };
    check::infer(name, args, &[kind, kind], 0)?;
    Ok(LogicalType::Boolean.with_nullable(check::any_nullable(args)))
}

fn affix(call: &Call, matches: fn(&[u8], &[u8]) -> bool) -> Result<ArrayRef> {
    if call.types[0].logical.is_binary() {
        let (whole, part) = (rows::bytes(call, 0)?, rows::bytes(call, 1)?);
        return Ok(rows::build_boolean(call.rows, |row| {
            Some(matches(whole.get(row)?, part.get(row)?))
        }));
    }
    let (whole, part) = (rows::text(call, 0)?, rows::text(call, 1)?);
    Ok(rows::build_boolean(call.rows, |row| {
        Some(matches(whole.get(row)?.as_bytes(), part.get(row)?.as_bytes()))
    }))
}

fn bind_is(name: &str, args: &mut [Expr]) -> Bound {
    check::expect(name, args, &[Param::TextOrNumeric], 0)?;
    Ok(LogicalType::Boolean.not_null())
}

/// `IS_ALPHA` ...: a NULL or an empty text is not; of a number, its type decides.
fn is_kind(
    call: &Call,
    of_type: fn(&LogicalType) -> bool,
    of_text: fn(&str) -> bool,
) -> Result<ArrayRef> {
    let ty = &call.types[0].logical;
    if !ty.is_character() {
        let array = call.args[0].array();
        let answer = of_type(ty);
        return Ok(rows::build_boolean(call.rows, |row| {
            Some(answer && !array.is_null(call.args[0].index(row)))
        }));
    }
    let text = rows::text(call, 0)?;
    Ok(rows::build_boolean(call.rows, |row| {
        Some(text.get(row).is_some_and(|s| !s.is_empty() && of_text(s)))
    }))
}

fn no_type(_: &LogicalType) -> bool {
    false
}

fn is_letters(text: &str) -> bool {
    // Characters beyond the first plane are two code units in Java, neither of which is a letter.
    static LETTERS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{L}+$").ok());
    if text.is_ascii() {
        return text.bytes().all(|b| b.is_ascii_alphabetic());
    }
    text.chars().all(|c| c.len_utf16() == 1) && LETTERS.as_ref().is_some_and(|r| r.is_match(text))
}

fn is_digits(text: &str) -> bool {
    static DIGITS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{Nd}+$").ok());
    if text.is_ascii() {
        return text.bytes().all(|b| b.is_ascii_digit());
    }
    text.chars().all(|c| c.len_utf16() == 1) && DIGITS.as_ref().is_some_and(|r| r.is_match(text))
}

/// Whether Java's `Double.parseDouble` or `Long.parseLong` reads the text.
fn is_decimal(text: &str) -> bool {
    static JAVA_DOUBLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let decimal = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?";
        let hex = r"0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+";
        Regex::new(&format!(r"^[+-]?(?:NaN|Infinity|(?:{decimal}|{hex})[fFdD]?)$")).ok()
    });
    let trimmed = text.trim_matches(|c| c <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    JAVA_DOUBLE.as_ref().is_some_and(|r| r.is_match(trimmed))
        || (!unsigned.is_empty() && unsigned.chars().count() < 19 && is_digits(unsigned))
}

fn bind_str_to_map(_: &Session, args: &mut Vec<Expr>) -> Bound {
    match args.len() {
        3 => check::expect("STR_TO_MAP", args, &[Param::Text; 3], 0)?,
        _ => check::expect("STR_TO_MAP", args, &[Param::Text], 0)?,
    }
    let text = || Box::new(LogicalType::STRING.nullable());
    Ok(LogicalType::Map(text(), text()).nullable())
}

/// The separators are regular expressions, as in Java's `String.split`.
fn str_to_map(_: &Call, args: &[Value]) -> Result<Value> {
    let texts: Option<Vec<&str>> = args.iter().map(Value::as_str).collect();
    let (text, pairs_at, value_at) = match texts.as_deref() {
        Some([text]) => (*text, ",", "="),
        Some([text, pairs_at, value_at]) => (*text, *pairs_at, *value_at),
        _ => return Ok(Value::Null),
    };
    let mut entries: Vec<(Value, Value)> = Vec::new();
    if text.is_empty() {
        return Ok(Value::Map(entries));
    }
    for pair in crate::function::pattern::java_split(text, pairs_at, 0)? {
        let parts = crate::function::pattern::java_split(pair, value_at, 2)?;
        let (key, value) = match parts.as_slice() {
            [key, value] => (Value::string(*key), Value::string(*value)),
            _ => (Value::string(pair), Value::Null),
        };
        match entries.iter_mut().find(|(k, _)| *k == key) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    }
    Ok(Value::Map(entries))
}

/// Searches and tests.
pub const FUNCTIONS: &[Function] = &[
    Function::columns(
        "CHAR_LENGTH",
        "CHAR_LENGTH(text STRING) -> INT",
        "Number of characters (Unicode code points).",
        bind_length,
        char_length,
    )
    .also(&["CHARACTER_LENGTH"]),
    Function::columns(
        "ASCII",
        "ASCII(text STRING) -> INT",
        "The first byte of the text, negative beyond ASCII; 0 for an empty text.",
        bind_ascii,
        ascii,
    ),
    Function::columns(
        "POSITION",
        "POSITION(needle IN text [FROM start]) -> INT",
        "Where the needle first occurs, from 1; 0 if nowhere.",
        |_, args| bind_position("POSITION", args),
        position,
    ),
    Function::columns(
        "LOCATE",
        "LOCATE(needle STRING, text STRING [, start INT]) -> INT",
        "Where the needle first occurs, from 1; 0 if nowhere.",
        |_, args| bind_position("LOCATE", args),
        position,
    ),
    Function::columns(
        "INSTR",
        "INSTR(text STRING, needle STRING [, start INT [, nth INT]]) -> INT",
        "Where the needle occurs for the nth time, from 1; 0 if nowhere. A negative start searches \
         backwards.",
        bind_instr,
        instr,
    )
    .or_fails(),
    Function::columns(
        "STARTSWITH",
        "STARTSWITH(text STRING | BYTES, prefix STRING | BYTES) -> BOOLEAN",
        "Whether the text starts with the prefix.",
        |_, args| bind_affix("STARTSWITH", args),
        |call| affix(call, <[u8]>::starts_with),
    ),
    Function::columns(
        "ENDSWITH",
        "ENDSWITH(text STRING | BYTES, suffix STRING | BYTES) -> BOOLEAN",
        "Whether the text ends with the suffix.",
        |_, args| bind_affix("ENDSWITH", args),
        |call| affix(call, <[u8]>::ends_with),
    ),
    Function::columns(
        "IS_ALPHA",
        "IS_ALPHA(text STRING) -> BOOLEAN",
        "Whether the text has letters only, and at least one.",
        |_, args| bind_is("IS_ALPHA", args),
        |call| is_kind(call, no_type, is_letters),
    ),
    Function::columns(
        "IS_DIGIT",
        "IS_DIGIT(text STRING) -> BOOLEAN",
        "Whether the text has digits only, and at least one.",
        |_, args| bind_is("IS_DIGIT", args),
        |call| is_kind(call, LogicalType::is_integer, is_digits),
    ),
    Function::columns(
        "IS_DECIMAL",
        "IS_DECIMAL(text STRING) -> BOOLEAN",
        "Whether the text reads as a number.",
        |_, args| bind_is("IS_DECIMAL", args),
        |call| is_kind(call, |ty| ty.is_integer() || ty.is_approximate(), is_decimal),
    ),
    Function::values(
        "STR_TO_MAP",
        "STR_TO_MAP(text STRING [, pair_separator STRING, value_separator STRING]) \
         -> MAP<STRING, STRING>",
        "The map that the text lists, as in `a=1,b=2`; separators are regular expressions.",
        bind_str_to_map,
        str_to_map,
    )
    .or_fails(),
];
