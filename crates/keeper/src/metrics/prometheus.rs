//! The text that Prometheus reads. Rules: `PrometheusMetricsProvider` and the library below it,
//! `io.prometheus.client.exporter.common.TextFormat`; of Java's own metrics there are those of the
//! process.

use std::fmt::Write as _;

use super::gauges::Gauges;
use super::names::{Metric, Metrics};
use super::number::{self, Number};
use super::process;
use super::summary::{Detail, Summary};

/// The type of the text, for HTTP.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The whole text. `process`: with what is known of the process, as `exportJvmInfo` says.
pub fn prometheus(metrics: &Metrics, gauges: &Gauges, process: bool) -> String {
    let mut text = Text(String::with_capacity(32 * 1024));
    if process {
        for (name, help, kind, value) in process::metrics() {
            text.head(name, help, kind);
            text.line(name, &[], value);
        }
    }
    for (name, help, value) in gauges.single() {
        text.head(name, help, "gauge");
        text.line(name, &[], value.as_f64());
    }
    for (name, help, by_namespace) in gauges.sets() {
        text.head(name, help, "gauge");
        for (namespace, value) in by_namespace {
            text.line(name, &[("key", namespace)], value as f64);
        }
    }
    metrics.each(|name, help, metric| match metric {
        Metric::Counter(counter) => {
            text.head(name, help, "counter");
            text.line(name, &[], Number::Int(counter.get()).as_f64());
        }
        Metric::CounterSet(set) => {
            text.head(name, help, "counter");
            for (key, counter) in set.all() {
                text.line(name, &[("key", &key)], counter.get() as f64);
            }
        }
        Metric::Summary(one) => {
            text.head(name, help, "summary");
            text.summary(name, None, one.detail(), one);
        }
        Metric::SummarySet(detail, set) => {
            text.head(name, help, "summary");
            for (key, one) in set.all() {
                text.summary(name, Some(&key), detail, &one);
            }
        }
    });
    text.0
}

/// Writing to a text does not fail.
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            self.0.push(if place == 0 { '{' } else { ',' });
            let _ = write!(self.0, "{label}=\"");
            self.escaped(text);
            self.0.push('"');
        }
        self.0.push_str(if labels.is_empty() { " " } else { "} " });
        self.0.push_str(&number::prometheus(value));
        self.0.push('\n');
    }

    fn escaped(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                _ => self.0.push(letter),
            }
        }
    }

    fn summary(&mut self, name: &str, key: Option<&str>, detail: Detail, summary: &Summary) {
        let quantiles: &[(&str, f64)] = match detail {
            Detail::Basic => &[("0.5", 0.5)],
            Detail::Advanced => &[("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99)],
        };
        let key: Vec<(&str, &str)> = key.into_iter().map(|key| ("key", key)).collect();
        let recent = summary.recent();
        for (label, quantile) in quantiles {
            let labels = [&key[..], &[("quantile", label)]].concat();
            let value = recent.nearest(*quantile).map_or(f64::NAN, |value| value as f64);
            self.line(name, &labels, value);
        }
        self.line(&format!("{name}_count"), &key, summary.count() as f64);
        self.line(&format!("{name}_sum"), &key, summary.sum() as f64);
    }
}
