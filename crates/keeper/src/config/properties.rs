//! Keys and values of a file in the syntax of `java.util.Properties`.
//!
//! `#` and `!` begin comments; `=`, `:` or a blank ends a key; a backslash at the end of a line
//! joins the next one, which loses its first blanks; `\t`, `\n`, `\uXXXX` are escapes, any other
//! character behind a backslash stands for itself. Bytes are UTF-8 (Java's are Latin-1: paths
//! beyond ASCII are what people write). Of a key that comes twice the last value counts.
//!
//! Apache's server makes a system property `zookeeper.key` of each key that it does not know, so
//! that such a key may be written with or without that prefix.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::{Error, Result};

/// What Apache puts before keys that become system properties.
const PREFIX: &str = "zookeeper.";

/// The keys of a file.
#[derive(Debug, Clone, Default)]
pub struct Properties {
    file: PathBuf,
    text: String,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    value: String,
    line: usize,
}

impl Properties {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self> {
        let fail = |message: String| Error { file: path.to_path_buf(), line: 0, message };
        let bytes = std::fs::read(path)
            .map_err(|error| fail(format!("cannot be read: {error}; name a zoo.cfg")))?;
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            // Java reads Latin-1.
            Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
        };
        Self::parse(path, &text)
    }

    /// Reads the text of a file.
    pub fn parse(file: &Path, text: &str) -> Result<Self> {
        let mut entries = BTreeMap::new();
        for (line, logical) in logical_lines(text) {
            let (key, value) = split(&logical);
            let key = unescape(key).and_then(|key| Ok((key, unescape(value)?)));
            let (key, value) = key.map_err(|message| {
                let file = file.to_path_buf();
                Error { file, line, message: format!("{message} in '{logical}'") }
            })?;
            let key = key.trim().to_owned();
            let value = value.trim().to_owned();
            entries.insert(key, Entry { value, line });
        }
        Ok(Self { file: file.to_path_buf(), text: text.to_owned(), entries })
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Its text, as it was at the start.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, entry)| (key.as_str(), entry.value.as_str()))
    }

    /// The value of a key, given with or without `zookeeper.`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entry(key).map(|entry| entry.value.as_str())
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        if let Some(entry) = self.entries.get(key) {
            return Some(entry);
        }
        match key.strip_prefix(PREFIX) {
            Some(bare) => self.entries.get(bare),
            None => self.entries.get(&format!("{PREFIX}{key}")),
        }
    }

    /// The value of a key; `None` where it is missing or empty.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key).filter(|value| !value.is_empty())
    }

    /// A number.
    pub fn number<T: FromStr>(&self, key: &str, default: T) -> Result<T> {
        self.optional_number(key).map(|number| number.unwrap_or(default))
    }

    /// A number that may be missing.
    pub fn optional_number<T: FromStr>(&self, key: &str) -> Result<Option<T>> {
        let Some(value) = self.text_of(key) else { return Ok(None) };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.error(key, "is not a number in its range: correct or remove it")),
        }
    }

    /// One of Apache's configuration keys that say true or false, and nothing else.
    pub fn boolean(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(self.error(key, "must be true or false")),
        }
    }

    /// One of Apache's system properties that say true, or anything else for false.
    pub fn flag(&self, key: &str, default: bool) -> bool {
        let Some(value) = self.get(key) else { return default };
        let is_true = value.eq_ignore_ascii_case("true");
        if !is_true && !value.eq_ignore_ascii_case("false") {
            let (file, value) = (self.file.display(), value.to_owned());
            tracing::warn!("{file}: {key}={value} is taken for false, as Apache ZooKeeper does");
        }
        is_true
    }

    /// An error about a key's value: `message` says what is wrong with it and what helps.
    pub fn error(&self, key: &str, message: &str) -> Error {
        let (line, value) = match self.entry(key) {
            Some(entry) => (entry.line, entry.value.as_str()),
            None => (0, ""),
        };
        Error { file: self.file.clone(), line, message: format!("{key}={value}: {message}") }
    }

    /// An error about the file.
    pub fn error_of_file(&self, message: String) -> Error {
        Error { file: self.file.clone(), line: 0, message }
    }
}

/// Lines without comments, joined where they end in a backslash, with the number of the first.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let mut logical = line.trim_start_matches(is_blank).to_owned();
        if logical.is_empty() || logical.starts_with(['#', '!']) {
            continue;
        }
        while ends_in_backslash(&logical) {
            logical.pop();
            let Some((_, next)) = lines.next() else { break };
            logical.push_str(next.trim_start_matches(is_blank));
        }
        found.push((number + 1, logical));
    }
    found
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

/// An odd number of them: an even one is that many halves, written as themselves.
fn ends_in_backslash(line: &str) -> bool {
    line.chars().rev().take_while(|character| *character == '\\').count() % 2 == 1
}

/// Key and value, still with their escapes.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.char_indices().find(|(_, character)| {
        let ends = !escaped && (is_blank(*character) || matches!(character, '=' | ':'));
        escaped = *character == '\\' && !escaped;
        ends
    });
    let end = end.map_or(line.len(), |(at, _)| at);
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(is_blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(is_blank))
}

fn unescape(text: &str) -> std::result::Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let mut one = character;
        if character == '\\' {
            one = match characters.next() {
                None => break,
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = characters.by_ref().take(4).collect();
                    let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                    let unit = unit.ok_or_else(|| format!("malformed \\u{digits}"))?;
                    units.push(unit);
                    continue;
                }
                Some(other) => other,
            };
        }
        plain.push_str(&String::from_utf16_lossy(&units));
        units.clear();
        plain.push(one);
    }
    plain.push_str(&String::from_utf16_lossy(&units));
    Ok(plain)
}
