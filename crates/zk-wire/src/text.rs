//! Texts that share the memory of the frame they came in.
//!
//! The bytes of a `ustring` are read as `new String(bytes, UTF_8)` reads them: what is no UTF-8
//! becomes U+FFFD. Written is UTF-8, also for characters beyond U+FFFF, where Apache's writer makes
//! two surrogates of three bytes each, which its own reader then takes for U+FFFD twice.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use bytes::Bytes;

/// A text. Clones share its memory, and so does the frame it was decoded from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Text(
    /// UTF-8, always.
    Bytes,
);

impl Text {
    /// A text that lasts as long as the program.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// Reads bytes as Java does; only malformed ones are copied.
    pub fn from_java(bytes: Bytes) -> Self {
        match std::str::from_utf8(&bytes) {
            Ok(_) => Self(bytes),
            Err(_) => Self(Bytes::from(replace_malformed(&bytes))),
        }
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        // SAFETY: every constructor takes a `str` or has checked that the bytes are UTF-8, and
        // `Bytes` cannot be written to.
        unsafe { std::str::from_utf8_unchecked(&self.0) }
    }

    /// The same text in memory of its own, so that the frame it came in can be freed.
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// The UTF-8 bytes, which share the text's memory.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

/// Java's `String(byte[], UTF_8)` on bytes that are not all UTF-8. It is Unicode's recommended
/// practice, as in Rust, but for an encoded surrogate, whole or cut short: one U+FFFD in place of
/// one for each byte.
fn replace_malformed(mut bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    while !bytes.is_empty() {
        let (valid, bad) = match std::str::from_utf8(bytes) {
            Ok(valid) => (valid, 0),
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                let bad = malformed_len(rest, error.error_len());
                (std::str::from_utf8(valid).unwrap_or_default(), bad)
            }
        };
        text.push_str(valid);
        if bad > 0 {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        bytes = &bytes[valid.len() + bad..];
    }
    text
}

/// How many of the bytes, which begin with a malformed sequence, one U+FFFD stands for.
fn malformed_len(bytes: &[u8], unicode: Option<usize>) -> usize {
    match bytes {
        [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] => 3,
        [0xed, 0xa0..=0xbf, ..] => 2,
        // Without a length the bytes end within a sequence.
        _ => unicode.unwrap_or(bytes.len()),
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

/// As `str`, which `Borrow` promises.
impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}
