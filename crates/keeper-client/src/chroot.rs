//! Paths below a chroot: added to what goes out, taken off what comes in. Servers know nothing of
//! it.
//!
//! Rules: `ZooKeeper.prependChroot`, `ClientCnxn.stripChroot`.

use zk_wire::Text;
use zk_wire::multi::{MultiOp, MultiResult};
use zk_wire::reply::Reply;
use zk_wire::request::Request;

/// A chroot; empty if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chroot(pub(crate) String);

impl Chroot {
    /// The path on the server.
    pub(crate) fn outside(&self, path: &str) -> Text {
        match (self.0.is_empty(), path) {
            (true, path) => Text::from(path),
            (false, "/") => Text::from(self.0.as_str()),
            (false, path) => Text::from([self.0.as_str(), path].concat()),
        }
    }

    /// The path for the user. One that is not below the chroot stays as it is.
    pub(crate) fn inside(&self, path: &str) -> String {
        match path.strip_prefix(self.0.as_str()) {
            Some("") => "/".to_owned(),
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            _ => path.to_owned(),
        }
    }

    fn add(&self, path: &mut Option<Text>) {
        if let Some(path) = path {
            *path = self.outside(path);
        }
    }

    fn strip(&self, path: &mut Option<Text>) {
        if let Some(path) = path {
            *path = Text::from(self.inside(path));
        }
    }

    /// Adds the chroot to all paths of a request.
    pub(crate) fn add_to(&self, request: &mut Request) {
        if self.0.is_empty() {
            return;
        }
        match request {
            Request::Create(body) | Request::Create2(body) | Request::CreateContainer(body) => {
                self.add(&mut body.path);
            }
            Request::CreateTtl(body) => self.add(&mut body.path),
            Request::Delete(body) => self.add(&mut body.path),
            Request::Exists(body)
            | Request::GetData(body)
            | Request::GetChildren(body)
            | Request::GetChildren2(body) => self.add(&mut body.path),
            Request::SetData(body) => self.add(&mut body.path),
            Request::DeleteContainer(body)
            | Request::GetAcl(body)
            | Request::Sync(body)
            | Request::GetEphemerals(body)
            | Request::GetAllChildrenNumber(body) => self.add(&mut body.path),
            Request::SetAcl(body) => self.add(&mut body.path),
            Request::Check(body) => self.add(&mut body.path),
            Request::CheckWatches(body) | Request::RemoveWatches(body) => self.add(&mut body.path),
            Request::AddWatch(body) => self.add(&mut body.path),
            Request::Multi(body) | Request::MultiRead(body) => {
                body.ops.iter_mut().for_each(|op| self.add_to_op(op));
            }
            Request::SetWatches(_)
            | Request::SetWatches2(_)
            | Request::Reconfig(_)
            | Request::Auth(_)
            | Request::Sasl(_)
            | Request::Ping
            | Request::WhoAmI
            | Request::CreateSession(_)
            | Request::CloseSession => {}
        }
    }

    fn add_to_op(&self, op: &mut MultiOp) {
        match op {
            MultiOp::Create(body) | MultiOp::Create2(body) | MultiOp::CreateContainer(body) => {
                self.add(&mut body.path);
            }
            MultiOp::CreateTtl(body) => self.add(&mut body.path),
            MultiOp::Delete(body) => self.add(&mut body.path),
            MultiOp::SetData(body) => self.add(&mut body.path),
            MultiOp::Check(body) => self.add(&mut body.path),
            MultiOp::GetChildren(body) | MultiOp::GetData(body) => self.add(&mut body.path),
        }
    }

    /// Takes the chroot off all paths of a reply.
    pub(crate) fn strip_from(&self, reply: &mut Reply) {
        if self.0.is_empty() {
            return;
        }
        match reply {
            Reply::Path(body) => self.strip(&mut body.path),
            Reply::Create2(body) => self.strip(&mut body.path),
            Reply::Ephemerals(body) => {
                for path in body.ephemerals.iter_mut().flatten() {
                    *path = Text::from(self.inside(path));
                }
            }
            Reply::Multi(body) => {
                for result in &mut body.results {
                    match result {
                        MultiResult::Create(body) => self.strip(&mut body.path),
                        MultiResult::Create2(body) => self.strip(&mut body.path),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}
