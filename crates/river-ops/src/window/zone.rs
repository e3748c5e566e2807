//! Between instants and the local times in which windows are aligned (`TimeWindowUtil`).

use std::str::FromStr;

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use river_runtime::{Error, Result};

#[cfg(test)]
mod tests;

const HOUR_MS: i64 = 3_600_000;
/// All offsets from UTC change at whole quarters of an hour.
const QUARTER_MS: i64 = 900_000;

/// The time zone of windows.
#[derive(Debug, Clone)]
pub struct Zone {
    /// `None`: local time is UTC.
    tz: Option<Tz>,
    /// Quarter of an hour last asked for, and its offset.
    cached: (i64, i64),
}

impl Zone {
    /// The zone of that name; `None` and `UTC` shift nothing.
    pub fn new(name: Option<&str>) -> Result<Zone> {
        let tz = name
            .map(|name| {
                let wrong = |_| Error::input(format!("'{name}' is not a time zone"));
                Tz::from_str(name).map_err(wrong)
            })
            .transpose()?
            .filter(|tz| *tz != Tz::UTC);
        Ok(Zone { tz, cached: (i64::MIN, 0) })
    }

    /// Whether local time is UTC.
    pub fn is_utc(&self) -> bool {
        self.tz.is_none()
    }

    /// Local time of an instant (`toUtcTimestampMills`).
    pub fn to_local(&mut self, epoch_ms: i64) -> i64 {
        let Some(tz) = self.tz else { return epoch_ms };
        if epoch_ms == i64::MAX {
            return epoch_ms;
        }
        let quarter = epoch_ms.div_euclid(QUARTER_MS);
        if self.cached.0 != quarter {
            let offset = DateTime::from_timestamp_millis(epoch_ms).map_or(0, |instant| {
                tz.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc()
            });
            self.cached = (quarter, i64::from(offset) * 1000);
        }
        epoch_ms.saturating_add(self.cached.1)
    }

    /// The instant of a local time: in a gap that of the clock not yet put forward, in an overlap
    /// the first (`toEpochMills`, Java's `LocalDateTime.atZone`).
    pub fn to_epoch(&self, local_ms: i64) -> i64 {
        let Some(tz) = self.tz else { return local_ms };
        if local_ms == i64::MAX {
            return local_ms;
        }
        let Some(local) = DateTime::from_timestamp_millis(local_ms) else { return local_ms };
        instant(tz, local.naive_utc()).unwrap_or(local_ms)
    }

    /// The instant at which a timer of that local time goes off (`toEpochMillsForTimer`).
    pub fn to_timer(&self, local_ms: i64) -> i64 {
        if self.is_utc() || local_ms == i64::MAX {
            return local_ms;
        }
        let first = self.to_epoch(local_ms);
        let hour_later = self.to_epoch(local_ms.saturating_add(HOUR_MS));
        if first == hour_later {
            first - first % HOUR_MS
        } else if hour_later - first > HOUR_MS {
            first + HOUR_MS
        } else {
            first
        }
    }

    /// The watermark or clock at which a window that ends at `end` is complete.
    pub fn trigger(&self, end: i64) -> i64 {
        if end == i64::MAX { i64::MAX } else { self.to_timer(end.saturating_sub(1)) }
    }
}

fn instant(tz: Tz, local: NaiveDateTime) -> Option<i64> {
    match tz.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
            Some(instant.timestamp_millis())
        }
        LocalResult::None => {
            // The offset that held before the gap.
            let before = local - chrono::Duration::hours(24);
            let offset = match tz.offset_from_local_datetime(&before) {
                LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => offset,
                LocalResult::None => return None,
            };
            let offset_ms = i64::from(offset.fix().local_minus_utc()) * 1000;
            Some(local.and_utc().timestamp_millis() - offset_ms)
        }
    }
}
