//! Java's view of a string, for the functions that Flink computes on `java.lang.String`: indices
//! count UTF-16 code units, and half a surrogate pair that is written out becomes `?`.

/// The UTF-16 code units of `text`.
pub fn encode(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// Appends code units as text; a lone surrogate becomes `?` as in Java's UTF-8 encoder.
pub fn append(units: &[u16], out: &mut String) {
    out.extend(char::decode_utf16(units.iter().copied()).map(|c| c.unwrap_or('?')));
}

/// Number of UTF-16 code units in `text`.
pub fn length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}
