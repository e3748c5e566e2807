//! Numbers in other notations: `BIN`, `HEX`, `UNHEX`, `INET_ATON`, `INET_NTOA`, and `TYPEOF`.

use std::fmt::Write;
use std::net::Ipv4Addr;

use arrow_array::ArrayRef;
use arrow_array::types::Int64Type;
use river_core::types::MAX_LENGTH;
use river_core::{Expr, LogicalType, Value};

use super::check::{self, Bound, Param};
use super::{Call, Function, Kernel, rows};
use crate::{BindError, Result, Session, bind};

fn bind_bin(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("BIN", args, &[Param::Integer], 0)?;
    Ok(LogicalType::STRING.with_nullable(check::any_nullable(args)))
}

fn bin(call: &Call) -> Result<ArrayRef> {
    let values = rows::primitive::<Int64Type>(call, 0)?;
    Ok(rows::build_text(call.rows, |row, text| write!(text, "{:b}", values.get(row)?).ok()))
}

fn bind_hex(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("HEX", args, &[Param::TextOrNumeric], 0)?;
    if !args[0].ty.logical.is_character() {
        check::convert(&mut args[0], &LogicalType::BigInt);
    }
    Ok(LogicalType::STRING.with_nullable(check::any_nullable(args)))
}

fn hex(call: &Call) -> Result<ArrayRef> {
    if call.types[0].logical.is_character() {
        let texts = rows::text(call, 0)?;
        return Ok(rows::build_text(call.rows, |row, text| {
            texts.get(row)?.bytes().try_for_each(|byte| write!(text, "{byte:02X}")).ok()
        }));
    }
    let values = rows::primitive::<Int64Type>(call, 0)?;
    Ok(rows::build_text(call.rows, |row, text| write!(text, "{:X}", values.get(row)?).ok()))
}

fn bind_unhex(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("UNHEX", args, &[Param::Text], 0)?;
    Ok(LogicalType::BYTES.nullable())
}

/// Two digits a byte, read from the end; the first digit of an odd number of them is checked but
/// gives a zero byte (as in Flink's `EncodingUtils.unhex`).
fn unhex_text(text: &str) -> Option<Vec<u8>> {
    let digits = text.bytes().map(|b| (b as char).to_digit(16)).collect::<Option<Vec<_>>>()?;
    let odd = digits.len() % 2;
    let mut bytes = vec![0; odd];
    bytes.extend(digits[odd..].chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8));
    Some(bytes)
}

fn unhex(call: &Call) -> Result<ArrayRef> {
    let texts = rows::text(call, 0)?;
    let value = |row: usize| match texts.get(row).and_then(unhex_text) {
        Some(bytes) => Value::Bytes(bytes.into()),
        None => Value::Null,
    };
    let values: Vec<Value> = (0..call.rows).map(value).collect();
    Ok(crate::column::column_of(&values, call.out))
}

fn bind_aton(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("INET_ATON", args, &[Param::Text], 0)?;
    Ok(LogicalType::BigInt.nullable())
}

/// `a.b.c.d`, or fewer parts as C's `inet_aton` reads them: the last fills the bytes left.
fn parse_address(text: &str) -> Option<i64> {
    let parts = text.split('.').map(decimal_part).collect::<Option<Vec<_>>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    let free = 8 * (4 - first.len() as u32);
    if *last >= 1 << free {
        return None;
    }
    let high = first.iter().fold(0, |sum, part| (sum << 8) | part);
    Some((high << free) | last)
}

