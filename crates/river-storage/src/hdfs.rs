//! HDFS, with `hdfs-native`, the client below `hdfs-native-object-store`: it has folders, renames
//! and `hsync`, which the object store interface hides, and its writer holds back a fast caller.
//!
//! As on local paths, an object is written under a temporary name and renamed. Since that name is
//! nobody else's, a rename whose answer was lost can be told from one that did not happen: the
//! temporary file is gone.
//!
//! Addresses: `hdfs://host:port/path`; `hdfs://service/path` and `hdfs:///path` as `hdfs-site.xml`
//! and `core-site.xml` say (`org.apache.flink.runtime.util.HadoopUtils` for where these are).

mod failure;
mod writer;

use std::fmt;
use std::ops::Range;
use std::pin::Pin;

use bytes::Bytes;
use hdfs_native::client::FileStatus;
use hdfs_native::file::FileReader;
use hdfs_native::{Client, ClientBuilder, HdfsError, WriteOptions};
use river_core::options::Options;

use crate::location::invalid;
use crate::remote::{self, Call};
use crate::{Entry, ErrorKind, ObjectWriter, Result, RetryOptions, Storage, temporary};

/// Bytes asked for in one request, so that each ends in its time.
const PIECE: u64 = 16 << 20;
/// Where a NameNode listens when the address has no port (`dfs.namenode.rpc-address`).
const DEFAULT_PORT: u16 = 8020;
/// Options that name the folder of Hadoop's configuration, before `HADOOP_CONF_DIR`.
const CONF_DIR_KEYS: [&str; 2] = ["env.hadoop.conf.dir", "fs.hdfs.hadoopconf"];
/// Options with this prefix are Hadoop's.
const HADOOP_PREFIX: &str = "flink.hadoop.";

/// One file system.
#[derive(Clone)]
pub(crate) struct Hdfs {
    client: Client,
    /// `hdfs://` with the host or service, if one was given.
    root: String,
    limits: RetryOptions,
}

