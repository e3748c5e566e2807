//! Functions that give a part of a text: `SUBSTRING`, `LEFT`, `RIGHT`, the `TRIM` family, `SPLIT`,
//! `SPLIT_INDEX`, `OVERLAY`, `REVERSE`. Parts are views into their source, not copies.
//!
//! Rules: `BinaryStringDataUtil` and `SqlFunctionUtils` of Flink. `TRIM(side chars FROM text)` is
//! the call `TRIM(text, 'BOTH' | 'LEADING' | 'TRAILING' [, chars])`.

use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{ArrayRef, StringViewArray};
use river_core::types::{LogicalType, MAX_LENGTH};
use river_core::{Expr, Value};

use super::{chars, utf16};
use crate::function::check::{self, Bound, Param};
use crate::function::rows::{self, Arg};
use crate::function::{Call, Function};
use crate::{BindError, EvalError, Result, Session};

/// The type of a part of the first argument: `VARCHAR` of its length.
fn part_type(args: &[Expr], nullable: bool) -> river_core::DataType {
    LogicalType::VarChar(check::text_length(&args[0].ty.logical)).with_nullable(nullable)
}

fn bind_substring(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("SUBSTRING", args, &[Param::Text, Param::Int, Param::Int], 1)?;
    Ok(part_type(args, true))
}

fn substring(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    let start = rows::primitive::<Int32Type>(call, 1)?;
    if call.args.len() == 2 {
        return Ok(rows::build_parts(&text, call.rows, |row, s| {
            chars::substring(s, start.get(row)?, None)
        }));
    }
    let count = rows::primitive::<Int32Type>(call, 2)?;
    Ok(rows::build_parts(&text, call.rows, |row, s| {
        chars::substring(s, start.get(row)?, Some(count.get(row)?))
    }))
}

fn left(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    let count = rows::primitive::<Int32Type>(call, 1)?;
    Ok(rows::build_parts(&text, call.rows, |row, s| {
        Some(chars::part(s, 0, count.get(row)?.max(0) as usize))
    }))
}

fn right(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    let count = rows::primitive::<Int32Type>(call, 1)?;
    Ok(rows::build_parts(&text, call.rows, |row, s| {
        let count = count.get(row)?.max(0) as usize;
        Some(&s[chars::offset(s, chars::length(s).saturating_sub(count))..])
    }))
}

fn bind_trim(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("TRIM", args, &[Param::Text, Param::Text, Param::Text], 2)?;
    let nullable = check::any_nullable(args);
    Ok(part_type(args, nullable))
}

fn bind_trim_side(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("TRIM", args, &[Param::Text, Param::Text], 1)?;
    let nullable = check::any_nullable(args);
    Ok(part_type(args, nullable))
}

fn bind_btrim(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("BTRIM", args, &[Param::Text, Param::Text], 1)?;
    Ok(LogicalType::STRING.with_nullable(check::any_nullable(args)))
}

/// Which ends are trimmed.
#[derive(Clone, Copy)]
struct Ends {
    start: bool,
    end: bool,
}

const BOTH: Ends = Ends { start: true, end: true };
const LEADING: Ends = Ends { start: true, end: false };
const TRAILING: Ends = Ends { start: false, end: true };

fn trim_ends<'a>(text: &'a str, set: &str, ends: Ends) -> &'a str {
    let mut text = text;
    if ends.start {
        text = text.trim_start_matches(|c| set.contains(c));
    }
    if ends.end {
        text = text.trim_end_matches(|c| set.contains(c));
    }
    text
}

fn trim_set(call: &Call, set: usize, ends: Ends) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    if call.args.len() <= set {
        return Ok(rows::build_parts(&text, call.rows, |_, s| Some(trim_ends(s, " ", ends))));
    }
    let set = rows::text(call, set)?;
    Ok(rows::build_parts(&text, call.rows, |row, s| Some(trim_ends(s, set.get(row)?, ends))))
}

