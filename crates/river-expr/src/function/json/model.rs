//! JSON documents as Flink's Jackson reads and writes them: numbers keep their digits
//! (`BigDecimal`), what follows the first value is ignored, objects are written in key order.

use std::fmt::Write;

use crate::function::java_text;

/// Deepest nesting that is read (Jackson's limit).
const MAX_DEPTH: usize = 1000;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as Java writes it: an integer's digits, or `BigDecimal.toString`.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object in document order, a repeated key with its last value.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads the first value of the text.
    pub fn parse(text: &str) -> Result<Json, String> {
        Parser { text, at: 0, unique_keys: false, raw_numbers: false }.root()
    }

    /// As [`Json::parse`], numbers left as they are written, and on demand an error for a key that
    /// is repeated in an object.
    pub fn parse_raw(text: &str, unique_keys: bool) -> Result<Json, String> {
        Parser { text, at: 0, unique_keys, raw_numbers: true }.root()
    }

    /// Neither array nor object (`null` counts as scalar).
    pub fn is_scalar(&self) -> bool {
        !matches!(self, Json::Array(_) | Json::Object(_))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(fields) => fields.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// `String.valueOf` of a scalar: text without quotes.
    pub fn scalar_text(&self) -> String {
        match self {
            Json::String(s) => s.clone(),
            other => other.to_text(),
        }
    }

    /// Compact text, objects in key order.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// Appends the compact text.
    pub fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Json::Number(text) => out.push_str(text),
            Json::String(s) => write_string(s, out),
            Json::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Json::Object(fields) => {
                let mut sorted: Vec<&(String, Json)> = fields.iter().collect();
                sorted.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
                out.push('{');
                for (i, (key, value)) in sorted.into_iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_string(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Appends a quoted JSON string, escaped as Jackson does.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    unique_keys: bool,
    raw_numbers: bool,
}

impl Parser<'_> {
    fn root(&mut self) -> Result<Json, String> {
        let value = self.value(0)?;
        // A bare word or number must end where it ends; anything else may follow the value.
        let bare = matches!(value, Json::Null | Json::Bool(_) | Json::Number(_));
        match self.peek() {
            Some(b) if bare && !b.is_ascii_whitespace() => Err(self.unexpected()),
            _ => Ok(value),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected(&self) -> String {
        match self.text[self.at..].chars().next() {
            Some(c) => format!("Unexpected character '{c}' at offset {} of the JSON text", self.at),
            None => "Unexpected end of the JSON text".to_string(),
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        self.skip_blanks();
        if self.peek() != Some(byte) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        if depth > MAX_DEPTH {
            return Err(format!("JSON nested deeper than {MAX_DEPTH}"));
        }
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, String> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.unexpected());
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut fields: Vec<(String, Json)> = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(fields));
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected());
            }
            let key = self.string()?;
            self.expect(b':')?;
            let value = self.value(depth + 1)?;
            match fields.iter_mut().find(|(k, _)| *k == key) {
                Some(_) if self.unique_keys => return Err("VARIANT_DUPLICATE_KEY".to_string()),
                Some(field) => field.1 = value,
                None => fields.push((key, value)),
            }
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(fields));
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::Array(items));
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn digits(&mut self) -> Result<(), String> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected());
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.unexpected());
            }
        } else {
            self.digits()?;
        }
        let whole_end = self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if self.raw_numbers {
            return Ok(Json::Number(text.to_string()));
        }
        if self.at == whole_end {
            return Ok(Json::Number(if text == "-0" { "0" } else { text }.to_string()));
        }
        let number = java_text::big_decimal_of(text).ok_or("number out of range")?;
        Ok(Json::Number(number))
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut units: Vec<u16> = Vec::new();
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let c = rest.chars().next().ok_or_else(|| self.unexpected())?;
            if c == '\\' && rest.as_bytes().get(1) == Some(&b'u') {
                let hex = rest.get(2..6).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
                let unit = hex.and_then(|h| u16::from_str_radix(h, 16).ok());
                units.push(unit.ok_or_else(|| self.unexpected())?);
                self.at += 6;
                continue;
            }
            if !units.is_empty() {
                super::super::string::utf16::append(&units, &mut out);
                units.clear();
            }
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(out),
                '\\' => {
                    let escaped = match self.peek() {
                        Some(b'"') => '"',
                        Some(b'\\') => '\\',
                        Some(b'/') => '/',
                        Some(b'b') => '\u{8}',
                        Some(b'f') => '\u{c}',
                        Some(b'n') => '\n',
                        Some(b'r') => '\r',
                        Some(b't') => '\t',
                        _ => return Err(self.unexpected()),
                    };
                    out.push(escaped);
                    self.at += 1;
                }
                c if c < ' ' => {
                    self.at -= 1;
                    return Err(self.unexpected());
                }
                c => out.push(c),
            }
        }
    }
}
