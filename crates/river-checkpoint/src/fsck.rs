//! What is in a storage directory and whether it belongs there: jobs, their checkpoints, and what
//! is left over. Reads listings and metadata, and if asked to all state files too, as
//! [`crate::verify`](mod@crate::verify) does.
//!
//! Works offline, on a checkpoint directory, a savepoint directory or the folder of one job. A
//! running job's checkpoint in progress looks like one that was left behind, so only what is older
//! than an age is ever removed ([`Report::remove_older_than`]), and never anything of a complete
//! checkpoint or of an unknown name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use river_storage::{Entry, Storage};
use serde::Serialize;

use crate::layout::{self, METADATA, NO_CHECKPOINTS, SHARED};
use crate::layout::{checkpoint_number, is_job_id, is_savepoint};
use crate::metadata::{FileHandle, Kind, StateFile};
use crate::{Error, ErrorKind, Result, VertexState, verify};

#[cfg(test)]
mod tests;
mod text;

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Listings and metadata: finds files that are missing, left over or of another size.
    Listings,
    /// All files of all complete checkpoints too: finds every changed byte.
    Everything,
}

/// What was found below a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Full URI of the directory.
    pub path: String,
    /// Jobs with checkpoints.
    pub jobs: Vec<JobReport>,
    /// Savepoints, and checkpoints that are not in a job's folder.
    pub savepoints: Vec<CheckpointReport>,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

/// The checkpoints of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobReport {
    /// Full URI of its folder.
    pub path: String,
    /// Its id, from the folder's name or a checkpoint's metadata; empty if neither tells.
    pub job_id: String,
    /// Its name, from the newest metadata; empty if there is none.
    pub job_name: String,
    /// Its complete checkpoints, in the order of their numbers.
    pub checkpoints: Vec<CheckpointReport>,
}

/// A complete checkpoint or savepoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckpointReport {
    /// Full URI of its folder.
    pub path: String,
    /// What it was made for.
    pub kind: Kind,
    /// Its number.
    pub checkpoint: u64,
    /// Id of its job.
    pub job_id: String,
    /// Name of its job.
    pub job_name: String,
    /// When it was triggered, milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Bytes of its files, metadata included.
    pub bytes: u64,
    /// Number of files, metadata included.
    pub files: usize,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub problem: Problem,
    /// Full URI of the file or folder.
    pub path: String,
    /// What is wrong, for people.
    pub detail: String,
    /// Bytes that it takes.
    pub bytes: u64,
    /// Time since it was last changed; `None` where the storage does not say.
    pub age_ms: Option<i64>,
    /// Path in the storage.
    #[serde(skip)]
    place: String,
    #[serde(skip)]
    is_dir: bool,
}

/// Kinds of [`Finding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// A folder of a checkpoint without metadata: being made, given up, or half removed.
    Incomplete,
    /// A file in a checkpoint's folder that its metadata does not name.
    Orphan,
    /// An unfinished write.
    Temporary,
    /// A file that metadata names and that is not there.
    MissingFile,
    /// A file that has another size than metadata says.
    WrongSize,
    /// A file of the right size that does not hold what was written.
    DamagedFile,
    /// Metadata that cannot be read.
    DamagedMetadata,
    /// Something that is none of ours.
    Unknown,
}

impl Problem {
    /// Whether it may be removed once it is old enough. The others are for someone to decide.
    pub fn is_removable(self) -> bool {
        matches!(self, Problem::Incomplete | Problem::Orphan | Problem::Temporary)
    }
}

/// Looks at what is below the directory `uri`. `now_ms` is the wall clock, for ages.
///
/// # Errors
/// The directory is not there, or cannot be listed.
pub fn fsck(
    uri: &str,
    options: &BTreeMap<String, String>,
    now_ms: i64,
    reads: Reads,
) -> Result<(Arc<dyn Storage>, Report)> {
    let (storage, path) = river_storage::open(uri, options)?;
    let report = examine(&storage, &path, now_ms, reads)?;
    Ok((storage, report))
}

