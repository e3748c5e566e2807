//! What the operating system knows of this process, from `/proc`; nothing where there is none.
//!
//! Rules: `io.prometheus.client.hotspot.StandardExports`, `OSMXBean`.

use std::fs;

/// Kernel's ticks in a second, as all of Linux shows them to programs.
const TICKS_PER_SECOND: f64 = 100.0;
/// Bytes of a page of memory in `/proc/self/statm`, where nothing else is said.
const PAGE_BYTES: f64 = 4096.0;

/// Files and sockets of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Descriptors {
    /// Open ones.
    pub open: i64,
    /// How many may be.
    pub max: i64,
}

/// Counts the files and sockets of this process; zero where nothing can be known.
pub fn descriptors() -> Descriptors {
    // The folder itself is open while it is read.
    let open = fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1));
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    Descriptors { open: open as i64, max: max_open_files(&limits).unwrap_or_default() }
}

/// The soft limit of open files in the text of `/proc/self/limits`.
fn max_open_files(limits: &str) -> Option<i64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(i64::MAX),
        number => number.parse().ok(),
    }
}

/// Names, what they are, kinds, values.
pub(super) fn metrics() -> Vec<(&'static str, &'static str, &'static str, f64)> {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let system = fs::read_to_string("/proc/stat").unwrap_or_default();
    let Some(times) = Times::parse(&stat, &system) else { return Vec::new() };
    let descriptors = descriptors();
    vec![
        (
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
            "counter",
            times.cpu_seconds,
        ),
        (
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            "gauge",
            times.start_seconds,
        ),
        ("process_open_fds", "Number of open file descriptors.", "gauge", descriptors.open as f64),
        (
            "process_max_fds",
            "Maximum number of open file descriptors.",
            "gauge",
            descriptors.max as f64,
        ),
        (
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            "gauge",
            times.virtual_bytes,
        ),
        (
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            "gauge",
            times.resident_bytes,
        ),
    ]
}

/// What `/proc/self/stat` says, together with the time when the machine was started.
#[derive(Debug, PartialEq)]
struct Times {
    cpu_seconds: f64,
    start_seconds: f64,
    virtual_bytes: f64,
    resident_bytes: f64,
}

impl Times {
    fn parse(stat: &str, system: &str) -> Option<Self> {
        // The second field is the program's name, which may have anything in it.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // Numbered from 1 as in proc(5); the first of these is the third.
        let field = |number: usize| -> Option<f64> { fields.get(number - 3)?.parse().ok() };
        let boot = system.lines().find_map(|line| line.strip_prefix("btime "));
        let boot: f64 = boot?.trim().parse().ok()?;
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
            start_seconds: boot + field(22)? / TICKS_PER_SECOND,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * PAGE_BYTES,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_kernel() {
        let stat = "7 (a ) name) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 5 0 300 4096000 25 1";
        let times = Times::parse(stat, "cpu 1 2\nbtime 1000\n");
        let expected = Times {
            cpu_seconds: 2.0,
            start_seconds: 1003.0,
            virtual_bytes: 4_096_000.0,
            resident_bytes: 102_400.0,
        };
        assert_eq!(times, Some(expected));
        assert_eq!(Times::parse("", ""), None);
        let limits = "Limit  Soft  Hard  Units\nMax open files            1024  4096  files\n";
        assert_eq!(max_open_files(limits), Some(1024));
        assert_eq!(max_open_files("Max open files unlimited unlimited files"), Some(i64::MAX));
        assert_eq!(max_open_files(""), None);
    }
}
