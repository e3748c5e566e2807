//! Between text, numbers and times: `DATE_FORMAT`, `TO_DATE`, `TO_TIMESTAMP`, `TO_TIMESTAMP_LTZ`,
//! `UNIX_TIMESTAMP`, `FROM_UNIXTIME`, `CONVERT_TZ` (Flink's `DateTimeUtils`).

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::StringViewBuilder;
use river_core::types::{DataType, LogicalType, ticks_per_second};
use river_core::{Expr, Value};

use super::instant::Temporal;
use super::pattern::{Moment, Pattern, Style};
use crate::calendar::{
    LocalDateTime, MILLIS_PER_DAY, Zone, days_from_civil, is_date, parse_date, parse_timestamp,
};
use crate::function::check::{any_nullable, convert, count, mismatch};
use crate::function::{Call, Function, Kernel};
use crate::{BindError, EvalError, Result, Session};

type Bound = std::result::Result<DataType, BindError>;

/// The pattern where none is given.
const DEFAULT_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";
/// Milliseconds of year 0 to year 9999: what Flink makes timestamps of.
const MILLIS_RANGE: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "DATE_FORMAT",
        aliases: &[],
        signature: "DATE_FORMAT(time TIMESTAMP, TIMESTAMP_LTZ or STRING, pattern STRING) -> STRING",
        doc: "The time by a pattern of Java's DateTimeFormatter, an instant in the session zone. \
              A text is read as yyyy-MM-dd HH:mm:ss; NULL where it is something else.",
        bind: bind_date_format,
        kernel: Kernel::Columns(date_format),
        deterministic: true,
        fallible: true,
    },
    Function {
        name: "TO_DATE",
        aliases: &[],
        signature: "TO_DATE(text STRING [, pattern STRING]) -> DATE",
        doc: "The date in the text, by default yyyy-MM-dd; NULL where there is none.",
        bind: |_, args| bind_texts("TO_DATE", args, 1, 2, LogicalType::Date.nullable()),
        kernel: Kernel::Values(to_date),
        deterministic: true,
        fallible: true,
    },
    Function {
        name: "TO_TIMESTAMP",
        aliases: &[],
        signature: "TO_TIMESTAMP(text STRING [, pattern STRING]) -> TIMESTAMP(3)",
        doc: "The timestamp in the text, by default yyyy-MM-dd HH:mm:ss; NULL where there is none.",
        bind: |_, args| {
            bind_texts("TO_TIMESTAMP", args, 1, 2, LogicalType::timestamp(3).nullable())
        },
        kernel: Kernel::Values(to_timestamp),
        deterministic: true,
        fallible: false,
    },
    Function {
        name: "TO_TIMESTAMP_LTZ",
        aliases: &[],
        signature: "TO_TIMESTAMP_LTZ(epoch NUMERIC [, precision INT]) or (text STRING [, pattern \
                    STRING [, zone STRING]]) -> TIMESTAMP_LTZ(3)",
        doc: "The instant of a count of 10^-precision seconds since the epoch (milliseconds unless \
              given), or of a text in a zone (UTC unless given).",
        bind: bind_to_timestamp_ltz,
        kernel: Kernel::Values(to_timestamp_ltz),
        deterministic: true,
        fallible: true,
    },
    Function {
        name: "FROM_UNIXTIME",
        aliases: &[],
        signature: "FROM_UNIXTIME(seconds BIGINT [, pattern STRING]) -> STRING",
        doc: "The instant that many seconds after the epoch in the session zone, by a pattern of \
              Java's SimpleDateFormat (yyyy-MM-dd HH:mm:ss unless given).",
        bind: bind_from_unixtime,
        kernel: Kernel::Values(from_unixtime),
        deterministic: true,
        fallible: true,
    },
    Function {
        name: "CONVERT_TZ",
        aliases: &[],
        signature: "CONVERT_TZ(text STRING, from STRING, to STRING) -> STRING",
        doc: "The time yyyy-MM-dd HH:mm:ss of one zone in another; NULL where the text is \
              something else. An unknown zone is GMT.",
        bind: |_, args| bind_texts("CONVERT_TZ", args, 3, 3, LogicalType::STRING.nullable()),
        kernel: Kernel::Values(convert_tz),
        deterministic: true,
        fallible: false,
    },
    Function {
        name: "UNIX_TIMESTAMP",
        aliases: &[],
        signature: "UNIX_TIMESTAMP(text STRING [, pattern STRING]) -> BIGINT",
        doc: "Seconds since the epoch of the time in the session zone; the least BIGINT where the \
              text is no time. Without arguments those of the clock.",
        bind: |_, args| {
            let ty = LogicalType::BigInt.with_nullable(any_nullable(args));
            bind_texts("UNIX_TIMESTAMP", args, 0, 2, ty)
        },
        kernel: Kernel::Values(unix_timestamp),
        // Not without arguments, and the flag stands for all forms.
        deterministic: false,
        fallible: true,
    },
];

