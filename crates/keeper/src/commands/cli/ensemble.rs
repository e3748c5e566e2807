//! Verbs on the ensemble's members: `GetConfigCommand`, `ReconfigCommand`.

use std::io::Write;

use keeper_client::Client;
use zk_wire::Text;
use zk_wire::request::ReconfigRequest;

use super::options::Parsed;
use super::shell::Failure;
use crate::commands::text::{plain, print_stat};

pub(super) async fn config(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (data, stat) = client.config(parsed.has("w")).await?;
    let text = plain(data.as_deref());
    match parsed.has("c") {
        true => writeln!(out, "{}", client_addresses(&text))?,
        false => writeln!(out, "{text}")?,
    }
    if parsed.has("s") {
        print_stat(&stat, out)?;
    }
    Ok(())
}

/// The version, and where clients connect to (`ConfigUtils.getClientConfigStr`).
pub(super) fn client_addresses(config: &str) -> String {
    let (mut version, mut addresses) = ("", Vec::new());
    for (key, value) in config.lines().filter_map(|line| line.split_once('=')) {
        match key.trim() {
            "version" => version = value.trim(),
            key if key.starts_with("server.") => {
                let client = value.trim().split(';').nth(1).unwrap_or("");
                let address = match client.contains(':') {
                    false if !client.is_empty() => format!("0.0.0.0:{client}"),
                    _ => client.to_owned(),
                };
                addresses.push(address);
            }
            _ => {}
        }
    }
    format!("{version} {}", addresses.join(","))
}

pub(super) async fn reconfig(
    client: &Client,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let whole = parsed.has("file") || parsed.has("members");
    let part = parsed.has("add") || parsed.has("remove");
    if !whole && !part {
        return Err(Failure::new(
            "reconfig [-s] [-v version] [[-file path] | [-members \
             serverID=host:port1:port2;port3[,...]*]] | [-add \
             serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]",
        ));
    }
    if whole && part {
        return Err(Failure::new(
            "Can't use -file or -members together with -add or -remove (mixing incremental and \
             non-incremental modes is not allowed)",
        ));
    }
    if parsed.has("file") && parsed.has("members") {
        return Err(Failure::new(
            "Can't use -file and -members together (conflicting non-incremental modes)",
        ));
    }
    let config_version = match parsed.value("v").map(|v| i64::from_str_radix(v, 16)) {
        None => -1,
        Some(Ok(version)) => version,
        Some(Err(_)) => {
            return Err(Failure::new("-v must be followed by a long (configuration version)"));
        }
    };
    let lower = |name| parsed.value(name).map(|text| Text::from(text.to_lowercase()));
    let new_members = match parsed.value("file") {
        Some(file) => Some(Text::from(members_of(file)?)),
        None => lower("members"),
    };
    let request = ReconfigRequest {
        joining_servers: lower("add"),
        leaving_servers: lower("remove"),
        new_members,
        config_version,
    };
    let (config, stat) = client.reconfig(request).await?;
    writeln!(out, "Committed new configuration:\n{}", plain(config.as_deref()))?;
    if parsed.has("s") {
        print_stat(&stat, out)?;
    }
    Ok(())
}

/// The lines of a file that name servers; the leader checks what they say.
fn members_of(file: &str) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("Error processing {file}: {error}")))?;
    let kept =
        |line: &&str| ["server.", "group", "weight"].iter().any(|prefix| line.starts_with(prefix));
    let lines: Vec<&str> = text.lines().map(str::trim).filter(kept).collect();
    match lines.is_empty() {
        true => Err(Failure::new(format!("Error processing {file}: it names no server"))),
        false => Ok(lines.join("\n")),
    }
}
