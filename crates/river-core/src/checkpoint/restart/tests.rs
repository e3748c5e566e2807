use expect_test::expect;

use super::*;

fn read(pairs: &[(&str, &str)], checkpointing: bool) -> Result<RestartOptions, String> {
    let options: Options = pairs.iter().copied().collect();
    RestartOptions::from_options(&options, checkpointing).map_err(|error| error.to_string())
}

fn exponential(pairs: &[(&str, &str)]) -> Result<RestartOptions, String> {
    let all: Vec<(String, &str)> = pairs
        .iter()
        .map(|(key, value)| (format!("restart-strategy.exponential-delay.{key}"), *value))
        .chain([("restart-strategy".to_owned(), "exponential-delay")])
        .collect();
    let pairs: Vec<(&str, &str)> = all.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    read(&pairs, true)
}

#[test]
fn unset_means_restarts_exactly_with_checkpoints() {
    assert_eq!(read(&[], false), Ok(RestartOptions::None));
    assert_eq!(read(&[], true), Ok(RestartOptions::exponential_delay()));
    let unused = ("restart-strategy.exponential-delay.initial-backoff", "7 s");
    assert_eq!(read(&[unused], true), Ok(RestartOptions::exponential_delay()));
    assert_eq!(exponential(&[]), Ok(RestartOptions::exponential_delay()));
}

#[test]
fn strategies_have_many_names() {
    for name in ["none", "OFF", "disable"] {
        assert_eq!(read(&[("restart-strategy", name)], true), Ok(RestartOptions::None));
    }
    for name in ["fixed-delay", "fixeddelay"] {
        let fixed = RestartOptions::FixedDelay { attempts: 1, delay_ms: 1000 };
        assert_eq!(read(&[("restart-strategy.type", name)], false), Ok(fixed));
    }
    for name in ["failure-rate", "FailureRate"] {
        let rate = RestartOptions::FailureRate {
            max_failures_per_interval: 1,
            interval_ms: 60_000,
            delay_ms: 1000,
        };
        assert_eq!(read(&[("restart-strategy.type", name)], false), Ok(rate));
    }
}

