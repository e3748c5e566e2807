//! Options of a `nexmark` table (`NexmarkSourceOptions`) and the arithmetic that follows from them
//! (`GeneratorConfig`).

use river_core::options::{OptionError, Options};

use super::texts::MAX_AVERAGE_BYTES;

/// Keys a `nexmark` table accepts besides `connector`.
///
/// As in the suite's generator, `next-event.rate`, `rate.shape`, `rate.period` and `rate.limited`
/// are accepted and change nothing: the rate is constant at `first-event.rate`. `seed` and
/// `base-time` (milliseconds since the epoch) are ours, so that a run can be repeated.
pub const OPTION_KEYS: &[&str] = &[
    "auction.avg-size",
    "auction.hot-ratio.sellers",
    "auction.proportion",
    "base-time",
    "bid.avg-size",
    "bid.hot-ratio.auctions",
    "bid.hot-ratio.bidders",
    "bid.proportion",
    "events.num",
    "first-event.rate",
    "keep-alive",
    "max-emit-speed",
    "next-event.rate",
    "person.avg-size",
    "person.proportion",
    "rate.limited",
    "rate.period",
    "rate.shape",
    "seed",
    "stop-at",
];

/// 2023-11-14 22:13:20 UTC. The suite takes the current time, which no run can repeat.
const DEFAULT_BASE_TIME_MS: i64 = 1_700_000_000_000;
/// Event ids start at 2 and event numbers at 1 (`NexmarkTableSourceFactory`).
pub(super) const FIRST_EVENT_ID: u64 = 2;
const FIRST_EVENT_NUMBER: u64 = 1;
/// Parts of the mix above this would overflow ids.
const MAX_PROPORTION: i64 = 1_000_000;

/// Validated options of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Persons in one round of events.
    pub person_proportion: u64,
    /// Auctions in one round.
    pub auction_proportion: u64,
    /// Bids in one round.
    pub bid_proportion: u64,
    /// Average size of a person in bytes.
    pub person_bytes: u32,
    /// Average size of an auction in bytes.
    pub auction_bytes: u32,
    /// Average size of a bid in bytes.
    pub bid_bytes: u32,
    /// One in so many bids is on an auction that is not hot.
    pub hot_auction_ratio: u32,
    /// One in so many bids is by a bidder who is not hot.
    pub hot_bidder_ratio: u32,
    /// One in so many auctions is by a seller who is not hot.
    pub hot_seller_ratio: u32,
    /// Number of events of the table.
    pub events: u64,
    /// Whether `events` was asked for, so that the table ends.
    pub bounded: bool,
    /// The source idles after its last event instead of finishing.
    pub keep_alive: bool,
    /// Events are made as fast as possible, not when their time has come.
    pub max_emit_speed: bool,
    /// Event time of event number 0, milliseconds since the epoch.
    pub base_time_ms: i64,
    /// Event time between two events, microseconds.
    pub event_gap_us: f64,
    /// Seed of all random fields.
    pub seed: u64,
}

impl Config {
    /// Auctions that may still be open at any time.
    pub(super) const IN_FLIGHT_AUCTIONS: i64 = 100;
    /// Persons who bid and sell at any time.
    pub(super) const ACTIVE_PERSONS: i64 = 1000;