fn trim(call: &Call) -> Result<ArrayRef> {
    let side = match call.args.get(1) {
        None => None,
        Some(side) if side.is_scalar() => rows::text(call, 1)?.constant(),
        Some(_) => return Err(EvalError::new("the side of TRIM is no constant")),
    };
    let ends = match side {
        None | Some("BOTH") => BOTH,
        Some("LEADING") => LEADING,
        Some("TRAILING") => TRAILING,
        Some(other) => return Err(EvalError::new(format!("TRIM has no side '{other}'"))),
    };
    trim_set(call, 2, ends)
}

fn bind_split_index(_: &Session, args: &mut Vec<Expr>) -> Bound {
    let by_code = args.get(1).is_some_and(|a| a.ty.logical.is_integer());
    let separator = if by_code { Param::Int } else { Param::Text };
    check::expect("SPLIT_INDEX", args, &[Param::Text, separator, Param::Int], 0)?;
    Ok(LogicalType::STRING.nullable())
}

fn split_index(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    let index = rows::primitive::<Int32Type>(call, 2)?;
    if call.types[1].logical == LogicalType::Int {
        let code = rows::primitive::<Int32Type>(call, 1)?;
        return Ok(rows::build_parts(&text, call.rows, |row, s| {
            let (code, index) = (code.get(row)?, index.get(row)?);
            let separator = char::from(u8::try_from(code).ok().filter(|c| *c != 0)?);
            let index = usize::try_from(index).ok()?;
            if s.is_empty() { None } else { s.split(separator).nth(index) }
        }));
    }
    let separator = rows::text(call, 1)?;
    if let Some(&[byte]) = separator.constant().map(str::as_bytes) {
        return Ok(split_index_byte(&text, byte, &index, call.rows));
    }
    Ok(rows::build_parts(&text, call.rows, |row, s| {
        let (separator, index) = (separator.get(row)?, index.get(row)?);
        let index = usize::try_from(index).ok()?;
        match separator {
            _ if s.is_empty() => None,
            "" => s.split(char::is_whitespace).nth(index),
            _ => s.split(separator).nth(index),
        }
    }))
}

/// The hot case: one constant ASCII separator.
fn split_index_byte(
    text: &Arg<&StringViewArray>,
    separator: u8,
    index: &Arg<&arrow_array::Int32Array>,
    rows: usize,
) -> ArrayRef {
    rows::build_parts(text, rows, |row, s| {
        let index = usize::try_from(index.get(row)?).ok()?;
        if s.is_empty() {
            return None;
        }
        let mut rest = s;
        for _ in 0..index {
            rest = &rest[memchr::memchr(separator, rest.as_bytes())? + 1..];
        }
        let end = memchr::memchr(separator, rest.as_bytes()).unwrap_or(rest.len());
        Some(&rest[..end])
    })
}

fn bind_split(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("SPLIT", args, &[Param::Text, Param::Text], 0)?;
    let item = Box::new(LogicalType::STRING.nullable());
    Ok(LogicalType::Array(item).with_nullable(check::any_nullable(args)))
}

fn split(_: &Call, args: &[Value]) -> Result<Value> {
    let (Some(text), Some(separator)) = (args[0].as_str(), args[1].as_str()) else {
        return Ok(Value::Null);
    };
    let parts = if separator.is_empty() {
        // Java splits between code units, so a character beyond the first plane falls apart.
        let units = utf16::encode(text);
        let one = |unit: &u16| char::from_u32(u32::from(*unit)).unwrap_or('?').to_string();
        units.iter().map(|unit| Value::string(one(unit))).collect()
    } else {
        text.split(separator).map(Value::string).collect()
    };
    Ok(Value::List(parts))
}

fn bind_overlay(_: &Session, args: &mut Vec<Expr>) -> Bound {
    use Param::{Integer, Text};
    check::expect("OVERLAY", args, &[Text, Text, Integer, Integer], 1)?;
    let lengths = [0, 1].map(|i| check::text_length(&args[i].ty.logical));
    let length = lengths[0].saturating_add(lengths[1]).min(MAX_LENGTH);
    Ok(LogicalType::VarChar(length).with_nullable(check::any_nullable(args)))
}

