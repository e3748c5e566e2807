//! Fills log files with zeros ahead of what is written, off the write path (Apache's
//! `FilePadding` sets the length alone, and the file system has the work when the entry comes).
//!
//! Overwriting zeros that are durable already costs a disk less than appending. Two files are kept
//! ahead: the open log by a window, and a spare, header included, that becomes the next log by
//! being renamed. The space is in steps, each made durable by itself, so that a commit waits for
//! one step at most.
//!
//! Invariant: zeros are never written where entries are or are being written. [`Preallocator`]
//! takes each step's range under its lock; the writer asks for its range before it writes.
//!
//! An error of the thread that fills (a full disk) ends its filling and is reported once. The
//! writer then fills as much as it needs itself, before it writes there, since marks among the
//! zeros are what tells a torn write from damage; if there is no room for that, the writer fails.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{HEADER, mark};
use crate::disk::{Disk, DiskFile};
use crate::{Error, Result};

/// The most kept ahead of the writer.
const WINDOW_MAX: u64 = 16 << 20;
/// The most zeros made durable in one step.
const STEP_MAX: u64 = 1 << 20;
/// One step where nothing is to be kept ahead: the writer's own, for many writes.
const STEP_ALONE: u64 = 16 << 10;
/// Not the name of a log for any reader.
const SPARE: &str = "preallocated.tmp";

/// Space ahead of the writer, in one log folder.
pub struct Preallocator {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// Bytes kept ahead.
    window: u64,
    /// Bytes of one step.
    step: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    spare: Option<Space>,
    open: Option<Space>,
    /// Somebody writes zeros now, outside the lock.
    busy: bool,
    /// And does so in the open log.
    busy_in_open: bool,
    /// No more filling but the writer's own: an error, or the end.
    ended: bool,
    error: Option<Error>,
}

impl State {
    fn filled_open(&mut self, file: &Arc<dyn DiskFile>, to: u64) {
        if let Some(open) = self.open.as_mut().filter(|open| Arc::ptr_eq(&open.file, file)) {
            open.filled = open.filled.max(to);
        }
    }
}

struct Space {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    /// Where entries end.
    used: u64,
    /// Where durable zeros end.
    filled: u64,
}

/// A step that is due.
struct Due {
    /// `None`: the spare is to be created.
    file: Option<Arc<dyn DiskFile>>,
    path: PathBuf,
    from: u64,
    is_open: bool,
}

