//! Local paths, NFS mounts among them. Paths are absolute.
//!
//! An object is written under a temporary name in its folder, synced, renamed, and its folder is
//! synced: what `finish` or `put` returned for survives a power cut, and nobody sees half of it.
//! `put_new` links the temporary file to its name instead, which fails if the name is taken, also
//! on NFS, where the exclusive creation of a file says nothing about its content.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::{Entry, Error, ErrorKind, ObjectWriter, Result, Storage, temporary};

/// Bytes collected before a write call.
const BUFFER: usize = 256 << 10;

/// The storage of local paths.
#[derive(Debug, Clone, Copy, Default)]
pub struct Local;

impl Local {
    fn error(&self, action: &'static str, path: &str) -> impl FnOnce(io::Error) -> Error {
        let uri = self.display(path);
        move |error| Error::from_io(error, action, uri)
    }

    fn write_temporary(&self, path: &str, bytes: &[u8]) -> Result<LocalWriter> {
        let mut writer = LocalWriter::begin(path)?;
        writer.write_all(bytes).map_err(self.error("write", path))?;
        writer.sync()?;
        Ok(writer)
    }

    /// Lists `dir`, and with `recursive` what is below, in no order; `keep` decides by path.
    fn walk(&self, dir: &str, recursive: bool, keep: impl Fn(&str) -> bool) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            let items = match fs::read_dir(Path::new(&folder)) {
                Ok(items) => items,
                Err(error) if is_absent(&error) => continue,
                Err(error) => return Err(self.error("list", &folder)(error)),
            };
            for item in items {
                let item = item.map_err(self.error("list", &folder))?;
                let Ok(name) = item.file_name().into_string() else {
                    tracing::warn!("{:?} is left out: its name is not UTF-8", item.path());
                    continue;
                };
                let path = crate::join(&folder, &name);
                // Gone since the folder was read, or a link to nothing.
                let Some(entry) = self.entry(&path)? else { continue };
                let is_link = item.file_type().is_ok_and(|kind| kind.is_symlink());
                if entry.is_dir && recursive {
                    if !is_link {
                        folders.push(path);
                    }
                } else if keep(&path) {
                    entries.push(entry);
                }
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    fn entry(&self, path: &str) -> Result<Option<Entry>> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(self.error("list", path)(error)),
        };
        let since = metadata.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        Ok(Some(Entry {
            path: path.to_owned(),
            size: if metadata.is_dir() { 0 } else { metadata.len() },
            modified_ms: since.and_then(|d| i64::try_from(d.as_millis()).ok()).unwrap_or(0),
            is_dir: metadata.is_dir(),
        }))
    }
}

impl Storage for Local {
    fn create(&self, path: &str) -> Result<Box<dyn ObjectWriter>> {
        Ok(Box::new(LocalWriter::begin(path)?))
    }

    fn put_new(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let taken = || {
            let cause = "there is an object of this name";
            Error::new(ErrorKind::AlreadyExists, "create", self.display(path), cause)
        };
        if fs::symlink_metadata(path).is_ok() {
            return Err(taken());
        }
        let writer = self.write_temporary(path, bytes)?;
        match fs::hard_link(&writer.temporary, path) {
            Ok(()) => {}
            // A server that repeats a request whose answer was lost calls our own link a clash.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                if links(&writer.temporary) < 2 {
                    return Err(taken());
                }
            }
            Err(e) if has_no_links(&e) => write_exclusively(path, bytes).map_err(|e| {
                if e.kind() == io::ErrorKind::AlreadyExists {
                    taken()
                } else {
                    self.error("create", path)(e)
                }
            })?,
            Err(e) => return Err(self.error("create", path)(e)),
        }
        drop(writer);
        sync_folder_of(path).map_err(self.error("sync the folder of", path))
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        Box::new(self.write_temporary(path, bytes)?).finish().map(|_| ())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        fs::read(path).map_err(|e| self.error("read", path)(absent_if_folder(e)))
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let length = crate::reader::length_of(&range, || self.display(path))?;
        let failed = |e| self.error("read", path)(absent_if_folder(e));
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if range.end > size {
            return Err(crate::reader::too_short(self.display(path), &range, size));
        }
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        file.read_exact(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    fn size(&self, path: &str) -> Result<u64> {
        let metadata = fs::metadata(path).map_err(self.error("read", path))?;
        if metadata.is_dir() {
            return Err(self.error("read", path)(absent_if_folder(
                io::ErrorKind::IsADirectory.into(),
            )));
        }
        Ok(metadata.len())
    }

    fn list(&self, dir: &str, recursive: bool) -> Result<Vec<Entry>> {
        self.walk(or_root(dir), recursive, |path| !temporary::is_temporary(path))
    }

    fn list_unfinished(&self, dir: &str) -> Result<Vec<Entry>> {
        self.walk(or_root(dir), true, temporary::is_temporary)
    }

    fn delete(&self, path: &str) -> Result<()> {
        match fs::remove_file(path) {
            Err(error) if !is_absent(&error) => Err(self.error("delete", path)(error)),
            _ => Ok(()),
        }
    }

    fn delete_dir(&self, dir: &str) -> Result<()> {
        if dir.trim_matches('/').is_empty() {
            return Err(crate::location::root_stays("file:///"));
        }
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.error("delete", dir)(error))
            }
            _ => Ok(()),
        }
    }

    fn display(&self, path: &str) -> String {
        format!("file://{path}")
    }
}

