//! Faults on purpose, by seed: a storage that fails, is slow, tears writes and loses answers. For
//! tests and drills only, switched on by [`FAULTS_KEY`].
//!
//! The faults are what callers see: they come after the back end's own retries. An object that is
//! visible is always whole, here as everywhere.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use river_core::options::{Options, parse_duration};

use crate::location::invalid;
use crate::{Entry, Error, ErrorKind, ObjectWriter, Result, Storage, temporary};

/// The option that switches faults on: `seed=1,error=0.05,slow=0.1:50ms,torn=0.02,lost=0.01`.
pub const FAULTS_KEY: &str = "riverkeeper.testing.storage-faults";

/// How much of a torn object is left behind, at most.
const LEFT_BYTES: usize = 64 << 10;

/// Which faults, how often (0 to 1 for each operation).
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// Where the sequence of decisions starts.
    pub seed: u64,
    /// An operation fails and does nothing.
    pub error: f64,
    /// An operation takes longer.
    pub slow: f64,
    /// By this much.
    pub slow_by: Duration,
    /// A write fails after a part of it; a temporary file may stay.
    pub torn: f64,
    /// A write is done, but reported as failed: its answer was lost.
    pub lost: f64,
}

impl Faults {
    /// No fault at all.
    pub fn none(seed: u64) -> Faults {
        Faults { seed, error: 0.0, slow: 0.0, slow_by: Duration::ZERO, torn: 0.0, lost: 0.0 }
    }

    /// Reads the form of [`FAULTS_KEY`]; says what is wrong with it otherwise.
    pub fn parse(text: &str) -> std::result::Result<Faults, String> {
        let mut faults = Faults::none(0);
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or(format!("'{part}' has no '='"))?;
            let value = value.trim();
            match key.trim() {
                "seed" => {
                    faults.seed =
                        value.parse().map_err(|_| format!("'{value}' is not a whole number"))?;
                }
                "error" => faults.error = chance(value)?,
                "torn" => faults.torn = chance(value)?,
                "lost" => faults.lost = chance(value)?,
                "slow" => {
                    let (often, by) =
                        value.split_once(':').ok_or(format!("'{value}' is not like '0.1:50ms'"))?;
                    faults.slow = chance(often)?;
                    faults.slow_by =
                        parse_duration(by).ok_or(format!("'{by}' is not a duration"))?;
                }
                other => {
                    return Err(format!(
                        "'{other}' is not one of seed, error, slow, torn and lost"
                    ));
                }
            }
        }
        Ok(faults)
    }
}

fn chance(text: &str) -> std::result::Result<f64, String> {
    let value = text.trim().parse::<f64>().ok().filter(|p| (0.0..=1.0).contains(p));
    value.ok_or(format!("'{text}' is not a number between 0 and 1"))
}

/// A storage with faults.
#[derive(Debug, Clone)]
pub struct Faulty {
    inner: Arc<dyn Storage>,
    dice: Arc<Dice>,
}

impl Faulty {
    /// `inner` with `faults`.
    pub fn new(inner: Arc<dyn Storage>, faults: Faults) -> Faulty {
        let state = AtomicU64::new(faults.seed);
        Faulty { inner, dice: Arc::new(Dice { faults, state }) }
    }

    /// `storage` as it is, or with the faults that the options ask for.
    pub(crate) fn wrap_if_asked(
        storage: Arc<dyn Storage>,
        options: &Options,
    ) -> Result<Arc<dyn Storage>> {
        let Some(text) = options.get(FAULTS_KEY) else { return Ok(storage) };
        let faults = Faults::parse(text)
            .map_err(|cause| invalid(&storage.display(""), format!("{FAULTS_KEY}: {cause}")))?;
        tracing::warn!("{FAULTS_KEY} is set: storage will fail on purpose");
        Ok(Arc::new(Faulty::new(storage, faults)))
    }

    /// Slow or failing, whatever the operation.
    fn pass(&self, action: &'static str, path: &str) -> Result<()> {
        self.dice.pass(action, || self.inner.display(path))
    }

    fn injected(&self, action: &'static str, path: &str, what: &str) -> Error {
        injected(action, self.inner.display(path), what)
    }