impl fmt::Debug for Hdfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hdfs").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Hdfs {
    /// The file system of `uri`, whose part after `hdfs:` is `rest`; and the path in it.
    pub(crate) fn open(uri: &str, rest: &str, options: &Options) -> Result<(Hdfs, String)> {
        let (authority, path) = match rest.strip_prefix("//") {
            Some(after) => after.split_at(after.find('/').unwrap_or(after.len())),
            None => ("", rest),
        };
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if let Some(part) = parts.iter().find(|part| part.contains(':') || **part == "..") {
            return Err(invalid(uri, format!("HDFS has no name '{part}'")));
        }
        let limits = RetryOptions::from_options(uri, options)?;
        let root = format!("hdfs://{authority}");
        let client = client(uri, &root, options)?;
        Ok((Hdfs { client, root, limits }, format!("/{}", parts.join("/"))))
    }

    fn call(&self, action: &'static str, path: &str) -> Call {
        Call { action, uri: self.display(path), limits: self.limits }
    }

    /// One request, limited in time. Boxed at once: the client's futures are so large that a few
    /// layers of them fill a thread's stack in builds without optimisation.
    fn ask<'a, T: Send + 'a>(
        &self,
        call: &'a Call,
        request: impl Future<Output = hdfs_native::Result<T>> + Send + 'a,
    ) -> Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>> {
        let request: Pin<Box<dyn Future<Output = hdfs_native::Result<T>> + Send + 'a>> =
            Box::pin(request);
        let translated = async { request.await.map_err(|e| failure::translate(call, e)) };
        Box::pin(call.timed(translated))
    }

    async fn status(&self, call: &Call, path: &str) -> Result<FileStatus> {
        let status = self.ask(call, self.client.get_file_info(path)).await?;
        if status.isdir {
            return Err(call.error(ErrorKind::NotFound, "it is a folder"));
        }
        Ok(status)
    }

    /// Writes a whole temporary file, durably.
    async fn write_temporary(&self, call: &Call, temporary: &str, bytes: &Bytes) -> Result<()> {
        call.retried(|_| async {
            // Nobody else has this name: what is there is of an earlier attempt.
            let options = WriteOptions::default().overwrite(true);
            let mut file = self.ask(call, self.client.create(temporary, options)).await?;
            if !bytes.is_empty() {
                self.ask(call, file.write_bytes(bytes.clone())).await?;
            }
            self.close(call, &mut file).await
        })
        .await
    }

    /// Ends a file: on the disks of its DataNodes, then closed.
    async fn close(&self, call: &Call, file: &mut hdfs_native::file::FileWriter) -> Result<()> {
        let synced = async {
            match file.hsync().await {
                // Of erasure coded files; closing waits for all DataNodes.
                Err(HdfsError::UnsupportedFeature(_)) => Ok(()),
                other => other,
            }
        };
        self.ask(call, synced).await?;
        self.ask(call, file.close()).await
    }

    /// Gives a temporary file its name.
    async fn rename(&self, call: &Call, temporary: &str, path: &str, over: bool) -> Result<()> {
        call.retried(|attempt| async move {
            let renamed = self.ask(call, self.client.rename(temporary, path, over)).await;
            let Err(error) = renamed else { return Ok(()) };
            let maybe_done = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists);
            if attempt > 1 && maybe_done {
                let left = self.ask(call, self.client.get_file_info(temporary)).await;
                if left.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
                    return Ok(());
                }
            }
            Err(error)
        })
        .await
    }

    async fn put_whole(&self, call: &Call, path: &str, bytes: &Bytes, over: bool) -> Result<()> {
        let temporary = temporary::path_for(path);
        let done = async {
            self.write_temporary(call, &temporary, bytes).await?;
            self.rename(call, &temporary, path, over).await
        };
        let done = done.await;
        if done.is_err() {
            self.remove_temporary(call, &temporary).await;
        }
        done
    }

    async fn remove_temporary(&self, call: &Call, temporary: &str) {
        if let Err(error) = self.ask(call, self.client.delete(temporary, false)).await {
            tracing::warn!("the unfinished {temporary} stays: {error}");
        }
    }

    async fn reader(&self, call: &Call, path: &str) -> Result<FileReader> {
        call.retried(|_| self.ask(call, self.client.read(path))).await
    }

    /// The bytes of a range that the file has.
    async fn pieces(&self, call: &Call, reader: &FileReader, range: Range<u64>) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        let mut start = range.start;
        while start < range.end {
            let length = PIECE.min(range.end - start) as usize;
            let piece = call.retried(|_| async {
                self.ask(call, reader.read_range(start as usize, length)).await
            });
            let piece = piece.await?;
            if piece.len() != length {
                let cause = "the file became shorter while it was read";
                return Err(call.error(ErrorKind::Corrupt, cause));
            }
            bytes.extend_from_slice(&piece);
            start += length as u64;
        }
        Ok(bytes)
    }

    fn list_entries(
        &self,
        dir: &str,
        recursive: bool,
        keep: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Vec<Entry>> {
        let call = self.call("list", dir);
        let (hdfs, work) = (self.clone(), call.clone());
        let dir = format!("/{}", dir.trim_matches('/'));
        call.wait(async move {
            let mut entries = work.retried(|_| hdfs.list_once(&work, &dir, recursive)).await?;
            entries.retain(|entry| keep(&entry.path));
            entries.sort_by(|a, b| a.path.cmp(&b.path));
            Ok(entries)
        })
    }

    async fn list_once(&self, call: &Call, dir: &str, recursive: bool) -> Result<Vec<Entry>> {
        let listing = self.client.list_status_iter(dir, recursive);
        let mut entries = Vec::new();
        loop {
            let next = self.ask(call, async { listing.next().await.transpose() }).await;
            match next {
                Ok(None) => return Ok(entries),
                Ok(Some(status)) if (recursive && status.isdir) || status.path == dir => {}
                Ok(Some(status)) => entries.push(entry_of(status)),
                // Not there, or gone since its parent was read.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn remove(&self, path: &str, recursive: bool) -> Result<()> {
        let call = self.call("delete", path);
        let (hdfs, work, path) = (self.clone(), call.clone(), path.to_owned());
        call.wait(async move {
            let deleted =
                work.retried(|_| hdfs.ask(&work, hdfs.client.delete(&path, recursive))).await;
            match deleted {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }
}

impl Storage for Hdfs {
    fn create(&self, path: &str) -> Result<Box<dyn ObjectWriter>> {
        Ok(Box::new(writer::HdfsWriter::begin(self.clone(), self.call("write", path), path)?))
    }

    fn put_new(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let call = self.call("create", path);
        let (hdfs, work, path) = (self.clone(), call.clone(), path.to_owned());
        let bytes = Bytes::copy_from_slice(bytes);
        call.wait(async move {
            // Most often the answer, and without a file to write.
            if hdfs.client.get_file_info(&path).await.is_ok() {
                return Err(work.error(ErrorKind::AlreadyExists, failure::TAKEN));
            }
            hdfs.put_whole(&work, &path, &bytes, false).await
        })
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let call = self.call("write", path);
        let (hdfs, work, path) = (self.clone(), call.clone(), path.to_owned());
        let bytes = Bytes::copy_from_slice(bytes);
        call.wait(async move { hdfs.put_whole(&work, &path, &bytes, true).await })
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        let call = self.call("read", path);
        let (hdfs, work, path) = (self.clone(), call.clone(), path.to_owned());
        call.wait(async move {
            let reader = hdfs.reader(&work, &path).await?;
            hdfs.pieces(&work, &reader, 0..reader.file_length() as u64).await
        })
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let call = self.call("read", path);
        crate::reader::length_of(&range, || self.display(path))?;
        let (hdfs, work, path) = (self.clone(), call.clone(), path.to_owned());
        call.wait(async move {
            let reader = hdfs.reader(&work, &path).await?;
            let size = reader.file_length() as u64;
            if range.end > size {
                return Err(crate::reader::too_short(work.uri, &range, size));
            }
            hdfs.pieces(&work, &reader, range).await
        })
    }

    fn size(&self, path: &str) -> Result<u64> {
        let call = self.call("read", path);
        let (hdfs, work, path) = (self.clone(), call.clone(), path.to_owned());
        call.wait(
            async move { Ok(work.retried(|_| hdfs.status(&work, &path)).await?.length as u64) },
        )
    }

    fn list(&self, dir: &str, recursive: bool) -> Result<Vec<Entry>> {
        self.list_entries(dir, recursive, |path| !temporary::is_temporary(path))
    }

    fn list_unfinished(&self, dir: &str) -> Result<Vec<Entry>> {
        self.list_entries(dir, true, temporary::is_temporary)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.remove(path, false)
    }

    fn delete_dir(&self, dir: &str) -> Result<()> {
        if dir.trim_matches('/').is_empty() {
            return Err(crate::location::root_stays(&format!("{}/", self.root)));
        }
        self.remove(dir, true)
    }

    fn display(&self, path: &str) -> String {
        format!("{}/{}", self.root, path.trim_start_matches('/'))
    }
}

fn entry_of(status: FileStatus) -> Entry {
    Entry {
        size: if status.isdir { 0 } else { status.length as u64 },
        modified_ms: i64::try_from(status.modification_time).unwrap_or(i64::MAX),
        is_dir: status.isdir,
        path: status.path,
    }
}

/// The client of `root`. A host without a port that is no name service has the default port.
fn client(uri: &str, root: &str, options: &Options) -> Result<Client> {
    let has_port = root.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let error = match build(uri, root, options)? {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    let no_service = error.to_string().contains("No NameNode hosts");
    if no_service && !has_port && root != "hdfs://" {
        let with_port = format!("{root}:{DEFAULT_PORT}");
        if let Ok(client) = build(uri, &with_port, options)? {
            return Ok(client);
        }
    }
    let what = if root == "hdfs://" { "fs.defaultFS" } else { "this name service" };
    Err(invalid(uri, error.to_string()).with_remedy(format!(
        "set HADOOP_CONF_DIR (or env.hadoop.conf.dir) to the folder whose core-site.xml and \
         hdfs-site.xml describe {what}, or write hdfs://host:port/path"
    )))
}

fn build(
    uri: &str,
    root: &str,
    options: &Options,
) -> Result<std::result::Result<Client, HdfsError>> {
    let runtime = remote::runtime().map_err(|cause| invalid(uri, cause))?;
    let own =
        options.iter().filter_map(|(key, value)| Some((key.strip_prefix(HADOOP_PREFIX)?, value)));
    let mut builder = ClientBuilder::new()
        .with_url(format!("{root}/"))
        .with_config(own)
        .with_io_runtime(runtime.handle().clone());
    if let Some(folder) = CONF_DIR_KEYS.iter().find_map(|key| options.get(key)) {
        if !std::path::Path::new(folder).is_dir() {
            return Err(invalid(uri, format!("there is no folder '{folder}' (configuration)")));
        }
        builder = builder.with_config_dir(folder);
    }
    if let Some(keytab) = options.get("security.kerberos.login.keytab") {
        builder = builder.with_kerberos_keytab(keytab);
    }
    if let Some(principal) = options.get("security.kerberos.login.principal") {
        builder = builder.with_kerberos_principal(principal);
    }
    Ok(builder.build())
}

#[cfg(test)]
mod tests;
