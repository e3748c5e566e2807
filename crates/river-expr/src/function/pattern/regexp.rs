//! `REGEXP`, `REGEXP_REPLACE`, `REGEXP_EXTRACT`, `REGEXP_EXTRACT_ALL`, `REGEXP_COUNT`,
//! `REGEXP_INSTR`, `REGEXP_SUBSTR`.
//!
//! Rules: `SqlFunctionUtils` and Flink's `Regexp*Function` classes. A pattern that is no regular
//! expression gives NULL (false for `REGEXP`), never an error.

use std::rc::Rc;

use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{ArrayRef, StringViewArray};
use river_core::types::LogicalType;
use river_core::{Expr, Value};

use super::java::{self, Pattern};
use crate::function::check::{self, Bound, Param};
use crate::function::rows::{self, Arg};
use crate::function::string::utf16;
use crate::function::{Call, Function};
use crate::{Result, Session};

/// The pattern argument, compiled once if it is constant.
struct PatternArg<'a> {
    text: Arg<&'a StringViewArray>,
    constant: Option<Option<Rc<Pattern>>>,
}

fn pattern_arg<'a>(call: &Call<'a>, index: usize) -> Result<PatternArg<'a>> {
    let text = rows::text(call, index)?;
    Ok(PatternArg { text, constant: text.constant().map(java::compiled) })
}

impl PatternArg<'_> {
    /// The pattern of a row; the outer `None` is NULL, the inner one an invalid pattern.
    fn get(&self, row: usize) -> Option<Option<Rc<Pattern>>> {
        match &self.constant {
            Some(pattern) => Some(pattern.clone()),
            None => self.text.get(row).map(java::compiled),
        }
    }
}

fn bind_regexp(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("REGEXP", args, &[Param::Text, Param::Text], 0)?;
    Ok(LogicalType::Boolean.with_nullable(check::any_nullable(args)))
}

/// An empty pattern matches nothing here.
fn regexp(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (rows::text(call, 0)?, pattern_arg(call, 1)?);
    Ok(rows::build_boolean(call.rows, |row| {
        let (text, compiled) = (text.get(row)?, pattern.get(row)?);
        let empty = pattern.text.get(row)?.is_empty();
        Some(!empty && compiled.is_some_and(|p| p.is_match(text)))
    }))
}

fn bind_replace(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("REGEXP_REPLACE", args, &[Param::Text; 3], 0)?;
    Ok(LogicalType::STRING.with_nullable(check::any_nullable(args)))
}

/// The replacement is taken literally: `$1` is no group.
fn regexp_replace(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (rows::text(call, 0)?, pattern_arg(call, 1)?);
    let replacement = rows::text(call, 2)?;
    Ok(rows::build_text(call.rows, |row, out| {
        let (text, replacement) = (text.get(row)?, replacement.get(row)?);
        let pattern = pattern.get(row)??;
        let mut last = 0;
        for (start, end) in pattern.matches(text) {
            out.push_str(&text[last..start]);
            out.push_str(replacement);
            last = end;
        }
        out.push_str(&text[last..]);
        Some(())
    }))
}

fn bind_extract(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("REGEXP_EXTRACT", args, &[Param::Text, Param::Text, Param::Integer], 1)?;
    Ok(LogicalType::STRING.nullable())
}

/// The group number argument; 0 where it is missing.
fn group_arg<'a>(
    call: &Call<'a>,
    index: usize,
) -> Result<Option<Arg<&'a arrow_array::Int64Array>>> {
    if call.args.len() <= index {
        return Ok(None);
    }
    rows::primitive::<Int64Type>(call, index).map(Some)
}

fn regexp_extract(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (rows::text(call, 0)?, pattern_arg(call, 1)?);
    let group = group_arg(call, 2)?;
    if let (Some(Some(Pattern::Plain(regex))), Some(group)) =
        (pattern.constant.as_ref().map(|p| p.as_deref()), group.map_or(Some(0), |g| g.constant()))
    {
        return Ok(extract_constant(&text, regex, group as i32, call.rows));
    }
    Ok(rows::build_parts(&text, call.rows, |row, text| {
        let pattern = pattern.get(row)??;
        let group = match &group {
            Some(group) => usize::try_from(group.get(row)? as i32).ok()?,
            None => 0,
        };
        let (start, end) = pattern.group_at(text, 0, group)?.0?;
        Some(&text[start..end])
    }))
}

/// The hot case: one pattern and one group for all rows; match positions are kept between rows.
fn extract_constant(
    text: &Arg<&StringViewArray>,
    regex: &regex::Regex,
    group: i32,
    rows: usize,
) -> ArrayRef {
    let mut locations = regex.capture_locations();
    rows::build_parts(text, rows, |_, text| {
        let group = usize::try_from(group).ok()?;
        if group == 0 {
            return regex.find(text).map(|m| &text[m.start()..m.end()]);
        }
        regex.captures_read(&mut locations, text)?;
        locations.get(group).map(|(start, end)| &text[start..end])
    })
}

