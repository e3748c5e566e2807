//! The splits that nobody reads yet, shared by the readers of a table, and how they outlive a
//! restart although every reader takes its snapshot at a time of its own.
//!
//! What is to be read after a restore is worked out by subtraction: *all splits listed, less
//! those in any reader's snapshot*. A reader keeps what it has taken, done or not, and no other
//! ever takes it. So a split taken before its reader's snapshot is in that snapshot and in no
//! other; one taken after it is in none, whether other readers' snapshots came before or after,
//! and is read again from its beginning, as it must be: its rows came behind the barrier. (To
//! store "what is pending now" would lose a split that one reader takes between its own snapshot
//! and that of the reader which stores the pending ones.)
//!
//! What was listed is known as in Flink's enumerators:
//! * Bounded (`StaticFileSplitEnumerator`): the table is listed once in its life. The listing is
//!   part of subtask 0's snapshot, which makes it if nobody has; files that appear later are
//!   never read. The state is bounded by the number of splits.
//! * Monitored (`ContinuousFileSplitEnumerator`): listed again and again, after a restore too,
//!   which finds what was pending. The state has the name of every file ever read, as Flink's has,
//!   also of those that are gone (a file of the same name is not read again): some ten to forty
//!   bytes each, bounded by nothing but the number of files.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use river_runtime::{Error, Result};

use super::listing::Lister;
use super::names;
use super::split::{Split, encode_listing};

/// Splits to be handed out. Behind a lock; a change is whole or not at all.
#[derive(Debug, Default)]
pub struct Queue {
    pending: VecDeque<Split>,
    /// Identities of all splits ever listed or restored.
    known: HashSet<Box<str>>,
    /// Those among the pending ones that turned out to be somebody's.
    taken: HashSet<Box<str>>,
    /// Of a bounded source, encoded.
    listing: Option<Arc<[u8]>>,
    listed: Option<Instant>,
    /// Why the table could not be listed: all readers fail with it, so that no snapshot tells of
    /// a listing that another one lacks.
    failed: Option<Error>,
}

impl Queue {
    /// Adds the splits that `list` finds, if it is time to look: at first, and again every
    /// `monitor`.
    pub fn list_if_due(
        &mut self,
        monitor: Option<Duration>,
        list: impl FnOnce() -> Result<Vec<Split>>,
    ) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let due = match (self.listed, monitor) {
            (None, _) => true,
            (Some(listed), Some(interval)) => listed.elapsed() >= interval,
            (Some(_), None) => false,
        };
        if !due {
            return Ok(());
        }
        let splits = list().inspect_err(|error| self.failed = Some(error.clone()))?;
        if monitor.is_none() {
            self.listing = Some(encode_listing(&splits).into());
        }
        splits.into_iter().for_each(|split| self.offer(split));
        self.listed = Some(Instant::now());
        Ok(())
    }

    fn offer(&mut self, split: Split) {
        if self.known.insert(split.identity().into()) {
            self.pending.push_back(split);
        }
    }

    /// A split of a snapshot: it is not handed out.
    pub fn claim(&mut self, identity: &str) {
        if !self.known.insert(identity.into()) {
            self.taken.insert(identity.into());
        }
    }

    /// All splits as a bounded source once listed them: it will not be listed again. A source that
    /// is monitored since takes them as found, and looks for more.
    pub fn restore_listing(
        &mut self,
        records: &[u8],
        monitored: bool,
        lister: &Lister,
    ) -> Result<()> {
        names::for_each(records, |record| {
            self.offer(Split::from_record(record, lister)?);
            Ok(())
        })?;
        if !monitored {
            self.listing = Some(records.into());
            self.listed = Some(Instant::now());
        }
        Ok(())
    }

    /// The listing of a bounded source, once it is made.
    pub fn listing(&self) -> Option<Arc<[u8]>> {
        self.listing.clone()
    }

    /// The next split.
    pub fn pop(&mut self) -> Option<Split> {
        loop {
            let split = self.pending.pop_front()?;
            if self.taken.is_empty() || !self.taken.remove(split.identity().as_str()) {
                return Some(split);
            }
        }
    }
}
