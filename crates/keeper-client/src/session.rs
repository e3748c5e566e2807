//! The task behind a client: connects to one server after the other and goes on with the session,
//! until it expires or is closed.
//!
//! Rules: `ClientCnxn.SendThread.run`, `StaticHostProvider`, `ZooKeeper.States`.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use zk_wire::connect::{ConnectRequest, ConnectResponse};
use zk_wire::event::KeeperState;
use zk_wire::{Jute, SessionId, Zxid, frame};

use crate::chroot::Chroot;
use crate::connection::{Connection, Ended};
use crate::event::Event;
use crate::options::{Auth, Options, SessionKey};
use crate::pending::{Command, Control};
use crate::transport::Stream;
use crate::watches::Watches;
use crate::{Error, Server};

/// Wait after no server could be reached, at first and at most.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// A connection that broke sooner is followed by a pause, so that a server which ends each one is
/// not asked in a tight loop.
const SHORT_LIVED: Duration = Duration::from_secs(1);
/// The least time that one server gets to answer a connection.
const CONNECT_MIN: Duration = Duration::from_secs(1);
/// Bytes of the largest answer to a connect request.
const CONNECT_RESPONSE_MAX: usize = 1024;

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not connected, and trying.
    Connecting,
    /// Connected.
    Connected,
    /// Connected to a server that takes no writes.
    ConnectedReadOnly,
    /// The session is over: its time had passed.
    Expired,
    /// The session is over: a server refused credentials.
    AuthFailed,
    /// The user has closed it.
    Closed,
}

impl State {
    /// Whether requests can still be made, now or once connected.
    pub fn is_alive(self) -> bool {
        matches!(self, State::Connecting | State::Connected | State::ConnectedReadOnly)
    }

    /// Java's name of the state (`ZooKeeper.States`).
    pub fn name(self) -> &'static str {
        match self {
            State::Connecting => "CONNECTING",
            State::Connected => "CONNECTED",
            State::ConnectedReadOnly => "CONNECTEDREADONLY",
            State::Expired | State::Closed => "CLOSED",
            State::AuthFailed => "AUTH_FAILED",
        }
    }
}

/// What handles see of the session.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub state: State,
    pub key: Option<SessionKey>,
    /// What the server granted.
    pub timeout: Duration,
    /// The server that is connected to.
    pub server: Option<Server>,
    /// Why the last connection ended or did not come about.
    pub why: String,
}

/// A session and all that outlives its connections.
pub(crate) struct Session {
    pub options: Options,
    pub chroot: Chroot,
    pub servers: Vec<Server>,
    pub commands: mpsc::Receiver<Command>,
    pub control: mpsc::Receiver<Control>,
    pub status: watch::Sender<Status>,
    pub events: broadcast::Sender<Event>,
    pub watches: Watches,
    pub auths: Vec<Auth>,
    pub last_zxid: Zxid,
    pub key: Option<SessionKey>,
    pub xid: i32,
}

/// Why no session came about on a server.
enum Refusal {
    Expired,
    Unreachable(String),
}

impl Session {
    /// The number of the next request.
    pub fn next_xid(&mut self) -> i32 {
        self.xid = if self.xid == i32::MAX { 1 } else { self.xid + 1 };
        self.xid
    }

    /// Tells an event to whoever listens.
    pub fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Runs until the session is over.
    pub async fn run(mut self) {
        let mut failures = 0;
        let ended = loop {
            let server = self.servers[failures % self.servers.len()].clone();
            let opening =
                open_in_time(&self.options, self.servers.len(), &server, &self.key, self.last_zxid);
            let opened = tokio::select! {
                opened = opening => opened,
                control = self.control.recv() => break Ended::closed_by(control),
            };
            match opened {
                Err(Refusal::Expired) => break Ended::Expired,
                Err(Refusal::Unreachable(why)) => {
                    failures += 1;
                    self.note_failure(&server, &why);
                    if failures % self.servers.len() == 0
                        && let Some(ended) = self.pause(failures).await
                    {
                        break ended;
                    }
                }
                Ok((stream, received, response)) => {
                    // The next server after this one, if it goes.
                    let used = failures + 1;
                    let count = self.servers.len();
                    self.servers.rotate_left(used % count);
                    failures = 0;
                    let began = Instant::now();
                    match self.use_connection(server, stream, received, response).await {
                        Ended::Broken(why) => self.note_broken(&why),
                        ended => break ended,
                    }
                    if began.elapsed() < SHORT_LIVED
                        && let Some(ended) = self.wait(PAUSE).await
                    {
                        break ended;
                    }
                }
            }
        };
        self.end(ended).await;
    }

    async fn use_connection(
        &mut self,
        server: Server,
        stream: Box<dyn Stream>,
        received: BytesMut,
        response: ConnectResponse,
    ) -> Ended {
        let granted = Duration::from_millis(response.timeout_ms.max(1) as u64);
        let password = response.password.unwrap_or_default();
        let key = SessionKey { id: response.session_id, password };
        self.key = Some(key.clone());
        let read_only = response.read_only == Some(true);
        let (state, told) = match read_only {
            true => (State::ConnectedReadOnly, KeeperState::ConnectedReadOnly),
            false => (State::Connected, KeeperState::SyncConnected),
        };
        self.status.send_modify(|status| {
            status.state = state;
            status.key = Some(key);
            status.timeout = granted;
            status.server = Some(server);
            status.why.clear();
        });
        self.tell(Event::session(told));
        Connection::new(self, stream, received, granted).run().await
    }