fn bind_extract_all(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("REGEXP_EXTRACT_ALL", args, &[Param::Text, Param::Text, Param::Integer], 1)?;
    Ok(LogicalType::Array(Box::new(LogicalType::STRING.nullable())).nullable())
}

/// Group 1 where no number is given; NULL for a group that the pattern has not.
fn regexp_extract_all(_: &Call, args: &[Value]) -> Result<Value> {
    let (Some(text), Some(pattern)) = (args[0].as_str(), args[1].as_str()) else {
        return Ok(Value::Null);
    };
    let group = match args.get(2) {
        None => Some(1),
        Some(group) => group.as_i64().and_then(|g| usize::try_from(g).ok()),
    };
    let pattern = java::compiled(pattern);
    let (Some(group), Some(pattern)) = (group, pattern) else { return Ok(Value::Null) };
    if group > pattern.group_count() {
        return Ok(Value::Null);
    }
    let mut found = Vec::new();
    let mut from = Some(0);
    while let Some((part, whole)) = from.and_then(|from| pattern.group_at(text, from, group)) {
        found.push(part.map_or(Value::Null, |(start, end)| Value::string(&text[start..end])));
        from = java::next_start(text, whole.0, whole.1);
    }
    Ok(Value::List(found))
}

fn bind_int(name: &str, args: &mut [Expr]) -> Bound {
    check::infer(name, args, &[Param::Text, Param::Text], 0)?;
    Ok(LogicalType::Int.nullable())
}

fn regexp_count(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (rows::text(call, 0)?, pattern_arg(call, 1)?);
    Ok(rows::build_primitive::<Int32Type>(call.rows, |row| {
        let (text, pattern) = (text.get(row)?, pattern.get(row)??);
        Some(pattern.matches(text).count() as i32)
    }))
}

/// The position counts UTF-16 code units.
fn regexp_instr(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (rows::text(call, 0)?, pattern_arg(call, 1)?);
    Ok(rows::build_primitive::<Int32Type>(call.rows, |row| {
        let (text, pattern) = (text.get(row)?, pattern.get(row)??);
        let found = pattern.find_at(text, 0);
        Some(found.map_or(0, |(start, _)| utf16::length(&text[..start]) as i32 + 1))
    }))
}

fn bind_substr(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("REGEXP_SUBSTR", args, &[Param::Text, Param::Text], 0)?;
    Ok(LogicalType::STRING.nullable())
}

fn regexp_substr(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (rows::text(call, 0)?, pattern_arg(call, 1)?);
    Ok(rows::build_parts(&text, call.rows, |row, text| {
        let (start, end) = pattern.get(row)??.find_at(text, 0)?;
        Some(&text[start..end])
    }))
}

/// Regular expressions.
pub const FUNCTIONS: &[Function] = &[
    Function::columns(
        "REGEXP",
        "REGEXP(text STRING, pattern STRING) -> BOOLEAN",
        "Whether the regular expression occurs in the text; false for an empty or invalid one.",
        bind_regexp,
        regexp,
    ),
    Function::columns(
        "REGEXP_REPLACE",
        "REGEXP_REPLACE(text STRING, pattern STRING, replacement STRING) -> STRING",
        "The text with each match replaced by the literal text; NULL for an invalid pattern.",
        bind_replace,
        regexp_replace,
    ),
    Function::columns(
        "REGEXP_EXTRACT",
        "REGEXP_EXTRACT(text STRING, pattern STRING [, group INT]) -> STRING",
        "That group of the first match (0: the whole match); NULL if there is none.",
        bind_extract,
        regexp_extract,
    ),
    Function::values(
        "REGEXP_EXTRACT_ALL",
        "REGEXP_EXTRACT_ALL(text STRING, pattern STRING [, group INT]) -> ARRAY<STRING>",
        "That group (1) of every match; NULL for an invalid pattern or group.",
        bind_extract_all,
        regexp_extract_all,
    ),
    Function::columns(
        "REGEXP_COUNT",
        "REGEXP_COUNT(text STRING, pattern STRING) -> INT",
        "Number of matches; NULL for an invalid pattern.",
        |_, args| bind_int("REGEXP_COUNT", args),
        regexp_count,
    ),
    Function::columns(
        "REGEXP_INSTR",
        "REGEXP_INSTR(text STRING, pattern STRING) -> INT",
        "Position of the first match, from 1; 0 if there is none, NULL for an invalid pattern.",
        |_, args| bind_int("REGEXP_INSTR", args),
        regexp_instr,
    ),
    Function::columns(
        "REGEXP_SUBSTR",
        "REGEXP_SUBSTR(text STRING, pattern STRING) -> STRING",
        "The first match; NULL if there is none.",
        bind_substr,
        regexp_substr,
    ),
];
