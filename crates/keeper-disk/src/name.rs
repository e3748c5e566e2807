//! Names of the files in `version-2` (Apache's `Util.getZxidFromName`, `SnapStream`).

use crate::Zxid;

/// What a file in `version-2` holds, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// `log.<zxid of its first transaction>`
    Log,
    /// `snapshot.<last zxid applied when it was begun>`, with the extension of its compression.
    Snapshot,
}

/// The name of a log or snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// What it holds.
    pub kind: FileKind,
    /// The number in its name.
    pub zxid: Zxid,
    /// The name itself.
    pub name: String,
}

impl FileName {
    /// Understands a name as Apache does: parts after the number are of no account here. `None`
    /// where it is neither a log nor a snapshot.
    pub fn parse(name: &str) -> Option<FileName> {
        let mut parts = name.split('.');
        let kind = match parts.next()? {
            "log" => FileKind::Log,
            "snapshot" => FileKind::Snapshot,
            _ => return None,
        };
        let zxid = Zxid(i64::from_str_radix(parts.next()?, 16).ok()?);
        // Written beside and renamed when complete, by Apache's atomic files and by ours.
        if zxid.0 < 0 || name.ends_with(".tmp") {
            return None;
        }
        Some(FileName { kind, zxid, name: name.to_owned() })
    }

    /// The name of the log that begins with a transaction.
    pub fn log(first: Zxid) -> String {
        format!("log.{:x}", first.0)
    }

    /// The name of the snapshot begun after a transaction; `extension` with its dot, or empty.
    pub fn snapshot(zxid: Zxid, extension: &str) -> String {
        format!("snapshot.{:x}{extension}", zxid.0)
    }
}

/// Logs or snapshots among `names`, oldest first.
pub(crate) fn sorted(names: &[String], kind: FileKind) -> Vec<FileName> {
    let mut found: Vec<FileName> = names
        .iter()
        .filter_map(|name| FileName::parse(name))
        .filter(|name| name.kind == kind)
        .collect();
    found.sort_by(|a, b| a.zxid.cmp(&b.zxid).then_with(|| a.name.cmp(&b.name)));
    found
}
