//! Civil-date arithmetic, and the text forms of dates, times, timestamps and intervals.
//!
//! Used by the temporal functions, by casts and by the formats. The calendar is the proleptic
//! Gregorian one of Java's `LocalDate`; text rules are those of Flink's `DateTimeUtils`. Nothing
//! here reads a clock or a setting.

mod parse;
mod text;
mod zone;

#[cfg(test)]
mod tests;

pub use parse::{LocalDateTime, parse_date, parse_time, parse_timestamp};
pub use text::{
    push_date, push_interval_day_time, push_interval_year_month, push_time, push_timestamp,
};
pub use zone::{Zone, to_local_ticks, to_utc_ticks};

/// Milliseconds of a day.
pub const MILLIS_PER_DAY: i64 = 86_400_000;
/// Nanoseconds of a day.
pub const NANOS_PER_DAY: i64 = MILLIS_PER_DAY * 1_000_000;

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar. The day need not lie in
/// the month: the count simply runs on. Years beyond what 64 bits can count wrap.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era.wrapping_mul(146_097).wrapping_add(day_of_era - 719_468)
}

/// Year, month (1 to 12) and day (1 to 31) of a count of days since 1970-01-01.
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted + 2) / 5 + 1) as u32;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 } as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Whether the year has 366 days.
pub fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of the month.
pub fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Whether year 0 to 9999, month and day name a day (`DateTimeUtils.isIllegalDate`).
pub fn is_date(year: i64, month: u32, day: u32) -> bool {
    (0..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
}

/// The date that many months later (or earlier); the last day of the month where the day is not
/// in it (`DateTimeUtils.addMonths`).
pub fn add_months(days: i64, months: i64) -> i64 {
    let (year, month, day) = civil_from_days(days);
    let count = (year * 12 + i64::from(month) - 1).wrapping_add(months);
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) as u32 + 1);
    days_from_civil(year, month, day.min(days_in_month(year, month)))
}

/// [`add_months`] on a timestamp in ticks, of which a day has `ticks_per_day`.
pub fn add_months_to_ticks(ticks: i64, months: i64, ticks_per_day: i64) -> i64 {
    let day = add_months(ticks.div_euclid(ticks_per_day), months);
    day.wrapping_mul(ticks_per_day).wrapping_add(ticks.rem_euclid(ticks_per_day))
}

/// Whole months from the second date to the first (`DateTimeUtils.subtractMonths`).
pub fn months_between_days(later: i64, earlier: i64) -> i64 {
    if later < earlier {
        return -months_between_days(earlier, later);
    }
    let month_of = |days: i64| {
        let (year, month, _) = civil_from_days(days);
        year * 12 + i64::from(month)
    };
    let months = month_of(later) - month_of(earlier);
    months - i64::from(add_months(earlier, months) > later)
}

/// Whole months from the second timestamp to the first, both in milliseconds.
pub fn months_between_millis(later: i64, earlier: i64) -> i64 {
    let (day, millis) = (later.div_euclid(MILLIS_PER_DAY), later.rem_euclid(MILLIS_PER_DAY));
    let from = (earlier.div_euclid(MILLIS_PER_DAY), earlier.rem_euclid(MILLIS_PER_DAY));
    let months = months_between_days(day, from.0);
    // As Flink does it: only the later time of day is looked at, so negative spans round away.
    months - i64::from(add_months(from.0, months) == day && millis < from.1)
}

/// Day of the week, Monday = 1 to Sunday = 7.
pub fn iso_day_of_week(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// Day of the year, from 1.
pub fn day_of_year(days: i64) -> i64 {
    let (year, ..) = civil_from_days(days);
    days - days_from_civil(year, 1, 1) + 1
}

/// ISO 8601 week: the year it belongs to, and its number in that year.
pub fn iso_week(days: i64) -> (i64, i64) {
    // The week belongs to the year of its Thursday.
    let thursday = days - iso_day_of_week(days) + 4;
    let (year, ..) = civil_from_days(thursday);
    (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
}
