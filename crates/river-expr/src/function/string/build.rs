//! Functions that make a text of others: `||`, `CONCAT`, `CONCAT_WS`, `UPPER`, `LOWER`, `INITCAP`,
//! `REPEAT`, `LPAD`, `RPAD`, `REPLACE`, `TRANSLATE`, `ELT`, `CHR`, `PRINTF`.
//!
//! Rules: `SqlFunctionUtils`, `BinaryStringDataUtil`, Calcite's `SqlFunctions.initcap`.

use arrow_array::ArrayRef;
use arrow_array::types::{Int32Type, Int64Type};
use river_core::types::{DataType, LogicalType, MAX_LENGTH};
use river_core::{Expr, Value};

use super::{chars, format, utf16};
use crate::function::check::{self, Bound, Param};
use crate::function::rows;
use crate::function::{Call, Function};
use crate::{Result, Session, bind};

fn string_if(args: &[Expr]) -> DataType {
    LogicalType::STRING.with_nullable(check::any_nullable(args))
}

fn bind_pipes(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("||", args, &[Param::Text, Param::Text], 0)?;
    let lengths = [0, 1].map(|i| check::text_length(&args[i].ty.logical));
    let length = lengths[0].saturating_add(lengths[1]).min(MAX_LENGTH);
    let fixed = args.iter().all(|a| matches!(a.ty.logical, LogicalType::Char(_)));
    let ty = if fixed { LogicalType::Char(length) } else { LogicalType::VarChar(length) };
    Ok(ty.with_nullable(check::any_nullable(args)))
}

fn bind_concat(_: &Session, args: &mut Vec<Expr>) -> Bound {
    let params = vec![Param::Text; args.len().max(1)];
    check::expect("CONCAT", args, &params, 0)?;
    Ok(string_if(args))
}

fn concat(call: &Call) -> Result<ArrayRef> {
    let parts = (0..call.args.len()).map(|i| rows::text(call, i)).collect::<Result<Vec<_>>>()?;
    Ok(rows::build_text(call.rows, |row, out| {
        for part in &parts {
            out.push_str(part.get(row)?);
        }
        Some(())
    }))
}

fn bind_concat_ws(_: &Session, args: &mut Vec<Expr>) -> Bound {
    let params = vec![Param::Text; args.len().max(1)];
    check::expect("CONCAT_WS", args, &params, 0)?;
    Ok(string_if(args))
}

fn concat_ws(call: &Call) -> Result<ArrayRef> {
    let separator = rows::text(call, 0)?;
    let parts = (1..call.args.len()).map(|i| rows::text(call, i)).collect::<Result<Vec<_>>>()?;
    Ok(rows::build_text(call.rows, |row, out| {
        let separator = separator.get(row)?;
        for (i, part) in parts.iter().filter_map(|p| p.get(row)).enumerate() {
            if i > 0 {
                out.push_str(separator);
            }
            out.push_str(part);
        }
        Some(())
    }))
}

/// The type of a function that changes letters only: that of its argument.
fn bind_letters(name: &str, args: &mut [Expr]) -> Bound {
    check::expect(name, args, &[Param::Text], 0)?;
    Ok(args[0].ty.clone())
}

/// Cuts a text that grew beyond its `CHAR(n)`, as `UPPER('straße')` does.
fn cut_to(ty: &LogicalType, out: &mut String) {
    if let LogicalType::Char(n) = ty
        && out.len() > *n as usize
    {
        out.truncate(chars::offset(out, *n as usize));
    }
}

fn upper(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    Ok(rows::build_text(call.rows, |row, out| {
        let s = text.get(row)?;
        if s.is_ascii() {
            out.push_str(s);
            out.make_ascii_uppercase();
        } else {
            out.push_str(&s.to_uppercase());
            cut_to(&call.out.logical, out);
        }
        Some(())
    }))
}

fn lower(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    Ok(rows::build_text(call.rows, |row, out| {
        let s = text.get(row)?;
        if s.is_ascii() {
            out.push_str(s);
            out.make_ascii_lowercase();
        } else {
            out.push_str(&s.to_lowercase());
            cut_to(&call.out.logical, out);
        }
        Some(())
    }))
}

