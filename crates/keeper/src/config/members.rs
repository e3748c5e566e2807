//! `server.N` lines: whether they mean an ensemble, and what a line alone says.
//!
//! Rules: `QuorumPeerConfig.parseDynamicConfig`, `QuorumPeer.QuorumServer`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use super::{Properties, Result};

/// What the lines say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Members {
    /// Where the one server's line has clients connect.
    pub client_address: Option<SocketAddr>,
}

/// Reads the lines, from `dynamicConfigFile` if it is set. An ensemble is refused, since this
/// version has none.
pub(super) fn read(p: &Properties) -> Result<Members> {
    let own: Vec<_> = lines(p);
    let lines = match p.text_of("dynamicConfigFile") {
        None => own,
        Some(_) if !own.is_empty() => {
            let message = "is set, and there are server.N lines here: keep one of both";
            return Err(p.error("dynamicConfigFile", message));
        }
        Some(file) => lines(&Properties::load(Path::new(file))?),
    };
    let is_observer = |value: &str| value.split(';').next().unwrap_or("").ends_with(":observer");
    let voters = lines.iter().filter(|(_, value)| !is_observer(value)).count();
    let alone = p.boolean("standaloneEnabled", true)?;
    if voters == 0 && !lines.is_empty() {
        return Err(p.error_of_file("all server.N are observers: one must be a participant".into()));
    }
    if voters > 1 || lines.len() > 1 || (voters == 1 && !alone) {
        let why = match lines.len() {
            1 => "standaloneEnabled=false asks for an ensemble of one".to_owned(),
            count => format!("server.N is there {count} times, which asks for an ensemble"),
        };
        return Err(p.error_of_file(format!(
            "{why}: this version of keeper runs alone, and ensembles come with a later one. Keep \
             at most one server.N and leave standaloneEnabled out"
        )));
    }
    let client_address = lines.first().map(|(key, value)| client_address(p, key, value));
    Ok(Members { client_address: client_address.transpose()?.flatten() })
}

fn lines(p: &Properties) -> Vec<(String, String)> {
    let lines = p.iter().filter(|(key, _)| key.starts_with("server."));
    lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// What is behind the semicolon: a port, or an address and a port.
fn client_address(p: &Properties, key: &str, value: &str) -> Result<Option<SocketAddr>> {
    let Some((_, client)) = value.split_once(';') else { return Ok(None) };
    let client = client.trim();
    if let Ok(port) = client.parse::<u16>() {
        return Ok(Some((IpAddr::V4(Ipv4Addr::UNSPECIFIED), port).into()));
    }
    match client.parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) => Err(p.error(key, "behind ';' there must be a port, or an address:port")),
    }
}
