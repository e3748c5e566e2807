//! The same metric for each of several keys: parts of the tree, or servers.
//!
//! Whoever counts often keeps the [`Arc`] of its key. Keys come from clients (the first part of a
//! path), so their number is bounded: what is over it is counted under one key.
//!
//! Rules: `SimpleCounterSet`, `AvgMinMaxCounterSet`, `AvgMinMaxPercentileCounterSet`.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::counter::Counter;
use super::summary::{Detail, Summary};

/// Keys of a set.
const MAX_KEYS: usize = 1000;
/// The key of all further ones. No part of a path has a `/`.
const FURTHER: &str = "/other";

/// A metric for each key.
pub struct Set<M> {
    metrics: RwLock<BTreeMap<String, Arc<M>>>,
    make: Box<dyn Fn() -> M + Send + Sync>,
}

/// Counters by key.
pub type CounterSet = Set<Counter>;
/// Summaries by key.
pub type SummarySet = Set<Summary>;

impl<M> Set<M> {
    fn with(make: impl Fn() -> M + Send + Sync + 'static) -> Self {
        Self { metrics: RwLock::default(), make: Box::new(make) }
    }

    /// The metric of a key, which is there from now on.
    pub fn of(&self, key: &str) -> Arc<M> {
        // Nothing panics while it holds the lock.
        let known = self.metrics.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(metric) = known.get(key) {
            return Arc::clone(metric);
        }
        let key = if known.len() < MAX_KEYS { key } else { FURTHER };
        drop(known);
        let mut metrics = self.metrics.write().unwrap_or_else(PoisonError::into_inner);
        let metric = metrics.entry(key.to_owned()).or_insert_with(|| Arc::new((self.make)()));
        Arc::clone(metric)
    }

    /// All keys, in order, and their metrics.
    pub fn all(&self) -> Vec<(String, Arc<M>)> {
        let metrics = self.metrics.read().unwrap_or_else(PoisonError::into_inner);
        metrics.iter().map(|(key, metric)| (key.clone(), Arc::clone(metric))).collect()
    }
}

impl CounterSet {
    pub(super) fn new() -> Self {
        Self::with(Counter::default)
    }
}

impl SummarySet {
    pub(super) fn new(detail: Detail, windowed: bool) -> Self {
        Self::with(move || Summary::new(detail, windowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded() {
        let set = CounterSet::new();
        for key in 0..MAX_KEYS + 10 {
            set.of(&format!("{key:04}")).increment();
        }
        let all = set.all();
        assert_eq!(all.len(), MAX_KEYS + 1);
        assert_eq!((all[0].0.as_str(), all[0].1.get()), (FURTHER, 10));
        set.of("0000").increment();
        assert_eq!(set.of("0000").get(), 2);
    }
}
