//! Verbs on quotas: `SetQuotaCommand`, `DelQuotaCommand`, `ListQuotaCommand`; the texts of
//! `StatsTrack`.

use std::collections::BTreeMap;
use std::io::Write;

use bytes::Bytes;
use keeper_client::{Client, Error};
use zk_wire::acl::Acl;
use zk_wire::create_mode::CreateMode;
use zk_wire::error_code::ErrorCode;

use super::options::Parsed;
use super::shell::Failure;
use super::walk::below;

const QUOTA: &str = "/zookeeper/quota";
const LIMITS: &str = "zookeeper_limits";
const STATS: &str = "zookeeper_stats";

/// Limits or what is used, by their keys; -1 is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Track(BTreeMap<String, i64>);

impl Track {
    /// Of a node's text.
    pub fn parse(text: &[u8]) -> Result<Track, Failure> {
        let text = String::from_utf8_lossy(text);
        let mut values = BTreeMap::new();
        for pair in text.split([',', ';']).filter(|pair| !pair.is_empty()) {
            // The limit before hard ones ends with a second sign, for old readers.
            let mut parts = pair.split('=');
            let (key, value) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let value = if value.is_empty() { Ok(-1) } else { value.parse() };
            let value = value.map_err(|_| Failure::new(format!("'{text}' is no quota")))?;
            values.insert(key.to_owned(), value);
        }
        Ok(Track(values))
    }

    fn new(values: &[(&str, i64)]) -> Track {
        Track(values.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect())
    }

    fn get(&self, key: &str) -> i64 {
        self.0.get(key).copied().unwrap_or(-1)
    }

    fn put(&mut self, key: &str, value: i64) {
        self.0.insert(key.to_owned(), value);
    }

    fn bytes(&self) -> Option<Bytes> {
        Some(Bytes::from(self.to_string()))
    }
}

impl std::fmt::Display for Track {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "count={},bytes={}", self.get("count"), self.get("bytes"))?;
        let mut sign = "=";
        for (key, value) in
            self.0.iter().filter(|(key, _)| !matches!(key.as_str(), "count" | "bytes"))
        {
            write!(f, "{sign};{key}={value}")?;
            sign = "";
        }
        Ok(())
    }
}

/// The node of a path's quota.
fn quota_path(path: &str) -> String {
    if path == "/" { QUOTA.to_owned() } else { format!("{QUOTA}{path}") }
}

/// Options of the verbs, and the key that each is about.
const KEYS: [(&str, &str); 4] =
    [("n", "count"), ("b", "bytes"), ("N", "countHardLimit"), ("B", "byteHardLimit")];

pub(super) async fn set(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let given: Vec<_> = KEYS.iter().filter(|(option, _)| parsed.has(option)).collect();
    let [(option, key)] = given[..] else {
        return Err(Failure::new(match given.len() {
            0 => {
                "Missing required option: [-n num soft quota, -b bytes soft quota, -N num hard \
                  quota, -B bytes hard quota]"
            }
            _ => "setquota -n|-b|-N|-B val path: one of them at a time",
        }));
    };
    let path = &parsed.arguments[0];
    if path.starts_with(QUOTA) {
        eprintln!("cannot set a quota under the path: {QUOTA}");
        return Ok(());
    }
    let Ok(value) = parsed.value(option).unwrap_or("").parse::<i64>() else {
        eprintln!("NumberFormatException happens when parsing the option value");
        return Ok(());
    };
    let counts = matches!(*option, "n" | "N");
    if counts && value <= 0 {
        eprintln!("the num quota must be greater than zero");
        return Ok(());
    }
    if value < 0 {
        eprintln!("the bytes quota must be greater than or equal to zero");
        return Ok(());
    }
    put_limit(client, path, key, value, out).await
}

