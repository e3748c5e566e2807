//! A pull parser over one JSON text, with the tokens and the strictness of Jackson's `JsonParser`
//! as Flink sets it up (unescaped control characters allowed).
//!
//! It allocates only for strings with escapes. Flink's decoder depends on which token is current
//! after a value could not be converted, so tokens are given one by one exactly as Jackson does.
//! Never recurses; nesting is bounded by [`MAX_DEPTH`].

use std::borrow::Cow;

use crate::format::Fail;

/// Deepest nesting read (`StreamReadConstraints.DEFAULT_MAX_DEPTH`).
pub const MAX_DEPTH: usize = 1000;

/// Kinds of tokens (`JsonToken`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Token {
    StartObject,
    EndObject,
    StartArray,
    EndArray,
    FieldName,
    String,
    /// A number without fraction and exponent.
    Int,
    /// Any other number.
    Float,
    True,
    False,
    Null,
}

/// The parser; a clone goes on from the same place. `token` is the current token, `None` before
/// the first and after the last.
#[derive(Clone)]
pub struct Parser<'a> {
    text: &'a str,
    position: usize,
    /// The current token.
    pub token: Option<Token>,
    start: usize,
    end: usize,
    escaped: bool,
    /// For each open container whether it is an object.
    open: Vec<bool>,
    /// No member of the innermost container has come yet.
    first: bool,
    failed: bool,
}

/// A place to return to.
pub struct Mark {
    position: usize,
    token: Option<Token>,
    start: usize,
    end: usize,
    escaped: bool,
    depth: usize,
    first: bool,
}

