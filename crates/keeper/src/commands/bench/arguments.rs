//! The command line of `keeper bench`.

use clap::ValueEnum;
use clap::builder::RangedU64ValueParser;

/// Puts load on a ZooKeeper and says how it did.
///
/// Works below a node of its own, /bench-.., which it removes at the end. The exit code is 1 if a
/// request failed.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Servers, as host:port,host:port/chroot; connections are spread over them.
    #[arg(short, long, default_value = "localhost:2181")]
    pub server: String,
    /// What to do, one after the other.
    #[arg(short, long, value_delimiter = ',', default_value = "create,set,get")]
    pub workload: Vec<Workload>,
    /// Connections, each with a session of its own.
    #[arg(short, long, default_value_t = 16, value_parser = between(1..=65_000))]
    pub connections: u32,
    /// Requests in flight on each connection.
    #[arg(short = 'f', long, default_value_t = 64, value_parser = between(1..=100_000))]
    pub in_flight: u32,
    /// Bytes of data of each node.
    #[arg(long, default_value_t = 100, value_parser = between(0..=1_000_000))]
    pub size: u32,
    /// Nodes that are read and written.
    #[arg(long, default_value_t = 1000, value_parser = between(1..=10_000_000))]
    pub nodes: u32,
    /// Children of the node that `children` asks for.
    #[arg(long, default_value_t = 10, value_parser = between(0..=100_000))]
    pub children: u32,
    /// Writes in each multi.
    #[arg(long, default_value_t = 5, value_parser = between(1..=1000))]
    pub multi_ops: u32,
    /// Seconds that count.
    #[arg(short = 'd', long, default_value_t = 5.0)]
    pub seconds: f64,
    /// Seconds before that.
    #[arg(long, default_value_t = 1.0)]
    pub warm_up: f64,
    /// So many requests in all, in place of --seconds, and without a warm-up.
    #[arg(long)]
    pub count: Option<u64>,
    /// Requests a second, over all connections, in place of as many as possible.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Threads; each has its part of the connections.
    #[arg(long, default_value_t = 1, value_parser = between(1..=256))]
    pub threads: u32,
    /// Session timeout, in milliseconds.
    #[arg(long, default_value_t = 30_000, value_parser = between(1..=86_400_000))]
    pub timeout: u32,
    /// Leave the nodes there.
    #[arg(long)]
    pub keep: bool,
    /// One JSON object a workload; times in microseconds.
    #[arg(long)]
    pub json: bool,
}

/// A number within limits.
fn between(limits: std::ops::RangeInclusive<u64>) -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(limits)
}

/// What the requests are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Creates nodes, each connection below a node of its own.
    Create,
    /// Replaces data.
    Set,
    /// Reads data.
    Get,
    /// Asks for stats.
    Exists,
    /// Asks for names of children.
    Children,
    /// Several writes at once (--multi-ops).
    Multi,
    /// Nine reads of data to one write.
    Mixed,
    /// One session writes, all others are told; an event is an operation.
    Watch,
    /// Opens and closes sessions.
    Connect,
    /// Keeps sessions alive; a ping is an operation.
    Idle,
}

impl Workload {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Workload::Create => "create",
            Workload::Set => "set",
            Workload::Get => "get",
            Workload::Exists => "exists",
            Workload::Children => "children",
            Workload::Multi => "multi",
            Workload::Mixed => "mixed",
            Workload::Watch => "watch",
            Workload::Connect => "connect",
            Workload::Idle => "idle",
        }
    }
}
