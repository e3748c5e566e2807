//! What a workload has shown, as text and as JSON.

use std::time::Duration;

use serde_json::json;

use super::histogram::Histogram;
use super::{Plan, Workload};

/// The line above the texts.
pub(super) const HEADINGS: &str = "workload  connections in-flight        ops      ops/s    \
                                   mean ms     p50 ms     p99 ms   p99.9 ms     max ms  errors";

/// Figures of one workload.
pub(super) struct Report {
    pub workload: Workload,
    pub connections: usize,
    pub in_flight: usize,
    pub rate: Option<f64>,
    pub times: Histogram,
    /// What the figures are of.
    pub took: Duration,
    /// Replies with an error, and connections that broke.
    pub errors: u64,
    /// The first of them.
    pub first_error: Option<String>,
    /// Nodes that were made on each connection.
    pub created: u64,
    /// Seconds that this process computed meanwhile.
    pub cpu: f64,
}

impl Report {
    pub fn new(plan: &Plan, workload: Workload) -> Self {
        Report {
            workload,
            connections: plan.connections,
            in_flight: plan.in_flight,
            rate: plan.rate,
            times: Histogram::new(),
            took: Duration::ZERO,
            errors: 0,
            first_error: None,
            created: 0,
            cpu: 0.0,
        }
    }

    fn ops_per_second(&self) -> f64 {
        let seconds = self.took.as_secs_f64();
        if seconds > 0.0 { self.times.count() as f64 / seconds } else { 0.0 }
    }

    pub fn text(&self) -> String {
        let ms = |nanos: u64| nanos as f64 / 1e6;
        let times = &self.times;
        let mut line = format!(
            "{:<9} {:>11} {:>9} {:>10} {:>10.0} {:>10.3} {:>10.3} {:>10.3} {:>10.3} {:>10.3} {:>7}",
            self.workload.name(),
            self.connections,
            self.in_flight,
            times.count(),
            self.ops_per_second(),
            times.mean() / 1e6,
            ms(times.quantile(0.5)),
            ms(times.quantile(0.99)),
            ms(times.quantile(0.999)),
            ms(times.max()),
            self.errors,
        );
        if let Some(error) = &self.first_error {
            line.push_str(&format!("  first: {error}"));
        }
        line
    }

    pub fn json(&self) -> String {
        let us = |nanos: u64| nanos as f64 / 1e3;
        let times = &self.times;
        json!({
            "workload": self.workload.name(),
            "connections": self.connections,
            "in_flight": self.in_flight,
            "rate": self.rate,
            "ops": times.count(),
            "seconds": self.took.as_secs_f64(),
            "ops_per_second": self.ops_per_second(),
            "mean_us": times.mean() / 1e3,
            "p50_us": us(times.quantile(0.5)),
            "p99_us": us(times.quantile(0.99)),
            "p999_us": us(times.quantile(0.999)),
            "max_us": us(times.max()),
            "errors": self.errors,
            "first_error": self.first_error,
            "client_cpu_seconds": self.cpu,
        })
        .to_string()
    }
}

/// Seconds that this process has computed so far.
pub(super) fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
