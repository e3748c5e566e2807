//! Servers as processes: `keeper` as it was just built, or Apache's with the same settings.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zk_wire::SessionId;
use zk_wire::connect::ConnectRequest;

use crate::apache::Apache;
use crate::client::{handshake, opening, socket};

/// No server takes longer to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a server that starts or stops.
const POLL: Duration = Duration::from_millis(10);

/// How a server is started.
#[derive(Clone)]
pub struct Settings {
    /// Holds the data, `zoo.cfg` and what the server prints.
    pub folder: PathBuf,
    pub port: u16,
    /// Lines of `zoo.cfg` beside port and folder.
    pub lines: Vec<String>,
    /// Commands of a shell before the server is started in its place.
    pub before: String,
    /// What the shell runs in: a program and its first arguments.
    pub within: Vec<String>,
    /// Variables of its environment.
    pub variables: Vec<(String, String)>,
    /// Apache's instead of `keeper`.
    pub apache: Option<Apache>,
}

/// A running server; killed when dropped.
pub struct Server {
    pub address: SocketAddr,
    settings: Settings,
    child: Child,
}

/// A port that nobody uses now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Settings {
    pub fn new(folder: &Path) -> Settings {
        Settings {
            folder: folder.to_path_buf(),
            port: free_port(),
            lines: Vec::new(),
            before: String::new(),
            within: Vec::new(),
            variables: Vec::new(),
            apache: None,
        }
    }

    pub fn line(mut self, line: impl Into<String>) -> Settings {
        self.lines.push(line.into());
        self
    }

    pub fn before(mut self, shell: &str) -> Settings {
        self.before = shell.to_owned();
        self
    }

    pub fn apache(mut self, apache: &Apache) -> Settings {
        self.apache = Some(apache.clone());
        self
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Everything that servers of this folder have printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn command(&self) -> Command {
        let configuration = self.folder.join("zoo.cfg");
        let lines = self.lines.join("\n");
        let text = format!(
            "dataDir={}\nclientPort={}\nadmin.enableServer=false\n4lw.commands.whitelist=*\n\
             maxClientCnxns=0\n{lines}\n",
            self.data_dir().display(),
            self.port
        );
        fs::write(&configuration, text).unwrap();
        let mut words = self.within.clone();
        words.extend(["sh", "-c"].map(str::to_owned));
        words.extend([format!("{}\nexec \"$@\"", self.before), "sh".to_owned()]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        match &self.apache {
            Some(apache) => command.args(apache.server()),
            None => command.arg(env!("CARGO_BIN_EXE_keeper")).arg("server"),
        };
        command.arg(configuration);
        command
    }

    fn spawn(&self) -> io::Result<Child> {
        fs::create_dir_all(&self.folder)?;
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        self.command()
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .env("RUST_BACKTRACE", "1")
            .spawn()
    }

    /// Starts a server and waits until it serves.
    pub fn start(&self) -> Server {
        let child = self.spawn().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut server = Server { address, settings: self.clone(), child };
        let started = Instant::now();
        while !serves(address) {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended with {ended:?}: {}", server.log());
            assert!(started.elapsed() < PATIENCE, "does not serve: {}", server.log());
            thread::sleep(POLL);
        }
        server
    }

    /// Starts a server that is to end by itself: with which status.
    pub fn fail(&self) -> ExitStatus {
        let mut child = self.spawn().unwrap();
        wait(&mut child).unwrap_or_else(|| {
            // Not left behind.
            let _ = child.kill();
            panic!("it runs: {}", self.log())
        })
    }
}

/// Whether somebody answers to a session that does not exist, which changes nothing.
fn serves(address: SocketAddr) -> bool {
    let asked = ConnectRequest {
        session_id: SessionId(1),
        password: Some(Bytes::from_static(&[1; 16])),
        ..opening(10_000)
    };
    let response = socket(address).and_then(|mut stream| {
        // Who starts may accept a connection and forget it.
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        handshake(&mut stream, &asked)
    });
    response.is_ok_and(|response| response.session_id == SessionId(0))
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(POLL);
    }
    None
}

impl Server {
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        self.settings.log()
    }

    /// Waits until the server has printed something.
    pub fn await_log(&self, what: &str) {
        let started = Instant::now();
        while !self.log().contains(what) {
            assert!(started.elapsed() < PATIENCE, "never said {what:?}: {}", self.log());
            thread::sleep(POLL);
        }
    }

    /// `kill -9`, and back when the process is gone.
    pub fn kill(mut self) -> Settings {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "it ended by itself: {}", self.log());
        self.settings.clone()
    }

    /// `kill -15`: how it ended.
    pub fn stop(mut self) -> (Settings, ExitStatus) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-15", &pid]).status().unwrap().success());
        let status = wait(&mut self.child).unwrap_or_else(|| panic!("goes on: {}", self.log()));
        (self.settings.clone(), status)
    }

    /// Waits until it ends by itself.
    pub fn ends(mut self) -> (Settings, ExitStatus) {
        let status = wait(&mut self.child).unwrap_or_else(|| panic!("goes on: {}", self.log()));
        (self.settings.clone(), status)
    }

    /// Bytes of memory that are its own.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Files and sockets that it has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
