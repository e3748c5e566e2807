//! The state of aggregation in session windows: for each key its open sessions with their results.

use arrow_array::ArrayRef;
use arrow_schema::{DataType as Arrow, FieldRef};
use river_runtime::Result;
use river_runtime::state::{KeyIndex, Saved, StateTable};

use crate::aggregate::calls::Calls;
use crate::saved;
use crate::window::sessions::Sessions;
use crate::window::sliced::Spec;

/// The sessions that are open, by key.
pub struct OpenSessions {
    key_columns: Vec<FieldRef>,
    pub index: KeyIndex,
    pub sessions: Sessions,
    /// Results and records by session number.
    pub calls: Calls,
    pub counts: Vec<i64>,
}

impl OpenSessions {
    /// No sessions.
    pub fn new(spec: &Spec) -> Result<OpenSessions> {
        let key_columns = saved::input_columns(spec.input, spec.keys);
        let types: Vec<Arrow> = key_columns.iter().map(|key| key.data_type().clone()).collect();
        Ok(OpenSessions {
            key_columns,
            index: KeyIndex::new(&types)?,
            sessions: Sessions::default(),
            calls: Calls::new(spec.calls, spec.input, spec.retract)?,
            counts: Vec::new(),
        })
    }

    /// Makes room for all sessions.
    pub fn grow(&mut self) {
        self.calls.grow(self.sessions.capacity());
        self.counts.resize(self.sessions.capacity(), 0);
    }

    /// Adds sessions to another one of their key, and forgets them.
    pub fn merge(&mut self, from: &[u32], into: u32) -> Result<()> {
        self.calls.merge(from, &vec![into; from.len()])?;
        self.calls.reset(from);
        for other in from {
            self.counts[into as usize] += std::mem::take(&mut self.counts[*other as usize]);
            self.sessions.release(*other);
        }
        Ok(())
    }

    /// Forgets sessions that are over, and keys that are left without one.
    pub fn close(&mut self, over: &[u32]) {
        self.calls.reset(over);
        for session in over {
            self.counts[*session as usize] = 0;
            self.sessions.close(*session);
            self.forget_key_without_session(self.sessions.key(*session));
        }
    }

    /// Forgets a key unless it has a session.
    pub fn forget_key_without_session(&mut self, key: u32) {
        if self.sessions.is_without(key) {
            self.index.remove(key);
        }
    }
}

impl StateTable for OpenSessions {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.key_columns.clone();
        columns
            .extend(["#start", "#end", "#records"].map(|name| saved::column(name, Arrow::Int64)));
        columns.extend(self.calls.state_columns());
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.index
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let sessions = self.sessions.of_keys(slots);
        let keys: Vec<u32> = sessions.iter().map(|id| self.sessions.key(*id)).collect();
        let mut columns = self.index.key_columns(&keys)?;
        columns.push(saved::numbers(sessions.iter().map(|id| self.sessions.window(*id).0)));
        columns.push(saved::numbers(sessions.iter().map(|id| self.sessions.window(*id).1)));
        columns.push(saved::numbers(sessions.iter().map(|id| self.counts[*id as usize])));
        columns.extend(self.calls.save(&sessions)?);
        Ok(Saved { columns, hashes: keys.iter().map(|key| self.index.hash(*key)).collect() })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (keys, rest) = columns.split_at(self.key_columns.len());
        let (own, calls) = rest.split_at(3);
        let mut slots = Vec::new();
        self.index.lookup_or_insert(keys, rows, &mut slots)?;
        let (starts, ends) = (saved::read_numbers(&own[0])?, saved::read_numbers(&own[1])?);
        let mut sessions = Vec::with_capacity(rows);
        for (row, slot) in slots.iter().enumerate() {
            sessions.push(self.sessions.reopen(*slot, (starts[row], ends[row]))?);
        }
        self.grow();
        for (session, records) in sessions.iter().zip(saved::read_numbers(&own[2])?) {
            self.counts[*session as usize] = *records;
        }
        self.calls.load(&sessions, calls)
    }

    fn memory(&self) -> usize {
        self.index.memory()
            + self.sessions.memory()
            + self.calls.memory()
            + self.counts.capacity() * 8
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.index
    }
}
