//! Partitions that have rows and are not marked complete, of all writers of a sink
//! (`PartitionCommitter`, `PartitionCommitTrigger`).
//!
//! A partition can be marked once a checkpoint that holds rows of it is committed, and its time
//! has passed by what the writers knew at that checkpoint's barrier: the least of their
//! watermarks. Rows behind the barrier make it pending again. Nothing here reads a clock or
//! touches a file.

use std::collections::BTreeMap;

use river_runtime::Result;

use super::committable::Committable;

/// The partitions, and how far the writers are committed.
#[derive(Debug, Default)]
pub struct PendingPartitions {
    writers: BTreeMap<u32, Progress>,
    /// By partition and subtask.
    written: BTreeMap<String, BTreeMap<u32, Written>>,
    /// Committed in an earlier run, with the time of their first row.
    restored: BTreeMap<String, i64>,
}

/// How far a writer is committed.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Number of its barriers that are, with none left out.
    barriers: u64,
    /// At the last of them.
    watermark: Option<i64>,
}

/// A writer's rows of a partition.
#[derive(Debug, Clone, Copy)]
struct Written {
    since_ms: i64,
    /// Number of the barriers before the first row, and before the last.
    first: u64,
    last: u64,
}

impl PendingPartitions {
    /// A writer starts: its watermark counts from now on.
    pub fn add_writer(&mut self, subtask: u32) {
        self.writers.insert(subtask, Progress::default());
    }

    /// Whether a writer has started.
    pub fn has_writers(&self) -> bool {
        !self.writers.is_empty()
    }

    /// A writer was never used, as its subtask had ended in an earlier run.
    pub fn remove_writer(&mut self, subtask: u32) {
        self.writers.remove(&subtask);
    }

    /// A writer that is past `barriers` barriers writes rows of a partition.
    pub fn write(&mut self, subtask: u32, barriers: u64, partition: &str, now_ms: i64) {
        if !self.written.contains_key(partition) {
            self.written.insert(partition.to_owned(), BTreeMap::new());
        }
        let Some(writers) = self.written.get_mut(partition) else { return };
        let new = Written { since_ms: now_ms, first: barriers, last: barriers };
        writers.entry(subtask).or_insert(new).last = barriers;
    }

    /// What is pending as far as a writer can tell at a barrier: what it wrote itself, and what
    /// is committed. (What others wrote may be behind their barriers.)
    pub fn known_to(&self, subtask: u32) -> BTreeMap<String, i64> {
        let own = |writer: u32, w: &Written| writer == subtask || self.is_committed(writer, w);
        self.first_rows(own)
    }

    /// The rest of an earlier run.
    pub fn restore(&mut self, writer: &Committable) {
        for (partition, since_ms) in &writer.pending {
            earliest(&mut self.restored, partition, *since_ms);
        }
    }

    /// A writer's barrier is committed.
    pub fn commit(&mut self, writer: &Committable) {
        let progress = self.writers.entry(writer.subtask).or_default();
        if writer.barrier == progress.barriers {
            progress.barriers += 1;
        }
        progress.watermark = progress.watermark.max(writer.watermark);
    }

    /// By subtask, how many barriers are committed.
    pub fn committed(&self) -> BTreeMap<u32, u64> {
        self.writers.iter().map(|(writer, progress)| (*writer, progress.barriers)).collect()
    }

    /// The least watermark of the writers; `None` while one has none.
    pub fn watermark(&self) -> Option<i64> {
        // `None` is less than any watermark.
        self.writers.values().map(|progress| progress.watermark).min().flatten()
    }

    /// The committed partitions of which `is_complete` says so, given partition and the time of
    /// its first row.
    pub fn complete(&self, is_complete: impl Fn(&str, i64) -> Result<bool>) -> Result<Vec<String>> {
        let mut complete = Vec::new();
        for (partition, since_ms) in self.first_rows(|writer, w| self.is_committed(writer, w)) {
            if is_complete(&partition, since_ms)? {
                complete.push(partition);
            }
        }
        Ok(complete)
    }

    /// A partition was marked complete. Rows that are not committed make it pending again.
    pub fn marked(&mut self, partition: &str, now_ms: i64) {
        self.restored.remove(partition);
        let Some(mut writers) = self.written.remove(partition) else { return };
        writers.retain(|writer, written| {
            let committed = self.writers.get(writer).map_or(0, |progress| progress.barriers);
            if written.first < committed {
                *written = Written { since_ms: now_ms, first: committed, last: written.last };
            }
            written.last >= committed
        });
        if !writers.is_empty() {
            self.written.insert(partition.to_owned(), writers);
        }
    }

    fn is_committed(&self, writer: u32, written: &Written) -> bool {
        self.writers.get(&writer).is_some_and(|progress| written.first < progress.barriers)
    }

    /// The pending partitions with rows that `counts`, and when the first came.
    fn first_rows(&self, counts: impl Fn(u32, &Written) -> bool) -> BTreeMap<String, i64> {
        let mut partitions = self.restored.clone();
        for (partition, writers) in &self.written {
            for (_, written) in writers.iter().filter(|(writer, w)| counts(**writer, w)) {
                earliest(&mut partitions, partition, written.since_ms);
            }
        }
        partitions
    }
}

fn earliest(partitions: &mut BTreeMap<String, i64>, partition: &str, since_ms: i64) {
    match partitions.get_mut(partition) {
        Some(earliest) => *earliest = since_ms.min(*earliest),
        None => drop(partitions.insert(partition.to_owned(), since_ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(subtask: u32, barrier: u64, watermark: Option<i64>) -> Committable {
        Committable { subtask, barrier, watermark, ..Committable::default() }
    }

    fn complete(pending: &PendingPartitions) -> Vec<String> {
        pending.complete(|_, _| Ok(true)).unwrap()
    }

    #[test]
    fn rows_count_once_their_barrier_is_committed() {
        let mut pending = PendingPartitions::default();
        (0..2).for_each(|subtask| pending.add_writer(subtask));
        pending.write(0, 0, "a", 10);
        pending.write(1, 0, "b", 20);
        pending.write(0, 1, "a", 30); // behind the first barrier
        pending.write(0, 1, "c", 40);
        assert!(complete(&pending).is_empty());
        assert_eq!(pending.watermark(), None);
        pending.commit(&state(0, 0, Some(5)));
        assert_eq!(complete(&pending), ["a"]);
        assert_eq!(pending.known_to(1), [("a".into(), 10), ("b".into(), 20)].into());
        assert_eq!(pending.watermark(), None);
        pending.commit(&state(1, 0, Some(3)));
        assert_eq!(pending.watermark(), Some(3));
        assert_eq!(complete(&pending), ["a", "b"]);
        ["a", "b"].iter().for_each(|partition| pending.marked(partition, 50));
        assert!(complete(&pending).is_empty());
        assert_eq!(pending.known_to(0), [("a".into(), 50), ("c".into(), 40)].into());
        pending.commit(&state(0, 1, Some(5)));
        assert_eq!(complete(&pending), ["a", "c"]);
    }

    #[test]
    fn what_was_pending_before_a_restart_is_pending() {
        let mut pending = PendingPartitions::default();
        let before = Committable { pending: [("a".into(), 7)].into(), ..state(3, 9, Some(1)) };
        pending.restore(&before);
        pending.add_writer(0);
        pending.write(0, 0, "a", 60);
        assert_eq!(pending.known_to(0), [("a".into(), 7)].into());
        assert_eq!(complete(&pending), ["a"]);
        pending.marked("a", 70);
        assert_eq!(pending.known_to(0), [("a".into(), 60)].into());
    }
}
