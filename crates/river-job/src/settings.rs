//! The options of a job, read before anything starts so that what is wrong is said at once.

use river_core::checkpoint::{CheckpointOptions, RecoveryOptions, RestartOptions};
use river_core::options::OptionError;
use river_core::plan::Plan;
use river_expr::Session;
use river_runtime::graph::GraphOptions;
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
}

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
            checkpoints,
        })
    }
}
