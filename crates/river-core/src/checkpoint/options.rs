//! The options of checkpoints and of recovery, read and checked once when a job is built
//! (`CheckpointingOptions`, `StateRecoveryOptions`, `CheckpointConfig`,
//! `CheckpointCoordinatorConfiguration` of Flink 2.3).
//!
//! Old spellings are read where the new one is not set. An error names the key that the user
//! wrote. Nothing here looks at the file system: directories are text.

use crate::options::{OptionError, Options};

use super::message::{Alignment, Kind};

/// Shortest interval and timeout that Flink takes (`MINIMAL_CHECKPOINT_TIME`).
const SHORTEST_MS: i64 = 10;
/// Longest pause: a year, so that no sum overflows.
const LONGEST_PAUSE_MS: i64 = 365 * 24 * 60 * 60 * 1000;
/// Longest duration of all, thirty thousand years: sums with the time of day do not overflow.
pub(super) const LONGEST_MS: i64 = 1_000_000_000_000_000;
/// `data-inline-threshold` where unset or out of range.
const DEFAULT_INLINE_BYTES: u64 = 20 << 10;
/// For tests.
const INCREMENTAL_FILE_COST: &str = "riverkeeper.testing.incremental-file-cost";
/// Largest `data-inline-threshold` (`MAX_FILE_STATE_THRESHOLD`).
const MAX_INLINE_BYTES: u64 = 1 << 20;

/// `execution.checkpointing.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckpointingMode {
    /// After recovery every row counts once.
    #[default]
    ExactlyOnce,
    /// After recovery rows may count more than once.
    AtLeastOnce,
}

/// `execution.checkpointing.externalized-checkpoint-retention`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retention {
    /// Checkpoints are deleted at every end of the job.
    #[default]
    NoExternalizedCheckpoints,
    /// Kept only if the job fails.
    DeleteOnCancellation,
    /// Kept if the job fails or is cancelled.
    RetainOnCancellation,
}

/// `execution.state-recovery.claim-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClaimMode {
    /// The snapshot becomes the engine's, which deletes it when it is subsumed.
    Claim,
    /// The snapshot stays the user's; the first checkpoint refers to nothing of it.
    #[default]
    NoClaim,
    /// The snapshot stays the user's, but checkpoints may refer to it.
    Legacy,
}

/// The options `execution.checkpointing.*` of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointOptions {
    /// Time from one trigger to the next, at least [`Self::min_pause_ms`]; none: no checkpoints.
    pub interval_ms: Option<i64>,
    /// The same while a source works off a backlog; none: no periodic checkpoints meanwhile.
    pub interval_during_backlog_ms: Option<i64>,
    /// What recovery promises.
    pub mode: CheckpointingMode,
    /// Age at which a checkpoint fails.
    pub timeout_ms: i64,
    /// Least time from the completion of one to the next periodic trigger.
    pub min_pause_ms: i64,
    /// How many may be in flight, without savepoints asked for.
    pub max_concurrent_checkpoints: usize,
    /// How many may fail in a row before the job does.
    pub tolerable_failed_checkpoints: u32,
    /// Whether barriers overtake rows; only ever true with exactly-once.
    pub unaligned: bool,
    /// How long an unaligned checkpoint tries to align first.
    pub aligned_checkpoint_timeout_ms: i64,
    /// Whether checkpoints go on when tasks have finished, and a last one commits the rest.
    pub checkpoints_after_tasks_finish: bool,
    /// Which checkpoints outlive the job.
    pub retention: Retention,
    /// How many completed checkpoints are kept, at least 1.
    pub num_retained: usize,
    /// Where checkpoints go.
    pub dir: Option<String>,
    /// Where savepoints go that name no place.
    pub savepoint_dir: Option<String>,
    /// Whether a folder named by the job's id is made in [`Self::dir`].
    pub create_subdir: bool,
    /// Whether checkpoints may refer to files of earlier ones.
    pub incremental: bool,
    /// For tests: what one more such file costs, in bytes; 0: many are taken before all state is
    /// written again.
    pub incremental_file_cost: Option<u64>,
    /// Whether full snapshots are compressed.
    pub snapshot_compression: bool,
    /// State below this many bytes is kept in the metadata.
    pub data_inline_threshold: u64,
}

