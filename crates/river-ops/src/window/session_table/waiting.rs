//! The state of the `SESSION` table function: for each key its open sessions with their rows.

use arrow_array::ArrayRef;
use arrow_schema::{DataType as Arrow, FieldRef};
use river_core::Field;
use river_runtime::Result;
use river_runtime::state::{KeyIndex, RowStore, Saved, StateTable};

use crate::one_row::{arrow_types, project};
use crate::saved;
use crate::stored_rows::{row_columns, save_rows};
use crate::window::sessions::Sessions;

/// Rows that wait for the end of their session.
pub struct WaitingRows {
    input_columns: Vec<FieldRef>,
    /// Columns of the key.
    pub partition: Vec<usize>,
    pub index: KeyIndex,
    pub sessions: Sessions,
    pub rows: RowStore,
    /// Kinds by row number.
    pub kinds: Vec<u8>,
    /// Row numbers of each session, by arrival.
    pub members: Vec<Vec<u32>>,
}

impl WaitingRows {
    /// No rows of an input with those columns.
    pub fn new(input: &[Field], partition: &[usize]) -> Result<WaitingRows> {
        let types = arrow_types(input);
        let keys: Vec<Arrow> = partition.iter().map(|key| types[*key].clone()).collect();
        Ok(WaitingRows {
            input_columns: row_columns(input),
            partition: partition.to_vec(),
            index: KeyIndex::new(&keys)?,
            sessions: Sessions::default(),
            rows: RowStore::new(&types)?,
            kinds: Vec::new(),
            members: Vec::new(),
        })
    }

    /// Adds rows of these columns to their sessions.
    pub fn add(
        &mut self,
        columns: &[ArrayRef],
        rows: &[u32],
        sessions: &[u32],
        kind: impl Fn(u32) -> u8,
    ) -> Result<()> {
        let mut ids = Vec::new();
        self.rows.append(columns, rows, &mut ids)?;
        self.kinds.resize(self.rows.capacity(), 0);
        self.members.resize_with(self.sessions.capacity(), Vec::new);
        for ((row, id), session) in rows.iter().zip(ids).zip(sessions) {
            self.kinds[id as usize] = kind(*row);
            self.members[*session as usize].push(id);
        }
        Ok(())
    }

    /// Forgets sessions that are over, with their rows, and keys that are left without one.
    pub fn close(&mut self, over: &[u32]) {
        for session in over {
            let rows = std::mem::take(&mut self.members[*session as usize]);
            self.rows.remove(&rows);
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

impl StateTable for WaitingRows {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.input_columns.clone();
        columns.extend(["#start", "#end"].map(|name| saved::column(name, Arrow::Int64)));
        columns.push(saved::column("#kind", Arrow::UInt8));
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.index
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let (mut ids, mut owners) = (Vec::new(), Vec::new());
        for session in self.sessions.of_keys(slots) {
            ids.extend_from_slice(&self.members[session as usize]);
            owners.resize(ids.len(), session);
        }
        let mut columns = save_rows(&self.rows, &ids)?;
        columns.push(saved::numbers(owners.iter().map(|id| self.sessions.window(*id).0)));
        columns.push(saved::numbers(owners.iter().map(|id| self.sessions.window(*id).1)));
        columns.push(saved::bytes(ids.iter().map(|id| self.kinds[*id as usize])));
        let hash = |session: &u32| self.index.hash(self.sessions.key(*session));
        Ok(Saved { columns, hashes: owners.iter().map(hash).collect() })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (input, own) = columns.split_at(self.input_columns.len());
        let mut slots = Vec::new();
        self.index.lookup_or_insert(&project(input, &self.partition), rows, &mut slots)?;
        let (starts, ends) = (saved::read_numbers(&own[0])?, saved::read_numbers(&own[1])?);
        let mut sessions = Vec::with_capacity(rows);
        for (row, slot) in slots.iter().enumerate() {
            let window = (starts[row], ends[row]);
            let session = match self.sessions.newest_of(*slot) {
                Some(last) if self.sessions.window(last) == window => last,
                _ => self.sessions.reopen(*slot, window)?,
            };
            sessions.push(session);
        }
        let kinds = saved::read_bytes(&own[2])?;
        let all: Vec<u32> = (0..rows as u32).collect();
        self.add(input, &all, &sessions, |row| kinds[row as usize])
    }

    fn memory(&self) -> usize {
        let members: usize = self.members.iter().map(|rows| rows.capacity() * 4 + 24).sum();
        self.index.memory()
            + self.sessions.memory()
            + self.rows.memory()
            + self.kinds.capacity()
            + members
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.index
    }
}
