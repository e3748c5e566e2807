//! Scripts of what comes on which channel, and what is to be done then.

use crate::checkpoint::Scope;
use expect_test::{Expect, expect};

use super::*;

/// Runs lines of `<channel>: <checkpoint> [ahead]`, `<channel>: end`, `abort <checkpoint>`,
/// `announce <checkpoint>` and `time <ms>`; barriers are of `mode`, triggered at 0 ms. Shows what
/// each means, and on which channels is recorded after it.
fn check(channels: usize, mode: Mode, script: &str, expected: Expect) {
    let mut alignment = Alignment::new(channels);
    let mut now_us = 0;
    let mut text = String::new();
    for line in script.lines().map(str::trim) {
        let words: Vec<&str> = line.split([' ', ':']).filter(|word| !word.is_empty()).collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let mut said = Vec::new();
        let verdict = match words[..] {
            ["abort", _] => {
                said.extend(alignment.abort(number(1)).then(|| "release".to_owned()));
                None
            }
            ["announce", _] => {
                let checkpoint = number(1);
                let barrier = Barrier {
                    checkpoint,
                    timestamp_ms: 0,
                    alignment: mode,
                    stop: false,
                    scope: Scope::Full,
                };
                alignment.announce(barrier, now_us);
                None
            }
            ["time", _] => {
                now_us = number(1) as i64 * 1000;
                alignment.pass_time(now_us)
            }
            [_, "end"] => Some(alignment.end(number(0) as usize, now_us)),
            _ => {
                let ahead = words.get(2).is_some();
                let alignment_mode = if ahead { Mode::Unaligned } else { mode };
                let barrier = Barrier {
                    checkpoint: number(1),
                    timestamp_ms: 0,
                    alignment: alignment_mode,
                    stop: false,
                    scope: Scope::Full,
                };
                let verdict = alignment.barrier(number(0) as usize, barrier, now_us);
                said.extend((!verdict.counts).then(|| "ignored".to_owned()));
                Some(verdict)
            }
        };
        said.extend(verdict.iter().flat_map(words_of));
        let recorded: Vec<usize> = (0..channels).filter(|c| alignment.records(*c)).collect();
        said.extend((!recorded.is_empty()).then(|| format!("records {recorded:?}")));
        text.push_str(format!("{line} -> {}", said.join(", ")).trim_end());
        text.push('\n');
    }
    expected.assert_eq(&text);
}

fn words_of(verdict: &Verdict) -> Vec<String> {
    let mut said = Vec::new();
    said.extend(verdict.release.then(|| "release".to_owned()));
    said.extend(verdict.hold.then(|| "hold".to_owned()));
    said.extend(verdict.given_up.iter().map(|id| format!("give up {id}")));
    said.extend(verdict.snapshot.map(|barrier| match barrier.alignment {
        Mode::Unaligned => format!("snapshot {} ahead", barrier.checkpoint),
        _ => format!("snapshot {}", barrier.checkpoint),
    }));
    said.extend(verdict.complete.map(|id| {
        let Timing { start_delay_us, alignment_us, .. } = verdict.timing;
        format!("complete {id} after {start_delay_us}+{alignment_us} us")
    }));
    said
}

