//! Prints what is in a snapshot.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use keeper_disk::disk::RealDisk;
use keeper_disk::snapshot::SnapshotReader;
use serde_json::json;

use super::{Dump, node};
use crate::commands::files::is_below;

/// Prints it. A snapshot that is damaged is printed as far as it is sound, and then is an error.
pub(super) fn run(dump: &Dump, out: &mut dyn Write) -> Result<ExitCode> {
    let path = node::locate(&dump.path)?;
    if dump.ncdu {
        return ncdu(dump, &path, out);
    }
    let mut reader = SnapshotReader::open(&RealDisk, &path)?;
    if dump.json {
        while reader.advance()? {
            if is_wanted(dump, &reader) {
                writeln!(out, "{}", node::as_json(&reader, dump.data))?;
            }
        }
        reader.finish()?;
        return Ok(ExitCode::SUCCESS);
    }
    // The count comes first: it is counted before.
    let mut count = SnapshotReader::open(&RealDisk, &path)?;
    let (mut nodes, mut newest) = (0u64, node::zxid_of(&path).map_or(0, |zxid| zxid.0));
    let mut ephemerals: BTreeMap<i64, u64> = BTreeMap::new();
    while count.advance()? {
        nodes += u64::from(is_wanted(dump, &count));
        let stat = count.stat();
        newest = newest.max(stat.mzxid.0).max(stat.pzxid.0);
        if count.sessions().iter().any(|(session, _)| session.0 == stat.ephemeral_owner) {
            *ephemerals.entry(stat.ephemeral_owner).or_default() += 1;
        }
    }
    let tail = count.finish()?;
    writeln!(out, "ZNode Details (count={nodes}):")?;
    while reader.advance()? {
        if is_wanted(dump, &reader) {
            node::print(&reader, dump.data, out)?;
        }
    }
    writeln!(out, "----")?;
    writeln!(out, "Session Details (sid, timeout, ephemeralCount):")?;
    for (session, timeout_ms) in reader.sessions() {
        let nodes = ephemerals.get(&session.0).copied().unwrap_or(0);
        writeln!(out, "{:#016x}, {timeout_ms}, {nodes}", session.0)?;
    }
    if let Some(digest) = tail.digest {
        writeln!(out, "Target zxid digest is: {:x}, {}", digest.zxid.0, digest.digest as u64)?;
    }
    writeln!(out, "----\nLast zxid: 0x{newest:x}")?;
    Ok(ExitCode::SUCCESS)
}

fn is_wanted(dump: &Dump, reader: &SnapshotReader) -> bool {
    is_below(reader.path(), &dump.paths)
        && dump.session.is_none_or(|session| reader.stat().ephemeral_owner == session)
}

/// Nested arrays: a node with children is an array that begins with itself. Whether it has any is
/// known when the next node is there, since children follow their parent.
fn ncdu(dump: &Dump, path: &std::path::Path, out: &mut dyn Write) -> Result<ExitCode> {
    let mut reader = SnapshotReader::open(&RealDisk, path)?;
    let version = env!("CARGO_PKG_VERSION");
    write!(out, "[1,0,{{\"progname\":\"keeper\",\"progver\":\"{version}\"}}")?;
    // Paths of the arrays that are open.
    let mut open: Vec<String> = Vec::new();
    let mut held: Option<(String, usize)> = None;
    let mut inode = 0u64;
    loop {
        let next = match reader.advance()? {
            true if !is_wanted(dump, &reader) => continue,
            true => Some((reader.path().to_owned(), reader.data().map_or(0, <[u8]>::len))),
            false => None,
        };
        if let Some((path, size)) = held.take() {
            inode += 1;
            let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("/");
            let shown = json!({"name": name, "asize": size, "dsize": size, "dev": 0, "ino": inode});
            let has_children = next.as_ref().is_some_and(|(next, _)| is_child(next, &path));
            write!(out, ",{}{shown}", if has_children { "[" } else { "" })?;
            if has_children {
                open.push(path);
            }
        }
        let is_inside = |path: &String| next.as_ref().is_some_and(|(next, _)| is_child(next, path));
        while open.last().is_some_and(|path| !is_inside(path)) {
            open.pop();
            write!(out, "]")?;
        }
        match next {
            Some(next) => held = Some(next),
            None => break,
        }
    }
    writeln!(out, "]")?;
    reader.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a node is anywhere below another.
fn is_child(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.starts_with('/'))
}
