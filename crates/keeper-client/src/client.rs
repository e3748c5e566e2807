//! The handle of a session, and one method for each operation.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::timeout;
use zk_wire::acl::Acl;
use zk_wire::create_mode::CreateMode;
use zk_wire::error_code::ErrorCode;
use zk_wire::event::{AddWatchMode, WatcherType};
use zk_wire::multi::{MultiOp, MultiRequest, MultiResult};
use zk_wire::op_code::OpCode;
use zk_wire::path::validate;
use zk_wire::reply::{ClientInfo, Reply};
use zk_wire::request::{
    AddWatchRequest, CreateRequest, CreateTtlRequest, DeleteRequest, PathRequest, ReadRequest,
    ReconfigRequest, Request, SetAclRequest, SetDataRequest, WatchesRequest,
};
use zk_wire::stat::Stat;
use zk_wire::{SessionId, Text, Zxid};

use crate::chroot::Chroot;
use crate::options::{Auth, Options, SessionKey};
use crate::pending::{Answer, Asker, Command, Control};
use crate::session::{Session, State, Status};
use crate::watches::Watches;
use crate::{ConnectString, Error, Event, Events, Result};

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The last change that the server had applied then.
    pub zxid: Zxid,
    /// The body.
    pub reply: Reply,
}

/// A session. Clones are handles of the same; when the last goes, the session is closed.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    chroot: Chroot,
    commands: mpsc::Sender<Command>,
    control: mpsc::Sender<Control>,
    status: watch::Receiver<Status>,
    events: broadcast::Sender<Event>,
}

impl Client {
    /// Starts a session and does not wait for it. Must be called within a tokio runtime with I/O
    /// and time.
    pub fn start(connect: &ConnectString, options: Options) -> Client {
        Self::begin(connect, options).0
    }

