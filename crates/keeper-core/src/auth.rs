//! Schemes of authentication: what proves an identity, which ids ACLs may name, and which identity
//! is meant by which id.
//!
//! A connection has a list of identities; it begins with that of its address. `digest` adds one for
//! an auth packet, `x509` comes from the certificate of a TLS connection and `sasl` from an
//! exchange of tokens: both are made where the connection is, and handed in.
//!
//! Rules: `DigestAuthenticationProvider`, `IPAuthenticationProvider`, `X509AuthenticationProvider`,
//! `SASLAuthenticationProvider`, `ProviderRegistry`.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use sha2::{Sha256, Sha512};
use zk_wire::acl::Id;

/// The scheme whose identities pass every ACL.
pub const SUPER: &str = "super";

/// How passwords become ids; the same on all servers of an ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DigestAlgorithm {
    /// The default.
    #[default]
    Sha1,
    /// `SHA-256`
    Sha256,
    /// `SHA-512`
    Sha512,
}

/// Which schemes there are, and their settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthOptions {
    /// `DigestAuthenticationProvider.enabled`
    pub digest: bool,
    /// `DigestAuthenticationProvider.digestAlg`
    pub digest_algorithm: DigestAlgorithm,
    /// `DigestAuthenticationProvider.superDigest`: who has this digest is super.
    pub super_digest: Option<String>,
    /// Whether there is `x509`.
    pub x509: bool,
    /// `X509AuthenticationProvider.superUser`
    pub x509_super_user: Option<String>,
    /// Whether there is `sasl`.
    pub sasl: bool,
    /// `superUser`, `superUser.x`: who are super by `sasl`.
    pub sasl_super_users: Vec<String>,
    /// `letAnySaslUserDoX`: the id that every identity of `sasl` matches.
    pub any_sasl_user: Option<String>,
}

impl Default for AuthOptions {
    fn default() -> Self {
        Self {
            digest: true,
            digest_algorithm: DigestAlgorithm::Sha1,
            super_digest: None,
            x509: false,
            x509_super_user: None,
            sasl: false,
            sasl_super_users: Vec::new(),
            any_sasl_user: None,
        }
    }
}

impl AuthOptions {
    /// What an auth packet proves; `None` is AUTHFAILED: no such scheme, or none that packets
    /// serve.
    pub fn authenticate(
        &self,
        scheme: &str,
        credentials: &[u8],
        address: IpAddr,
    ) -> Option<Vec<Id>> {
        match scheme {
            "ip" => Some(vec![address_id(address)]),
            "digest" if self.digest => {
                let digest = self.digest_of(&String::from_utf8_lossy(credentials));
                let mut ids = Vec::new();
                if self.super_digest.as_deref() == Some(digest.as_str()) {
                    ids.push(Id::new(SUPER, ""));
                }
                ids.push(Id::new("digest", digest));
                Some(ids)
            }
            _ => None,
        }
    }

    /// What an identity that was proved elsewhere (a certificate, an exchange of tokens) comes to:
    /// itself, and super where the settings say so.
    pub fn proved(&self, id: Id) -> Vec<Id> {
        let name = id.id.as_deref().unwrap_or_default();
        let more = match id.scheme.as_deref() {
            Some("x509") if self.x509_super_user.as_deref() == Some(name) => {
                Some(Id::new(SUPER, name))
            }
            Some("sasl") if self.sasl_super_users.iter().any(|user| user == name) => {
                Some(Id::new(SUPER, ""))
            }
            _ => None,
        };
        more.into_iter().chain([id]).collect()
    }

    /// The id of a user and password: `user:` and a hash of both.
    pub fn digest_of(&self, user_and_password: &str) -> String {
        let user = user_and_password.split(':').next().unwrap_or_default();
        let bytes = user_and_password.as_bytes();
        let hash = match self.digest_algorithm {
            DigestAlgorithm::Sha1 => STANDARD.encode(Sha1::digest(bytes)),
            DigestAlgorithm::Sha256 => STANDARD.encode(Sha256::digest(bytes)),
            DigestAlgorithm::Sha512 => STANDARD.encode(Sha512::digest(bytes)),
        };
        format!("{user}:{hash}")
    }

    /// Whether the scheme is there.
    fn has(&self, scheme: &str) -> bool {
        match scheme {
            "ip" => true,
            "digest" => self.digest,
            "x509" => self.x509,
            "sasl" => self.sasl,
            _ => false,
        }
    }

    /// Whether an identity of the scheme stands for itself where an ACL says `auth`.
    pub(crate) fn is_proof(&self, scheme: &str) -> bool {
        scheme != "ip" && self.has(scheme)
    }

    /// Whether an ACL may name an id.
    pub(crate) fn is_valid(&self, scheme: &str, id: &str) -> bool {
        self.has(scheme)
            && match scheme {
                "ip" => Network::parse(id).is_some(),
                // Java's `split` leaves out what is empty at the end.
                "digest" => {
                    let parts = id.trim_end_matches(':').split(':').count();
                    parts == 2
                }
                "x509" => is_distinguished_name(id),
                "sasl" => is_principal(id),
                _ => false,
            }
    }

