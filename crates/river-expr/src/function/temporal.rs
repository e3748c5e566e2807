//! Functions of dates, times, timestamps and intervals.

pub mod clock;
pub mod convert;
pub mod extract;
mod instant;
mod pattern;
mod pattern_parse;
pub mod round;
pub mod shift;
mod unit;

#[cfg(test)]
mod tests;
