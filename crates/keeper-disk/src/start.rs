//! What a server starts from (Apache's `FileTxnSnapLog.restore`).
//!
//! The caller loads the first candidate that loads, and replays the log after it
//! ([`crate::log::Replay`]).

use crate::disk::Disk;
use crate::layout::Layout;
use crate::name::{self, FileKind, FileName};
use crate::{Error, Result, snapshot};

/// Snapshots tried before a start is given up.
const CANDIDATES_MAX: usize = 100;

/// Settings of the start; names of Apache's system properties, without `zookeeper.`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartOptions {
    /// `snapshot.trust.empty`: logs without a snapshot are replayed from the beginning.
    pub trust_empty: bool,
    /// `db.autocreate`: a server without data begins with an empty tree.
    pub autocreate: bool,
}

impl Default for StartOptions {
    fn default() -> StartOptions {
        StartOptions { trust_empty: false, autocreate: true }
    }
}

/// What to start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The first of these snapshots that loads, newest first, and the log after it.
    Snapshots(Vec<FileName>),
    /// An empty tree, and the log from its beginning.
    Log,
    /// An empty tree, of which a snapshot is to be written at zxid 0.
    New,
    /// Nothing, and so no vote until a leader has sent a snapshot.
    Waiting,
}

/// Looks at the folders. Snapshots that are cut short are left out, with a warning.
pub fn decide(disk: &dyn Disk, layout: &Layout, options: StartOptions) -> Result<Start> {
    let all = snapshot::list(disk, &layout.snap_dir)?;
    let mut candidates = Vec::new();
    for file in all.iter().take(CANDIDATES_MAX) {
        let path = layout.snap_dir.join(&file.name);
        if snapshot::looks_complete(disk, &path)? {
            candidates.push(file.clone());
        } else {
            tracing::warn!("{} is not complete; an older snapshot is used", path.display());
        }
    }
    // Taken in any case, so that it is not there for a later start.
    let initialize = layout.take_initialize(disk)?;
    if !candidates.is_empty() {
        return Ok(Start::Snapshots(candidates));
    }
    if !all.is_empty() {
        return Err(no_snapshot(layout, "none of its snapshots is complete"));
    }
    let names = disk.list(&layout.log_dir).map_err(Error::io("list", &layout.log_dir))?;
    match name::sorted(&names, FileKind::Log).is_empty() {
        false if options.trust_empty => Ok(Start::Log),
        false => Err(no_snapshot(layout, "it has logs, but no snapshot")),
        true if options.autocreate || initialize => Ok(Start::New),
        true => Ok(Start::Waiting),
    }
}

fn no_snapshot(layout: &Layout, what: &str) -> Error {
    let folder = layout.snap_dir.display();
    Error::Refused(format!(
        "nothing to start from in {folder}: {what}. In an ensemble, move {folder} and {} away and \
         start: the leader sends a snapshot. Logs that reach back to the first transaction (an \
         upgrade from 3.4) are read alone with snapshot.trust.empty=true",
        layout.log_dir.display()
    ))
}
