//! Text to bytes and back: `ENCODE`, `DECODE`, `TO_BASE64`, `FROM_BASE64`, `URL_ENCODE`,
//! `URL_DECODE`, `PARSE_URL`.
//!
//! Rules: `java.nio.charset`, `java.util.Base64`, `java.net.URLEncoder`, `java.net.URL`.

use arrow_array::ArrayRef;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use river_core::Expr;
use river_core::types::LogicalType;

use super::url;
use crate::function::check::{self, Bound, Param};
use crate::function::rows;
use crate::function::{Call, Function};
use crate::{EvalError, Result, Session};

/// The character sets that are built in.
#[derive(Clone, Copy, PartialEq)]
enum Charset {
    Utf8,
    Ascii,
    Latin1,
    Utf16 { mark: bool, little: bool },
    Utf32 { little: bool },
}

fn charset(name: &str) -> Result<Charset> {
    let big = |mark| Charset::Utf16 { mark, little: false };
    Ok(match name.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" => Charset::Utf8,
        "US-ASCII" | "ASCII" | "ISO646-US" => Charset::Ascii,
        "ISO-8859-1" | "ISO8859-1" | "ISO8859_1" | "LATIN1" | "L1" => Charset::Latin1,
        "UTF-16" | "UTF16" | "UTF_16" | "UNICODE" => big(true),
        "UTF-16BE" | "UTF_16BE" | "UNICODEBIGUNMARKED" => big(false),
        "UTF-16LE" | "UTF_16LE" | "UNICODELITTLEUNMARKED" => {
            Charset::Utf16 { mark: false, little: true }
        }
        "UTF-32" | "UTF32" | "UTF-32BE" => Charset::Utf32 { little: false },
        "UTF-32LE" => Charset::Utf32 { little: true },
        _ => return Err(EvalError::new(format!("Unsupported encoding: {name}"))),
    })
}

fn encode_as(text: &str, charset: Charset, out: &mut Vec<u8>) {
    let byte = |c: char, limit: u32| if (c as u32) < limit { c as u8 } else { b'?' };
    match charset {
        Charset::Utf8 => out.extend_from_slice(text.as_bytes()),
        Charset::Ascii => out.extend(text.chars().map(|c| byte(c, 0x80))),
        Charset::Latin1 => out.extend(text.chars().map(|c| byte(c, 0x100))),
        Charset::Utf16 { mark, little } => {
            if mark && !text.is_empty() {
                out.extend_from_slice(&[0xFE, 0xFF]);
            }
            for unit in text.encode_utf16() {
                out.extend(if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
            }
        }
        Charset::Utf32 { little } => {
            for c in text.chars().map(u32::from) {
                out.extend(if little { c.to_le_bytes() } else { c.to_be_bytes() });
            }
        }
    }
}

fn decode_as(bytes: &[u8], charset: Charset, out: &mut String) {
    const BAD: char = char::REPLACEMENT_CHARACTER;
    match charset {
        Charset::Utf8 => out.push_str(&String::from_utf8_lossy(bytes)),
        Charset::Ascii => {
            out.extend(bytes.iter().map(|b| if b.is_ascii() { char::from(*b) } else { BAD }));
        }
        Charset::Latin1 => out.extend(bytes.iter().map(|b| char::from(*b))),
        Charset::Utf16 { mark, little } => {
            let (bytes, little) = match bytes {
                [0xFE, 0xFF, rest @ ..] if mark => (rest, false),
                [0xFF, 0xFE, rest @ ..] if mark => (rest, true),
                _ => (bytes, little),
            };
            let unit = |pair: &[u8]| match little {
                true => u16::from_le_bytes([pair[0], pair[1]]),
                false => u16::from_be_bytes([pair[0], pair[1]]),
            };
            let units = bytes.chunks_exact(2).map(unit);
            out.extend(char::decode_utf16(units).map(|c| c.unwrap_or(BAD)));
            if bytes.len() % 2 != 0 {
                out.push(BAD);
            }
        }
        Charset::Utf32 { little } => {
            for quad in bytes.chunks_exact(4) {
                let quad = [quad[0], quad[1], quad[2], quad[3]];
                let code = if little { u32::from_le_bytes(quad) } else { u32::from_be_bytes(quad) };
                out.push(char::from_u32(code).unwrap_or(BAD));
            }
        }
    }
}

fn bind_encode(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("ENCODE", args, &[Param::Text, Param::Text], 0)?;
    Ok(LogicalType::BYTES.with_nullable(check::any_nullable(args)))
}

fn encode(call: &Call) -> Result<ArrayRef> {
    let (text, name) = (rows::text(call, 0)?, rows::text(call, 1)?);
    rows::try_build_bytes(call.rows, |row, out| {
        let (Some(text), Some(name)) = (text.get(row), name.get(row)) else { return Ok(None) };
        encode_as(text, charset(name)?, out);
        Ok(Some(()))
    })
}

fn bind_decode(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("DECODE", args, &[Param::Binary, Param::Text], 0)?;
    Ok(LogicalType::STRING.with_nullable(check::any_nullable(args)))
}

fn decode(call: &Call) -> Result<ArrayRef> {
    let (bytes, name) = (rows::bytes(call, 0)?, rows::text(call, 1)?);
    rows::try_build_text(call.rows, |row, out| {
        let (Some(bytes), Some(name)) = (bytes.get(row), name.get(row)) else { return Ok(None) };
        decode_as(bytes, charset(name)?, out);
        Ok(Some(()))
    })
}

fn bind_base64(name: &str, args: &mut [Expr]) -> Bound {
    check::expect(name, args, &[Param::TextOrBinary], 0)?;
    Ok(LogicalType::STRING.with_nullable(check::any_nullable(args)))
}

/// Java's decoder takes missing padding and ignores the bits that are left over.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn decode_base64(bytes: &[u8], out: &mut String) -> Result<()> {
    let padding = bytes.iter().rev().take_while(|b| **b == b'=').count();
    if padding > 0 && !bytes.len().is_multiple_of(4) {
        return Err(EvalError::new("Input byte array has wrong 4-byte ending unit"));
    }
    let decoded =
        LENIENT.decode(bytes).map_err(|e| EvalError::new(format!("Illegal base64 text: {e}")))?;
    out.push_str(&String::from_utf8_lossy(&decoded));
    Ok(())
}

