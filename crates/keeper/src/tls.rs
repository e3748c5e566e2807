//! TLS of clients' connections, of the AdminServer's too.
//!
//! [`Tls`] is made at start of the keys `ssl.*`. A connection is handed to [`Tls::accept`], which
//! gives the encrypted stream and what the client's certificate proves. Where plain text is allowed
//! on the same port, [`begins_with_tls`] looks at the first byte, and takes none.
//!
//! Never: a key or password in a log line; a connection without the certificate that
//! `ssl.clientAuth=need` asks for.
//!
//! Rules: `X509Util`, `ClientX509Util`, `NettyServerCnxnFactory`, `X509AuthenticationProvider`.
//!
//! | module | what |
//! |---|---|
//! | `settings` | the keys, and what of them cannot be kept |
//! | `store` | key stores and trust stores: PEM, PKCS12, JKS |
//! | `jks` | the format of Java's own |
//! | `name` | a certificate's name, as Java writes it |
//! | `reload` | certificates that change while the server runs |

mod jks;
mod name;
mod reload;
mod settings;
mod store;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zk_wire::acl::Id;

pub use settings::{ClientAuth, Prefix, TlsSettings};
use settings::{protocol_versions, suites};

/// The scheme of identities from certificates.
const SCHEME: &str = "x509";
/// What a connection with TLS begins with: a record of the handshake.
const HANDSHAKE: u8 = 0x16;

/// Why a connection is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The handshake failed: a wrong version, no certificate, one that is not trusted.
    #[error("TLS handshake failed: {0}")]
    Handshake(#[from] io::Error),
    /// It did not end in time.
    #[error("no TLS handshake within {} ms", .0.as_millis())]
    Slow(Duration),
    /// Too many are under way (`netty.server.outstandingHandshake.limit`).
    #[error("more than {0} TLS handshakes under way")]
    Many(usize),
    /// The certificate has no name that can be read.
    #[error("the client's certificate has no subject that can be read")]
    Nameless,
}

/// Keys and certificates, and the connections that are being made with them.
pub struct Tls {
    settings: TlsSettings,
    config: RwLock<Arc<ServerConfig>>,
    handshakes: AtomicUsize,
}

/// A connection with TLS.
pub struct Accepted {
    /// Its decrypted side.
    pub stream: TlsStream<TcpStream>,
    /// What the client's certificate proves; empty without one.
    pub ids: Vec<Id>,
}

impl Tls {
    /// Reads keys and certificates, and, if they are to be reloaded, watches their files.
    ///
    /// # Errors
    /// A text that names the file or key, what is wrong, and what helps.
    pub fn new(settings: TlsSettings) -> Result<Arc<Self>, String> {
        let config = RwLock::new(server_config(&settings)?);
        let reload = settings.reload;
        let tls = Arc::new(Self { settings, config, handshakes: AtomicUsize::new(0) });
        if reload {
            reload::watch(&tls).map_err(|error| format!("cannot watch certificates: {error}"))?;
        }
        Ok(tls)
    }

    /// Handshakes under way.
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// Makes the handshake with a client.
    ///
    /// # Errors
    /// As [`Error`] says; the connection is closed then.
    pub async fn accept(&self, stream: TcpStream) -> Result<Accepted, Error> {
        let _place = self.place()?;
        let limit = self.settings.handshake_timeout;
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner).clone();
        let handshake = TlsAcceptor::from(config).accept(stream);
        let stream =
            tokio::time::timeout(limit, handshake).await.map_err(|_| Error::Slow(limit))??;
        let (_, session) = stream.get_ref();
        let ids = match session.peer_certificates().and_then(<[_]>::first) {
            Some(certificate) => vec![identity(certificate).ok_or(Error::Nameless)?],
            None => Vec::new(),
        };
        Ok(Accepted { stream, ids })
    }

    fn place(&self) -> Result<Place<'_>, Error> {
        let before = self.handshakes.fetch_add(1, Ordering::Relaxed);
        let place = Place(self);
        match self.settings.handshakes_max {
            Some(limit) if before >= limit => Err(Error::Many(limit)),
            _ => Ok(place),
        }
    }

    /// Reads all files again; what was there stays if that fails.
    fn reload(&self) -> Result<(), String> {
        let config = server_config(&self.settings)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }
}

/// A handshake under way.
struct Place<'t>(&'t Tls);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a certificate proves.
fn identity(certificate: &CertificateDer<'_>) -> Option<Id> {
    Some(Id::new(SCHEME, name::subject(certificate)?))
}

/// Whether a connection begins with TLS: waits for its first byte, which stays to be read.
///
/// # Errors
/// The connection is gone.
pub async fn begins_with_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let seen = stream.peek(&mut first).await?;
    Ok(seen > 0 && first[0] == HANDSHAKE)
}

/// Whether a client is on this machine, for the counts of those without a certificate.
pub fn is_local(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

fn server_config(settings: &TlsSettings) -> Result<Arc<ServerConfig>, String> {
    let key = store::key(&settings.key_store)?;
    let mut provider: CryptoProvider = aws_lc_rs::default_provider();
    if !settings.ciphers.is_empty() {
        provider.cipher_suites = suites(&settings.ciphers);
    }
    let key_provider = provider.key_provider;
    let provider = Arc::new(provider);
    let versions = protocol_versions(&settings.protocols);
    let failed = |error: &dyn std::fmt::Display| {
        format!("{}: {error}", settings.key_store.location.display())
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| {
            format!("{error}: correct ssl.enabledProtocols and ssl.ciphersuites, or remove them")
        })?;
    let builder = match (settings.client_auth, &settings.trust_store) {
        (ClientAuth::None, _) => builder.with_no_client_auth(),
        (auth, Some(trusted)) => {
            let roots = Arc::new(store::trusted(trusted)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier = match auth {
                ClientAuth::Want => verifier.allow_unauthenticated(),
                _ => verifier,
            };
            let verifier = verifier
                .build()
                .map_err(|error| format!("{}: {error}", trusted.location.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
        (_, None) => {
            return Err(format!(
                "clients are to show certificates ({0}clientAuth), but {0}trustStore.location does \
                 not say which are trusted: set it, or set {0}clientAuth=none",
                settings.prefix.text()
            ));
        }
    };
    let own = key_provider.load_private_key(key.key).map_err(|error| failed(&error))?;
    let own = CertifiedKey::new(key.chain, own);
    match own.keys_match() {
        Ok(()) => {}
        // Of X.509 version 1, which rustls does not read: Java serves with it, and whether that
        // will do is for clients to say.
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(error))) => {
            tracing::warn!(
                "{}: {error}: it is used as it is",
                settings.key_store.location.display()
            );
        }
        Err(error) => return Err(failed(&error)),
    }
    let config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
    Ok(Arc::new(config))
}