    /// Whether an identity is meant by an id of the same scheme.
    pub(crate) fn matches(&self, scheme: &str, identity: &str, id: &str) -> bool {
        self.has(scheme)
            && match scheme {
                "ip" => match (Network::parse(id), identity.parse()) {
                    (Some(network), Ok(address)) => network.contains(address),
                    _ => false,
                },
                "x509" => identity == id || self.x509_super_user.as_deref() == Some(identity),
                "sasl" => {
                    identity == id || identity == SUPER || self.any_sasl_user.as_deref() == Some(id)
                }
                _ => identity == id,
            }
    }
}

/// The identity that every connection has: its address as Java writes it, without `::`.
pub fn address_id(address: IpAddr) -> Id {
    let text = match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => address.segments().map(|part| format!("{part:x}")).join(":"),
    };
    Id::new("ip", text)
}

/// What whoAmI tells of an identity: no secrets.
pub(crate) fn user_name<'i>(scheme: &str, id: &'i str) -> &'i str {
    match scheme {
        "digest" => id.split(':').next().unwrap_or_default(),
        "ip" | "x509" | "sasl" => id,
        _ => "",
    }
}

/// An address, or those that share its first bits.
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= all)?,
            None => all,
        };
        Some(Self { address, bits })
    }

    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                (own.to_bits() ^ other.to_bits()) & mask == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                (own.to_bits() ^ other.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

/// About what Java's `X500Principal` takes: keys and values, with commas between.
fn is_distinguished_name(name: &str) -> bool {
    name.is_empty()
        || name.split(',').all(|part| {
            part.trim_end().ends_with('\\')
                || part.split_once('=').is_some_and(|(key, _)| !key.trim().is_empty())
        })
}

/// What `KerberosName` takes: `service/host@realm`, of which host and realm may lack; without an
/// `@` anything.
fn is_principal(name: &str) -> bool {
    match name.split_once('@') {
        None => true,
        Some((user, realm)) => {
            !user.is_empty()
                && !realm.is_empty()
                && !realm.contains(['/', '@'])
                && user.split('/').count() <= 2
                && !user.starts_with('/')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_and_super() {
        let digest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
        let options =
            AuthOptions { super_digest: Some(digest.to_owned()), ..AuthOptions::default() };
        let address = IpAddr::from([127, 0, 0, 1]);
        let ids = options.authenticate("digest", b"super:test", address);
        assert_eq!(ids, Some(vec![Id::new("super", ""), Id::new("digest", digest)]));
        let ids = options.authenticate("digest", b"a:b", address).unwrap();
        assert_eq!(ids.len(), 1);
        assert_eq!(options.authenticate("nonsense", b"", address), None);
        assert_eq!(options.authenticate("sasl", b"", address), None);
    }

    #[test]
    fn identities_from_elsewhere() {
        let options = AuthOptions {
            x509_super_user: Some("CN=root".to_owned()),
            sasl_super_users: vec!["root@R".to_owned()],
            ..AuthOptions::default()
        };
        let (cert, user) = (Id::new("x509", "CN=root"), Id::new("sasl", "root@R"));
        assert_eq!(options.proved(cert.clone()), [Id::new("super", "CN=root"), cert]);
        assert_eq!(options.proved(user.clone()), [Id::new("super", ""), user]);
        let other = Id::new("sasl", "CN=root");
        assert_eq!(options.proved(other.clone()), [other]);
        let local = "::1".parse().unwrap();
        assert_eq!(address_id(local), Id::new("ip", "0:0:0:0:0:0:0:1"));
        assert!(options.matches("ip", "0:0:0:0:0:0:0:1", "::/64"));
    }

    #[test]
    fn ids_in_lists() {
        let options = AuthOptions { sasl: true, x509: true, ..AuthOptions::default() };
        for (scheme, id, valid) in [
            ("digest", "a:b", true),
            ("digest", "a", false),
            ("digest", "a:b:c", false),
            ("ip", "10.0.0.0/8", true),
            ("ip", "10.0.0.0/33", false),
            ("ip", "10.0.0", false),
            ("ip", "::1/64", true),
            ("ip", "localhost", false),
            ("x509", "CN=a,O=b", true),
            ("x509", "a", false),
            ("sasl", "user/host@REALM", true),
            ("sasl", "user@", false),
            ("none", "a", false),
        ] {
            assert_eq!(options.is_valid(scheme, id), valid, "{scheme}:{id}");
        }
    }

    #[test]
    fn networks() {
        let options = AuthOptions::default();
        for (identity, id, matches) in [
            ("10.1.2.3", "10.0.0.0/8", true),
            ("11.1.2.3", "10.0.0.0/8", false),
            ("11.1.2.3", "10.0.0.0/0", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("fe80::1", "fe80::/10", true),
            ("10.1.2.3", "::/0", false),
        ] {
            assert_eq!(options.matches("ip", identity, id), matches, "{identity} {id}");
        }
    }
}
