//! How many of something there were, and how large: number, sum, least and most, and quantiles.
//!
//! [`Summary::observe`] is a few relaxed additions. The core thread, which observes hundreds of
//! thousands a second, gathers them in a [`Batch`] and hands it over once a round.
//!
//! Rules: `AvgMinMaxCounter`, `AvgMinMaxPercentileCounter`; for the quantiles that Prometheus sees,
//! `io.prometheus.client.Summary`, which looks back ten minutes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::histogram::{Histogram, Observed};

/// Which quantiles a summary has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// None for `mntr`, the median for Prometheus.
    Basic,
    /// Several.
    Advanced,
}

/// Parts of the time that Prometheus' quantiles look back.
const WINDOW_PARTS: usize = 5;

/// Observations of the last minutes: the current part is added to, the oldest is dropped.
#[derive(Default)]
struct Window {
    current: AtomicUsize,
    parts: [OnceLock<Histogram>; WINDOW_PARTS],
}

impl Window {
    fn add(&self, value: i64, times: u64) {
        let current = self.current.load(Ordering::Relaxed) % WINDOW_PARTS;
        self.parts[current].get_or_init(Histogram::new).add(value, times);
    }

    fn rotate(&self) {
        let next = (self.current.load(Ordering::Relaxed) + 1) % WINDOW_PARTS;
        if let Some(oldest) = self.parts[next].get() {
            oldest.clear();
        }
        self.current.store(next, Ordering::Relaxed);
    }

    fn observed(&self) -> Observed {
        Observed::of(self.parts.iter().filter_map(OnceLock::get))
    }
}

/// Number, sum, least, most and quantiles of what was observed.
pub struct Summary {
    detail: Detail,
    sum: AtomicI64,
    count: AtomicI64,
    min: AtomicI64,
    max: AtomicI64,
    /// Of all observations, where quantiles are wanted; made with the first.
    all: OnceLock<Histogram>,
    /// Of the last minutes, where Prometheus looks.
    window: Option<Box<Window>>,
}

impl Summary {
    /// One without observations. `windowed`: Prometheus looks at it.
    pub fn new(detail: Detail, windowed: bool) -> Self {
        Self {
            detail,
            sum: AtomicI64::new(0),
            count: AtomicI64::new(0),
            min: AtomicI64::new(i64::MAX),
            max: AtomicI64::new(i64::MIN),
            all: OnceLock::new(),
            window: windowed.then(Box::default),
        }
    }

    /// Which quantiles it has.
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// One observation.
    pub fn observe(&self, value: i64) {
        self.observe_many(value, 1);
    }

    /// The same observation, several times.
    pub fn observe_many(&self, value: i64, times: u32) {
        if times == 0 {
            return;
        }
        self.sum.fetch_add(value.wrapping_mul(i64::from(times)), Ordering::Relaxed);
        self.count.fetch_add(i64::from(times), Ordering::Relaxed);
        if value < self.min.load(Ordering::Relaxed) {
            self.min.fetch_min(value, Ordering::Relaxed);
        }
        if value > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(value, Ordering::Relaxed);
        }
        if self.detail == Detail::Advanced {
            self.all.get_or_init(Histogram::new).add(value, u64::from(times));
        }
        if let Some(window) = &self.window {
            window.add(value, u64::from(times));
        }
    }

    /// Number of observations.
    pub fn count(&self) -> i64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Their sum.
    pub fn sum(&self) -> i64 {
        self.sum.load(Ordering::Relaxed)
    }

    /// The least; 0 of none.
    pub fn min(&self) -> i64 {
        let min = self.min.load(Ordering::Relaxed);
        if min == i64::MAX { 0 } else { min }
    }

    /// The most; 0 of none.
    pub fn max(&self) -> i64 {
        let max = self.max.load(Ordering::Relaxed);
        if max == i64::MIN { 0 } else { max }
    }

    /// The mean, with four decimals; 0 of none.
    pub fn mean(&self) -> f64 {
        let (sum, count) = (self.sum(), self.count());
        if count <= 0 {
            return 0.0;
        }
        let mean = sum as f64 / count as f64;
        let rounded = (mean.abs() * 10_000.0).round() / 10_000.0;
        rounded.copysign(mean)
    }

    /// Quantiles of all observations, for `mntr`.
    pub(super) fn observed(&self) -> Observed {
        Observed::of(self.all.get().into_iter())
    }

    /// Quantiles of the last minutes, for Prometheus.
    pub(super) fn recent(&self) -> Observed {
        self.window.as_ref().map(|window| window.observed()).unwrap_or_default()
    }

    /// Drops the oldest fifth of what Prometheus' quantiles look back to.
    pub(super) fn rotate(&self) {
        if let Some(window) = &self.window {
            window.rotate();
        }
    }

    /// Forgets all observations.
    pub fn reset(&self) {
        self.count.store(0, Ordering::Relaxed);
        self.sum.store(0, Ordering::Relaxed);
        self.min.store(i64::MAX, Ordering::Relaxed);
        self.max.store(i64::MIN, Ordering::Relaxed);
        if let Some(all) = self.all.get() {
            all.clear();
        }
    }
}

