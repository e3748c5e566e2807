//! The input of a task: one bounded queue a channel, all waited for at once.
//!
//! A sender waits only for room in *its* channel, and the receiver takes from whichever channel has
//! something, in turns. So a fast input can neither shut out a slow one nor make it wait.
//!
//! No deadlock in any acyclic graph, diamonds included: a task that waits for input has all its
//! channels empty, and one that waits for room waits for a task that will take from that channel,
//! as no task ever prefers or holds back a channel. Follow the waiting from any task to its
//! consumer: the chain ends at a task that can work, at the latest at a sink. (An alignment of
//! barriers holds channels back, but only until barriers that are already on their way arrive.)

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Element, Outcome, Stop};
use crate::metrics::{TaskMetrics, Waiting};

#[cfg(test)]
mod tests;

/// Elements a channel holds before its sender waits.
pub const CHANNEL_CAPACITY: usize = 8;

/// What [`InputQueue::receive`] gives.
#[derive(Debug)]
pub enum Received {
    /// An element and its channel.
    Element(usize, Element),
    /// Nothing came in time, or someone called [`InputQueue::wake`].
    Nothing,
    /// The job was cancelled.
    Closed,
}

/// The channels of one task. Shared by it and its producers.
#[derive(Debug)]
pub struct InputQueue {
    state: Mutex<State>,
    /// Signalled for the receiver.
    filled: Condvar,
    /// Signalled for the sender of each channel.
    room: Vec<Condvar>,
}

#[derive(Debug)]
struct State {
    channels: Vec<Channel>,
    /// Elements in all channels.
    queued: usize,
    /// Channel to look at first.
    turn: usize,
    receiver_waits: bool,
    woken: bool,
    closed: bool,
}

#[derive(Debug, Default)]
struct Channel {
    elements: VecDeque<Element>,
    sender_waits: bool,
}

impl InputQueue {
    /// A queue of that many channels; a source's has none and is only waited on.
    pub fn new(channels: usize) -> InputQueue {
        InputQueue {
            state: Mutex::new(State {
                channels: (0..channels).map(|_| Channel::default()).collect(),
                queued: 0,
                turn: 0,
                receiver_waits: false,
                woken: false,
                closed: false,
            }),
            filled: Condvar::new(),
            room: (0..channels).map(|_| Condvar::new()).collect(),
        }
    }

    /// Adds to a channel; waits while it is full. Time spent waiting is the sender's back pressure.
    ///
    /// # Errors
    /// [`Stop::Cancelled`] if the queue is closed.
    pub fn send(&self, channel: usize, element: Element, sender: &TaskMetrics) -> Outcome<()> {
        let mut state = self.lock();
        if state.channels[channel].elements.len() >= CHANNEL_CAPACITY && !state.closed {
            let _waiting = sender.wait(Waiting::BackPressured);
            state.channels[channel].sender_waits = true;
            while state.channels[channel].sender_waits && !state.closed {
                state = wait(&self.room[channel], state);
            }
        }
        if state.closed {
            return Err(Stop::Cancelled);
        }
        state.channels[channel].elements.push_back(element);
        state.queued += 1;
        if state.receiver_waits {
            state.receiver_waits = false;
            self.filled.notify_one();
        }
        Ok(())
    }

    /// The next element, if there is one now.
    pub fn try_receive(&self) -> Received {
        self.take(&mut self.lock())
    }

    /// The next element; waits for it until `deadline`, without one for ever.
    pub fn receive(&self, deadline: Option<Instant>) -> Received {
        let mut state = self.lock();
        loop {
            let received = self.take(&mut state);
            if !matches!(received, Received::Nothing) {
                return received;
            }
            if std::mem::take(&mut state.woken) {
                return Received::Nothing;
            }
            state.receiver_waits = true;
            state = match deadline {
                None => wait(&self.filled, state),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        state.receiver_waits = false;
                        return Received::Nothing;
                    }
                    let waited = self.filled.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn take(&self, state: &mut State) -> Received {
        if state.closed {
            return Received::Closed;
        }
        if state.queued == 0 {
            return Received::Nothing;
        }
        let channels = state.channels.len();
        for _ in 0..channels {
            let number = state.turn;
            state.turn = (number + 1) % channels;
            let channel = &mut state.channels[number];
            let Some(element) = channel.elements.pop_front() else { continue };
            // At half, so that the two threads do not take turns at every element.
            if channel.sender_waits && channel.elements.len() <= CHANNEL_CAPACITY / 2 {
                channel.sender_waits = false;
                self.room[number].notify_one();
            }
            state.queued -= 1;
            return Received::Element(number, element);
        }
        Received::Nothing
    }

    /// Lets a waiting receiver return with [`Received::Nothing`].
    pub fn wake(&self) {
        self.lock().woken = true;
        self.filled.notify_one();
    }

    /// Ends all waiting, for good, and drops what is queued.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let dropped: Vec<Channel> = state.channels.iter_mut().map(std::mem::take).collect();
        drop(state);
        drop(dropped);
        self.filled.notify_all();
        self.room.iter().for_each(Condvar::notify_all);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condition.wait(state).unwrap_or_else(PoisonError::into_inner)
}
