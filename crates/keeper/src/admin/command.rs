//! The AdminServer's commands and their names. Rules: `Commands`.

/// A command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Configuration,
    ConnectionStatReset,
    Connections,
    Dirs,
    Dump,
    Environment,
    GetTraceMask,
    Hash,
    InitialConfiguration,
    IsReadOnly,
    LastSnapshot,
    Leader,
    Monitor,
    ObserverConnectionStatReset,
    Observers,
    Restore,
    Ruok,
    ServerStats,
    SetTraceMask,
    Snapshot,
    StatReset,
    Stats,
    SystemProperties,
    VotingView,
    WatchSummary,
    Watches,
    WatchesByPath,
    Zabstate,
}

use Command::*;

/// All commands, by their first name; each with its names.
const COMMANDS: &[(Command, &[&str])] = &[
    (Configuration, &["configuration", "conf", "config"]),
    (ConnectionStatReset, &["connection_stat_reset", "crst"]),
    (Connections, &["connections", "cons"]),
    (Dirs, &["dirs"]),
    (Dump, &["dump"]),
    (Environment, &["environment", "env", "envi"]),
    (GetTraceMask, &["get_trace_mask", "gtmk"]),
    (Hash, &["hash"]),
    (InitialConfiguration, &["initial_configuration", "icfg"]),
    (IsReadOnly, &["is_read_only", "isro"]),
    (LastSnapshot, &["last_snapshot", "lsnp"]),
    (Leader, &["leader", "lead"]),
    (Monitor, &["monitor", "mntr"]),
    (ObserverConnectionStatReset, &["observer_connection_stat_reset", "orst"]),
    (Observers, &["observers", "obsr"]),
    (Restore, &["restore", "rest"]),
    (Ruok, &["ruok"]),
    (ServerStats, &["server_stats", "srvr"]),
    (SetTraceMask, &["set_trace_mask", "stmk"]),
    (Snapshot, &["snapshot", "snap"]),
    (StatReset, &["stat_reset", "srst"]),
    (Stats, &["stats", "stat"]),
    (SystemProperties, &["system_properties", "sysp"]),
    (VotingView, &["voting_view"]),
    (WatchSummary, &["watch_summary", "wchs"]),
    (Watches, &["watches", "wchc"]),
    (WatchesByPath, &["watches_by_path", "wchp"]),
    (Zabstate, &["zabstate"]),
];

impl Command {
    /// The command of a name.
    pub fn of(name: &str) -> Option<Self> {
        COMMANDS.iter().find(|(_, names)| names.contains(&name)).map(|(command, _)| *command)
    }

    /// The name that answers have.
    pub fn name(self) -> &'static str {
        let found = COMMANDS.iter().find(|(command, _)| *command == self);
        found.and_then(|(_, names)| names.first()).copied().unwrap_or_default()
    }

    /// Whether it changes or copies the whole tree, and so asks who asks.
    pub fn needs_auth(self) -> bool {
        matches!(self, Snapshot | Restore)
    }

    /// Whether it is asked for with POST.
    pub fn is_post(self) -> bool {
        self == Restore
    }
}

/// The page with a link for each command.
pub(super) fn links(command_url: &str) -> String {
    let link = |(command, _): &(Command, &[&str])| {
        let name = command.name();
        format!("<a href=\"{command_url}/{name}\">{name}</a>\n<br/>\n")
    };
    COMMANDS.iter().map(link).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (command, names) in COMMANDS {
            assert!(names.iter().all(|name| Command::of(name) == Some(*command)), "{names:?}");
            assert_eq!(command.name(), names[0]);
        }
        assert!(COMMANDS.is_sorted_by_key(|(_, names)| names[0]));
        assert_eq!(Command::of("ruok/"), None);
        let links = links("/commands");
        assert!(
            links.starts_with("<a href=\"/commands/configuration\">configuration</a>\n<br/>\n")
        );
    }
}
