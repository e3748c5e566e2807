//! Servers that tests start for themselves: on free ports of this machine, killed when dropped.

use std::env;
use std::fs::{self, File};
use std::io::Write;
#[cfg(feature = "s3")]
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it answers.
const DEADLINE: Duration = Duration::from_secs(120);
/// Between two looks whether it does.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A running server and its folder.
pub struct Service {
    child: Child,
    pub folder: tempfile::TempDir,
}

impl Service {
    /// Starts `command` with its output in a file of its folder.
    pub fn start(mut command: Command, folder: tempfile::TempDir) -> Service {
        let log = File::create(folder.path().join("log")).unwrap();
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Service { child, folder }
    }

    /// Sends a line to its standard input.
    #[cfg(feature = "hdfs")]
    pub fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Waits until `ready`; panics with the server's output if it ends before or takes too long.
    pub fn wait_until(&mut self, ready: impl Fn(&Path) -> bool) {
        let started = Instant::now();
        while !ready(self.folder.path()) {
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || started.elapsed() > DEADLINE {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("the server is not ready ({ended:?}):\n{log}");
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port nobody listens on.
#[cfg(feature = "s3")]
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Whether somebody listens on a port of this machine.
#[cfg(feature = "s3")]
pub fn answers(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

/// Where `scripts/test-services` puts what it installs.
pub fn installed() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME")?;
        Some(PathBuf::from(home).join(".cache"))
    });
    cache.unwrap_or_else(env::temp_dir).join("riverkeeper/test-services")
}

/// The program of that name in `PATH`.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Says why a test does nothing; not by `println`, which is shown for failed tests only. The line
/// begins at its own start whatever the harness has printed.
pub fn skipped(why: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nskipped: {why}").unwrap();
    out.flush().unwrap();
}