    fn write_whole(
        &self,
        path: &str,
        bytes: &[u8],
        write: impl FnOnce(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.pass("write", path)?;
        if self.dice.hits(self.dice.faults.torn) {
            leave_part(&*self.inner, path, &bytes[..bytes.len() / 2]);
            return Err(self.injected("write", path, "the write was torn"));
        }
        let lost = self.dice.hits(self.dice.faults.lost);
        write(bytes)?;
        if lost {
            return Err(self.injected("write", path, "the answer was lost"));
        }
        Ok(())
    }
}

impl Storage for Faulty {
    fn create(&self, path: &str) -> Result<Box<dyn ObjectWriter>> {
        self.pass("create", path)?;
        Ok(Box::new(FaultyWriter {
            storage: self.clone(),
            path: path.to_owned(),
            inner: self.inner.create(path)?,
            start: Vec::new(),
        }))
    }

    fn put_new(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.write_whole(path, bytes, |bytes| self.inner.put_new(path, bytes))
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.write_whole(path, bytes, |bytes| self.inner.put(path, bytes))
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.pass("read", path)?;
        self.inner.read(path)
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>> {
        self.pass("read", path)?;
        self.inner.read_range(path, range)
    }

    fn size(&self, path: &str) -> Result<u64> {
        self.pass("read", path)?;
        self.inner.size(path)
    }

    fn list(&self, dir: &str, recursive: bool) -> Result<Vec<Entry>> {
        self.pass("list", dir)?;
        self.inner.list(dir, recursive)
    }

    fn list_unfinished(&self, dir: &str) -> Result<Vec<Entry>> {
        self.pass("list", dir)?;
        self.inner.list_unfinished(dir)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.pass("delete", path)?;
        self.inner.delete(path)
    }

    fn delete_dir(&self, dir: &str) -> Result<()> {
        self.pass("delete", dir)?;
        self.inner.delete_dir(dir)
    }

    fn display(&self, path: &str) -> String {
        self.inner.display(path)
    }
}

struct FaultyWriter {
    storage: Faulty,
    path: String,
    inner: Box<dyn ObjectWriter>,
    /// The first bytes, for what a torn write leaves.
    start: Vec<u8>,
}

impl Write for FaultyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.storage.pass("write", &self.path)?;
        let count = self.inner.write(bytes)?;
        let room = LEFT_BYTES - self.start.len();
        self.start.extend_from_slice(&bytes[..count.min(room)]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl ObjectWriter for FaultyWriter {
    fn finish(self: Box<Self>) -> Result<u64> {
        let FaultyWriter { storage, path, inner, start } = *self;
        storage.pass("write", &path)?;
        let faults = &storage.dice.faults;
        if storage.dice.hits(faults.torn) {
            drop(inner);
            leave_part(&*storage.inner, &path, &start);
            return Err(storage.injected("write", &path, "the write was torn"));
        }
        let lost = storage.dice.hits(faults.lost);
        let bytes = inner.finish()?;
        if lost {
            return Err(storage.injected("write", &path, "the answer was lost"));
        }
        Ok(bytes)
    }
}

/// What a writer that died leaves: a temporary file, never the object.
fn leave_part(storage: &dyn Storage, path: &str, part: &[u8]) {
    if let Err(error) = storage.put(&temporary::path_for(path), part) {
        tracing::debug!("no part of a torn write is left: {error}");
    }
}

fn injected(action: &'static str, uri: String, what: &str) -> Error {
    Error::new(ErrorKind::Unreachable, action, uri, format!("{what} ({FAULTS_KEY})"))
        .with_remedy("this fault is on purpose: unset that option to have none")
}

#[derive(Debug)]
struct Dice {
    faults: Faults,
    state: AtomicU64,
}

impl Dice {
    fn pass(&self, action: &'static str, uri: impl FnOnce() -> String) -> Result<()> {
        if self.hits(self.faults.slow) {
            std::thread::sleep(self.faults.slow_by);
        }
        if self.hits(self.faults.error) {
            return Err(injected(action, uri(), "the request failed"));
        }
        Ok(())
    }

    /// One throw; none for what never happens, so that a seed means the same with other faults off.
    fn hits(&self, chance: f64) -> bool {
        chance > 0.0 && ((self.next() >> 11) as f64) < chance * (1u64 << 53) as f64
    }

    /// SplitMix64.
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests;