impl CheckpointOptions {
    /// Reads and checks all of them.
    pub fn from_options(options: &Options) -> Result<CheckpointOptions, OptionError> {
        let keys = Keys(options);
        let mode = keys.mode()?;
        let min_pause_ms =
            keys.ms("execution.checkpointing.min-pause", 0)?.unwrap_or(0).min(LONGEST_PAUSE_MS);
        let interval_ms = keys.ms("execution.checkpointing.interval", SHORTEST_MS)?;
        let unaligned = mode == CheckpointingMode::ExactlyOnce && keys.unaligned()?;
        Ok(CheckpointOptions {
            interval_ms: interval_ms.map(|ms| ms.max(min_pause_ms)),
            interval_during_backlog_ms: keys.interval_during_backlog(interval_ms)?,
            mode,
            timeout_ms: keys
                .ms("execution.checkpointing.timeout", SHORTEST_MS)?
                .unwrap_or(10 * 60 * 1000),
            min_pause_ms,
            max_concurrent_checkpoints: keys.max_concurrent(unaligned)?,
            tolerable_failed_checkpoints: keys
                .count("execution.checkpointing.tolerable-failed-checkpoints", 0)?
                .unwrap_or(0),
            unaligned,
            aligned_checkpoint_timeout_ms: keys.aligned_timeout()?,
            checkpoints_after_tasks_finish: keys.flag(
                &[
                    "execution.checkpointing.checkpoints-after-tasks-finish",
                    "execution.checkpointing.checkpoints-after-tasks-finish.enabled",
                ],
                true,
            )?,
            retention: keys.retention()?,
            num_retained: keys.num_retained()?,
            dir: keys.text(&[
                "execution.checkpointing.dir",
                "state.checkpoints.dir",
                "state.backend.fs.checkpointdir",
            ]),
            savepoint_dir: keys.text(&[
                "execution.checkpointing.savepoint-dir",
                "state.savepoints.dir",
                "savepoints.state.backend.fs.dir",
            ]),
            create_subdir: keys.flag(
                &["execution.checkpointing.create-subdir", "state.checkpoints.create-subdir"],
                true,
            )?,
            incremental: keys.flag(
                &["execution.checkpointing.incremental", "state.backend.incremental"],
                false,
            )?,
            incremental_file_cost: keys.count(INCREMENTAL_FILE_COST, 0)?.map(u64::from),
            snapshot_compression: keys
                .flag(&["execution.checkpointing.snapshot-compression"], false)?,
            data_inline_threshold: keys.inline_threshold()?,
        })
    }

    /// Whether checkpoints are taken at all.
    pub fn is_enabled(&self) -> bool {
        self.interval_ms.is_some()
    }

    /// How the barriers of a snapshot pass. Savepoints hold no rows in flight: they can be
    /// restored with any parallelism and by an edited query.
    pub fn alignment(&self, kind: Kind) -> Alignment {
        match (self.mode, kind) {
            (CheckpointingMode::AtLeastOnce, _) => Alignment::AtLeastOnce,
            (_, Kind::Savepoint { .. }) => Alignment::Aligned,
            _ if !self.unaligned => Alignment::Aligned,
            _ if self.aligned_checkpoint_timeout_ms == 0 => Alignment::Unaligned,
            _ => Alignment::AlignedWithTimeout(self.aligned_checkpoint_timeout_ms),
        }
    }
}

