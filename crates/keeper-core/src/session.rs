//! Sessions: who is there, for how long without a word, and what proves it.
//!
//! Sessions expire in groups: a session's end is rounded up to the next multiple of the tick, so
//! that it lives up to a tick longer than its timeout, never shorter. Preparation asks here whether
//! a request's session is alive; [`Sessions::expired`] says whose end is to be prepared.
//!
//! Rules: `SessionTrackerImpl`, `ExpiryQueue`, `ZooKeeperServer.generatePasswd`.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use zk_wire::SessionId;
use zk_wire::error_code::ErrorCode;

use crate::owner::CONTAINER_OWNER;

/// What a session's id is mixed with to make its password.
const SECRET: i64 = 0xb341_5c00;

/// The password of a session. It keeps out mistakes, not attackers; it must be the same on all
/// servers, so that a session can move between them.
pub fn password(session: SessionId) -> [u8; 16] {
    // `java.util.Random`, whose numbers come out with the lowest byte first.
    const MULTIPLIER: u64 = 0x5_deec_e66d;
    const MASK: u64 = (1 << 48) - 1;
    let mut state = ((session.0 ^ SECRET) as u64 ^ MULTIPLIER) & MASK;
    let mut password = [0; 16];
    for part in password.chunks_exact_mut(4) {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(0xb) & MASK;
        part.copy_from_slice(&((state >> 16) as u32).to_le_bytes());
    }
    password
}

/// The first id that a server gives: its own number, and the time when it starts.
pub fn first_id(server: u8, now_ms: i64) -> SessionId {
    let id = ((now_ms << 24) as u64 >> 8) as i64 | (i64::from(server) << 56);
    SessionId(if id == CONTAINER_OWNER { id + 1 } else { id })
}

/// Settings of sessions, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    /// `tickTime`
    pub tick_ms: i64,
    /// `minSessionTimeout`
    pub min_timeout_ms: i32,
    /// `maxSessionTimeout`
    pub max_timeout_ms: i32,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { tick_ms: 3000, min_timeout_ms: 6000, max_timeout_ms: 60_000 }
    }
}

struct Session {
    timeout_ms: i32,
    closing: bool,
    /// Who may speak for it: the server whose client it is; `None` until it speaks.
    owner: Option<u64>,
    expires_at: i64,
}

/// The sessions that a leader (or a server alone) watches over.
pub struct Sessions {
    options: SessionOptions,
    next_id: SessionId,
    tracked: HashMap<i64, Session>,
    /// Ends of sessions, in multiples of the tick.
    ends: BTreeMap<i64, BTreeSet<i64>>,
    /// Timeouts of those that were opened by a transaction: what snapshots have.
    committed: BTreeMap<i64, i32>,
}

impl Sessions {
    /// Begins with the sessions of a snapshot and the log after it, whose time begins now.
    pub fn new(
        options: SessionOptions,
        first: SessionId,
        committed: BTreeMap<SessionId, i32>,
        now_ms: i64,
    ) -> Self {
        let committed = committed.into_iter().map(|(id, timeout)| (id.0, timeout)).collect();
        let (tracked, ends) = (HashMap::new(), BTreeMap::new());
        let mut sessions = Self { options, next_id: first, tracked, ends, committed };
        let known: Vec<_> = sessions.committed.iter().map(|(id, ms)| (*id, *ms)).collect();
        for (id, timeout_ms) in known {
            sessions.track(SessionId(id), timeout_ms, now_ms);
        }
        sessions
    }

    /// A timeout within the bounds.
    pub fn negotiated(&self, timeout_ms: i32) -> i32 {
        timeout_ms.max(self.options.min_timeout_ms).min(self.options.max_timeout_ms)
    }

    /// A new session, which is tracked from now on.
    pub fn open(&mut self, timeout_ms: i32, now_ms: i64) -> SessionId {
        let id = self.next_id;
        self.next_id = SessionId(id.0.wrapping_add(1));
        self.track(id, timeout_ms, now_ms);
        id
    }

    /// Tracks a session, if it is not tracked yet.
    pub fn track(&mut self, id: SessionId, timeout_ms: i32, now_ms: i64) {
        let fresh = Session { timeout_ms, closing: false, owner: None, expires_at: i64::MIN };
        self.tracked.entry(id.0).or_insert(fresh);
        self.move_end(id, timeout_ms, now_ms);
    }

    /// A session has spoken; false if it is not there, or closing.
    pub fn touch(&mut self, id: SessionId, timeout_ms: i32, now_ms: i64) -> bool {
        if self.tracked.get(&id.0).is_none_or(|session| session.closing) {
            return false;
        }
        self.move_end(id, timeout_ms, now_ms);
        true
    }

    fn move_end(&mut self, id: SessionId, timeout_ms: i32, now_ms: i64) {
        let Some(session) = self.tracked.get_mut(&id.0) else { return };
        let tick = self.options.tick_ms.max(1);
        let end = now_ms.saturating_add(i64::from(timeout_ms)) / tick * tick + tick;
        let before = std::mem::replace(&mut session.expires_at, end);
        if before == end {
            return;
        }
        forget(&mut self.ends, before, id.0);
        self.ends.entry(end).or_default().insert(id.0);
    }

    /// Sessions whose time is over. They are closing from now on, and not told again.
    pub fn expired(&mut self, now_ms: i64) -> Vec<SessionId> {
        let mut expired = Vec::new();
        while let Some(first) = self.ends.first_entry() {
            if *first.key() > now_ms {
                break;
            }
            expired.extend(first.remove().into_iter().map(SessionId));
        }
        for id in &expired {
            self.set_closing(*id);
        }
        expired
    }

