//! S3 and what speaks its protocol. Paths are keys, taken verbatim (object_store's own encoding of
//! names would make other keys than Flink's).
//!
//! Large objects are uploaded in parts while they are written and appear when the upload is
//! completed. `put_new` is a conditional put (`If-None-Match: *`), never a look before a put.
//! Every request is one attempt of the client and is repeated here, because what a repetition
//! means after a lost answer depends on the operation.

mod config;
mod failure;
mod writer;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
};
use river_core::options::Options;

use crate::remote::Call;
use crate::{Entry, Error, ErrorKind, ObjectWriter, Result, RetryOptions, Storage, temporary};

/// Objects above this size are read in several requests, so that each ends in its time.
const PIECE: u64 = 16 << 20;
/// A host that is there accepts a connection in less.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// One bucket.
#[derive(Clone)]
pub(crate) struct S3 {
    store: Arc<AmazonS3>,
    /// `s3://bucket`, with the scheme as it was given.
    root: String,
    bucket: String,
    limits: RetryOptions,
}

impl fmt::Debug for S3 {
    // The client holds the secret key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3").field("root", &self.root).finish_non_exhaustive()
    }
}

impl S3 {
    /// The bucket of `uri`, whose part after `scheme:` is `rest`; and the key in it.
    pub(crate) fn open(
        uri: &str,
        scheme: &str,
        rest: &str,
        options: &Options,
    ) -> Result<(S3, String)> {
        let rest = rest.strip_prefix("//").unwrap_or_default();
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(crate::location::invalid(uri, "it names no bucket")
                .with_remedy("write s3://bucket/path"));
        }
        config::check_bucket(uri, bucket)?;
        let limits = RetryOptions::from_options(uri, options)?;
        let store = config::client(uri, bucket, options, &limits)?;
        let root = format!("{scheme}://{bucket}");
        let parts: Vec<&str> = key.split('/').filter(|part| !part.is_empty()).collect();
        let s3 = S3 { store: Arc::new(store), root, bucket: bucket.to_owned(), limits };
        Ok((s3, parts.join("/")))
    }

    fn call(&self, action: &'static str, path: &str) -> Call {
        Call { action, uri: self.display(path), limits: self.limits }
    }

    /// The key as the client wants it.
    fn key(&self, call: &Call, path: &str) -> Result<Path> {
        Path::parse(path.trim_matches('/'))
            .map_err(|error| call.error(ErrorKind::Invalid, error.to_string()))
    }

    fn failed(&self, call: &Call, error: object_store::Error) -> Error {
        failure::translate(call, &self.bucket, error)
    }

    async fn put_whole(&self, call: &Call, key: &Path, bytes: &Bytes) -> Result<()> {
        call.retried(|_| async {
            let put = self.store.put(key, bytes.clone().into()).await;
            put.map(|_| ()).map_err(|error| self.failed(call, error))
        })
        .await
    }

    async fn put_if_absent(&self, call: &Call, key: &Path, bytes: &Bytes) -> Result<()> {
        call.retried(|attempt| async move {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let put = self.store.put_opts(key, bytes.clone().into(), options).await;
            let error = match put {
                Ok(_) => return Ok(()),
                Err(error) => self.failed(call, error),
            };
            // The answer to an earlier attempt may have been lost, and the object be ours.
            if attempt > 1
                && error.kind() == ErrorKind::AlreadyExists
                && self.get(call, key, None).await.is_ok_and(|there| there == *bytes)
            {
                return Ok(());
            }
            Err(error)
        })
        .await
    }

    async fn get(&self, call: &Call, key: &Path, range: Option<Range<u64>>) -> Result<Bytes> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let got = self.store.get_opts(key, options).await.map_err(|e| self.failed(call, e))?;
        got.bytes().await.map_err(|error| self.failed(call, error))
    }

    /// The whole object, or its size if it takes several requests.
    async fn get_if_small(
        &self,
        call: &Call,
        key: &Path,
    ) -> Result<std::result::Result<Bytes, u64>> {
        let got = self.store.get_opts(key, GetOptions::default()).await;
        let got = got.map_err(|error| self.failed(call, error))?;
        if got.meta.size > PIECE {
            return Ok(Err(got.meta.size));
        }
        got.bytes().await.map(Ok).map_err(|error| self.failed(call, error))
    }

    async fn head(&self, call: &Call, key: &Path) -> Result<ObjectMeta> {
        call.retried(|_| async {
            self.store.head(key).await.map_err(|error| self.failed(call, error))
        })
        .await
    }

    /// The bytes of a range that is known to be there, in pieces.
    async fn get_pieces(&self, call: &Call, key: &Path, range: Range<u64>) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + PIECE);
            let piece = call.retried(|_| self.get(call, key, Some(start..end))).await?;
            if piece.len() as u64 != end - start {
                let cause = "the server sent another number of bytes than was asked for";
                return Err(call.error(ErrorKind::Other, cause));
            }
            bytes.extend_from_slice(&piece);
            start = end;
        }
        Ok(bytes)
    }

    async fn list_all(&self, call: &Call, dir: &str) -> Result<Vec<ObjectMeta>> {
        let prefix = self.prefix(call, dir)?;
        call.retried(|_| async {
            let listed: std::result::Result<Vec<ObjectMeta>, _> =
                self.store.list(prefix.as_ref()).try_collect().await;
            listed.map_err(|error| self.failed(call, error))
        })
        .await
    }

    fn prefix(&self, call: &Call, dir: &str) -> Result<Option<Path>> {
        let dir = dir.trim_matches('/');
        if dir.is_empty() { Ok(None) } else { self.key(call, dir).map(Some) }
    }

    fn list_entries(
        &self,
        dir: &str,
        keep: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Vec<Entry>> {
        let call = self.call("list", dir);
        let (s3, dir, work) = (self.clone(), dir.trim_matches('/').to_owned(), call.clone());
        call.wait(async move {
            let listed = s3.list_all(&work, &dir).await?;
            let mut entries: Vec<Entry> = listed.iter().map(entry_of).collect();
            // Some tools make an empty object of the folder's own name.
            entries.retain(|entry| entry.path != dir && keep(&entry.path));
            entries.sort_by(|a, b| a.path.cmp(&b.path));
            Ok(entries)
        })
    }

    fn list_children(&self, dir: &str) -> Result<Vec<Entry>> {
        let call = self.call("list", dir);
        let (s3, dir, work) = (self.clone(), dir.trim_matches('/').to_owned(), call.clone());
        call.wait(async move {
            let prefix = s3.prefix(&work, &dir)?;
            let listed = work.retried(|_| async {
                let listed = s3.store.list_with_delimiter(prefix.as_ref()).await;
                listed.map_err(|error| s3.failed(&work, error))
            });
            let listed = listed.await?;
            let mut entries: Vec<Entry> = listed.objects.iter().map(entry_of).collect();
            let folders: BTreeSet<&str> = listed.common_prefixes.iter().map(Path::as_ref).collect();
            entries.retain(|entry| {
                entry.path != dir
                    && !folders.contains(entry.path.as_str())
                    && !temporary::is_temporary(&entry.path)
            });
            entries.extend(folders.into_iter().map(|path| Entry {
                path: path.to_owned(),
                size: 0,
                modified_ms: 0,
                is_dir: true,
            }));
            entries.sort_by(|a, b| a.path.cmp(&b.path));
            Ok(entries)
        })
    }
}

