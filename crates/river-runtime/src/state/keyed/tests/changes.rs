//! Incremental cuts: base and changes must give what the table held, whatever happened between.

use super::*;

/// What one cut has given.
#[derive(Clone, Default)]
struct Given {
    is_change: bool,
    removed: Vec<Saved>,
    rows: Vec<Saved>,
}

/// A cut under way.
struct Open {
    checkpoint: u64,
    since: Option<u64>,
    expected: BTreeMap<i64, i64>,
    given: Given,
}

/// A checkpoint: its base and what follows, oldest first.
type Chain = Vec<Given>;

struct Run {
    seed: u64,
    state: Keyed<Counts>,
    model: BTreeMap<i64, i64>,
    open: Option<Open>,
    chains: BTreeMap<u64, Chain>,
    complete: Option<u64>,
    next: u64,
    restored: usize,
    changes: usize,
}

impl Run {
    fn begin(&mut self, may_build: bool) {
        self.next += 1;
        let since = self.complete.filter(|_| may_build);
        let is_change = self.state.cut_changes(self.next, since).unwrap();
        assert!(since.is_some() || !is_change);
        self.changes += usize::from(is_change);
        self.open = Some(Open {
            checkpoint: self.next,
            since,
            expected: self.model.clone(),
            given: Given { is_change, ..Given::default() },
        });
    }

    /// Takes a chunk; at the end the checkpoint may complete.
    fn advance(&mut self, completes: bool, memory: Option<&Arc<StateMemory>>) {
        let Some(open) = &mut self.open else { return };
        let saved = self.state.next_saved().unwrap();
        while let Some(removed) = self.state.next_removed() {
            open.given.removed.push(removed);
        }
        if let Some(saved) = saved {
            open.given.rows.push(saved);
            return;
        }
        let Some(open) = self.open.take() else { return };
        let mut chain = Chain::new();
        if open.given.is_change {
            chain.extend(self.chains[&open.since.unwrap()].iter().cloned());
        }
        chain.push(open.given);
        assert_eq!(restore(&chain, memory), open.expected, "seed {}", self.seed);
        self.restored += 1;
        self.chains.insert(open.checkpoint, chain);
        if completes {
            self.complete = Some(open.checkpoint);
        }
    }
}

/// What a table holds that is filled from a chain.
fn restore(chain: &Chain, memory: Option<&Arc<StateMemory>>) -> BTreeMap<i64, i64> {
    let mut state = counts();
    if let Some(memory) = memory {
        state.use_disk(memory);
    }
    for given in chain {
        for keys in &given.removed {
            state.remove_keys(&keys.columns, keys.rows()).unwrap();
        }
        // What was removed may have been on disk, what follows may be moved there.
        state.shrink(7).unwrap();
        for saved in given.rows.iter().filter(|saved| saved.rows() > 0) {
            state.load(&saved.columns, saved.rows()).unwrap();
        }
        state.shrink(3).unwrap();
    }
    state.cut().unwrap();
    let mut saved = Vec::new();
    while let Some(more) = state.next_saved().unwrap() {
        saved.push(more);
    }
    content(saved)
}

/// The key ends and begins anew within a batch.
fn renew(state: &mut Keyed<Counts>, key: i64) {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![key]));
    let mut slots = Vec::new();
    state.fetch(std::slice::from_ref(&column), 1).unwrap();
    state.index.lookup(&[column], 1, &mut slots).unwrap();
    state.touch(&slots).unwrap();
    let new = state.index.renew(slots[0]).unwrap();
    let capacity = state.index.capacity();
    state.counts.resize(capacity, 0);
    state.counts[slots[0] as usize] = 0;
    state.index.release(slots[0]);
    state.counts[new as usize] = 1;
}

