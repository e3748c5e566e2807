//! `host:port,host:port/chroot`: the servers of an ensemble, and the node that a client takes for
//! the root.
//!
//! Rules: `ConnectStringParser`.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The port of a server that is given without one.
pub const DEFAULT_PORT: u16 = 2181;

/// One server as it was given: its name is looked up anew for every connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Servers and chroot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectString {
    /// At least one.
    pub servers: Vec<Server>,
    /// The node that paths are below; empty if that is the root.
    pub chroot: String,
}

impl FromStr for ConnectString {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why: String| Err(Error::ConnectString { text: text.to_owned(), why });
        let (servers, chroot) = match text.find('/') {
            None => (text, ""),
            Some(at) => text.split_at(at),
        };
        let chroot = if chroot == "/" { "" } else { chroot };
        if !chroot.is_empty()
            && let Err(error) = zk_wire::path::validate(chroot)
        {
            return refuse(format!("its chroot is no path: {error}"));
        }
        let mut parsed = Vec::new();
        for server in servers.split(',').map(str::trim).filter(|server| !server.is_empty()) {
            match parse_server(server) {
                Ok(server) => parsed.push(server),
                Err(why) => return refuse(why),
            }
        }
        if parsed.is_empty() {
            return refuse("it names no server".to_owned());
        }
        Ok(Self { servers: parsed, chroot: chroot.to_owned() })
    }
}

fn parse_server(text: &str) -> Result<Server, String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(format!("'{text}' lacks a ']'"))?;
            match port {
                "" => (host, None),
                port => {
                    let port = port.strip_prefix(':');
                    (host, Some(port.ok_or(format!("no ':' before the port of '{text}'"))?))
                }
            }
        }
        // More colons than one are an address without brackets, and without a port.
        None => match text.split_once(':') {
            Some((_, rest)) if rest.contains(':') => (text, None),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err(format!("'{text}' names no host"));
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => port,
            _ => return Err(format!("'{port}' is no port")),
        },
    };
    Ok(Server { host: host.to_owned(), port })
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for ConnectString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, server) in self.servers.iter().enumerate() {
            write!(f, "{}{server}", if index == 0 { "" } else { "," })?;
        }
        f.write_str(&self.chroot)
    }
}
