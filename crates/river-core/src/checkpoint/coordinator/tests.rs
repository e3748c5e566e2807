//! Each rule as a script: lines of `time event`, answered by the commands that follow.
//!
//! Events: `tick`, `ack 1 t0`, `decline 1 t0 REASON`, `finish t0`, `stored 1`, `store-failed 1`
//! (with `maybe` if it may be durable), `checkpoint #7`, `savepoint #7` (with `drain` or
//! `suspend`), `backlog t0 on`, `failover`, `failover t0`, `suspend`, `resume`, `shutdown`. Between lines the
//! coordinator is ticked whenever it asks for it, as a driver does.

use expect_test::{Expect, expect};

use super::super::{CheckpointingMode, Retention};
use super::*;
use crate::checkpoint::{Alignment, Stop};
use crate::options::Options;

/// Two tasks, a checkpoint every 100 ms, and the options given as `key = value` below
/// `execution.checkpointing.`.
fn coordinator(options: &[(&str, &str)]) -> Coordinator {
    let mut all = Options::new();
    all.set("execution.checkpointing.interval", "100 ms");
    for (key, value) in options {
        all.set(format!("execution.checkpointing.{key}"), *value);
    }
    Coordinator::new(CheckpointOptions::from_options(&all).expect("options"), 2, 1, 0)
}

fn check(options: &[(&str, &str)], script: &str, expected: Expect) {
    expected.assert_eq(&run(&mut coordinator(options), script));
}

fn run(coordinator: &mut Coordinator, script: &str) -> String {
    let mut transcript = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (time, event) = line.split_once(' ').expect("time and event");
        let now_ms: i64 = time.parse().expect("time");
        while let Some(due_ms) = coordinator.next_deadline_ms().filter(|due| *due < now_ms) {
            print_step(coordinator, due_ms, Event::Tick, &mut transcript);
        }
        print_step(coordinator, now_ms, read_event(event), &mut transcript);
    }
    transcript
}

fn print_step(coordinator: &mut Coordinator, now_ms: i64, event: Event, transcript: &mut String) {
    let mut commands = Vec::new();
    coordinator.step(now_ms, event, &mut commands);
    for command in commands {
        transcript.push_str(&format!("{now_ms}: {}\n", print_command(&command)));
    }
}

fn read_event(text: &str) -> Event {
    let words: Vec<&str> = text.split(' ').collect();
    let number =
        |at: usize| -> u64 { words[at].trim_start_matches(['t', '#']).parse().expect("a number") };
    let has = |word: &str| words.contains(&word);
    match words[0] {
        "tick" => Event::Tick,
        "ack" => Event::Acknowledge { checkpoint: number(1), task: number(2) as usize },
        "decline" => Event::Decline {
            checkpoint: number(1),
            task: number(2) as usize,
            failure: serde_json::from_str::<FailureReason>(&format!("\"{}\"", words[3]))
                .expect("a reason")
                .into(),
        },
        "finish" => Event::TaskFinished { task: number(1) as usize },
        "stored" => Event::Stored { checkpoint: number(1) },
        "store-failed" => Event::StoreFailed {
            checkpoint: number(1),
            detail: "disk full.".to_owned(),
            maybe_stored: has("maybe"),
        },
        "checkpoint" => Event::TriggerCheckpoint { request: number(1) },
        "savepoint" => {
            let stop = has("drain").then_some(Stop::Drain);
            let stop = stop.or(has("suspend").then_some(Stop::Suspend));
            Event::TriggerSavepoint { request: number(1), stop }
        }
        "backlog" => Event::Backlog { task: number(1) as usize, active: has("on") },
        "failover" if words.len() > 1 => Event::RegionFailover { tasks: vec![number(1) as usize] },
        "failover" => Event::Failover,
        "suspend" => Event::Suspend,
        "resume" => Event::Resume,
        "shutdown" => Event::Shutdown,
        other => panic!("no event {other}"),
    }
}

