//! An object on its way to HDFS: into a temporary file, which is synced, closed and renamed.

use std::io::{self, Write};

use bytes::Bytes;
use hdfs_native::WriteOptions;
use hdfs_native::file::FileWriter;

use super::Hdfs;
use crate::remote::Call;
use crate::{ErrorKind, ObjectWriter, Result, temporary};

/// Bytes handed to the client at once; it queues a few packets of 64 KiB and then waits.
const BUFFER: usize = 1 << 20;

pub(super) struct HdfsWriter {
    hdfs: Hdfs,
    call: Call,
    path: String,
    temporary: String,
    /// `None` while it is in use by the runtime, and after a failure.
    file: Option<FileWriter>,
    buffer: Vec<u8>,
    bytes: u64,
    renamed: bool,
}

impl HdfsWriter {
    pub(super) fn begin(hdfs: Hdfs, call: Call, path: &str) -> Result<HdfsWriter> {
        let temporary = temporary::path_for(path);
        let (client, work, name) = (hdfs.clone(), call.clone(), temporary.clone());
        let file = call.wait(async move {
            work.retried(|_| {
                let options = WriteOptions::default().overwrite(true);
                let (client, work, name) = (&client, &work, &name);
                async move { client.ask(work, client.client.create(name, options)).await }
            })
            .await
        })?;
        Ok(HdfsWriter {
            hdfs,
            call,
            path: path.to_owned(),
            temporary,
            file: Some(file),
            buffer: Vec::new(),
            bytes: 0,
            renamed: false,
        })
    }

    fn take_file(&mut self) -> Result<FileWriter> {
        self.file.take().ok_or_else(|| {
            self.call.error(ErrorKind::Other, "an earlier write of this object has failed")
        })
    }

    /// Hands the buffer to the client. Not repeated: the client itself replaces a DataNode that
    /// fails, and after any other failure nobody knows what the file holds.
    fn send(&mut self) -> Result<()> {
        let mut file = self.take_file()?;
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        if piece.is_empty() {
            self.file = Some(file);
            return Ok(());
        }
        let (hdfs, work) = (self.hdfs.clone(), self.call.clone());
        self.file = Some(self.call.wait(async move {
            hdfs.ask(&work, file.write_bytes(piece)).await?;
            Ok(file)
        })?);
        Ok(())
    }

    fn complete(&mut self) -> Result<()> {
        self.send()?;
        let mut file = self.take_file()?;
        let (hdfs, work) = (self.hdfs.clone(), self.call.clone());
        let (temporary, path) = (self.temporary.clone(), self.path.clone());
        self.call.wait(async move {
            hdfs.close(&work, &mut file).await?;
            hdfs.rename(&work, &temporary, &path, true).await
        })
    }
}

impl Write for HdfsWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() >= BUFFER {
            self.send()?;
        }
        let file = self.take_file()?;
        self.file = Some(file);
        let count = bytes.len().min(BUFFER - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.send()?)
    }
}

impl ObjectWriter for HdfsWriter {
    fn finish(mut self: Box<Self>) -> Result<u64> {
        self.complete()?;
        self.renamed = true;
        Ok(self.bytes)
    }
}

impl Drop for HdfsWriter {
    fn drop(&mut self) {
        if self.renamed {
            return;
        }
        let file = self.file.take();
        let (hdfs, work, temporary) =
            (self.hdfs.clone(), self.call.clone(), self.temporary.clone());
        let removed = self.call.wait(async move {
            drop(file);
            hdfs.remove_temporary(&work, &temporary).await;
            Ok(())
        });
        if let Err(error) = removed {
            tracing::warn!("an unfinished file stays: {error}");
        }
    }
}
