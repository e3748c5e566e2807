//! An object on its way to S3: parts go up while the next one fills. A small object is one put.

use std::collections::VecDeque;
use std::io::{self, Write};

use bytes::Bytes;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;

use super::S3;
use crate::remote::{Call, Pending};
use crate::{Error, ErrorKind, ObjectWriter, Result};

/// Size of a part; S3 wants at least 5 MiB.
const PART: usize = 8 << 20;
/// Of these from [`FEW_PARTS`] on, so that the 10 000 parts of an upload hold 512 GiB.
const LARGE_PART: usize = 64 << 20;
const FEW_PARTS: usize = 2_000;
/// Parts on their way at once, besides the one that fills.
const IN_FLIGHT: usize = 2;

pub(super) struct S3Writer {
    s3: S3,
    call: Call,
    key: Path,
    buffer: Vec<u8>,
    bytes: u64,
    /// Id of the upload, once there is more than one part.
    upload: Option<String>,
    sent: VecDeque<Pending<PartId>>,
    parts: Vec<PartId>,
    failed: bool,
    done: bool,
}

impl S3Writer {
    pub(super) fn new(s3: S3, call: Call, key: Path) -> S3Writer {
        S3Writer {
            s3,
            call,
            key,
            buffer: Vec::new(),
            bytes: 0,
            upload: None,
            sent: VecDeque::new(),
            parts: Vec::new(),
            failed: false,
            done: false,
        }
    }

    fn part_size(&self) -> usize {
        if self.parts.len() + self.sent.len() < FEW_PARTS { PART } else { LARGE_PART }
    }

    fn upload_id(&mut self) -> Result<String> {
        if let Some(id) = &self.upload {
            return Ok(id.clone());
        }
        let (s3, call, key) = (self.s3.clone(), self.call.clone(), self.key.clone());
        let id = self.call.wait(async move {
            call.retried(|_| async {
                s3.store.create_multipart(&key).await.map_err(|error| s3.failed(&call, error))
            })
            .await
        })?;
        self.upload = Some(id.clone());
        Ok(id)
    }

    /// Sends what is buffered; waits until few enough parts are on their way.
    fn send(&mut self) -> Result<()> {
        let id = self.upload_id()?;
        self.receive(IN_FLIGHT - 1)?;
        let index = self.parts.len() + self.sent.len();
        let part = Bytes::from(std::mem::take(&mut self.buffer));
        let (s3, call, key) = (self.s3.clone(), self.call.clone(), self.key.clone());
        let sent = self.call.start(async move {
            call.retried(|_| async {
                let put = s3.store.put_part(&key, &id, index, part.clone().into()).await;
                put.map_err(|error| s3.failed(&call, error))
            })
            .await
        })?;
        self.sent.push_back(sent);
        Ok(())
    }

    /// Waits until at most `remaining` parts are on their way.
    fn receive(&mut self, remaining: usize) -> Result<()> {
        while self.sent.len() > remaining {
            let Some(part) = self.sent.pop_front() else { break };
            self.parts.push(part.wait()?);
        }
        Ok(())
    }

    fn complete(&mut self) -> Result<()> {
        let Some(id) = self.upload.clone() else {
            let bytes = Bytes::from(std::mem::take(&mut self.buffer));
            let (s3, call, key) = (self.s3.clone(), self.call.clone(), self.key.clone());
            return self.call.wait(async move { s3.put_whole(&call, &key, &bytes).await });
        };
        if !self.buffer.is_empty() {
            self.send()?;
        }
        self.receive(0)?;
        let (s3, call, key) = (self.s3.clone(), self.call.clone(), self.key.clone());
        let (parts, bytes) = (self.parts.clone(), self.bytes);
        self.call.wait(async move {
            call.retried(|attempt| {
                let (s3, call, key, id, parts) = (&s3, &call, &key, &id, parts.clone());
                async move {
                    let completed = s3.store.complete_multipart(key, id, parts).await;
                    let error = match completed {
                        Ok(_) => return Ok(()),
                        Err(error) => s3.failed(call, error),
                    };
                    // An earlier attempt whose answer was lost has used the upload up.
                    if attempt > 1
                        && error.kind() == ErrorKind::NotFound
                        && s3.head(call, key).await.is_ok_and(|object| object.size == bytes)
                    {
                        return Ok(());
                    }
                    Err(error)
                }
            })
            .await
        })
    }

    fn write_some(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.failed {
            let cause = "an earlier write of this object has failed";
            return Err(self.call.error(ErrorKind::Other, cause));
        }
        if self.buffer.len() >= self.part_size() {
            self.send()?;
        }
        let count = bytes.len().min(self.part_size() - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

impl Write for S3Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_some(bytes).map_err(|error| {
            self.failed = true;
            error.into()
        })
    }

    /// Parts have a smallest size, so nothing can be sent before it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectWriter for S3Writer {
    fn finish(mut self: Box<Self>) -> Result<u64> {
        if self.failed {
            let cause = "an earlier write of this object has failed";
            return Err(self.call.error(ErrorKind::Other, cause));
        }
        self.complete()?;
        self.done = true;
        Ok(self.bytes)
    }
}

impl Drop for S3Writer {
    fn drop(&mut self) {
        let Some(id) = self.upload.take().filter(|_| !self.done) else { return };
        // A part that arrives after the end of its upload would stay.
        for part in self.sent.drain(..) {
            let _: std::result::Result<PartId, Error> = part.wait();
        }
        let (s3, call, key) = (self.s3.clone(), self.call.clone(), self.key.clone());
        let aborted = self.call.wait(async move {
            s3.store.abort_multipart(&key, &id).await.map_err(|error| s3.failed(&call, error))
        });
        if let Err(error) = aborted
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!("the parts of an unfinished upload stay: {error}");
        }
    }
}