fn print_command(command: &Command) -> String {
    let answer = |result: &Result<CheckpointId, Failure>| match result {
        Ok(id) => format!("is {id}"),
        Err(failure) => format!("failed: {failure}"),
    };
    match command {
        Command::Trigger { checkpoint, kind, alignment, full, .. } => {
            let full = if *full { " full" } else { "" };
            format!("trigger {checkpoint} {kind:?} {alignment:?}{full}")
        }
        Command::Abort { checkpoint, reason } => format!("abort {checkpoint} {}", reason.name()),
        Command::Store { checkpoint, kind, timestamp_ms } => {
            format!("store {checkpoint} {kind:?} of {timestamp_ms}")
        }
        Command::Complete { checkpoint } => format!("complete {checkpoint}"),
        Command::Discard { checkpoint } => format!("discard {checkpoint}"),
        Command::FailJob { reason } => match reason.strip_prefix("Exceeded checkpoint tolerable") {
            Some(_) => "fail job: too many failures".to_owned(),
            None => format!("fail job: {reason}"),
        },
        Command::SavepointDone { request, result } => {
            format!("savepoint #{request} {}", answer(result))
        }
        Command::CheckpointDone { request, result } => {
            format!("checkpoint #{request} {}", answer(result))
        }
        Command::AllFinished => "all finished".to_owned(),
    }
}

#[test]
fn a_checkpoint_completes_after_all_acknowledgements_and_the_store() {
    check(
        &[],
        "100 tick
         110 ack 1 t0
         110 ack 1 t0
         115 ack 9 t1
         120 ack 1 t1
         125 tick
         130 stored 1
         130 stored 1",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            120: store 1 Checkpoint of 100
            130: complete 1
        "#]],
    );
}

#[test]
fn completion_discards_what_is_beyond_the_retained() {
    check(
        &[("num-retained", "2")],
        "100 ack 1 t0
         100 tick
         101 ack 1 t0
         101 ack 1 t1
         102 stored 1
         201 ack 2 t0
         201 ack 2 t1
         202 stored 2
         301 ack 3 t0
         301 ack 3 t1
         302 stored 3",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            101: store 1 Checkpoint of 100
            102: complete 1
            200: trigger 2 Checkpoint Aligned
            201: store 2 Checkpoint of 200
            202: complete 2
            300: trigger 3 Checkpoint Aligned
            301: store 3 Checkpoint of 300
            302: complete 3
            302: discard 1
        "#]],
    );
}

#[test]
fn one_at_a_time_and_the_next_at_once_when_it_is_late() {
    check(
        &[],
        "250 ack 1 t0
         250 ack 1 t1
         260 stored 1
         300 tick
         320 tick",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            250: store 1 Checkpoint of 100
            260: complete 1
            260: trigger 2 Checkpoint Aligned
        "#]],
    );
}

#[test]
fn the_pause_counts_from_the_completion() {
    check(
        &[("min-pause", "50 ms")],
        "180 ack 1 t0
         180 ack 1 t1
         180 stored 1
         300 tick",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            180: store 1 Checkpoint of 100
            180: complete 1
            230: trigger 2 Checkpoint Aligned
        "#]],
    );
}

#[test]
fn a_failure_is_no_completion_for_the_pause() {
    check(
        &[("min-pause", "90 ms"), ("tolerable-failed-checkpoints", "9")],
        "180 decline 1 t0 CHECKPOINT_DECLINED
         210 tick",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            180: abort 1 CHECKPOINT_DECLINED
            180: discard 1
            200: trigger 2 Checkpoint Aligned
        "#]],
    );
}

#[test]
fn a_younger_checkpoint_subsumes_older_ones() {
    check(
        &[("max-concurrent-checkpoints", "2")],
        "201 ack 1 t0
         201 ack 1 t1
         202 ack 2 t0
         202 ack 2 t1
         203 stored 2
         204 stored 1",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            200: trigger 2 Checkpoint Aligned
            201: store 1 Checkpoint of 100
            202: store 2 Checkpoint of 200
            203: complete 2
            203: abort 1 CHECKPOINT_SUBSUMED
            204: discard 1
        "#]],
    );
}

#[test]
fn a_checkpoint_expires_and_the_job_fails() {
    check(
        &[("timeout", "50 ms")],
        "110 ack 1 t0
         160 ack 1 t1",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            150: abort 1 CHECKPOINT_EXPIRED
            150: discard 1
            150: fail job: too many failures
        "#]],
    );
}

#[test]
fn a_slow_store_does_not_expire() {
    check(
        &[("timeout", "50 ms")],
        "110 ack 1 t0
         110 ack 1 t1
         199 stored 1",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            110: store 1 Checkpoint of 100
            199: complete 1
        "#]],
    );
}

