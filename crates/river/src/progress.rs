//! The status of a running job: a live picture on a terminal, plain lines elsewhere, both on
//! standard error so that they never mix with output.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use river_job::{CheckpointFigures, JobHandle};
use river_runtime::metrics::{JobMetrics, VertexSnapshot};

/// How often the terminal is repainted.
const REPAINT: Duration = Duration::from_millis(500);
/// How often a line is logged where there is no terminal.
const LOG: Duration = Duration::from_secs(10);
/// Jobs shorter than this say nothing while they run.
const PATIENCE: Duration = Duration::from_millis(1000);

/// Shows the status of one job.
pub struct Progress {
    enabled: bool,
    terminal: bool,
    name: String,
    started: Instant,
    last: Instant,
    previous: Option<JobMetrics>,
    painted: usize,
}

impl Progress {
    /// For the job of that name.
    pub fn new(enabled: bool, name: &str) -> Progress {
        let now = Instant::now();
        Progress {
            enabled,
            terminal: std::io::stderr().is_terminal(),
            name: name.to_owned(),
            started: now,
            last: now,
            previous: None,
            painted: 0,
        }
    }

    /// Called every fraction of a second.
    pub fn tick(&mut self, handle: &JobHandle) {
        let every = if self.terminal { REPAINT } else { LOG };
        let wait = if self.painted == 0 && self.terminal { PATIENCE } else { every };
        if !self.enabled || self.last.elapsed() < wait {
            return;
        }
        self.last = Instant::now();
        let metrics = handle.metrics();
        let checkpoints = checkpoint_text(&handle.checkpoints());
        let text = match self.terminal {
            true => self.picture(&metrics, &checkpoints),
            false => self.log_line(&metrics, &checkpoints),
        };
        let _ = std::io::stderr().write_all(text.as_bytes());
        self.previous = Some(metrics);
    }