impl Storage for S3 {
    fn create(&self, path: &str) -> Result<Box<dyn ObjectWriter>> {
        let call = self.call("write", path);
        let key = self.key(&call, path)?;
        Ok(Box::new(writer::S3Writer::new(self.clone(), call, key)))
    }

    fn put_new(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let call = self.call("create", path);
        let (s3, work, key) = (self.clone(), call.clone(), self.key(&call, path)?);
        let bytes = Bytes::copy_from_slice(bytes);
        call.wait(async move { s3.put_if_absent(&work, &key, &bytes).await })
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let call = self.call("write", path);
        let (s3, work, key) = (self.clone(), call.clone(), self.key(&call, path)?);
        let bytes = Bytes::copy_from_slice(bytes);
        call.wait(async move { s3.put_whole(&work, &key, &bytes).await })
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        let call = self.call("read", path);
        let (s3, work, key) = (self.clone(), call.clone(), self.key(&call, path)?);
        call.wait(async move {
            let got = work.retried(|_| s3.get_if_small(&work, &key)).await?;
            match got {
                Ok(bytes) => Ok(bytes.into()),
                Err(size) => s3.get_pieces(&work, &key, 0..size).await,
            }
        })
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let call = self.call("read", path);
        crate::reader::length_of(&range, || self.display(path))?;
        let (s3, work, key) = (self.clone(), call.clone(), self.key(&call, path)?);
        call.wait(async move {
            // One request where it does: most ranges are right, and short.
            if range.end - range.start <= PIECE && range.start < range.end {
                let got = work.retried(|_| s3.get(&work, &key, Some(range.clone()))).await;
                match got {
                    Ok(bytes) if bytes.len() as u64 == range.end - range.start => {
                        return Ok(bytes.into());
                    }
                    Err(error) if error.kind() != ErrorKind::Other => return Err(error),
                    _ => {}
                }
            }
            let size = s3.head(&work, &key).await?.size;
            if range.end > size {
                return Err(crate::reader::too_short(work.uri, &range, size));
            }
            s3.get_pieces(&work, &key, range).await
        })
    }

