//! The type that several types have in common: Calcite's `leastRestrictive` and Flink's
//! `LogicalTypeMerging.findCommonType`, which differ in places.

use river_core::DataType;
use river_core::types::{Field, LogicalType, TimeKind};

use crate::{cast, decimal};

/// Calcite's `leastRestrictive`: for `CASE`, `IF`, `UNION`, `VALUES`, `IN`, array literals.
/// `None` if the types do not mix.
pub fn common_type(types: &[&DataType]) -> Option<DataType> {
    merge(types, Rules::Calcite)
}

/// Flink's `findCommonType`: for functions of the new type inference (`COALESCE`, `IFNULL`,
/// `GREATEST`, collection functions). It differs where `FLOAT` meets `DOUBLE` (always `DOUBLE`) and
/// `TIMESTAMP` meets `TIMESTAMP_LTZ` (always `TIMESTAMP_LTZ`).
pub fn find_common_type(types: &[&DataType]) -> Option<DataType> {
    merge(types, Rules::Flink)
}

#[derive(Clone, Copy, PartialEq)]
enum Rules {
    Calcite,
    Flink,
}

fn merge(types: &[&DataType], rules: Rules) -> Option<DataType> {
    let nullable = types.iter().any(|t| t.nullable || t.logical == LogicalType::Null);
    let known: Vec<&LogicalType> =
        types.iter().map(|t| &t.logical).filter(|t| **t != LogicalType::Null).collect();
    let Some((first, rest)) = known.split_first() else {
        return types.first().map(|t| (*t).clone());
    };
    let mut result: LogicalType = (*first).clone();
    for ty in rest {
        result = match pair(&result, ty, rules) {
            Some(merged) => merged,
            None if rules == Rules::Flink => by_implicit_cast(&known)?,
            None => return None,
        };
    }
    Some(result.with_nullable(nullable))
}

/// `findCommonCastableType`.
fn by_implicit_cast(types: &[&LogicalType]) -> Option<LogicalType> {
    let (first, rest) = types.split_first()?;
    let mut result = (*first).clone();
    for ty in rest {
        let (a, b) = (result.clone().nullable(), (*ty).clone().nullable());
        if cast::supports_implicit(&a, &b) {
            result = (*ty).clone();
        } else if !cast::supports_implicit(&b, &a) {
            return None;
        }
    }
    Some(result)
}

fn pair(a: &LogicalType, b: &LogicalType, rules: Rules) -> Option<LogicalType> {
    use LogicalType::*;
    if a == b {
        return Some(a.clone());
    }
    Some(match (a, b) {
        (Char(m), Char(n)) | (Char(m) | VarChar(m), VarChar(n)) | (VarChar(m), Char(n)) => {
            VarChar(*m.max(n))
        }
        (Binary(m), Binary(n))
        | (Binary(m) | VarBinary(m), VarBinary(n))
        | (VarBinary(m), Binary(n)) => VarBinary(*m.max(n)),
        (a, b) if a.is_numeric() && b.is_numeric() => numeric(a, b, rules),
        (Time(p), Time(q)) => Time(*p.max(q)),
        (a, b) if a.is_timestamp() && b.is_timestamp() => timestamp(a, b, rules),
        (a, b) if a.is_datetime() && b.is_interval() => a.clone(),
        (a, b) if a.is_interval() && b.is_datetime() => b.clone(),
        // A number of days next to a date or timestamp: typed so, but no such cast exists.
        (a, b) if is_date_like(a) && (b.is_integer() || b.is_decimal()) => a.clone(),
        (a, b) if (a.is_integer() || a.is_decimal()) && b.is_datetime() => {
            if rules == Rules::Flink && !is_date_like(b) {
                return None;
            }
            b.clone()
        }
        (Array(x), Array(y)) => Array(Box::new(merge(&[x, y], rules)?)),
        (Multiset(x), Multiset(y)) => Multiset(Box::new(merge(&[x, y], rules)?)),
        (Map(k1, v1), Map(k2, v2)) => {
            Map(Box::new(merge(&[k1, k2], rules)?), Box::new(merge(&[v1, v2], rules)?))
        }
        (Row(x), Row(y)) if x.len() == y.len() => Row(rows(x, y, rules)?),
        _ => return None,
    })
}

fn is_date_like(ty: &LogicalType) -> bool {
    ty.is_timestamp() || *ty == LogicalType::Date
}

fn rows(x: &[Field], y: &[Field], rules: Rules) -> Option<Vec<Field>> {
    let fields = x.iter().zip(y);
    fields.map(|(f, g)| Some(Field::new(&f.name, merge(&[&f.ty, &g.ty], rules)?))).collect()
}

fn numeric(a: &LogicalType, b: &LogicalType, rules: Rules) -> LogicalType {
    use LogicalType::*;
    match (a.as_decimal(), b.as_decimal()) {
        (Some(x), Some(y)) if a.is_decimal() || b.is_decimal() => {
            let (p, s) = decimal::common_type(x, y);
            Decimal(p, s)
        }
        (Some((p1, _)), Some((p2, _))) => {
            if p2 > p1 {
                b.clone()
            } else {
                a.clone()
            }
        }
        (None, None) => match rules {
            Rules::Flink => Double,
            // Calcite gives FLOAT and DOUBLE the same precision: the first one stays.
            Rules::Calcite => a.clone(),
        },
        (None, Some(_)) => {
            if b.is_decimal() {
                Double
            } else {
                a.clone()
            }
        }
        (Some(_), None) => match rules {
            Rules::Calcite if a.is_decimal() => Double,
            _ => b.clone(),
        },
    }
}

fn timestamp(a: &LogicalType, b: &LogicalType, rules: Rules) -> LogicalType {
    use LogicalType::*;
    let precision = a.time_precision().max(b.time_precision());
    let local = matches!((a, b), (TimestampLtz(..), TimestampLtz(..)));
    let mixed =
        matches!((a, b), (TimestampLtz(..), Timestamp(..)) | (Timestamp(..), TimestampLtz(..)));
    let kind = if a.time_kind() == b.time_kind() { a.time_kind() } else { TimeKind::Regular };
    if mixed && rules == Rules::Calcite {
        // The last type of another precision wins, else the first.
        let winner = if a.time_precision() == b.time_precision() { a } else { b };
        return match winner {
            TimestampLtz(..) => LogicalType::timestamp_ltz(precision),
            _ => LogicalType::timestamp(precision),
        };
    }
    if local || mixed { TimestampLtz(precision, kind) } else { Timestamp(precision, kind) }
}
