//! Verbs on nodes: `CreateCommand`, `DeleteCommand`, `DeleteAllCommand`, `GetCommand`, `LsCommand`,
//! `SetCommand`, `StatCommand`, `SyncCommand`, `GetAllChildrenNumberCommand`,
//! `GetEphemeralsCommand`.

use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use keeper_client::Client;
use zk_wire::Text;
use zk_wire::acl::Acl;
use zk_wire::create_mode::CreateMode;
use zk_wire::error_code::ErrorCode;
use zk_wire::multi::{MultiOp, MultiRequest, MultiResult};
use zk_wire::reply::Reply;
use zk_wire::request::{DeleteRequest, Request};

use super::options::Parsed;
use super::shell::Failure;
use super::walk::{DepthFirst, breadth_first};
use crate::commands::text::{hex_dump, parse_acl, plain, print_stat};

/// The longest TTL, in milliseconds.
const TTL_MAX: i64 = 0xff_ffff_ffff;
/// Multis in flight while a subtree is deleted.
const BATCHES: usize = 10;

pub(super) async fn create(client: &Client, parsed: &Parsed) -> Result<(), Failure> {
    let [ephemeral, sequential, container] = ["e", "s", "c"].map(|name| parsed.has(name));
    if container && (ephemeral || sequential) {
        return Err(Failure::new(
            "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.",
        ));
    }
    let ttl = match parsed.value("t").map(str::parse::<i64>) {
        None => None,
        Some(Ok(ttl)) => Some(ttl),
        Some(Err(_)) => return Err(Failure::new("-t argument must be a long value")),
    };
    let mode = match (ephemeral, sequential, container, ttl) {
        (true, _, _, Some(_)) => {
            return Err(Failure::new("TTLs cannot be used with Ephemeral znodes"));
        }
        (_, _, true, Some(_)) => {
            return Err(Failure::new("TTLs cannot be used with Container znodes"));
        }
        (true, true, ..) => CreateMode::EphemeralSequential,
        (true, false, ..) => CreateMode::Ephemeral,
        (_, true, _, Some(_)) => CreateMode::PersistentSequentialWithTtl,
        (_, true, _, None) => CreateMode::PersistentSequential,
        (_, _, true, _) => CreateMode::Container,
        (_, _, _, Some(_)) => CreateMode::PersistentWithTtl,
        _ => CreateMode::Persistent,
    };
    if ttl.is_some_and(|ttl| !(1..=TTL_MAX).contains(&ttl)) {
        return Err(Failure::new(format!(
            "ttl must be positive and cannot be larger than: {TTL_MAX}"
        )));
    }
    let path = &parsed.arguments[0];
    let data = parsed.arguments.get(1).map(|data| Bytes::copy_from_slice(data.as_bytes()));
    let acl = parsed.arguments.get(2).map_or(vec![Acl::open()], |acl| parse_acl(acl));
    let ttl = ttl.map(|ttl| Duration::from_millis(ttl.unsigned_abs()));
    match client.create(path, data, acl, mode, ttl).await {
        Ok((path, _)) => {
            eprintln!("Created {path}");
            Ok(())
        }
        Err(error) => {
            if error.is(ErrorCode::EphemeralOnLocalSession) {
                eprintln!("Unable to create ephemeral node on a local session");
            } else if error.is(ErrorCode::InvalidAcl) {
                eprintln!("{error}");
            }
            Err(error.into())
        }
    }
}

pub(super) async fn delete(client: &Client, parsed: &Parsed) -> Result<(), Failure> {
    if parsed.arguments.len() > 1 {
        eprintln!(
            "'delete path [version]' has been deprecated. Please use 'delete [-v version] path' \
             instead."
        );
    }
    let version = parsed.number("v")?.unwrap_or(-1);
    Ok(client.delete(&parsed.arguments[0], version).await?)
}