    /// Reads the options of a table.
    ///
    /// # Errors
    /// Names the option and what it accepts.
    pub fn new(options: &Options) -> Result<Config, OptionError> {
        check_ignored(options)?;
        let person_bytes = average_bytes(options, "person.avg-size", 200)?;
        let auction_bytes = average_bytes(options, "auction.avg-size", 500)?;
        let bid_bytes = average_bytes(options, "bid.avg-size", 100)?;
        let part = |key, default| number(options, key, default, 0, MAX_PROPORTION);
        let person_proportion = part("person.proportion", 1)? as u64;
        let auction_proportion = part("auction.proportion", 3)? as u64;
        let bid_proportion = part("bid.proportion", 46)? as u64;
        let round = person_proportion + auction_proportion + bid_proportion;
        if round == 0 {
            return Err(refused(options, "bid.proportion", "above 0, as the other two are 0"));
        }
        let ratio = |key, default| {
            number(options, key, default, 1, i32::MAX.into()).map(|ratio| ratio as u32)
        };
        let rate = number(options, "first-event.rate", 10_000, 1, i32::MAX.into())?;
        let wanted = number(options, "events.num", 0, 0, i64::MAX)?;
        let stop_at = number(options, "stop-at", -1, i64::MIN, i64::MAX)?;
        let largest = u64::from(person_bytes.max(auction_bytes).max(bid_bytes)).max(1);
        let most = i64::MAX as u64 / (round * largest);
        let mut events = if wanted == 0 { most } else { (wanted as u64).min(most) };
        if stop_at >= 0 {
            events = events.min(stop_at as u64);
        }
        Ok(Config {
            person_proportion,
            auction_proportion,
            bid_proportion,
            person_bytes,
            auction_bytes,
            bid_bytes,
            hot_auction_ratio: ratio("bid.hot-ratio.auctions", 2)?,
            hot_bidder_ratio: ratio("bid.hot-ratio.bidders", 4)?,
            hot_seller_ratio: ratio("auction.hot-ratio.sellers", 4)?,
            events,
            bounded: wanted > 0 || stop_at >= 0,
            keep_alive: options.bool("keep-alive")?.unwrap_or(false),
            max_emit_speed: options.bool("max-emit-speed")?.unwrap_or(true),
            base_time_ms: options.i64("base-time")?.unwrap_or(DEFAULT_BASE_TIME_MS),
            event_gap_us: 1_000_000.0 / rate as f64,
            seed: options.i64("seed")?.unwrap_or(0) as u64,
        })
    }

    /// Events in one round of the mix.
    pub(super) fn round(&self) -> u64 {
        self.person_proportion + self.auction_proportion + self.bid_proportion
    }

    /// Event time of the event at `index` (from 0), milliseconds since the epoch.
    #[inline]
    pub fn time_ms(&self, index: u64) -> i64 {
        let elapsed_us = (index + FIRST_EVENT_NUMBER) as f64 * self.event_gap_us;
        self.base_time_ms.wrapping_add(elapsed_us as i64 / 1000)
    }
}

/// Options that are checked and otherwise without effect.
fn check_ignored(options: &Options) -> Result<(), OptionError> {
    number(options, "next-event.rate", 10_000, 1, i32::MAX.into())?;
    options.duration("rate.period")?;
    options.bool("rate.limited")?;
    match options.get("rate.shape") {
        Some(shape) if !["SQUARE", "SINE"].contains(&shape.to_ascii_uppercase().as_str()) => {
            Err(refused(options, "rate.shape", "'SQUARE' or 'SINE'"))
        }
        _ => Ok(()),
    }
}

fn number(
    options: &Options,
    key: &str,
    default: i64,
    least: i64,
    most: i64,
) -> Result<i64, OptionError> {
    match options.i64(key)? {
        None => Ok(default),
        Some(value) if (least..=most).contains(&value) => Ok(value),
        Some(_) => Err(refused(options, key, &format!("from {least} to {most}"))),
    }
}

fn average_bytes(options: &Options, key: &str, default: u32) -> Result<u32, OptionError> {
    match options.memory(key)? {
        None => Ok(default),
        Some(bytes) if bytes <= MAX_AVERAGE_BYTES.into() => Ok(bytes as u32),
        Some(_) => Err(refused(options, key, &format!("at most {MAX_AVERAGE_BYTES} bytes"))),
    }
}

fn refused(options: &Options, key: &str, expected: &str) -> OptionError {
    OptionError {
        key: key.to_owned(),
        value: options.get(key).unwrap_or_default().to_owned(),
        expected: expected.to_owned(),
    }
}