impl Preallocator {
    /// For logs in `folder` that Apache would let grow by `size` bytes at once; 0: not ahead.
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: &Path, size: u64) -> Preallocator {
        let ahead = size > 0;
        let window = (size / 4).clamp(mark::SECTOR * 4, WINDOW_MAX);
        let step = if ahead { (window / 4).min(STEP_MAX) } else { STEP_ALONE };
        let step = step / mark::SECTOR * mark::SECTOR;
        Preallocator {
            disk,
            folder: folder.to_path_buf(),
            window,
            step,
            state: Mutex::new(State { ended: !ahead, ..State::default() }),
            changed: Condvar::new(),
        }
    }

    /// One step, if one is due; false if none is.
    pub fn step(&self) -> bool {
        let state = self.lock();
        let due = self.due(&state);
        match due {
            Some(due) if !state.busy && !state.ended => {
                drop(self.fill(state, due));
                true
            }
            _ => false,
        }
    }

    /// Steps whenever they are due, until [`Preallocator::end`]: the body of a thread.
    pub fn run(&self) {
        let mut state = self.lock();
        while !state.ended {
            match self.due(&state) {
                Some(due) if !state.busy => state = self.fill(state, due),
                _ => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// No more steps.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// What ended the filling, once.
    pub fn take_error(&self) -> Option<Error> {
        self.lock().error.take()
    }

    /// The spare, if complete, renamed to `path`: the log that is now open.
    pub(crate) fn open_spare(&self, path: &Path) -> Result<Option<Arc<dyn DiskFile>>> {
        let mut state = self.lock();
        let ready = |space: &mut Space| space.filled >= self.window;
        let Some(mut space) = state.spare.take_if(ready) else { return Ok(None) };
        self.disk.rename(&space.path, path).map_err(Error::io("rename to", path))?;
        space.path = path.to_path_buf();
        let file = space.file.clone();
        state.open = Some(space);
        self.changed.notify_all();
        Ok(Some(file))
    }

    /// A file made by the writer, with its header: the log that is now open.
    pub(crate) fn open_new(&self, file: Arc<dyn DiskFile>, path: &Path) {
        let used = HEADER.len() as u64;
        let path = path.to_path_buf();
        self.lock().open = Some(Space { file, path, used, filled: used });
    }

    /// The open log will be written up to `end`, and holds entries up to `used` then.
    pub(crate) fn reserve(&self, used: u64, end: u64) -> Result<()> {
        let mut state = self.lock();
        loop {
            let busy = state.busy;
            let Some(open) = state.open.as_mut() else { return Ok(()) };
            open.used = open.used.max(used);
            if open.filled >= end {
                if open.filled - open.used < self.window {
                    self.changed.notify_all();
                }
                return Ok(());
            }
            if busy {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            // The writer has caught up.
            let (file, path, from) = (Some(open.file.clone()), open.path.clone(), open.filled);
            state = self.fill_alone(state, Due { file, path, from, is_open: true }, end)?;
        }
    }

    /// The open log is complete; no step writes to it after this.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        while state.busy_in_open {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.open = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; a poisoned lock's state is as sound as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next step: the open log first.
    fn due(&self, state: &State) -> Option<Due> {
        let step = |space: &Space, is_open| Due {
            file: Some(space.file.clone()),
            path: space.path.clone(),
            from: space.filled,
            is_open,
        };
        if let Some(open) = state.open.as_ref().filter(|open| open.filled < open.used + self.window)
        {
            return Some(step(open, true));
        }
        match &state.spare {
            None => {
                Some(Due { file: None, path: self.folder.join(SPARE), from: 0, is_open: false })
            }
            Some(spare) => (spare.filled < self.window).then(|| step(spare, false)),
        }
    }

    /// One step of the thread that fills, outside the lock.
    fn fill<'s>(&'s self, mut state: MutexGuard<'s, State>, due: Due) -> MutexGuard<'s, State> {
        (state.busy, state.busy_in_open) = (true, due.is_open);
        drop(state);
        let to = self.step_after(due.from);
        let filled = self.write_zeros(&due, to);
        let mut state = self.lock();
        (state.busy, state.busy_in_open) = (false, false);
        match filled {
            Ok(file) if due.is_open => state.filled_open(&file, to),
            Ok(file) => {
                state.spare = Some(Space { file, path: due.path, used: 0, filled: to });
            }
            Err(error) => {
                state.ended = true;
                state.error = Some(error);
                // Left there it would only take room that logs may need.
                if state.spare.take().is_some() || !due.is_open {
                    let _ = self.disk.remove(&self.folder.join(SPARE));
                }
            }
        }
        self.changed.notify_all();
        state
    }

    /// One step of the writer, or, where there is no room for that, as much as it needs.
    fn fill_alone<'s>(
        &'s self,
        mut state: MutexGuard<'s, State>,
        due: Due,
        end: u64,
    ) -> Result<MutexGuard<'s, State>> {
        (state.busy, state.busy_in_open) = (true, due.is_open);
        drop(state);
        let mut to = self.step_after(due.from.max(end));
        let mut filled = self.write_zeros(&due, to);
        if filled.is_err() {
            to = end;
            filled = self.write_zeros(&due, to);
        }
        let mut state = self.lock();
        (state.busy, state.busy_in_open) = (false, false);
        self.changed.notify_all();
        state.filled_open(&filled?, to);
        Ok(state)
    }

    /// Where the step ends that begins at a position.
    fn step_after(&self, from: u64) -> u64 {
        (from / self.step + 1) * self.step
    }

    fn write_zeros(&self, due: &Due, to: u64) -> Result<Arc<dyn DiskFile>> {
        let mut zeros = vec![0; (to - due.from) as usize];
        mark::finish_zeros(&mut zeros, due.from);
        let path = &due.path;
        let file = match &due.file {
            None => {
                zeros[..HEADER.len()].copy_from_slice(&HEADER);
                self.disk.create(path).map_err(Error::io("create", path))?
            }
            Some(file) => file.clone(),
        };
        file.write_all_at(&zeros, due.from).map_err(Error::io("preallocate", path))?;
        file.sync_data().map_err(Error::sync(path))?;
        Ok(file)
    }
}
