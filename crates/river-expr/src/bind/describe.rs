//! How types and calls are named in messages: Calcite's names, as Flink's own errors use them.

use river_core::Expr;
use river_core::types::LogicalType;

use crate::BindError;

/// The type's name in validation errors: `INTEGER`, `VARCHAR(2147483647)`.
pub fn sql_name(ty: &LogicalType) -> String {
    match ty {
        LogicalType::Int => "INTEGER".into(),
        LogicalType::Decimal(p, s) => format!("DECIMAL({p}, {s})"),
        LogicalType::VarChar(n) => format!("VARCHAR({n})"),
        LogicalType::VarBinary(n) => format!("VARBINARY({n})"),
        LogicalType::TimestampLtz(p, _) => format!("TIMESTAMP_WITH_LOCAL_TIME_ZONE({p})"),
        LogicalType::IntervalDayTime => "INTERVAL DAY TO SECOND".into(),
        LogicalType::IntervalYearMonth => "INTERVAL YEAR TO MONTH".into(),
        other => other.to_string(),
    }
}

/// `'<CHAR(1)> + <INTEGER>'` for operators, `'F(<CHAR(1)>, <INTEGER>)'` for functions.
pub fn signature(name: &str, args: &[Expr]) -> String {
    let types: Vec<_> = args.iter().map(|a| format!("<{}>", sql_name(&a.ty.logical))).collect();
    let operator = !name.starts_with(|c: char| c.is_ascii_alphabetic())
        || matches!(name, "AND" | "OR" | "IS DISTINCT FROM" | "IS NOT DISTINCT FROM");
    match types.as_slice() {
        [left, right] if operator => format!("'{left} {name} {right}'"),
        [only] if operator => format!("'{name} {only}'"),
        all => format!("'{name}({})'", all.join(", ")),
    }
}

impl BindError {
    /// The arguments have types that the function or operator does not take; `expected` says which
    /// it takes.
    pub fn cannot_apply(name: &str, args: &[Expr], expected: &str) -> BindError {
        BindError::new(format!(
            "Cannot apply '{name}' to arguments of type {}. Supported form(s): {expected}",
            signature(name, args)
        ))
    }

    /// The function was called with a number of arguments that it does not take.
    pub fn wrong_count(name: &str, found: usize, expected: &str) -> BindError {
        BindError::new(format!(
            "Invalid number of arguments to function '{name}': {found} given, {expected} expected"
        ))
    }
}