/// What a writer can still do.
enum State {
    Open(BufWriter<File>),
    Synced,
    /// A file whose write or sync failed may have lost bytes, and later syncs say nothing of it.
    Failed,
}

/// An object being written to its temporary file.
struct LocalWriter {
    path: String,
    temporary: String,
    file: State,
    bytes: u64,
    renamed: bool,
}

impl LocalWriter {
    fn begin(path: &str) -> Result<LocalWriter> {
        let temporary = temporary::path_for(path);
        let open = || OpenOptions::new().write(true).create_new(true).open(&temporary);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder_of(path).and_then(|()| open())
            }
            other => other,
        };
        let file = file.map_err(Local.error("create", path))?;
        Ok(LocalWriter {
            path: path.to_owned(),
            temporary,
            file: State::Open(BufWriter::with_capacity(BUFFER, file)),
            bytes: 0,
            renamed: false,
        })
    }

    fn sync(&mut self) -> Result<()> {
        let synced = match std::mem::replace(&mut self.file, State::Failed) {
            State::Open(file) => file
                .into_inner()
                .map_err(|error| error.into_error())
                .and_then(|file| file.sync_all()),
            State::Synced => Ok(()),
            State::Failed => Err(failed_before()),
        };
        synced.map_err(Local.error("write", &self.path))?;
        self.file = State::Synced;
        Ok(())
    }

    fn with_file<T>(
        &mut self,
        act: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
    ) -> io::Result<T> {
        let State::Open(file) = &mut self.file else { return Err(failed_before()) };
        act(file).map_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.abandon();
            }
            Local.error("write", &self.path)(error).into()
        })
    }

    /// Takes no more bytes; what is buffered is not flushed into a file that is going away.
    fn abandon(&mut self) {
        if let State::Open(file) = std::mem::replace(&mut self.file, State::Failed) {
            drop(file.into_parts());
        }
    }
}

fn failed_before() -> io::Error {
    io::Error::other("an earlier write of this object has failed")
}

impl Write for LocalWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.with_file(|file| file.write(bytes))?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with_file(Write::flush)
    }
}

impl ObjectWriter for LocalWriter {
    fn finish(mut self: Box<Self>) -> Result<u64> {
        self.sync()?;
        fs::rename(&self.temporary, &self.path).map_err(Local.error("write", &self.path))?;
        self.renamed = true;
        sync_folder_of(&self.path).map_err(Local.error("sync the folder of", &self.path))?;
        Ok(self.bytes)
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        if self.renamed {
            return;
        }
        self.abandon();
        if let Err(error) = fs::remove_file(&self.temporary) {
            tracing::warn!("cannot remove the unfinished {}: {error}", self.temporary);
        }
    }
}

/// Makes the folder that will hold `path`; each new folder is synced into the one above it.
fn make_folder_of(path: &str) -> io::Result<()> {
    let Some(folder) = Path::new(path).parent() else { return Ok(()) };
    let missing: Vec<&Path> = folder.ancestors().take_while(|dir| !dir.is_dir()).collect();
    for dir in missing.into_iter().rev() {
        match fs::create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
            other => other?,
        }
        if let Some(above) = dir.parent() {
            sync_folder(above)?;
        }
    }
    Ok(())
}

fn sync_folder_of(path: &str) -> io::Result<()> {
    Path::new(path).parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable. File systems that do not sync folders refuse the call, and
/// keep names in order by themselves or not at all.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// For file systems without hard links: the name is taken first, so a crash can leave a torn
/// object, which readers find by its checksum.
fn write_exclusively(path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(path);
    }
    written
}

fn has_no_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::TooManyLinks
            | io::ErrorKind::CrossesDevices
    )
}

#[cfg(unix)]
fn links(path: &str) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).map_or(0, |metadata| metadata.nlink())
}

#[cfg(not(unix))]
fn links(_path: &str) -> u64 {
    0
}

/// Not there, or under something that is no folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Object stores have no folders: one is not found as an object.
fn absent_if_folder(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::IsADirectory => io::Error::new(io::ErrorKind::NotFound, "it is a folder"),
        io::ErrorKind::NotADirectory => {
            io::Error::new(io::ErrorKind::NotFound, "a folder in its path is a file")
        }
        _ => error,
    }
}

fn or_root(dir: &str) -> &str {
    if dir.is_empty() { "/" } else { dir }
}

#[cfg(test)]
mod tests;
