//! Which barriers' commits have begun, written down beside the files: `.part-<sink>.committed`.
//!
//! After a restart a commit is repeated, and finds its files under their visible names; or not,
//! when somebody has taken them away meanwhile, as consumers of files do (long after, where a job
//! goes on from a savepoint). This file tells such a file from one that is lost: it is written
//! when all files of a commit are known to be there, before the first one becomes visible. It is
//! asked only about files that are gone, so to lose it does no harm but to refuse a restart that
//! could have gone on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::committable::Committable;

/// Runs remembered.
const RUNS: usize = 64;

/// The commits of a sink in all its runs.
#[derive(Debug)]
pub struct Commits {
    table: PathBuf,
    /// Once read.
    runs: Mutex<Option<Vec<RunCommits>>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RunCommits {
    run: String,
    /// By subtask, how many barriers.
    barriers: BTreeMap<u32, u64>,
}

impl Commits {
    /// Those of the sinks of a table.
    pub fn new(table: &Path) -> Commits {
        Commits { table: table.to_owned(), runs: Mutex::new(None) }
    }

    fn path(&self, sink: &str) -> PathBuf {
        self.table.join(format!(".part-{sink}.committed"))
    }

    fn read(&self, sink: &str) -> Vec<RunCommits> {
        let text = fs::read(self.path(sink)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Whether files of a committable may have been taken away.
    pub fn include(&self, of: &Committable) -> bool {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = runs.get_or_insert_with(|| self.read(&of.sink));
        let run = runs.iter().find(|run| run.run == of.run);
        run.and_then(|run| run.barriers.get(&of.subtask)).is_some_and(|count| of.barrier < *count)
    }

    /// Runs of a sink that have committed after the last one of those that `is_known`.
    pub fn runs_after(&self, sink: &str, is_known: impl Fn(&str) -> bool) -> Vec<String> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = runs.get_or_insert_with(|| self.read(sink));
        let Some(last) = runs.iter().rposition(|run| is_known(&run.run)) else { return Vec::new() };
        runs[last + 1..].iter().map(|run| run.run.clone()).collect()
    }

    /// Writes down that a commit of one sink's begins.
    pub fn record(&self, committables: &[&Committable]) {
        let Some(Committable { sink, run: last, .. }) = committables.last() else { return };
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = runs.get_or_insert_with(|| self.read(sink));
        for of in committables {
            let known = runs.iter().position(|run| run.run == of.run);
            let known = known
                .map(|at| runs.remove(at))
                .unwrap_or_else(|| RunCommits { run: of.run.clone(), barriers: BTreeMap::new() });
            runs.push(known); // the latest last
            if let Some(run) = runs.last_mut() {
                let count = run.barriers.entry(of.subtask).or_default();
                *count = (of.barrier + 1).max(*count);
            }
        }
        runs.drain(..runs.len().saturating_sub(RUNS));
        let path = self.path(sink);
        let new = self.table.join(format!(".part-{sink}-{last}.committed"));
        let written = serde_json::to_vec(runs)
            .map_err(std::io::Error::from)
            .and_then(|text| fs::write(&new, text))
            .and_then(|()| fs::rename(&new, &path));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "cannot write down what is committed");
        }
    }

    /// Nobody will ask any more.
    pub fn forget(&self, sink: &str) {
        let _ = fs::remove_file(self.path(sink)); // mostly there is none
    }
}
