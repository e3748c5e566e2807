//! Java's regular expressions on the `regex` crate, and on `fancy-regex` where they look around or
//! back.
//!
//! [`translate`] rewrites what the two syntaxes write alike and mean differently (`\d`, `\w`, `.`,
//! `\Q..\E`, POSIX classes ...). [`compiled`] keeps the last patterns of the thread. Known to
//! differ: `(?i)` folds all of Unicode, and `$` does not match before a final line break.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::{EvalError, Result};

/// A compiled pattern.
pub enum Pattern {
    /// `(c|^)literal([^d]*)`: finds the value of a key in a list such as a query string; much the
    /// most frequent extraction, and a search for the literal is all it needs.
    Keyed(Keyed),
    /// Anything that a finite automaton can do.
    Plain(regex::Regex),
    /// Look-around, back references, possessive quantifiers.
    Fancy(Box<fancy_regex::Regex>),
}

/// See [`Pattern::Keyed`].
pub struct Keyed {
    before: u8,
    literal: String,
    until: u8,
}

/// Byte ranges of the groups of one match, the whole match first.
pub type Groups = Vec<Option<(usize, usize)>>;

impl Keyed {
    fn parse(pattern: &str) -> Option<Keyed> {
        let simple =
            |b: u8| b.is_ascii() && !b.is_ascii_control() && !b"\\^$.|?*+()[]{}-&".contains(&b);
        let one = |b: u8| simple(b) || b == b'&' || b == b'-';
        let rest = pattern.strip_prefix('(')?;
        let before = *rest.as_bytes().first().filter(|b| one(**b))?;
        let rest = rest[1..].strip_prefix("|^)")?;
        let (literal, rest) = rest.split_once("([^")?;
        let until = *rest.as_bytes().first().filter(|b| one(**b))?;
        if rest[1..] != *"]*)" || literal.is_empty() || !literal.bytes().all(simple) {
            return None;
        }
        Some(Keyed { before, literal: literal.to_string(), until })
    }

    fn find_at(&self, text: &str, from: usize) -> Option<[(usize, usize); 3]> {
        let bytes = text.as_bytes();
        let finder = memchr::memmem::find_iter(&bytes[from..], self.literal.as_bytes());
        for at in finder.map(|at| at + from) {
            let start = match at.checked_sub(1).filter(|start| *start >= from) {
                Some(before) if bytes[before] == self.before => before,
                _ if at == 0 => 0,
                _ => continue,
            };
            let value = at + self.literal.len();
            let length = memchr::memchr(self.until, &bytes[value..]);
            let end = length.map_or(bytes.len(), |length| value + length);
            return Some([(start, end), (start, at), (value, end)]);
        }
        None
    }
}