#[test]
fn channels_are_held_back_until_all_barriers_have_come() {
    check(
        3,
        Mode::Aligned,
        "time 5
         0: 1
         time 7
         2: 1
         time 8
         1: 1
         1: 2
         0: 2
         2: 2",
        expect![[r#"
            time 5 ->
            0: 1 -> hold
            time 7 ->
            2: 1 -> hold
            time 8 ->
            1: 1 -> release, snapshot 1, complete 1 after 5000+3000 us
            1: 2 -> hold
            0: 2 -> hold
            2: 2 -> release, snapshot 2, complete 2 after 8000+0 us
        "#]],
    );
}

#[test]
fn a_single_channel_is_never_held_back() {
    check(
        1,
        Mode::Aligned,
        "0: 1
         0: 2
         0: end",
        expect![[r#"
            0: 1 -> snapshot 1, complete 1 after 0+0 us
            0: 2 -> snapshot 2, complete 2 after 0+0 us
            0: end ->
        "#]],
    );
}

#[test]
fn ended_channels_are_not_waited_for() {
    check(
        3,
        Mode::Aligned,
        "0: end
         1: 1
         2: end
         1: 2
         1: end",
        expect![[r#"
            0: end ->
            1: 1 -> hold
            2: end -> release, snapshot 1, complete 1 after 0+0 us
            1: 2 -> snapshot 2, complete 2 after 0+0 us
            1: end ->
        "#]],
    );
}

#[test]
fn a_newer_barrier_gives_up_an_older_alignment() {
    check(
        3,
        Mode::Aligned,
        "0: 1
         1: 2
         2: 1
         2: 2
         0: 1
         0: 2",
        expect![[r#"
            0: 1 -> hold
            1: 2 -> release, hold, give up 1
            2: 1 -> ignored
            2: 2 -> hold
            0: 1 -> ignored
            0: 2 -> release, snapshot 2, complete 2 after 0+0 us
        "#]],
    );
}

#[test]
fn an_abort_ends_an_alignment_and_its_barriers_are_ignored() {
    check(
        2,
        Mode::Aligned,
        "0: 1
         abort 1
         1: 1
         abort 2
         abort 3
         0: 3
         1: 3
         0: 4
         abort 2
         1: 4",
        expect![[r#"
            0: 1 -> hold
            abort 1 -> release
            1: 1 -> ignored
            abort 2 ->
            abort 3 ->
            0: 3 -> ignored
            1: 3 -> ignored
            0: 4 -> hold
            abort 2 ->
            1: 4 -> release, snapshot 4, complete 4 after 0+0 us
        "#]],
    );
}

#[test]
fn at_least_once_holds_nothing_back_and_counts_several_checkpoints() {
    check(
        3,
        Mode::AtLeastOnce,
        "0: 1
         0: 2
         1: 2
         1: 1
         2: 1
         0: 3
         1: 3
         2: 3
         2: 2",
        expect![[r#"
            0: 1 ->
            0: 2 ->
            1: 2 ->
            1: 1 ->
            2: 1 -> snapshot 1, complete 1 after 0+0 us
            0: 3 ->
            1: 3 ->
            2: 3 -> give up 2, snapshot 3, complete 3 after 0+0 us
            2: 2 -> ignored
        "#]],
    );
}

#[test]
fn only_checkpoints_of_at_least_once_go_on_beside_each_other() {
    check(
        2,
        Mode::AtLeastOnce,
        "0: 1
         0: 2 ahead
         1: 3
         1: 2 ahead",
        expect![[r#"
            0: 1 ->
            0: 2 ahead -> give up 1, snapshot 2 ahead, records [1]
            1: 3 -> give up 2
            1: 2 ahead -> ignored
        "#]],
    );
}

#[test]
fn unaligned_makes_the_snapshot_at_once_and_records_the_others() {
    check(
        3,
        Mode::Unaligned,
        "1: 1
         time 4
         0: 1
         2: end
         2: 2",
        expect![[r#"
            1: 1 -> snapshot 1 ahead, records [0, 2]
            time 4 -> records [0, 2]
            0: 1 -> records [2]
            2: end -> complete 1 after 0+4000 us
            2: 2 -> snapshot 2 ahead, records [0, 1]
        "#]],
    );
}

#[test]
fn unaligned_can_be_aborted_or_given_up_while_it_records() {
    check(
        2,
        Mode::Unaligned,
        "0: 1
         abort 1
         1: 1
         0: 2
         1: 3
         1: 2
         0: 3",
        expect![[r#"
            0: 1 -> snapshot 1 ahead, records [1]
            abort 1 ->
            1: 1 -> ignored
            0: 2 -> snapshot 2 ahead, records [1]
            1: 3 -> give up 2, snapshot 3 ahead, records [0]
            1: 2 -> ignored, records [0]
            0: 3 -> complete 3 after 0+0 us
        "#]],
    );
}

#[test]
fn an_alignment_that_takes_too_long_becomes_unaligned() {
    check(
        3,
        Mode::AlignedFor(10),
        "time 3
         0: 1
         time 9
         1: 1
         time 10
         time 12
         2: 1
         0: 2",
        expect![[r#"
            time 3 ->
            0: 1 -> hold
            time 9 ->
            1: 1 -> hold
            time 10 -> release, snapshot 1 ahead, records [2]
            time 12 -> records [2]
            2: 1 -> complete 1 after 3000+9000 us
            0: 2 -> snapshot 2 ahead, records [1, 2]
        "#]],
    );
}

#[test]
fn an_announced_barrier_is_not_waited_for_longer_than_that() {
    check(
        2,
        Mode::AlignedFor(10),
        "time 4
         announce 1
         time 9
         time 10
         0: 1
         time 11
         1: 1
         announce 1
         time 99",
        expect![[r#"
            time 4 ->
            announce 1 ->
            time 9 ->
            time 10 -> snapshot 1 ahead, records [0, 1]
            0: 1 -> records [1]
            time 11 -> records [1]
            1: 1 -> complete 1 after 4000+7000 us
            announce 1 ->
            time 99 ->
        "#]],
    );
}

#[test]
fn an_announcement_gives_nothing_up() {
    check(
        2,
        Mode::AlignedFor(10),
        "announce 2
         0: 1
         announce 3
         1: 1
         abort 3
         time 50
         0: 3
         announce 3
         time 60",
        expect![[r#"
            announce 2 ->
            0: 1 -> hold
            announce 3 ->
            1: 1 -> release, snapshot 1, complete 1 after 0+0 us
            abort 3 ->
            time 50 ->
            0: 3 -> ignored
            announce 3 ->
            time 60 ->
        "#]],
    );
}

#[test]
fn a_barrier_that_has_overtaken_makes_an_alignment_unaligned() {
    check(
        2,
        Mode::AlignedFor(10),
        "0: 1
         1: 1 ahead
         0: 2
         1: 2",
        expect![[r#"
            0: 1 -> hold
            1: 1 ahead -> release, snapshot 1 ahead, complete 1 after 0+0 us
            0: 2 -> hold
            1: 2 -> release, snapshot 2, complete 2 after 0+0 us
        "#]],
    );
}

#[test]
fn a_late_barrier_ahead_does_not_let_its_channel_go() {
    check(
        2,
        Mode::Aligned,
        "0: 2
         abort 3
         0: 3 ahead
         1: 2",
        expect![[r#"
            0: 2 -> hold
            abort 3 ->
            0: 3 ahead -> ignored, hold
            1: 2 -> release, snapshot 2, complete 2 after 0+0 us
        "#]],
    );
}

#[test]
fn the_deadline_is_that_of_an_alignment_that_may_overtake() {
    let mut alignment = Alignment::new(2);
    let mut barrier = |checkpoint, alignment_mode| {
        let barrier = Barrier {
            checkpoint,
            timestamp_ms: 100,
            alignment: alignment_mode,
            stop: false,
            scope: Scope::Full,
        };
        alignment.barrier(0, barrier, 0);
        alignment.next_deadline_ms()
    };
    assert_eq!(barrier(1, Mode::Aligned), None);
    assert_eq!(barrier(2, Mode::AlignedFor(30)), Some(130));
    assert_eq!(barrier(3, Mode::AlignedFor(u64::MAX)), Some(i64::MAX));
    assert_eq!(barrier(4, Mode::Unaligned), None);
}
