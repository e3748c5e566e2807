//! Deciding creates of all four kinds.

use bytes::Bytes;
use zk_wire::Text;
use zk_wire::acl::{Acl, perms};
use zk_wire::create_mode::CreateMode;
use zk_wire::error_code::ErrorCode;
use zk_wire::request::{CreateRequest, CreateTtlRequest};
use zk_wire::stat::StatPersisted;
use zk_wire::txn::{CreateContainerTxn, CreateTtlTxn, CreateTxn};

use super::outstanding::{Data, Known};
use super::{Writer, given, validated};
use crate::owner::{CONTAINER_OWNER, Lifetime, ttl_owner};

/// A create of any kind.
pub(super) struct Create<'r> {
    path: &'r Option<Text>,
    data: &'r Option<Bytes>,
    acl: Option<&'r [Acl]>,
    flags: i32,
    ttl_ms: i64,
}

impl<'r> From<&'r CreateRequest> for Create<'r> {
    fn from(body: &'r CreateRequest) -> Self {
        let CreateRequest { path, data, acl, flags } = body;
        Self { path, data, acl: acl.as_deref(), flags: *flags, ttl_ms: -1 }
    }
}

impl<'r> From<&'r CreateTtlRequest> for Create<'r> {
    fn from(body: &'r CreateTtlRequest) -> Self {
        let CreateTtlRequest { path, data, acl, flags, ttl_ms } = body;
        Self { path, data, acl: acl.as_deref(), flags: *flags, ttl_ms: *ttl_ms }
    }
}

/// A create that is allowed.
struct Decided {
    path: Text,
    acl: Vec<Acl>,
    parent_path: String,
    parent: Known,
    parent_cversion: i32,
    ephemeral: bool,
}

impl Writer<'_> {
    /// A create or create2. Whatever its flags say, it makes no container and no TTL node.
    pub(super) fn create(&mut self, create: &Create<'_>) -> Result<CreateTxn, ErrorCode> {
        let decided = self.decide(create)?;
        let owner = if decided.ephemeral { self.call.session.0 } else { 0 };
        let Decided { path, acl, parent_cversion, ephemeral, .. } =
            self.record(decided, owner, create.data);
        let data = create.data.clone();
        Ok(CreateTxn { path: Some(path), data, acl: Some(acl), ephemeral, parent_cversion })
    }

    /// A createContainer.
    pub(super) fn create_container(
        &mut self,
        create: &Create<'_>,
    ) -> Result<CreateContainerTxn, ErrorCode> {
        let decided = self.decide(create)?;
        let Decided { path, acl, parent_cversion, .. } =
            self.record(decided, CONTAINER_OWNER, create.data);
        let data = create.data.clone();
        Ok(CreateContainerTxn { path: Some(path), data, acl: Some(acl), parent_cversion })
    }

    /// A createTTL. Apache ends its server when the flags want no TTL; here they are refused.
    pub(super) fn create_ttl(&mut self, create: &Create<'_>) -> Result<CreateTtlTxn, ErrorCode> {
        let owner = ttl_owner(create.ttl_ms);
        let decided = self.decide(create)?;
        let owner = owner.ok_or(ErrorCode::BadArguments)?;
        let Decided { path, acl, parent_cversion, .. } = self.record(decided, owner, create.data);
        let (data, ttl_ms) = (create.data.clone(), create.ttl_ms);
        Ok(CreateTtlTxn { path: Some(path), data, acl: Some(acl), parent_cversion, ttl_ms })
    }

    /// The checks, in Apache's order.
    fn decide(&mut self, create: &Create<'_>) -> Result<Decided, ErrorCode> {
        let mode = CreateMode::from_flags(create.flags).ok_or(ErrorCode::BadArguments)?;
        self.check_ttl(mode, create.ttl_ms)?;
        match mode.is_ephemeral() {
            true => self.sessions.check_global(self.call.session, self.call.owner)?,
            false => self.check_session()?,
        }
        let asked = given(create.path)?;
        let parent_path = match asked.rsplit_once('/') {
            Some((parent, _)) if !asked.contains('\0') => parent,
            _ => return Err(ErrorCode::BadArguments),
        };
        let acl = self.options.acl.fixed_up(create.acl, self.call.ids)?;
        let parent = self.node(parent_path)?;
        self.check_acl(&parent.acl, perms::CREATE)?;
        let path = match mode.is_sequential() {
            true => Text::from(numbered(asked, parent.stat.cversion)),
            false => asked.clone(),
        };
        validated(&path)?;
        if self.outstanding.exists(self.tree, &path) {
            return Err(ErrorCode::NodeExists);
        }
        if matches!(self.lifetime(&parent), Lifetime::Ephemeral(_)) {
            return Err(ErrorCode::NoChildrenForEphemerals);
        }
        let bytes = create.data.as_ref().map_or(0, Bytes::len) as i64;
        self.check_quota(&path, 1, bytes)?;
        let parent_path = parent_path.to_owned();
        let parent_cversion = parent.stat.cversion.wrapping_add(1);
        let ephemeral = mode.is_ephemeral();
        Ok(Decided { path, acl, parent_path, parent, parent_cversion, ephemeral })
    }

    fn check_ttl(&self, mode: CreateMode, ttl_ms: i64) -> Result<(), ErrorCode> {
        if mode.is_ttl() && !self.tree.options().owners.extended_types {
            return Err(ErrorCode::Unimplemented);
        }
        match mode.is_ttl() {
            true if ttl_owner(ttl_ms).is_none() => Err(ErrorCode::BadArguments),
            false if ttl_ms >= 0 => Err(ErrorCode::BadArguments),
            _ => Ok(()),
        }
    }

    fn record(&mut self, mut new: Decided, owner: i64, data: &Option<Bytes>) -> Decided {
        let zxid = self.call.zxid;
        let mut parent = new.parent.clone();
        parent.child_count += 1;
        // As applying does: a count that would become lower (after 2^31 creates) leaves both.
        if new.parent_cversion > parent.stat.cversion {
            parent.stat.cversion = new.parent_cversion;
            parent.stat.pzxid = zxid;
        }
        self.put(&new.parent_path, parent.clone());
        new.parent = parent;
        let stat = StatPersisted {
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: self.call.time,
            mtime: self.call.time,
            ephemeral_owner: owner,
            ..StatPersisted::default()
        };
        let acl = new.acl.as_slice().into();
        let data = Data::New(data.clone());
        self.put(&new.path, Known { stat, child_count: 0, acl, data, digest: 0 });
        new
    }
}

/// A path with a number behind it, as Java's `%010d` writes it: a sign takes a digit's place.
fn numbered(path: &str, number: i32) -> String {
    format!("{path}{number:010}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_java() {
        assert_eq!(numbered("/a-", 7), "/a-0000000007");
        assert_eq!(numbered("/a/", i32::MAX), "/a/2147483647");
        assert_eq!(numbered("/a-", i32::MIN), "/a--2147483648");
        assert_eq!(numbered("/a-", -5), "/a--000000005");
    }
}