impl Pattern {
    fn compile(pattern: &str) -> std::result::Result<Pattern, String> {
        if let Some(keyed) = Keyed::parse(pattern) {
            return Ok(Pattern::Keyed(keyed));
        }
        let translated = translate(pattern);
        match regex::Regex::new(&translated) {
            Ok(regex) => Ok(Pattern::Plain(regex)),
            Err(_) => match fancy_regex::Regex::new(&translated) {
                Ok(regex) => Ok(Pattern::Fancy(Box::new(regex))),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// Number of capturing groups, the whole match not counted.
    pub fn group_count(&self) -> usize {
        match self {
            Pattern::Keyed(_) => 2,
            Pattern::Plain(regex) => regex.captures_len() - 1,
            Pattern::Fancy(regex) => regex.captures_len() - 1,
        }
    }

    /// Whether the pattern occurs in the text.
    pub fn is_match(&self, text: &str) -> bool {
        match self {
            Pattern::Keyed(keyed) => keyed.find_at(text, 0).is_some(),
            Pattern::Plain(regex) => regex.is_match(text),
            Pattern::Fancy(regex) => regex.is_match(text).unwrap_or(false),
        }
    }

    /// The first match at or after a byte offset.
    pub fn find_at(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        match self {
            Pattern::Keyed(keyed) => keyed.find_at(text, from).map(|groups| groups[0]),
            Pattern::Plain(regex) => regex.find_at(text, from).map(|m| (m.start(), m.end())),
            Pattern::Fancy(regex) => {
                let found = regex.find_from_pos(text, from).ok().flatten()?;
                Some((found.start(), found.end()))
            }
        }
    }

    /// One group of the first match at or after a byte offset: the outer `None` says no match,
    /// the inner one that the group took no part. The second value is the whole match.
    pub fn group_at(
        &self,
        text: &str,
        from: usize,
        group: usize,
    ) -> Option<(Option<(usize, usize)>, (usize, usize))> {
        if group == 0 {
            return self.find_at(text, from).map(|whole| (Some(whole), whole));
        }
        match self {
            Pattern::Keyed(keyed) => {
                let groups = keyed.find_at(text, from)?;
                Some((groups.get(group).copied(), groups[0]))
            }
            Pattern::Plain(regex) => {
                let mut locations = regex.capture_locations();
                let whole = regex.captures_read_at(&mut locations, text, from)?;
                Some((locations.get(group), (whole.start(), whole.end())))
            }
            Pattern::Fancy(regex) => {
                let captures = regex.captures_from_pos(text, from).ok().flatten()?;
                let whole = captures.get(0)?;
                let group = captures.get(group).map(|m| (m.start(), m.end()));
                Some((group, (whole.start(), whole.end())))
            }
        }
    }

    /// All matches in Java's order: after an empty match the search goes on one character later,
    /// after another where it ended (an empty match may follow there).
    pub fn matches<'p, 't>(&'p self, text: &'t str) -> Matches<'p, 't> {
        Matches { pattern: self, text, from: Some(0) }
    }
}

/// Iterator over all matches, as byte ranges.
pub struct Matches<'p, 't> {
    pattern: &'p Pattern,
    text: &'t str,
    from: Option<usize>,
}

impl Iterator for Matches<'_, '_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let (start, end) = self.pattern.find_at(self.text, self.from?)?;
        self.from = next_start(self.text, start, end);
        Some((start, end))
    }
}

/// Where the search goes on after a match; `None` at the end of the text.
pub fn next_start(text: &str, start: usize, end: usize) -> Option<usize> {
    if start < end {
        return Some(end);
    }
    text[end..].chars().next().map(|c| end + c.len_utf8())
}

/// `Pattern.compile(pattern)` for one that fails on error (`STR_TO_MAP`).
fn require(pattern: &str) -> Result<Rc<Pattern>> {
    compiled(pattern)
        .ok_or_else(|| EvalError::new(format!("'{pattern}' is not a regular expression")))
}

/// `text.split(pattern, limit)` of Java; limit 0 drops empty parts at the end.
pub fn java_split<'t>(text: &'t str, pattern: &str, limit: usize) -> Result<Vec<&'t str>> {
    let pattern = require(pattern)?;
    let mut parts = Vec::new();
    let mut last = 0;
    for (start, end) in pattern.matches(text) {
        if limit > 0 && parts.len() + 1 == limit {
            break;
        }
        if end == 0 {
            continue;
        }
        parts.push(&text[last..start]);
        last = end;
    }
    parts.push(&text[last..]);
    if limit == 0 && parts.len() > 1 {
        while parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
    }
    Ok(parts)
}

/// How many patterns a thread keeps.
const CACHED: usize = 32;

thread_local! {
    static CACHE: RefCell<VecDeque<(String, Option<Rc<Pattern>>)>> =
        const { RefCell::new(VecDeque::new()) };
}

/// The compiled pattern; `None` if it is not a regular expression.
pub fn compiled(pattern: &str) -> Option<Rc<Pattern>> {
    CACHE.with_borrow_mut(|cache| {
        if let Some(at) = cache.iter().position(|(text, _)| text == pattern) {
            if at > 0 {
                cache.swap(at, at - 1);
                return cache[at - 1].1.clone();
            }
            return cache[0].1.clone();
        }
        let made = Pattern::compile(pattern).ok().map(Rc::new);
        if cache.len() == CACHED {
            cache.pop_back();
        }
        cache.push_front((pattern.to_string(), made.clone()));
        made
    })
}

/// What `\d`, `\w`, `\s`, `\h`, `\v` are in Java, as the inside of a character class.
fn shorthand(c: char) -> Option<&'static str> {
    Some(match c {
        'd' | 'D' => "0-9",
        'w' | 'W' => "a-zA-Z_0-9",
        's' | 'S' => r"\t\n\x0B\f\r ",
        'h' | 'H' => r" \t\x{A0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}",
        'v' | 'V' => r"\n\x0B\f\r\x{85}\x{2028}\x{2029}",
        _ => return None,
    })
}