/// Words are runs of ASCII letters and digits, all else stands between words.
fn initcap(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    Ok(rows::build_text(call.rows, |row, out| {
        let mut start = true;
        for c in text.get(row)?.chars() {
            out.push(if start { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
            start = !c.is_ascii_alphanumeric();
        }
        Some(())
    }))
}

fn bind_repeat(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("REPEAT", args, &[Param::Text, Param::Int], 0)?;
    Ok(string_if(args))
}

fn repeat(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    let count = rows::primitive::<Int32Type>(call, 1)?;
    rows::try_build_text(call.rows, |row, out| {
        let (Some(s), Some(count)) = (text.get(row), count.get(row)) else { return Ok(None) };
        let count = count.max(0) as usize;
        format::check_length("REPEAT", s.len().saturating_mul(count))?;
        if !s.is_empty() {
            (0..count).for_each(|_| out.push_str(s));
        }
        Ok(Some(()))
    })
}

fn bind_pad(name: &str, args: &mut [Expr]) -> Bound {
    check::expect(name, args, &[Param::Text, Param::Int, Param::Text], 0)?;
    Ok(string_if(args))
}

/// `LPAD` and `RPAD`: NULL for a negative length or an empty padding.
fn pad(call: &Call, left: bool) -> Result<ArrayRef> {
    let (text, padding) = (rows::text(call, 0)?, rows::text(call, 2)?);
    let length = rows::primitive::<Int32Type>(call, 1)?;
    rows::try_build_text(call.rows, |row, out| {
        let (Some(s), Some(length), Some(padding)) =
            (text.get(row), length.get(row), padding.get(row))
        else {
            return Ok(None);
        };
        if length < 0 || padding.is_empty() {
            return Ok(None);
        }
        let length = length as usize;
        format::check_length("LPAD", length)?;
        let (units, padding) = (utf16::encode(s), utf16::encode(padding));
        let kept = &units[..units.len().min(length)];
        let filling = padding.iter().copied().cycle().take(length - kept.len());
        let padded: Vec<u16> = if left {
            filling.chain(kept.iter().copied()).collect()
        } else {
            kept.iter().copied().chain(filling).collect()
        };
        utf16::append(&padded, out);
        Ok(Some(()))
    })
}

fn bind_replace(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("REPLACE", args, &[Param::Text; 3], 0)?;
    Ok(string_if(args))
}

fn replace(call: &Call) -> Result<ArrayRef> {
    let (text, old, new) = (rows::text(call, 0)?, rows::text(call, 1)?, rows::text(call, 2)?);
    rows::try_build_text(call.rows, |row, out| {
        let (Some(s), Some(old), Some(new)) = (text.get(row), old.get(row), new.get(row)) else {
            return Ok(None);
        };
        let mut end = 0;
        for (at, found) in s.match_indices(old) {
            out.push_str(&s[end..at]);
            out.push_str(new);
            end = at + found.len();
            format::check_length("REPLACE", out.len())?;
        }
        out.push_str(&s[end..]);
        Ok(Some(()))
    })
}

fn bind_translate(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("TRANSLATE", args, &[Param::Text; 3], 0)?;
    Ok(LogicalType::STRING.with_nullable(args[0].ty.nullable))
}

fn translate(call: &Call) -> Result<ArrayRef> {
    let (text, from, to) = (rows::text(call, 0)?, rows::text(call, 1)?, rows::text(call, 2)?);
    Ok(rows::build_text(call.rows, |row, out| {
        let s = text.get(row)?;
        let (from, to) = (from.get(row).unwrap_or(""), to.get(row).unwrap_or(""));
        for c in s.chars() {
            match from.chars().position(|f| f == c) {
                None => out.push(c),
                Some(at) => out.extend(to.chars().nth(at)),
            }
        }
        Some(())
    }))
}

fn bind_elt(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::count("ELT", args, 2, usize::MAX)?;
    let binary = args[1..].iter().any(|a| a.ty.logical.is_binary());
    let kind = if binary { Param::Binary } else { Param::Text };
    let mut params = vec![kind; args.len()];
    params[0] = Param::Integer;
    check::infer("ELT", args, &params, 0)?;
    let types: Vec<&DataType> = args[1..].iter().map(|a| &a.ty).collect();
    let Some(common) = bind::find_common_type(&types) else {
        return Err(check::mismatch("ELT", args, "index INT, text STRING, ..."));
    };
    args[1..].iter_mut().for_each(|a| check::convert(a, &common.logical));
    Ok(common.logical.nullable())
}

fn elt(_: &Call, args: &[Value]) -> Result<Value> {
    let index = args[0].as_i64().and_then(|i| usize::try_from(i).ok()).filter(|i| *i > 0);
    Ok(index.and_then(|i| args.get(i)).cloned().unwrap_or(Value::Null))
}

fn bind_chr(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("CHR", args, &[Param::Integer], 0)?;
    Ok(LogicalType::STRING.nullable())
}

fn chr(call: &Call) -> Result<ArrayRef> {
    let code = rows::primitive::<Int64Type>(call, 0)?;
    Ok(rows::build_text(call.rows, |row, out| {
        let code = code.get(row)?;
        if code >= 0 {
            out.push(char::from((code & 0xFF) as u8));
        }
        Some(())
    }))
}

fn bind_printf(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::count("PRINTF", args, 1, usize::MAX)?;
    let mut params = vec![Param::Any; args.len()];
    params[0] = Param::Text;
    check::infer("PRINTF", args, &params, 0)?;
    Ok(LogicalType::STRING.nullable())
}

fn printf(call: &Call, args: &[Value]) -> Result<Value> {
    let Some(pattern) = args[0].as_str() else { return Ok(Value::Null) };
    let formatted = format::java_format(pattern, &args[1..], &call.types[1..]);
    Ok(formatted.map_or(Value::Null, Value::string))
}

/// Texts made of other texts.
pub const FUNCTIONS: &[Function] = &[
    Function::columns(
        "||",
        "left STRING || right STRING -> STRING",
        "Both texts one after the other.",
        bind_pipes,
        concat,
    ),
    Function::columns(
        "CONCAT",
        "CONCAT(text STRING, ...) -> STRING",
        "All texts one after the other; NULL if one is NULL.",
        bind_concat,
        concat,
    ),
    Function::columns(
        "CONCAT_WS",
        "CONCAT_WS(separator STRING, text STRING, ...) -> STRING",
        "All texts that are not NULL with the separator between them.",
        bind_concat_ws,
        concat_ws,
    ),
    Function::columns(
        "UPPER",
        "UPPER(text STRING) -> STRING",
        "The text in capital letters.",
        |_, args| bind_letters("UPPER", args),
        upper,
    ),
    Function::columns(
        "LOWER",
        "LOWER(text STRING) -> STRING",
        "The text in small letters.",
        |_, args| bind_letters("LOWER", args),
        lower,
    ),
    Function::columns(
        "INITCAP",
        "INITCAP(text STRING) -> STRING",
        "The text with a capital at the start of each word of ASCII letters and digits.",
        |_, args| bind_letters("INITCAP", args),
        initcap,
    ),
    Function::columns(
        "REPEAT",
        "REPEAT(text STRING, times INT) -> STRING",
        "The text so many times.",
        bind_repeat,
        repeat,
    )
    .or_fails(),
    Function::columns(
        "LPAD",
        "LPAD(text STRING, length INT, padding STRING) -> STRING",
        "The text brought to the length by padding at its start or cutting; NULL for a negative \
         length or an empty padding.",
        |_, args| bind_pad("LPAD", args),
        |call| pad(call, true),
    )
    .or_fails(),
    Function::columns(
        "RPAD",
        "RPAD(text STRING, length INT, padding STRING) -> STRING",
        "The text brought to the length by padding at its end or cutting; NULL for a negative \
         length or an empty padding.",
        |_, args| bind_pad("RPAD", args),
        |call| pad(call, false),
    )
    .or_fails(),
    Function::columns(
        "REPLACE",
        "REPLACE(text STRING, old STRING, new STRING) -> STRING",
        "The text with each `old` replaced by `new`.",
        bind_replace,
        replace,
    )
    .or_fails(),
    Function::columns(
        "TRANSLATE",
        "TRANSLATE(text STRING, from STRING, to STRING) -> STRING",
        "The text with each character of `from` replaced by the one at its place in `to`, or left \
         out if `to` is shorter.",
        bind_translate,
        translate,
    ),
    Function::values(
        "ELT",
        "ELT(index INT, text STRING, ...) -> STRING",
        "The text at the index, from 1; NULL outside.",
        bind_elt,
        elt,
    ),
    Function::columns(
        "CHR",
        "CHR(code INT) -> STRING",
        "The character whose code is the argument modulo 256; empty for a negative one.",
        bind_chr,
        chr,
    ),
    Function::values(
        "PRINTF",
        "PRINTF(format STRING, value ANY, ...) -> STRING",
        "The values formatted as by Java's `String.format`; NULL if format and values do not fit.",
        bind_printf,
        printf,
    ),
];
