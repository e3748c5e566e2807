//! Quotas: how many nodes and bytes a part of the tree may have, and has.
//!
//! Limits are in `/zookeeper/quota<path>/zookeeper_limits`, where clients put them, and what is
//! used in `zookeeper_stats` beside it, which every server keeps up to date on its own. Only the
//! longest path with limits counts. Used by the tree, and by preparation where quotas are enforced.
//!
//! Rules: `Quotas`, `StatsTrack`, `PathTrie`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What paths of quotas begin with.
pub(crate) const QUOTA: &str = "/zookeeper/quota";
/// Name of the nodes with limits.
pub(crate) const LIMITS: &str = "zookeeper_limits";
/// Name of the nodes with what is used.
pub(crate) const STATS: &str = "zookeeper_stats";

/// Where the limits of a path are.
pub fn limits_path(path: &str) -> String {
    format!("{QUOTA}{path}/{LIMITS}")
}

/// Where it is kept what a path uses.
pub fn stats_path(path: &str) -> String {
    format!("{QUOTA}{path}/{STATS}")
}

/// Limits, or what is used: -1 where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaStats {
    /// Nodes, the one with the limits too.
    pub count: i64,
    /// Bytes of their data.
    pub bytes: i64,
    /// Further keys and their values: the hard limits, and what later versions may add.
    further: BTreeMap<String, i64>,
}

impl QuotaStats {
    /// Nothing but these.
    pub fn new(count: i64, bytes: i64) -> Self {
        Self { count, bytes, further: BTreeMap::new() }
    }

    /// Reads the text of a node. What has no meaning is left out; Apache's server fails on it.
    pub fn parse(text: &[u8]) -> Self {
        let mut stats = Self::new(-1, -1);
        let text = String::from_utf8_lossy(text);
        for pair in text.split([',', ';']) {
            let mut parts = pair.split('=');
            let (Some(key), Some(value)) = (parts.next(), parts.next()) else { continue };
            let value = if value.is_empty() { Ok(-1) } else { value.parse() };
            let Ok(value) = value else { continue };
            match key {
                "count" => stats.count = value,
                "bytes" => stats.bytes = value,
                _ => {
                    stats.further.insert(key.to_owned(), value);
                }
            }
        }
        stats
    }

    /// The count that is refused; -1: none.
    pub fn count_hard_limit(&self) -> i64 {
        self.further.get("countHardLimit").copied().unwrap_or(-1)
    }

    /// The bytes that are refused; -1: none.
    pub fn byte_hard_limit(&self) -> i64 {
        self.further.get("byteHardLimit").copied().unwrap_or(-1)
    }

    /// The text of a node. The `=` before further keys hides them from servers that know none.
    pub fn to_text(&self) -> String {
        let mut text = format!("count={},bytes={}", self.count, self.bytes);
        if !self.further.is_empty() {
            text.push('=');
        }
        for (key, value) in &self.further {
            // Writing to a text does not fail.
            let _ = write!(text, ";{key}={value}");
        }
        text
    }

    /// Whether limits refuse a change of what is used.
    pub(crate) fn refuse(&self, used: &QuotaStats, count: i64, bytes: i64) -> bool {
        let over = |hard: i64, used: i64, more: i64| {
            more != 0 && hard > -1 && used.saturating_add(more) > hard
        };
        over(self.count_hard_limit(), used.count, count)
            || over(self.byte_hard_limit(), used.bytes, bytes)
    }
}

/// The paths that have limits.
#[derive(Default)]
pub(crate) struct QuotaPaths {
    paths: BTreeSet<Box<str>>,
}

impl QuotaPaths {
    pub(crate) fn insert(&mut self, path: &str) {
        if !path.is_empty() {
            self.paths.insert(path.into());
        }
    }

    pub(crate) fn remove(&mut self, path: &str) {
        self.paths.remove(path);
    }

    /// The longest path with limits that holds a node.
    pub(crate) fn longest(&self, path: &str) -> Option<&str> {
        if self.paths.is_empty() {
            return None;
        }
        let mut path = path;
        while !path.is_empty() {
            if let Some(found) = self.paths.get(path) {
                return Some(found);
            }
            path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_as_apache_writes_them() {
        for text in [
            "count=-1,bytes=-1",
            "count=5,bytes=100",
            "count=5,bytes=100=;byteHardLimit=7;countHardLimit=6",
        ] {
            assert_eq!(QuotaStats::parse(text.as_bytes()).to_text(), text);
        }
        assert_eq!(QuotaStats::parse(b"count=,bytes=3").to_text(), "count=-1,bytes=3");
        assert_eq!(QuotaStats::parse(b"").to_text(), "count=-1,bytes=-1");
        assert_eq!(QuotaStats::parse(b"junk,count=x").to_text(), "count=-1,bytes=-1");
    }

    #[test]
    fn the_longest_path_counts() {
        let mut paths = QuotaPaths::default();
        assert_eq!(paths.longest("/a"), None);
        paths.insert("/a");
        paths.insert("/a/b/c");
        assert_eq!(paths.longest("/a"), Some("/a"));
        assert_eq!(paths.longest("/a/b"), Some("/a"));
        assert_eq!(paths.longest("/a/b/c/d"), Some("/a/b/c"));
        assert_eq!(paths.longest("/ab"), None);
        paths.remove("/a/b/c");
        assert_eq!(paths.longest("/a/b/c/d"), Some("/a"));
    }
}