/// Java's POSIX classes are ASCII only.
fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => r"\x00-\x7F",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => r"!-/:-@\[-`{-~",
        "Graph" => "!-~",
        "Print" => " -~",
        "Blank" => r" \t",
        "Cntrl" => r"\x00-\x1F\x7F",
        "XDigit" => "0-9a-fA-F",
        "Space" => r"\t\n\x0B\f\r ",
        _ => return None,
    })
}

/// Rewrites a Java pattern so that Rust's engines read it with Java's meaning.
pub fn translate(pattern: &str) -> String {
    let dot_all = has_flag(pattern, 's');
    let unicode_case = pattern.contains("(?U");
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut class_depth = 0usize;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => rest = escape(rest, class_depth > 0, unicode_case, &mut out),
            '[' => {
                class_depth += 1;
                out.push('[');
                if let Some(tail) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = tail;
                }
                // Java takes a bracket right at the start of a class as itself.
                if let Some(tail) = rest.strip_prefix(']') {
                    out.push_str(r"\]");
                    rest = tail;
                }
            }
            ']' if class_depth > 0 => {
                class_depth -= 1;
                out.push(']');
            }
            // Only `&&` has a meaning in a Java class; `--` and `~~` have one in Rust's too.
            '~' if class_depth > 0 => out.push_str(r"\~"),
            '-' if class_depth > 0 && rest.starts_with('-') => out.push_str(r"\-"),
            '.' if class_depth == 0 && !dot_all => {
                out.push_str(r"[^\n\r\x{85}\x{2028}\x{2029}]");
            }
            _ => out.push(c),
        }
    }
    out
}

/// Whether an inline flag group such as `(?is)` or `(?s:..)` turns the flag on.
fn has_flag(pattern: &str, flag: char) -> bool {
    pattern.match_indices("(?").any(|(at, _)| {
        let flags = pattern[at + 2..].chars().take_while(char::is_ascii_alphabetic);
        flags.into_iter().any(|c| c == flag)
    })
}

/// Translates what follows a backslash; gives the rest of the pattern.
fn escape<'a>(rest: &'a str, in_class: bool, unicode: bool, out: &mut String) -> &'a str {
    let Some(c) = rest.chars().next() else {
        out.push('\\');
        return rest;
    };
    let tail = &rest[c.len_utf8()..];
    if let Some(inside) = shorthand(c).filter(|_| !unicode) {
        let negated = if c.is_ascii_uppercase() { "^" } else { "" };
        match (in_class, negated) {
            (true, "") => out.push_str(inside),
            _ => out.push_str(&format!("[{negated}{inside}]")),
        }
        return tail;
    }
    match c {
        'Q' => {
            let (quoted, tail) = tail.split_once(r"\E").unwrap_or((tail, ""));
            out.push_str(&regex::escape(quoted));
            return tail;
        }
        'E' => {}
        'Z' => out.push_str(r"\z"),
        'R' => out.push_str(r"(?:\r\n|[\n\x0B\f\r\x{85}\x{2028}\x{2029}])"),
        'e' => out.push_str(r"\x1B"),
        'u' if tail.len() >= 4 && tail.is_char_boundary(4) => {
            out.push_str(&format!(r"\x{{{}}}", &tail[..4]));
            return &tail[4..];
        }
        'p' | 'P' => return property(c == 'P', tail, in_class, out),
        _ if c.is_ascii_alphanumeric() => out.extend(['\\', c]),
        _ => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
    }
    tail
}

/// `\p{..}`: POSIX classes, and Java's `Is`/`In`/`java` prefixes.
fn property<'a>(negated: bool, rest: &'a str, in_class: bool, out: &mut String) -> &'a str {
    let (name, tail) = match rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
        Some(found) => found,
        None => rest.split_at(rest.chars().next().map_or(0, char::len_utf8)),
    };
    if let Some(inside) = posix(name) {
        match (in_class, negated) {
            (true, false) => out.push_str(inside),
            _ => out.push_str(&format!("[{}{inside}]", if negated { "^" } else { "" })),
        }
        return tail;
    }
    let plain = ["java", "Is", "In"].iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name);
    let plain = match plain {
        "LowerCase" => "Lowercase",
        "UpperCase" => "Uppercase",
        "Whitespace" => "White_Space",
        "Digit" => "Nd",
        "Letter" => "L",
        other => other,
    };
    out.push_str(&format!(r"\{}{{{plain}}}", if negated { 'P' } else { 'p' }));
    tail
}

#[cfg(test)]
mod tests;