fn overlay(call: &Call) -> Result<ArrayRef> {
    let (text, insert) = (rows::text(call, 0)?, rows::text(call, 1)?);
    let start = rows::primitive::<Int64Type>(call, 2)?;
    let count = match call.args.len() {
        4 => Some(rows::primitive::<Int64Type>(call, 3)?),
        _ => None,
    };
    Ok(rows::build_text(call.rows, |row, out| {
        let (s, insert, start) = (text.get(row)?, insert.get(row)?, start.get(row)?);
        let count = match &count {
            Some(count) => count.get(row)?,
            None => utf16::length(insert) as i64,
        };
        let units = utf16::encode(s);
        if start <= 0 || start > units.len() as i64 {
            out.push_str(s);
            return Some(());
        }
        // Flink narrows the length to 32 bits.
        let (start, count) = (start as usize - 1, i64::from(count as i32));
        utf16::append(&units[..start], out);
        out.push_str(insert);
        let end = start as i64 + count;
        if count > 0 && end < units.len() as i64 {
            utf16::append(&units[end as usize..], out);
        }
        Some(())
    }))
}

fn bind_reverse(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("REVERSE", args, &[Param::Text], 0)?;
    Ok(LogicalType::STRING.nullable())
}

fn reverse(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    Ok(rows::build_text(call.rows, |row, out| {
        out.extend(text.get(row)?.chars().rev());
        Some(())
    }))
}

fn bind_end(name: &str, args: &mut [Expr]) -> std::result::Result<river_core::DataType, BindError> {
    check::expect(name, args, &[Param::Text, Param::Int], 0)?;
    Ok(part_type(args, true))
}

/// Parts of a text.
pub const FUNCTIONS: &[Function] = &[
    Function::columns(
        "SUBSTRING",
        "SUBSTRING(text STRING, start INT [, length INT]) -> STRING",
        "The part from character `start`, counted from 1 or, if negative, from the end. NULL for a \
         negative length.",
        bind_substring,
        substring,
    )
    .also(&["SUBSTR"]),
    Function::columns(
        "LEFT",
        "LEFT(text STRING, length INT) -> STRING",
        "The first characters; empty for a negative length.",
        |_, args| bind_end("LEFT", args),
        left,
    ),
    Function::columns(
        "RIGHT",
        "RIGHT(text STRING, length INT) -> STRING",
        "The last characters; empty for a negative length.",
        |_, args| bind_end("RIGHT", args),
        right,
    ),
    Function::columns(
        "TRIM",
        "TRIM([BOTH | LEADING | TRAILING] [characters] FROM text) -> STRING",
        "The text without the given characters (blanks) at its ends.",
        bind_trim,
        trim,
    ),
    Function::columns(
        "LTRIM",
        "LTRIM(text STRING [, characters STRING]) -> STRING",
        "The text without the given characters (blanks) at its start.",
        bind_trim_side,
        |call| trim_set(call, 1, LEADING),
    ),
    Function::columns(
        "RTRIM",
        "RTRIM(text STRING [, characters STRING]) -> STRING",
        "The text without the given characters (blanks) at its end.",
        bind_trim_side,
        |call| trim_set(call, 1, TRAILING),
    ),
    Function::columns(
        "BTRIM",
        "BTRIM(text STRING [, characters STRING]) -> STRING",
        "The text without the given characters (blanks) at both ends.",
        bind_btrim,
        |call| trim_set(call, 1, BOTH),
    ),
    Function::columns(
        "SPLIT_INDEX",
        "SPLIT_INDEX(text STRING, separator STRING | INT, index INT) -> STRING",
        "Part number `index`, from 0, of the text split at the separator (or at the character of \
         that code); NULL if there are fewer parts.",
        bind_split_index,
        split_index,
    ),
    Function::values(
        "SPLIT",
        "SPLIT(text STRING, separator STRING) -> ARRAY<STRING>",
        "The parts of the text between separators; an empty separator splits every character.",
        bind_split,
        split,
    ),
    Function::columns(
        "OVERLAY",
        "OVERLAY(text PLACING insert FROM start [FOR length]) -> STRING",
        "The text with `length` characters from `start` replaced by `insert`; the text itself if \
         `start` is outside it.",
        bind_overlay,
        overlay,
    ),
    Function::columns(
        "REVERSE",
        "REVERSE(text STRING) -> STRING",
        "The characters in opposite order.",
        bind_reverse,
        reverse,
    ),
];
