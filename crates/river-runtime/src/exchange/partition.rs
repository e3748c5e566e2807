//! Which rows of a batch go to which subtask of the consumer.
//!
//! Marks go to every subtask, each at the offset that its own rows give. With one target a batch
//! passes untouched. Rows of one key keep their order, as they all go one way.

use arrow_array::{ArrayRef, UInt32Array};
use river_core::key_group::{key_group, owner};

use crate::state::hash_columns;
use crate::{Batch, Mark, Result};

#[cfg(test)]
mod tests;

/// Splits the batches of one producer subtask for one edge.
#[derive(Debug)]
pub enum Partitioner {
    /// Everything to target 0; further targets get the marks.
    First,
    /// By key group.
    Hash(HashPartitioner),
    /// A batch to each target in turn.
    RoundRobin {
        /// Whose turn it is.
        next: usize,
    },
    /// Everything to every target.
    Broadcast,
}

impl Partitioner {
    /// Adds what `targets` targets get of the batch to `pieces`, as pairs of target and piece.
    pub fn split(
        &mut self,
        batch: Batch,
        targets: usize,
        pieces: &mut Vec<(usize, Batch)>,
    ) -> Result<()> {
        if targets == 1 {
            pieces.push((0, batch));
            return Ok(());
        }
        match self {
            Partitioner::First => to_one(0, batch, targets, pieces),
            Partitioner::Broadcast => {
                pieces.extend((0..targets).map(|target| (target, batch.clone())));
            }
            Partitioner::RoundRobin { next } => {
                let target = *next % targets;
                if batch.rows > 0 {
                    *next = (target + 1) % targets;
                }
                to_one(target, batch, targets, pieces);
            }
            Partitioner::Hash(hash) => hash.split(batch, targets, pieces)?,
        }
        Ok(())
    }
}

/// The batch to one target; the others get its last mark.
fn to_one(target: usize, batch: Batch, targets: usize, pieces: &mut Vec<(usize, Batch)>) {
    if let Some(mark) = batch.marks.last() {
        let others = (0..targets).filter(|other| *other != target);
        pieces.extend(others.map(|other| (other, Batch::watermark(mark.watermark))));
    }
    pieces.push((target, batch));
}

/// Partitions by the key group of some columns.
#[derive(Debug)]
pub struct HashPartitioner {
    columns: Vec<usize>,
    max_parallelism: u32,
    /// Owner of each key group.
    owners: Vec<u32>,
    // Room that is used again for each batch.
    hashes: Vec<u64>,
    targets: Vec<u32>,
    counts: Vec<usize>,
}

impl HashPartitioner {
    /// By `columns` of the batch, to a consumer of that parallelism.
    pub fn new(columns: Vec<usize>, parallelism: u32, max_parallelism: u32) -> HashPartitioner {
        let owners = (0..max_parallelism).map(|group| owner(group, max_parallelism, parallelism));
        HashPartitioner {
            columns,
            max_parallelism,
            owners: owners.collect(),
            hashes: Vec::new(),
            targets: Vec::new(),
            counts: vec![0; parallelism as usize],
        }
    }

    fn split(
        &mut self,
        batch: Batch,
        targets: usize,
        pieces: &mut Vec<(usize, Batch)>,
    ) -> Result<()> {
        if batch.rows == 0 {
            to_one(0, batch, targets, pieces);
            return Ok(());
        }
        self.assign(&batch)?;
        if let Some(only) = self.counts.iter().position(|count| *count == batch.rows) {
            to_one(only, batch, targets, pieces);
            return Ok(());
        }
        let (indices, marks) = self.pieces(&batch);
        for (target, (indices, marks)) in indices.into_iter().zip(marks).enumerate() {
            if indices.is_empty() && marks.is_empty() {
                continue;
            }
            let piece = match indices.is_empty() {
                true => Batch { marks, ..Batch::default() },
                false => Batch { marks, ..batch.take(&UInt32Array::from(indices))? },
            };
            pieces.push((target, piece));
        }
        Ok(())
    }

    /// Fills `targets` and `counts`.
    fn assign(&mut self, batch: &Batch) -> Result<()> {
        let keys: Vec<ArrayRef> = self.columns.iter().map(|c| batch.columns[*c].clone()).collect();
        hash_columns(&keys, batch.rows, &mut self.hashes)?;
        self.counts.fill(0);
        self.targets.clear();
        self.targets.reserve(batch.rows);
        for hash in &self.hashes {
            let target = self.owners[key_group(*hash, self.max_parallelism) as usize];
            self.counts[target as usize] += 1;
            self.targets.push(target);
        }
        Ok(())
    }

    /// For each target its rows, and where the batch's marks fall between them.
    fn pieces(&self, batch: &Batch) -> (Vec<Vec<u32>>, Vec<Vec<Mark>>) {
        let mut indices: Vec<Vec<u32>> =
            self.counts.iter().map(|count| Vec::with_capacity(*count)).collect();
        let mut marks: Vec<Vec<Mark>> = vec![Vec::new(); self.counts.len()];
        for (range, watermark) in batch.segments() {
            let start = range.start as u32;
            for (row, target) in (start..).zip(&self.targets[range]) {
                indices[*target as usize].push(row);
            }
            let Some(watermark) = watermark else { continue };
            for (marks, indices) in marks.iter_mut().zip(&indices) {
                push_mark(marks, Mark { offset: indices.len(), watermark });
            }
        }
        (indices, marks)
    }
}

/// Adds a mark; of marks without rows between them only the last says anything.
pub(super) fn push_mark(marks: &mut Vec<Mark>, mark: Mark) {
    match marks.last_mut() {
        Some(last) if last.offset == mark.offset => *last = mark,
        _ => marks.push(mark),
    }
}
