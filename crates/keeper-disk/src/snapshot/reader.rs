//! Reads a snapshot: sessions and ACLs at once, nodes one by one, and the seals.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zk_wire::acl::{Acl, Id};
use zk_wire::stat::StatPersisted;
use zk_wire::{SessionId, Text};

use super::source::{Failure, Source};
use super::{Compression, Digest, MAGIC};
use crate::disk::{Disk, DiskFile};
use crate::{Damage, Error, Result, Zxid};

/// More bytes than the parts behind the first seal have.
const TAIL_MAX: usize = 128;
/// Bytes of the last part with its seal.
const LAST_PROCESSED_LEN: usize = 21;

/// What follows the nodes, where the writer put it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tail {
    /// `digest.enabled`: the tree's digest.
    pub digest: Option<Digest>,
    /// `serializeLastProcessedZxid.enabled`: the last transaction applied when it was complete.
    pub last_processed: Option<Zxid>,
}

/// Reads one snapshot from its beginning.
pub struct SnapshotReader {
    source: Source,
    path: PathBuf,
    sessions: Vec<(SessionId, i32)>,
    acls: Vec<(i64, Vec<Acl>)>,
    node: Node,
    ended: bool,
}

#[derive(Default)]
struct Node {
    path: String,
    data: Option<Vec<u8>>,
    acl: i64,
    stat: StatPersisted,
}

