//! `BITMAP`: sets of 32-bit integers, kept in RoaringBitmap's portable format, which is also what
//! `BITMAP_TO_BYTES` gives. Values count as unsigned.

use std::fmt::Write;

use river_core::types::{DataType, LogicalType};
use river_core::{Expr, Value};
use roaring::RoaringBitmap;

use super::check::{self, Bound, Param};
use super::{Call, Function};
use crate::{EvalError, Result, Session};

/// Reads a serialised bitmap.
pub fn read(bytes: &[u8]) -> Result<RoaringBitmap> {
    RoaringBitmap::deserialize_from(bytes)
        .map_err(|e| EvalError::new(format!("Failed to deserialize bitmap from bytes: {e}")))
}

/// The serialised bitmap.
pub fn write(bitmap: &RoaringBitmap) -> Result<Value> {
    let mut bytes = Vec::with_capacity(bitmap.serialized_size());
    bitmap
        .serialize_into(&mut bytes)
        .map_err(|e| EvalError::new(format!("Failed to serialize bitmap: {e}")))?;
    Ok(Value::Bytes(bytes.into()))
}

/// `{1,3,5}`: how a bitmap is shown.
pub fn render(bitmap: &RoaringBitmap) -> String {
    let mut out = String::from("{");
    for (i, value) in bitmap.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(out, "{}{value}", if i > 0 { "," } else { "" });
    }
    out.push('}');
    out
}

/// As [`render`], of a serialised bitmap; empty text for bytes that are none.
pub fn rendered(bytes: &[u8]) -> String {
    read(bytes).map(|bitmap| render(&bitmap)).unwrap_or_default()
}

fn bitmap_of(value: &Value) -> Result<Option<RoaringBitmap>> {
    match value {
        Value::Bytes(bytes) => read(bytes).map(Some),
        _ => Ok(None),
    }
}

fn bind_build(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::count("BITMAP_BUILD", args, 1, 1)?;
    match &args[0].ty.logical {
        LogicalType::Array(item) if item.logical == LogicalType::Int => {
            Ok(LogicalType::Bitmap.with_nullable(args[0].ty.nullable))
        }
        _ => Err(check::mismatch("BITMAP_BUILD", args, "<ARRAY<INT>>")),
    }
}

fn build(_: &Call, args: &[Value]) -> Result<Value> {
    let Value::List(items) = &args[0] else { return Ok(Value::Null) };
    let numbers = items.iter().filter_map(|v| match v {
        Value::Int32(v) => Some(*v as u32),
        _ => None,
    });
    write(&numbers.collect())
}

/// Binds a function of one bitmap.
fn bind_one(name: &str, args: &mut [Expr], result: LogicalType) -> Bound {
    check::infer(name, args, &[Param::Bitmap], 0)?;
    Ok(result.with_nullable(check::any_nullable(args)))
}

fn one(args: &[Value], f: impl Fn(RoaringBitmap) -> Value) -> Result<Value> {
    Ok(bitmap_of(&args[0])?.map_or(Value::Null, f))
}

fn int_array() -> LogicalType {
    let item: DataType = LogicalType::Int.nullable();
    LogicalType::Array(Box::new(item))
}

fn bind_two(name: &str, args: &mut [Expr]) -> Bound {
    check::infer(name, args, &[Param::Bitmap, Param::Bitmap], 0)?;
    Ok(LogicalType::Bitmap.with_nullable(check::any_nullable(args)))
}

fn two(args: &[Value], f: fn(&RoaringBitmap, &RoaringBitmap) -> RoaringBitmap) -> Result<Value> {
    match (bitmap_of(&args[0])?, bitmap_of(&args[1])?) {
        (Some(a), Some(b)) => write(&f(&a, &b)),
        _ => Ok(Value::Null),
    }
}

fn bind_from_bytes(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("BITMAP_FROM_BYTES", args, &[Param::Binary], 0)?;
    Ok(LogicalType::Bitmap.with_nullable(check::any_nullable(args)))
}

/// Bitmaps.
pub const FUNCTIONS: &[Function] = &[
    Function::values(
        "BITMAP_BUILD",
        "BITMAP_BUILD(values ARRAY<INT>) -> BITMAP",
        "The set of the values that are not NULL.",
        bind_build,
        build,
    )
    .or_fails(),
    Function::values(
        "BITMAP_CARDINALITY",
        "BITMAP_CARDINALITY(bitmap BITMAP) -> BIGINT",
        "Number of values.",
        |_, args| bind_one("BITMAP_CARDINALITY", args, LogicalType::BigInt),
        |_, args| one(args, |b| Value::Int64(b.len() as i64)),
    )
    .or_fails(),
    Function::values(
        "BITMAP_TO_STRING",
        "BITMAP_TO_STRING(bitmap BITMAP) -> STRING",
        "The values in order, as unsigned numbers: {1,3,5}.",
        |_, args| bind_one("BITMAP_TO_STRING", args, LogicalType::STRING),
        |_, args| one(args, |b| Value::string(render(&b))),
    )
    .or_fails(),
    Function::values(
        "BITMAP_TO_ARRAY",
        "BITMAP_TO_ARRAY(bitmap BITMAP) -> ARRAY<INT>",
        "The values in order of unsigned numbers.",
        |_, args| bind_one("BITMAP_TO_ARRAY", args, int_array()),
        |_, args| one(args, |b| Value::List(b.iter().map(|v| Value::Int32(v as i32)).collect())),
    )
    .or_fails(),
    Function::values(
        "BITMAP_TO_BYTES",
        "BITMAP_TO_BYTES(bitmap BITMAP) -> BYTES",
        "The bitmap in RoaringBitmap's portable format.",
        |_, args| bind_one("BITMAP_TO_BYTES", args, LogicalType::BYTES),
        |_, args| Ok(args[0].clone()),
    ),
    Function::values(
        "BITMAP_FROM_BYTES",
        "BITMAP_FROM_BYTES(bytes BYTES) -> BITMAP",
        "The bitmap in RoaringBitmap's portable format; fails if it is none.",
        bind_from_bytes,
        |_, args| match bitmap_of(&args[0])? {
            Some(bitmap) => write(&bitmap),
            None => Ok(Value::Null),
        },
    )
    .or_fails(),
    Function::values(
        "BITMAP_AND",
        "BITMAP_AND(left BITMAP, right BITMAP) -> BITMAP",
        "The values in both.",
        |_, args| bind_two("BITMAP_AND", args),
        |_, args| two(args, |a, b| a & b),
    )
    .or_fails(),
    Function::values(
        "BITMAP_OR",
        "BITMAP_OR(left BITMAP, right BITMAP) -> BITMAP",
        "The values in either.",
        |_, args| bind_two("BITMAP_OR", args),
        |_, args| two(args, |a, b| a | b),
    )
    .or_fails(),
    Function::values(
        "BITMAP_XOR",
        "BITMAP_XOR(left BITMAP, right BITMAP) -> BITMAP",
        "The values in one and not in the other.",
        |_, args| bind_two("BITMAP_XOR", args),
        |_, args| two(args, |a, b| a ^ b),
    )
    .or_fails(),
    Function::values(
        "BITMAP_ANDNOT",
        "BITMAP_ANDNOT(left BITMAP, right BITMAP) -> BITMAP",
        "The values in the left and not in the right.",
        |_, args| bind_two("BITMAP_ANDNOT", args),
        |_, args| two(args, |a, b| a - b),
    )
    .or_fails(),
];