    fn size(&self, path: &str) -> Result<u64> {
        let call = self.call("read", path);
        let (s3, work, key) = (self.clone(), call.clone(), self.key(&call, path)?);
        call.wait(async move { Ok(s3.head(&work, &key).await?.size) })
    }

    fn list(&self, dir: &str, recursive: bool) -> Result<Vec<Entry>> {
        if recursive {
            self.list_entries(dir, |path| !temporary::is_temporary(path))
        } else {
            self.list_children(dir)
        }
    }

    fn list_unfinished(&self, dir: &str) -> Result<Vec<Entry>> {
        self.list_entries(dir, temporary::is_temporary)
    }

    fn delete(&self, path: &str) -> Result<()> {
        let call = self.call("delete", path);
        let (s3, work, key) = (self.clone(), call.clone(), self.key(&call, path)?);
        call.wait(async move {
            let deleted = work.retried(|_| async {
                s3.store.delete(&key).await.map_err(|error| s3.failed(&work, error))
            });
            absent_is_fine(deleted.await)
        })
    }

    fn delete_dir(&self, dir: &str) -> Result<()> {
        if dir.trim_matches('/').is_empty() {
            return Err(crate::location::root_stays(&self.root));
        }
        let call = self.call("delete", dir);
        let (s3, dir, work) = (self.clone(), dir.to_owned(), call.clone());
        call.wait(async move {
            let deleted = work.retried(|_| async {
                let found = s3.list_all(&work, &dir).await?;
                let keys = found.into_iter().map(|object| Ok(object.location));
                let keys = futures_util::stream::iter(keys).boxed();
                let deleted = s3.store.delete_stream(keys).try_for_each(|_| async { Ok(()) });
                deleted.await.map_err(|error| s3.failed(&work, error))
            });
            absent_is_fine(deleted.await)
        })
    }

    fn display(&self, path: &str) -> String {
        format!("{}/{}", self.root, path.trim_start_matches('/'))
    }
}

fn absent_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn entry_of(object: &ObjectMeta) -> Entry {
    Entry {
        path: object.location.to_string(),
        size: object.size,
        modified_ms: object.last_modified.timestamp_millis(),
        is_dir: false,
    }
}

#[cfg(test)]
mod tests;
