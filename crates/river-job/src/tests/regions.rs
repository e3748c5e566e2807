//! Restarts of regions: what is not connected to the failure runs on.

use super::world::{SPLITS, State, World, Worlds, checkpoints};
use super::*;

const FIXED: (&str, &str) = ("restart-strategy.type", "fixed-delay");
const DELAY: (&str, &str) = ("restart-strategy.fixed-delay.delay", "1 ms");
const ATTEMPTS: (&str, &str) = ("restart-strategy.fixed-delay.attempts", "1000");
const EVERY: (&str, &str) = ("execution.checkpointing.interval", "10 ms");
const DIR: &str = "execution.checkpointing.dir";
const STRATEGY: &str = "jobmanager.execution.failover-strategy";

/// Two pipelines, each with tasks that exchange rows.
const PIPELINES: [[Exchange; 2]; 2] = [[Hash(Vec::new()), Rebalance], [Rebalance, Rebalance]];

/// One that fails after its second checkpoint, and one that waits at a gate.
fn failing_and_waiting() -> [Arc<World>; 2] {
    let failing =
        State { gate: Some((100, 2)), failures: [150, 170, 190].into(), ..State::default() };
    let waiting = State { gate: Some((100, usize::MAX)), ..State::default() };
    [World::new(200, failing), World::new(200, waiting)]
}

#[test]
fn a_pipeline_that_fails_leaves_the_other_one_alone() {
    for (strategy, restarts_of_other) in [("region", 0), ("full", 3)] {
        let directory = tempfile::tempdir().unwrap();
        let dir = directory.path().to_str().unwrap();
        let [failing, waiting] = failing_and_waiting();
        let options = [FIXED, DELAY, ATTEMPTS, EVERY, (DIR, dir), (STRATEGY, strategy)];
        let worlds = [failing.clone(), waiting.clone()];
        let job = Worlds::start(&worlds, &PIPELINES, 2, &options);
        failing.wait(|state| state.recovered == 3);
        waiting.wait_for_commits(2);
        waiting.set(|state| state.gate = None);
        assert_eq!(job.wait(), Ok(Ended::Finished));
        failing.assert_all_committed();
        waiting.assert_all_committed();
        let state = failing.state();
        assert_eq!((state.failed, state.recovered, state.aborted), (3, 3, 0));
        assert_eq!(state.opened.len(), 4 * 2);
        let state = waiting.state();
        assert_eq!((state.recovered, state.aborted), (restarts_of_other, 0), "{strategy}");
        assert_eq!(state.restored.len(), restarts_of_other * SPLITS as usize);
        assert_eq!(state.opened.len(), (1 + restarts_of_other) * 2);
        assert_eq!(checkpoints(directory.path()), 0, "a finished job needs none");
    }
}

#[test]
fn without_checkpoints_only_the_region_begins_again() {
    let [failing, waiting] = failing_and_waiting();
    failing.set(|state| state.gate = None);
    let worlds = [failing.clone(), waiting.clone()];
    let job = Worlds::start(&worlds, &PIPELINES, 2, &[FIXED, DELAY, ATTEMPTS]);
    failing.wait(|state| state.opened.len() == 4 * 2);
    waiting.set(|state| state.gate = None);
    assert_eq!(job.wait(), Ok(Ended::Finished));
    failing.assert_all_committed();
    waiting.assert_all_committed();
    assert_eq!(failing.state().aborted, 3);
    let state = waiting.state();
    assert_eq!((state.aborted, state.opened.len()), (0, 2));
}

