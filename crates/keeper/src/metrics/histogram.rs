//! How often which value was observed, in buckets that are exact for small values and within a
//! thirtieth for large ones. One relaxed addition an observation, 5 KB, and no chance: Apache's
//! server draws 4096 samples instead.

use std::sync::atomic::{AtomicU64, Ordering};

/// Values below this have a bucket each.
const EXACT: u64 = 64;
/// Buckets between a power of two and the next, from there on.
const PARTS: u64 = 16;
/// Powers of two that have buckets; what is larger is in the last.
const POWERS: u64 = 34;
const BUCKETS: usize = (EXACT + POWERS * PARTS) as usize;

/// Observations by value.
pub(super) struct Histogram {
    buckets: Box<[AtomicU64]>,
}

/// The bucket of a value.
fn bucket(value: i64) -> usize {
    let value = value.max(0) as u64;
    if value < EXACT {
        return value as usize;
    }
    let power = u64::from(63 - value.leading_zeros());
    let part = (value >> (power - 4)) & (PARTS - 1);
    let index = EXACT + (power - 6) * PARTS + part;
    (index as usize).min(BUCKETS - 1)
}

/// The value in the middle of a bucket.
fn middle(bucket: usize) -> i64 {
    let bucket = bucket as u64;
    if bucket < EXACT {
        return bucket as i64;
    }
    let (power, part) = ((bucket - EXACT) / PARTS + 6, (bucket - EXACT) % PARTS);
    let width = 1 << (power - 4);
    ((1 << power) + part * width + width / 2) as i64
}

impl Histogram {
    pub fn new() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect() }
    }

    pub fn add(&self, value: i64, times: u64) {
        self.buckets[bucket(value)].fetch_add(times, Ordering::Relaxed);
    }

    pub fn clear(&self) {
        self.buckets.iter().for_each(|bucket| bucket.store(0, Ordering::Relaxed));
    }
}

/// Observations of one or several histograms at one moment.
#[derive(Default)]
pub(super) struct Observed {
    /// Buckets that are not empty.
    counts: Vec<(usize, u64)>,
    total: u64,
}

impl Observed {
    pub fn of<'h>(histograms: impl Iterator<Item = &'h Histogram>) -> Self {
        let mut sums = [0; BUCKETS];
        for histogram in histograms {
            for (sum, bucket) in sums.iter_mut().zip(&histogram.buckets) {
                *sum += bucket.load(Ordering::Relaxed);
            }
        }
        let counts: Vec<_> =
            sums.into_iter().enumerate().filter(|(_, observed)| *observed > 0).collect();
        let total = counts.iter().map(|(_, observed)| observed).sum();
        Self { counts, total }
    }

    /// The value of that place, from 0, among all in order.
    fn at(&self, place: u64) -> i64 {
        let mut before = 0;
        for (bucket, observed) in &self.counts {
            before += observed;
            if place < before {
                return middle(*bucket);
            }
        }
        self.counts.last().map_or(0, |(bucket, _)| middle(*bucket))
    }

    /// A quantile between two neighbours, rounded, as `UniformSnapshot.getValue` has it; 0 of
    /// nothing.
    pub fn between(&self, quantile: f64) -> i64 {
        let place = quantile * (self.total as f64 + 1.0);
        if place < 1.0 {
            return self.at(0);
        }
        if place >= self.total as f64 {
            return self.at(self.total.saturating_sub(1));
        }
        let lower = self.at(place as u64 - 1) as f64;
        let upper = self.at(place as u64) as f64;
        (lower + (place - place.floor()) * (upper - lower) + 0.5).floor() as i64
    }

    /// A quantile that was observed; none of nothing.
    pub fn nearest(&self, quantile: f64) -> Option<i64> {
        let rank = (quantile * self.total as f64).ceil() as u64;
        (self.total > 0).then(|| self.at(rank.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_within_a_thirtieth() {
        for value in (0..5000).chain((0..40).map(|power| (1 << power) + 3)) {
            let middle = middle(bucket(value));
            assert!((middle - value).abs() <= value / 30, "{value} is shown as {middle}");
        }
        assert_eq!(bucket(-1), 0);
        assert_eq!(bucket(i64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_of_few_and_many() {
        let observed = |values: &[i64]| {
            let histogram = Histogram::new();
            values.iter().for_each(|value| histogram.add(*value, 1));
            Observed::of(std::iter::once(&histogram))
        };
        assert_eq!(observed(&[]).between(0.5), 0);
        assert_eq!(observed(&[]).nearest(0.5), None);
        assert_eq!(observed(&[7]).between(0.99), 7);
        // Apache's: between the first and the second, rounded up.
        assert_eq!(observed(&[1, 2]).between(0.5), 2);
        assert_eq!(observed(&[1, 2]).nearest(0.5), Some(1));
        let hundred: Vec<i64> = (0..60).flat_map(|value| [value, value]).collect();
        assert_eq!(observed(&hundred).between(0.5), 30);
        assert_eq!(observed(&hundred).between(0.95), 57);
        assert_eq!(observed(&hundred).nearest(0.9), Some(53));
    }
}