/// A bare NULL as a text.
fn null_to_text(args: &mut [Expr]) {
    for arg in args.iter_mut().filter(|arg| arg.ty.logical == LogicalType::Null) {
        *arg = Expr::literal(Value::Null, LogicalType::STRING.nullable());
    }
}

fn bind_texts(name: &str, args: &mut [Expr], least: usize, most: usize, ty: DataType) -> Bound {
    count(name, args, least, most)?;
    null_to_text(args);
    if args.iter().any(|arg| !arg.ty.logical.is_character()) {
        return Err(mismatch(name, args, &vec!["<CHARACTER>"; most].join(", ")));
    }
    Ok(ty)
}

fn bind_date_format(_: &Session, args: &mut Vec<Expr>) -> Bound {
    count("DATE_FORMAT", args, 2, 2)?;
    null_to_text(args);
    let time = &args[0].ty.logical;
    if !(time.is_timestamp() || time.is_character()) || !args[1].ty.logical.is_character() {
        return Err(mismatch("DATE_FORMAT", args, "<TIMESTAMP>, <CHARACTER>"));
    }
    Ok(LogicalType::STRING.nullable())
}

fn bind_from_unixtime(_: &Session, args: &mut Vec<Expr>) -> Bound {
    count("FROM_UNIXTIME", args, 1, 2)?;
    null_to_text(&mut args[1..]);
    let number = args[0].ty.logical.is_numeric() || args[0].ty.logical == LogicalType::Null;
    if !number || args[1..].iter().any(|arg| !arg.ty.logical.is_character()) {
        return Err(mismatch("FROM_UNIXTIME", args, "<NUMERIC>, <CHARACTER>"));
    }
    convert(&mut args[0], &LogicalType::BigInt);
    Ok(LogicalType::STRING.nullable())
}

fn bind_to_timestamp_ltz(_: &Session, args: &mut Vec<Expr>) -> Bound {
    let name = "TO_TIMESTAMP_LTZ";
    count(name, args, 1, 3)?;
    if args[0].ty.logical == LogicalType::Null {
        args[0] = Expr::literal(Value::Null, LogicalType::STRING.nullable());
    }
    if args[0].ty.logical.is_character() {
        return bind_texts(name, args, 1, 3, LogicalType::timestamp_ltz(3).nullable());
    }
    let integer = |arg: &Expr| arg.ty.logical.is_integer();
    if !args[0].ty.logical.is_numeric() || args.len() > 2 || !args[1..].iter().all(integer) {
        return Err(mismatch(name, args, "<NUMERIC>, <INTEGER>"));
    }
    let precision = match args.get(1) {
        None => 3,
        Some(arg) => match arg.as_literal().and_then(Value::as_i64) {
            Some(precision @ 0..=9) => precision as u8,
            Some(other) => {
                return Err(BindError::new(format!(
                    "The precision value '{other}' for function TO_TIMESTAMP_LTZ(numeric, \
                     precision) is unsupported, the supported range is [0, 9]."
                )));
            }
            None => 3,
        },
    };
    let to = match &args[0].ty.logical {
        ty if ty.is_approximate() => LogicalType::Double,
        ty @ LogicalType::Decimal(..) => ty.clone(),
        _ => LogicalType::BigInt,
    };
    convert(&mut args[0], &to);
    Ok(LogicalType::timestamp_ltz(precision.max(3)).nullable())
}

/// Patterns taken apart, most recent last.
type Cached = Vec<(String, Style, Rc<Pattern>)>;

thread_local! {
    static PATTERNS: RefCell<Cached> = const { RefCell::new(Vec::new()) };
}

/// How many patterns a thread keeps.
const MOST_PATTERNS: usize = 16;

fn pattern(text: &str, style: Style) -> std::result::Result<Rc<Pattern>, String> {
    PATTERNS.with_borrow_mut(|cached| {
        if let Some(found) = cached.iter().find(|(held, of, _)| held == text && *of == style) {
            return Ok(found.2.clone());
        }
        let parsed = Rc::new(Pattern::parse(text, style)?);
        if cached.len() == MOST_PATTERNS {
            cached.remove(0);
        }
        cached.push((text.to_owned(), style, parsed.clone()));
        Ok(parsed)
    })
}

fn simple(text: &str) -> Result<Rc<Pattern>> {
    pattern(text, Style::Simple).map_err(EvalError)
}

fn session_zone(call: &Call) -> Zone {
    call.context.session.zone.into()
}

