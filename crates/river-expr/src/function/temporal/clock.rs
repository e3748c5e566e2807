//! The clock and the watermark: `NOW`, `CURRENT_DATE`, `PROCTIME`, `CURRENT_WATERMARK` and so on.
//!
//! One batch sees one time. `LOCAL...` and `CURRENT_DATE`, `CURRENT_TIME` are in the session zone.

use river_core::types::{DataType, LogicalType, TimeKind, ticks_per_second};
use river_core::{Expr, Value};

use crate::calendar::{MILLIS_PER_DAY, Zone, to_local_ticks};
use crate::function::check::{count, mismatch};
use crate::function::{Call, Function, Kernel};
use crate::{BindError, EvalError, Result};

type Bound = std::result::Result<DataType, BindError>;

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    clock(
        "CURRENT_TIMESTAMP",
        &["NOW", "CURRENT_ROW_TIMESTAMP"],
        "The current instant.",
        |_, args| no_arguments("CURRENT_TIMESTAMP", args, LogicalType::timestamp_ltz(3)),
        |call, _| Ok(Value::Int64(now_millis(call))),
    ),
    clock(
        "CURRENT_DATE",
        &[],
        "The current date in the session zone.",
        |_, args| no_arguments("CURRENT_DATE", args, LogicalType::Date),
        |call, _| Ok(Value::Int32(local_millis(call).div_euclid(MILLIS_PER_DAY) as i32)),
    ),
    clock(
        "LOCALTIME",
        &["CURRENT_TIME"],
        "The current time of day in the session zone.",
        |_, args| no_arguments("LOCALTIME", args, LogicalType::Time(0)),
        |call, _| Ok(Value::Int32(local_millis(call).rem_euclid(MILLIS_PER_DAY) as i32)),
    ),
    clock(
        "LOCALTIMESTAMP",
        &[],
        "The current date and time in the session zone.",
        |_, args| no_arguments("LOCALTIMESTAMP", args, LogicalType::timestamp(3)),
        |call, _| Ok(Value::Int64(local_millis(call))),
    ),
    clock(
        "PROCTIME",
        &[],
        "A processing-time attribute: the instant at which a row is looked at.",
        |_, args| {
            let ty = LogicalType::TimestampLtz(3, TimeKind::Proctime);
            no_arguments("PROCTIME", args, ty)
        },
        |call, _| Ok(Value::Int64(now_millis(call))),
    ),
    clock(
        "CURRENT_WATERMARK",
        &[],
        "The current watermark of the time attribute; NULL before the first one.",
        |_, args| bind_watermark(args),
        current_watermark,
    ),
    clock(
        "SOURCE_WATERMARK",
        &[],
        "Stands in a WATERMARK clause for the watermarks of the source itself.",
        |_, args| no_arguments("SOURCE_WATERMARK", args, LogicalType::timestamp_ltz(3)),
        |_, _| Err(EvalError::new("SOURCE_WATERMARK() is only for WATERMARK clauses")),
    ),
];

const fn clock(
    name: &'static str,
    aliases: &'static [&'static str],
    doc: &'static str,
    bind: fn(&crate::Session, &mut Vec<Expr>) -> Bound,
    kernel: fn(&Call, &[Value]) -> Result<Value>,
) -> Function {
    Function {
        name,
        aliases,
        signature: name,
        doc,
        bind,
        kernel: Kernel::Values(kernel),
        deterministic: false,
        fallible: false,
    }
}

/// No argument, or a precision, which Flink takes and passes over.
fn no_arguments(name: &str, args: &mut Vec<Expr>, ty: LogicalType) -> Bound {
    let precision = |arg: &Expr| arg.ty.logical.is_integer() && arg.as_literal().is_some();
    let takes_precision = name.starts_with("LOCAL") || name == "CURRENT_TIMESTAMP";
    count(name, args, 0, usize::from(takes_precision))?;
    if !args.iter().all(precision) {
        return Err(mismatch(name, args, ""));
    }
    args.clear();
    Ok(ty.not_null())
}

fn now_millis(call: &Call) -> i64 {
    call.context.now_ns.div_euclid(1_000_000)
}

fn local_millis(call: &Call) -> i64 {
    to_local_ticks(Zone::from(call.context.session.zone), now_millis(call), 1_000)
}

fn bind_watermark(args: &[Expr]) -> Bound {
    count("CURRENT_WATERMARK", args, 1, 1)?;
    let ty = &args[0].ty;
    if ty.logical.time_kind() != TimeKind::Rowtime {
        return Err(mismatch("CURRENT_WATERMARK", args, "<ROWTIME ATTRIBUTE>"));
    }
    Ok(ty.materialised().with_nullable(true))
}

fn current_watermark(call: &Call, _: &[Value]) -> Result<Value> {
    let per_milli = ticks_per_second(call.out.logical.time_precision()) / 1_000;
    let watermark = call.context.watermark.and_then(|millis| millis.checked_mul(per_milli));
    Ok(watermark.map_or(Value::Null, Value::Int64))
}