impl<'a> Parser<'a> {
    /// A parser before the first token of `text`. `open` is scratch space, given back by
    /// [`Parser::into_scratch`].
    pub fn new(text: &'a str, mut open: Vec<bool>) -> Parser<'a> {
        open.clear();
        Parser {
            text,
            position: 0,
            token: None,
            start: 0,
            end: 0,
            escaped: false,
            open,
            first: true,
            failed: false,
        }
    }

    /// The scratch space.
    pub fn into_scratch(self) -> Vec<bool> {
        self.open
    }

    /// Where the current token starts.
    pub fn offset(&self) -> usize {
        self.start
    }

    /// An error at the current token.
    pub fn fail(&self, message: impl Into<String>) -> Fail {
        Fail::at(self.start, message)
    }

    /// An error of syntax; every further call fails too.
    fn broken<T>(&mut self, at: usize, message: impl Into<String>) -> Result<T, Fail> {
        self.failed = true;
        Err(Fail::at(at, message))
    }

    fn skip_blanks(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(self.position) {
            self.position += 1;
        }
    }

    /// Moves to the next token; `None` at the end of the text outside all containers.
    pub fn advance(&mut self) -> Result<Option<Token>, Fail> {
        if self.failed {
            return Err(Fail::at(self.position, "the JSON text is malformed"));
        }
        let after_name = self.token == Some(Token::FieldName);
        self.skip_blanks();
        let bytes = self.text.as_bytes();
        let Some(&next) = bytes.get(self.position) else {
            self.start = self.position;
            if self.open.is_empty() {
                self.token = None;
                return Ok(None);
            }
            return self.broken(self.position, "the JSON text ends within an object or array");
        };
        let in_object = self.open.last().copied();
        if !after_name {
            match (next, in_object) {
                (b'}', Some(true)) => return self.close(Token::EndObject),
                (b']', Some(false)) => return self.close(Token::EndArray),
                (_, Some(_)) if !self.first => {
                    if next != b',' {
                        return self.broken(
                            self.position,
                            format!("expected ',' or the end of the {}", container(in_object)),
                        );
                    }
                    self.position += 1;
                    self.skip_blanks();
                }
                _ => {}
            }
            self.first = false;
            if in_object == Some(true) {
                return self.field_name().map(Some);
            }
        }
        self.value().map(Some)
    }

    fn close(&mut self, token: Token) -> Result<Option<Token>, Fail> {
        self.open.pop();
        self.first = false;
        self.start = self.position;
        self.position += 1;
        self.end = self.position;
        self.token = Some(token);
        Ok(self.token)
    }

    fn field_name(&mut self) -> Result<Token, Fail> {
        if self.text.as_bytes().get(self.position) != Some(&b'"') {
            return self.broken(self.position, "expected a field name in double quotes");
        }
        self.string()?;
        self.skip_blanks();
        if self.text.as_bytes().get(self.position) != Some(&b':') {
            return self.broken(self.position, "expected ':' after the field name");
        }
        self.position += 1;
        self.token = Some(Token::FieldName);
        Ok(Token::FieldName)
    }

    fn value(&mut self) -> Result<Token, Fail> {
        self.start = self.position;
        let token = match self.text.as_bytes().get(self.position) {
            Some(b'{') => self.open_container(true)?,
            Some(b'[') => self.open_container(false)?,
            Some(b'"') => {
                self.string()?;
                Token::String
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Token::True)?,
            Some(b'f') => self.word("false", Token::False)?,
            Some(b'n') => self.word("null", Token::Null)?,
            _ => return self.broken(self.position, "expected a JSON value"),
        };
        self.token = Some(token);
        Ok(token)
    }

    fn open_container(&mut self, object: bool) -> Result<Token, Fail> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("objects and arrays are nested deeper than {MAX_DEPTH}");
            return self.broken(self.position, message);
        }
        self.open.push(object);
        self.first = true;
        self.position += 1;
        self.end = self.position;
        Ok(if object { Token::StartObject } else { Token::StartArray })
    }

    fn word(&mut self, word: &str, token: Token) -> Result<Token, Fail> {
        let rest = &self.text.as_bytes()[self.position..];
        let boundary = |b: &u8| !(b.is_ascii_alphanumeric() || *b == b'_' || *b == b'$');
        if !rest.starts_with(word.as_bytes()) || !rest.get(word.len()).is_none_or(boundary) {
            return self.broken(self.position, "expected 'true', 'false' or 'null'");
        }
        self.position += word.len();
        self.end = self.position;
        Ok(token)
    }

    /// Reads a string whose opening quote is at `position`.
    fn string(&mut self) -> Result<(), Fail> {
        let bytes = self.text.as_bytes();
        let opening = self.position;
        self.start = opening;
        let mut at = opening + 1;
        self.escaped = false;
        loop {
            at += plain_prefix(&bytes[at..]);
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.escaped = true;
                    match escape_length(&bytes[at..]) {
                        Some(length) => at += length,
                        None => return self.broken(at, "unknown escape in a string"),
                    }
                }
                _ => return self.broken(opening, "the string has no closing quote"),
            }
        }
        self.start = opening + 1;
        self.end = at;
        self.position = at + 1;
        Ok(())
    }

    fn number(&mut self) -> Result<Token, Fail> {
        let bytes = self.text.as_bytes();
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        let first = self.position + usize::from(bytes[self.position] == b'-');
        let mut at = digits(first);
        let mut token = Token::Int;
        let mut valid = at > first && (bytes[first] != b'0' || at == first + 1);
        if bytes.get(at) == Some(&b'.') {
            token = Token::Float;
            let end = digits(at + 1);
            valid &= end > at + 1;
            at = end;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            token = Token::Float;
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let end = digits(at + 1 + sign);
            valid &= end > at + 1 + sign;
            at = end;
        }
        let ended = matches!(bytes.get(at), None | Some(b' ' | b'\t' | b'\n' | b'\r'))
            || matches!(bytes.get(at), Some(b',' | b']' | b'}'));
        if !valid || (!ended && self.open.is_empty()) {
            return self.broken(self.position, "malformed number");
        }
        self.end = at;
        self.position = at;
        Ok(token)
    }

    /// The current token as text (`JsonParser.getText`).
    pub fn text(&self) -> Cow<'a, str> {
        match self.token {
            Some(Token::FieldName | Token::String) if self.escaped => {
                Cow::Owned(unescape(&self.text[self.start..self.end]))
            }
            Some(Token::EndObject) => Cow::Borrowed("}"),
            Some(Token::EndArray) => Cow::Borrowed("]"),
            _ => Cow::Borrowed(&self.text[self.start..self.end]),
        }
    }

    /// From an opening bracket, moves to its closing one; other tokens stay.
    pub fn skip_children(&mut self) -> Result<(), Fail> {
        if !matches!(self.token, Some(Token::StartObject | Token::StartArray)) {
            return Ok(());
        }
        let depth = self.open.len();
        while self.open.len() >= depth {
            self.advance()?;
        }
        Ok(())
    }

    /// The current place.
    pub fn mark(&self) -> Mark {
        Mark {
            position: self.position,
            token: self.token,
            start: self.start,
            end: self.end,
            escaped: self.escaped,
            depth: self.open.len(),
            first: self.first,
        }
    }

    /// Goes back to a mark from within the value that began there.
    pub fn reset(&mut self, mark: &Mark) {
        self.position = mark.position;
        self.token = mark.token;
        self.start = mark.start;
        self.end = mark.end;
        self.escaped = mark.escaped;
        self.first = mark.first;
        if self.open.len() < mark.depth {
            // Only the container that began at the mark can have been closed.
            self.open.push(mark.token == Some(Token::StartObject));
        }
        self.open.truncate(mark.depth);
    }
}

