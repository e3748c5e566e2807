//! How far time has come for an operator on windows: its last watermark, or the clock when it last
//! sent windows.
//!
//! An unaligned checkpoint finds the subtasks at different watermarks. After a restart with more
//! or fewer of them the least watermark counts; but of keys whose old subtask was ahead, windows
//! may have been sent already. So until the others have caught up, what is late is decided by
//! what the key's old subtask had seen.

use arrow_array::ArrayRef;
use river_core::key_group::{key_group, owner};
use river_runtime::Result;
use river_runtime::state::hash_columns;

use crate::saved;

/// Progress of one subtask.
pub struct Progress {
    now: i64,
    /// What each old subtask had reached, while one of them was ahead; else empty.
    old: Vec<i64>,
    max_parallelism: u32,
}

impl Progress {
    /// Before any watermark. `max_parallelism` is the number of key groups.
    pub fn new(max_parallelism: u32) -> Progress {
        Progress { now: i64::MIN, old: Vec::new(), max_parallelism }
    }

    /// What has been reached.
    #[inline]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Time has come up to `to`.
    pub fn advance(&mut self, to: i64) {
        self.now = self.now.max(to);
        if self.old.iter().all(|old| *old <= self.now) {
            self.old.clear();
        }
    }

    /// What has been reached for each row, given all columns and those by which rows are
    /// partitioned; empty if it is the same for all. To be read by [`Progress::at`].
    pub fn of_rows(&self, columns: &[ArrayRef], keys: &[usize], rows: usize) -> Result<Vec<i64>> {
        if self.old.is_empty() || rows == 0 {
            return Ok(Vec::new());
        }
        let keys: Vec<ArrayRef> = keys.iter().map(|key| columns[*key].clone()).collect();
        let mut hashes = Vec::new();
        hash_columns(&keys, rows, &mut hashes)?;
        let of_hash = |hash: &u64| {
            let group = key_group(*hash, self.max_parallelism);
            self.old[owner(group, self.max_parallelism, self.old.len() as u32) as usize]
        };
        Ok(hashes.iter().map(of_hash).collect())
    }

    /// What has been reached for a row of [`Progress::of_rows`].
    #[inline]
    pub fn at(&self, of_rows: &[i64], row: usize) -> i64 {
        of_rows.get(row).map_or(self.now, |old| self.now.max(*old))
    }

    /// To be saved by the operator beside its tables.
    pub fn save(&self) -> Vec<u8> {
        saved::encode_numbers(&[self.now])
    }

    /// From what each old subtask has saved, or this one.
    pub fn restore(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        let old = saved.iter().map(|bytes| saved::decode_numbers(bytes).map(|[now]| now));
        self.old = old.collect::<Result<_>>()?;
        self.now = self.old.iter().copied().min().unwrap_or(self.now);
        self.advance(self.now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_subtasks_count_while_they_are_ahead() {
        let key: ArrayRef = std::sync::Arc::new(arrow_array::Int64Array::from_iter_values(0..100));
        let columns = [key];
        let mut progress = Progress::new(128);
        progress.restore(&[]).unwrap();
        assert_eq!((progress.now(), progress.old.len()), (i64::MIN, 0));
        progress.restore(&[saved::encode_numbers(&[5]), saved::encode_numbers(&[9])]).unwrap();
        assert_eq!(progress.now(), 5);
        let of_rows = progress.of_rows(&columns, &[0], 100).unwrap();
        let reached = |progress: &Progress| -> Vec<i64> {
            let mut all: Vec<i64> = (0..100).map(|row| progress.at(&of_rows, row)).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        assert_eq!(reached(&progress), [5, 9]);
        progress.advance(7);
        assert_eq!(reached(&progress), [7, 9]);
        progress.advance(9);
        assert!(progress.of_rows(&columns, &[0], 100).unwrap().is_empty());
        assert!(progress.restore(&[vec![1]]).is_err());
    }
}
