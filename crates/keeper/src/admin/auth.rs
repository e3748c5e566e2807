//! Who may copy or replace the tree: whoever has all permissions on `/`.
//!
//! Rules: `Commands.handleAuthentication`, `Commands.handleAuthorization`. The header is
//! `Authorization: <scheme> <credential>`: `digest user:password`; `x509` and `ip` alone, whose
//! identity is the connection's.

use std::net::IpAddr;

use hyper::StatusCode;
use keeper_core::acl::AclOptions;
use keeper_core::auth::address_id;
use zk_wire::acl::{Id, perms};

use crate::server::Handle;

/// Why a command is refused: status and text.
pub(super) type Refusal = (StatusCode, &'static str);

const NOT_AUTHENTICATED: Refusal = (StatusCode::UNAUTHORIZED, "Not authenticated");
/// The node whose ACL decides.
const ROOT: &str = "/";
/// All single permissions.
const ALL: [i32; 5] = [perms::READ, perms::WRITE, perms::CREATE, perms::DELETE, perms::ADMIN];

/// Checks the header of a request; `proved`: what its connection proves.
pub(super) async fn authorize(
    header: Option<&str>,
    address: IpAddr,
    proved: &[Id],
    handle: &Handle,
) -> Result<(), Refusal> {
    let header =
        header.ok_or((StatusCode::UNAUTHORIZED, "Auth info is missing for the command"))?;
    let options = handle.config().node.prep.acl.clone();
    let ids = authenticate(header, address, proved, &options).ok_or(NOT_AUTHENTICATED)?;
    let allowed = handle.inspect(move |node| {
        let root = node.tree().find(ROOT);
        root.is_some_and(|root| ALL.iter().all(|one| options.allows(root.acl(), *one, &ids)))
    });
    match allowed.await {
        Some(true) => Ok(()),
        Some(false) => Err((StatusCode::FORBIDDEN, "Not authorized")),
        None => Err((StatusCode::INTERNAL_SERVER_ERROR, "Error occurred during auth")),
    }
}

/// The identities that a header proves.
fn authenticate(
    header: &str,
    address: IpAddr,
    proved: &[Id],
    options: &AclOptions,
) -> Option<Vec<Id>> {
    let parts: Vec<&str> = header.split(' ').filter(|part| !part.is_empty()).collect();
    let ids: Vec<Id> = match parts[..] {
        ["ip"] | ["ip", _] => vec![address_id(address)],
        ["x509"] | ["x509", _] => {
            proved.iter().flat_map(|id| options.auth.proved(id.clone())).collect()
        }
        [scheme, credential] => {
            options.auth.authenticate(scheme, credential.as_bytes(), address)?
        }
        _ => return None,
    };
    (!ids.is_empty()).then_some(ids)
}
