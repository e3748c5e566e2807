//! Counterparts of well-known user functions, for `CREATE FUNCTION f AS 'class'`: there is no JVM
//! to load a class into, but scripts that use one of these need not be changed.
//!
//! Rules: the classes themselves.

use arrow_array::ArrayRef;
use arrow_array::types::Int64Type;
use river_core::Expr;
use river_core::types::LogicalType;

use super::check::{self, Bound, Param};
use super::{Call, Function, rows};
use crate::{EvalError, Result, Session};

fn bind_count_char(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::infer("COUNT_CHAR", args, &[Param::Text, Param::Text], 0)?;
    Ok(LogicalType::BigInt.not_null())
}

/// 0 for a NULL text; the class fails where there is no character to count.
fn count_char(call: &Call) -> Result<ArrayRef> {
    let (text, wanted) = (rows::text(call, 0)?, rows::text(call, 1)?);
    rows::try_build_primitive::<Int64Type>(call.rows, |row| {
        let Some(text) = text.get(row) else { return Ok(Some(0)) };
        let wanted = wanted.get(row).and_then(|wanted| wanted.chars().next());
        let wanted = wanted.ok_or_else(|| EvalError::new("count_char: no character to count"))?;
        let count = match u8::try_from(wanted) {
            Ok(byte) if byte.is_ascii() => text.bytes().filter(|b| *b == byte).count(),
            _ => text.chars().filter(|c| *c == wanted).count(),
        };
        Ok(Some(count as i64))
    })
}

/// The functions; [`super::native_of`] says which class each stands for.
pub const FUNCTIONS: &[Function] = &[Function::columns(
    "COUNT_CHAR",
    "COUNT_CHAR(text STRING, character STRING) -> BIGINT",
    "How often the character occurs in the text; 0 for NULL.",
    bind_count_char,
    count_char,
)
.or_fails()];