    /// When the next session ends, if nobody speaks.
    pub fn next_end(&self) -> Option<i64> {
        self.ends.keys().next().copied()
    }

    /// From now on the session's requests are refused.
    pub fn set_closing(&mut self, id: SessionId) {
        if let Some(session) = self.tracked.get_mut(&id.0) {
            session.closing = true;
        }
    }

    /// Whether a session may ask: UNKNOWNSESSION, SESSIONEXPIRED or SESSIONMOVED if not. The first
    /// who speaks for it becomes its owner.
    pub fn check(&mut self, id: SessionId, owner: u64) -> Result<(), ErrorCode> {
        let session = self.tracked.get_mut(&id.0).ok_or(ErrorCode::UnknownSession)?;
        if session.closing {
            return Err(ErrorCode::SessionExpired);
        }
        match *session.owner.get_or_insert(owner) == owner {
            true => Ok(()),
            false => Err(ErrorCode::SessionMoved),
        }
    }

    /// As [`Sessions::check`] for what only a session of the whole ensemble may do.
    pub fn check_global(&mut self, id: SessionId, owner: u64) -> Result<(), ErrorCode> {
        match self.check(id, owner) {
            Err(ErrorCode::UnknownSession) => Err(ErrorCode::SessionExpired),
            result => result,
        }
    }

    /// The session is another's now: it has connected there.
    pub fn set_owner(&mut self, id: SessionId, owner: u64) -> Result<(), ErrorCode> {
        match self.tracked.get_mut(&id.0) {
            Some(session) if !session.closing => {
                session.owner = Some(owner);
                Ok(())
            }
            _ => Err(ErrorCode::SessionExpired),
        }
    }

    /// The transaction that opens a session is applied.
    pub fn commit(&mut self, id: SessionId, timeout_ms: i32, now_ms: i64) {
        self.committed.insert(id.0, timeout_ms);
        if !self.tracked.contains_key(&id.0) {
            self.track(id, timeout_ms, now_ms);
        }
    }

    /// The transaction that ends a session is applied.
    pub fn remove(&mut self, id: SessionId) {
        self.committed.remove(&id.0);
        if let Some(session) = self.tracked.remove(&id.0) {
            forget(&mut self.ends, session.expires_at, id.0);
        }
    }

    /// A session's timeout, if it is there and not closing.
    pub fn timeout_ms(&self, id: SessionId) -> Option<i32> {
        self.tracked.get(&id.0).filter(|session| !session.closing).map(|session| session.timeout_ms)
    }

    /// Ids and timeouts for a snapshot.
    pub fn committed(&self) -> impl ExactSizeIterator<Item = (SessionId, i32)> {
        self.committed.iter().map(|(id, timeout_ms)| (SessionId(*id), *timeout_ms))
    }

    /// Ends and who ends then, for `dump`.
    pub fn ends(&self) -> impl ExactSizeIterator<Item = (i64, &BTreeSet<i64>)> {
        self.ends.iter().map(|(end, ids)| (*end, ids))
    }
}

fn forget(ends: &mut BTreeMap<i64, BTreeSet<i64>>, end: i64, id: i64) {
    if let Some(ids) = ends.get_mut(&end) {
        ids.remove(&id);
        if ids.is_empty() {
            ends.remove(&end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: [u8; 16]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn passwords_as_java() {
        for (id, expected) in [
            (1, "054cc74a37327db215e702e20c73f005"),
            (0x0100_0000_0000_0001, "054cc74a37327db215e702e20c73f005"),
            (0x0100_018b_2a3c_0000, "06c9047c1b2dc26c5442186a5cfefd8a"),
        ] {
            assert_eq!(hex(password(SessionId(id))), expected);
        }
    }

    #[test]
    fn ids_begin_with_the_server_and_the_time() {
        assert_eq!(first_id(1, 0x18b_2a3c_4d5e).0, 0x018b_2a3c_4d5e_0000);
        assert_eq!(first_id(0x80, 0), SessionId(CONTAINER_OWNER + 1));
    }

    #[test]
    fn sessions_end_at_ticks() {
        let options = SessionOptions { tick_ms: 1000, ..SessionOptions::default() };
        let mut sessions = Sessions::new(options, SessionId(7), BTreeMap::new(), 0);
        assert_eq!(sessions.negotiated(1), 6000);
        assert_eq!(sessions.negotiated(i32::MAX), 60_000);
        let id = sessions.open(6000, 1500);
        assert_eq!(sessions.next_end(), Some(8000));
        assert!(sessions.touch(id, 6000, 2000));
        assert_eq!(sessions.next_end(), Some(9000));
        assert_eq!(sessions.expired(8999), []);
        assert_eq!(sessions.expired(9000), [id]);
        assert_eq!(sessions.expired(9000), []);
        assert!(!sessions.touch(id, 6000, 9000));
        assert_eq!(sessions.check(id, 0), Err(ErrorCode::SessionExpired));
        sessions.remove(id);
        assert_eq!(sessions.check(id, 0), Err(ErrorCode::UnknownSession));
        assert_eq!(sessions.check_global(id, 0), Err(ErrorCode::SessionExpired));
    }

    #[test]
    fn sessions_have_one_owner() {
        let mut sessions =
            Sessions::new(SessionOptions::default(), SessionId(7), BTreeMap::new(), 0);
        let id = sessions.open(6000, 0);
        assert_eq!(sessions.check(id, 1), Ok(()));
        assert_eq!(sessions.check(id, 2), Err(ErrorCode::SessionMoved));
        assert_eq!(sessions.set_owner(id, 2), Ok(()));
        assert_eq!(sessions.check(id, 2), Ok(()));
    }
}
