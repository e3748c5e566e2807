//! Requests that change nothing but watches, answered from the tree as it is.
//!
//! Called when the session's earlier writes are applied.
//!
//! Rules: `FinalRequestProcessor`. A field that must not be null is MARSHALLINGERROR, as Apache's
//! server answers when it meets one.

use bytes::Bytes;
use zk_wire::acl::{Id, perms};
use zk_wire::error_code::ErrorCode;
use zk_wire::event::{AddWatchMode, EventType, WatcherType};
use zk_wire::multi::{MultiOp, MultiRequest, MultiResponse, MultiResult};
use zk_wire::reply::{
    ClientInfo, ErrorResponse, GetAclResponse, GetAllChildrenNumberResponse, GetChildren2Response,
    GetChildrenResponse, GetDataResponse, GetEphemeralsResponse, PathResponse, Reply, StatResponse,
    WhoAmIResponse,
};
use zk_wire::request::{ReadRequest, Request, SetWatches2, WatchesRequest};
use zk_wire::{SessionId, Text};

use crate::acl::{AclOptions, masked};
use crate::auth::user_name;
use crate::tree::{NodeRef, Tree};
use crate::watch::{ConnectionId, WatchMode, Watches};

/// Who reads what.
pub struct Reader<'r> {
    /// The tree.
    pub tree: &'r Tree,
    /// Where watches are left.
    pub watches: &'r mut Watches,
    /// Who may do what.
    pub acl: &'r AclOptions,
    /// The connection, which watches belong to.
    pub connection: ConnectionId,
    /// Its session.
    pub session: SessionId,
    /// Its identities.
    pub ids: &'r [Id],
}

type Result<T> = std::result::Result<T, ErrorCode>;

fn given<T>(value: &Option<T>) -> Result<&T> {
    value.as_ref().ok_or(ErrorCode::MarshallingError)
}

impl<'r> Reader<'r> {
    /// The answer. `tell` hears, before it is sent, what setWatches finds to have changed.
    pub fn answer(
        &mut self,
        request: &Request,
        tell: &mut dyn FnMut(EventType, &Text),
    ) -> Result<Reply> {
        Ok(match request {
            Request::Exists(body) => Reply::Stat(self.exists(body)?),
            Request::GetData(body) => Reply::Data(self.data(given(&body.path)?, body.watch)?),
            Request::GetAcl(body) => Reply::Acl(self.acl(given(&body.path)?)?),
            Request::GetChildren(body) => {
                let (children, _) = self.children(given(&body.path)?, body.watch)?;
                Reply::Children(GetChildrenResponse { children: Some(children) })
            }
            Request::GetChildren2(body) => {
                let (children, node) = self.children(given(&body.path)?, body.watch)?;
                let (children, stat) = (Some(children), node.stat());
                Reply::Children2(GetChildren2Response { children, stat })
            }
            Request::GetAllChildrenNumber(body) => {
                let path = given(&body.path)?;
                self.readable(path)?;
                let total_number = self.tree.descendants(path) as i32;
                Reply::AllChildrenNumber(GetAllChildrenNumberResponse { total_number })
            }
            Request::GetEphemerals(body) => self.ephemerals(body.path.as_deref()),
            Request::MultiRead(body) => Reply::Multi(self.multi(body)),
            Request::Sync(body) => Reply::Path(PathResponse { path: body.path.clone() }),
            Request::AddWatch(body) => {
                let mode = match AddWatchMode::from_code(body.mode) {
                    Some(AddWatchMode::Persistent) => WatchMode::Persistent,
                    Some(AddWatchMode::PersistentRecursive) => WatchMode::PersistentRecursive,
                    None => return Err(ErrorCode::MarshallingError),
                };
                self.watches.add(given(&body.path)?, self.connection, mode);
                Reply::Error(ErrorResponse { err: 0 })
            }
            Request::CheckWatches(body) => self
                .watch(body, |watches, path, kind, connection| {
                    watches.contains(path, kind, connection)
                })?,
            Request::RemoveWatches(body) => self.watch(body, Watches::remove)?,
            Request::SetWatches(body) => {
                let body = SetWatches2 {
                    relative_zxid: body.relative_zxid,
                    data_watches: body.data_watches.clone(),
                    exist_watches: body.exist_watches.clone(),
                    child_watches: body.child_watches.clone(),
                    persistent_watches: Some(Vec::new()),
                    persistent_recursive_watches: Some(Vec::new()),
                };
                self.set_watches(&body, tell)?
            }
            Request::SetWatches2(body) => self.set_watches(body, tell)?,
            Request::WhoAmI => self.who_am_i(),
            Request::Ping => Reply::Empty,
            _ => return Err(ErrorCode::Unimplemented),
        })
    }

    fn check(&self, node: NodeRef<'_>, perms: i32) -> Result<()> {
        self.acl.check(node.acl(), perms, self.ids)
    }

