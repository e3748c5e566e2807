//! The keys `ssl.*`, and `ssl.quorum.*`, of which the AdminServer takes its own.
//!
//! What asks for more safety than there is here is an error, never a warning: a server that was
//! told to look at revocations must not run without. What only tunes Java's machinery is accepted.
//!
//! Rules: `X509Util`.

use std::path::PathBuf;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};

use crate::config::{Properties, Result};

/// Whose keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// Of the client port.
    Client,
    /// Of servers among themselves, and the AdminServer.
    Quorum,
}

impl Prefix {
    /// What the keys begin with.
    pub fn text(self) -> &'static str {
        match self {
            Self::Client => "ssl.",
            Self::Quorum => "ssl.quorum.",
        }
    }
}

/// Whether clients show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked.
    None,
    /// They may.
    Want,
    /// They must.
    Need,
}

/// Formats of key stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreType {
    Pem,
    Pkcs12,
    Jks,
}

/// A key store or trust store.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct StoreSettings {
    pub location: PathBuf,
    pub password: Password,
    pub kind: StoreType,
}

/// Where a password is. It is read whenever the store is, so that both may change together.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Password {
    Text(String),
    File(PathBuf),
}

/// Settings of TLS.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsSettings {
    pub(super) prefix: Prefix,
    pub(super) key_store: StoreSettings,
    pub(super) trust_store: Option<StoreSettings>,
    pub(super) client_auth: ClientAuth,
    /// Empty: all there are.
    pub(super) protocols: Vec<String>,
    /// Empty: all there are.
    pub(super) ciphers: Vec<String>,
    pub(super) handshake_timeout: Duration,
    pub(super) handshakes_max: Option<usize>,
    pub(super) reload: bool,
}

/// Keys that would make connections safer, and cannot be kept: for each, when it asks for that.
const IMPOSSIBLE: [(&str, &str); 4] = [
    ("crl", "revocation lists are not looked at"),
    ("ocsp", "revocations are not asked for"),
    ("clientHostnameVerification", "names of clients' hosts are not compared"),
    ("context.supplier.class", "there is no Java to run that class"),
];

impl TlsSettings {
    /// Reads them.
    ///
    /// # Errors
    /// A key that is missing or wrong, or asks for what there is not.
    pub fn read(p: &Properties, prefix: Prefix) -> Result<Self> {
        let key = |name: &str| format!("{}{name}", prefix.text());
        for (name, why) in IMPOSSIBLE {
            let asked = p.text_of(&key(name));
            if asked.is_some_and(|value| !value.eq_ignore_ascii_case("false")) {
                return Err(p.error(&key(name), &format!("{why}: remove this key")));
            }
        }
        let Some(key_store) = store(p, prefix, "keyStore")? else {
            let message = "TLS needs a key and its certificate: set this to their file";
            return Err(p.error(&key("keyStore.location"), message));
        };
        let client_auth = match p.text_of(&key("clientAuth")).map(str::to_ascii_lowercase) {
            None => ClientAuth::Need,
            Some(text) => match text.as_str() {
                "need" => ClientAuth::Need,
                "want" => ClientAuth::Want,
                "none" => ClientAuth::None,
                _ => return Err(p.error(&key("clientAuth"), "must be none, want or need")),
            },
        };
        let timeout = p.number(&key("handshakeDetectionTimeoutMillis"), 5000u64)?;
        let limit: i64 = p.number("netty.server.outstandingHandshake.limit", -1)?;
        Ok(Self {
            prefix,
            key_store,
            trust_store: store(p, prefix, "trustStore")?,
            client_auth,
            protocols: protocols(p, prefix)?,
            ciphers: ciphers(p, prefix)?,
            handshake_timeout: Duration::from_millis(timeout.max(1)),
            handshakes_max: usize::try_from(limit).ok(),
            reload: match prefix {
                Prefix::Client => p.flag("client.certReload", false),
                Prefix::Quorum => p.flag("sslQuorumReloadCertFiles", false),
            },
        })
    }

    /// As they are, but with another word about clients' certificates.
    pub fn with_client_auth(self, client_auth: ClientAuth) -> Self {
        Self { client_auth, ..self }
    }