fn random_run(seed: u64, disk: Option<&Arc<StateMemory>>) -> (usize, usize) {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = move |limit: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) % limit
    };
    let mut state = counts();
    if let Some(memory) = disk {
        state.use_disk(memory);
    }
    let (model, chains) = (BTreeMap::new(), BTreeMap::new());
    let (open, complete) = (None, None);
    let mut run =
        Run { seed, state, model, open, chains, complete, next: 0, restored: 0, changes: 0 };
    for _ in 0..500 {
        match below(14) {
            0..=2 => {
                let keys: Vec<i64> = (0..below(12) + 1).map(|_| below(150) as i64).collect();
                add(&mut run.state, &keys);
                keys.iter().for_each(|key| *run.model.entry(*key).or_default() += 1);
            }
            3 | 4 => {
                let key = below(150) as i64;
                if run.model.remove(&key).is_some() {
                    remove(&mut run.state, key);
                }
            }
            5 => {
                let key = below(150) as i64;
                if let Some(count) = run.model.get_mut(&key) {
                    *count = 1;
                    renew(&mut run.state, key);
                }
            }
            6 | 7 => run.state.shrink(below(60) as usize).unwrap(),
            8 if below(3) == 0 => run.state.shrink(0).unwrap(),
            9 | 10 if run.open.is_none() => run.begin(below(6) > 0),
            11 if below(8) == 0 => {
                // Aborted.
                run.state.forget_cut();
                run.open = None;
            }
            12 if run.open.is_none() && below(4) == 0 => {
                // A savepoint; nothing builds on it.
                run.state.cut().unwrap();
                let mut saved = Vec::new();
                while let Some(more) = run.state.next_saved().unwrap() {
                    saved.push(more);
                }
                assert_eq!(content(saved), run.model, "seed {seed}");
            }
            _ => {}
        }
        if below(2) == 0 {
            run.advance(below(4) > 0, disk);
        }
    }
    (run.restored, run.changes)
}

#[test]
fn base_and_changes_give_the_whole() {
    let (mut restored, mut changes) = (0, 0);
    for seed in 0..60 {
        let run = random_run(seed, None);
        (restored, changes) = (restored + run.0, changes + run.1);
    }
    assert!(restored > 1000 && changes > 500, "{restored} restored, {changes} of changes");
}

#[test]
fn base_and_changes_of_keys_on_disk_give_the_whole() {
    let dir = std::env::temp_dir().join(format!("river-changes-{}", std::process::id()));
    let memory = StateMemory::new(LEAST_BYTES, &dir, None).unwrap();
    let (mut restored, mut changes) = (0, 0);
    for seed in 0..8 {
        let run = random_run(seed, Some(&memory));
        (restored, changes) = (restored + run.0, changes + run.1);
    }
    assert!(restored > 100 && changes > 50, "{restored} restored, {changes} of changes");
    drop(memory);
    std::fs::remove_dir(dir).unwrap();
}

#[test]
fn only_what_changed_is_given() {
    let mut state = counts();
    let keys: Vec<i64> = (0..1000).collect();
    add(&mut state, &keys);
    assert!(!state.cut_changes(1, None).unwrap());
    while state.next_saved().unwrap().is_some() {}
    add(&mut state, &[7, 2000]);
    remove(&mut state, 8);
    // Not complete: what changed since counts once more with the next.
    assert!(!state.cut_changes(2, Some(0)).unwrap(), "nothing is known of that one");
    while state.next_saved().unwrap().is_some() {}
    add(&mut state, &[9]);
    assert!(state.cut_changes(3, Some(2)).unwrap());
    state.forget_cut();
    add(&mut state, &[10, 3000]);
    remove(&mut state, 3000);
    assert!(state.cut_changes(4, Some(2)).unwrap());
    let (mut saved, mut removed) = (Vec::new(), Vec::new());
    while let Some(more) = state.next_saved().unwrap() {
        saved.push(more);
        removed.extend(std::iter::from_fn(|| state.next_removed()));
    }
    assert_eq!(content(saved), [(9, 2), (10, 2)].into());
    let mut keys: Vec<i64> = removed
        .iter()
        .flat_map(|keys| keys.columns[0].as_primitive::<Int64Type>().values().to_vec())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, [9, 10], "3000 was never in any");
}

/// Where far more keys come and go than there are, all rows are cheaper than the keys that went.
#[test]
fn too_many_removed_keys_are_not_kept() {
    let mut state = counts();
    add(&mut state, &[-1]);
    state.cut_changes(1, None).unwrap();
    while state.next_saved().unwrap().is_some() {}
    for round in 0..3 {
        let keys: Vec<i64> = (round * 40_000..(round + 1) * 40_000).collect();
        add(&mut state, &keys);
        state.cut_changes(2 + round as u64, Some(1)).unwrap();
        state.forget_cut();
        keys.iter().for_each(|key| remove(&mut state, *key));
    }
    assert!(!state.cut_changes(9, Some(1)).unwrap());
    let saved = state.next_saved().unwrap().unwrap();
    assert_eq!(content(vec![saved]), [(-1, 1)].into());
}