async fn put_limit(
    client: &Client,
    path: &str,
    key: &str,
    value: i64,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if client.exists(path, false).await?.is_none() {
        return Err(Failure::new(format!("{path} does not exist.")));
    }
    refuse_nested(client, path).await?;
    let quota = quota_path(path);
    let mut at = QUOTA.to_owned();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        at = below(&at, name);
        make(client, &at, None).await?;
    }
    let (limits, stats) = (below(&quota, LIMITS), below(&quota, STATS));
    let (track, is_there) = match client.get(&limits, false).await {
        Ok((data, _)) => {
            let mut track = Track::parse(&data.unwrap_or_default())?;
            track.put(key, value);
            (track, true)
        }
        Err(error) if error.is(ErrorCode::NoNode) => {
            let all = KEYS.map(|(_, key)| (key, -1));
            let mut track = Track::new(&all);
            track.put(key, value);
            make(client, &limits, track.bytes()).await?;
            make(client, &stats, Track::new(&[("count", 0), ("bytes", 0)]).bytes()).await?;
            (track, false)
        }
        Err(error) => return Err(error.into()),
    };
    let (used, _) = client.get(&stats, false).await?;
    warn_if_below(&track, &Track::parse(&used.unwrap_or_default())?, out)?;
    if is_there {
        client.set(&limits, track.bytes(), -1).await?;
    }
    Ok(())
}

fn warn_if_below(limits: &Track, used: &Track, out: &mut dyn Write) -> Result<(), Failure> {
    for (what, soft, hard) in
        [("count", "count", "countHardLimit"), ("bytes", "bytes", "byteHardLimit")]
    {
        let used = used.get(what);
        if [soft, hard].iter().any(|key| (0..used).contains(&limits.get(key))) {
            writeln!(
                out,
                "[Warning]: the {what} quota you create is less than the existing {what}:{used}"
            )?;
        }
    }
    Ok(())
}

/// Quotas do not nest.
async fn refuse_nested(client: &Client, path: &str) -> Result<(), Failure> {
    let quota = quota_path(path);
    let mut unseen = vec![quota.clone()];
    while let Some(at) = unseen.pop() {
        let names = match client.children(&at, false).await {
            Ok((names, _)) => names,
            Err(error) if error.is(ErrorCode::NoNode) => continue,
            Err(error) => return Err(error.into()),
        };
        if at != quota && names.iter().any(|name| name == LIMITS) {
            let child = &at[QUOTA.len()..];
            return Err(Failure::new(format!("{path} has a child {child} which has a quota")));
        }
        unseen.extend(names.iter().map(|name| below(&at, name)));
    }
    let mut at = QUOTA.to_owned();
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    for name in names.iter().take(names.len().saturating_sub(1)) {
        at = below(&at, name);
        if client.exists(&below(&at, LIMITS), false).await?.is_some() {
            let parent = &at[QUOTA.len()..];
            return Err(Failure::new(format!("{path} has a parent {parent} which has a quota")));
        }
    }
    Ok(())
}

async fn make(client: &Client, path: &str, data: Option<Bytes>) -> Result<(), Error> {
    match client.create(path, data, vec![Acl::open()], CreateMode::Persistent, None).await {
        Ok(_) => Ok(()),
        Err(error) if error.is(ErrorCode::NodeExists) => Ok(()),
        Err(error) => Err(error),
    }
}

pub(super) async fn delete(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let path = &parsed.arguments[0];
    let quota = quota_path(path);
    let limits = below(&quota, LIMITS);
    let data = match client.get(&limits, false).await {
        Ok((data, _)) => data.unwrap_or_default(),
        Err(error) if error.is(ErrorCode::NoNode) => {
            writeln!(out, "Quota does not exist for {path}")?;
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let given: Vec<_> = KEYS.iter().filter(|(option, _)| parsed.has(option)).collect();
    if !given.is_empty() {
        let mut track = Track::parse(&data)?;
        given.iter().for_each(|(_, key)| track.put(key, -1));
        client.set(&limits, track.bytes(), -1).await?;
        return Ok(());
    }
    for name in client.children(&quota, false).await?.0 {
        client.delete(&below(&quota, &name), -1).await?;
    }
    // Nodes above that have nothing below them any more.
    let mut at = quota;
    while at != QUOTA && client.children(&at, false).await?.0.is_empty() {
        client.delete(&at, -1).await?;
        at.truncate(at.rfind('/').unwrap_or(0).max(QUOTA.len()));
    }
    Ok(())
}

pub(super) async fn list(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let path = &parsed.arguments[0];
    let (limits, stats) = (below(&quota_path(path), LIMITS), below(&quota_path(path), STATS));
    eprintln!("absolute path is {limits}");
    for (what, node) in [("quota", limits), ("stat", stats)] {
        match client.get(&node, false).await {
            Ok((data, _)) => {
                let track = Track::parse(&data.unwrap_or_default())?;
                writeln!(out, "Output {what} for {path} {track}")?;
            }
            Err(error) if error.is(ErrorCode::NoNode) => {
                eprintln!("quota for {path} does not exist.");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
