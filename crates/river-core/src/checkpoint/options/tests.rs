use expect_test::expect;

use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<CheckpointOptions, String> {
    let options: Options = pairs.iter().copied().collect();
    CheckpointOptions::from_options(&options).map_err(|error| error.to_string())
}

#[test]
fn defaults_are_flinks() {
    assert_eq!(read(&[]), Ok(CheckpointOptions::default()));
    assert_eq!(RecoveryOptions::from_options(&Options::new()), Ok(RecoveryOptions::default()));
}

#[test]
fn all_keys_are_read() {
    let options = read(&[
        ("execution.checkpointing.interval", "10 s"),
        ("execution.checkpointing.interval-during-backlog", "1 min"),
        ("execution.checkpointing.mode", "exactly_once"),
        ("execution.checkpointing.timeout", "PT5M"),
        ("execution.checkpointing.min-pause", "500"),
        ("execution.checkpointing.tolerable-failed-checkpoints", "3"),
        ("execution.checkpointing.unaligned.enabled", "true"),
        ("execution.checkpointing.aligned-checkpoint-timeout", "30s"),
        ("execution.checkpointing.checkpoints-after-tasks-finish", "FALSE"),
        ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION"),
        ("execution.checkpointing.num-retained", "4"),
        ("execution.checkpointing.dir", "s3://bucket/checkpoints"),
        ("execution.checkpointing.savepoint-dir", "file:///savepoints"),
        ("execution.checkpointing.create-subdir", "false"),
        ("execution.checkpointing.incremental", "true"),
        ("execution.checkpointing.snapshot-compression", "true"),
        ("execution.checkpointing.data-inline-threshold", "1 kb"),
    ]);
    expect![[r#"
        Ok(
            CheckpointOptions {
                interval_ms: Some(
                    10000,
                ),
                interval_during_backlog_ms: Some(
                    60000,
                ),
                mode: ExactlyOnce,
                timeout_ms: 300000,
                min_pause_ms: 500,
                max_concurrent_checkpoints: 1,
                tolerable_failed_checkpoints: 3,
                unaligned: true,
                aligned_checkpoint_timeout_ms: 30000,
                checkpoints_after_tasks_finish: false,
                retention: RetainOnCancellation,
                num_retained: 4,
                dir: Some(
                    "s3://bucket/checkpoints",
                ),
                savepoint_dir: Some(
                    "file:///savepoints",
                ),
                create_subdir: false,
                incremental: true,
                incremental_file_cost: None,
                snapshot_compression: true,
                data_inline_threshold: 1024,
            },
        )
    "#]]
    .assert_debug_eq(&options);
}

#[test]
fn old_spellings_give_way_to_new_ones() {
    let options = read(&[
        ("state.checkpoints.dir", "old"),
        ("state.backend.fs.checkpointdir", "older"),
        ("savepoints.state.backend.fs.dir", "oldest"),
        ("state.checkpoints.num-retained", "7"),
        ("execution.checkpointing.num-retained", "2"),
        ("state.backend.incremental", "true"),
        ("execution.checkpointing.unaligned", "true"),
        ("execution.checkpointing.alignment-timeout", "1 s"),
        ("execution.checkpointing.checkpoints-after-tasks-finish.enabled", "false"),
        ("state.checkpoints.create-subdir", "false"),
        ("state.backend.fs.memory-threshold", "5"),
    ])
    .expect("options");
    assert_eq!(options.dir.as_deref(), Some("old"));
    assert_eq!(options.savepoint_dir.as_deref(), Some("oldest"));
    assert_eq!(options.num_retained, 2);
    assert!(options.incremental && options.unaligned);
    assert!(!options.checkpoints_after_tasks_finish && !options.create_subdir);
    assert_eq!((options.aligned_checkpoint_timeout_ms, options.data_inline_threshold), (1000, 5));
}

#[test]
fn recovery_is_read_in_both_spellings() {
    let new: Options = [
        ("execution.state-recovery.path", "/savepoint"),
        ("execution.state-recovery.claim-mode", "CLAIM"),
        ("execution.state-recovery.ignore-unclaimed-state", "true"),
    ]
    .into_iter()
    .collect();
    let old: Options = [
        ("execution.savepoint.path", "/savepoint"),
        ("execution.savepoint-restore-mode", "claim"),
        ("execution.savepoint.ignore-unclaimed-state", "true"),
    ]
    .into_iter()
    .collect();
    let expected = RecoveryOptions {
        path: Some("/savepoint".to_owned()),
        claim_mode: ClaimMode::Claim,
        ignore_unclaimed_state: true,
    };
    assert_eq!(RecoveryOptions::from_options(&new).as_ref(), Ok(&expected));
    assert_eq!(RecoveryOptions::from_options(&old).as_ref(), Ok(&expected));
    let wrong: Options = [("execution.savepoint-restore-mode", "mine")].into_iter().collect();
    let error = RecoveryOptions::from_options(&wrong).map_err(|error| error.to_string());
    expect![[r#"
        Err(
            "option 'execution.savepoint-restore-mode': 'mine' is not one of NO_CLAIM, CLAIM, LEGACY",
        )
    "#]].assert_debug_eq(&error);
}

#[test]
fn flinks_corrections_are_made() {
    let options = read(&[
        ("execution.checkpointing.interval", "1 s"),
        ("execution.checkpointing.min-pause", "3 s"),
        ("execution.checkpointing.mode", "AT_LEAST_ONCE"),
        ("execution.checkpointing.unaligned.enabled", "true"),
        ("execution.checkpointing.max-concurrent-checkpoints", "4"),
        ("execution.checkpointing.num-retained", "-3"),
        ("execution.checkpointing.data-inline-threshold", "2 mb"),
    ])
    .expect("options");
    assert_eq!(options.interval_ms, Some(3000), "no shorter than the pause");
    assert!(!options.unaligned, "needs exactly-once");
    assert_eq!(options.max_concurrent_checkpoints, 4);
    assert_eq!(options.num_retained, 1);
    assert_eq!(options.data_inline_threshold, 20 << 10);
    let none_in_backlog = read(&[
        ("execution.checkpointing.interval", "1 s"),
        ("execution.checkpointing.interval-during-backlog", "0"),
    ]);
    assert_eq!(none_in_backlog.map(|options| options.interval_during_backlog_ms), Ok(None));
}

#[test]
fn errors_name_the_key_that_was_written() {
    let interval = ("execution.checkpointing.interval", "10 s");
    let cases: [&[(&str, &str)]; 12] = [
        &[("execution.checkpointing.interval", "soon")],
        &[("execution.checkpointing.interval", "0")],
        &[("execution.checkpointing.timeout", "9 ms")],
        &[("execution.checkpointing.mode", "AT_MOST_ONCE")],
        &[("execution.checkpointing.max-concurrent-checkpoints", "0")],
        &[("execution.checkpointing.tolerable-failed-checkpoints", "-1")],
        &[("execution.checkpointing.externalized-checkpoint-retention", "yes")],
        &[("execution.checkpointing.unaligned", "maybe")],
        &[
            ("execution.checkpointing.unaligned", "true"),
            ("execution.checkpointing.max-concurrent-checkpoints", "2"),
        ],
        &[interval, ("execution.checkpointing.interval-during-backlog", "1 s")],
        &[("execution.checkpointing.interval-during-backlog", "1 s")],
        &[("state.storage.fs.memory-threshold", "much")],
    ];
    let errors: Vec<String> =
        cases.iter().map(|pairs| read(pairs).expect_err("no such value")).collect();
    expect![[r#"
        option 'execution.checkpointing.interval': 'soon' is not a duration such as '10 s', '1 min' or 'PT1M'
        option 'execution.checkpointing.interval': '0' is not a duration of at least '10 ms'
        option 'execution.checkpointing.timeout': '9 ms' is not a duration of at least '10 ms'
        option 'execution.checkpointing.mode': 'AT_MOST_ONCE' is not one of EXACTLY_ONCE, AT_LEAST_ONCE
        option 'execution.checkpointing.max-concurrent-checkpoints': '0' is not a whole number of at least 1
        option 'execution.checkpointing.tolerable-failed-checkpoints': '-1' is not a whole number of at least 0
        option 'execution.checkpointing.externalized-checkpoint-retention': 'yes' is not one of NO_EXTERNALIZED_CHECKPOINTS, DELETE_ON_CANCELLATION, RETAIN_ON_CANCELLATION
        option 'execution.checkpointing.unaligned': 'maybe' is not 'true' or 'false'
        option 'execution.checkpointing.max-concurrent-checkpoints': '2' is not 1, which unaligned checkpoints need
        option 'execution.checkpointing.interval-during-backlog': '1 s' is not at least 'execution.checkpointing.interval'
        option 'execution.checkpointing.interval-during-backlog': '1 s' is not at least 'execution.checkpointing.interval'
        option 'state.storage.fs.memory-threshold': 'much' is not a size such as '64 mb' or '1 gb'"#]].assert_eq(&errors.join("\n"));
}

#[test]
fn huge_durations_do_not_overflow() {
    let options = read(&[
        ("execution.checkpointing.interval", "200000 d"),
        ("execution.checkpointing.timeout", "P106751991167D"),
        ("execution.checkpointing.min-pause", "100000 d"),
    ])
    .expect("options");
    assert!(options.interval_ms.is_some_and(|ms| ms <= LONGEST_MS));
    assert!(options.timeout_ms <= LONGEST_MS);
    assert_eq!(options.min_pause_ms, LONGEST_PAUSE_MS);
}
