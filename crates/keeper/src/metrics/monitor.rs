//! The flat list of `mntr` and of the AdminServer's `monitor`: a name for each number.
//!
//! Rules: `DefaultMetricsProvider.dump`, whose order is that of hash tables; ours is by kind.

use super::gauges::Gauges;
use super::names::{Metric, Metrics};
use super::number::Number;
use super::summary::{Detail, Summary};

/// All values, under their names without `zk_`.
pub fn monitor(metrics: &Metrics, gauges: &Gauges) -> Vec<(String, Number)> {
    let mut values = Vec::with_capacity(512);
    for (name, _, value) in gauges.single() {
        values.push((name.to_owned(), value));
    }
    for (name, _, by_namespace) in gauges.sets() {
        for (namespace, value) in by_namespace {
            values.push((format!("{namespace}_{name}"), Number::Int(value)));
        }
    }
    metrics.each(|name, _, metric| match metric {
        Metric::Counter(counter) => values.push((name.to_owned(), Number::Int(counter.get()))),
        Metric::CounterSet(set) => {
            for (key, counter) in set.all() {
                values.push((format!("{key}_{name}"), Number::Int(counter.get())));
            }
        }
        Metric::Summary(one) => summary(name, one, &mut values),
        Metric::SummarySet(_, set) => {
            for (key, one) in set.all() {
                summary(&format!("{key}_{name}"), &one, &mut values);
            }
        }
    });
    values
}

fn summary(name: &str, summary: &Summary, values: &mut Vec<(String, Number)>) {
    values.push((format!("avg_{name}"), Number::Float(summary.mean())));
    let numbers = [
        ("min", summary.min()),
        ("max", summary.max()),
        ("cnt", summary.count()),
        ("sum", summary.sum()),
    ];
    for (kind, number) in numbers {
        values.push((format!("{kind}_{name}"), Number::Int(number)));
    }
    if summary.detail() == Detail::Advanced {
        let observed = summary.observed();
        for (kind, quantile) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)] {
            values.push((format!("{kind}_{name}"), Number::Int(observed.between(quantile))));
        }
    }
}