/// Calls `f` with the bytes of a text or binary argument.
fn each_bytes(
    call: &Call,
    mut f: impl FnMut(&[u8], &mut String) -> Result<()>,
) -> Result<ArrayRef> {
    if call.types[0].logical.is_binary() {
        let bytes = rows::bytes(call, 0)?;
        return rows::try_build_text(call.rows, |row, out| {
            bytes.get(row).map(|bytes| f(bytes, out)).transpose()
        });
    }
    let text = rows::text(call, 0)?;
    rows::try_build_text(call.rows, |row, out| {
        text.get(row).map(|text| f(text.as_bytes(), out)).transpose()
    })
}

fn from_base64(call: &Call) -> Result<ArrayRef> {
    each_bytes(call, decode_base64)
}

fn to_base64(call: &Call) -> Result<ArrayRef> {
    each_bytes(call, |bytes, out| {
        base64::engine::general_purpose::STANDARD.encode_string(bytes, out);
        Ok(())
    })
}

fn bind_url(name: &str, args: &mut [Expr]) -> Bound {
    check::infer(name, args, &[Param::Text], 0)?;
    Ok(LogicalType::STRING.nullable())
}

fn url_encode(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    Ok(rows::build_text(call.rows, |row, out| {
        url::encode(text.get(row)?, out);
        Some(())
    }))
}

fn url_decode(call: &Call) -> Result<ArrayRef> {
    let text = rows::text(call, 0)?;
    Ok(rows::build_text(call.rows, |row, out| url::decode(text.get(row)?, out)))
}

fn bind_parse_url(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("PARSE_URL", args, &[Param::Text; 3], 1)?;
    Ok(LogicalType::STRING.nullable())
}

fn parse_url(call: &Call) -> Result<ArrayRef> {
    let (text, part) = (rows::text(call, 0)?, rows::text(call, 1)?);
    let key = if call.args.len() == 3 { Some(rows::text(call, 2)?) } else { None };
    Ok(rows::build_text(call.rows, |row, out| {
        let (text, part) = (text.get(row)?, part.get(row)?);
        let found = match &key {
            None => url::Url::parse(text)?.part(part)?,
            Some(key) => {
                let key = key.get(row)?;
                if part != "QUERY" {
                    return None;
                }
                url::parameter(url::Url::parse(text)?.query?, key)?.to_string()
            }
        };
        out.push_str(&found);
        Some(())
    }))
}

/// Conversions between text and bytes.
pub const FUNCTIONS: &[Function] = &[
    Function::columns(
        "ENCODE",
        "ENCODE(text STRING, charset STRING) -> BYTES",
        "The text in that character set; fails for an unknown one.",
        bind_encode,
        encode,
    )
    .or_fails(),
    Function::columns(
        "DECODE",
        "DECODE(bytes BYTES, charset STRING) -> STRING",
        "The bytes read in that character set; fails for an unknown one.",
        bind_decode,
        decode,
    )
    .or_fails(),
    Function::columns(
        "FROM_BASE64",
        "FROM_BASE64(text STRING) -> STRING",
        "The text that is encoded in base64; fails if it is not base64.",
        |_, args| bind_base64("FROM_BASE64", args),
        from_base64,
    )
    .or_fails(),
    Function::columns(
        "TO_BASE64",
        "TO_BASE64(text STRING) -> STRING",
        "The text encoded in base64.",
        |_, args| bind_base64("TO_BASE64", args),
        to_base64,
    ),
    Function::columns(
        "URL_ENCODE",
        "URL_ENCODE(text STRING) -> STRING",
        "The text as `application/x-www-form-urlencoded`.",
        |_, args| bind_url("URL_ENCODE", args),
        url_encode,
    ),
    Function::columns(
        "URL_DECODE",
        "URL_DECODE(text STRING) -> STRING",
        "The text that is URL encoded; NULL if it is not.",
        |_, args| bind_url("URL_DECODE", args),
        url_decode,
    ),
    Function::columns(
        "PARSE_URL",
        "PARSE_URL(url STRING, part STRING [, key STRING]) -> STRING",
        "A part of a URL: HOST, PATH, QUERY, REF, PROTOCOL, FILE, AUTHORITY, USERINFO, or the \
         value of one key of its QUERY; NULL if there is none.",
        bind_parse_url,
        parse_url,
    ),
];
