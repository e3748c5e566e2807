//! Output of after the checkpoint that a job goes on from.
//!
//! After the latest checkpoint nothing has been committed. Someone who goes back to an older one,
//! because the latest is damaged or the query was wrong, has files in the table whose rows will be
//! written again. They are visible and may have been read, so they are not removed, as Flink does
//! not; but whoever starts the job is told which they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::commits::Commits;
use super::committable::Committable;
use super::run::walk;

/// Files that an error or warning lists.
const LISTED: usize = 100;

/// The visible files of a sink that the checkpoint with these committables does not know, sorted.
/// Where that cannot be told, there are none.
pub fn files_after(table: &Path, committables: &[Committable], commits: &Commits) -> Vec<PathBuf> {
    let Some(Committable { sink, .. }) = committables.first() else { return Vec::new() };
    let mut next = BTreeMap::new();
    for of in committables {
        let known: &mut Option<u64> = next.entry((of.run.as_str(), of.subtask)).or_default();
        *known = of.next_file.max(*known);
    }
    let is_known = |run: &str| committables.iter().any(|of| of.run == run);
    let later_runs = commits.runs_after(sink, is_known);
    let is_later = |name: &str| {
        let mut parts = name.split('-');
        let (Some(run), Some(subtask), Some(number)) = (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let (Ok(subtask), Ok(number)) = (subtask.parse(), number.parse::<u64>()) else {
            return false;
        };
        let next = next.get(&(run, subtask)).copied().flatten();
        next.is_some_and(|next| number >= next) || later_runs.iter().any(|later| later == run)
    };
    let prefix = format!("part-{sink}-");
    let mut files = Vec::new();
    walk(table, &mut |path, name| {
        if name.strip_prefix(&prefix).is_some_and(is_later) {
            files.push(path.to_owned());
        }
    });
    files.sort();
    files
}

/// What to say of them.
pub fn warning(table: &str, files: &[PathBuf]) -> String {
    let mut text = format!(
        "table {table}: the job goes on from a checkpoint after which output was committed, and \
         will write the rows of these files again; if they must not be there twice, remove the \
         files:"
    );
    for file in files.iter().take(LISTED) {
        text += &format!("\n  {}", file.display());
    }
    if files.len() > LISTED {
        text += &format!("\n  and {} more", files.len() - LISTED);
    }
    text
}