#[test]
fn subtasks_that_exchange_nothing_restart_alone() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    for options in [&[FIXED, DELAY, ATTEMPTS][..], &[FIXED, DELAY, ATTEMPTS, EVERY, (DIR, dir)]] {
        let gate = (options.len() > 3).then_some((100, 2));
        let kills = vec![(1, 150), (1, 170), (2, 190)];
        let world = World::new(200, State { gate, kills, by_subtask: true, ..State::default() });
        let job = Worlds::start(std::slice::from_ref(&world), &[[Forward, Forward]], 3, options);
        assert_eq!(job.wait(), Ok(Ended::Finished));
        world.assert_all_committed();
        let state = world.state();
        assert_eq!((state.failed, state.aborted), (3, 0));
        // Two at the same time are one restart.
        assert!((2..=3).contains(&state.recovered));
        let mut opened = state.opened.clone();
        opened.sort();
        assert_eq!(opened, [0, 1, 1, 1, 2, 2]);
        assert_eq!(state.restored.len(), if gate.is_some() { 3 } else { 0 });
    }
}

#[test]
fn a_table_whose_subtasks_belong_together_restarts_whole() {
    let kills = vec![(1, 150)];
    let world = World::new(200, State { kills, ..State::default() });
    let job = Worlds::start(
        std::slice::from_ref(&world),
        &[[Forward, Forward]],
        3,
        &[FIXED, DELAY, ATTEMPTS],
    );
    assert_eq!(job.wait(), Ok(Ended::Finished));
    world.assert_all_committed();
    let state = world.state();
    assert_eq!((state.opened.len(), state.aborted), (6, 1));
}

#[test]
fn a_commit_that_fails_restarts_all_regions() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    let [failing, other] = failing_and_waiting();
    failing.set(|state| {
        state.failures.clear();
        state.failing_commits = (1, 1);
    });
    let options = [FIXED, DELAY, ATTEMPTS, EVERY, (DIR, dir)];
    let worlds = [failing.clone(), other.clone()];
    let job = Worlds::start(&worlds, &PIPELINES, 2, &options);
    failing.wait(|state| state.recovered == 1);
    other.set(|state| state.gate = None);
    assert_eq!(job.wait(), Ok(Ended::Finished));
    failing.assert_all_committed();
    other.assert_all_committed();
    assert_eq!((failing.state().recovered, other.state().recovered), (1, 1));
}

/// Chance from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as i64
    }

    fn world(&mut self, by_subtask: bool) -> Arc<World> {
        let kills = (0..self.below(5)).map(|_| (self.below(3) as u32, self.below(200)));
        let kills = kills.collect();
        let fails = self.below(4) == 0;
        let state = State {
            kills,
            by_subtask,
            gate: (self.below(4) > 0).then(|| (self.below(200), 1 + self.below(3) as usize)),
            failing_commits: (self.below(3) as usize, usize::from(fails)),
            ..State::default()
        };
        World::new(200, state)
    }
}

#[test]
fn whatever_fails_all_rows_are_committed_once() {
    for seed in 0..30 {
        let mut random = Random(seed);
        let directory = tempfile::tempdir().unwrap();
        let dir = directory.path().to_str().unwrap();
        let (worlds, exchanges): (Vec<_>, Vec<_>) = (0..1 + random.below(3))
            .map(|_| {
                let by_subtask = random.below(2) == 0;
                let exchanges = match by_subtask {
                    true => [Forward, Forward],
                    false => [Rebalance, Forward],
                };
                (random.world(by_subtask), exchanges)
            })
            .unzip();
        let unaligned = ("execution.checkpointing.unaligned.enabled", "true");
        let strategy = (STRATEGY, if random.below(4) == 0 { "full" } else { "region" });
        let mut options = vec![FIXED, DELAY, ATTEMPTS, EVERY, (DIR, dir), strategy];
        options.extend((random.below(2) == 0).then_some(unaligned));
        let parallelism = 1 + random.below(3) as u32;
        let job = Worlds::start(&worlds, &exchanges, parallelism, &options);
        assert_eq!(job.wait(), Ok(Ended::Finished), "seed {seed}");
        for world in &worlds {
            assert_eq!(world.committed_rows(), vec![200; SPLITS as usize], "seed {seed}");
        }
    }
}