    /// All files that are read.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for store in [Some(&self.key_store), self.trust_store.as_ref()].into_iter().flatten() {
            files.push(store.location.clone());
            if let Password::File(path) = &store.password {
                files.push(path.clone());
            }
        }
        files
    }
}

/// The store of a name, if it is set.
fn store(p: &Properties, prefix: Prefix, name: &str) -> Result<Option<StoreSettings>> {
    let key = |part: &str| format!("{}{name}.{part}", prefix.text());
    let Some(location) = p.text_of(&key("location")) else { return Ok(None) };
    let password = match (p.text_of(&key("passwordPath")), p.get(&key("password"))) {
        (Some(path), _) => Password::File(path.into()),
        (None, text) => Password::Text(text.unwrap_or_default().to_owned()),
    };
    let named = p.text_of(&key("type")).map(str::to_ascii_uppercase);
    let suffix = location.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
    let kind = match (named.as_deref(), suffix.as_deref()) {
        (Some("PEM"), _) | (None, Some("pem")) => StoreType::Pem,
        (Some("PKCS12"), _) | (None, Some("p12")) => StoreType::Pkcs12,
        (Some("JKS"), _) | (None, Some("jks")) => StoreType::Jks,
        (Some(_), _) => {
            let message = "must be PEM, PKCS12 or JKS; others are turned into one of these by \
                           keytool -importkeystore -deststoretype PKCS12";
            return Err(p.error(&key("type"), message));
        }
        (None, _) => {
            let message = "its name does not say the format: end it in .pem, .p12 or .jks, or set \
                           the key that ends in .type";
            return Err(p.error(&key("location"), message));
        }
    };
    Ok(Some(StoreSettings { location: location.into(), password, kind }))
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty())
}

fn protocols(p: &Properties, prefix: Prefix) -> Result<Vec<String>> {
    let key = format!("{}enabledProtocols", prefix.text());
    let Some(text) = p.text_of(&key) else { return Ok(Vec::new()) };
    let (known, unknown): (Vec<&str>, Vec<&str>) =
        list(text).partition(|one| matches!(*one, "TLSv1.2" | "TLSv1.3"));
    if !unknown.is_empty() {
        tracing::warn!("{key}: {} left out: TLSv1.2 and TLSv1.3 are there", unknown.join(", "));
    }
    match known.is_empty() {
        true => Err(p.error(&key, "names none of TLSv1.2 and TLSv1.3: add one")),
        false => Ok(known.into_iter().map(str::to_owned).collect()),
    }
}

fn ciphers(p: &Properties, prefix: Prefix) -> Result<Vec<String>> {
    let key = format!("{}ciphersuites", prefix.text());
    let Some(text) = p.text_of(&key) else { return Ok(Vec::new()) };
    let is_known = |name: &&str| ALL_CIPHER_SUITES.iter().any(|suite| java_name(suite) == **name);
    let (known, unknown): (Vec<&str>, Vec<&str>) = list(text).partition(is_known);
    if !unknown.is_empty() {
        tracing::warn!("{key}: {} left out: there are no such suites here", unknown.join(", "));
    }
    if known.is_empty() {
        let all: Vec<String> = ALL_CIPHER_SUITES.iter().map(java_name).collect();
        return Err(p.error(&key, &format!("names none of {}: add one", all.join(", "))));
    }
    Ok(known.into_iter().map(str::to_owned).collect())
}

/// A suite's name in the standards, and in Java.
fn java_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

/// The suites of these names.
pub(super) fn suites(names: &[String]) -> Vec<SupportedCipherSuite> {
    let all = ALL_CIPHER_SUITES.iter().filter(|suite| names.contains(&java_name(suite)));
    all.copied().collect()
}

/// The versions of these names; all of none.
pub(super) fn protocol_versions(names: &[String]) -> Vec<&'static SupportedProtocolVersion> {
    let wanted = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
    let all = [("TLSv1.3", &version::TLS13), ("TLSv1.2", &version::TLS12)];
    all.into_iter().filter(|(name, _)| wanted(name)).map(|(_, version)| version).collect()
}
