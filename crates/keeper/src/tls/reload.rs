//! Certificates that change while the server runs: their files are looked at every few seconds.
//!
//! Connections that are open keep what they have. A change that cannot be read leaves all as it
//! was, and is tried again when the files change again. Rules: `X509Util.enableCertFileReloading`.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, SystemTime};

use super::Tls;

/// How often files are looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// Looks after a server's certificates in a thread of its own, as long as it is there.
pub(super) fn watch(tls: &Arc<Tls>) -> std::io::Result<()> {
    let mut files = Files::new(tls.settings.files());
    let tls: Weak<Tls> = Arc::downgrade(tls);
    thread::Builder::new().name("certificates".to_owned()).spawn(move || {
        loop {
            thread::sleep(INTERVAL);
            let Some(tls) = tls.upgrade() else { return };
            if files.have_changed() {
                match tls.reload() {
                    Ok(()) => {
                        tracing::info!("certificates were read again, as their files changed")
                    }
                    Err(error) => tracing::error!("certificates stay as they were: {error}"),
                }
            }
        }
    })?;
    Ok(())
}

/// Files, and when they were last changed.
pub(super) struct Files {
    files: Vec<(PathBuf, Option<(SystemTime, u64)>)>,
}

impl Files {
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let mut files = Self { files: paths.into_iter().map(|path| (path, None)).collect() };
        files.have_changed();
        files
    }

    /// Whether one has changed since this was last asked.
    pub fn have_changed(&mut self) -> bool {
        let mut changed = false;
        for (path, before) in &mut self.files {
            let file = std::fs::metadata(path);
            let now = file.ok().and_then(|file| Some((file.modified().ok()?, file.len())));
            changed |= *before != now;
            *before = now;
        }
        changed
    }
}
