//! Is there one order of all operations on a register in which each answer is right, and each
//! operation lies between its begin and its end?
//!
//! The search of Wing and Gong with Lowe's memory of what was tried: operations that may come next
//! are tried in turn, and never the same set with the same state twice. One whose answer was lost
//! may also be left out.

use std::collections::HashSet;

use super::{Call, End, Held, Op, Outcome};

/// What a register holds; `None`: there is no node.
type State = Option<Held>;

/// The register after an operation; `None` if the answer would be wrong then.
fn step(state: State, op: Op, outcome: Option<Outcome>) -> Option<State> {
    let (after, right) = match (op, state) {
        (Op::Read, Some(held)) => (state, Outcome::Read(held)),
        (Op::Create(value), None) => (Some(Held { value, version: 0 }), Outcome::Done),
        (Op::Create(_), Some(_)) => (state, Outcome::NodeExists),
        (_, None) => (None, Outcome::NoNode),
        (Op::Delete, Some(_)) => (None, Outcome::Done),
        (Op::Write(_, expected), Some(held)) if expected != -1 && expected != held.version => {
            (state, Outcome::BadVersion)
        }
        (Op::Write(value, _), Some(held)) => {
            let version = held.version + 1;
            (Some(Held { value, version }), Outcome::Written(version))
        }
    };
    outcome.is_none_or(|outcome| outcome == right).then_some(after)
}

/// Begins and ends in their order, as a list from which operations are lifted.
struct Timeline {
    /// The operation of each entry, and whether it is its end.
    entries: Vec<(usize, bool)>,
    next: Vec<usize>,
    before: Vec<usize>,
    /// Begin and end of each operation.
    places: Vec<(usize, usize)>,
}

/// In front of all entries.
const HEAD: usize = 0;

impl Timeline {
    fn new(calls: &[Call]) -> Timeline {
        let mut moments = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            let (End::Answered(ended, _) | End::Lost(ended)) = call.ended;
            moments.extend([(call.begun, index, false), (ended, index, true)]);
        }
        moments.sort_unstable();
        let count = moments.len();
        let mut places = vec![(0, 0); calls.len()];
        let mut entries = vec![(usize::MAX, true)];
        for (at, (_, index, is_end)) in moments.into_iter().enumerate() {
            match is_end {
                true => places[index].1 = at + 1,
                false => places[index].0 = at + 1,
            }
            entries.push((index, is_end));
        }
        let next = (1..=count + 2).collect();
        let before = (0..=count + 1).map(|at| usize::saturating_sub(at, 1)).collect();
        Timeline { entries, next, before, places }
    }

    fn lift(&mut self, call: usize) {
        let (begin, end) = self.places[call];
        for at in [begin, end] {
            let (before, next) = (self.before[at], self.next[at]);
            self.next[before] = next;
            self.before[next] = before;
        }
    }

    fn put_back(&mut self, call: usize) {
        let (begin, end) = self.places[call];
        for at in [end, begin] {
            let (before, next) = (self.before[at], self.next[at]);
            self.next[before] = at;
            self.before[next] = at;
        }
    }
}

/// One operation placed.
struct Step {
    call: usize,
    /// The register before it.
    before: State,
    /// It was lost, and left out.
    is_left_out: bool,
}

struct Search<'c> {
    calls: &'c [Call],
    timeline: Timeline,
    /// A bit for each operation that is placed.
    placed: Vec<u64>,
    tried: HashSet<(Vec<u64>, State)>,
    steps: Vec<Step>,
    state: State,
}

impl Search<'_> {
    /// Places an operation next, unless that was tried.
    fn place(&mut self, call: usize, after: State, is_left_out: bool) -> bool {
        self.placed[call / 64] |= 1 << (call % 64);
        if !self.tried.insert((self.placed.clone(), after)) {
            self.placed[call / 64] &= !(1 << (call % 64));
            return false;
        }
        self.steps.push(Step { call, before: self.state, is_left_out });
        self.state = after;
        self.timeline.lift(call);
        true
    }

    /// Takes back the last operation that could come later; where its begin is.
    fn take_back(&mut self) -> Option<usize> {
        loop {
            let Step { call, before, is_left_out } = self.steps.pop()?;
            self.placed[call / 64] &= !(1 << (call % 64));
            self.state = before;
            self.timeline.put_back(call);
            if !is_left_out {
                return Some(self.timeline.places[call].0);
            }
        }
    }
}

