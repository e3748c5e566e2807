//! What those who look after a server have set, and where they look: everything of a running server
//! that no client sees.
//!
//! Made at start of the configuration, and part of [`crate::server::Handle`]. Holds what
//! [`crate::metrics`] counts, which four-letter words are answered, TLS, and the addresses that are
//! known once the ports are bound. [`Endpoints`] listen as long as the server runs.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::admin::{self, AdminSettings};
use crate::config::{Config, Properties};
use crate::four_letter::Whitelist;
use crate::http::{Accept, Endpoint, Plain};
use crate::metrics::{Metrics, PrometheusSettings, start_prometheus};
use crate::server::Handle;
use crate::tls::{self, ClientAuth, Prefix, Tls, TlsSettings};

/// What `gtmk` shows and `stmk` sets. Java's server writes more into its log by it; here it is only
/// remembered.
#[derive(Debug)]
pub struct TraceMask(AtomicI64);

impl Default for TraceMask {
    fn default() -> Self {
        // Requests, what the server sends, sessions, and warnings: `ZooTrace`.
        Self(AtomicI64::new(0b1_0011_0010))
    }
}

impl TraceMask {
    /// What was set last.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it.
    pub fn set(&self, mask: i64) {
        self.0.store(mask, Ordering::Relaxed);
    }
}

/// Where clients connect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Without TLS, or with either.
    pub client: Option<SocketAddr>,
    /// With TLS.
    pub secure: Option<SocketAddr>,
}

/// Connections without a client's certificate, where one could be shown.
#[derive(Debug, Default)]
pub struct WithoutCertificate {
    /// Of other machines.
    pub remote: AtomicU64,
    /// Of this one.
    pub local: AtomicU64,
}

impl WithoutCertificate {
    /// One more.
    pub fn count(&self, peer: SocketAddr) {
        let of = if tls::is_local(peer) { &self.local } else { &self.remote };
        of.fetch_add(1, Ordering::Relaxed);
    }
}

/// See the module.
pub struct Operations {
    /// What is counted.
    pub metrics: Metrics,
    /// Words that are answered.
    pub whitelist: Whitelist,
    /// What `gtmk` shows.
    pub trace_mask: TraceMask,
    /// Connections without a client's certificate.
    pub without_certificate: WithoutCertificate,
    /// Connections closed as their credentials were wrong.
    pub auth_failures: AtomicU64,
    tls: Option<Arc<Tls>>,
    unified: bool,
    addresses: OnceLock<Addresses>,
    admin: AdminSettings,
    admin_accept: Arc<dyn Accept>,
    prometheus: Option<PrometheusSettings>,
}

impl Operations {
    /// Reads keys and certificates.
    ///
    /// # Errors
    /// A text that says which key is wrong, and what helps.
    pub fn new(config: &Config) -> Result<Self, String> {
        let p = &config.properties;
        let text = |error: crate::config::Error| error.to_string();
        let prometheus = PrometheusSettings::read(p).map_err(text)?;
        let admin = AdminSettings::read(p).map_err(text)?;
        let unified = p.flag("client.portUnification", false);
        let tls = match unified || config.secure_client_address.is_some() {
            true => Some(Tls::new(TlsSettings::read(p, Prefix::Client).map_err(text)?)?),
            false => None,
        };
        Ok(Self {
            metrics: Metrics::new(prometheus.is_some()),
            whitelist: Whitelist::of(p),
            trace_mask: TraceMask::default(),
            without_certificate: WithoutCertificate::default(),
            auth_failures: AtomicU64::new(0),
            tls,
            unified,
            addresses: OnceLock::new(),
            admin_accept: admin_accept(&admin, p)?,
            admin,
            prometheus,
        })
    }

    /// TLS of the client port, where there is any.
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// Whether the client port takes connections with TLS, too (`client.portUnification`).
    pub fn is_unified(&self) -> bool {
        self.unified
    }

    /// Where clients connect; nowhere before the ports are bound.
    pub fn addresses(&self) -> Addresses {
        self.addresses.get().copied().unwrap_or_default()
    }

    /// The ports are bound.
    pub(crate) fn set_addresses(&self, addresses: Addresses) {
        // Only the first counts, and there is only one.
        let _ = self.addresses.set(addresses);
    }

    /// Begins to listen for those who look after the server.
    ///
    /// # Errors
    /// A text that says which address cannot be bound, and what helps.
    pub(crate) fn listen(&self, handle: &Handle) -> Result<Endpoints, String> {
        let admin = admin::start(&self.admin, Arc::clone(&self.admin_accept), handle.clone());
        let admin = admin.map_err(|error| {
            let address = self.admin.address.map(|address| address.to_string());
            format!(
                "the AdminServer cannot listen at {}: {error}. Change admin.serverPort, or set \
                 admin.enableServer=false",
                address.unwrap_or_default()
            )
        })?;
        let prometheus = self.prometheus.as_ref().map(|settings| {
            start_prometheus(settings, handle.clone()).map_err(|error| {
                let address = settings.address;
                format!(
                    "metrics cannot be served at {address}: {error}. Change \
                     metricsProvider.httpPort, or remove metricsProvider.className"
                )
            })
        });
        Ok(Endpoints { admin, prometheus: prometheus.transpose()? })
    }
}

/// How the AdminServer takes connections: with TLS only, with either, or without.
fn admin_accept(admin: &AdminSettings, p: &Properties) -> Result<Arc<dyn Accept>, String> {
    if !(admin.force_https || admin.port_unification) {
        return Ok(Arc::new(Plain));
    }
    let settings = TlsSettings::read(p, Prefix::Quorum).map_err(|error| error.to_string())?;
    // Jetty does not ask for certificates unless it needs them.
    let client_auth = if admin.need_client_auth { ClientAuth::Need } else { ClientAuth::None };
    let tls = Tls::new(settings.with_client_auth(client_auth))?;
    Ok(Arc::new(admin::Secure { tls, also_plain: !admin.force_https }))
}

/// What listens for those who look after a server, until this is dropped.
pub(crate) struct Endpoints {
    pub admin: Option<Endpoint>,
    pub prometheus: Option<Endpoint>,
}
