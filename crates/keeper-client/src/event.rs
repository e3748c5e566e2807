//! What a client is told without asking: watches that fired, and what became of its session.

use std::fmt;

use tokio::sync::broadcast;
use zk_wire::Zxid;
use zk_wire::event::{EventType, KeeperState};

/// News for whoever uses the client. Shown as Apache's client shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// [`EventType::None`] for news of the session itself.
    pub kind: EventType,
    /// State of the session.
    pub state: KeeperState,
    /// The node, below the chroot; `None` for news of the session.
    pub path: Option<String>,
    /// The change that the watch saw; -1 where the server did not say.
    pub zxid: Zxid,
}

impl Event {
    /// News of the session.
    pub(crate) fn session(state: KeeperState) -> Event {
        Event { kind: EventType::None, state, path: None, zxid: Zxid(-1) }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_deref().unwrap_or("null");
        let Event { kind, state, zxid, .. } = self;
        write!(f, "WatchedEvent state:{state:?} type:{kind:?} path:{path} zxid: {}", zxid.0)
    }
}

/// Events from the time of asking on, in the order in which they came.
pub struct Events {
    pub(crate) receiver: broadcast::Receiver<Event>,
}

impl Events {
    /// The next event; `None` once all handles of the client are gone. `Err` says how many events
    /// were lost because too many waited here.
    pub async fn next(&mut self) -> Option<Result<Event, u64>> {
        match self.receiver.recv().await {
            Ok(event) => Some(Ok(event)),
            Err(broadcast::error::RecvError::Lagged(lost)) => Some(Err(lost)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// An event that is there already.
    pub fn try_next(&mut self) -> Option<Event> {
        loop {
            match self.receiver.try_recv() {
                Ok(event) => return Some(event),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => return None,
            }
        }
    }
}
