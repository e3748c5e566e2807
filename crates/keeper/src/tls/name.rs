//! The name in a certificate, as Java writes it: the id of `x509` in ACLs.
//!
//! The certificate was verified when this is asked; a part that cannot be read gives no name.
//!
//! Rules: `X500Principal.getName` (RFC 2253), as `X509AuthenticationProvider` calls it.

use std::fmt::Write as _;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT: u8 = 0x06;
const VERSION: u8 = 0xa0;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const TELETEX: u8 = 0x14;
const IA5: u8 = 0x16;
const UNIVERSAL: u8 = 0x1c;
const BMP: u8 = 0x1e;

/// Attributes that RFC 2253 has words for.
const WORDS: &[(&[u8], &str)] = &[
    (&[0x55, 0x04, 0x03], "CN"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x09], "STREET"),
    (&[0x55, 0x04, 0x0a], "O"),
    (&[0x55, 0x04, 0x0b], "OU"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19], "DC"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01], "UID"),
];

/// The first element of DER: its tag, what it holds, and what is behind it.
pub(super) fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (contents, behind) = rest.split_at_checked(len)?;
    Some((*tag, contents, behind))
}

/// An element that must be of a kind, and what is behind it.
fn expect(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, contents, behind) = element(der)?;
    (tag == wanted).then_some((contents, behind))
}

/// The subject of a certificate; `None` if it cannot be read.
pub(super) fn subject(certificate: &[u8]) -> Option<String> {
    let (certificate, _) = expect(certificate, SEQUENCE)?;
    let (body, _) = expect(certificate, SEQUENCE)?;
    let mut rest = body;
    if let Some((VERSION, _, behind)) = element(rest) {
        rest = behind;
    }
    // Serial number, algorithm, issuer, validity.
    for _ in 0..4 {
        (_, _, rest) = element(rest)?;
    }
    let (name, _) = expect(rest, SEQUENCE)?;
    rfc2253(name)
}

/// A name: its parts from the last to the first.
fn rfc2253(mut name: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    while !name.is_empty() {
        let (mut set, behind) = expect(name, SET)?;
        name = behind;
        let mut attributes = Vec::new();
        while !set.is_empty() {
            let (attribute, behind) = expect(set, SEQUENCE)?;
            set = behind;
            attributes.push(self::attribute(attribute)?);
        }
        parts.push(attributes.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

fn attribute(attribute: &[u8]) -> Option<String> {
    let (object, value) = expect(attribute, OBJECT)?;
    let (tag, contents, _) = element(value)?;
    let word = WORDS.iter().find(|(known, _)| *known == object).map(|(_, word)| *word);
    match (word, text(tag, contents)) {
        (Some(word), Some(text)) => Some(format!("{word}={}", escaped(&text))),
        (word, _) => {
            let name = word.map_or_else(|| dotted(object), |word| Some(word.to_owned()))?;
            let mut shown = format!("{name}=#");
            for byte in value {
                // Writing to a text does not fail.
                let _ = write!(shown, "{byte:02x}");
            }
            Some(shown)
        }
    }
}

/// A text of any of the kinds that names have.
fn text(tag: u8, contents: &[u8]) -> Option<String> {
    match tag {
        UTF8 | PRINTABLE | IA5 => Some(String::from_utf8_lossy(contents).into_owned()),
        TELETEX => Some(contents.iter().copied().map(char::from).collect()),
        BMP => {
            let units = contents.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            Some(char::decode_utf16(units).map(|letter| letter.unwrap_or('\u{fffd}')).collect())
        }
        UNIVERSAL => {
            let letters = contents.chunks_exact(4).map(|four| {
                let code = four.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
                char::from_u32(code).unwrap_or('\u{fffd}')
            });
            Some(letters.collect())
        }
        _ => None,
    }
}

/// With a backslash before what would end a part, at both ends before blanks.
fn escaped(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let first = letters.iter().position(|letter| *letter != ' ').unwrap_or(letters.len());
    let last = letters.iter().rposition(|letter| *letter != ' ').unwrap_or(0);
    let mut shown = String::with_capacity(text.len());
    for (place, letter) in letters.into_iter().enumerate() {
        let outer = letter == ' ' && (place < first || place > last);
        let begins = letter == '#' && place == 0;
        if outer || begins || matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') {
            shown.push('\\');
        }
        shown.push(letter);
    }
    shown
}

/// An object's number.
fn dotted(object: &[u8]) -> Option<String> {
    let mut numbers = Vec::new();
    let mut number: u64 = 0;
    for byte in object {
        number = number.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            numbers.push(number);
            number = 0;
        }
    }
    let (first, rest) = numbers.split_first()?;
    let top = (*first / 40).min(2);
    let mut shown = format!("{top}.{}", first - top * 40);
    for number in rest {
        let _ = write!(shown, ".{number}");
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DER of an element shorter than 128 bytes.
    fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
        [&[tag, contents.len() as u8], contents].concat()
    }

    fn name(attributes: &[(&[u8], u8, &[u8])]) -> Option<String> {
        let parts = attributes.iter().map(|(object, tag, value)| {
            let attribute = [der(OBJECT, object), der(*tag, value)].concat();
            der(SET, &der(SEQUENCE, &attribute))
        });
        rfc2253(&parts.collect::<Vec<_>>().concat())
    }

    #[test]
    fn names_as_java_writes_them() {
        let (country, common) = (WORDS[1].0, WORDS[0].0);
        // 1.2.840.113549.1.9.1, an address of mail: no word of RFC 2253.
        let mail: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];
        let shown = name(&[
            (country, PRINTABLE, b"DE"),
            (common, UTF8, " a, b=\"c\" \u{e9}+ ".as_bytes()),
            (mail, IA5, b"x@y"),
        ]);
        let expected =
            "1.2.840.113549.1.9.1=#1603784079,CN=\\ a\\, b\\=\\\"c\\\" \u{e9}\\+\\ ,C=DE";
        assert_eq!(shown.as_deref(), Some(expected));
        assert_eq!(name(&[(common, BMP, &[0, b'k', 0x20, 0xac])]).as_deref(), Some("CN=k\u{20ac}"));
        assert_eq!(name(&[(common, UTF8, b"#x")]).as_deref(), Some("CN=\\#x"));
        assert_eq!(name(&[]).as_deref(), Some(""));
    }

    #[test]
    fn what_is_cut_off_has_no_name() {
        let whole = der(SET, &der(SEQUENCE, &[der(OBJECT, WORDS[0].0), der(UTF8, b"a")].concat()));
        for len in 1..whole.len() {
            assert_eq!(rfc2253(&whole[..len]), None, "{len}");
        }
        assert_eq!(subject(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
