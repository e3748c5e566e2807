//! When a partition is complete and what marks it so: the `sink.partition-commit.*` and
//! `partition.time-extractor.*` options (`PartitionCommitTrigger`, `PartitionTimeExtractor`).

use std::path::Path;
use std::str::FromStr;

use chrono_tz::Tz;
use river_core::options::Options;
use river_runtime::{Error, Result};

use super::of_table;
use super::partition::unescape;
use crate::format::choice;
use crate::format::time_text::parse_jdbc_timestamp;

/// What time decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TriggerKind {
    ProcessTime,
    PartitionTime,
}

/// The rules of a table.
#[derive(Debug, Clone)]
pub struct CommitRules {
    trigger: TriggerKind,
    delay_ms: i64,
    zone: Tz,
    /// `$year-$month-$day 00:00:00` with partition keys; empty: the first key's value.
    pattern: String,
    /// File that marks a complete partition; `None` without the `success-file` policy.
    success_file: Option<String>,
}

impl CommitRules {
    /// Reads the options; `None` where no policy is set.
    pub fn new(table: &str, options: &Options) -> Result<Option<CommitRules>> {
        let refused = |key: &str, why: &str| {
            Err(Error::input(format!("table {table}: option '{key}': {why}")))
        };
        let kinds = [
            ("process-time", TriggerKind::ProcessTime),
            ("partition-time", TriggerKind::PartitionTime),
        ];
        let trigger =
            choice(options, "sink.partition-commit.trigger", &kinds, TriggerKind::ProcessTime)
                .map_err(|error| of_table(table, error))?;
        let delay = options
            .duration("sink.partition-commit.delay")
            .map_err(|error| of_table(table, error))?;
        let zone_key = "sink.partition-commit.watermark-time-zone";
        let zone = match options.get(zone_key) {
            None => Tz::UTC,
            Some(name) => match Tz::from_str(name) {
                Ok(zone) => zone,
                Err(_) => return refused(zone_key, &format!("'{name}' is not a time zone")),
            },
        };
        if options.get("partition.time-extractor.kind").is_some_and(|kind| kind != "default") {
            return refused("partition.time-extractor.kind", "only 'default' is available");
        }
        if options.get("partition.time-extractor.timestamp-formatter").is_some() {
            return refused(
                "partition.time-extractor.timestamp-formatter",
                "only the standard form 'yyyy-MM-dd HH:mm:ss' is available; remove the option",
            );
        }
        let Some(policies) = options.get("sink.partition-commit.policy.kind") else {
            return Ok(None);
        };
        for policy in policies.split(',').map(str::trim) {
            if policy != "success-file" {
                return refused(
                    "sink.partition-commit.policy.kind",
                    &format!("policy '{policy}' is not available; use 'success-file'"),
                );
            }
        }
        let name = options.get("sink.partition-commit.success-file.name").unwrap_or("_SUCCESS");
        Ok(Some(CommitRules {
            trigger,
            delay_ms: delay.map_or(0, |d| d.as_millis() as i64),
            zone,
            pattern: options
                .get("partition.time-extractor.timestamp-pattern")
                .unwrap_or("")
                .to_owned(),
            success_file: Some(name.to_owned()),
        }))
    }

    /// Name of the file that marks a complete partition.
    pub fn success_file(&self) -> Option<&str> {
        self.success_file.as_deref()
    }

    /// Whether a partition, first written at `since_ms` of the wall clock, is complete now.
    ///
    /// # Errors
    /// The partition's values are no time where that decides.
    pub fn is_complete(
        &self,
        partition: &str,
        since_ms: i64,
        now_ms: i64,
        watermark: Option<i64>,
    ) -> Result<bool> {
        if watermark == Some(river_runtime::MAX_WATERMARK) {
            return Ok(true);
        }
        match self.trigger {
            TriggerKind::ProcessTime => Ok(now_ms >= since_ms.saturating_add(self.delay_ms)),
            TriggerKind::PartitionTime => {
                let time = self.partition_time(partition)?;
                Ok(watermark.is_some_and(|w| w > time.saturating_add(self.delay_ms)))
            }
        }
    }

    /// Milliseconds since the epoch of a partition's time.
    fn partition_time(&self, partition: &str) -> Result<i64> {
        let values: Vec<(String, String)> = Path::new(partition)
            .components()
            .filter_map(|part| part.as_os_str().to_str()?.split_once('='))
            .map(|(key, value)| (unescape(key), unescape(value)))
            .collect();
        let mut text = self.pattern.clone();
        if text.is_empty() {
            text = values.first().map(|(_, value)| value.clone()).unwrap_or_default();
        }
        for (key, value) in &values {
            text = text.replace(&format!("${key}"), value);
        }
        let full = if text.contains(':') { text.clone() } else { format!("{text} 00:00:00") };
        let local = parse_jdbc_timestamp(&full).and_then(|time| time.ticks(3));
        let local = local.ok_or_else(|| {
            Error::input(format!(
                "partition '{partition}': '{text}' is not a time; see \
                 'partition.time-extractor.timestamp-pattern'"
            ))
        })?;
        use chrono::{Offset, TimeZone};
        let naive = chrono::DateTime::from_timestamp_millis(local).unwrap_or_default().naive_utc();
        let offset = self.zone.offset_from_local_datetime(&naive).earliest();
        let seconds = offset.map_or(0, |offset| offset.fix().local_minus_utc());
        Ok(local - i64::from(seconds) * 1000)
    }
}