/// Checks the operations on one register that begins as `first`.
pub fn check(calls: &[Call], first: State) -> Result<(), String> {
    let timeline = Timeline::new(calls);
    let end = timeline.entries.len();
    let placed = vec![0; calls.len().div_ceil(64)];
    let (tried, steps) = (HashSet::new(), Vec::new());
    let mut search = Search { calls, timeline, placed, tried, steps, state: first };
    let mut furthest = (0, 0);
    let mut at = search.timeline.next[HEAD];
    while at < end {
        let (call, is_end) = search.timeline.entries[at];
        let Call { op, ended, .. } = search.calls[call];
        let outcome = match ended {
            End::Answered(_, outcome) => Some(outcome),
            End::Lost(_) => None,
        };
        let after = match (is_end, outcome) {
            (false, outcome) => step(search.state, op, outcome),
            // It did not happen.
            (true, None) => Some(search.state),
            (true, Some(_)) => None,
        };
        if after.is_some_and(|after| search.place(call, after, is_end)) {
            at = search.timeline.next[HEAD];
            continue;
        }
        if !is_end {
            at = search.timeline.next[at];
            continue;
        }
        // It has ended by now, and none that has begun can come next.
        if search.steps.len() >= furthest.0 {
            furthest = (search.steps.len(), call);
        }
        match search.take_back() {
            Some(begin) => at = search.timeline.next[begin],
            None => return Err(story(calls, furthest.1)),
        }
    }
    Ok(())
}

