//! The input of a task: one bounded queue a channel, all waited for at once.
//!
//! A sender waits only for room in *its* channel, and the receiver takes from whichever channel has
//! something, in turns. So a fast input can neither shut out a slow one nor make it wait.
//!
//! The receiver may hold channels back ([`InputQueue::block`]) while it aligns a barrier; their
//! senders then wait as if it were slow. Barriers themselves need no room, and unaligned ones are
//! put in front of their channel. Commands to the task come here too, as a task that waits, waits
//! here.
//!
//! # No deadlock
//!
//! In any acyclic graph, diamonds included. Without alignments: a task that waits for input has all
//! its channels empty, and one that waits for room waits for a task that will take from that
//! channel. Follow the waiting from any task to its consumer: the chain ends at a task that can
//! work, at the latest at a sink.
//!
//! With alignments a task may also wait, with channels held back, for a barrier on the others.
//! Assume nothing can go on. Let `n` be the smallest number of a checkpoint that some task aligns.
//! That task waits for the barrier of a producer that still owes it; let P be the most upstream of
//! all tasks that owe `n` to some channel. (A source owes it only while it is busy: it takes the
//! command even if it waits. If someone has given `n` up, the driver has, and says so to all.) All
//! producers of P have sent `n`, so P has input it may take, unless it waits for room in a channel,
//! with a batch that comes before `n`. That channel's consumer Q does not hold it back, as it has
//! neither `n` nor anything later from it, and nobody aligns anything earlier. So Q has input it
//! may take, and waits for room itself. Nor does *its* consumer hold it back: Q cannot have sent
//! `n` or a later barrier, having none from P. And so on down to a sink, which never waits for
//! room. So something can go on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Element, Outcome, Stop};
use crate::Batch;
use crate::checkpoint::{Alignment, Barrier, Command};
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
    /// Nothing came in time, or someone called [`InputQueue::wake`] or [`InputQueue::command`].
    Nothing,
    /// The job was cancelled.
    Closed,
}

/// What a task is told apart from what its channels bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// By the driver.
    Command(Command),
    /// This barrier is on its way in a channel.
    Announced(Barrier),
}

/// The channels of one task. Shared by it and its producers.
#[derive(Debug)]
pub struct InputQueue {
    state: Mutex<State>,
    /// Signalled for the receiver.
    filled: Condvar,
    /// Signalled for the sender of each channel.
    room: Vec<Condvar>,
    /// Whether there are notices: looked at before every batch, so not under the lock.
    noticed: AtomicBool,
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
    notices: VecDeque<Notice>,
}

#[derive(Debug, Default)]
struct Channel {
    elements: VecDeque<Element>,
    sender_waits: bool,
    /// Held back by the receiver.
    blocked: bool,
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
                notices: VecDeque::new(),
            }),
            filled: Condvar::new(),
            room: (0..channels).map(|_| Condvar::new()).collect(),
            noticed: AtomicBool::new(false),
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
        if state.receiver_waits && !state.channels[channel].blocked {
            state.receiver_waits = false;
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Adds `held` and a barrier, which needs no room: there are never more of them in a channel
    /// than checkpoints in progress. An unaligned one overtakes all that the channel holds, and is
    /// what the receiver takes next. One that may come to that ([`Alignment::AlignedFor`]) is
    /// announced.
    ///
    /// # Errors
    /// [`Stop::Cancelled`] if the queue is closed.
    pub fn send_barrier(
        &self,
        channel: usize,
        held: Option<Batch>,
        barrier: Barrier,
    ) -> Outcome<()> {
        let mut state = self.lock();
        if state.closed {
            return Err(Stop::Cancelled);
        }
        let state = &mut *state;
        let target = &mut state.channels[channel];
        state.queued += 1 + usize::from(held.is_some());
        target.elements.extend(held.map(Element::Batch));
        if barrier.alignment == Alignment::Unaligned {
            target.put_in_front(barrier, target.elements.len(), Vec::new());
            // What it is held back for is older, and given up for this barrier.
            target.blocked = false;
            state.turn = channel;
        } else {
            target.elements.push_back(Element::Barrier { barrier, overtaken: Vec::new() });
        }
        if matches!(barrier.alignment, Alignment::AlignedFor(_)) {
            state.notices.push_back(Notice::Announced(barrier));
            self.noticed.store(true, Ordering::Release);
        }
        state.receiver_waits = false;
        self.filled.notify_one();
        Ok(())
    }

    /// Lets the barriers of a checkpoint that are queued overtake what is queued before them.
    pub fn overtake(&self, checkpoint: u64) {
        for channel in &mut self.lock().channels {
            let is_sought = |element: &Element| match element {
                Element::Barrier { barrier, .. } => barrier.checkpoint == checkpoint,
                _ => false,
            };
            let Some(place) = channel.elements.iter().position(is_sought) else { continue };
            if let Some(Element::Barrier { barrier, overtaken }) = channel.elements.remove(place) {
                channel.put_in_front(barrier, place, overtaken);
            }
        }
    }

    /// Gives out nothing more of a channel until [`InputQueue::unblock_all`].
    pub fn block(&self, channel: usize) {
        self.lock().channels[channel].blocked = true;
    }

    /// Holds no channel back any more. For the receiver.
    pub fn unblock_all(&self) {
        self.lock().channels.iter_mut().for_each(|channel| channel.blocked = false);
    }

    /// Tells the task something; a task that waits for input returns with [`Received::Nothing`].
    pub fn command(&self, command: Command) {
        let mut state = self.lock();
        state.notices.push_back(Notice::Command(command));
        self.noticed.store(true, Ordering::Release);
        self.filled.notify_one();
    }

    /// Takes the notices that have come, oldest first.
    pub fn take_notices(&self, into: &mut VecDeque<Notice>) {
        if self.noticed.load(Ordering::Acquire) {
            let mut state = self.lock();
            into.append(&mut state.notices);
            self.noticed.store(false, Ordering::Relaxed);
        }
    }

    /// Waits for a notice, and takes no input; not longer than until `deadline`.
    ///
    /// # Errors
    /// [`Stop::Cancelled`] if the queue is closed.
    pub fn pause(&self, deadline: Instant) -> Outcome<()> {
        let mut state = self.lock();
        state.receiver_waits = false;
        while !state.closed && state.notices.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let waited = self.filled.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.closed { Err(Stop::Cancelled) } else { Ok(()) }
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
            if std::mem::take(&mut state.woken) || !state.notices.is_empty() {
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
            if channel.blocked {
                continue;
            }
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

impl Channel {
    /// Puts a barrier before all elements, of which it overtakes the first `count`; `before` it had
    /// overtaken already.
    fn put_in_front(&mut self, barrier: Barrier, count: usize, before: Vec<Batch>) {
        let batches = self.elements.iter().take(count).filter_map(|element| match element {
            Element::Batch(batch) => Some(batch.clone()),
            _ => None,
        });
        let overtaken = batches.chain(before).collect();
        self.elements.push_front(Element::Barrier { barrier, overtaken });
    }
}

fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condition.wait(state).unwrap_or_else(PoisonError::into_inner)
}
