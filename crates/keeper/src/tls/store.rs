//! Key stores and trust stores of the formats that are in use: PEM, PKCS12 and JKS.
//!
//! A file that is named JKS may hold PKCS12, as Java has written it since version 9.
//! Rules: `FileKeyStoreLoader`, `PEMFileLoader`, `PKCS12FileLoader`, `JKSFileLoader`.

use std::fs;

use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::jks;
use super::settings::{Password, StoreSettings, StoreType};

/// Largest file taken.
const MAX_BYTES: u64 = 16 << 20;

/// A key and the certificates that show whose it is.
pub(super) struct Key {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

/// What a store of any format holds.
#[derive(Default)]
pub(super) struct Contents {
    pub keys: Vec<Key>,
    pub trusted: Vec<CertificateDer<'static>>,
}

/// The first key of a store.
pub(super) fn key(store: &StoreSettings) -> Result<Key, String> {
    let keys = load(store)?.keys;
    keys.into_iter().next().ok_or_else(|| {
        format!("{}: there is no private key with a certificate in it", store.location.display())
    })
}

/// The certificates that a store says are trusted.
pub(super) fn trusted(store: &StoreSettings) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let contents = load(store)?;
    let of_keys = contents.keys.into_iter().filter_map(|key| key.chain.into_iter().last());
    for certificate in contents.trusted.into_iter().chain(of_keys) {
        roots.add(certificate).map_err(|error| {
            format!("{}: a certificate cannot be trusted: {error}", store.location.display())
        })?;
    }
    match roots.is_empty() {
        true => Err(format!("{}: there is no certificate in it", store.location.display())),
        false => Ok(roots),
    }
}

fn load(store: &StoreSettings) -> Result<Contents, String> {
    let path = store.location.display();
    let failed = |error: String| format!("{path}: {error}");
    let size = fs::metadata(&store.location).map_err(|error| failed(error.to_string()))?.len();
    if size > MAX_BYTES {
        return Err(failed(format!("{size} bytes are too many for a key store")));
    }
    let bytes = fs::read(&store.location).map_err(|error| failed(error.to_string()))?;
    let password = password(&store.password)?;
    let contents = match store.kind {
        StoreType::Pem => pem(&bytes),
        StoreType::Pkcs12 => pkcs12(&bytes, &password),
        StoreType::Jks if jks::is_jks(&bytes) => jks::load(&bytes, &password),
        StoreType::Jks => pkcs12(&bytes, &password),
    };
    contents.map_err(failed)
}

/// The password, from its file without the end of line.
fn password(password: &Password) -> Result<String, String> {
    match password {
        Password::Text(text) => Ok(text.clone()),
        Password::File(path) => {
            let text = fs::read_to_string(path);
            let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(text.lines().next().unwrap_or_default().to_owned())
        }
    }
}

/// A key and its certificates in one file, or certificates alone.
fn pem(bytes: &[u8]) -> Result<Contents, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let certificates = certificates.map_err(|error| format!("a certificate: {error}"))?;
    let key = match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(key) => Some(key),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => None,
        Err(error) => return Err(format!("the private key: {error}")),
    };
    let text = String::from_utf8_lossy(bytes);
    match key {
        Some(key) if !certificates.is_empty() => {
            Ok(Contents { keys: vec![Key { chain: certificates, key }], trusted: Vec::new() })
        }
        Some(_) => Err("there is a private key, but no certificate of it".to_owned()),
        None if text.contains("BEGIN ENCRYPTED PRIVATE KEY") => {
            let message = "the private key is encrypted: decrypt it (openssl pkey), or put key and \
                           certificates into a PKCS12 store (openssl pkcs12 -export)";
            Err(message.to_owned())
        }
        None => Ok(Contents { keys: Vec::new(), trusted: certificates }),
    }
}

fn pkcs12(bytes: &[u8], password: &str) -> Result<Contents, String> {
    let store = KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Relaxed);
    let store = store.map_err(|error| format!("no PKCS12 store, or a wrong password: {error}"))?;
    let mut contents = Contents::default();
    let der = |certificate: &p12_keystore::Certificate| {
        CertificateDer::from(certificate.as_der().to_vec())
    };
    for (_, entry) in store.entries() {
        match entry {
            KeyStoreEntry::PrivateKeyChain(chain) if !chain.certs().is_empty() => {
                let key = PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec());
                let certificates = chain.certs().iter().map(der).collect();
                contents.keys.push(Key { chain: certificates, key: key.into() });
            }
            KeyStoreEntry::Certificate(certificate) => contents.trusted.push(der(certificate)),
            KeyStoreEntry::PrivateKeyChain(_) | KeyStoreEntry::Secret(_) => {}
        }
    }
    Ok(contents)
}