    fn note_broken(&mut self, why: &str) {
        tracing::debug!(why, "disconnected");
        self.status.send_modify(|status| {
            status.state = State::Connecting;
            status.server = None;
            status.why = why.to_owned();
        });
        self.tell(Event::session(KeeperState::Disconnected));
    }

    fn note_failure(&mut self, server: &Server, why: &str) {
        tracing::debug!(%server, why, "not connected");
        self.status.send_modify(|status| status.why = format!("{server}: {why}"));
    }

    /// After all servers have failed: what waits is told, and the next round waits a little.
    async fn pause(&mut self, failures: usize) -> Option<Ended> {
        let why = self.status.borrow().why.clone();
        while let Ok(command) = self.commands.try_recv() {
            let why = why.clone();
            command.fail(|path| Error::ConnectionLoss { path, why });
        }
        let rounds = (failures / self.servers.len()).clamp(1, 8) as u32;
        self.wait((PAUSE * 2u32.pow(rounds - 1)).min(PAUSE_MAX)).await
    }

    /// Waits, unless the user wants the end.
    async fn wait(&mut self, time: Duration) -> Option<Ended> {
        tokio::select! {
            () = sleep(time) => None,
            control = self.control.recv() => Some(Ended::closed_by(control)),
        }
    }

    async fn end(mut self, ended: Ended) {
        let (state, told) = match &ended {
            Ended::Expired => (State::Expired, KeeperState::Expired),
            Ended::AuthFailed => (State::AuthFailed, KeeperState::AuthFailed),
            Ended::Broken(_) | Ended::Closed(_) => (State::Closed, KeeperState::Closed),
        };
        self.status.send_modify(|status| {
            status.state = state;
            status.server = None;
        });
        self.tell(Event::session(told));
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            command.fail(|path| ended.error(path));
        }
        if let Ended::Closed(Some(done)) = ended {
            let _ = done.send(());
        }
    }
}

impl Command {
    fn fail(self, error: impl FnOnce(Option<String>) -> Error) {
        match self {
            Command::Request(_, asker) | Command::Auth(_, asker) => asker.fail(error),
        }
    }
}

impl Ended {
    /// Without a connection there is nothing to say good-bye to.
    fn closed_by(control: Option<Control>) -> Ended {
        match control {
            Some(Control::Close(done) | Control::Abandon(done)) => Ended::Closed(Some(done)),
            None => Ended::Closed(None),
        }
    }
}

type Opened = Result<(Box<dyn Stream>, BytesMut, ConnectResponse), Refusal>;

async fn open_in_time(
    options: &Options,
    servers: usize,
    server: &Server,
    key: &Option<SessionKey>,
    last_zxid: Zxid,
) -> Opened {
    let shared = options.session_timeout / servers as u32;
    let limit = options.connect_timeout.unwrap_or(shared.max(CONNECT_MIN));
    match timeout(limit, open(options, server, key, last_zxid)).await {
        Ok(opened) => opened,
        Err(_) => Err(Refusal::Unreachable(format!("no answer within {} ms", limit.as_millis()))),
    }
}

/// Opens a connection, and on it the session.
async fn open(
    options: &Options,
    server: &Server,
    key: &Option<SessionKey>,
    last_zxid_seen: Zxid,
) -> Opened {
    let began = Instant::now();
    let unreachable = |error: std::io::Error| Refusal::Unreachable(error.to_string());
    let mut stream = options.transport.connect(server).await.map_err(unreachable)?;
    let timeout_ms = i32::try_from(options.session_timeout.as_millis()).unwrap_or(i32::MAX);
    let request = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen,
        timeout_ms,
        session_id: key.as_ref().map_or(SessionId(0), |key| key.id),
        password: Some(key.as_ref().map_or(Bytes::from_static(&[0; 16]), |k| k.password.clone())),
        read_only: Some(options.read_only),
    };
    let mut out = Vec::new();
    frame::put(&mut out, |out| request.encode(out))
        .map_err(|error| Refusal::Unreachable(error.to_string()))?;
    stream.write_all(&out).await.map_err(unreachable)?;
    stream.flush().await.map_err(unreachable)?;
    let mut received = BytesMut::new();
    let answer = loop {
        match frame::take(&mut received, CONNECT_RESPONSE_MAX) {
            Ok(Some(answer)) => break answer,
            Ok(None) => {}
            Err(error) => return Err(Refusal::Unreachable(format!("no ZooKeeper: {error}"))),
        }
        if stream.read_buf(&mut received).await.map_err(unreachable)? == 0 {
            let why = "the server closed the connection before a session was there";
            return Err(Refusal::Unreachable(why.to_owned()));
        }
    };
    let response = ConnectResponse::from_bytes(&answer)
        .map_err(|error| Refusal::Unreachable(format!("no ZooKeeper: {error}")))?;
    tracing::debug!(%server, session = %response.session_id, took = ?began.elapsed(), "connected");
    match response.timeout_ms <= 0 {
        true => Err(Refusal::Expired),
        false => Ok((stream, received, response)),
    }
}