impl Default for CheckpointOptions {
    /// Flink's defaults: no checkpoints.
    fn default() -> CheckpointOptions {
        CheckpointOptions {
            interval_ms: None,
            interval_during_backlog_ms: None,
            mode: CheckpointingMode::ExactlyOnce,
            timeout_ms: 10 * 60 * 1000,
            min_pause_ms: 0,
            max_concurrent_checkpoints: 1,
            tolerable_failed_checkpoints: 0,
            unaligned: false,
            aligned_checkpoint_timeout_ms: 0,
            checkpoints_after_tasks_finish: true,
            retention: Retention::NoExternalizedCheckpoints,
            num_retained: 1,
            dir: None,
            savepoint_dir: None,
            create_subdir: true,
            incremental: false,
            incremental_file_cost: None,
            snapshot_compression: false,
            data_inline_threshold: DEFAULT_INLINE_BYTES,
        }
    }
}

/// The options `execution.state-recovery.*` of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoveryOptions {
    /// The savepoint or checkpoint to start from.
    pub path: Option<String>,
    /// Whose it is then.
    pub claim_mode: ClaimMode,
    /// Whether state that no operator takes may be lost.
    pub ignore_unclaimed_state: bool,
}

impl RecoveryOptions {
    /// Reads all of them.
    pub fn from_options(options: &Options) -> Result<RecoveryOptions, OptionError> {
        let keys = Keys(options);
        Ok(RecoveryOptions {
            path: keys.text(&["execution.state-recovery.path", "execution.savepoint.path"]),
            claim_mode: keys.word(
                &["execution.state-recovery.claim-mode", "execution.savepoint-restore-mode"],
                &[
                    ("NO_CLAIM", ClaimMode::NoClaim),
                    ("CLAIM", ClaimMode::Claim),
                    ("LEGACY", ClaimMode::Legacy),
                ],
            )?,
            ignore_unclaimed_state: keys.flag(
                &[
                    "execution.state-recovery.ignore-unclaimed-state",
                    "execution.savepoint.ignore-unclaimed-state",
                ],
                false,
            )?,
        })
    }
}

/// Reads values under the first spelling that is set.
pub(super) struct Keys<'a>(pub(super) &'a Options);

