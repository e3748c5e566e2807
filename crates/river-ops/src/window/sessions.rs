//! Which sessions are open, for all keys (`SessionWindowAssigner`, `MergingWindowSet`).
//!
//! A session is numbered; its number is where its operator keeps its state. Sessions of one key
//! neither overlap nor touch: those that a new row connects are merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use river_runtime::{Error, Result};

const NONE: u32 = u32::MAX;

/// One open session.
#[derive(Clone, Copy)]
struct Session {
    start: i64,
    end: i64,
    key: u32,
    /// Next session of the key.
    next: u32,
    /// End under which it waits in the queue.
    queued_end: i64,
}

/// The open sessions.
#[derive(Default)]
pub struct Sessions {
    sessions: Vec<Session>,
    free: Vec<u32>,
    /// First session of each key.
    heads: Vec<u32>,
    /// Ends of sessions, as they were when queued: not later than they are now.
    queue: BinaryHeap<Reverse<(i64, u32)>>,
}

/// What a row's time means for the sessions of its key.
#[derive(Debug, PartialEq, Eq)]
pub enum Assigned {
    /// The row belongs to that session. The second value is further sessions, now part of it; they
    /// are to be merged into it and then freed.
    Session(u32, Vec<u32>),
    /// The row would make a session that is over already.
    Late,
}

impl Sessions {
    /// Puts a row of a key into a session. `is_over` says whether a window of that end is.
    pub fn assign(
        &mut self,
        key: u32,
        (start, end): (i64, i64),
        is_over: impl FnOnce(i64) -> bool,
    ) -> Result<Assigned> {
        self.know_key(key);
        let mut target = NONE;
        let mut merged = Vec::new();
        let mut at = self.heads[key as usize];
        while at != NONE {
            let session = self.sessions[at as usize];
            if session.start <= end && session.end >= start {
                if target == NONE {
                    target = at;
                } else {
                    merged.push(at);
                }
            }
            at = session.next;
        }
        if target == NONE {
            if is_over(end) {
                return Ok(Assigned::Late);
            }
            return Ok(Assigned::Session(self.open(key, start, end)?, merged));
        }
        let (mut low, mut high) = (start, end);
        for other in &merged {
            let session = self.sessions[*other as usize];
            (low, high) = (low.min(session.start), high.max(session.end));
            self.unlink(*other);
        }
        let session = &mut self.sessions[target as usize];
        session.start = session.start.min(low);
        session.end = session.end.max(high);
        Ok(Assigned::Session(target, merged))
    }

    fn know_key(&mut self, key: u32) {
        if self.heads.len() <= key as usize {
            self.heads.resize(key as usize + 1, NONE);
        }
    }

    fn open(&mut self, key: u32, start: i64, end: i64) -> Result<u32> {
        let head = &mut self.heads[key as usize];
        let session = Session { start, end, key, next: *head, queued_end: end };
        let id = match self.free.pop() {
            Some(id) => {
                self.sessions[id as usize] = session;
                id
            }
            None => {
                let id = u32::try_from(self.sessions.len()).ok().filter(|id| *id != NONE);
                self.sessions.push(session);
                id.ok_or_else(|| Error::environment("more than four billion open sessions"))?
            }
        };
        *head = id;
        self.queue.push(Reverse((end, id)));
        Ok(id)
    }

    /// Takes a session out of its key's list; its number stays in use.
    fn unlink(&mut self, id: u32) {
        let Session { key, next, .. } = self.sessions[id as usize];
        self.sessions[id as usize].queued_end = i64::MIN;
        let head = &mut self.heads[key as usize];
        if *head == id {
            *head = next;
            return;
        }
        let mut at = *head;
        while at != NONE {
            let session = &mut self.sessions[at as usize];
            if session.next == id {
                session.next = next;
                return;
            }
            at = session.next;
        }
    }

    /// Allows the number of a merged or closed session to be used again.
    pub fn release(&mut self, id: u32) {
        self.free.push(id);
    }

    /// An end not later than that of any open session.
    pub fn first_end(&self) -> Option<i64> {
        self.queue.peek().map(|Reverse((end, _))| *end)
    }

    /// The session that ends first, if `is_over` says so of its end; each is given once. It is
    /// open until [`Sessions::close`].
    pub fn next_over(&mut self, mut is_over: impl FnMut(i64) -> bool) -> Option<u32> {
        while let Some(Reverse((end, id))) = self.queue.peek().copied() {
            if !is_over(end) {
                return None;
            }
            self.queue.pop();
            let session = &mut self.sessions[id as usize];
            if session.queued_end != end {
                continue;
            }
            if session.end > end {
                // It has grown since it was queued.
                session.queued_end = session.end;
                self.queue.push(Reverse((session.end, id)));
                continue;
            }
            return Some(id);
        }
        None
    }

    /// Ends a session that is over; its number may be used again.
    pub fn close(&mut self, id: u32) {
        self.unlink(id);
        self.release(id);
    }

    /// Opens a session as it was saved. Those of one key come in the order of
    /// [`Sessions::of_keys`].
    pub fn reopen(&mut self, key: u32, (start, end): (i64, i64)) -> Result<u32> {
        self.know_key(key);
        self.open(key, start, end)
    }

    /// The sessions of keys, one key after the other, those opened first first.
    pub fn of_keys(&self, keys: &[u32]) -> Vec<u32> {
        let mut ids = Vec::with_capacity(keys.len());
        for key in keys {
            let from = ids.len();
            let mut at = self.newest_of(*key);
            while let Some(id) = at {
                ids.push(id);
                at = Some(self.sessions[id as usize].next).filter(|next| *next != NONE);
            }
            ids[from..].reverse();
        }
        ids
    }

    /// The session of a key that was opened last.
    pub fn newest_of(&self, key: u32) -> Option<u32> {
        self.heads.get(key as usize).copied().filter(|head| *head != NONE)
    }

    /// Bytes of memory held, about.
    pub fn memory(&self) -> usize {
        self.sessions.capacity() * size_of::<Session>()
            + (self.free.capacity() + self.heads.capacity()) * 4
            + self.queue.capacity() * 16
    }

    /// Start and end of a session, also of one just merged.
    pub fn window(&self, id: u32) -> (i64, i64) {
        let session = self.sessions[id as usize];
        (session.start, session.end)
    }

    /// Key of a session, also of one just merged.
    pub fn key(&self, id: u32) -> u32 {
        self.sessions[id as usize].key
    }

    /// Whether a key has no session.
    pub fn is_without(&self, key: u32) -> bool {
        self.heads.get(key as usize).is_none_or(|head| *head == NONE)
    }

    /// Session numbers ever used.
    pub fn capacity(&self) -> usize {
        self.sessions.len()
    }
}
