//! Positions in text by Unicode code point, as Flink's `BinaryStringData` counts them.

/// Number of code points in `text`.
pub fn length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// Byte offset of the code point number `index` (from 0); the text's end if there are fewer.
pub fn offset(text: &str, index: usize) -> usize {
    let bytes = text.as_bytes();
    if bytes[..index.min(bytes.len())].is_ascii() {
        return index.min(bytes.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

/// The part from code point `start`, at most `count` of them.
pub fn part(text: &str, start: usize, count: usize) -> &str {
    let rest = &text[offset(text, start)..];
    &rest[..offset(rest, count)]
}

/// `BinaryStringDataUtil.substringSQL`: `position` counts from 1, from the end if negative; a
/// negative length gives NULL.
pub fn substring(text: &str, position: i32, count: Option<i32>) -> Option<&str> {
    let count = match count {
        Some(count) if count < 0 => return None,
        Some(count) => count as usize,
        None => usize::MAX,
    };
    let start = match position {
        0 => 0,
        p if p > 0 => p as usize - 1,
        p => match length(text).checked_sub(p.unsigned_abs() as usize) {
            Some(start) => start,
            None => return Some(""),
        },
    };
    Some(part(text, start, count))
}

/// Position from 1 of `needle` in `text` at or after code point `start` (from 0); 0 if absent. An
/// empty needle is found at 1.
pub fn position(text: &str, needle: &str, start: usize) -> i32 {
    if needle.is_empty() {
        return 1;
    }
    let from = offset(text, start);
    match text[from..].find(needle) {
        Some(at) => length(&text[..from + at]) as i32 + 1,
        None => 0,
    }
}
