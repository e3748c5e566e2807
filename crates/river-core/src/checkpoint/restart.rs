//! Whether and when a failed job is restarted (`restart-strategy.*`, Flink's
//! `RestartBackoffTimeStrategy` and its factory loader).
//!
//! Asked by the driver with each failure; it waits as told, then restarts the tasks. Chance for
//! the jitter comes in with the call.

use std::collections::VecDeque;

use crate::options::{OptionError, Options};

use super::options::{Keys, LONGEST_MS};

/// The strategy of a job and its numbers. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub enum RestartOptions {
    /// The first failure is the last.
    None,
    /// So many times, each after the same delay.
    FixedDelay {
        /// How many restarts.
        attempts: u32,
        /// The wait before each.
        delay_ms: i64,
    },
    /// As long as failures are rare.
    FailureRate {
        /// How many failures an interval may have.
        max_failures_per_interval: u32,
        /// Its length.
        interval_ms: i64,
        /// The wait before each restart.
        delay_ms: i64,
    },
    /// After ever longer delays, which a quiet time makes short again.
    ExponentialDelay {
        /// The first wait.
        initial_backoff_ms: i64,
        /// The longest wait.
        max_backoff_ms: i64,
        /// By what each wait is longer than the last.
        backoff_multiplier: f64,
        /// How long the job must run for the next wait to be the first again.
        reset_backoff_threshold_ms: i64,
        /// By which part of itself a wait is made longer or shorter at random.
        jitter_factor: f64,
        /// How many restarts without such a quiet time.
        attempts_before_reset: u32,
    },
}

impl RestartOptions {
    /// Reads the strategy. Where none is named, a job with checkpoints restarts with exponential
    /// delay and that strategy's default numbers, whatever `restart-strategy.exponential-delay.*`
    /// say; a job without does not restart.
    pub fn from_options(
        options: &Options,
        checkpointing: bool,
    ) -> Result<RestartOptions, OptionError> {
        let keys = Keys(options);
        let key = keys.spelling(&["restart-strategy.type", "restart-strategy"]);
        let Some(name) = options.get(key) else {
            return Ok(match checkpointing {
                true => RestartOptions::exponential_delay(),
                false => RestartOptions::None,
            });
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "none" | "off" | "disable" => Ok(RestartOptions::None),
            "fixed-delay" | "fixeddelay" => read_fixed_delay(&keys),
            "failure-rate" | "failurerate" => read_failure_rate(&keys),
            "exponential-delay" | "exponentialdelay" => read_exponential_delay(&keys),
            _ => {
                let expected = "one of none, fixed-delay, failure-rate, exponential-delay";
                Err(keys.error(key, expected))
            }
        }
    }

    /// Flink's default where checkpoints are taken.
    pub fn exponential_delay() -> RestartOptions {
        RestartOptions::ExponentialDelay {
            initial_backoff_ms: 1_000,
            max_backoff_ms: 60_000,
            backoff_multiplier: 1.5,
            reset_backoff_threshold_ms: 3_600_000,
            jitter_factor: 0.1,
            attempts_before_reset: i32::MAX as u32,
        }
    }
}

fn read_fixed_delay(keys: &Keys<'_>) -> Result<RestartOptions, OptionError> {
    Ok(RestartOptions::FixedDelay {
        attempts: keys.count("restart-strategy.fixed-delay.attempts", 0)?.unwrap_or(1),
        delay_ms: keys.ms("restart-strategy.fixed-delay.delay", 0)?.unwrap_or(1_000),
    })
}

fn read_failure_rate(keys: &Keys<'_>) -> Result<RestartOptions, OptionError> {
    Ok(RestartOptions::FailureRate {
        max_failures_per_interval: keys
            .count("restart-strategy.failure-rate.max-failures-per-interval", 1)?
            .unwrap_or(1),
        interval_ms: keys
            .ms("restart-strategy.failure-rate.failure-rate-interval", 1)?
            .unwrap_or(60_000),
        delay_ms: keys.ms("restart-strategy.failure-rate.delay", 0)?.unwrap_or(1_000),
    })
}

fn read_exponential_delay(keys: &Keys<'_>) -> Result<RestartOptions, OptionError> {
    let key = |name: &str| format!("restart-strategy.exponential-delay.{name}");
    let max_backoff_ms = keys.ms(&key("max-backoff"), 1)?.unwrap_or(60_000);
    let initial_key = key("initial-backoff");
    let initial_backoff_ms = keys.ms(&initial_key, 1)?.unwrap_or(1_000);
    if initial_backoff_ms > max_backoff_ms {
        // The one that was set is the one to name; a default cannot be wrong by itself.
        return Err(match keys.0.get(&initial_key) {
            Some(_) => keys.error(&initial_key, "at most the max-backoff"),
            None => keys.error(&key("max-backoff"), "at least the initial-backoff, 1 s"),
        });
    }
    Ok(RestartOptions::ExponentialDelay {
        initial_backoff_ms,
        max_backoff_ms,
        backoff_multiplier: number(keys, &key("backoff-multiplier"), 1.5, |x| x > 1.0, "over 1")?,
        reset_backoff_threshold_ms: keys
            .ms(&key("reset-backoff-threshold"), 1)?
            .unwrap_or(3_600_000),
        jitter_factor: number(
            keys,
            &key("jitter-factor"),
            0.1,
            |x| (0.0..=1.0).contains(&x),
            "from 0 to 1",
        )?,
        attempts_before_reset: keys
            .count(&key("attempts-before-reset-backoff"), 1)?
            .unwrap_or(i32::MAX as u32),
    })
}

