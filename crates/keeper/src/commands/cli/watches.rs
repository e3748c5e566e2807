//! Verbs on watches: `AddWatchCommand`, `RemoveWatchesCommand`.

use keeper_client::Client;
use zk_wire::event::{AddWatchMode, WatcherType};

use super::options::Parsed;
use super::shell::Failure;

pub(super) async fn add(client: &Client, parsed: &Parsed) -> Result<(), Failure> {
    let mode = match parsed.value("m").map(str::to_uppercase).as_deref() {
        None | Some("PERSISTENT_RECURSIVE") => AddWatchMode::PersistentRecursive,
        Some("PERSISTENT") => AddWatchMode::Persistent,
        Some(_) => {
            return Err(Failure::new(
                "addWatch [-m mode] path # optional mode is one of [PERSISTENT, \
                 PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE",
            ));
        }
    };
    Ok(client.add_watch(&parsed.arguments[0], mode).await?)
}

/// `-l` is accepted: the watches of a session without a connection go with its next one.
pub(super) async fn remove(client: &Client, parsed: &Parsed) -> Result<(), Failure> {
    let kinds = [
        ("c", WatcherType::Children),
        ("d", WatcherType::Data),
        ("p", WatcherType::Persistent),
        ("r", WatcherType::PersistentRecursive),
    ];
    let kind = kinds.iter().find(|(name, _)| parsed.has(name));
    let kind = kind.map_or(WatcherType::Any, |(_, kind)| *kind);
    Ok(client.remove_watches(&parsed.arguments[0], kind).await?)
}