pub(super) async fn delete_all(client: &Client, parsed: &Parsed) -> Result<(), Failure> {
    let batch: usize = match parsed.value("b").map(str::parse::<i32>) {
        None => 1000,
        Some(Ok(batch)) => usize::try_from(batch).unwrap_or(0),
        Some(Err(_)) => return Err(Failure::new("-b argument must be an int value")),
    };
    let tree = breadth_first(client, &parsed.arguments[0]).await?;
    if batch == 0 {
        for path in tree.iter().rev() {
            client.delete(path, -1).await?;
        }
        return Ok(());
    }
    let mut success = true;
    let mut answers = VecDeque::new();
    let leaves_first: Vec<&String> = tree.iter().rev().collect();
    for paths in leaves_first.chunks(batch) {
        let delete = |path: &&String| {
            let path = Some(Text::from(path.as_str()));
            MultiOp::Delete(DeleteRequest { path, version: -1 })
        };
        let ops = paths.iter().map(delete).collect();
        answers.push_back(client.submit(Request::Multi(MultiRequest { ops })).await?);
        while answers.len() >= BATCHES {
            success &= all_done(answers.pop_front()).await?;
        }
        if !success {
            break;
        }
    }
    while !answers.is_empty() {
        success &= all_done(answers.pop_front()).await?;
    }
    if !success {
        eprintln!("Failed to delete some node(s) in the subtree!");
    }
    Ok(())
}

async fn all_done(answer: Option<keeper_client::Answer>) -> Result<bool, Failure> {
    let Some(answer) = answer else { return Ok(true) };
    Ok(match answer.await?.reply {
        Reply::Multi(multi) => {
            !multi.results.iter().any(|result| matches!(result, MultiResult::Error(_)))
        }
        _ => false,
    })
}

pub(super) async fn get(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (data, stat) = client.get(&parsed.arguments[0], parsed.has("w")).await?;
    let bytes = data.as_deref().unwrap_or(b"null");
    let shown = match (parsed.has("x"), parsed.has("b")) {
        (true, _) => hex_dump(bytes),
        (_, true) => STANDARD.encode(bytes),
        _ => plain(Some(bytes)),
    };
    writeln!(out, "{shown}")?;
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
    let [path, text, ..] = &parsed.arguments[..] else { return Err(Failure::new("set path data")) };
    let data = match parsed.has("b") {
        true => STANDARD.decode(text).map_err(|error| Failure::new(format!("{text}: {error}")))?,
        false => text.as_bytes().to_vec(),
    };
    let version = parsed.number("v")?.unwrap_or(-1);
    let stat = client.set(path, Some(Bytes::from(data)), version).await?;
    if parsed.has("s") {
        print_stat(&stat, out)?;
    }
    Ok(())
}

pub(super) async fn list(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (path, watch) = (&parsed.arguments[0], parsed.has("w"));
    if parsed.has("R") {
        let mut walk = DepthFirst::new(client, path, watch).await?;
        while let Some(path) = walk.next().await? {
            writeln!(out, "{path}")?;
        }
        return Ok(());
    }
    let (names, stat) = client.children(path, watch).await?;
    writeln!(out, "[{}]", names.join(", "))?;
    if parsed.has("s") {
        print_stat(&stat, out)?;
    }
    Ok(())
}

pub(super) async fn stat(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let path = &parsed.arguments[0];
    match client.exists(path, parsed.has("w")).await? {
        Some(stat) => Ok(print_stat(&stat, out)?),
        None => Err(Failure::new(format!("Node does not exist: {path}"))),
    }
}

pub(super) async fn sync(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match client.sync(&parsed.arguments[0]).await {
        Ok(()) => writeln!(out, "Sync is OK")?,
        Err(keeper_client::Error::Refused { code, .. }) => {
            writeln!(out, "Sync has failed. rc={code}")?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

pub(super) async fn count(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    writeln!(out, "{}", client.all_children_number(&parsed.arguments[0]).await?)?;
    Ok(())
}

pub(super) async fn ephemerals(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let prefix = parsed.arguments.first().map_or("/", String::as_str);
    writeln!(out, "[{}]", client.ephemerals(prefix).await?.join(", "))?;
    Ok(())
}