    /// The job has ended: clears the picture and says what was done.
    pub fn finish(&mut self, handle: &JobHandle) {
        if !self.enabled {
            return;
        }
        let metrics = handle.metrics();
        let read: u64 = sources(&metrics).map(VertexSnapshot::rows_in).sum();
        let seconds = self.started.elapsed().as_secs_f64();
        let clear = self.clear();
        let rows = if read == 0 {
            String::new()
        } else {
            let rate = number(read as f64 / seconds.max(0.001));
            format!(", {} rows read ({rate} rows/s)", number(read as f64))
        };
        let text = format!("{clear}{}: finished in {seconds:.2} s{rows}\n", self.name);
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    fn clear(&self) -> String {
        if self.painted > 0 { format!("\x1b[{}A\x1b[J", self.painted) } else { String::new() }
    }

    fn picture(&mut self, metrics: &JobMetrics, checkpoints: &str) -> String {
        let mut text = self.clear();
        let seconds = metrics.elapsed.as_secs_f64();
        text.push_str(&format!("{} ({seconds:.0} s){checkpoints}\n", self.name));
        for (i, vertex) in metrics.vertices.iter().enumerate() {
            text.push_str(&format!("  {}\n", self.vertex_line(i, vertex, metrics)));
        }
        self.painted = metrics.vertices.len() + 1;
        text
    }

    fn vertex_line(&self, i: usize, vertex: &VertexSnapshot, metrics: &JobMetrics) -> String {
        let before = self.previous.as_ref().and_then(|p| p.vertices.get(i));
        let seconds = match &self.previous {
            Some(previous) => (metrics.elapsed - previous.elapsed).as_secs_f64().max(0.001),
            None => metrics.elapsed.as_secs_f64().max(0.001),
        };
        let rate = |now: u64, before: u64| number(now.saturating_sub(before) as f64 / seconds);
        let rows_in = rate(vertex.rows_in(), before.map_or(0, VertexSnapshot::rows_in));
        let rows_out = rate(vertex.rows_out(), before.map_or(0, VertexSnapshot::rows_out));
        let pressure = share(vertex, before, |t| t.back_pressured_ns);
        let busy = share(vertex, before, |t| t.busy_ns);
        let name: String = vertex.name.chars().take(40).collect();
        let watermark = watermark_lag(vertex);
        let state = if vertex.ended() { "done" } else { "" };
        format!(
            "{name:<40} in {rows_in:>8}/s  out {rows_out:>8}/s  busy {busy:>3}%  back-pressure {pressure:>3}%  {watermark}{state}"
        )
    }

    fn log_line(&mut self, metrics: &JobMetrics, checkpoints: &str) -> String {
        self.painted = 0;
        let read: u64 = sources(metrics).map(VertexSnapshot::rows_in).sum();
        let before: u64 =
            self.previous.as_ref().map_or(0, |p| sources(p).map(VertexSnapshot::rows_in).sum());
        let seconds = LOG.as_secs_f64();
        let lag = metrics.vertices.last().map(watermark_lag).unwrap_or_default();
        format!(
            "{}: {} rows read, {} rows/s {}{checkpoints}\n",
            self.name,
            number(read as f64),
            number(read.saturating_sub(before) as f64 / seconds),
            lag.trim_end()
        )
    }
}

/// What is said of checkpoints, where some are taken: how many, and of the last one its number,
/// how long it took, and its size: what was written, and of how much if it is incremental.
fn checkpoint_text(figures: &CheckpointFigures) -> String {
    let failed = match figures.failed {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    match figures.last {
        None if figures.failed == 0 && figures.in_progress == 0 => String::new(),
        None => format!("  no checkpoint completed yet{failed}"),
        Some(last) => {
            let (all, written) = (figures.last_bytes, figures.last_written_bytes);
            let size = match written < all {
                true => format!("{}B of {}B", number(written as f64), number(all as f64)),
                false => format!("{}B", number(all as f64)),
            };
            let seconds = last.duration_ms as f64 / 1000.0;
            format!("  checkpoint {} in {seconds:.2} s, {size}{failed}", last.id)
        }
    }
}

/// Vertices that read tables: what comes in there is what the job has read.
fn sources(metrics: &JobMetrics) -> impl Iterator<Item = &VertexSnapshot> {
    metrics.vertices.iter().filter(|v| v.name.starts_with("Source: "))
}

/// Percent of the time since the last look that the subtasks spent on something.
fn share(
    now: &VertexSnapshot,
    before: Option<&VertexSnapshot>,
    of: impl Fn(&river_runtime::metrics::TaskSnapshot) -> u64,
) -> u64 {
    let sum = |v: &VertexSnapshot, f: &dyn Fn(&river_runtime::metrics::TaskSnapshot) -> u64| {
        v.subtasks.iter().map(f).sum::<u64>()
    };
    let all =
        |t: &river_runtime::metrics::TaskSnapshot| t.busy_ns + t.idle_ns + t.back_pressured_ns;
    let part = sum(now, &of).saturating_sub(before.map_or(0, |b| sum(b, &of)));
    let whole = sum(now, &all).saturating_sub(before.map_or(0, |b| sum(b, &all)));
    part * 100 / whole.max(1)
}

/// How far event time is behind the wall clock, where that means something.
fn watermark_lag(vertex: &VertexSnapshot) -> String {
    let Some(watermark) = vertex.watermark() else { return String::new() };
    if watermark == i64::MAX || watermark == i64::MIN {
        return String::new();
    }
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as i64);
    let lag = (now - watermark).max(0) / 1000;
    match lag {
        0..120 => format!("watermark lag {lag} s "),
        120..7200 => format!("watermark lag {} min ", lag / 60),
        7200..172_800 => format!("watermark lag {} h ", lag / 3600),
        _ => format!("watermark lag {} d ", lag / 86_400),
    }
}

/// A number as people read it: `1.2M`.
fn number(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{:.2}G", v / 1e9),
        v if v >= 1e6 => format!("{:.2}M", v / 1e6),
        v if v >= 1e4 => format!("{:.1}k", v / 1e3),
        v => format!("{v:.0}"),
    }
}
