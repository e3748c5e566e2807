//! What is watched, by paths on the server: to be set again on the next server.
//!
//! Rules: `ZKWatchManager`, `ClientCnxn.SendThread.primeConnection`.

use std::collections::BTreeSet;

use zk_wire::event::{AddWatchMode, EventType, WatcherType};
use zk_wire::request::{Request, SetWatches, SetWatches2};
use zk_wire::{Text, Zxid};

/// Bytes of paths in one request that sets watches again.
const SET_WATCHES_MAX: usize = 128 * 1024;

/// Watches of a session.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    data: BTreeSet<Text>,
    exist: BTreeSet<Text>,
    child: BTreeSet<Text>,
    persistent: BTreeSet<Text>,
    recursive: BTreeSet<Text>,
}

/// What a request's success does to the watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WatchChange {
    Data(Text),
    /// Of exists: also where the node is missing.
    Exists(Text),
    Child(Text),
    Add(Text, AddWatchMode),
    Remove(Text, WatcherType),
}

impl WatchChange {
    /// What a request asks for; `None` for most.
    pub fn of(request: &Request) -> Option<WatchChange> {
        let change = match request {
            Request::Exists(body) if body.watch => WatchChange::Exists(body.path.clone()?),
            Request::GetData(body) if body.watch => WatchChange::Data(body.path.clone()?),
            Request::GetChildren(body) | Request::GetChildren2(body) if body.watch => {
                WatchChange::Child(body.path.clone()?)
            }
            Request::AddWatch(body) => {
                WatchChange::Add(body.path.clone()?, AddWatchMode::from_code(body.mode)?)
            }
            Request::RemoveWatches(body) => {
                WatchChange::Remove(body.path.clone()?, WatcherType::from_code(body.kind)?)
            }
            _ => return None,
        };
        Some(change)
    }
}

impl Watches {
    /// Notes what a request has done; gives the events that its user is to see: watches that were
    /// removed. `missing` says that the node is not there.
    pub fn note(&mut self, change: WatchChange, missing: bool) -> Vec<EventType> {
        match change {
            WatchChange::Remove(path, kind) => return self.remove(&path, kind),
            WatchChange::Exists(path) if missing => self.exist.insert(path),
            WatchChange::Data(path) | WatchChange::Exists(path) => self.data.insert(path),
            WatchChange::Child(path) => self.child.insert(path),
            WatchChange::Add(path, AddWatchMode::Persistent) => self.persistent.insert(path),
            WatchChange::Add(path, AddWatchMode::PersistentRecursive) => {
                self.recursive.insert(path)
            }
        };
        Vec::new()
    }

    fn remove(&mut self, path: &Text, kind: WatcherType) -> Vec<EventType> {
        let any = kind == WatcherType::Any;
        let mut events = Vec::new();
        let mut drop_from = |wanted: bool, sets: &mut [&mut BTreeSet<Text>], event| {
            if wanted && sets.iter_mut().fold(false, |found, set| set.remove(path) | found) {
                events.push(event);
            }
        };
        let Watches { data, exist, child, persistent, recursive } = self;
        let child_gone = EventType::ChildWatchRemoved;
        drop_from(any || kind == WatcherType::Children, &mut [child], child_gone);
        let data_gone = EventType::DataWatchRemoved;
        drop_from(any || kind == WatcherType::Data, &mut [data, exist], data_gone);
        let gone = EventType::PersistentWatchRemoved;
        drop_from(any || kind == WatcherType::Persistent, &mut [persistent], gone);
        drop_from(any || kind == WatcherType::PersistentRecursive, &mut [recursive], gone);
        events
    }

    /// Forgets the watches that an event has used up.
    pub fn fired(&mut self, path: &Text, kind: EventType) {
        match kind {
            EventType::NodeCreated | EventType::NodeDataChanged => {
                self.data.remove(path);
                self.exist.remove(path);
            }
            EventType::NodeDeleted => {
                self.data.remove(path);
                self.exist.remove(path);
                self.child.remove(path);
            }
            EventType::NodeChildrenChanged => {
                self.child.remove(path);
            }
            _ => {}
        }
    }

    /// Requests that set all watches again, as a server that knew the session until `zxid` would
    /// have them.
    pub fn requests(&self, zxid: Zxid) -> Vec<Request> {
        let sets = [&self.data, &self.exist, &self.child, &self.persistent, &self.recursive];
        let mut requests = Vec::new();
        let mut lists: [Vec<Text>; 5] = Default::default();
        let mut size = 0;
        for (list, set) in sets.into_iter().enumerate() {
            for path in set {
                if size + path.len() > SET_WATCHES_MAX && size > 0 {
                    requests.push(set_watches(zxid, std::mem::take(&mut lists)));
                    size = 0;
                }
                size += path.len() + 4;
                lists[list].push(path.clone());
            }
        }
        if size > 0 {
            requests.push(set_watches(zxid, lists));
        }
        requests
    }
}

/// The older request where it says all, since older servers know no other.
fn set_watches(relative_zxid: Zxid, lists: [Vec<Text>; 5]) -> Request {
    let [data, exist, child, persistent, recursive] = lists;
    let (data_watches, exist_watches, child_watches) = (Some(data), Some(exist), Some(child));
    if persistent.is_empty() && recursive.is_empty() {
        let body = SetWatches { relative_zxid, data_watches, exist_watches, child_watches };
        return Request::SetWatches(body);
    }
    Request::SetWatches2(SetWatches2 {
        relative_zxid,
        data_watches,
        exist_watches,
        child_watches,
        persistent_watches: Some(persistent),
        persistent_recursive_watches: Some(recursive),
    })
}
