//! What a network thread is given by others: answers of the core, new connections, the end.

use std::future::poll_fn;
use std::mem;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use keeper_core::node::Output;

use super::info::ConnectionInfo;

/// A connection that was taken.
pub(super) struct Accepted {
    pub stream: TcpStream,
    pub info: Arc<ConnectionInfo>,
}

/// Whatever came since the last look.
#[derive(Default)]
pub(super) struct Mail {
    pub outputs: Vec<Output>,
    pub accepted: Vec<Accepted>,
    pub stop: bool,
}

impl Mail {
    fn is_empty(&self) -> bool {
        self.outputs.is_empty() && self.accepted.is_empty() && !self.stop
    }
}

/// One network thread's.
#[derive(Default)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    mail: Mail,
    /// The thread, while it waits.
    waker: Option<Waker>,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Mail)) {
        let mut state = self.lock();
        change(&mut state.mail);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Hands over outputs for the thread's connections; `outputs` is empty afterwards.
    pub(crate) fn deliver(&self, outputs: &mut Vec<Output>) {
        self.change(|mail| match mail.outputs.is_empty() {
            true => mem::swap(&mut mail.outputs, outputs),
            false => mail.outputs.append(outputs),
        });
    }

    /// Hands over a connection.
    pub(super) fn accept(&self, accepted: Accepted) {
        self.change(|mail| mail.accepted.push(accepted));
    }

    /// Sends what is left and ends.
    pub(super) fn stop(&self) {
        self.change(|mail| mail.stop = true);
    }

    /// Waits until there is something, and takes all of it. `empty` gives its memory in exchange.
    pub(super) async fn next(&self, empty: &mut Mail) {
        poll_fn(|context| {
            let mut state = self.lock();
            if state.mail.is_empty() {
                state.waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            mem::swap(&mut state.mail, empty);
            Poll::Ready(())
        })
        .await;
    }
}
