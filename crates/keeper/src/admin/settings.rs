//! The AdminServer's keys. Rules: `JettyAdminServer`, `Commands`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use crate::config::{Properties, Result};

/// The AdminServer's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSettings {
    /// `admin.serverAddress` and `admin.serverPort`; `None`: not `admin.enableServer`.
    pub address: Option<SocketAddr>,
    /// `admin.commandURL`
    pub command_url: String,
    /// `admin.idleTimeout`
    pub idle_timeout: Duration,
    /// `admin.portUnification`: TLS and plain text on one port.
    pub port_unification: bool,
    /// `admin.forceHttps`: TLS only.
    pub force_https: bool,
    /// `admin.needClientAuth`: clients show a certificate.
    pub need_client_auth: bool,
    /// `admin.rateLimiterIntervalInMS`
    pub rate_interval: Duration,
    /// `admin.snapshot.enabled`
    pub snapshot: bool,
    /// `admin.restore.enabled`
    pub restore: bool,
}

impl AdminSettings {
    /// Reads them; errors name the key.
    pub fn read(p: &Properties) -> Result<Self> {
        let enabled = p.flag("admin.enableServer", true);
        let host = p.text_of("admin.serverAddress").unwrap_or("0.0.0.0");
        let port: u16 = p.number("admin.serverPort", 8080)?;
        let mut found = (host, port).to_socket_addrs().map_err(|error| {
            p.error("admin.serverAddress", &format!("no such address here: {error}"))
        })?;
        let address = found.next().filter(|_| enabled);
        let url = p.text_of("admin.commandURL").unwrap_or("/commands").trim_end_matches('/');
        if !url.starts_with('/') {
            return Err(p.error("admin.commandURL", "must begin with /, as /commands does"));
        }
        let milliseconds = |key: &str, default: u64| p.number(key, default);
        Ok(Self {
            address,
            command_url: url.to_owned(),
            idle_timeout: Duration::from_millis(milliseconds("admin.idleTimeout", 30_000)?),
            port_unification: p.flag("admin.portUnification", false),
            force_https: p.flag("admin.forceHttps", false),
            need_client_auth: p.flag("admin.needClientAuth", false),
            rate_interval: Duration::from_millis(milliseconds(
                "admin.rateLimiterIntervalInMS",
                300_000,
            )?),
            snapshot: p.flag("admin.snapshot.enabled", true),
            restore: p.flag("admin.restore.enabled", true),
        })
    }
}
