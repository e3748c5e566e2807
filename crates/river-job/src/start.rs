//! The start of a job: options, storage, what it goes on from, tasks.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crossbeam_channel::Sender;
use river_checkpoint::{ErrorKind, Place, layout, locate};
use river_core::checkpoint::ClaimMode;
use river_core::plan::Plan;
use river_runtime::{Batch, Error, Result};

use crate::checkpoints::JobFacts;
use crate::fallback::with_fallback;
use crate::launch::Launch;
use crate::recovery::{self, Recovery};
use crate::settings::Settings;
use crate::{Components, Shared, Tasks, supervise};

/// Options by key, as storage takes them.
type Keys = std::collections::BTreeMap<String, String>;

/// See [`crate::run`].
pub fn start(
    plan: &Plan,
    components: Arc<dyn Components>,
    collector: Option<Sender<Batch>>,
) -> Result<Arc<Shared>> {
    let settings = Settings::new(plan)?;
    let keys: Keys =
        plan.options.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let plan = Arc::new(plan.clone());
    let id = layout::new_job_id();
    let home = match collector.is_none() && settings.checkpoints.is_enabled() {
        true => Some(home(&settings, &keys, &id)?),
        false => None,
    };
    let job = JobFacts { id, plan: plan.clone(), home, options: settings.checkpoints.clone() };
    let channel = supervise::channel();
    let events = channel.0.clone();
    let mut launch =
        Launch::new(plan.clone(), settings, job, components, collector, events.clone());
    launch.initial = recover(&mut launch, &plan, &keys)?.map(Arc::new);
    let launched = launch.make(launch.initial.clone().as_deref())?;
    let shared = Arc::new(Shared {
        id: launch.job.id.clone(),
        started: Instant::now(),
        vertices: launched.vertices.clone(),
        tasks: Mutex::new(Tasks {
            metrics: launched.metrics.clone(),
            queues: launched.queues.clone(),
            signals: launched.signals.clone(),
            stopping: false,
        }),
        checkpoints: Mutex::default(),
        savepoint_dir: launch.settings.checkpoints.savepoint_dir.clone(),
        options: keys,
        events,
        outcome: Mutex::new(None),
        ended: Condvar::new(),
    });
    supervise::start(launch, launched, shared.clone(), channel)?;
    Ok(shared)
}

/// Where the job's checkpoints go: without a directory, to one that lasts as long as the process
/// wants it (`jobmanager` storage).
fn home(settings: &Settings, keys: &Keys, id: &str) -> Result<Place> {
    let temporary;
    let dir = match &settings.checkpoints.dir {
        Some(dir) => dir,
        None => {
            temporary = std::env::temp_dir().join("river-checkpoints").display().to_string();
            &temporary
        }
    };
    let (storage, path) = open(dir, keys)?;
    let folder = layout::job_folder(&path, id, settings.checkpoints.create_subdir);
    Ok(Place { storage, folder })
}

/// Opens the checkpoint that the options name, if they do.
fn recover(launch: &mut Launch, plan: &Plan, keys: &Keys) -> Result<Option<Recovery>> {
    let options = launch.settings.recovery.clone();
    let Some(path) = &options.path else { return Ok(None) };
    let located = locate::locate(path, keys)?;
    let folder = river_storage::parent(&located.path).unwrap_or_default().to_owned();
    let place = Place { storage: located.storage, folder };
    let restore = recovery::open(&place).map_err(|error| match error.kind() {
        ErrorKind::Damaged => with_fallback(error.into(), &place),
        _ => error.into(),
    })?;
    let recovery = Recovery::new(restore, place.clone(), plan, options.ignore_unclaimed_state)?;
    launch.next_checkpoint = recovery.checkpoint() + 1;
    if options.claim_mode == ClaimMode::Claim {
        launch.claimed = Some((recovery.checkpoint(), place));
    }
    tracing::info!(from = recovery.uri(), "the job goes on from a checkpoint");
    Ok(Some(recovery))
}

fn open(uri: &str, keys: &Keys) -> Result<(Arc<dyn river_storage::Storage>, String)> {
    river_storage::open(uri, keys).map_err(|error| Error::environment(error.to_string()))
}