    /// A node that is there and may be read.
    fn readable(&self, path: &str) -> Result<NodeRef<'r>> {
        let node = self.tree.find(path).ok_or(ErrorCode::NoNode)?;
        self.check(node, perms::READ)?;
        Ok(node)
    }

    /// The watch is left if the node is missing, too.
    fn exists(&mut self, body: &ReadRequest) -> Result<StatResponse> {
        let path = given(&body.path)?;
        if path.contains('\0') {
            return Err(ErrorCode::BadArguments);
        }
        let node = self.tree.find(path);
        if let Some(node) = node {
            self.check(node, perms::READ)?;
        }
        if body.watch {
            self.watches.add_data(path, self.connection);
        }
        Ok(StatResponse { stat: node.ok_or(ErrorCode::NoNode)?.stat() })
    }

    fn data(&mut self, path: &str, watch: bool) -> Result<GetDataResponse> {
        let node = self.readable(path)?;
        if watch {
            self.watches.add_data(path, self.connection);
        }
        Ok(GetDataResponse { data: node.data().map(Bytes::copy_from_slice), stat: node.stat() })
    }

    fn children(&mut self, path: &str, watch: bool) -> Result<(Vec<Text>, NodeRef<'r>)> {
        let node = self.readable(path)?;
        if watch {
            self.watches.add_children(path, self.connection);
        }
        Ok((names(node), node))
    }

    fn acl(&self, path: &str) -> Result<GetAclResponse> {
        let node = self.tree.find(path).ok_or(ErrorCode::NoNode)?;
        self.check(node, perms::READ | perms::ADMIN)?;
        let acl = match self.check(node, perms::ADMIN) {
            Ok(()) => node.acl().to_vec(),
            Err(_) => masked(node.acl()),
        };
        Ok(GetAclResponse { acl: Some(acl), stat: node.stat() })
    }

    fn ephemerals(&self, prefix: Option<&str>) -> Reply {
        let prefix = prefix.filter(|prefix| !matches!(prefix.trim(), "" | "/")).unwrap_or_default();
        let mut paths = self.tree.ephemerals(self.session);
        paths.retain(|path| path.starts_with(prefix));
        let ephemerals = Some(paths.into_iter().map(Text::from).collect());
        Reply::Ephemerals(GetEphemeralsResponse { ephemerals })
    }

    /// Each part is answered by itself.
    fn multi(&mut self, body: &MultiRequest) -> MultiResponse {
        let mut results = Vec::with_capacity(body.ops.len());
        for op in &body.ops {
            let result = match op {
                MultiOp::GetChildren(body) => given(&body.path)
                    .and_then(|path| self.children(path, false))
                    .map(|(children, _)| GetChildrenResponse { children: Some(children) })
                    .map(MultiResult::GetChildren),
                MultiOp::GetData(body) => given(&body.path)
                    .and_then(|path| self.data(path, false))
                    .map(MultiResult::GetData),
                _ => Err(ErrorCode::MarshallingError),
            };
            results.push(
                result.unwrap_or_else(|error| {
                    MultiResult::Error(ErrorResponse { err: error.code() })
                }),
            );
        }
        MultiResponse { results }
    }

    fn watch(
        &mut self,
        body: &WatchesRequest,
        what: impl Fn(&mut Watches, &str, WatcherType, ConnectionId) -> bool,
    ) -> Result<Reply> {
        let kind = WatcherType::from_code(body.kind).ok_or(ErrorCode::MarshallingError)?;
        match what(self.watches, given(&body.path)?, kind, self.connection) {
            true => Ok(Reply::Empty),
            false => Err(ErrorCode::NoWatcher),
        }
    }

    /// Sets watches again after a connection broke; what has changed since is told at once.
    fn set_watches(
        &mut self,
        body: &SetWatches2,
        tell: &mut dyn FnMut(EventType, &Text),
    ) -> Result<Reply> {
        let since = body.relative_zxid;
        let lists = (given(&body.data_watches)?, given(&body.exist_watches)?);
        let (data, exist) = lists;
        let children = given(&body.child_watches)?;
        let persistent = given(&body.persistent_watches)?;
        let recursive = given(&body.persistent_recursive_watches)?;
        for path in data {
            match self.tree.find(path).map(|node| node.persisted().mzxid) {
                None => tell(EventType::NodeDeleted, path),
                Some(mzxid) if mzxid > since => tell(EventType::NodeDataChanged, path),
                Some(_) => self.watches.add_data(path, self.connection),
            }
        }
        for path in exist {
            match self.tree.find(path) {
                Some(_) => tell(EventType::NodeCreated, path),
                None => self.watches.add_data(path, self.connection),
            }
        }
        for path in children {
            match self.tree.find(path).map(|node| node.persisted().pzxid) {
                None => tell(EventType::NodeDeleted, path),
                Some(pzxid) if pzxid > since => tell(EventType::NodeChildrenChanged, path),
                Some(_) => self.watches.add_children(path, self.connection),
            }
        }
        for path in persistent {
            self.watches.add(path, self.connection, WatchMode::Persistent);
        }
        for path in recursive {
            self.watches.add(path, self.connection, WatchMode::PersistentRecursive);
        }
        Ok(Reply::Empty)
    }

    fn who_am_i(&self) -> Reply {
        let info = |id: &Id| {
            let scheme = id.scheme.as_deref().unwrap_or_default();
            let user = user_name(scheme, id.id.as_deref().unwrap_or_default());
            ClientInfo { auth_scheme: id.scheme.clone(), user: Some(user.into()) }
        };
        let client_info = Some(self.ids.iter().map(info).collect());
        Reply::WhoAmI(WhoAmIResponse { client_info })
    }
}

/// The names of children, which share one piece of memory.
fn names(node: NodeRef<'_>) -> Vec<Text> {
    let children = node.children();
    let mut ends = Vec::with_capacity(children.len());
    let mut all = Vec::new();
    for name in children {
        all.extend_from_slice(name.as_bytes());
        ends.push(all.len());
    }
    let all = Bytes::from(all);
    let mut start = 0;
    let name = |end| Text::from_java(all.slice(std::mem::replace(&mut start, end)..end));
    ends.into_iter().map(name).collect()
}