#[test]
fn failures_in_a_row_are_counted_by_reason() {
    check(
        &[("tolerable-failed-checkpoints", "1")],
        "110 decline 1 t0 CHECKPOINT_ASYNC_EXCEPTION
         210 decline 2 t0 CHECKPOINT_DECLINED_TASK_NOT_READY
         301 ack 3 t0
         301 ack 3 t1
         301 store-failed 3",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            110: abort 1 CHECKPOINT_ASYNC_EXCEPTION
            110: discard 1
            200: trigger 2 Checkpoint Aligned
            210: abort 2 CHECKPOINT_DECLINED_TASK_NOT_READY
            210: discard 2
            300: trigger 3 Checkpoint Aligned
            301: store 3 Checkpoint of 300
            301: abort 3 FINALIZE_CHECKPOINT_FAILURE
            301: discard 3
            301: fail job: too many failures
        "#]],
    );
}

#[test]
fn files_of_a_doubtful_store_are_left_alone() {
    check(
        &[("tolerable-failed-checkpoints", "1")],
        "110 ack 1 t0
         110 ack 1 t1
         120 store-failed 1 maybe",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            110: store 1 Checkpoint of 100
            120: abort 1 FINALIZE_CHECKPOINT_FAILURE
        "#]],
    );
}

#[test]
fn a_savepoint_waits_for_nothing_and_subsumes_nothing() {
    check(
        &[("min-pause", "50 ms")],
        "110 savepoint #7
         120 ack 2 t0
         120 ack 2 t1
         121 stored 2
         130 ack 1 t0
         130 ack 1 t1
         131 stored 1",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            110: trigger 2 Savepoint { stop: None } Aligned full
            120: store 2 Savepoint { stop: None } of 110
            121: savepoint #7 is 2
            130: store 1 Checkpoint of 100
            131: complete 1
        "#]],
    );
}