fn number(
    keys: &Keys<'_>,
    key: &str,
    default: f64,
    fits: impl Fn(f64) -> bool,
    range: &str,
) -> Result<f64, OptionError> {
    match keys.0.f64(key)? {
        None => Ok(default),
        Some(number) if fits(number) => Ok(number),
        Some(_) => Err(keys.error(key, &format!("a number {range}"))),
    }
}

/// Decides on the failures of one job.
#[derive(Debug, Clone)]
pub struct RestartStrategy {
    options: RestartOptions,
    /// Failures so far; for exponential delay, since the last quiet time.
    failures: u32,
    /// The latest failures, oldest first; one more than an interval may have.
    failure_times_ms: VecDeque<i64>,
    /// When the tasks were last told to restart, or will be.
    next_restart_ms: Option<i64>,
}

impl RestartStrategy {
    /// A strategy that has seen no failure.
    pub fn new(options: RestartOptions) -> RestartStrategy {
        RestartStrategy {
            options,
            failures: 0,
            failure_times_ms: VecDeque::new(),
            next_restart_ms: None,
        }
    }

    /// Takes note of a failure; how many milliseconds to wait before the restart, or none if the
    /// job must fail. `jitter` is a random number from 0 to 1, without 1.
    pub fn on_failure(&mut self, now_ms: i64, jitter: f64) -> Option<i64> {
        match self.options {
            RestartOptions::None => None,
            RestartOptions::FixedDelay { attempts, delay_ms } => {
                self.failures = self.failures.saturating_add(1);
                (self.failures <= attempts).then_some(delay_ms)
            }
            RestartOptions::FailureRate { max_failures_per_interval, interval_ms, delay_ms } => {
                let is_rare =
                    self.is_failure_rare(now_ms, max_failures_per_interval as usize, interval_ms);
                is_rare.then_some(delay_ms)
            }
            RestartOptions::ExponentialDelay {
                attempts_before_reset,
                reset_backoff_threshold_ms,
                ..
            } => {
                // What fails while a restart is awaited belongs to the failure that it mends.
                if let Some(next) = self.next_restart_ms {
                    if now_ms <= next {
                        let wait = next - now_ms;
                        return (self.failures <= attempts_before_reset).then_some(wait);
                    }
                    if now_ms - next >= reset_backoff_threshold_ms {
                        self.failures = 0;
                    }
                }
                let wait = self.backoff_ms(jitter);
                self.next_restart_ms = Some(now_ms.saturating_add(wait));
                self.failures = self.failures.saturating_add(1);
                (self.failures <= attempts_before_reset).then_some(wait)
            }
        }
    }

    /// The strategy in words, for the error of a job that is given up ("Recovery is suppressed
    /// by ...").
    pub fn reason(&self) -> String {
        match &self.options {
            RestartOptions::None => "NoRestartBackoffTimeStrategy".to_owned(),
            RestartOptions::FixedDelay { attempts, delay_ms } => format!(
                "FixedDelayRestartBackoffTimeStrategy(maxNumberRestartAttempts={attempts}, \
                 backoffTimeMS={delay_ms})"
            ),
            RestartOptions::FailureRate { max_failures_per_interval, interval_ms, delay_ms } => {
                format!(
                    "FailureRateRestartBackoffTimeStrategy(failuresIntervalMS={interval_ms},\
                     backoffTimeMS={delay_ms},maxFailuresPerInterval={max_failures_per_interval})"
                )
            }
            RestartOptions::ExponentialDelay {
                initial_backoff_ms,
                max_backoff_ms,
                backoff_multiplier,
                reset_backoff_threshold_ms,
                jitter_factor,
                attempts_before_reset,
            } => format!(
                "ExponentialDelayRestartBackoffTimeStrategy(\
                 initialBackoffMS={initial_backoff_ms}, maxBackoffMS={max_backoff_ms}, \
                 backoffMultiplier={backoff_multiplier:?}, \
                 resetBackoffThresholdMS={reset_backoff_threshold_ms}, \
                 jitterFactor={jitter_factor:?}, \
                 attemptsBeforeResetBackoff={attempts_before_reset}, \
                 currentRestartAttempt={})",
                self.failures
            ),
        }
    }

    fn is_failure_rare(&mut self, now_ms: i64, max_failures: usize, interval_ms: i64) -> bool {
        if self.failure_times_ms.len() > max_failures {
            self.failure_times_ms.pop_front();
        }
        self.failure_times_ms.push_back(now_ms);
        match self.failure_times_ms.front() {
            Some(oldest) if self.failure_times_ms.len() > max_failures => {
                now_ms - oldest > interval_ms
            }
            _ => true,
        }
    }

    fn backoff_ms(&self, jitter: f64) -> i64 {
        let RestartOptions::ExponentialDelay {
            initial_backoff_ms,
            max_backoff_ms,
            backoff_multiplier,
            jitter_factor,
            ..
        } = self.options
        else {
            return 0;
        };
        let exact = initial_backoff_ms as f64 * backoff_multiplier.powf(f64::from(self.failures));
        // The power may be infinite; with the jitter it must not wrap.
        let wait = exact.min(LONGEST_MS as f64) as i64;
        let reach = (wait as f64 * jitter_factor) as i64;
        let offset = (jitter.clamp(0.0, 1.0) * (2 * reach + 1) as f64) as i64 - reach;
        (wait + offset.min(reach)).min(max_backoff_ms).max(initial_backoff_ms)
    }
}

#[cfg(test)]
mod tests;
