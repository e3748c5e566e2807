//! The options of a job, read before anything starts so that what is wrong is said at once.

use std::path::PathBuf;
use std::sync::Arc;

use river_core::checkpoint::{CheckpointOptions, RecoveryOptions, RestartOptions};
use river_core::options::{OptionError, Options};
use river_core::plan::Plan;
use river_core::state_options::{StateBackend, StateOptions};
use river_expr::Session;
use river_runtime::graph::GraphOptions;
use river_runtime::state::StateMemory;
use river_runtime::{Error, Result};

/// All options that decide how a job runs.
pub struct Settings {
    /// Parallelism and chaining.
    pub graph: GraphOptions,
    /// Settings for expressions.
    pub session: Session,
    /// `execution.checkpointing.*`
    pub checkpoints: CheckpointOptions,
    /// `execution.state-recovery.*`
    pub recovery: RecoveryOptions,
    /// `restart-strategy.*`
    pub restart: RestartOptions,
    /// `jobmanager.execution.failover-strategy`
    pub failover: Failover,
    /// The budget of memory; none: state is all kept in memory.
    pub memory: Option<Arc<StateMemory>>,
}

/// What restarts when a task has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failover {
    /// The tasks that rows flow to from the failed one, or from which rows flow to it.
    Region,
    /// All tasks.
    Full,
}

impl Failover {
    fn from_options(options: &Options) -> std::result::Result<Failover, OptionError> {
        let key = "jobmanager.execution.failover-strategy";
        match options.get(key).map(|word| word.trim().to_ascii_lowercase()).as_deref() {
            None | Some("region") => Ok(Failover::Region),
            Some("full") => Ok(Failover::Full),
            Some(_) => Err(OptionError {
                key: key.to_owned(),
                value: options.get(key).unwrap_or_default().to_owned(),
                expected: "one of region, full".to_owned(),
            }),
        }
    }
}

/// Memory of the machine that the process takes when state may go to disk and no size is set.
const MACHINE_PERCENT: u64 = 70;
/// Taken for the memory of a machine that does not tell.
const UNKNOWN_MACHINE_BYTES: u64 = 2 << 30;

impl Settings {
    /// The options of a plan.
    ///
    /// # Errors
    /// Names the option that is wrong.
    pub fn new(plan: &Plan) -> Result<Settings> {
        let invalid = |error: OptionError| Error::input(error.to_string());
        let checkpoints = CheckpointOptions::from_options(&plan.options).map_err(invalid)?;
        let enabled = checkpoints.is_enabled();
        Ok(Settings {
            graph: GraphOptions::from_options(&plan.options)?,
            session: Session::from_options(&plan.options).map_err(Error::input)?,
            recovery: RecoveryOptions::from_options(&plan.options).map_err(invalid)?,
            restart: RestartOptions::from_options(&plan.options, enabled).map_err(invalid)?,
            failover: Failover::from_options(&plan.options).map_err(invalid)?,
            checkpoints,
            memory: memory(&StateOptions::from_options(&plan.options).map_err(invalid)?)?,
        })
    }
}

fn memory(options: &StateOptions) -> Result<Option<Arc<StateMemory>>> {
    let may_spill = options.backend == StateBackend::RocksDb || options.keys_in_memory.is_some();
    let bytes = match options.process_bytes {
        Some(bytes) => bytes,
        None if may_spill => machine_bytes() / 100 * MACHINE_PERCENT,
        None => return Ok(None),
    };
    let dir = options.dir.as_ref().map_or_else(std::env::temp_dir, PathBuf::from);
    StateMemory::new(bytes, &dir, options.keys_in_memory).map(Some)
}

/// Memory of the machine, or of the control group if that has less.
fn machine_bytes() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let groups = ["memory.max", "memory/memory.limit_in_bytes"];
    let group = groups
        .iter()
        .filter_map(|file| read(&format!("/sys/fs/cgroup/{file}")).trim().parse::<u64>().ok());
    let machine = read("/proc/meminfo").lines().find_map(|line| {
        let kib = line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?;
        kib.parse::<u64>().ok().map(|kib| kib * 1024)
    });
    group.chain(machine).min().unwrap_or(UNKNOWN_MACHINE_BYTES)
}
