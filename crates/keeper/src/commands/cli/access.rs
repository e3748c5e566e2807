//! Verbs on identities and ACLs: `AddAuthCommand`, `GetAclCommand`, `SetAclCommand`,
//! `WhoAmICommand`.

use std::io::Write;

use bytes::Bytes;
use keeper_client::Client;

use super::options::Parsed;
use super::shell::Failure;
use super::walk::DepthFirst;
use crate::commands::text::{parse_acl, permissions, print_stat};

pub(super) async fn add_auth(client: &Client, parsed: &Parsed) -> Result<(), Failure> {
    let credentials = parsed.arguments.get(1).map_or("", String::as_str);
    let credentials = Bytes::copy_from_slice(credentials.as_bytes());
    Ok(client.add_auth(&parsed.arguments[0], credentials).await?)
}

pub(super) async fn get(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (acl, stat) = client.acl(&parsed.arguments[0]).await?;
    for entry in acl {
        let scheme = entry.id.scheme.as_deref().unwrap_or("");
        let id = entry.id.id.as_deref().unwrap_or("");
        writeln!(out, "'{scheme},'{id}\n: {}", permissions(entry.perms))?;
    }
    if parsed.has("s") {
        print_stat(&stat, out)?;
    }
    Ok(())
}

pub(super) async fn set(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (path, acl) = (&parsed.arguments[0], parse_acl(&parsed.arguments[1]));
    let version = parsed.number("v")?.unwrap_or(-1);
    if !parsed.has("R") {
        let stat = client.set_acl(path, acl, version).await?;
        if parsed.has("s") {
            print_stat(&stat, out)?;
        }
        return Ok(());
    }
    let mut walk = DepthFirst::new(client, path, false).await?;
    while let Some(path) = walk.next().await? {
        if let Err(error) = client.set_acl(&path, acl.clone(), version).await {
            write!(out, "{error}")?;
        }
    }
    Ok(())
}

pub(super) async fn who_am_i(client: &Client, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "Auth scheme: User")?;
    for info in client.who_am_i().await? {
        let scheme = info.auth_scheme.as_deref().unwrap_or("null");
        let user = info.user.as_deref().unwrap_or("null");
        writeln!(out, "{scheme}: {user}")?;
    }
    Ok(())
}
