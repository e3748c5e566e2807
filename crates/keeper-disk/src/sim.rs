//! A disk in memory that fails as disks do, by seed: for tests of whoever stores something.
//!
//! What was not made durable may, at a crash, be lost, or kept, sector by sector and in any order;
//! names that were not made durable may be lost from some point on. A sector is written whole or
//! not at all.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile};

mod random;

pub use random::Random;

/// Written whole or not at all.
const SECTOR: usize = 512;

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: Vec<Inode>,
    /// Names as programs see them.
    names: BTreeMap<PathBuf, usize>,
    /// Names as a crash leaves them, before `changes`.
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names that are not durable yet, in order.
    changes: Vec<Change>,
    folders: Vec<PathBuf>,
    /// Bytes that files may have in all.
    capacity: Option<usize>,
    /// Calls of `sync_data` until one fails.
    syncs_left: Option<u32>,
    /// No operation works after a crash with files from before it.
    incarnation: u32,
}

#[derive(Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

enum Pending {
    Write { at: usize, bytes: Vec<u8> },
    Cut(usize),
}

/// What one call has changed in one folder: kept whole or not at all.
struct Change {
    folder: PathBuf,
    names: Vec<(PathBuf, Option<usize>)>,
}

impl SimDisk {
    /// An empty disk without faults.
    pub fn new() -> SimDisk {
        SimDisk::default()
    }

    /// Lets the disk be full when its files have `bytes` in all.
    pub fn set_capacity(&self, bytes: usize) {
        self.lock().capacity = Some(bytes);
    }

    /// Lets the call of `sync_data` after `count` more fail.
    pub fn fail_sync_after(&self, count: u32) {
        self.lock().syncs_left = Some(count);
    }

    /// Loses power: what was not durable is kept in part, by chance. Open files are dead.
    pub fn crash(&self, random: &mut Random) {
        let mut state = self.lock();
        state.incarnation += 1;
        (state.capacity, state.syncs_left) = (None, None);
        for inode in &mut state.files {
            inode.crash(random);
        }
        // A journal: names are kept up to some change.
        let kept = random.below(state.changes.len() as u64 + 1) as usize;
        let changes: Vec<Change> = state.changes.drain(..).take(kept).collect();
        for change in changes {
            apply(&mut state.durable_names, &change);
        }
        state.names = state.durable_names.clone();
    }

    /// A file's bytes, for damaging them.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.lock();
        state.names.get(path).map(|inode| state.files[*inode].now.clone())
    }

    /// Puts a file there, durable.
    pub fn put(&self, path: &Path, bytes: Vec<u8>) {
        let mut state = self.lock();
        let inode = Inode { now: bytes.clone(), durable: bytes, pending: Vec::new() };
        state.files.push(inode);
        let index = state.files.len() - 1;
        state.names.insert(path.to_path_buf(), index);
        state.durable_names.insert(path.to_path_buf(), index);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, inode: usize, incarnation: u32) -> Arc<dyn DiskFile> {
        Arc::new(SimFile { disk: self.clone(), inode, incarnation })
    }
}

impl State {
    fn change(&mut self, names: Vec<(PathBuf, Option<usize>)>) {
        let folder = names.first().and_then(|(name, _)| name.parent()).unwrap_or(Path::new(""));
        let change = Change { folder: folder.to_path_buf(), names };
        apply(&mut self.names, &change);
        self.changes.push(change);
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn has_room(&self, more: usize) -> bool {
        let Some(capacity) = self.capacity else { return true };
        let used: usize = self.names.values().map(|inode| self.files[*inode].now.len()).sum();
        used + more <= capacity
    }
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, change: &Change) {
    for (name, to) in &change.names {
        match to {
            Some(inode) => names.insert(name.clone(), *inode),
            None => names.remove(name),
        };
    }
}

impl Inode {
    fn sync(&mut self) {
        if !self.pending.is_empty() {
            self.durable.clone_from(&self.now);
            self.pending.clear();
        }
    }

