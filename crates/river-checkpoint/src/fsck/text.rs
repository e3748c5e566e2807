//! The text of a report.

use std::fmt::{self, Display, Formatter};

use super::{CheckpointReport, Finding, Problem, Report};
use crate::Kind;
use crate::units::{age, bytes, counted, time};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.path)?;
        for job in &self.jobs {
            let count = counted(job.checkpoints.len() as u64, "complete checkpoint");
            match job.job_name.is_empty() {
                true => writeln!(f, "job {}: {count}", job.job_id)?,
                false => writeln!(f, "job {} '{}': {count}", job.job_id, job.job_name)?,
            }
            job.checkpoints.iter().try_for_each(|checkpoint| write_checkpoint(f, checkpoint))?;
        }
        if !self.savepoints.is_empty() {
            writeln!(f, "{}", counted(self.savepoints.len() as u64, "savepoint"))?;
            self.savepoints.iter().try_for_each(|savepoint| write_checkpoint(f, savepoint))?;
        }
        if self.findings.is_empty() {
            return writeln!(f, "nothing is left over or missing");
        }
        writeln!(f, "{}", counted(self.findings.len() as u64, "finding"))?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "  {finding}"))
    }
}

fn write_checkpoint(f: &mut Formatter<'_>, checkpoint: &CheckpointReport) -> fmt::Result {
    let CheckpointReport { path, checkpoint: number, timestamp_ms, files, .. } = checkpoint;
    let files = counted(*files as u64, "file");
    let of = match checkpoint.kind {
        Kind::Checkpoint => format!("checkpoint {number}"),
        Kind::Savepoint => format!("savepoint {number} of job '{}'", checkpoint.job_name),
    };
    writeln!(f, "  {path}: {of}, {}, {files}, {}", bytes(checkpoint.bytes), time(*timestamp_ms))
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            Problem::Incomplete => "incomplete",
            Problem::Orphan => "orphan",
            Problem::Temporary => "temporary",
            Problem::MissingFile => "MISSING",
            Problem::WrongSize => "WRONG SIZE",
            Problem::DamagedFile | Problem::DamagedMetadata => "DAMAGED",
            Problem::Unknown => "unknown",
        };
        write!(f, "{problem}  {}: {}", self.path, self.detail)?;
        if self.bytes > 0 {
            write!(f, ", {}", bytes(self.bytes))?;
        }
        match self.age_ms {
            Some(age_ms) => write!(f, ", {} old", age(age_ms)),
            None => Ok(()),
        }
    }
}
