//! Compares two snapshots node by node, in whatever order they are.
//!
//! The left one is read twice: of its nodes two hashes each are kept, and all of those that differ.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use hashbrown::HashMap;
use keeper_disk::disk::RealDisk;
use keeper_disk::snapshot::SnapshotReader;
use serde_json::json;
use zk_wire::Jute;
use zk_wire::stat::StatPersisted;

use super::{Diff, node};
use crate::commands::files::{is_below, one_line};

/// What there is to say of a node of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Side {
    bytes: u64,
    version: i32,
    mzxid: i64,
    acl_version: i32,
    /// Children created and deleted change these two.
    cversion: i32,
    pzxid: i64,
}

/// Counts of differences.
#[derive(Debug, Default)]
struct Counts {
    left: u64,
    right: u64,
    added: u64,
    removed: u64,
    changed: u64,
}

/// Prints the differences: nodes that are on the right alone, then in the left's order those that
/// are gone or have changed.
pub(super) fn run(arguments: &Diff, out: &mut dyn Write) -> Result<ExitCode> {
    let (left, right) = (node::locate(&arguments.left)?, node::locate(&arguments.right)?);
    let hasher = Hashes::default();
    let mut counts = Counts::default();
    let mut known: HashMap<u128, u64> = HashMap::new();
    each(arguments, &left, |reader| {
        counts.left += 1;
        known.insert(hasher.of_path(reader.path()), hasher.of_content(reader));
        Ok(())
    })?;
    let mut changed: BTreeMap<u128, Side> = BTreeMap::new();
    each(arguments, &right, |reader| {
        counts.right += 1;
        let key = hasher.of_path(reader.path());
        match known.remove(&key) {
            None => {
                let side = Side::of(reader);
                if side.bytes >= arguments.bytes {
                    counts.added += 1;
                    print(arguments, reader.path(), None, Some(side), out)?;
                }
            }
            Some(content) if content != hasher.of_content(reader) => {
                changed.insert(key, Side::of(reader));
            }
            Some(_) => {}
        }
        Ok(())
    })?;
    // What is still known is on the left alone.
    each(arguments, &left, |reader| {
        let key = hasher.of_path(reader.path());
        let before = Side::of(reader);
        if known.contains_key(&key) && before.bytes >= arguments.bytes {
            counts.removed += 1;
            print(arguments, reader.path(), Some(before), None, out)?;
        } else if let Some(after) = changed.get(&key)
            && before.bytes.abs_diff(after.bytes) >= arguments.bytes
        {
            counts.changed += 1;
            print(arguments, reader.path(), Some(before), Some(*after), out)?;
        }
        Ok(())
    })?;
    summary(arguments, &counts, out)?;
    let equal = counts.added + counts.removed + counts.changed == 0;
    Ok(if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Nodes that are to be compared.
fn each(
    arguments: &Diff,
    path: &Path,
    mut visit: impl FnMut(&SnapshotReader) -> Result<()>,
) -> Result<()> {
    let mut reader = SnapshotReader::open(&RealDisk, path)?;
    while reader.advance()? {
        let left_out = arguments.no_ephemerals && reader.stat().ephemeral_owner > 0;
        if !left_out && is_below(reader.path(), &arguments.paths) {
            visit(&reader)?;
        }
    }
    reader.finish()?;
    Ok(())
}

impl Side {
    fn of(reader: &SnapshotReader) -> Side {
        let StatPersisted { version, mzxid, pzxid, cversion, aversion, .. } = *reader.stat();
        let bytes = reader.data().map_or(0, |data| data.len() as u64);
        let (mzxid, pzxid, acl_version) = (mzxid.0, pzxid.0, aversion);
        Side { bytes, version, mzxid, acl_version, cversion, pzxid }
    }
}

fn print(
    arguments: &Diff,
    path: &str,
    before: Option<Side>,
    after: Option<Side>,
    out: &mut dyn Write,
) -> Result<()> {
    let (sign, word) = match (before, after) {
        (None, _) => ('+', "added"),
        (_, None) => ('-', "removed"),
        _ => ('~', "changed"),
    };
    let path = node::shown(path);
    if arguments.json {
        let side = |side: Option<Side>| {
            side.map(|side| {
                json!({
                    "bytes": side.bytes, "version": side.version,
                    "mzxid": format!("0x{:x}", side.mzxid), "acl_version": side.acl_version,
                    "pzxid": format!("0x{:x}", side.pzxid), "cversion": side.cversion,
                })
            })
        };
        let line =
            json!({"change": word, "path": path, "before": side(before), "after": side(after)});
        writeln!(out, "{line}")?;
        return Ok(());
    }
    write!(out, "{sign} {}", one_line(path))?;
    match (before, after) {
        (Some(before), Some(after)) => {
            for (what, before, after) in [
                ("bytes", before.bytes as i64, after.bytes as i64),
                ("version", i64::from(before.version), i64::from(after.version)),
                ("aclVersion", i64::from(before.acl_version), i64::from(after.acl_version)),
                ("cversion", i64::from(before.cversion), i64::from(after.cversion)),
            ] {
                if before != after {
                    write!(out, " {what} {before} -> {after}")?;
                }
            }
            for (what, before, after) in
                [("mZxid", before.mzxid, after.mzxid), ("pZxid", before.pzxid, after.pzxid)]
            {
                if before != after {
                    write!(out, " {what} 0x{before:x} -> 0x{after:x}")?;
                }
            }
        }
        (one, other) => {
            if let Some(side) = one.or(other) {
                write!(out, " bytes {} version {}", side.bytes, side.version)?;
            }
        }
    }
    writeln!(out)?;
    Ok(())
}

fn summary(arguments: &Diff, counts: &Counts, out: &mut dyn Write) -> Result<()> {
    let Counts { left, right, added, removed, changed } = counts;
    match arguments.json {
        true => writeln!(
            out,
            "{}",
            json!({"left": left, "right": right, "added": added, "removed": removed,
                "changed": changed})
        )?,
        false => writeln!(
            out,
            "{left} nodes on the left, {right} on the right: {added} added, {removed} removed, \
             {changed} changed"
        )?,
    }
    Ok(())
}

/// Two seeds, so that no two paths of a snapshot have the same key.
#[derive(Default)]
struct Hashes {
    first: foldhash::quality::RandomState,
    second: foldhash::quality::RandomState,
}

impl Hashes {
    fn of_path(&self, path: &str) -> u128 {
        u128::from(self.first.hash_one(path)) << 64 | u128::from(self.second.hash_one(path))
    }

    /// Data and stat, and the ACL's entries: its number is the snapshot's own.
    fn of_content(&self, reader: &SnapshotReader) -> u64 {
        let mut hasher = self.first.build_hasher();
        match reader.data() {
            None => hasher.write_u8(0),
            Some(data) => {
                hasher.write_u8(1);
                hasher.write_usize(data.len());
                hasher.write(data);
            }
        }
        hasher.write(&reader.stat().to_bytes());
        if reader.acl() != -1
            && let Some((_, list)) =
                reader.acls().iter().find(|(number, _)| *number == reader.acl())
        {
            for acl in list {
                hasher.write(&acl.to_bytes());
            }
        }
        hasher.finish()
    }
}