/// Looks at what is below the folder `path` of a storage.
///
/// # Errors
/// The folder is not there, or cannot be listed.
pub fn examine(
    storage: &Arc<dyn Storage>,
    path: &str,
    now_ms: i64,
    reads: Reads,
) -> Result<Report> {
    let report = Report {
        path: storage.display(path),
        jobs: Vec::new(),
        savepoints: Vec::new(),
        findings: Vec::new(),
    };
    let mut examination = Examination { storage, now_ms, reads, report };
    let entries = storage.list(path, false)?;
    if entries.is_empty() {
        let message = format!("{} is not there, or empty", storage.display(path));
        return Err(Error::new(ErrorKind::Path, message));
    }
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if entries.iter().any(|entry| entry.name() == METADATA)
        || checkpoint_number(name).is_some()
        || is_savepoint(name)
    {
        let found = examination.checkpoint(path, None, &mut BTreeSet::new())?;
        examination.report.savepoints.extend(found);
    } else if is_job_id(name) {
        examination.job(path, name, entries)?;
    } else {
        examination.directory(path, entries)?;
    }
    for entry in storage.list_unfinished(path)? {
        examination.find(Problem::Temporary, &entry, "an unfinished write".to_owned());
    }
    Ok(examination.report)
}

struct Examination<'s> {
    storage: &'s Arc<dyn Storage>,
    now_ms: i64,
    reads: Reads,
    report: Report,
}