/// The instant of a text by a `SimpleDateFormat`, in milliseconds. A local time that comes twice
/// is the second one, as `GregorianCalendar` has it.
fn read_instant(pattern: &Pattern, text: &str, zone: Zone) -> Option<i64> {
    let read = pattern.read_lenient(text)?;
    let offset = match read.offset {
        Some(offset) => offset,
        None => zone.later_offset_at_local(read.millis.div_euclid(1_000)),
    };
    read.millis.checked_sub(offset * 1_000)
}

fn write_instant(pattern: &Pattern, millis: i64, zone: Zone) -> Result<String> {
    let offset = zone.offset_at_utc(millis.div_euclid(1_000));
    let local = millis.wrapping_add(offset * 1_000);
    let mut text = String::new();
    pattern.write(&mut text, Moment::of_ticks(local, 1_000, offset)).map_err(EvalError)?;
    Ok(text)
}

fn date_format(call: &Call) -> Result<ArrayRef> {
    let patterns = crate::function::rows::text(call, 1)?;
    if call.types[0].logical.is_character() {
        return format_texts(call);
    }
    let value = Temporal::new(call, 0)?;
    let per_second = ticks_per_second(call.types[0].logical.time_precision());
    let mut builder = StringViewBuilder::with_capacity(call.rows);
    // Times that are written alike usually come together.
    let mut last: Option<(Rc<Pattern>, i64, String)> = None;
    for row in 0..call.rows {
        let (Some(text), false) = (patterns.get(row), value.is_null(row)) else {
            builder.append_null();
            continue;
        };
        let used = match (&last, patterns.is_constant()) {
            (Some((used, ..)), true) => used.clone(),
            _ => pattern(text, Style::Modern).map_err(EvalError)?,
        };
        let ticks = value.raw(row);
        let offset = value.offset_millis(value.millis(row)) / 1_000;
        let local = ticks.wrapping_add(offset * per_second);
        let grain = (used.grain() / (1_000_000_000 / per_second)).max(1);
        let span = local.div_euclid(grain);
        match &last {
            Some((of, at, text)) if *at == span && Rc::ptr_eq(of, &used) => {
                builder.append_value(text);
            }
            _ => {
                let mut text = String::new();
                let moment = Moment::of_ticks(local, per_second, offset);
                used.write(&mut text, moment).map_err(EvalError)?;
                builder.append_value(&text);
                last = Some((used, span, text));
            }
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// `DATE_FORMAT` of texts: from the default pattern, both sides by `SimpleDateFormat` in UTC.
fn format_texts(call: &Call) -> Result<ArrayRef> {
    let texts = crate::function::rows::text(call, 0)?;
    let patterns = crate::function::rows::text(call, 1)?;
    let from = simple(DEFAULT_PATTERN)?;
    let mut builder = StringViewBuilder::with_capacity(call.rows);
    for row in 0..call.rows {
        let (Some(text), Some(to)) = (texts.get(row), patterns.get(row)) else {
            builder.append_null();
            continue;
        };
        let to = simple(to)?;
        match read_instant(&from, text, Zone::Fixed(0)) {
            Some(millis) => builder.append_value(write_instant(&to, millis, Zone::Fixed(0))?),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// All arguments as texts; `None` if one is NULL.
fn texts(args: &[Value]) -> Option<Vec<&str>> {
    args.iter().map(Value::as_str).collect()
}

fn to_date(_: &Call, args: &[Value]) -> Result<Value> {
    let days = match texts(args).as_deref() {
        Some([text]) => parse_date(text),
        Some([text, by]) => {
            let millis = read_instant(simple(by)?.as_ref(), text, Zone::Fixed(0));
            millis.and_then(|millis| i32::try_from(millis.div_euclid(MILLIS_PER_DAY)).ok())
        }
        _ => None,
    };
    Ok(days.map_or(Value::Null, Value::Int32))
}

fn to_timestamp(_: &Call, args: &[Value]) -> Result<Value> {
    let time = match texts(args).as_deref() {
        Some([text]) => parse_timestamp(text),
        Some([text, by]) => pattern(by, Style::Modern)
            .ok()
            .and_then(|pattern| pattern.read_strict(text).or_else(|| jdbc_timestamp(text))),
        _ => None,
    };
    Ok(time.and_then(|time| time.ticks(1_000)).map_or(Value::Null, Value::Int64))
}

/// `java.sql.Timestamp.valueOf` or `java.sql.Date.valueOf`: the second chance of `TO_TIMESTAMP`.
fn jdbc_timestamp(text: &str) -> Option<LocalDateTime> {
    let text = text.trim();
    let (date, clock) = match text.split_once(' ') {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let short = |part: &str| (1..=2).contains(&part.len());
    if year.len() != 4 || !short(month) || !short(day) || parts.next().is_some() {
        return None;
    }
    let number = |part: &str| {
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u32>().ok()).flatten()
    };
    let (year, month, day) = (i64::from(number(year)?), number(month)?, number(day)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let Some(clock) = clock else {
        let days = days_from_civil(year, month, day);
        return is_date(year, month, day).then_some(LocalDateTime { days, nanos: 0 });
    };
    // Days run over into the next month.
    let days = days_from_civil(year, month, 1) + i64::from(day) - 1;
    let time = parse_timestamp(&format!("1970-01-01 {}", clock.trim()))?;
    Some(LocalDateTime { days: days + time.days, nanos: time.nanos })
}

fn to_timestamp_ltz(call: &Call, args: &[Value]) -> Result<Value> {
    if call.types[0].logical.is_character() {
        return instant_of_text(args);
    }
    let precision = match args.get(1) {
        None => 3,
        Some(precision) => match precision.as_i64() {
            Some(precision) => precision.clamp(0, 9) as u8,
            None => return Ok(Value::Null),
        },
    };
    let unit = 10_i64.pow(u32::from(precision));
    let per_second = ticks_per_second(call.out.logical.time_precision());
    let ticks = match (&args[0], &call.types[0].logical) {
        (Value::Null, _) => return Ok(Value::Null),
        (Value::Float64(value), _) if precision == 0 => Some((value * per_second as f64) as i64),
        (Value::Float64(value), _) => rescaled(*value as i64, unit, per_second),
        (Value::Decimal(value), LogicalType::Decimal(_, scale)) => {
            let whole = value / 10_i128.pow(u32::from(*scale));
            i64::try_from(whole).ok().and_then(|whole| rescaled(whole, unit, per_second))
        }
        (value, _) => value.as_i64().and_then(|value| rescaled(value, unit, per_second)),
    };
    let in_range = |ticks: &i64| MILLIS_RANGE.contains(&ticks.div_euclid(per_second / 1_000));
    Ok(ticks.filter(in_range).map_or(Value::Null, Value::Int64))
}

/// A count of parts of a second in other parts.
fn rescaled(value: i64, from: i64, to: i64) -> Option<i64> {
    if to >= from { value.checked_mul(to / from) } else { Some(value.div_euclid(from / to)) }
}

fn instant_of_text(args: &[Value]) -> Result<Value> {
    let bad = |text: &str| EvalError::new(format!("Text '{text}' could not be parsed at index 0"));
    let millis = match texts(args).as_deref() {
        Some([text]) => parse_timestamp(text).ok_or_else(|| bad(text))?.ticks(1_000),
        Some([text, by, zone @ ..]) => {
            let read = pattern(by, Style::Modern)
                .map_err(EvalError)?
                .read_strict(text)
                .or_else(|| jdbc_timestamp(text));
            let zone = zone.first().map_or(Zone::Fixed(0), |id| Zone::from_java_id(id));
            let local = read.and_then(|time| time.ticks(1_000));
            local.map(|local| crate::calendar::to_utc_ticks(zone, local, 1_000))
        }
        _ => None,
    };
    Ok(millis.map_or(Value::Null, Value::Int64))
}

fn from_unixtime(call: &Call, args: &[Value]) -> Result<Value> {
    let Some(seconds) = args[0].as_i64() else { return Ok(Value::Null) };
    let by = match args.get(1) {
        None => DEFAULT_PATTERN,
        Some(by) => match by.as_str() {
            Some(by) => by,
            None => return Ok(Value::Null),
        },
    };
    let millis = seconds.wrapping_mul(1_000);
    Ok(Value::string(write_instant(simple(by)?.as_ref(), millis, session_zone(call))?))
}

fn unix_timestamp(call: &Call, args: &[Value]) -> Result<Value> {
    if args.is_empty() {
        return Ok(Value::Int64(call.context.now_ns.div_euclid(1_000_000_000)));
    }
    let Some(args) = texts(args) else { return Ok(Value::Null) };
    let by = simple(args.get(1).copied().unwrap_or(DEFAULT_PATTERN))?;
    let millis = read_instant(&by, args[0], session_zone(call));
    Ok(Value::Int64(millis.map_or(i64::MIN, |millis| millis / 1_000)))
}

fn convert_tz(_: &Call, args: &[Value]) -> Result<Value> {
    let Some(args) = texts(args) else { return Ok(Value::Null) };
    let pattern = simple(DEFAULT_PATTERN)?;
    let (from, to) = (Zone::from_java_id(args[1]), Zone::from_java_id(args[2]));
    match read_instant(&pattern, args[0], from) {
        Some(millis) => Ok(Value::string(write_instant(&pattern, millis, to)?)),
        None => Ok(Value::Null),
    }
}
