//! A queue that one thread empties as a whole, and sleeps on when there is nothing.
//!
//! The core's. Senders wake it only when it sleeps, so that under load nobody enters the kernel.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

/// The queue. Unbounded: what its senders put in is bounded by limits of their own.
pub(crate) struct Inbox<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    waiting: Vec<T>,
    /// The receiver, while it sleeps.
    asleep: Option<Thread>,
    /// Nobody will take anything any more.
    closed: bool,
}

impl<T> Inbox<T> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { waiting: Vec::new(), asleep: None, closed: false }) }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something in; false if nobody will ever take it.
    pub(crate) fn send(&self, item: T) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        state.waiting.push(item);
        let asleep = state.asleep.take();
        drop(state);
        if let Some(thread) = asleep {
            thread.unpark();
        }
        true
    }

    /// Takes all that waits, into an empty `taken`; sleeps up to `patience` if nothing does. Called
    /// by one thread alone.
    pub(crate) fn take(&self, taken: &mut Vec<T>, patience: Duration) {
        let mut state = self.lock();
        if state.waiting.is_empty() && !patience.is_zero() {
            state.asleep = Some(thread::current());
            drop(state);
            thread::park_timeout(patience);
            state = self.lock();
            state.asleep = None;
        }
        mem::swap(&mut state.waiting, taken);
    }

    /// Whether something waits.
    pub(crate) fn has_mail(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Ends it: what waits is dropped, and further sends fail.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        // Outside the lock: whoever waits for an answer hears of it by this.
        drop(waiting);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_is_sent_arrives_in_order_and_wakes() {
        let inbox = Arc::new(Inbox::new());
        let of_thread = inbox.clone();
        let sender = thread::spawn(move || (0..1000).all(|number| of_thread.send(number)));
        let (mut all, mut taken) = (Vec::new(), Vec::new());
        while all.len() < 1000 {
            inbox.take(&mut taken, Duration::from_secs(60));
            all.append(&mut taken);
        }
        assert!(sender.join().unwrap());
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
        inbox.close();
        assert!(!inbox.send(1));
    }
}