#[test]
fn errors_name_the_key() {
    let errors = [
        read(&[("restart-strategy", "sometimes")], true),
        read(
            &[
                ("restart-strategy.type", "fixed-delay"),
                ("restart-strategy.fixed-delay.attempts", "-1"),
            ],
            true,
        ),
        read(
            &[
                ("restart-strategy.type", "failure-rate"),
                ("restart-strategy.failure-rate.max-failures-per-interval", "0"),
            ],
            true,
        ),
        exponential(&[("backoff-multiplier", "1.0")]),
        exponential(&[("backoff-multiplier", "NaN")]),
        exponential(&[("jitter-factor", "1.5")]),
        exponential(&[("initial-backoff", "2 min")]),
        exponential(&[("max-backoff", "10 ms")]),
        exponential(&[("attempts-before-reset-backoff", "0")]),
    ]
    .map(|result| result.expect_err("no such value"));
    expect![[r#"
        option 'restart-strategy': 'sometimes' is not one of none, fixed-delay, failure-rate, exponential-delay
        option 'restart-strategy.fixed-delay.attempts': '-1' is not a whole number of at least 0
        option 'restart-strategy.failure-rate.max-failures-per-interval': '0' is not a whole number of at least 1
        option 'restart-strategy.exponential-delay.backoff-multiplier': '1.0' is not a number over 1
        option 'restart-strategy.exponential-delay.backoff-multiplier': 'NaN' is not a number over 1
        option 'restart-strategy.exponential-delay.jitter-factor': '1.5' is not a number from 0 to 1
        option 'restart-strategy.exponential-delay.initial-backoff': '2 min' is not at most the max-backoff
        option 'restart-strategy.exponential-delay.max-backoff': '10 ms' is not at least the initial-backoff, 1 s
        option 'restart-strategy.exponential-delay.attempts-before-reset-backoff': '0' is not a whole number of at least 1"#]].assert_eq(&errors.join("\n"));
}

#[test]
fn none_gives_up_at_once() {
    assert_eq!(RestartStrategy::new(RestartOptions::None).on_failure(0, 0.5), None);
}

#[test]
fn fixed_delay_counts_attempts() {
    let mut strategy =
        RestartStrategy::new(RestartOptions::FixedDelay { attempts: 2, delay_ms: 70 });
    let waits: Vec<_> = (0..4).map(|at| strategy.on_failure(at * 1_000_000, 0.5)).collect();
    assert_eq!(waits, [Some(70), Some(70), None, None]);
}

#[test]
fn failure_rate_gives_up_on_too_many_in_an_interval() {
    let options =
        RestartOptions::FailureRate { max_failures_per_interval: 2, interval_ms: 100, delay_ms: 5 };
    let mut strategy = RestartStrategy::new(options);
    let waits: Vec<_> =
        [0, 60, 101, 200].into_iter().map(|at| strategy.on_failure(at, 0.5)).collect();
    assert_eq!(waits, [Some(5), Some(5), Some(5), Some(5)]);
    assert_eq!(strategy.on_failure(201, 0.5), None, "three within the interval");
}

fn doubling(attempts_before_reset: u32, jitter_factor: f64) -> RestartStrategy {
    RestartStrategy::new(RestartOptions::ExponentialDelay {
        initial_backoff_ms: 10,
        max_backoff_ms: 100,
        backoff_multiplier: 2.0,
        reset_backoff_threshold_ms: 1000,
        jitter_factor,
        attempts_before_reset,
    })
}

#[test]
fn exponential_delay_grows_and_is_reset_by_a_quiet_time() {
    let mut strategy = doubling(100, 0.0);
    let mut now_ms = 0;
    let mut fail_after = |quiet_ms: i64| {
        now_ms += quiet_ms;
        let wait_ms = strategy.on_failure(now_ms, 0.5).expect("a restart");
        now_ms += wait_ms;
        wait_ms
    };
    let waits: Vec<i64> = [1, 1, 999, 1, 1, 1, 1000, 1].into_iter().map(&mut fail_after).collect();
    assert_eq!(waits, [10, 20, 40, 80, 100, 100, 10, 20]);
}

#[test]
fn failures_while_a_restart_is_awaited_are_part_of_it() {
    let mut strategy = doubling(1, 0.0);
    assert_eq!(strategy.on_failure(1000, 0.5), Some(10));
    assert_eq!(strategy.on_failure(1004, 0.5), Some(6));
    assert_eq!(strategy.on_failure(1010, 0.5), Some(0));
    assert_eq!(strategy.on_failure(1011, 0.5), None, "a second attempt is one too many");
}

#[test]
fn jitter_keeps_within_its_part_and_the_bounds() {
    for (jitter, first, third) in [(0.0, 10, 20), (0.5, 10, 40), (0.999_999, 15, 60)] {
        let mut strategy = doubling(100, 0.5);
        assert_eq!(strategy.on_failure(0, jitter), Some(first));
        strategy.on_failure(100, jitter);
        assert_eq!(strategy.on_failure(1000, jitter), Some(third));
    }
}

#[test]
fn a_thousand_failures_still_wait_the_longest() {
    let mut strategy = doubling(u32::MAX, 0.1);
    let waits: Vec<_> = (0..1000).map(|at| strategy.on_failure(at * 900, 0.999)).collect();
    assert_eq!(waits.last(), Some(&Some(100)));
}

#[test]
fn reasons_are_flinks_words() {
    let mut exponential = RestartStrategy::new(RestartOptions::exponential_delay());
    exponential.on_failure(5, 0.5);
    let fixed = RestartStrategy::new(RestartOptions::FixedDelay { attempts: 3, delay_ms: 10 });
    expect![[r#"
        ExponentialDelayRestartBackoffTimeStrategy(initialBackoffMS=1000, maxBackoffMS=60000, backoffMultiplier=1.5, resetBackoffThresholdMS=3600000, jitterFactor=0.1, attemptsBeforeResetBackoff=2147483647, currentRestartAttempt=1)
        FixedDelayRestartBackoffTimeStrategy(maxNumberRestartAttempts=3, backoffTimeMS=10)"#]].assert_eq(&format!("{}\n{}", exponential.reason(), fixed.reason()));
}
