//! `JSON_QUOTE` and `JSON_UNQUOTE`.

use arrow_array::ArrayRef;
use river_core::Expr;
use river_core::types::LogicalType;

use super::model::Json;
use crate::Result;
use crate::function::check::{self, Bound, Param};
use crate::function::{Call, Function, rows};

fn bind_text(name: &str, args: &mut [Expr]) -> Bound {
    check::infer(name, args, &[Param::Text], 0)?;
    Ok(LogicalType::STRING.with_nullable(check::any_nullable(args)))
}

/// All but printable ASCII is escaped. Of a surrogate pair Flink writes the whole code point and
/// then its second half.
fn quote(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    Ok(rows::build_text(call.rows, |row, out| {
        out.push('"');
        for c in text.get(row)?.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '/' => out.push_str("\\/"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                ' '..='~' => out.push(c),
                _ => {
                    out.push_str(&format!("\\u{:04x}", u32::from(c)));
                    let mut units = [0; 2];
                    if let [_, low] = *c.encode_utf16(&mut units) {
                        out.push_str(&format!("\\u{low:04x}"));
                    }
                }
            }
        }
        out.push('"');
        Some(())
    }))
}

/// What is no JSON string is given back as it is.
fn unquote(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    Ok(rows::build_text(call.rows, |row, out| {
        let text = text.get(row)?;
        let quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
        match quoted.then(|| Json::parse(text)) {
            Some(Ok(Json::String(inner))) => out.push_str(&inner),
            _ => out.push_str(text),
        }
        Some(())
    }))
}

/// Quoting of JSON strings.
pub const FUNCTIONS: &[Function] = &[
    Function::columns(
        "JSON_QUOTE",
        "JSON_QUOTE(text STRING) -> STRING",
        "The text as a JSON string.",
        |_, args| bind_text("JSON_QUOTE", args),
        quote,
    ),
    Function::columns(
        "JSON_UNQUOTE",
        "JSON_UNQUOTE(json STRING) -> STRING",
        "The text of a JSON string; anything else as it is.",
        |_, args| bind_text("JSON_UNQUOTE", args),
        unquote,
    ),
];
