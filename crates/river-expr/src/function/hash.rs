//! Hash functions: `MD5`, `SHA1`, `SHA224`, `SHA256`, `SHA384`, `SHA512`, `SHA2`. All give
//! lower-case hexadecimal text.

use arrow_array::ArrayRef;
use arrow_array::types::Int32Type;
use md5::Digest;
use river_core::Expr;
use river_core::types::LogicalType;

use super::check::{self, Bound, Param};
use super::rows;
use super::{Call, Function};
use crate::{EvalError, Result, Session};

fn bind_digest(name: &str, length: u32, args: &mut [Expr]) -> Bound {
    check::expect(name, args, &[Param::TextOrBinary], 0)?;
    Ok(LogicalType::Char(length).with_nullable(check::any_nullable(args)))
}

fn push_hex(bytes: &[u8], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

fn digest<D: Digest>(bytes: &[u8], out: &mut String) {
    push_hex(D::digest(bytes).as_slice(), out);
}

/// Calls `f` with the bytes of the first argument of each row.
fn each(
    call: &Call,
    f: impl Fn(usize, &[u8], &mut String) -> Result<Option<()>>,
) -> Result<ArrayRef> {
    if call.types[0].logical.is_binary() {
        let bytes = rows::bytes(call, 0)?;
        return rows::try_build_text(call.rows, |row, out| match bytes.get(row) {
            Some(bytes) => f(row, bytes, out),
            None => Ok(None),
        });
    }
    let text = rows::text(call, 0)?;
    rows::try_build_text(call.rows, |row, out| match text.get(row) {
        Some(text) => f(row, text.as_bytes(), out),
        None => Ok(None),
    })
}

fn hashed<D: Digest>(call: &Call) -> Result<ArrayRef> {
    each(call, |_, bytes, out| {
        digest::<D>(bytes, out);
        Ok(Some(()))
    })
}

fn bind_sha2(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("SHA2", args, &[Param::TextOrBinary, Param::Integer], 0)?;
    check::convert(&mut args[1], &LogicalType::Int);
    Ok(LogicalType::VarChar(128).with_nullable(check::any_nullable(args)))
}

fn sha2(call: &Call) -> Result<ArrayRef> {
    let bits = rows::primitive::<Int32Type>(call, 1)?;
    each(call, |row, bytes, out| {
        match bits.get(row) {
            None => return Ok(None),
            Some(224) => digest::<sha2::Sha224>(bytes, out),
            Some(256) => digest::<sha2::Sha256>(bytes, out),
            Some(384) => digest::<sha2::Sha384>(bytes, out),
            Some(512) => digest::<sha2::Sha512>(bytes, out),
            Some(_) => return Err(EvalError::new("Unsupported algorithm.")),
        }
        Ok(Some(()))
    })
}

/// Hash functions.
pub const FUNCTIONS: &[Function] = &[
    Function::columns(
        "MD5",
        "MD5(text STRING | BYTES) -> CHAR(32)",
        "MD5 hash in hexadecimal.",
        |_, args| bind_digest("MD5", 32, args),
        hashed::<md5::Md5>,
    ),
    Function::columns(
        "SHA1",
        "SHA1(text STRING | BYTES) -> CHAR(40)",
        "SHA-1 hash in hexadecimal.",
        |_, args| bind_digest("SHA1", 40, args),
        hashed::<sha1::Sha1>,
    ),
    Function::columns(
        "SHA224",
        "SHA224(text STRING | BYTES) -> CHAR(56)",
        "SHA-224 hash in hexadecimal.",
        |_, args| bind_digest("SHA224", 56, args),
        hashed::<sha2::Sha224>,
    ),
    Function::columns(
        "SHA256",
        "SHA256(text STRING | BYTES) -> CHAR(64)",
        "SHA-256 hash in hexadecimal.",
        |_, args| bind_digest("SHA256", 64, args),
        hashed::<sha2::Sha256>,
    ),
    Function::columns(
        "SHA384",
        "SHA384(text STRING | BYTES) -> CHAR(96)",
        "SHA-384 hash in hexadecimal.",
        |_, args| bind_digest("SHA384", 96, args),
        hashed::<sha2::Sha384>,
    ),
    Function::columns(
        "SHA512",
        "SHA512(text STRING | BYTES) -> CHAR(128)",
        "SHA-512 hash in hexadecimal.",
        |_, args| bind_digest("SHA512", 128, args),
        hashed::<sha2::Sha512>,
    ),
    Function::columns(
        "SHA2",
        "SHA2(text STRING | BYTES, bits INT) -> VARCHAR(128)",
        "SHA-2 hash of 224, 256, 384 or 512 bits in hexadecimal; fails for another length.",
        bind_sha2,
        sha2,
    )
    .or_fails(),
];
