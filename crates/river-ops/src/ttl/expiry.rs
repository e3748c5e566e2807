//! Things in the order of a time, for expiry: cheap as long as times come in order, and right for
//! those that do not, as with what comes back from a checkpoint or from disk.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Numbered things by time.
#[derive(Default)]
pub struct Expiry {
    in_order: VecDeque<(i64, u32)>,
    /// Those that came with an earlier time than the one before them.
    others: BinaryHeap<Reverse<(i64, u32)>>,
}

impl Expiry {
    /// Adds a thing; it may be in it already, with other times.
    pub fn push(&mut self, id: u32, time: i64) {
        match self.in_order.back() {
            Some((last, _)) if *last > time => self.others.push(Reverse((time, id))),
            _ => self.in_order.push_back((time, id)),
        }
    }

    /// Takes the next thing for whose time `is_due` says so.
    pub fn pop(&mut self, is_due: impl Fn(i64) -> bool) -> Option<(u32, i64)> {
        if let Some((time, id)) = self.in_order.front().copied()
            && is_due(time)
        {
            self.in_order.pop_front();
            return Some((id, time));
        }
        let Reverse((time, id)) = self.others.peek().copied()?;
        is_due(time).then(|| {
            self.others.pop();
            (id, time)
        })
    }

    /// Bytes of memory it holds, about.
    pub fn memory(&self) -> usize {
        (self.in_order.capacity() + self.others.capacity()) * size_of::<(i64, u32)>()
    }
}