impl Keys<'_> {
    fn mode(&self) -> Result<CheckpointingMode, OptionError> {
        self.word(
            &["execution.checkpointing.mode"],
            &[
                ("EXACTLY_ONCE", CheckpointingMode::ExactlyOnce),
                ("AT_LEAST_ONCE", CheckpointingMode::AtLeastOnce),
            ],
        )
    }

    fn retention(&self) -> Result<Retention, OptionError> {
        self.word(
            &["execution.checkpointing.externalized-checkpoint-retention"],
            &[
                ("NO_EXTERNALIZED_CHECKPOINTS", Retention::NoExternalizedCheckpoints),
                ("DELETE_ON_CANCELLATION", Retention::DeleteOnCancellation),
                ("RETAIN_ON_CANCELLATION", Retention::RetainOnCancellation),
            ],
        )
    }

    fn unaligned(&self) -> Result<bool, OptionError> {
        self.flag(
            &["execution.checkpointing.unaligned.enabled", "execution.checkpointing.unaligned"],
            false,
        )
    }

    fn aligned_timeout(&self) -> Result<i64, OptionError> {
        let key = self.spelling(&[
            "execution.checkpointing.aligned-checkpoint-timeout",
            "execution.checkpointing.alignment-timeout",
        ]);
        Ok(self.ms(key, 0)?.unwrap_or(0))
    }

    /// Two unaligned checkpoints would have to store each other's rows.
    fn max_concurrent(&self, unaligned: bool) -> Result<usize, OptionError> {
        let key = "execution.checkpointing.max-concurrent-checkpoints";
        let count = self.count(key, 1)?.unwrap_or(1);
        if unaligned && count > 1 {
            return Err(self.error(key, "1, which unaligned checkpoints need"));
        }
        Ok(count as usize)
    }

    /// Zero: none during a backlog. Unset: as ever.
    fn interval_during_backlog(&self, interval: Option<i64>) -> Result<Option<i64>, OptionError> {
        let key = "execution.checkpointing.interval-during-backlog";
        match self.ms(key, 0)? {
            None => Ok(interval),
            Some(0) => Ok(None),
            Some(ms) if ms < SHORTEST_MS => Err(self.error(key, "'0' or at least '10 ms'")),
            Some(ms) if interval.is_none_or(|interval| ms < interval) => {
                Err(self.error(key, "at least 'execution.checkpointing.interval'"))
            }
            Some(ms) => Ok(Some(ms)),
        }
    }

    /// Flink keeps one where fewer are asked for.
    fn num_retained(&self) -> Result<usize, OptionError> {
        let key = self
            .spelling(&["execution.checkpointing.num-retained", "state.checkpoints.num-retained"]);
        let count = self.0.i64(key)?.unwrap_or(1);
        Ok(usize::try_from(count).unwrap_or(1).max(1))
    }

    /// Flink takes its default where the size is out of range.
    fn inline_threshold(&self) -> Result<u64, OptionError> {
        let key = self.spelling(&[
            "execution.checkpointing.data-inline-threshold",
            "state.storage.fs.memory-threshold",
            "state.backend.fs.memory-threshold",
        ]);
        let bytes = self.0.memory(key)?.unwrap_or(DEFAULT_INLINE_BYTES);
        Ok(if bytes <= MAX_INLINE_BYTES { bytes } else { DEFAULT_INLINE_BYTES })
    }

    /// The first of the keys that is set, or the first of all.
    pub(super) fn spelling<'k>(&self, keys: &[&'k str]) -> &'k str {
        keys.iter().copied().find(|key| self.0.get(key).is_some()).unwrap_or(keys[0])
    }

    /// A duration in whole milliseconds, at least `least`.
    pub(super) fn ms(&self, key: &str, least: i64) -> Result<Option<i64>, OptionError> {
        let Some(duration) = self.0.duration(key)? else { return Ok(None) };
        let ms = i64::try_from(duration.as_millis()).unwrap_or(LONGEST_MS).min(LONGEST_MS);
        if ms < least {
            return Err(self.error(key, &format!("a duration of at least '{least} ms'")));
        }
        Ok(Some(ms))
    }

    /// A whole number from `least` to 2^31 - 1.
    pub(super) fn count(&self, key: &str, least: u32) -> Result<Option<u32>, OptionError> {
        let Some(number) = self.0.i64(key)? else { return Ok(None) };
        match u32::try_from(number) {
            Ok(count) if (least..=i32::MAX as u32).contains(&count) => Ok(Some(count)),
            _ => Err(self.error(key, &format!("a whole number of at least {least}"))),
        }
    }

    fn flag(&self, keys: &[&str], default: bool) -> Result<bool, OptionError> {
        Ok(self.0.bool(self.spelling(keys))?.unwrap_or(default))
    }

    fn text(&self, keys: &[&str]) -> Option<String> {
        let text = self.0.get(self.spelling(keys))?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// One of a few words, in any case.
    fn word<T: Copy + Default>(
        &self,
        keys: &[&str],
        words: &[(&str, T)],
    ) -> Result<T, OptionError> {
        let key = self.spelling(keys);
        let Some(text) = self.0.get(key) else { return Ok(T::default()) };
        match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim())) {
            Some((_, value)) => Ok(*value),
            None => {
                let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(self.error(key, &format!("one of {}", names.join(", "))))
            }
        }
    }

    /// That the value of a key is not what is expected.
    pub(super) fn error(&self, key: &str, expected: &str) -> OptionError {
        OptionError {
            key: key.to_owned(),
            value: self.0.get(key).unwrap_or_default().to_owned(),
            expected: expected.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