impl Examination<'_> {
    /// A directory of jobs and savepoints, or (without `create-subdir`) of one job's checkpoints.
    fn directory(&mut self, path: &str, entries: Vec<Entry>) -> Result<()> {
        let of_job = |entry: &Entry| {
            checkpoint_number(entry.name()).is_some() || NO_CHECKPOINTS.contains(&entry.name())
        };
        let (own, others): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.is_dir && of_job(entry));
        if !own.is_empty() {
            self.job(path, "", own)?;
        }
        for entry in others {
            if entry.is_dir && is_job_id(entry.name()) {
                let entries = self.storage.list(&entry.path, false)?;
                self.job(&entry.path, entry.name(), entries)?;
            } else if entry.is_dir && is_savepoint(entry.name()) {
                let found = self.checkpoint(&entry.path, Some(&entry), &mut BTreeSet::new())?;
                self.report.savepoints.extend(found);
            } else {
                self.unknown(&entry);
            }
        }
        Ok(())
    }

    /// The folder of a job.
    fn job(&mut self, path: &str, job_id: &str, entries: Vec<Entry>) -> Result<()> {
        let mut checkpoints = Vec::new();
        let mut named = BTreeSet::new();
        let has_shared = entries.iter().any(|entry| entry.is_dir && entry.name() == SHARED);
        // Before the checkpoints: what one of them names and that was made later is no orphan.
        let mut shared = match has_shared {
            true => self.storage.list(&river_storage::join(path, SHARED), false)?,
            false => Vec::new(),
        };
        let damaged = self.count(Problem::DamagedMetadata);
        for entry in entries {
            if entry.is_dir && checkpoint_number(entry.name()).is_some() {
                checkpoints.extend(self.checkpoint(&entry.path, Some(&entry), &mut named)?);
            } else if !(entry.is_dir && NO_CHECKPOINTS.contains(&entry.name())) {
                self.unknown(&entry);
            }
        }
        let unread = self.count(Problem::DamagedMetadata) - damaged;
        checkpoints.sort_by_key(|checkpoint| checkpoint.checkpoint);
        let complete = checkpoints.last().map_or(0, |newest| newest.checkpoint);
        shared.retain(|entry| !named.contains(entry.name()));
        // The job may run: what went while its checkpoints were read is no orphan.
        shared.retain(|entry| self.storage.size(&entry.path).is_ok());
        self.unnamed_shared_files(&shared, complete, unread);
        let newest = checkpoints.last();
        let job_id = match newest {
            Some(newest) if job_id.is_empty() => newest.job_id.clone(),
            _ => job_id.to_owned(),
        };
        let job_name = newest.map_or_else(String::new, |newest| newest.job_name.clone());
        let path = self.storage.display(path);
        self.report.jobs.push(JobReport { path, job_id, job_name, checkpoints });
        Ok(())
    }

    /// Shared files that no metadata names, of a job whose newest complete checkpoint has that
    /// number; some metadata may not have been read.
    fn unnamed_shared_files(&mut self, files: &[Entry], complete: u64, unread: usize) {
        for entry in files {
            let made_by = layout::shared_origin(entry.name()).map(|(_, checkpoint)| checkpoint);
            let (problem, detail) = match made_by {
                None => (Problem::Unknown, "a file that is none of ours; not looked at"),
                _ if unread > 0 => (Problem::Unknown, "no metadata that can be read names it"),
                Some(checkpoint) if checkpoint > complete => {
                    (Problem::Incomplete, "of a checkpoint that was never completed")
                }
                Some(_) => (Problem::Orphan, "no metadata names it"),
            };
            self.find(problem, entry, detail.to_owned());
        }
    }

    fn count(&self, problem: Problem) -> usize {
        self.report.findings.iter().filter(|finding| finding.problem == problem).count()
    }

    /// A folder of a checkpoint; `None` unless it is complete. The shared files that it names are
    /// added to `shared`.
    fn checkpoint(
        &mut self,
        folder: &str,
        entry: Option<&Entry>,
        shared: &mut BTreeSet<String>,
    ) -> Result<Option<CheckpointReport>> {
        let content = self.storage.list(folder, false)?;
        let bytes: u64 = content.iter().map(|entry| entry.size).sum();
        let Some(metadata) = content.iter().find(|entry| entry.name() == METADATA) else {
            self.incomplete(folder, entry, &content);
            return Ok(None);
        };
        let read = match layout::read(self.storage.as_ref(), &metadata.path) {
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::Storage(_)) => return Err(error),
            Err(error) => {
                let uri = self.storage.display(&metadata.path);
                self.find(Problem::DamagedMetadata, metadata, error.reason(&uri).to_owned());
                return Ok(None);
            }
        };
        let mut named = BTreeSet::from([METADATA]);
        let beside = match read.shared_files().next() {
            Some(_) => self.storage.list(&layout::shared_folder(folder), false)?,
            None => Vec::new(),
        };
        for (vertex, _, file) in verify::files(&read) {
            let handle = match file {
                StateFile::Stored(handle) => handle,
                StateFile::Inline(_) => continue, // the metadata's checksum covers it
            };
            let entries = if handle.shared { &beside } else { &content };
            match handle.shared {
                true => drop(shared.insert(handle.name.clone())),
                false => drop(named.insert(&handle.name)),
            }
            let entry = entries.iter().find(|entry| entry.name() == handle.name);
            self.state_file(folder, file, handle, entry, vertex)?;
        }
        for entry in content.iter().filter(|entry| !named.contains(entry.name())) {
            self.find(Problem::Orphan, entry, "no metadata names it".to_owned());
        }
        Ok(Some(CheckpointReport {
            path: self.storage.display(folder),
            kind: read.kind,
            checkpoint: read.checkpoint,
            job_id: read.job_id.clone(),
            job_name: read.job_name.clone(),
            timestamp_ms: read.timestamp_ms,
            bytes: bytes + read.files().filter(|file| file.shared).map(|f| f.bytes).sum::<u64>(),
            files: read.files().count() + 1,
        }))
    }

    /// A file that metadata names.
    fn state_file(
        &mut self,
        folder: &str,
        file: &StateFile,
        handle: &FileHandle,
        entry: Option<&Entry>,
        vertex: &VertexState,
    ) -> Result<()> {
        let place = handle.path(folder);
        let (problem, detail) = match entry {
            Some(entry) if entry.size == handle.bytes => {
                if self.reads == Reads::Listings {
                    return Ok(());
                }
                match verify::verify_file(self.storage, folder, file, vertex) {
                    Ok(_) => return Ok(()),
                    Err(error) if matches!(error.kind(), ErrorKind::Storage(_)) => {
                        return Err(error);
                    }
                    Err(error) => {
                        let reason = error.reason(&self.storage.display(&place)).to_owned();
                        (Problem::DamagedFile, reason)
                    }
                }
            }
            Some(Entry { size, .. }) => {
                let detail = format!("has {size} bytes, but {} were written", handle.bytes);
                (Problem::WrongSize, detail)
            }
            None => (Problem::MissingFile, format!("is missing ({} bytes)", handle.bytes)),
        };
        let entry = Entry { path: place, size: 0, modified_ms: 0, is_dir: false };
        self.find(problem, &entry, detail);
        Ok(())
    }

    /// A folder without metadata. It is as old as the newest thing in it.
    fn incomplete(&mut self, folder: &str, entry: Option<&Entry>, content: &[Entry]) {
        let times = content.iter().chain(entry).map(|entry| entry.modified_ms);
        let entry = Entry {
            path: folder.to_owned(),
            size: content.iter().map(|entry| entry.size).sum(),
            modified_ms: times.max().unwrap_or(0),
            is_dir: true,
        };
        let detail = match content.len() {
            0 => "an empty folder, without _metadata".to_owned(),
            count => format!(
                "{} but no _metadata: never completed, or that was deleted",
                crate::units::counted(count as u64, "file")
            ),
        };
        self.find(Problem::Incomplete, &entry, detail);
    }

    fn unknown(&mut self, entry: &Entry) {
        let what = if entry.is_dir { "folder" } else { "file" };
        let detail = format!("a {what} that is none of ours; not looked at");
        self.find(Problem::Unknown, entry, detail);
    }

    fn find(&mut self, problem: Problem, entry: &Entry, detail: String) {
        self.report.findings.push(Finding {
            problem,
            path: self.storage.display(&entry.path),
            detail,
            bytes: entry.size,
            age_ms: (entry.modified_ms > 0).then(|| (self.now_ms - entry.modified_ms).max(0)),
            place: entry.path.clone(),
            is_dir: entry.is_dir,
        });
    }
}

