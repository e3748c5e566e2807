//! What a path on the command line of an offline command means: a file, `version-2`, or the folder
//! above it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use keeper_disk::disk::{Disk, RealDisk};
use keeper_disk::{FileKind, FileName, Zxid};

/// Below `dataDir` and `dataLogDir`.
const VERSION: &str = "version-2";

/// Files of a kind, oldest first.
pub(super) struct Files {
    /// Where they are.
    pub folder: PathBuf,
    /// Their names.
    pub names: Vec<FileName>,
}

impl Files {
    /// The file of a path, or all files of that kind in a folder.
    pub fn find(path: &Path, kind: FileKind) -> Result<Files> {
        if path.is_dir() {
            let below = path.join(VERSION);
            let folder = if below.is_dir() { below } else { path.to_path_buf() };
            let names = RealDisk.list(&folder);
            let names = names.with_context(|| format!("list {}", folder.display()))?;
            let parsed = names.iter().filter_map(|name| FileName::parse(name));
            let mut names: Vec<FileName> = parsed.filter(|name| name.kind == kind).collect();
            names.sort_by(|a, b| a.zxid.cmp(&b.zxid).then_with(|| a.name.cmp(&b.name)));
            if names.is_empty() {
                bail!("{} holds no {}", folder.display(), name_of(kind));
            }
            return Ok(Files { folder, names });
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !path.exists() {
            bail!("{} does not exist", path.display());
        }
        // A copy may have any name.
        let parsed = FileName::parse(&name).filter(|name| name.kind == kind);
        let file = parsed.unwrap_or(FileName { kind, zxid: Zxid(0), name });
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        Ok(Files { folder, names: vec![file] })
    }

    /// Their paths.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.names.iter().map(|name| self.folder.join(&name.name))
    }
}

fn name_of(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Log => "transaction log (log.<zxid>)",
        FileKind::Snapshot => "snapshot (snapshot.<zxid>)",
    }
}

/// A number as Apache's tools print it (`0x1f`), or decimal.
pub(super) fn parse_long(text: &str) -> Result<i64, String> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).map(|number| number as i64),
        None => text.parse(),
    };
    parsed.map_err(|error| format!("'{text}': {error}; a number such as 31 or 0x1f is expected"))
}

/// Whether a node is one of `roots` or below one of them; without roots all are.
pub(super) fn is_below(path: &str, roots: &[String]) -> bool {
    let path = if path.is_empty() { "/" } else { path };
    roots.is_empty()
        || roots.iter().any(|root| match path.strip_prefix(root.as_str()) {
            Some(rest) => rest.is_empty() || root == "/" || rest.starts_with('/'),
            None => false,
        })
}

/// A time in milliseconds since 1970 as text, UTC.
pub(super) fn utc(millis: i64) -> String {
    match chrono::DateTime::from_timestamp_millis(millis) {
        Some(time) => time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        None => format!("{millis}ms"),
    }
}

/// A text in which no character ends the line or moves the cursor.
pub(super) fn one_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}
