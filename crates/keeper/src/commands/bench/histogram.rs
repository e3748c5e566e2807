//! Counts of times, exact to 1 %, in memory that does not grow.
//!
//! Up to 128 ns each time has a count of its own; beyond, each power of two is cut in 64.

/// Cuts of each power of two.
const CUTS: usize = 64;
const CUT_BITS: u32 = CUTS.trailing_zeros();
/// One below 128, then one for each power of two from there to 2^63.
const COUNTS: usize = CUTS * (64 - CUT_BITS as usize + 1);

/// Times in nanoseconds.
#[derive(Clone)]
pub(super) struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    sum: u128,
    max: u64,
}

impl Histogram {
    pub fn new() -> Self {
        Self { counts: vec![0; COUNTS].into_boxed_slice(), total: 0, sum: 0, max: 0 }
    }

    /// Counts a time.
    pub fn record(&mut self, nanos: u64) {
        self.counts[index(nanos)] += 1;
        self.total += 1;
        self.sum += u128::from(nanos);
        self.max = self.max.max(nanos);
    }

    /// Adds what another has counted.
    pub fn add(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// Times counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// Mean, in nanoseconds.
    pub fn mean(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.sum as f64 / self.total as f64 }
    }

    /// The longest.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The time that a part of all times, from 0 to 1, does not exceed.
    pub fn quantile(&self, part: f64) -> u64 {
        let wanted = (part * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return highest(index).min(self.max);
            }
        }
        self.max
    }
}

fn index(nanos: u64) -> usize {
    let bits = 64 - nanos.leading_zeros();
    if bits <= CUT_BITS + 1 {
        return nanos as usize;
    }
    // The leading bit and the six after it.
    let shift = bits - CUT_BITS - 1;
    ((shift as usize) << CUT_BITS) + (nanos >> shift) as usize
}

/// The longest time that is counted there.
fn highest(index: usize) -> u64 {
    if index < 2 * CUTS {
        return index as u64;
    }
    let shift = (index >> CUT_BITS) as u32 - 1;
    let lead = (index & (CUTS - 1)) as u64 + CUTS as u64;
    (lead << shift) + ((1 << shift) - 1)
}
