//! Time units by their SQL names.

use river_core::Expr;

use crate::BindError;
use crate::function::check::constant_text;

/// A unit of `EXTRACT`, `FLOOR .. TO`, `TIMESTAMPADD` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Millennium,
    Century,
    Decade,
    Year,
    IsoYear,
    Quarter,
    Month,
    Week,
    Day,
    Dow,
    IsoDow,
    Doy,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    Epoch,
}

impl Unit {
    /// The unit of that name in any case; `SQL_TSI_DAY` is `DAY`.
    pub(super) fn parse(name: &str) -> Option<Unit> {
        let name = name.to_ascii_uppercase();
        Some(match name.strip_prefix("SQL_TSI_").unwrap_or(&name) {
            "MILLENNIUM" => Unit::Millennium,
            "CENTURY" => Unit::Century,
            "DECADE" => Unit::Decade,
            "YEAR" => Unit::Year,
            "ISOYEAR" => Unit::IsoYear,
            "QUARTER" => Unit::Quarter,
            "MONTH" => Unit::Month,
            "WEEK" => Unit::Week,
            "DAY" | "DAYOFMONTH" => Unit::Day,
            "DOW" | "DAYOFWEEK" => Unit::Dow,
            "ISODOW" => Unit::IsoDow,
            "DOY" | "DAYOFYEAR" => Unit::Doy,
            "HOUR" => Unit::Hour,
            "MINUTE" => Unit::Minute,
            "SECOND" => Unit::Second,
            "MILLISECOND" => Unit::Millisecond,
            "MICROSECOND" | "FRAC_SECOND" => Unit::Microsecond,
            "NANOSECOND" => Unit::Nanosecond,
            "EPOCH" => Unit::Epoch,
            _ => return None,
        })
    }

    /// The unit named by a constant argument.
    pub(super) fn of_argument(
        function: &str,
        args: &[Expr],
        index: usize,
    ) -> std::result::Result<Unit, BindError> {
        let name = constant_text(function, args, index)?;
        Unit::parse(name)
            .ok_or_else(|| BindError::new(format!("'{name}' is not a valid time frame")))
    }

    /// Months of a unit that is made of months.
    pub(super) fn months(self) -> Option<i64> {
        match self {
            Unit::Millennium => Some(12_000),
            Unit::Century => Some(1_200),
            Unit::Decade => Some(120),
            Unit::Year | Unit::IsoYear => Some(12),
            Unit::Quarter => Some(3),
            Unit::Month => Some(1),
            _ => None,
        }
    }

    /// Milliseconds of a unit of fixed length.
    pub(super) fn millis(self) -> Option<i64> {
        match self {
            Unit::Week => Some(604_800_000),
            Unit::Day | Unit::Dow | Unit::IsoDow | Unit::Doy => Some(86_400_000),
            Unit::Hour => Some(3_600_000),
            Unit::Minute => Some(60_000),
            Unit::Second | Unit::Epoch => Some(1_000),
            Unit::Millisecond => Some(1),
            _ => None,
        }
    }

    /// Whether a date has it.
    pub(super) fn is_of_date(self) -> bool {
        use Unit::*;
        !matches!(self, Hour | Minute | Second | Millisecond | Microsecond | Nanosecond | Epoch)
    }
}
