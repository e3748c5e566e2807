//! The coordinator in a simulated world, seed by seed: a driver and tasks that are slow, lose,
//! repeat and decline, a storage that fails, failovers, suspensions, savepoints, and the end.
//!
//! `world` is the driver, the tasks and chance. `oracle` sees only events and commands, and after
//! every step checks:
//!
//! | | invariant |
//! |---|---|
//! | ids | grow strictly over checkpoints and savepoints |
//! | limit | a checkpoint begins only below `max-concurrent-checkpoints` in flight |
//! | order | savepoints begin before checkpoints asked for, those before periodic ones |
//! | pause | a periodic checkpoint begins no sooner than `min-pause` after a completion |
//! | store | is commanded once, after all tasks have acknowledged or finished, and at once then |
//! | complete | once, in order of ids, after the store, and at once then; older checkpoints end |
//! | end | each snapshot that began ends exactly once, by completion or by abort |
//! | reason | an abort's reason is what happened: its timeout, its decline, its store, ... |
//! | dead | of an ended snapshot nothing is heard but one discard |
//! | files | an aborted snapshot is discarded, but not while it is stored or may be durable |
//! | retained | are the last `num-retained` completed checkpoints, the older are discarded |
//! | restart | is from the last snapshot whose output was committed, which is not discarded |
//! | fail | the job is failed exactly when the rules of counting say so |
//! | suspended | nothing begins, is stored, completes or finishes |
//! | stop | while a savepoint stops the job nothing else begins; nothing begins after it |
//! | answers | each request is answered exactly once |
//! | deadline | nothing that is due stays undone: the next deadline lies ahead |
//! | finish | `AllFinished` once, after the last checkpoint, with nothing in flight, and at once |
//! | counts | the statistics are those of the commands |
//! | progress | when faults cease, a checkpoint completes, and the job finishes, in bounded time |
//!
//! `RIVER_SIM_SEED=<n>` runs one seed and prints all that happens; `RIVER_SIM_SEEDS=<n>` runs
//! that many.

use std::panic::{AssertUnwindSafe, catch_unwind};

mod oracle;
mod world;

/// How many seeds a test run tries.
const SEEDS: u64 = 100_000;

#[test]
fn a_hundred_thousand_worlds() {
    if let Some(seed) = setting("RIVER_SIM_SEED") {
        return world::run(seed, true);
    }
    for seed in 0..setting("RIVER_SIM_SEEDS").unwrap_or(SEEDS) {
        if catch_unwind(AssertUnwindSafe(|| world::run(seed, false))).is_err() {
            // Once more, with its story.
            eprintln!("--- RIVER_SIM_SEED={seed} ---");
            world::run(seed, true);
            panic!("seed {seed} fails only sometimes");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test asks its caller how much to do")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Chance from a seed (splitmix64).
pub(super) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `limit`, without it.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A time from `least` to `most`.
    fn ms(&mut self, least: i64, most: i64) -> i64 {
        least + self.below((most - least + 1) as u64) as i64
    }

    /// True in so many cases of a hundred.
    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of several.
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}