#[test]
fn a_savepoint_waits_for_its_turn_where_checkpoints_are_unaligned() {
    check(
        &[("unaligned.enabled", "true"), ("aligned-checkpoint-timeout", "30 s")],
        "110 checkpoint #8
         111 savepoint #7
         120 ack 1 t0
         120 ack 1 t1
         121 stored 1
         130 ack 2 t0
         130 ack 2 t1
         131 stored 2",
        expect![[r#"
            100: trigger 1 Checkpoint AlignedWithTimeout(30000)
            120: store 1 Checkpoint of 100
            121: complete 1
            121: trigger 2 Savepoint { stop: None } Aligned full
            130: store 2 Savepoint { stop: None } of 121
            131: savepoint #7 is 2
            131: trigger 3 Checkpoint AlignedWithTimeout(30000)
        "#]],
    );
}

#[test]
fn failures_of_savepoints_count_only_if_a_task_failed() {
    check(
        &[("timeout", "20 ms")],
        "10 savepoint #1
         40 savepoint #2
         41 decline 2 t0 CHECKPOINT_DECLINED",
        expect![[r#"
            10: trigger 1 Savepoint { stop: None } Aligned full
            30: abort 1 CHECKPOINT_EXPIRED
            30: discard 1
            30: savepoint #1 failed: Checkpoint expired before completing.
            40: trigger 2 Savepoint { stop: None } Aligned full
            41: abort 2 CHECKPOINT_DECLINED
            41: discard 2
            41: savepoint #2 failed: Checkpoint was declined.
            41: fail job: too many failures
        "#]],
    );
}

#[test]
fn a_savepoint_that_stops_the_job_ends_all_else_and_commits() {
    check(
        &[],
        "110 savepoint #7 drain
         120 ack 2 t0
         120 ack 2 t1
         125 savepoint #8
         250 stored 2
         260 finish t0
         261 finish t1",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            110: abort 1 CHECKPOINT_COORDINATOR_SUSPEND
            110: discard 1
            110: trigger 2 Savepoint { stop: Some(Drain) } Aligned full
            120: store 2 Savepoint { stop: Some(Drain) } of 110
            125: savepoint #8 failed: The job is being stopped with a savepoint. Failure reason: Checkpoint Coordinator is suspending.
            250: complete 2
            250: savepoint #7 is 2
            261: all finished
        "#]],
    );
}

#[test]
fn a_declined_stop_fails_the_job_and_checkpoints_go_on() {
    check(
        &[("tolerable-failed-checkpoints", "100")],
        "10 savepoint #7 suspend
         20 decline 1 t1 CHECKPOINT_DECLINED
         21 failover
         22 tick",
        expect![[r#"
            10: trigger 1 Savepoint { stop: Some(Suspend) } Aligned full
            20: abort 1 CHECKPOINT_DECLINED
            20: discard 1
            20: savepoint #7 failed: Checkpoint was declined.
            20: fail job: Stop-with-savepoint failed. Checkpoint was declined.
            20: trigger 2 Checkpoint Aligned
            21: abort 2 JOB_FAILOVER_REGION
            21: discard 2
            21: trigger 3 Checkpoint Aligned
        "#]],
    );
}

#[test]
fn a_stop_that_expires_fails_the_job_whose_input_has_ended() {
    check(
        &[("timeout", "20 ms"), ("min-pause", "5 ms")],
        "10 savepoint #7 drain
         36 tick",
        expect![[r#"
            10: trigger 1 Savepoint { stop: Some(Drain) } Aligned full
            30: abort 1 CHECKPOINT_EXPIRED
            30: discard 1
            30: savepoint #7 failed: Checkpoint expired before completing.
            30: fail job: Stop-with-savepoint failed. Checkpoint expired before completing.
            35: trigger 2 Checkpoint Aligned
        "#]],
    );
}

#[test]
fn a_finished_task_has_acknowledged_all() {
    check(
        &[],
        "110 ack 1 t0
         120 finish t1
         130 stored 1
         210 ack 2 t0
         211 stored 2",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            120: store 1 Checkpoint of 100
            130: complete 1
            200: trigger 2 Checkpoint Aligned
            210: store 2 Checkpoint of 200
            211: complete 2
            211: discard 1
        "#]],
    );
}

#[test]
fn the_last_checkpoint_comes_at_once_and_commits_the_rest() {
    check(
        &[("min-pause", "90 ms"), ("tolerable-failed-checkpoints", "1")],
        "110 ack 1 t0
         110 ack 1 t1
         111 stored 1
         120 finish t0
         121 finish t1
         125 store-failed 2
         230 stored 3
         400 tick",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            110: store 1 Checkpoint of 100
            111: complete 1
            121: store 2 Checkpoint of 121
            125: abort 2 FINALIZE_CHECKPOINT_FAILURE
            125: discard 2
            221: store 3 Checkpoint of 221
            230: complete 3
            230: discard 1
            230: all finished
        "#]],
    );
}

#[test]
fn the_last_checkpoint_waits_for_the_one_that_is_being_stored() {
    check(
        &[],
        "110 ack 1 t0
         111 finish t0
         112 finish t1
         120 stored 1
         121 stored 2",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            112: store 1 Checkpoint of 100
            120: complete 1
            120: store 2 Checkpoint of 120
            121: complete 2
            121: discard 1
            121: all finished
        "#]],
    );
}

#[test]
fn without_checkpoints_after_tasks_finish_there_are_none() {
    check(
        &[("checkpoints-after-tasks-finish", "false")],
        "110 finish t0
         150 savepoint #7
         201 tick
         210 finish t1",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            110: abort 1 CHECKPOINT_DECLINED_TASK_CLOSING
            110: discard 1
            150: savepoint #7 failed: Not all required tasks are currently running.
            210: all finished
        "#]],
    );
}

#[test]
fn failover_aborts_all_and_forgets_who_had_finished() {
    check(
        &[("min-pause", "20 ms")],
        "110 ack 1 t0
         111 finish t1
         112 failover
         113 ack 1 t1
         115 stored 1
         140 ack 2 t0
         141 ack 2 t1",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            111: store 1 Checkpoint of 100
            112: abort 1 JOB_FAILOVER_REGION
            115: discard 1
            132: trigger 2 Checkpoint Aligned
            141: store 2 Checkpoint of 132
        "#]],
    );
}

#[test]
fn failover_of_a_region_leaves_who_has_finished_in_others() {
    check(
        &[("min-pause", "20 ms")],
        "110 finish t0
         111 ack 1 t1
         112 failover t1
         115 stored 1
         140 ack 2 t1",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            111: store 1 Checkpoint of 100
            112: abort 1 JOB_FAILOVER_REGION
            115: discard 1
            132: trigger 2 Checkpoint Aligned
            140: store 2 Checkpoint of 132
        "#]],
    );
}

#[test]
fn while_suspended_nothing_begins_or_completes() {
    check(
        &[("max-concurrent-checkpoints", "2"), ("min-pause", "30 ms")],
        "110 ack 1 t0
         110 ack 1 t1
         201 suspend
         202 stored 1
         203 ack 2 t0
         203 ack 2 t1
         204 savepoint #7
         400 resume
         401 stored 2
         440 tick",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            110: store 1 Checkpoint of 100
            200: trigger 2 Checkpoint Aligned
            204: savepoint #7 failed: Checkpoint Coordinator is suspending.
            400: store 2 Checkpoint of 200
            400: complete 1
            401: complete 2
            401: discard 1
            431: trigger 3 Checkpoint Aligned
        "#]],
    );
}

#[test]
fn shutdown_answers_all_and_waits_only_for_the_store() {
    check(
        &[],
        "110 ack 1 t0
         110 ack 1 t1
         111 checkpoint #5
         112 savepoint #6
         120 shutdown
         121 savepoint #7
         130 store-failed 1
         900 tick",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            110: store 1 Checkpoint of 100
            112: trigger 2 Savepoint { stop: None } Aligned full
            120: abort 1 CHECKPOINT_COORDINATOR_SHUTDOWN
            120: abort 2 CHECKPOINT_COORDINATOR_SHUTDOWN
            120: discard 2
            120: savepoint #6 failed: CheckpointCoordinator shutdown.
            120: checkpoint #5 failed: CheckpointCoordinator shutdown.
            121: savepoint #7 failed: CheckpointCoordinator shutdown.
            130: discard 1
        "#]],
    );
}

#[test]
fn a_backlog_makes_checkpoints_rare() {
    check(
        &[("interval-during-backlog", "300 ms"), ("timeout", "10 ms")],
        "50 backlog t0 on
         390 decline 1 t0 CHECKPOINT_SUBSUMED
         410 backlog t0 off
         515 tick",
        expect![[r#"
            100: trigger 1 Checkpoint Aligned
            110: abort 1 CHECKPOINT_EXPIRED
            110: discard 1
            110: fail job: too many failures
            400: trigger 2 Checkpoint Aligned
            410: abort 2 CHECKPOINT_EXPIRED
            410: discard 2
            410: fail job: too many failures
            510: trigger 3 Checkpoint Aligned
        "#]],
    );
}

#[test]
fn no_checkpoints_in_a_backlog_if_so_told() {
    check(
        &[("interval-during-backlog", "0")],
        "50 backlog t0 on
         900 finish t0
         1005 tick",
        expect![[r#"
            1000: trigger 1 Checkpoint Aligned
        "#]],
    );
}

#[test]
fn new_tasks_have_no_backlog_until_they_say_so() {
    check(
        &[("interval-during-backlog", "0"), ("min-pause", "20 ms")],
        "50 backlog t0 on
         300 failover
         330 tick",
        expect![[r#"
            320: trigger 1 Checkpoint Aligned
        "#]],
    );
}

#[test]
fn a_job_that_fails_after_its_stop_restarts_from_that_savepoint() {
    let mut coordinator = coordinator(&[]);
    let script = "101 ack 1 t0
         101 ack 1 t1
         102 stored 1
         110 savepoint #7 suspend
         120 ack 2 t0
         120 ack 2 t1
         121 stored 2
         122 finish t0
         123 failover";
    run(&mut coordinator, script);
    assert_eq!(coordinator.latest_completed(), Some(2), "its output was committed");
    assert!(coordinator.retained().eq([1]));
}

#[test]
fn too_many_requests_are_refused() {
    let mut coordinator = coordinator(&[("unaligned.enabled", "true")]);
    let mut commands = Vec::new();
    for request in 0..1002 {
        coordinator.step(1, Event::TriggerSavepoint { request, stop: None }, &mut commands);
    }
    let refused = Command::SavepointDone {
        request: 1001,
        result: Err(FailureReason::TooManyCheckpointRequests.into()),
    };
    assert_eq!(commands.len(), 2);
    assert_eq!(commands.last(), Some(&refused));
}

#[test]
fn alignment_is_the_options() {
    let aligned = |options: &[(&str, &str)], kind| coordinator(options).options.alignment(kind);
    let savepoint = Kind::Savepoint { stop: None };
    let unaligned = ("unaligned.enabled", "true");
    assert_eq!(aligned(&[], Kind::Checkpoint), Alignment::Aligned);
    assert_eq!(aligned(&[unaligned], Kind::Checkpoint), Alignment::Unaligned);
    assert_eq!(aligned(&[unaligned], savepoint), Alignment::Aligned);
    assert_eq!(
        aligned(&[unaligned, ("alignment-timeout", "2 s")], Kind::Checkpoint),
        Alignment::AlignedWithTimeout(2000)
    );
    let at_least_once = coordinator(&[unaligned, ("mode", "at_least_once")]).options;
    assert_eq!(at_least_once.mode, CheckpointingMode::AtLeastOnce);
    assert_eq!(at_least_once.alignment(Kind::Checkpoint), Alignment::AtLeastOnce);
    assert_eq!(at_least_once.alignment(savepoint), Alignment::AtLeastOnce);
}

#[test]
fn retention_at_the_end_of_the_job() {
    use Retention::*;
    let all = [NoExternalizedCheckpoints, DeleteOnCancellation, RetainOnCancellation];
    let ends = [JobEnd::Finished, JobEnd::Failed, JobEnd::Cancelled];
    let kept: Vec<Vec<bool>> = all
        .iter()
        .map(|retention| {
            let options = CheckpointOptions {
                retention: *retention,
                num_retained: 2,
                ..CheckpointOptions::default()
            };
            let discarded = |end| {
                let coordinator = Coordinator::new(options.clone(), 1, 6, 0);
                coordinator.with_retained(&[4, 5]).on_job_end(end)
            };
            ends.iter().map(|end| discarded(*end).is_empty()).collect()
        })
        .collect();
    assert_eq!(kept, [[false, false, false], [false, true, false], [false, true, true]]);
}

#[test]
fn the_first_checkpoint_of_an_unclaimed_restore_stands_for_itself() {
    let mut coordinator = coordinator(&[]).with_full_first_snapshot();
    let transcript = run(
        &mut coordinator,
        "101 ack 1 t0
         101 ack 1 t1
         102 stored 1
         201 tick",
    );
    expect![[r#"
        100: trigger 1 Checkpoint Aligned full
        101: store 1 Checkpoint of 100
        102: complete 1
        200: trigger 2 Checkpoint Aligned
    "#]]
    .assert_eq(&transcript);
}

#[test]
fn statistics_tell_times_and_counts() {
    let mut coordinator = coordinator(&[("tolerable-failed-checkpoints", "5")]);
    run(
        &mut coordinator,
        "110 ack 1 t0
         120 ack 1 t1
         130 stored 1
         205 ack 2 t0
         210 decline 2 t1 CHECKPOINT_DECLINED
         305 ack 3 t1",
    );
    expect![[r#"
        Statistics {
            triggered: 3,
            completed: 1,
            failed: 1,
            in_progress: 1,
            last_completed: Some(
                LastCompleted {
                    id: 1,
                    duration_ms: 30,
                    completed_ms: 130,
                },
            ),
            history: [
                CheckpointRecord {
                    id: 1,
                    kind: Checkpoint,
                    status: Completed,
                    triggered_ms: 100,
                    ended_ms: Some(
                        130,
                    ),
                    acknowledged_ms: [
                        Some(
                            110,
                        ),
                        Some(
                            120,
                        ),
                    ],
                },
                CheckpointRecord {
                    id: 2,
                    kind: Checkpoint,
                    status: Failed(
                        Failure {
                            reason: CheckpointDeclined,
                            detail: "",
                        },
                    ),
                    triggered_ms: 200,
                    ended_ms: Some(
                        210,
                    ),
                    acknowledged_ms: [
                        Some(
                            205,
                        ),
                        None,
                    ],
                },
            ],
        }
    "#]]
    .assert_debug_eq(coordinator.statistics());
    let in_flight: Vec<_> = coordinator.in_flight().map(|record| record.id).collect();
    assert_eq!(in_flight, [3]);
}

#[test]
fn the_history_is_short() {
    let mut coordinator = coordinator(&[]);
    let script: String = (1..=25)
        .map(|id| {
            let at = id * 100 + 1;
            format!("{at} ack {id} t0\n{at} ack {id} t1\n{at} stored {id}\n")
        })
        .collect();
    run(&mut coordinator, &script);
    let ids: Vec<_> = coordinator.statistics().history.iter().map(|record| record.id).collect();
    assert_eq!(ids, (16..=25).collect::<Vec<_>>());
    assert_eq!(coordinator.statistics().completed, 25);
}
