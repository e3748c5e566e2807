//! Which rows a reader makes: every `step`-th, from `next` on. The state of a share.

use river_runtime::source::SplitState;

/// The rows `next`, `next + step`, `next + 2 * step`... of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progression {
    /// The next row.
    pub next: u64,
    /// From one row to the following one; at least 1.
    pub step: u64,
}

impl Progression {
    /// How many rows there are below `end`.
    pub fn left(&self, end: u64) -> u64 {
        end.saturating_sub(self.next).div_ceil(self.step)
    }

    /// The row that many rows on.
    pub fn row(&self, number: u64) -> u64 {
        self.next.saturating_add(number.saturating_mul(self.step))
    }

    /// The same rows as that many progressions, in turns.
    pub fn parts(self, count: usize) -> Vec<Progression> {
        let step = self.step.saturating_mul(count as u64);
        (0..count as u64).map(|number| Progression { next: self.row(number), step }).collect()
    }

    /// As a split of a table with that seed.
    pub fn encode(&self, seed: u64) -> SplitState {
        let split = format!("{}/{}", self.next % self.step, self.step);
        let words = [seed, self.next, self.step];
        SplitState { split, position: words.iter().flat_map(|word| word.to_le_bytes()).collect() }
    }

    /// The seed and the rest of a split; `None` if it is none.
    pub fn decode(state: &SplitState) -> Option<(u64, Progression)> {
        let (words, rest) = state.position.as_chunks::<8>();
        let [seed, next, step] = words else { return None };
        let [seed, next, step] = [seed, next, step].map(|bytes| u64::from_le_bytes(*bytes));
        (rest.is_empty() && step > 0).then_some((seed, Progression { next, step }))
    }
}
