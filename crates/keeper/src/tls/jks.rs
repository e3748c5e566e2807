//! Java's own format of key stores, to read.
//!
//! A header, entries (keys with their certificates, or certificates alone), and a SHA-1 over the
//! password and all of it. Keys are masked with a chain of SHA-1 values of the password.
//!
//! Rules: `sun.security.provider.JavaKeyStore`, `sun.security.provider.KeyProtector`.

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sha1::{Digest as _, Sha1};

use super::store::{Contents, Key};

const MAGIC: [u8; 4] = 0xfeed_feed_u32.to_be_bytes();
/// Bytes of a SHA-1.
const HASH: usize = 20;
/// What goes into the sum over the file.
const WHITENER: &[u8] = b"Mighty Aphrodite";
/// `1.3.6.1.4.1.42.2.17.1.1` in DER: the way keys are masked.
const PROTECTOR: [u8; 12] =
    [0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x2a, 0x02, 0x11, 0x01, 0x01];
const PRIVATE_KEY: u32 = 1;
const TRUSTED: u32 = 2;
const CUT: &str = "the JKS store is cut off";

/// Whether a file is of this format.
pub(super) fn is_jks(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads a store. The password of keys is that of the store, as `FileKeyStoreLoader` has it.
pub(super) fn load(bytes: &[u8], password: &str) -> Result<Contents, String> {
    let password: Vec<u8> = password.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let (body, sum) = bytes.split_last_chunk::<HASH>().ok_or(CUT)?;
    let expected =
        Sha1::new().chain_update(&password).chain_update(WHITENER).chain_update(body).finalize();
    if expected[..] != sum[..] {
        return Err("wrong password, or the JKS store is damaged".to_owned());
    }
    let mut input = Input(body.get(MAGIC.len()..).ok_or(CUT)?);
    let version = input.int()?;
    if !matches!(version, 1 | 2) {
        return Err(format!("JKS version {version} is not known"));
    }
    let mut contents = Contents::default();
    for _ in 0..input.int()? {
        let kind = input.int()?;
        input.text()?;
        input.take(size_of::<u64>())?;
        match kind {
            PRIVATE_KEY => {
                let masked = input.bytes()?;
                let mut chain = Vec::new();
                for _ in 0..input.int()? {
                    chain.push(input.certificate(version)?);
                }
                let key = PrivatePkcs8KeyDer::from(unmasked(masked, &password)?);
                if !chain.is_empty() {
                    contents.keys.push(Key { chain, key: key.into() });
                }
            }
            TRUSTED => contents.trusted.push(input.certificate(version)?),
            _ => return Err(format!("JKS entry of kind {kind} is not known")),
        }
    }
    Ok(contents)
}

/// What is left of a file.
struct Input<'i>(&'i [u8]);

impl<'i> Input<'i> {
    fn take(&mut self, len: usize) -> Result<&'i [u8], String> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> Result<u32, String> {
        let bytes = self.take(size_of::<u32>())?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn bytes(&mut self) -> Result<&'i [u8], String> {
        let len = self.int()?;
        self.take(usize::try_from(len).map_err(|_| CUT)?)
    }

    fn text(&mut self) -> Result<&'i [u8], String> {
        let bytes = self.take(size_of::<u16>())?;
        let len = bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        self.take(len)
    }

    fn certificate(&mut self, version: u32) -> Result<CertificateDer<'static>, String> {
        if version == 2 && self.text()? != b"X.509" {
            return Err("a certificate is not X.509".to_owned());
        }
        Ok(CertificateDer::from(self.bytes()?.to_vec()))
    }
}

/// A key in PKCS8: behind its algorithm there is salt, the masked key, and a sum over it.
fn unmasked(info: &[u8], password: &[u8]) -> Result<Vec<u8>, String> {
    let failed = || "a private key is not masked as JKS does".to_owned();
    let at = info.windows(PROTECTOR.len()).position(|window| window == PROTECTOR);
    let behind = at.and_then(|at| info.get(at + PROTECTOR.len()..)).ok_or_else(failed)?;
    // Parameters: NULL, or left out. Then an OCTET STRING to the end.
    let behind = behind.strip_prefix(&[0x05, 0x00]).unwrap_or(behind);
    let protected = octets(behind).ok_or_else(failed)?;
    let (salt, rest) = protected.split_first_chunk::<HASH>().ok_or_else(failed)?;
    let (masked, sum) = rest.split_last_chunk::<HASH>().ok_or_else(failed)?;
    let mut plain = Vec::with_capacity(masked.len());
    let mut mask: [u8; HASH] = *salt;
    for piece in masked.chunks(HASH) {
        mask = Sha1::new().chain_update(password).chain_update(mask).finalize().into();
        plain.extend(piece.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    }
    let expected = Sha1::new().chain_update(password).chain_update(&plain).finalize();
    match expected[..] == sum[..] {
        true => Ok(plain),
        false => Err("the private key has another password than the store: give it the same \
                      (keytool -keypasswd)"
            .to_owned()),
    }
}

/// What an OCTET STRING holds.
fn octets(der: &[u8]) -> Option<&[u8]> {
    let (tag, contents, _) = super::name::element(der)?;
    (tag == 0x04).then_some(contents)
}
