//! What to go on from instead of a checkpoint that cannot be used. Only looks; the choice is the
//! user's, as output may have been committed since.

use river_checkpoint::{Place, Restore, layout};
use river_runtime::Error;

/// Adds to an error of reading the checkpoint at `place` which other one of the same job can be
/// used: the newest of which all can be read.
pub fn with_fallback(error: Error, place: &Place) -> Error {
    let Some(path) = other_checkpoint(place) else { return error };
    let message = format!("{}; to go on from another one: river run -s {path}", error.message);
    Error { message, ..error }
}

fn other_checkpoint(place: &Place) -> Option<String> {
    let Place { storage, folder } = place;
    let entries = storage.list(river_storage::parent(folder)?, false).ok()?;
    let mut others: Vec<(u64, String)> = entries
        .into_iter()
        .filter(|entry| entry.is_dir && entry.path != *folder)
        .filter_map(|entry| Some((layout::checkpoint_number(entry.name())?, entry.path)))
        .collect();
    others.sort();
    let can_be_read = |folder: &String| {
        let metadata = river_storage::join(folder, layout::METADATA);
        Restore::open_whole(storage.clone(), &metadata).is_ok()
    };
    let newest = others.into_iter().rev().map(|(_, folder)| folder).find(can_be_read);
    newest.map(|folder| storage.display(&folder))
}