impl SnapshotReader {
    /// Opens a file, whose name says how it is compressed.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<SnapshotReader> {
        let file = disk.open_for_reading(path).map_err(Error::io("open", path))?;
        let compression = Compression::of_name(&path.to_string_lossy());
        let input = compression.reader(FileInput { file, position: 0 });
        SnapshotReader::from_plain(Source::new(input), path)
    }

    /// Reads a snapshot that comes uncompressed from somewhere else, as from a leader; `path` is
    /// for messages.
    pub fn from_stream(input: impl Read + 'static, path: &Path) -> Result<SnapshotReader> {
        SnapshotReader::from_plain(Source::new(Box::new(input)), path)
    }

    fn from_plain(source: Source, path: &Path) -> Result<SnapshotReader> {
        let path = path.to_path_buf();
        let (sessions, acls, node) = (Vec::new(), Vec::new(), Node::default());
        let mut reader = SnapshotReader { source, path, sessions, acls, node, ended: false };
        match reader.read_head() {
            Ok(()) => Ok(reader),
            Err(failure) => Err(reader.error(failure)),
        }
    }

    /// Sessions: id and timeout in milliseconds.
    pub fn sessions(&self) -> &[(SessionId, i32)] {
        &self.sessions
    }

    /// ACL lists by the number that nodes name. A node of a snapshot taken while the tree changed
    /// may name a number that is missing here; the log then has its list.
    pub fn acls(&self) -> &[(i64, Vec<Acl>)] {
        &self.acls
    }

    /// Goes to the next node; false when there is none left, and the first seal is right.
    pub fn advance(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        match self.read_node() {
            Ok(found) => {
                self.ended = !found;
                Ok(found)
            }
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// The current node's path; the root's is empty.
    pub fn path(&self) -> &str {
        &self.node.path
    }

    /// Its data, which may be none.
    pub fn data(&self) -> Option<&[u8]> {
        self.node.data.as_deref()
    }

    /// The number of its ACL list.
    pub fn acl(&self) -> i64 {
        self.node.acl
    }

    /// Its numbers.
    pub fn stat(&self) -> &StatPersisted {
        &self.node.stat
    }

    /// Checks what is left to the last byte.
    pub fn finish(mut self) -> Result<Tail> {
        while self.advance()? {}
        self.read_tail().map_err(|failure| self.error(failure))
    }

    fn error(&self, failure: Failure) -> Error {
        match failure {
            Failure::Io(source) => Error::io("read", &self.path)(source),
            Failure::Damaged(what) => Error::Damaged(Box::new(Damage {
                file: self.path.clone(),
                offset: self.source.position(),
                after: None,
                what,
                remedy: format!(
                    "an older snapshot with the log after it replaces it: `keeper snapshot verify \
                     {}` shows what it still holds",
                    self.path.display()
                ),
            })),
        }
    }

    fn read_head(&mut self) -> std::result::Result<(), Failure> {
        let source = &mut self.source;
        if source.take(MAGIC.len())? != MAGIC {
            return Err(Failure::Damaged("no header of a snapshot".to_owned()));
        }
        // Version and database number: Apache reads neither.
        source.take(12)?;
        let count = source.length()?.unwrap_or(0);
        for _ in 0..count {
            let session = (SessionId(source.long()?), source.int()?);
            self.sessions.push(session);
        }
        let count = source.length()?.unwrap_or(0);
        for _ in 0..count {
            let number = source.long()?;
            let entries = source.length()?.unwrap_or(0);
            let mut list = Vec::new();
            for _ in 0..entries {
                let perms = source.int()?;
                let id = Id { scheme: text(source)?, id: text(source)? };
                list.push(Acl { perms, id });
            }
            self.acls.push((number, list));
        }
        Ok(())
    }

    fn read_node(&mut self) -> std::result::Result<bool, Failure> {
        let len = self.source.length()?.unwrap_or(0);
        let path = std::str::from_utf8(self.source.take(len)?)
            .map_err(|_| Failure::Damaged("a path that is no UTF-8".to_owned()))?;
        if path == "/" {
            self.check_seal(true)?;
            return Ok(false);
        }
        let node = &mut self.node;
        node.path.clear();
        node.path.push_str(path);
        match self.source.length()? {
            None => node.data = None,
            Some(len) => {
                let bytes = self.source.take(len)?;
                let data = node.data.get_or_insert_default();
                data.clear();
                data.extend_from_slice(bytes);
            }
        }
        node.acl = self.source.long()?;
        node.stat = read_stat(&mut self.source)?;
        Ok(true)
    }

    /// Reads a seal and compares it. `first` also says what was before it.
    fn check_seal(&mut self, first: bool) -> std::result::Result<(), Failure> {
        let expected = self.source.checksum();
        let stored = self.source.long()?;
        let slash = self.source.take(5)? == b"\0\0\0\x01/";
        if stored == expected && slash {
            return Ok(());
        }
        let part = if first { "the nodes" } else { "the end" };
        Err(Failure::Damaged(format!(
            "the seal after {part} is {stored:x}, but the bytes before it give {expected:x}"
        )))
    }

    fn read_tail(&mut self) -> std::result::Result<Tail, Failure> {
        let mut tail = Tail::default();
        let left = self.source.peek(TAIL_MAX)?.len();
        if left != 0 && left != LAST_PROCESSED_LEN {
            let zxid = Zxid(self.source.long()?);
            let version = self.source.int()?;
            let digest = match version {
                2.. => self.source.long()?,
                // As a hexadecimal text, once.
                _ => text(&mut self.source)?
                    .and_then(|text| i64::from_str_radix(text.as_str(), 16).ok())
                    .unwrap_or(0),
            };
            self.check_seal(false)?;
            tail.digest = Some(Digest { zxid, version, digest });
        }
        if !self.source.peek(1)?.is_empty() {
            tail.last_processed = Some(Zxid(self.source.long()?));
            self.check_seal(false)?;
        }
        match self.source.peek(1)?.is_empty() {
            true => Ok(tail),
            false => Err(Failure::Damaged("bytes after the last seal".to_owned())),
        }
    }
}

fn text(source: &mut Source) -> std::result::Result<Option<Text>, Failure> {
    let Some(len) = source.length()? else { return Ok(None) };
    Ok(Some(Text::from_java(source.take(len)?.to_vec().into())))
}

fn read_stat(source: &mut Source) -> std::result::Result<StatPersisted, Failure> {
    Ok(StatPersisted {
        czxid: Zxid(source.long()?),
        mzxid: Zxid(source.long()?),
        ctime: source.long()?,
        mtime: source.long()?,
        version: source.int()?,
        cversion: source.int()?,
        aversion: source.int()?,
        ephemeral_owner: source.long()?,
        pzxid: Zxid(source.long()?),
    })
}

/// A file read from its start.
struct FileInput {
    file: Arc<dyn DiskFile>,
    position: u64,
}

impl Read for FileInput {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}
