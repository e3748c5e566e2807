//! Who may do what: ACLs as they are set, and as they are asked.
//!
//! Rules: `PrepRequestProcessor.fixupACL`, `ZooKeeperServer.checkACL`.

use zk_wire::acl::{Acl, Id};
use zk_wire::error_code::ErrorCode;

use crate::auth::{AuthOptions, SUPER};

/// Settings of ACLs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AclOptions {
    /// `skipACL`: anyone may do all.
    pub skip: bool,
    /// The schemes.
    pub auth: AuthOptions,
}

impl AclOptions {
    /// Whether identities may do with a node what one of the bits `perms` says. An empty list,
    /// which only old servers store, allows all.
    pub fn allows(&self, acl: &[Acl], perms: i32, ids: &[Id]) -> bool {
        if self.skip || acl.is_empty() {
            return true;
        }
        if acl.iter().any(|acl| acl.perms & perms != 0 && is_anyone(&acl.id)) {
            return true;
        }
        if ids.iter().any(|id| scheme(id) == SUPER) {
            return true;
        }
        let mut listed = acl.iter().filter(|acl| acl.perms & perms != 0);
        listed.any(|acl| {
            let of_scheme = ids.iter().filter(|id| id.scheme == acl.id.scheme);
            let mut names = of_scheme.map(name);
            names.any(|identity| self.auth.matches(scheme(&acl.id), identity, name(&acl.id)))
        })
    }

    /// As [`AclOptions::allows`], with the error to answer.
    pub fn check(&self, acl: &[Acl], perms: i32, ids: &[Id]) -> Result<(), ErrorCode> {
        match self.allows(acl, perms, ids) {
            true => Ok(()),
            false => Err(ErrorCode::NoAuth),
        }
    }

    /// The list as it is stored: without repetitions, and with the caller's own identities in place
    /// of `auth`. INVALIDACL if it is empty, names an id that its scheme does not allow, or says
    /// `auth` for a caller that has proved nothing.
    pub fn fixed_up(&self, acl: Option<&[Acl]>, ids: &[Id]) -> Result<Vec<Acl>, ErrorCode> {
        let mut fixed = Vec::new();
        let given = acl.unwrap_or_default();
        for (at, acl) in given.iter().enumerate() {
            if given[..at].contains(acl) {
                continue;
            }
            let scheme_of_acl = acl.id.scheme.as_deref().ok_or(ErrorCode::InvalidAcl)?;
            if is_anyone(&acl.id) {
                fixed.push(acl.clone());
            } else if scheme_of_acl == "auth" {
                let before = fixed.len();
                let proved = ids.iter().filter(|id| self.auth.is_proof(scheme(id)));
                fixed.extend(proved.map(|id| Acl { perms: acl.perms, id: id.clone() }));
                if fixed.len() == before {
                    return Err(ErrorCode::InvalidAcl);
                }
            } else {
                let id = acl.id.id.as_deref().ok_or(ErrorCode::InvalidAcl)?;
                if !self.auth.is_valid(scheme_of_acl, id) {
                    return Err(ErrorCode::InvalidAcl);
                }
                fixed.push(acl.clone());
            }
        }
        if fixed.is_empty() { Err(ErrorCode::InvalidAcl) } else { Ok(fixed) }
    }
}

fn scheme(id: &Id) -> &str {
    id.scheme.as_deref().unwrap_or_default()
}

fn name(id: &Id) -> &str {
    id.id.as_deref().unwrap_or_default()
}

fn is_anyone(id: &Id) -> bool {
    scheme(id) == "world" && name(id) == "anyone"
}

/// The list as those see it who may not change it: without the hashes of passwords.
pub fn masked(acl: &[Acl]) -> Vec<Acl> {
    let mask = |acl: &Acl| {
        let mut acl = acl.clone();
        if scheme(&acl.id) == "digest"
            && let Some((user, _)) = name(&acl.id).split_once(':')
        {
            acl.id = Id::new("digest", format!("{user}:x"));
        }
        acl
    };
    acl.iter().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use zk_wire::acl::perms;

    use super::*;

    #[test]
    fn permission_is_one_entry_that_has_the_bit() {
        let options = AclOptions::default();
        let own = Id::new("digest", "a:h");
        let list = [
            Acl { perms: perms::READ, id: Id::anyone() },
            Acl { perms: perms::WRITE, id: own.clone() },
        ];
        let nobody = [Id::new("ip", "1.2.3.4")];
        assert!(options.allows(&list, perms::READ, &nobody));
        assert!(!options.allows(&list, perms::WRITE, &nobody));
        assert!(options.allows(&list, perms::WRITE, &[own]));
        assert!(options.allows(&list, perms::ADMIN, &[Id::new("super", "")]));
        assert!(options.allows(&list, perms::READ | perms::ADMIN, &nobody));
        assert!(options.allows(&[], perms::ADMIN, &nobody));
        let skip = AclOptions { skip: true, ..AclOptions::default() };
        assert!(skip.allows(&list, perms::ADMIN, &[]));
    }

    #[test]
    fn lists_as_they_are_stored() {
        let options = AclOptions::default();
        let own = Id::new("digest", "a:h");
        let ids = [Id::new("ip", "1.2.3.4"), own.clone()];
        let twice = [Acl::open(), Acl::open()];
        assert_eq!(options.fixed_up(Some(&twice), &[]), Ok(vec![Acl::open()]));
        let creator = [Acl::creator_all()];
        let expected = Acl { perms: perms::ALL, id: own };
        assert_eq!(options.fixed_up(Some(&creator), &ids), Ok(vec![expected.clone()]));
        for refused in [None, Some(&[][..])] {
            assert_eq!(options.fixed_up(refused, &ids), Err(ErrorCode::InvalidAcl));
        }
        assert_eq!(options.fixed_up(Some(&creator), &ids[..1]), Err(ErrorCode::InvalidAcl));
        assert_eq!(masked(&[expected])[0].id, Id::new("digest", "a:x"));
    }
}