    fn crash(&mut self, random: &mut Random) {
        let pending = std::mem::take(&mut self.pending);
        // Everything, nothing, a beginning, or any sectors.
        let mode = random.below(4);
        let keep = random.below(pending.len() as u64 + 1) as usize;
        for (index, pending) in pending.iter().enumerate() {
            let whole = mode == 0 || mode == 2 && index < keep;
            match pending {
                Pending::Cut(len) if whole || mode == 3 && random.below(2) == 0 => {
                    self.durable.resize(*len, 0);
                }
                Pending::Cut(_) => {}
                Pending::Write { at, bytes } => {
                    keep_sectors(&mut self.durable, *at, bytes, |_| {
                        whole || mode == 3 && random.below(2) == 0
                    });
                }
            }
        }
        self.now.clone_from(&self.durable);
    }
}

/// Writes those sectors of `bytes` that `keep` chooses.
fn keep_sectors(into: &mut Vec<u8>, at: usize, bytes: &[u8], mut keep: impl FnMut(usize) -> bool) {
    let mut from = 0;
    while from < bytes.len() {
        let sector = (at + from) / SECTOR;
        let to = bytes.len().min((sector + 1) * SECTOR - at);
        if keep(sector) {
            write(into, at + from, &bytes[from..to]);
        }
        from = to;
    }
}

fn write(into: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if into.len() < at + bytes.len() {
        into.resize(at + bytes.len(), 0);
    }
    into[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.lock();
        if let Ok(inode) = state.find(path) {
            let incarnation = state.incarnation;
            drop(state);
            let file = self.file(inode, incarnation);
            file.set_len(0)?;
            return Ok(file);
        }
        state.files.push(Inode::default());
        let inode = state.files.len() - 1;
        state.change(vec![(path.to_path_buf(), Some(inode))]);
        Ok(self.file(inode, state.incarnation))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.lock();
        Ok(self.file(state.find(path)?, state.incarnation))
    }

    fn open_for_reading(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let inode = state.find(from)?;
        state.change(vec![(to.to_path_buf(), Some(inode)), (from.to_path_buf(), None)]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.find(path)?;
        state.change(vec![(path.to_path_buf(), None)]);
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.lock();
        let inside = state.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        self.lock().folders.push(folder.to_path_buf());
        Ok(())
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let changes = std::mem::take(&mut state.changes);
        for change in changes {
            if change.folder == folder {
                apply(&mut state.durable_names, &change);
            } else {
                state.changes.push(change);
            }
        }
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        let state = self.lock();
        state.names.contains_key(path) || state.folders.iter().any(|folder| folder == path)
    }
}

struct SimFile {
    disk: SimDisk,
    inode: usize,
    incarnation: u32,
}

impl SimFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.lock();
        match state.incarnation == self.incarnation {
            true => Ok(state),
            false => Err(io::Error::other("opened before the crash")),
        }
    }
}

impl DiskFile for SimFile {
    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let mut state = self.state()?;
        let at = position as usize;
        let more = (at + bytes.len()).saturating_sub(state.files[self.inode].now.len());
        if !state.has_room(more) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = &mut state.files[self.inode];
        write(&mut inode.now, at, bytes);
        inode.pending.push(Pending::Write { at, bytes: bytes.to_vec() });
        Ok(())
    }

    fn read_at(&self, into: &mut [u8], position: u64) -> io::Result<usize> {
        let state = self.state()?;
        let now = &state.files[self.inode].now;
        let from = now.len().min(position as usize);
        let count = into.len().min(now.len() - from);
        into[..count].copy_from_slice(&now[from..from + count]);
        Ok(count)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.files[self.inode].now.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state()?;
        let inode = &mut state.files[self.inode];
        inode.now.resize(len as usize, 0);
        inode.pending.push(Pending::Cut(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state()?;
        match state.syncs_left.as_mut() {
            // Linux forgets what it could not write: it may be on the disk in part, or not at all.
            Some(0) => Err(io::Error::other("the disk has failed")),
            Some(left) => {
                *left -= 1;
                state.files[self.inode].sync();
                Ok(())
            }
            None => {
                state.files[self.inode].sync();
                Ok(())
            }
        }
    }
}