/// Values that a batch counts without a list.
const SMALL: usize = 64;

/// Observations of one thread, to be handed over together.
pub struct Batch {
    counts: [u32; SMALL],
    /// Bit n: the value n was observed.
    seen: u64,
    large: Vec<i64>,
}

impl Default for Batch {
    fn default() -> Self {
        Self { counts: [0; SMALL], seen: 0, large: Vec::new() }
    }
}

impl Batch {
    /// One observation.
    pub fn observe(&mut self, value: i64) {
        match usize::try_from(value) {
            Ok(small) if small < SMALL => {
                self.counts[small] += 1;
                self.seen |= 1 << small;
            }
            _ => self.large.push(value),
        }
    }

    /// Hands over what was observed since the last time, to all of these.
    pub fn flush(&mut self, summaries: &[&Summary]) {
        while self.seen != 0 {
            let value = self.seen.trailing_zeros() as usize;
            self.seen &= self.seen - 1;
            let times = std::mem::take(&mut self.counts[value]);
            summaries.iter().for_each(|summary| summary.observe_many(value as i64, times));
        }
        for value in self.large.drain(..) {
            summaries.iter().for_each(|summary| summary.observe(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_observations() {
        let (one_by_one, batched) =
            (Summary::new(Detail::Advanced, true), Summary::new(Detail::Advanced, true));
        let mut batch = Batch::default();
        for value in [0, 3, 3, 63, 64, 1_000_000, -1] {
            one_by_one.observe(value);
            batch.observe(value);
        }
        batch.flush(&[&batched]);
        batch.flush(&[&batched]);
        for summary in [&one_by_one, &batched] {
            assert_eq!((summary.count(), summary.sum()), (7, 1_000_132));
            assert_eq!((summary.min(), summary.max()), (-1, 1_000_000));
            assert_eq!(summary.mean(), 142_876.0);
            assert_eq!(summary.observed().between(0.5), 3);
        }
    }

    #[test]
    fn the_window_forgets_and_the_rest_does_not() {
        let summary = Summary::new(Detail::Advanced, true);
        summary.observe(5);
        for _ in 0..WINDOW_PARTS - 1 {
            summary.rotate();
            assert_eq!(summary.recent().nearest(0.5), Some(5));
        }
        summary.rotate();
        assert_eq!(summary.recent().nearest(0.5), None);
        assert_eq!(summary.observed().between(0.5), 5);
        summary.reset();
        assert_eq!((summary.count(), summary.min(), summary.max()), (0, 0, 0));
        assert_eq!(summary.observed().between(0.5), 0);
        assert_eq!(summary.mean(), 0.0);
    }
}
