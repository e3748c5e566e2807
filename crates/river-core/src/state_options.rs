//! Where keyed state is kept, and how much memory the process may take.

use crate::options::{OptionError, Options};

/// `taskmanager.memory.process.size`
const PROCESS_SIZE: &str = "taskmanager.memory.process.size";
/// `state.backend.type`
const BACKEND: &str = "state.backend.type";
/// Its older spelling.
const BACKEND_OLD: &str = "state.backend";

/// For tests: tables keep no more keys than this in memory.
const KEYS_IN_MEMORY: &str = "riverkeeper.testing.keys-in-memory";

/// What state is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateBackend {
    /// `hashmap`: memory. It goes to disk only where a budget of memory is set.
    #[default]
    HashMap,
    /// `rocksdb`: memory as far as the budget allows, and disk. The engine is our own choice;
    /// the word is Flink's.
    RocksDb,
}

/// The options of state (`StateBackendOptions`, `TaskManagerOptions`, `CoreOptions`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateOptions {
    /// What state is kept in.
    pub backend: StateBackend,
    /// Bytes of memory that the process may take; none: as much as it wants.
    pub process_bytes: Option<u64>,
    /// Local directory for state on disk; none: the system's for temporary files.
    pub dir: Option<String>,
    /// Most keys of a table in memory, whatever the budget.
    pub keys_in_memory: Option<usize>,
}

impl StateOptions {
    /// Reads and checks them.
    pub fn from_options(options: &Options) -> Result<StateOptions, OptionError> {
        let key = if options.get(BACKEND).is_some() { BACKEND } else { BACKEND_OLD };
        let backend = match options.get(key).map(str::trim) {
            None | Some("hashmap" | "jobmanager" | "filesystem") => StateBackend::HashMap,
            Some("rocksdb" | "forst") => StateBackend::RocksDb,
            Some(other) => {
                return Err(OptionError {
                    key: key.to_owned(),
                    value: other.to_owned(),
                    expected: "'hashmap' or 'rocksdb'".to_owned(),
                });
            }
        };
        let dirs = ["state.backend.rocksdb.localdir", "io.tmp.dirs"];
        let dir = dirs.iter().find_map(|key| options.get(key));
        // Several directories are separated by commas or by the system's separator; one is used.
        let first = |dirs: &str| {
            let first = dirs.split([',', ':']).map(str::trim).find(|dir| !dir.is_empty());
            first.map(str::to_owned)
        };
        Ok(StateOptions {
            backend,
            process_bytes: options.memory(PROCESS_SIZE)?,
            dir: dir.and_then(first),
            keys_in_memory: options.i64(KEYS_IN_MEMORY)?.and_then(|keys| keys.try_into().ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_and_sizes_are_read() {
        let read = |pairs: &[(&str, &str)]| {
            StateOptions::from_options(&pairs.iter().map(|(k, v)| (*k, *v)).collect())
        };
        assert_eq!(read(&[]).unwrap(), StateOptions::default());
        let options = read(&[
            ("state.backend", "rocksdb"),
            ("taskmanager.memory.process.size", "512m"),
            ("io.tmp.dirs", "/fast , /slow"),
        ]);
        let expected = StateOptions {
            backend: StateBackend::RocksDb,
            process_bytes: Some(512 << 20),
            dir: Some("/fast".to_owned()),
            keys_in_memory: None,
        };
        assert_eq!(options.unwrap(), expected);
        let error = read(&[("state.backend.type", "leveldb")]).unwrap_err().to_string();
        assert!(error.contains("state.backend.type") && error.contains("rocksdb"), "{error}");
        assert!(read(&[("taskmanager.memory.process.size", "much")]).is_err());
    }
}
