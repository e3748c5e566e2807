//! Checks snapshots: structure, seals, and the digest of their nodes.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use keeper_core::digest::node_digest;
use keeper_disk::disk::RealDisk;
use keeper_disk::snapshot::{Digest, SnapshotReader};
use keeper_disk::{Error, FileKind};
use serde_json::json;

use super::{Verify, node};
use crate::commands::files::Files;

/// What a sound snapshot holds.
struct Content {
    nodes: u64,
    sessions: usize,
    acls: usize,
    /// What the nodes give.
    digest: u64,
    /// What the snapshot says of the tree when it was complete.
    stored: Option<Digest>,
}

/// Reports on each, oldest first.
pub(super) fn run(arguments: &Verify, out: &mut dyn Write) -> Result<ExitCode> {
    let files = Files::find(&arguments.path, FileKind::Snapshot)?;
    let mut damaged = false;
    for path in files.paths() {
        let file = path.display();
        match read(&path) {
            Ok(content) => {
                let verdict = compare(&path, &content);
                damaged |= verdict == Verdict::Differs;
                if arguments.json {
                    let stored = content.stored.map(|digest| digest.digest as u64);
                    let line = json!({
                        "file": path.to_string_lossy(), "sound": verdict != Verdict::Differs,
                        "nodes": content.nodes, "sessions": content.sessions,
                        "acls": content.acls, "digest": content.digest, "stored_digest": stored,
                    });
                    writeln!(out, "{line}")?;
                } else {
                    let Content { nodes, sessions, acls, digest, .. } = content;
                    writeln!(
                        out,
                        "{file}: {nodes} nodes, {sessions} sessions, {acls} ACLs, digest {digest}: \
                         {}",
                        verdict.words()
                    )?;
                }
            }
            Err(Error::Damaged(damage)) => {
                damaged = true;
                match arguments.json {
                    true => {
                        let (offset, what) = (damage.offset, &damage.what);
                        let line = json!({"file": path.to_string_lossy(), "sound": false,
                            "offset": offset, "what": what});
                        writeln!(out, "{line}")?;
                    }
                    false => writeln!(
                        out,
                        "{file}: DAMAGED at offset {}: {}",
                        damage.offset, damage.what
                    )?,
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(if damaged { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(path: &Path) -> keeper_disk::Result<Content> {
    let mut reader = SnapshotReader::open(&RealDisk, path)?;
    let (mut nodes, mut digest) = (0, 0u64);
    while reader.advance()? {
        nodes += 1;
        let one = node_digest(reader.path(), reader.data(), reader.stat());
        digest = digest.wrapping_add(u64::from(one));
    }
    let (sessions, acls) = (reader.sessions().len(), reader.acls().len());
    // Apache writes one of zxid 0 where it has none.
    let stored = reader.finish()?.digest.filter(|digest| digest.zxid.0 > 0);
    Ok(Content { nodes, sessions, acls, digest, stored })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Sound,
    /// The tree changed meanwhile, so that the nodes need the log to give the digest.
    Fuzzy,
    Differs,
}

impl Verdict {
    fn words(self) -> &'static str {
        match self {
            Verdict::Sound => "sound",
            Verdict::Fuzzy => "sound; taken while the tree changed, so the log is needed with it",
            Verdict::Differs => "DAMAGED: its digest is not that of its nodes",
        }
    }
}

fn compare(path: &Path, content: &Content) -> Verdict {
    match content.stored {
        None => Verdict::Sound,
        Some(stored) if stored.digest as u64 == content.digest => Verdict::Sound,
        // Its nodes are those of the number in its name only if nothing happened meanwhile.
        Some(stored) if node::zxid_of(path) == Some(stored.zxid) => Verdict::Differs,
        Some(_) => Verdict::Fuzzy,
    }
}
