//! What each session saw, in the order in which it saw it, over all its connections.
//!
//! | rule | |
//! |---|---|
//! | one's own order | writes of a session get their zxids in the order in which they were sent |
//! | no step back | neither a reply's zxid nor a node's mzxid is lower than before, nor than the session's own writes, also after a reconnect |
//! | nothing unheard of | no read shows a change that its reply's zxid is lower than |
//! | watches first | a node that was read with a watch is not seen changed before the watch has told |
//! | one story | a change has one zxid, one value and one version, whoever sees it; versions of a node are in the order of zxids |

use std::collections::{BTreeMap, HashMap};

use super::Held;

/// What a session saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A write of its own was done.
    Wrote { zxid: i64, node: String, held: Held },
    /// The reply to a read.
    Read { zxid: i64, node: String, mzxid: i64, held: Held, watch: bool },
    /// Any other reply.
    Replied { zxid: i64 },
    /// A watch has fired.
    Told { node: String },
}

/// A session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    pub client: usize,
    pub seen: Vec<Seen>,
}

/// Checks all sessions.
pub fn check(sessions: &[Session]) -> Result<(), String> {
    let mut changes = Changes::default();
    for session in sessions {
        check_one(session, &mut changes).map_err(|(at, error)| {
            format!("client {}: {error}: {}", session.client, near(session, at))
        })?;
    }
    changes.check()
}

fn near(session: &Session, at: usize) -> String {
    format!("{:?}", &session.seen[at.saturating_sub(6)..=at])
}

fn check_one(session: &Session, changes: &mut Changes) -> Result<(), (usize, String)> {
    let (mut last_reply, mut last_write) = (0, 0);
    // The newest change of a node that the session has seen.
    let mut nodes: HashMap<&str, i64> = HashMap::new();
    // Watches that have not told, and what was seen when they were set.
    let mut watches: HashMap<&str, i64> = HashMap::new();
    for (at, seen) in session.seen.iter().enumerate() {
        let wrong = |what: String| Err((at, what));
        let (Seen::Wrote { zxid, .. } | Seen::Read { zxid, .. } | Seen::Replied { zxid }) = seen
        else {
            if let Seen::Told { node } = seen {
                watches.remove(node.as_str());
            }
            continue;
        };
        if *zxid < last_reply {
            return wrong(format!("a reply with zxid {zxid:#x} after {last_reply:#x}"));
        }
        last_reply = *zxid;
        let (node, mzxid, held) = match seen {
            Seen::Wrote { zxid, node, held } => {
                if *zxid <= last_write {
                    return wrong(format!("wrote {zxid:#x} after {last_write:#x}"));
                }
                last_write = *zxid;
                (node.as_str(), *zxid, *held)
            }
            Seen::Read { node, mzxid, held, .. } => (node.as_str(), *mzxid, *held),
            Seen::Replied { .. } | Seen::Told { .. } => continue,
        };
        if mzxid > *zxid {
            return wrong(format!("{mzxid:#x} seen at {zxid:#x}"));
        }
        if let Some(newest) = nodes.insert(node, mzxid).filter(|newest| mzxid < *newest) {
            return wrong(format!("{node} as of {mzxid:#x} after {newest:#x}"));
        }
        if let Some(set) = watches.get(node).filter(|set| mzxid > **set) {
            return wrong(format!("{node} has changed since {set:#x}, and the watch has not told"));
        }
        if matches!(seen, Seen::Read { watch: true, .. }) {
            watches.entry(node).or_insert(mzxid);
        }
        changes.note(node, mzxid, held).or_else(wrong)?;
    }
    Ok(())
}

/// All changes that anybody has seen.
#[derive(Default)]
struct Changes {
    nodes: BTreeMap<String, BTreeMap<i64, Held>>,
}

impl Changes {
    fn note(&mut self, node: &str, mzxid: i64, held: Held) -> Result<(), String> {
        if !self.nodes.contains_key(node) {
            self.nodes.insert(node.to_owned(), BTreeMap::new());
        }
        let known = self.nodes.get_mut(node).and_then(|changes| changes.insert(mzxid, held));
        match known.filter(|known| *known != held) {
            None => Ok(()),
            Some(known) => Err(format!("{node} at {mzxid:#x} is {held:?}, and was {known:?}")),
        }
    }

    /// Nodes of these histories are not made again under the same name, so versions only grow.
    fn check(&self) -> Result<(), String> {
        for (node, changes) in &self.nodes {
            for ((before, earlier), (after, later)) in changes.iter().zip(changes.iter().skip(1)) {
                if later.version <= earlier.version {
                    return Err(format!(
                        "{node} has version {} at {before:#x} and {} at {after:#x}",
                        earlier.version, later.version
                    ));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(version: i32) -> Held {
        Held { value: version as u64 * 10, version }
    }

    fn wrote(zxid: i64, version: i32) -> Seen {
        Seen::Wrote { zxid, node: "/n".to_owned(), held: held(version) }
    }

    fn read(zxid: i64, mzxid: i64, version: i32, watch: bool) -> Seen {
        Seen::Read { zxid, node: "/n".to_owned(), mzxid, held: held(version), watch }
    }

    fn told() -> Seen {
        Seen::Told { node: "/n".to_owned() }
    }

    fn check_all(sessions: &[&[Seen]]) -> Result<(), String> {
        let sessions: Vec<_> = sessions
            .iter()
            .enumerate()
            .map(|(client, seen)| Session { client, seen: seen.to_vec() })
            .collect();
        check(&sessions)
    }

    #[test]
    fn sound_histories() {
        check_all(&[
            &[read(5, 3, 1, true), told(), read(8, 7, 2, false), wrote(9, 3), read(9, 9, 3, true)],
            &[wrote(7, 2), read(9, 7, 2, true), Seen::Replied { zxid: 9 }],
        ])
        .unwrap();
    }

    #[test]
    fn known_bad_histories() {
        let bad: [(&str, &[&[Seen]]); 8] = [
            ("a reply goes back", &[&[read(5, 3, 1, false), Seen::Replied { zxid: 4 }]]),
            ("a node goes back", &[&[read(5, 5, 2, false), read(6, 3, 1, false)]]),
            ("one's own write is not seen", &[&[wrote(5, 2), read(6, 3, 1, false)]]),
            ("writes change places", &[&[wrote(6, 2), wrote(6, 3)]]),
            ("seen before it was", &[&[read(5, 6, 1, false)]]),
            ("a late watch", &[&[read(5, 3, 1, true), read(8, 7, 2, false), told()]]),
            ("one change, two values", &[&[read(5, 3, 1, false)], &[read(5, 3, 2, false)]]),
            ("versions go back", &[&[read(5, 3, 2, false)], &[read(9, 8, 1, false)]]),
        ];
        for (what, sessions) in bad {
            assert!(check_all(sessions).is_err(), "{what}");
        }
    }

    #[test]
    fn a_watch_that_was_not_set_tells_nothing() {
        check_all(&[&[read(5, 3, 1, false), read(8, 7, 2, false)]]).unwrap();
    }
}