fn container(object: Option<bool>) -> &'static str {
    if object == Some(true) { "object" } else { "array" }
}

/// Length of the prefix without quote and backslash, eight bytes at a time.
fn plain_prefix(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let Ok(chunk) = <[u8; 8]>::try_from(chunk) else { break };
        let word = u64::from_le_bytes(chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let found =
            (quote.wrapping_sub(ONES) & !quote | backslash.wrapping_sub(ONES) & !backslash) & HIGHS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|b| !matches!(b, b'"' | b'\\')) {
        at += 1;
    }
    at
}

/// Length of the escape at the front.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => bytes.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

/// Resolves escapes; a lone surrogate becomes U+FFFD.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        let mut length = 2;
        match code {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let unit = |at: usize| {
                    rest.get(at + 2..at + 6).and_then(|hex| u32::from_str_radix(hex, 16).ok())
                };
                let high = unit(at).unwrap_or(0xFFFD);
                length = 6;
                let low = (rest.get(at + 6..at + 8) == Some("\\u")).then(|| unit(at + 6)).flatten();
                let pair = match (high, low) {
                    (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) => {
                        length = 12;
                        0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
                    }
                    _ => high,
                };
                out.push(char::from_u32(pair).unwrap_or('\u{FFFD}'));
            }
            other => out.push(char::from(other)),
        }
        rest = rest.get(at + length..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> String {
        let mut parser = Parser::new(text, Vec::new());
        let mut out = String::new();
        loop {
            match parser.advance() {
                Ok(None) => return out,
                Ok(Some(token)) => out += &format!("{token:?}({}) ", parser.text()),
                Err(fail) => return out + &format!("error at {}: {}", fail.offset, fail.message),
            }
        }
    }

    #[test]
    fn a_document_token_by_token() {
        assert_eq!(
            tokens(r#" {"a": [1, -2.5e3, "x\n\u65e5\ud83d\ude00"], "b":{}, "c" : null,"d":true} "#),
            "StartObject({) FieldName(a) StartArray([) Int(1) Float(-2.5e3) String(x\n日😀) \
             EndArray(]) FieldName(b) StartObject({) EndObject(}) FieldName(c) Null(null) \
             FieldName(d) True(true) EndObject(}) "
        );
    }

    #[test]
    fn malformed_text_says_where() {
        for (text, expected) in [
            ("not", "error at 0: expected 'true', 'false' or 'null'"),
            ("{\"a\" 1}", "StartObject({) error at 5: expected ':' after the field name"),
            ("[1 2]", "StartArray([) Int(1) error at 3: expected ',' or the end of the array"),
            ("[1,]", "StartArray([) Int(1) error at 3: expected a JSON value"),
            ("[01]", "StartArray([) error at 1: malformed number"),
            ("\"abc", "error at 0: the string has no closing quote"),
            ("\"\\x\"", "error at 1: unknown escape in a string"),
            ("[", "StartArray([) error at 1: the JSON text ends within an object or array"),
        ] {
            assert_eq!(tokens(text), expected);
        }
        assert!(tokens(&"[".repeat(2000)).contains("nested deeper"));
    }
}