fn decimal_part(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn aton(call: &Call) -> Result<ArrayRef> {
    let texts = rows::text(call, 0)?;
    Ok(rows::build_primitive::<Int64Type>(call.rows, |row| parse_address(texts.get(row)?)))
}

fn bind_ntoa(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("INET_NTOA", args, &[Param::Integer], 0)?;
    Ok(LogicalType::STRING.nullable())
}

fn ntoa(call: &Call) -> Result<ArrayRef> {
    let values = rows::primitive::<Int64Type>(call, 0)?;
    Ok(rows::build_text(call.rows, |row, text| {
        let address = u32::try_from(values.get(row)?).ok()?;
        write!(text, "{}", Ipv4Addr::from(address)).ok()
    }))
}

/// The arguments become the one text that is the answer.
fn bind_typeof(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::count("TYPEOF", args, 1, 2)?;
    let full = match args.get(1).map(|flag| flag.as_literal().and_then(Value::as_bool)) {
        None => false,
        Some(Some(full)) => full,
        Some(None) => {
            return Err(BindError::new("The second argument of 'TYPEOF' must be TRUE or FALSE"));
        }
    };
    let ty = &args[0].ty;
    let summary = ty.to_string();
    let text = if full { serializable(&summary) } else { summary };
    let length = LogicalType::VarChar(MAX_LENGTH);
    *args =
        vec![bind::coerce(Expr::literal(Value::string(text), length.clone().not_null()), &length)];
    Ok(LogicalType::STRING.nullable())
}

/// The long form of a type's name spells out what the summary abbreviates.
fn serializable(summary: &str) -> String {
    let mut text = String::with_capacity(summary.len() + 16);
    let mut word = String::new();
    let mut quoted = false;
    for c in summary.chars().chain([' ']) {
        if c == '`' {
            quoted = !quoted;
        }
        if !quoted && (c.is_ascii_alphanumeric() || c == '_') {
            word.push(c);
            continue;
        }
        match word.as_str() {
            "STRING" => text.push_str("VARCHAR(2147483647)"),
            "BYTES" => text.push_str("VARBINARY(2147483647)"),
            "TIMESTAMP_LTZ" => text.push_str("TIMESTAMP_LTZ"),
            other => text.push_str(other),
        }
        word.clear();
        text.push(c);
    }
    text.pop();
    text
}

fn type_of(call: &Call) -> Result<ArrayRef> {
    Ok(call.args[0].clone().into_array(call.rows))
}

const fn function(
    name: &'static str,
    signature: &'static str,
    doc: &'static str,
    bind: fn(&Session, &mut Vec<Expr>) -> Bound,
    kernel: fn(&Call) -> Result<ArrayRef>,
) -> Function {
    Function {
        name,
        aliases: &[],
        signature,
        doc,
        bind,
        kernel: Kernel::Columns(kernel),
        deterministic: true,
        fallible: false,
    }
}

/// This group.
pub const FUNCTIONS: &[Function] = &[
    function(
        "BIN",
        "BIN(x BIGINT) -> STRING",
        "The binary digits, of a negative number those of its 64-bit complement.",
        bind_bin,
        bin,
    ),
    function(
        "HEX",
        "HEX(x BIGINT or STRING) -> STRING",
        "The hexadecimal digits of a number, or of the UTF-8 bytes of a text, in upper case.",
        bind_hex,
        hex,
    ),
    function(
        "UNHEX",
        "UNHEX(digits STRING) -> BYTES",
        "The bytes of hexadecimal digits; NULL if there is anything else.",
        bind_unhex,
        unhex,
    ),
    function(
        "INET_ATON",
        "INET_ATON(address STRING) -> BIGINT",
        "The number of an IPv4 address; NULL if it is none.",
        bind_aton,
        aton,
    ),
    function(
        "INET_NTOA",
        "INET_NTOA(number BIGINT) -> STRING",
        "The IPv4 address of a number; NULL if it is out of range.",
        bind_ntoa,
        ntoa,
    ),
    function(
        "TYPEOF",
        "TYPEOF(value[, full BOOLEAN]) -> STRING",
        "The name of the argument's type, with full = TRUE without abbreviations.",
        bind_typeof,
        type_of,
    ),
];

#[cfg(test)]
mod tests;
