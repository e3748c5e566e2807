//! Writes a snapshot in pieces, so that whoever walks the tree can do other things between them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use simd_adler32::Adler32;
use zk_wire::acl::Acl;
use zk_wire::stat::StatPersisted;
use zk_wire::{Jute, SessionId};

use super::compress::Compressor;
use super::{Compression, Digest, MAGIC, PARTIAL};
use crate::disk::{Disk, DiskFile};
use crate::name::FileName;
use crate::{Error, Result, Zxid};

/// Bytes encoded before they are summed and passed on.
const CHUNK: usize = 64 << 10;

/// Settings of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteOptions {
    /// `snapshot.compression.method`
    pub compression: Compression,
}

/// Writes one snapshot: sessions and ACLs, then each node, then the end. Without
/// [`SnapshotWriter::finish`] there is no snapshot.
pub struct SnapshotWriter {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    name: String,
    partial: PathBuf,
    output: Compressor<FileOutput>,
    buffer: Vec<u8>,
    sum: Adler32,
}

impl SnapshotWriter {
    /// Begins the snapshot of the tree after `zxid`, in `folder`.
    pub fn begin<'a>(
        disk: Arc<dyn Disk>,
        folder: &Path,
        zxid: Zxid,
        options: WriteOptions,
        sessions: &[(SessionId, i32)],
        acls: impl ExactSizeIterator<Item = (i64, &'a [Acl])>,
    ) -> Result<SnapshotWriter> {
        let name = FileName::snapshot(zxid, options.compression.extension());
        let partial = folder.join(format!("{PARTIAL}{name}"));
        let file = disk.create(&partial).map_err(Error::io("create", &partial))?;
        let output = options.compression.writer(FileOutput { file, position: 0, synced: 0 });
        let mut writer = SnapshotWriter {
            disk,
            folder: folder.to_path_buf(),
            name,
            partial,
            output,
            buffer: Vec::with_capacity(CHUNK * 2),
            sum: Adler32::new(),
        };
        writer.head(sessions, acls);
        Ok(writer)
    }

    /// Writes a node, after its parent; the root, whose path is empty, comes first.
    pub fn node(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: i64,
        stat: &StatPersisted,
    ) -> Result<()> {
        encode_node(&mut self.buffer, path, data, acl, stat);
        if self.buffer.len() < CHUNK { Ok(()) } else { self.pass_on() }
    }

    /// Writes nodes that were encoded elsewhere, by [`encode_node`].
    pub fn nodes(&mut self, encoded: &[u8]) -> Result<()> {
        self.pass_on()?;
        self.sum.write(encoded);
        self.output.write_all(encoded).map_err(Error::io("write to", &self.partial))
    }

    /// Ends the snapshot, makes it durable, and gives it its name.
    pub fn finish(
        mut self,
        digest: Option<Digest>,
        last_processed: Option<Zxid>,
    ) -> Result<FileName> {
        self.bytes(Some(b"/"));
        self.seal()?;
        if let Some(digest) = digest {
            self.long(digest.zxid.0);
            self.int(digest.version);
            self.long(digest.digest);
            self.seal()?;
        }
        if let Some(zxid) = last_processed {
            self.long(zxid.0);
            self.seal()?;
        }
        self.pass_on()?;
        let partial = &self.partial;
        let output = self.output.finish().map_err(Error::io("write to", partial))?;
        output.file.sync_data().map_err(Error::sync(partial))?;
        let path = self.folder.join(&self.name);
        self.disk.rename(partial, &path).map_err(Error::io("rename to", &path))?;
        self.disk.sync_dir(&self.folder).map_err(Error::sync(&self.folder))?;
        FileName::parse(&self.name)
            .ok_or_else(|| Error::Refused(format!("{} is no snapshot's name", self.name)))
    }

    /// Gives up: removes what was written.
    pub fn abandon(self) -> Result<()> {
        self.disk.remove(&self.partial).map_err(Error::io("remove", &self.partial))
    }

    fn head<'a>(
        &mut self,
        sessions: &[(SessionId, i32)],
        acls: impl ExactSizeIterator<Item = (i64, &'a [Acl])>,
    ) {
        self.buffer.extend_from_slice(MAGIC);
        self.int(2);
        self.long(-1);
        self.int(sessions.len() as i32);
        for (id, timeout_ms) in sessions {
            self.long(id.0);
            self.int(*timeout_ms);
        }
        self.int(acls.len() as i32);
        for (number, list) in acls {
            self.long(number);
            self.int(list.len() as i32);
            for acl in list {
                acl.encode(&mut self.buffer);
            }
        }
    }

    fn long(&mut self, long: i64) {
        self.buffer.extend_from_slice(&long.to_be_bytes());
    }

    fn int(&mut self, int: i32) {
        self.buffer.extend_from_slice(&int.to_be_bytes());
    }

    fn bytes(&mut self, bytes: Option<&[u8]>) {
        put_bytes(&mut self.buffer, bytes);
    }

    fn seal(&mut self) -> Result<()> {
        self.pass_on()?;
        self.long(i64::from(self.sum.finish()));
        self.bytes(Some(b"/"));
        Ok(())
    }

    fn pass_on(&mut self) -> Result<()> {
        self.sum.write(&self.buffer);
        self.output.write_all(&self.buffer).map_err(Error::io("write to", &self.partial))?;
        self.buffer.clear();
        Ok(())
    }
}

/// Appends a node as a snapshot has it, for [`SnapshotWriter::nodes`].
pub fn encode_node(
    out: &mut Vec<u8>,
    path: &str,
    data: Option<&[u8]>,
    acl: i64,
    stat: &StatPersisted,
) {
    put_bytes(out, Some(path.as_bytes()));
    put_bytes(out, data);
    out.extend_from_slice(&acl.to_be_bytes());
    stat.encode(out);
}

fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let len = bytes.map_or(-1, |bytes| bytes.len() as i32);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes.unwrap_or_default());
}

/// Bytes after which those written are made durable, so that the end of a large snapshot does not
/// keep the disk from the log for long.
const SYNC: u64 = 16 << 20;

/// A file written from its start.
struct FileOutput {
    file: Arc<dyn DiskFile>,
    position: u64,
    synced: u64,
}

impl Write for FileOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all_at(bytes, self.position)?;
        self.position += bytes.len() as u64;
        if self.position - self.synced > SYNC {
            self.file.sync_data()?;
            self.synced = self.position;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
