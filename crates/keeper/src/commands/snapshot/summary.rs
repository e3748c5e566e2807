//! How many nodes and bytes there are below each node, to some depth.
//!
//! Rules: `SnapshotRecursiveSummary`.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Result, bail};
use keeper_disk::disk::RealDisk;
use keeper_disk::snapshot::SnapshotReader;
use serde_json::json;

use super::{Summary, node};
use crate::commands::files::{is_below, one_line};

/// What is at a node and below it.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    /// Nodes, itself included.
    nodes: u64,
    /// Bytes of data.
    bytes: u64,
}

/// Prints the node that is asked for and those below it that have children.
pub(super) fn run(arguments: &Summary, out: &mut dyn Write) -> Result<ExitCode> {
    let start = if arguments.start == "/" { "" } else { &arguments.start };
    let roots = [arguments.start.clone()];
    let depth = if arguments.depth == 0 { usize::MAX } else { arguments.depth as usize };
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    let mut reader = SnapshotReader::open(&RealDisk, &node::locate(&arguments.path)?)?;
    while reader.advance()? {
        if !is_below(reader.path(), &roots) {
            continue;
        }
        let bytes = reader.data().map_or(0, |data| data.len() as u64);
        for path in ancestors(reader.path(), start.len()).take(depth.saturating_add(1)) {
            let key = sort_key(path);
            let sum = match sums.get_mut(&key) {
                Some(sum) => sum,
                None => sums.entry(key).or_default(),
            };
            sum.nodes += 1;
            sum.bytes += bytes;
        }
    }
    reader.finish()?;
    if sums.is_empty() {
        bail!("there is no node {}", arguments.start);
    }
    for (key, Sum { nodes, bytes }) in sums.iter().filter(|(_, sum)| sum.nodes > 1) {
        let path = key.replace('\0', "/");
        let (level, path) = (path[start.len()..].matches('/').count(), node::shown(&path));
        if arguments.json {
            writeln!(out, "{}", json!({"path": path, "children": nodes - 1, "data": bytes}))?;
            continue;
        }
        let tab = "--".repeat(level);
        writeln!(out, "{tab} {}\n{tab}   children: {}", one_line(path), nodes - 1)?;
        writeln!(out, "{tab}   data: {bytes}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The node of the given length, and those on the way from it to `path`, which is the last.
fn ancestors(path: &str, from: usize) -> impl Iterator<Item = &str> {
    let rest = path.get(from..).unwrap_or("");
    let slashes = rest.match_indices('/').map(move |(at, _)| &path[..from + at]);
    slashes.chain([path])
}

/// Parents before their children, and siblings' children not in between.
fn sort_key(path: &str) -> String {
    path.replace('/', "\0")
}
