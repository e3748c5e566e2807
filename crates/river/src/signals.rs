//! What the user or the system asks of a running job by signal.
//!
//! | signal | meaning |
//! |---|---|
//! | SIGINT (Ctrl-C) | end, or cancel at once if the job takes checkpoints or is asked twice |
//! | SIGTERM | cancel |
//! | SIGUSR1 | make a savepoint and go on |
//! | SIGUSR2 | make a savepoint and stop |
//!
//! One thread counts them; whoever runs a job looks at the counts ([`counts`]) and does what they
//! say ([`crate::supervision`]). A signal never does anything by itself.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

/// How often each signal has come since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// SIGINT.
    pub interrupts: usize,
    /// SIGTERM.
    pub terminations: usize,
    /// SIGUSR1.
    pub savepoints: usize,
    /// SIGUSR2.
    pub stops: usize,
}

impl Counts {
    /// What has come since `before`.
    pub fn since(self, before: Counts) -> Counts {
        Counts {
            interrupts: self.interrupts.saturating_sub(before.interrupts),
            terminations: self.terminations.saturating_sub(before.terminations),
            savepoints: self.savepoints.saturating_sub(before.savepoints),
            stops: self.stops.saturating_sub(before.stops),
        }
    }
}

#[derive(Default)]
struct Counters {
    interrupts: AtomicUsize,
    terminations: AtomicUsize,
    savepoints: AtomicUsize,
    stops: AtomicUsize,
}

/// The counts now; the first call installs the handlers.
pub fn counts() -> Counts {
    static COUNTERS: OnceLock<Counters> = OnceLock::new();
    let mut install = false;
    let counters = COUNTERS.get_or_init(|| {
        install = true;
        Counters::default()
    });
    if install {
        listen(counters);
    }
    let read = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    Counts {
        interrupts: read(&counters.interrupts),
        terminations: read(&counters.terminations),
        savepoints: read(&counters.savepoints),
        stops: read(&counters.stops),
    }
}

/// Without handlers a signal ends the process, which is no worse than not starting.
fn listen(counters: &'static Counters) {
    let mut signals = match Signals::new([SIGINT, SIGTERM, SIGUSR1, SIGUSR2]) {
        Ok(signals) => signals,
        Err(error) => {
            tracing::warn!(%error, "cannot listen to signals");
            return;
        }
    };
    let count = move || {
        for signal in &mut signals {
            let counter = match signal {
                SIGINT => &counters.interrupts,
                SIGTERM => &counters.terminations,
                SIGUSR1 => &counters.savepoints,
                _ => &counters.stops,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    };
    let spawned = std::thread::Builder::new().name("signals".to_owned()).spawn(count);
    if let Err(error) = spawned {
        tracing::warn!(%error, "cannot listen to signals");
    }
}