impl Report {
    /// Whether nothing is wrong. Incomplete checkpoints and unfinished writes may be those of a
    /// running job, and what is unknown may be anyone's.
    pub fn is_sound(&self) -> bool {
        let wrong = |finding: &Finding| {
            use Problem::{DamagedFile, DamagedMetadata, MissingFile, Orphan, WrongSize};
            let problem = finding.problem;
            matches!(problem, DamagedFile | DamagedMetadata | MissingFile | Orphan | WrongSize)
        };
        !self.findings.iter().any(wrong)
    }

    /// The findings that may be removed and have not changed for so long. What has no known age is
    /// not among them.
    pub fn removable(&self, age_ms: i64) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| {
            finding.problem.is_removable() && finding.age_ms.is_some_and(|age| age >= age_ms)
        })
    }

    /// Removes [`Report::removable`] from the storage that the report is of. Returns what was
    /// removed; stops at the first error.
    ///
    /// # Errors
    /// The storage's.
    pub fn remove_older_than(&self, storage: &dyn Storage, age_ms: i64) -> Result<Vec<&Finding>> {
        let mut removed = Vec::new();
        for finding in self.removable(age_ms) {
            // It may have been completed since it was looked at.
            let metadata = river_storage::join(&finding.place, METADATA);
            if finding.is_dir && storage.size(&metadata).is_ok() {
                continue;
            }
            match finding.is_dir {
                true => storage.delete_dir(&finding.place)?,
                false => storage.delete(&finding.place)?,
            }
            removed.push(finding);
        }
        Ok(removed)
    }
}
