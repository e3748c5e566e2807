//! What a server counts of itself, under the names of Apache's metrics.
//!
//! [`Metrics`] is made once at start and shared; every part of the server adds to its fields.
//! [`Gauges`] are values of one moment, which [`crate::four_letter`], [`crate::admin`] and the
//! endpoint of Prometheus ask the server for when somebody looks. Both have two views:
//!
//! | view | for | rules |
//! |---|---|---|
//! | [`monitor()`] | `mntr`, the AdminServer's `monitor` | `DefaultMetricsProvider` |
//! | [`prometheus()`] | `metricsProvider.httpPort`, `/metrics` | `PrometheusMetricsProvider` |
//!
//! Adding is a few relaxed additions. Nothing here locks, but for a set's first use of a key.

mod counter;
mod endpoint;
mod gauges;
mod histogram;
mod monitor;
mod names;
mod number;
mod process;
mod prometheus;
mod set;
mod summary;
#[cfg(test)]
mod tests;

pub use counter::Counter;
pub use endpoint::PrometheusSettings;
pub(crate) use endpoint::start as start_prometheus;
pub use gauges::{Gauges, QuotaGauge};
pub use monitor::monitor;
pub use names::Metrics;
pub use number::{Number, double};
pub use process::{Descriptors, descriptors};
pub use prometheus::{CONTENT_TYPE, prometheus};
pub use set::{CounterSet, Set, SummarySet};
pub use summary::{Batch, Detail, Summary};

use names::Metric;

impl Metrics {
    /// Begins at zero, as `srst` wants it; but not where Prometheus looks, as Apache's.
    pub fn reset(&self) {
        if self.windowed {
            return;
        }
        self.each(|_, _, metric| match metric {
            Metric::Counter(counter) => counter.reset(),
            Metric::CounterSet(set) => set.all().iter().for_each(|(_, counter)| counter.reset()),
            Metric::Summary(summary) => summary.reset(),
            Metric::SummarySet(_, set) => set.all().iter().for_each(|(_, one)| one.reset()),
        });
    }

    /// Drops the oldest fifth of the ten minutes that Prometheus' quantiles look back to: to be
    /// called every two minutes.
    pub fn rotate(&self) {
        self.each(|_, _, metric| match metric {
            Metric::Summary(summary) => summary.rotate(),
            Metric::SummarySet(_, set) => set.all().iter().for_each(|(_, one)| one.rotate()),
            Metric::Counter(_) | Metric::CounterSet(_) => (),
        });
    }
}
