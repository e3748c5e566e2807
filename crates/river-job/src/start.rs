//! The start of a job: options, storage, what it goes on from, tasks.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crossbeam_channel::Sender;
use river_checkpoint::{ErrorKind, Place, Restore, discard, layout, locate};
use river_core::checkpoint::ClaimMode;
use river_core::plan::Plan;
use river_runtime::{Batch, Error, Result};

use crate::checkpoints::JobFacts;
use crate::fallback::with_fallback;
use crate::launch::{Initial, Launch};
use crate::recovery::Recovery;
use crate::settings::Settings;
use crate::{Components, Shared, Tasks, VertexInfo, supervise};

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
    let initial = recover(&settings, &plan, &keys)?.map(Arc::new);
    let job = JobFacts { id, plan, home, options: settings.checkpoints.clone() };
    let channel = supervise::channel();
    let events = channel.0.clone();
    let mut launch = Launch::new(settings, job, components, collector, events.clone(), initial)?;
    let launched = launch.make_first()?;
    let shared = Arc::new(Shared {
        id: launch.job.id.clone(),
        started: Instant::now(),
        vertices: launch.topology.graph.vertices.iter().map(VertexInfo::new).collect(),
        tasks: Mutex::new(Tasks::new(&launch.topology, &launched)),
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
fn recover(settings: &Settings, plan: &Plan, keys: &Keys) -> Result<Option<Initial>> {
    let options = &settings.recovery;
    let Some(path) = &options.path else { return Ok(None) };
    let located = locate::locate(path, keys)?;
    let folder = river_storage::parent(&located.path).unwrap_or_default().to_owned();
    let place = Place { storage: located.storage, folder };
    let restore = Restore::open_whole(place.storage.clone(), &located.path).map_err(|error| {
        match error.kind() {
            ErrorKind::Damaged => with_fallback(error.into(), &place),
            _ => error.into(),
        }
    })?;
    let recovery = Recovery::new(restore, place, plan, options.ignore_unclaimed_state)?;
    tracing::info!(from = recovery.uri(), "the job goes on from a checkpoint");
    let is_claimed = options.claim_mode == ClaimMode::Claim;
    if is_claimed {
        sweep(recovery.place());
    }
    Ok(Some(Initial { recovery, is_claimed }))
}

/// Removes what the job that made a claimed checkpoint has left of others, if it was killed.
fn sweep(place: &Place) {
    let job_folder = river_storage::parent(&place.folder).unwrap_or_default();
    match discard::sweep_shared(place.storage.as_ref(), job_folder, None) {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "removed files that no checkpoint needs"),
        Err(error) => tracing::warn!(%error, "cannot remove files that no checkpoint needs"),
    }
}

fn open(uri: &str, keys: &Keys) -> Result<(Arc<dyn river_storage::Storage>, String)> {
    river_storage::open(uri, keys).map_err(|error| Error::environment(error.to_string()))
}