    fn begin(connect: &ConnectString, options: Options) -> (Client, Events) {
        let (commands, command_receiver) = mpsc::channel(options.queue.max(1));
        let (control, control_receiver) = mpsc::channel(1);
        let (events, receiver) = broadcast::channel(options.events.max(1));
        let key = options.session.clone();
        let (status, status_receiver) = watch::channel(Status {
            state: State::Connecting,
            key: key.clone(),
            timeout: options.session_timeout,
            server: None,
            why: "no server has answered yet".to_owned(),
        });
        let mut servers = connect.servers.clone();
        if options.shuffle {
            let nanos =
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.subsec_nanos());
            let count = servers.len();
            servers.rotate_left(nanos as usize / 1000 % count);
        }
        let chroot = Chroot(connect.chroot.clone());
        let session = Session {
            chroot: chroot.clone(),
            servers,
            commands: command_receiver,
            control: control_receiver,
            status,
            events: events.clone(),
            watches: Watches::default(),
            auths: options.auths.clone(),
            last_zxid: Zxid(0),
            key,
            xid: 0,
            options,
        };
        tokio::spawn(session.run());
        let status = status_receiver;
        let inner = Inner { chroot, commands, control, status, events };
        (Client { inner: Arc::new(inner) }, Events { receiver })
    }

    /// As [`Client::start`], with all events from the first on.
    pub fn start_with_events(connect: &ConnectString, options: Options) -> (Client, Events) {
        Self::begin(connect, options)
    }

    /// Starts a session and waits until it is there, for the session timeout at most.
    pub async fn connect(connect: &ConnectString, options: Options) -> Result<Client> {
        let limit = options.session_timeout;
        let client = Client::start(connect, options);
        client.wait_connected(limit).await?;
        Ok(client)
    }

    /// Waits until the session is connected.
    pub async fn wait_connected(&self, limit: Duration) -> Result<()> {
        let mut status = self.inner.status.clone();
        let wanted = |status: &Status| status.state != State::Connecting;
        let state = match timeout(limit, status.wait_for(wanted)).await {
            Ok(Ok(status)) => status.state,
            Ok(Err(_)) => State::Closed,
            Err(_) => State::Connecting,
        };
        match state {
            State::Connected | State::ConnectedReadOnly => Ok(()),
            State::Expired => Err(Error::SessionExpired { path: None }),
            State::AuthFailed => Err(Error::AuthFailed { path: None }),
            State::Closed => Err(Error::Closed),
            State::Connecting => {
                let why = self.inner.status.borrow().why.clone();
                Err(Error::ConnectionLoss { path: None, why })
            }
        }
    }

    /// Where the session is.
    pub fn state(&self) -> State {
        self.inner.status.borrow().state
    }

    /// The server that is connected to, as it was given.
    pub fn server(&self) -> Option<String> {
        self.inner.status.borrow().server.as_ref().map(ToString::to_string)
    }

    /// The session's id; 0 before the first connection.
    pub fn session_id(&self) -> SessionId {
        self.session_key().map_or(SessionId(0), |key| key.id)
    }

    /// What the session is known by, once it is there.
    pub fn session_key(&self) -> Option<SessionKey> {
        self.inner.status.borrow().key.clone()
    }

    /// The session timeout that the server has granted.
    pub fn session_timeout(&self) -> Duration {
        self.inner.status.borrow().timeout
    }

    /// Events from now on.
    pub fn events(&self) -> Events {
        Events { receiver: self.inner.events.subscribe() }
    }

    /// Ends the session and waits for it: its ephemeral nodes are gone then, if a server could be
    /// told.
    pub async fn close(&self) {
        self.end(Control::Close).await;
    }

    /// Drops the connection and leaves the session to its timeout: whoever has
    /// [`Client::session_key`] can go on with it.
    pub async fn abandon(&self) {
        self.end(Control::Abandon).await;
    }

    async fn end(&self, how: fn(oneshot::Sender<()>) -> Control) {
        let (done, receiver) = oneshot::channel();
        if self.inner.control.send(how(done)).await.is_ok() {
            let _ = receiver.await;
        }
    }

    /// Sends a request, whose paths are below the chroot, and gives the answer to wait for: many
    /// may be in flight, and are done in the order of these calls.
    pub async fn submit(&self, mut request: Request) -> Result<Answer> {
        let path = request.path().map(|path| path.as_str().to_owned());
        self.inner.chroot.add_to(&mut request);
        self.send(path, |asker| Command::Request(request, asker)).await
    }

    /// Sends a request and waits for the answer.
    pub async fn request(&self, request: Request) -> Result<Response> {
        self.submit(request).await?.await
    }

    async fn send(
        &self,
        path: Option<String>,
        command: impl FnOnce(Asker) -> Command,
    ) -> Result<Answer> {
        let (answer, receiver) = oneshot::channel();
        let for_errors = path.clone();
        match self.inner.commands.send(command(Asker { path, answer })).await {
            Ok(()) => Ok(Answer { receiver }),
            Err(_) => Err(self.gone(for_errors)),
        }
    }

    /// Why nothing can be asked any more.
    fn gone(&self, path: Option<String>) -> Error {
        match self.state() {
            State::Expired => Error::SessionExpired { path },
            State::AuthFailed => Error::AuthFailed { path },
            _ => Error::Closed,
        }
    }

    /// Adds an identity, on this server and all later ones.
    pub async fn add_auth(&self, scheme: &str, credentials: impl Into<Bytes>) -> Result<()> {
        let auth = Auth { scheme: scheme.to_owned(), credentials: credentials.into() };
        self.send(None, |asker| Command::Auth(auth, asker)).await?.await.map(drop)
    }

    /// Creates a node, with a TTL where the mode has one; gives its path, which has a number at the
    /// end where the mode says so, and its stat.
    pub async fn create(
        &self,
        path: &str,
        data: Option<Bytes>,
        acl: Vec<Acl>,
        mode: CreateMode,
        ttl: Option<Duration>,
    ) -> Result<(String, Stat)> {
        check_create(path, mode)?;
        let (path_text, acl, flags) = (Some(Text::from(path)), Some(acl), mode.flags());
        let request = if mode.is_ttl() {
            let ttl_ms = ttl.map_or(-1, |ttl| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
            Request::CreateTtl(CreateTtlRequest { path: path_text, data, acl, flags, ttl_ms })
        } else {
            let body = CreateRequest { path: path_text, data, acl, flags };
            match mode.is_container() {
                true => Request::CreateContainer(body),
                false => Request::Create2(body),
            }
        };
        match self.request(request).await?.reply {
            Reply::Create2(body) => Ok((string(body.path), body.stat)),
            other => Err(unexpected(OpCode::Create2, &other)),
        }
    }

    /// Deletes a node without children that has this version; -1: any.
    pub async fn delete(&self, path: &str, version: i32) -> Result<()> {
        let path = checked(path)?;
        self.request(Request::Delete(DeleteRequest { path, version })).await.map(drop)
    }

    /// A node's stat; `None` where there is no such node, and then the watch waits for it.
    pub async fn exists(&self, path: &str, watch: bool) -> Result<Option<Stat>> {
        let path = checked(path)?;
        match self.request(Request::Exists(ReadRequest { path, watch })).await {
            Ok(Response { reply: Reply::Stat(body), .. }) => Ok(Some(body.stat)),
            Ok(other) => Err(unexpected(OpCode::Exists, &other.reply)),
            Err(error) if error.is(ErrorCode::NoNode) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A node's data, which may be none, and stat.
    pub async fn get(&self, path: &str, watch: bool) -> Result<(Option<Bytes>, Stat)> {
        let path = checked(path)?;
        match self.request(Request::GetData(ReadRequest { path, watch })).await?.reply {
            Reply::Data(body) => Ok((body.data, body.stat)),
            other => Err(unexpected(OpCode::GetData, &other)),
        }
    }

    /// Replaces the data of a node that has this version; -1: any.
    pub async fn set(&self, path: &str, data: Option<Bytes>, version: i32) -> Result<Stat> {
        let path = checked(path)?;
        stat(
            OpCode::SetData,
            self.request(Request::SetData(SetDataRequest { path, data, version })),
        )
        .await
    }

    /// The names of a node's children, sorted, and its stat.
    pub async fn children(&self, path: &str, watch: bool) -> Result<(Vec<String>, Stat)> {
        let path = checked(path)?;
        match self.request(Request::GetChildren2(ReadRequest { path, watch })).await?.reply {
            Reply::Children2(body) => Ok((sorted(body.children), body.stat)),
            other => Err(unexpected(OpCode::GetChildren2, &other)),
        }
    }

    /// A node's ACL and stat.
    pub async fn acl(&self, path: &str) -> Result<(Vec<Acl>, Stat)> {
        let path = checked(path)?;
        match self.request(Request::GetAcl(PathRequest { path })).await?.reply {
            Reply::Acl(body) => Ok((body.acl.unwrap_or_default(), body.stat)),
            other => Err(unexpected(OpCode::GetAcl, &other)),
        }
    }

    /// Replaces the ACL of a node whose ACL has this version; -1: any.
    pub async fn set_acl(&self, path: &str, acl: Vec<Acl>, version: i32) -> Result<Stat> {
        let body = SetAclRequest { path: checked(path)?, acl: Some(acl), version };
        stat(OpCode::SetAcl, self.request(Request::SetAcl(body))).await
    }

    /// Waits until the server has what the leader had.
    pub async fn sync(&self, path: &str) -> Result<()> {
        let path = checked(path)?;
        self.request(Request::Sync(PathRequest { path })).await.map(drop)
    }

    /// Several writes, all or none: their results, or where one failed an error for each.
    pub async fn multi(&self, ops: Vec<MultiOp>) -> Result<Vec<MultiResult>> {
        let op = if ops.first().is_some_and(MultiOp::is_read) {
            Request::MultiRead(MultiRequest { ops })
        } else {
            Request::Multi(MultiRequest { ops })
        };
        match self.request(op).await?.reply {
            Reply::Multi(body) => Ok(body.results),
            other => Err(unexpected(OpCode::Multi, &other)),
        }
    }

    /// Sets a watch that stays.
    pub async fn add_watch(&self, path: &str, mode: AddWatchMode) -> Result<()> {
        let body = AddWatchRequest { path: checked(path)?, mode: mode.code() };
        self.request(Request::AddWatch(body)).await.map(drop)
    }

    /// Removes watches of a path.
    pub async fn remove_watches(&self, path: &str, kind: WatcherType) -> Result<()> {
        let body = WatchesRequest { path: checked(path)?, kind: kind.code() };
        self.request(Request::RemoveWatches(body)).await.map(drop)
    }

    /// The session's ephemeral nodes whose path begins so, sorted.
    pub async fn ephemerals(&self, prefix: &str) -> Result<Vec<String>> {
        let path = Some(Text::from(prefix));
        match self.request(Request::GetEphemerals(PathRequest { path })).await?.reply {
            Reply::Ephemerals(body) => Ok(sorted(body.ephemerals)),
            other => Err(unexpected(OpCode::GetEphemerals, &other)),
        }
    }

    /// How many nodes are below a node, at all depths.
    pub async fn all_children_number(&self, path: &str) -> Result<i32> {
        let path = checked(path)?;
        match self.request(Request::GetAllChildrenNumber(PathRequest { path })).await?.reply {
            Reply::AllChildrenNumber(body) => Ok(body.total_number),
            other => Err(unexpected(OpCode::GetAllChildrenNumber, &other)),
        }
    }

    /// The identities of the connection.
    pub async fn who_am_i(&self) -> Result<Vec<ClientInfo>> {
        match self.request(Request::WhoAmI).await?.reply {
            Reply::WhoAmI(body) => Ok(body.client_info.unwrap_or_default()),
            other => Err(unexpected(OpCode::WhoAmI, &other)),
        }
    }

    /// The ensemble's configuration, whatever the chroot, and its stat.
    pub async fn config(&self, watch: bool) -> Result<(Option<Bytes>, Stat)> {
        let path = Some(Text::from_static("/zookeeper/config"));
        let request = Request::GetData(ReadRequest { path: path.clone(), watch });
        let path = path.map(|path| path.to_string());
        let answer = self.send(path, |asker| Command::Request(request, asker)).await?;
        match answer.await?.reply {
            Reply::Data(body) => Ok((body.data, body.stat)),
            other => Err(unexpected(OpCode::GetData, &other)),
        }
    }

    /// Changes the ensemble's members; gives the new configuration and its stat.
    pub async fn reconfig(&self, request: ReconfigRequest) -> Result<(Option<Bytes>, Stat)> {
        match self.request(Request::Reconfig(request)).await?.reply {
            Reply::Data(body) => Ok((body.data, body.stat)),
            other => Err(unexpected(OpCode::Reconfig, &other)),
        }
    }
}

async fn stat(op: OpCode, response: impl Future<Output = Result<Response>>) -> Result<Stat> {
    match response.await?.reply {
        Reply::Stat(body) => Ok(body.stat),
        other => Err(unexpected(op, &other)),
    }
}

/// Cannot come about: replies are decoded by the operation.
fn unexpected(op: OpCode, reply: &Reply) -> Error {
    Error::BadReply { op: op.name(), why: format!("{reply:?}") }
}

/// A path as Apache's client checks it before it asks a server.
fn checked(path: &str) -> Result<Option<Text>> {
    match validate(path) {
        Ok(()) => Ok(Some(Text::from(path))),
        Err(why) => Err(Error::InvalidPath { path: path.to_owned(), why }),
    }
}

/// The path of a sequential node may end with a slash: its name is the number alone.
fn check_create(path: &str, mode: CreateMode) -> Result<()> {
    match mode.is_sequential() {
        true => checked(&[path, "1"].concat()).map(drop),
        false => checked(path).map(drop),
    }
}

fn string(text: Option<Text>) -> String {
    text.map(|text| text.as_str().to_owned()).unwrap_or_default()
}

fn sorted(texts: Option<Vec<Text>>) -> Vec<String> {
    let texts = texts.unwrap_or_default();
    let mut texts: Vec<String> = texts.iter().map(|text| text.as_str().to_owned()).collect();
    texts.sort_unstable();
    texts
}
