//! Expressions of a plan with the names of the columns they read: `>(price, 10:BIGINT)`.
//!
//! Flink's notation without Calcite's character sets: operators in front of their arguments, the
//! type after a literal unless it is plain from the text.

use std::fmt;

use crate::expr::{Expr, ExprKind};
use crate::{DataType, LogicalType, Value};

/// An expression over columns of those names.
pub struct Named<'a> {
    /// The expression.
    pub expr: &'a Expr,
    /// Names of the columns it reads.
    pub columns: &'a [String],
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |expr| Named { expr, columns: self.columns };
        match &self.expr.kind {
            ExprKind::Column(index) => match self.columns.get(*index) {
                Some(name) => f.write_str(name),
                None => write!(f, "${index}"),
            },
            ExprKind::Literal(value) => f.write_str(&literal(value, &self.expr.ty)),
            ExprKind::Call { function, args } => {
                let args: Vec<String> = args.iter().map(|arg| named(arg).to_string()).collect();
                write!(f, "{function}({})", args.join(", "))
            }
            ExprKind::Case { branches, otherwise } => {
                f.write_str("CASE(")?;
                for (condition, value) in branches {
                    write!(f, "{}, {}, ", named(condition), named(value))?;
                }
                write!(f, "{})", named(otherwise))
            }
            ExprKind::Cast { input, lenient } => {
                let name = if *lenient { "TRY_CAST" } else { "CAST" };
                write!(f, "{name}({} AS {})", named(input), self.expr.ty.logical)
            }
            ExprKind::Field { input, index } => {
                let field = match &input.ty.logical {
                    LogicalType::Row(fields) => fields.get(*index).map(|field| &field.name),
                    _ => None,
                };
                match field {
                    Some(name) => write!(f, "{}.{name}", named(input)),
                    None => write!(f, "{}.{index}", named(input)),
                }
            }
        }
    }
}

/// A constant and, where the text alone would be read as another type, its type.
pub fn literal(value: &Value, ty: &DataType) -> String {
    let logical = &ty.logical;
    let text = match (value, logical) {
        (Value::Null, LogicalType::Null) => return "null".to_owned(),
        (Value::Null, _) => "null".to_owned(),
        (Value::Boolean(v), _) => return v.to_string(),
        (Value::Int32(v), LogicalType::Int) => return v.to_string(),
        (Value::String(v), LogicalType::Char(_)) => return quoted(v),
        (Value::String(v), _) => quoted(v),
        (Value::Int32(days), LogicalType::Date) => return date(i64::from(*days)),
        (Value::Int32(ms), LogicalType::Time(_)) => time_of_day(i64::from(*ms), 1_000),
        (Value::Int64(ticks), LogicalType::Timestamp(p, _) | LogicalType::TimestampLtz(p, _)) => {
            timestamp(*ticks, crate::types::ticks_per_second(*p))
        }
        (Value::Int64(ms), LogicalType::IntervalDayTime) => {
            return format!("{ms}:INTERVAL SECOND");
        }
        (Value::Int32(months), LogicalType::IntervalYearMonth) => {
            return format!("{months}:INTERVAL MONTH");
        }
        (Value::Decimal(unscaled), LogicalType::Decimal(_, scale)) => decimal(*unscaled, *scale),
        (Value::Float32(v), _) => v.to_string(),
        (Value::Float64(v), _) => v.to_string(),
        (Value::Bytes(v), _) => {
            format!("X'{}'", v.iter().map(|byte| format!("{byte:02X}")).collect::<String>())
        }
        (Value::List(items), _) => nested(items, logical),
        (Value::Map(entries), _) => format!("{{{} entries}}", entries.len()),
        (value, _) => value.as_i64().map_or_else(|| format!("{value:?}"), |v| v.to_string()),
    };
    format!("{text}:{logical}")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An array or a row.
fn nested(items: &[Value], ty: &LogicalType) -> String {
    let text = |(i, item): (usize, &Value)| match ty {
        LogicalType::Array(of) => literal(item, of),
        LogicalType::Row(fields) => match fields.get(i) {
            Some(field) => literal(item, &field.ty),
            None => "?".to_owned(),
        },
        _ => "?".to_owned(),
    };
    let items: Vec<String> = items.iter().enumerate().map(text).collect();
    format!("[{}]", items.join(", "))
}

fn decimal(unscaled: i128, scale: u8) -> String {
    if scale == 0 {
        return unscaled.to_string();
    }
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    format!("{sign}{whole}.{fraction}")
}

/// `2024-02-29` of days since 1970 (the civil calendar by eras of 400 years).
fn date(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `12:34:56`, with a fraction if there is one.
fn time_of_day(ticks: i64, ticks_per_second: i64) -> String {
    let seconds = ticks / ticks_per_second;
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = ticks % ticks_per_second;
    if fraction != 0 {
        let digits = ticks_per_second.ilog10() as usize;
        text.push_str(&format!(".{fraction:0digits$}"));
    }
    text
}

fn timestamp(ticks: i64, ticks_per_second: i64) -> String {
    let per_day = ticks_per_second * 86_400;
    let time = time_of_day(ticks.rem_euclid(per_day), ticks_per_second);
    format!("{} {time}", date(ticks.div_euclid(per_day)))
}
