//! Limits how many sessions are opened or taken over in a time: a bucket of tokens, which refills,
//! and, where `connection_throttle_freeze_time` is set, chance that drops more of them the longer
//! the bucket is empty (the BLUE algorithm).
//!
//! Rules: `BlueThrottle`.

use crate::config::ConnectionThrottle;

/// The bucket.
#[derive(Debug)]
pub(crate) struct Throttle {
    options: ConnectionThrottle,
    tokens: i64,
    filled_at_ms: i64,
    /// The chance of being dropped.
    drop: f64,
    frozen_at_ms: i64,
}

impl Throttle {
    /// A full bucket.
    pub(crate) fn new(options: ConnectionThrottle) -> Self {
        let tokens = options.tokens;
        Self { options, tokens, filled_at_ms: 0, drop: 0.0, frozen_at_ms: 0 }
    }

    /// Whether a session may be opened now (or taken over, if it `is_renewed`). `chance` is a
    /// random number from 0 to below 1.
    pub(crate) fn allows(&mut self, is_renewed: bool, now_ms: i64, chance: f64) -> bool {
        let options = &self.options;
        if options.tokens <= 0 {
            return true;
        }
        let passed = now_ms.saturating_sub(self.filled_at_ms);
        if passed > options.fill_time_ms {
            let fill = passed.saturating_mul(options.fill_count) / options.fill_time_ms.max(1);
            self.tokens = self.tokens.saturating_add(fill).min(options.tokens);
            self.filled_at_ms = now_ms;
        }
        if options.freeze_time_ms != -1 && !self.is_lucky(now_ms, chance) {
            return false;
        }
        let (new, renewed) = self.options.weights;
        let need = if is_renewed { renewed } else { new };
        if self.tokens < need {
            return false;
        }
        self.tokens -= need;
        true
    }

    /// The chance of being dropped, for the metric `connection_drop_probability`.
    pub(crate) fn drop_probability(&self) -> f64 {
        self.drop
    }

    fn is_lucky(&mut self, now_ms: i64, chance: f64) -> bool {
        let options = &self.options;
        let taken = options.tokens - self.tokens;
        let limit = (options.tokens as f64 * options.decrease_ratio) as i64;
        if now_ms.saturating_sub(self.frozen_at_ms) > options.freeze_time_ms {
            if self.tokens == 0 && self.drop < 1.0 {
                self.drop = (self.drop + options.drop_increase).min(1.0);
                self.frozen_at_ms = now_ms;
            } else if taken <= limit && self.drop > 0.0 {
                self.drop = (self.drop - options.drop_decrease).max(0.0);
                self.frozen_at_ms = now_ms;
            }
        }
        chance >= self.drop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(tokens: i64) -> ConnectionThrottle {
        ConnectionThrottle {
            tokens,
            fill_time_ms: 100,
            fill_count: 2,
            freeze_time_ms: -1,
            drop_increase: 0.5,
            drop_decrease: 0.25,
            decrease_ratio: 0.0,
            weights: (1, 1),
        }
    }

    #[test]
    fn an_empty_bucket_refuses_until_it_is_filled() {
        let mut throttle = Throttle::new(options(3));
        let allowed = |throttle: &mut Throttle, now| throttle.allows(false, now, 0.9);
        let first: Vec<bool> = (0..4).map(|_| allowed(&mut throttle, 1)).collect();
        assert_eq!(first, [true, true, true, false]);
        // Two tokens each 100 ms, once more than that has passed.
        assert!(!allowed(&mut throttle, 100));
        let later: Vec<bool> = (0..3).map(|_| allowed(&mut throttle, 101)).collect();
        assert_eq!(later, [true, true, false]);
        let mut off = Throttle::new(options(0));
        assert!((0..1000).all(|now| allowed(&mut off, now)));
    }

    #[test]
    fn weights_differ() {
        let mut throttle = Throttle::new(ConnectionThrottle { weights: (3, 2), ..options(5) });
        assert!(throttle.allows(false, 1, 0.0));
        assert!(!throttle.allows(false, 1, 0.0));
        assert!(throttle.allows(true, 1, 0.0));
    }

    #[test]
    fn chance_drops_while_the_bucket_stays_empty() {
        let blue = ConnectionThrottle { freeze_time_ms: 10, fill_time_ms: 1 << 40, ..options(1) };
        let mut throttle = Throttle::new(blue);
        assert!(throttle.allows(false, 1, 0.0));
        assert!(!throttle.allows(false, 20, 0.4));
        assert_eq!(throttle.drop_probability(), 0.5);
        assert!(!throttle.allows(false, 40, 0.4));
        assert_eq!(throttle.drop_probability(), 1.0);
    }
}
