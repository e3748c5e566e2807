//! Time zones by Java's names, and conversion between instants and local time by Java's rules
//! (`LocalDateTime.atZone`): in a gap the time is moved on by the gap's length, in an overlap the
//! earlier instant is taken.

use std::str::FromStr;

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// A zone of the tz database, or a fixed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// A named zone.
    Named(Tz),
    /// Seconds east of Greenwich.
    Fixed(i32),
}

impl From<Tz> for Zone {
    fn from(zone: Tz) -> Zone {
        Zone::Named(zone)
    }
}

impl Zone {
    /// Java's `TimeZone.getTimeZone(id)`: an id of the database, `GMT+05:30`, or else GMT.
    pub fn from_java_id(id: &str) -> Zone {
        if let Some(seconds) = id.strip_prefix("GMT").and_then(gmt_offset) {
            return Zone::Fixed(seconds);
        }
        Tz::from_str(id).map_or(Zone::Fixed(0), Zone::Named)
    }

    /// Whether local time always equals UTC.
    pub fn is_utc(self) -> bool {
        matches!(self, Zone::Fixed(0) | Zone::Named(Tz::UTC | Tz::Etc__UTC | Tz::GMT))
    }

    /// Seconds to add to UTC at that instant (seconds since the epoch).
    pub fn offset_at_utc(self, seconds: i64) -> i64 {
        match self {
            Zone::Fixed(offset) => offset.into(),
            Zone::Named(_) if self.is_utc() => 0,
            Zone::Named(zone) => match naive(seconds) {
                Some(utc) => zone.offset_from_utc_datetime(&utc).fix().local_minus_utc().into(),
                None => 0,
            },
        }
    }

    /// Seconds to take from that local time (seconds as if it were UTC) to get the instant.
    pub fn offset_at_local(self, seconds: i64) -> i64 {
        match self {
            Zone::Fixed(offset) => offset.into(),
            Zone::Named(_) if self.is_utc() => 0,
            Zone::Named(zone) => match naive(seconds) {
                Some(local) => named_offset_at_local(zone, local),
                None => 0,
            },
        }
    }
}

impl Zone {
    /// As [`Zone::offset_at_local`], but of a time that comes twice the second instant is taken:
    /// the choice of `GregorianCalendar`.
    pub fn later_offset_at_local(self, seconds: i64) -> i64 {
        let earlier = self.offset_at_local(seconds);
        match self {
            Zone::Fixed(_) => earlier,
            // The second of two instants comes at the latest a day after the first.
            Zone::Named(_) => {
                let later = self.offset_at_utc(seconds - earlier + 86_400);
                let fits = later < earlier
                    && self.offset_at_utc(seconds - later) == later
                    && self.offset_at_utc(seconds - earlier) == earlier;
                if fits { later } else { earlier }
            }
        }
    }
}

fn named_offset_at_local(zone: Tz, local: NaiveDateTime) -> i64 {
    match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) => offset.fix().local_minus_utc().into(),
        LocalResult::Ambiguous(first, second) => {
            // The earlier instant is the one with the larger offset.
            first.fix().local_minus_utc().max(second.fix().local_minus_utc()).into()
        }
        LocalResult::None => {
            // In a gap the offset before it holds, which moves the time on by the gap's length.
            let before = local - TimeDelta::days(1);
            let offset = zone.offset_from_local_datetime(&before).earliest();
            offset.map_or(0, |offset| offset.fix().local_minus_utc().into())
        }
    }
}

fn naive(seconds: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(seconds, 0).map(|instant| instant.naive_utc())
}

/// `+5`, `+05`, `+0530` or `+05:30` in seconds.
fn gmt_offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 && hours.len() <= 2 => (hours, minutes),
        Some(_) => return None,
        None if digits.len() <= 2 => (digits, "0"),
        None if digits.len() <= 4 => digits.split_at_checked(digits.len() - 2)?,
        None => return None,
    };
    let number = |text: &str| {
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// An instant in ticks to local time in ticks; a second has `per_second`.
pub fn to_local_ticks(zone: Zone, ticks: i64, per_second: i64) -> i64 {
    ticks.wrapping_add(zone.offset_at_utc(ticks.div_euclid(per_second)) * per_second)
}

/// Local time in ticks to the instant in ticks.
pub fn to_utc_ticks(zone: Zone, ticks: i64, per_second: i64) -> i64 {
    ticks.wrapping_sub(zone.offset_at_local(ticks.div_euclid(per_second)) * per_second)
}