/// The operation that no order could place, and those around it.
fn story(calls: &[Call], stuck: usize) -> String {
    let end = |call: &Call| match call.ended {
        End::Answered(ended, _) | End::Lost(ended) => ended,
    };
    let (begun, ended) = (calls[stuck].begun, end(&calls[stuck]));
    let is_near = |call: &&Call| call.begun < ended && end(call).saturating_add(40) > begun;
    let mut around: Vec<&Call> = calls.iter().filter(is_near).collect();
    around.sort_by_key(|call| call.begun);
    let lines: Vec<String> = around.iter().map(|call| format!("{call:?}")).collect();
    format!("no order has {:?}; near it:\n{}", calls[stuck], lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(begun: u64, ended: u64, op: Op, outcome: Outcome) -> Call {
        Call { client: 0, begun, ended: End::Answered(ended, outcome), op }
    }

    fn lost(begun: u64, until: u64, op: Op) -> Call {
        Call { client: 0, begun, ended: End::Lost(until), op }
    }

    fn read(value: u64, version: i32) -> Outcome {
        Outcome::Read(Held { value, version })
    }

    const FIRST: State = Some(Held { value: 0, version: 0 });

    fn is_sound(calls: &[Call]) -> bool {
        check(calls, FIRST).is_ok()
    }

    #[test]
    fn overlapping_operations_may_come_in_any_order() {
        let write = call(0, 10, Op::Write(1, -1), Outcome::Written(1));
        assert!(is_sound(&[write, call(1, 2, Op::Read, read(0, 0))]));
        assert!(is_sound(&[write, call(1, 2, Op::Read, read(1, 1))]));
        // Seen once, it has happened.
        let again = call(3, 4, Op::Read, read(0, 0));
        assert!(!is_sound(&[write, call(1, 2, Op::Read, read(1, 1)), again]));
    }

    #[test]
    fn a_read_of_what_was_overwritten_before_is_stale() {
        let write = call(0, 1, Op::Write(1, -1), Outcome::Written(1));
        assert!(is_sound(&[write, call(2, 3, Op::Read, read(1, 1))]));
        assert!(!is_sound(&[write, call(2, 3, Op::Read, read(0, 0))]));
    }

    #[test]
    fn an_acknowledged_write_is_not_lost() {
        let first = call(0, 1, Op::Write(1, -1), Outcome::Written(1));
        let second = call(2, 3, Op::Write(2, -1), Outcome::Written(1));
        assert!(!is_sound(&[first, second]), "one version twice");
        let second = call(2, 3, Op::Write(2, -1), Outcome::Written(2));
        assert!(is_sound(&[first, second]));
    }

    #[test]
    fn one_of_two_that_expect_a_version_wins() {
        let ours = call(0, 5, Op::Write(1, 0), Outcome::Written(1));
        let theirs = call(1, 6, Op::Write(2, 0), Outcome::Written(1));
        assert!(!is_sound(&[ours, theirs]));
        assert!(is_sound(&[ours, call(1, 6, Op::Write(2, 0), Outcome::BadVersion)]));
        let early = call(1, 2, Op::Write(2, 0), Outcome::BadVersion);
        assert!(!is_sound(&[call(3, 4, Op::Write(1, 0), Outcome::Written(1)), early]));
    }

    #[test]
    fn what_nobody_answered_for_may_have_happened_or_not() {
        let write = |until| lost(0, until, Op::Write(1, -1));
        let before = call(1, 2, Op::Read, read(0, 0));
        let after = call(3, 4, Op::Read, read(1, 1));
        assert!(is_sound(&[write(9), before, after]));
        assert!(is_sound(&[write(9), before]));
        assert!(is_sound(&[write(9), write(9)]));
        assert!(!is_sound(&[write(9), after, call(5, 6, Op::Read, read(0, 0))]), "undone");
        assert!(!is_sound(&[after, lost(5, 9, Op::Write(1, -1))]), "seen before it was asked for");
        let late = call(20, 21, Op::Read, read(1, 1));
        assert!(!is_sound(&[write(9), call(10, 11, Op::Read, read(0, 0)), late]), "too late");
    }

    #[test]
    fn nodes_come_and_go() {
        let calls = [
            call(0, 1, Op::Delete, Outcome::Done),
            call(2, 3, Op::Read, Outcome::NoNode),
            call(4, 9, Op::Create(7), Outcome::Done),
            call(5, 8, Op::Create(8), Outcome::NodeExists),
            call(10, 11, Op::Read, read(7, 0)),
        ];
        assert!(is_sound(&calls));
        let mut wrong = calls;
        wrong[4] = call(10, 11, Op::Read, read(8, 0));
        assert!(!is_sound(&wrong));
        wrong = calls;
        wrong[3] = call(5, 8, Op::Create(8), Outcome::Done);
        assert!(!is_sound(&wrong));
    }

    /// Histories of a real register are sound, and are not with one answer changed to a later value.
    #[test]
    fn random_histories() {
        use keeper_disk::sim::Random;
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut state = FIRST;
            let mut calls = Vec::new();
            let mut last_read = None;
            for place in 0..60_u64 {
                let value = place + 1;
                let op = match random.below(3) {
                    0 => Op::Read,
                    1 => Op::Write(value, -1),
                    _ => Op::Write(value, random.below(1 + place / 2) as i32),
                };
                let happens = 1000 + place * 10;
                let (begun, ended) = (happens - random.below(60), happens + 1 + random.below(60));
                let outcomes = [
                    state.map(Outcome::Read),
                    state.map(|held| Outcome::Written(held.version + 1)),
                    Some(Outcome::BadVersion),
                ];
                let outcome = outcomes
                    .into_iter()
                    .flatten()
                    .find(|outcome| step(state, op, Some(*outcome)).is_some());
                state = step(state, op, outcome).unwrap();
                let ended = match random.below(8) {
                    0 => End::Lost(ended),
                    _ => End::Answered(ended, outcome.unwrap()),
                };
                if op == Op::Read && matches!(ended, End::Answered(..)) {
                    last_read = Some(calls.len());
                }
                calls.push(Call { client: 0, begun, ended, op });
            }
            check(&calls, FIRST).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            if let Some(place) = last_read {
                calls[place].ended = End::Answered(calls[place].begun + 1, read(9999, 3));
                assert!(check(&calls, FIRST).is_err(), "seed {seed}");
            }
        }
    }
}
