//! A node of a snapshot, as text and JSON.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use keeper_disk::disk::RealDisk;
use keeper_disk::snapshot::{SnapshotReader, newest_valid};
use keeper_disk::{FileKind, FileName, Zxid};
use serde_json::{Value, json};
use zk_wire::stat::StatPersisted;

use crate::commands::files::{Files, one_line};
use crate::commands::text::date_in;

/// The snapshot of a path: of a folder the newest that is sound.
pub(super) fn locate(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_path_buf());
    }
    let files = Files::find(path, FileKind::Snapshot)?;
    let newest = newest_valid(&RealDisk, &files.folder, Zxid(i64::MAX))?;
    let newest = newest.with_context(|| format!("{}: no snapshot is sound", path.display()))?;
    Ok(files.folder.join(newest.name))
}

/// The number in a snapshot's name.
pub(super) fn zxid_of(path: &Path) -> Option<Zxid> {
    let name = path.file_name()?.to_str()?;
    FileName::parse(name).map(|name| name.zxid)
}

/// The root has no name in files.
pub(super) fn shown(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// The lines of Apache's formatter (`SnapshotFormatter.printZnode`), times in UTC.
pub(super) fn print(
    reader: &SnapshotReader,
    with_data: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let stat = reader.stat();
    let hex = |number: i64| format!("{number:#016x}");
    writeln!(out, "----\n{}", one_line(shown(reader.path())))?;
    writeln!(out, "  cZxid = {}", hex(stat.czxid.0))?;
    writeln!(out, "  ctime = {}", date_in(&Utc, stat.ctime))?;
    writeln!(out, "  mZxid = {}", hex(stat.mzxid.0))?;
    writeln!(out, "  mtime = {}", date_in(&Utc, stat.mtime))?;
    writeln!(out, "  pZxid = {}", hex(stat.pzxid.0))?;
    writeln!(out, "  cversion = {}", stat.cversion)?;
    writeln!(out, "  dataVersion = {}", stat.version)?;
    writeln!(out, "  aclVersion = {}", stat.aversion)?;
    writeln!(out, "  ephemeralOwner = {}", hex(stat.ephemeral_owner))?;
    let data = reader.data().unwrap_or_default();
    match with_data {
        true => writeln!(out, "  data = {}", STANDARD.encode(data)),
        false => writeln!(out, "  dataLength = {}", data.len()),
    }
}

/// All of a node.
pub(super) fn as_json(reader: &SnapshotReader, with_data: bool) -> Value {
    let mut value = stat_json(shown(reader.path()), reader.stat());
    let data = reader.data();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("acl".to_owned(), acl_json(reader));
        fields.insert("data_length".to_owned(), json!(data.map_or(0, <[u8]>::len)));
        if with_data {
            fields.insert("data".to_owned(), json!(data.map(|data| STANDARD.encode(data))));
        }
    }
    value
}

fn stat_json(path: &str, stat: &StatPersisted) -> Value {
    json!({
        "path": path,
        "czxid": stat.czxid.to_string(),
        "mzxid": stat.mzxid.to_string(),
        "pzxid": stat.pzxid.to_string(),
        "ctime": crate::commands::files::utc(stat.ctime),
        "mtime": crate::commands::files::utc(stat.mtime),
        "version": stat.version,
        "cversion": stat.cversion,
        "aversion": stat.aversion,
        "ephemeral_owner": format!("0x{:x}", stat.ephemeral_owner),
    })
}

/// The list that a node names; one that is missing in the snapshot is null.
fn acl_json(reader: &SnapshotReader) -> Value {
    if reader.acl() == -1 {
        return json!(["world:anyone:cdrwa"]);
    }
    let found = reader.acls().iter().find(|(number, _)| *number == reader.acl());
    let Some((_, list)) = found else { return Value::Null };
    let entries = list.iter().map(|acl| {
        let (scheme, id) = (acl.id.scheme.as_deref(), acl.id.id.as_deref());
        let perms = crate::commands::text::permissions(acl.perms);
        json!(format!("{}:{}:{perms}", scheme.unwrap_or(""), id.unwrap_or("")))
    });
    entries.collect()
}
