//! Script text to tokens (the token section of Calcite's `Parser.jj`, lexical state `BTID`).
//!
//! Comments vanish, except `/*+`, which opens a hint and is a symbol of its own.

use super::ast::Span;
use super::error::{ParseError, Result};
use super::keyword;
use super::token::{Token, TokenKind};

/// All tokens of a text, the last one being [`TokenKind::End`].
pub(super) fn tokenize(text: &str) -> Result<Vec<Token>> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::with_capacity(text.len() / 5 + 1);
    loop {
        let token = lexer.next()?;
        tokens.push(token);
        if token.kind == TokenKind::End {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// Symbols, longest first.
const SYMBOLS: &[&str] = &[
    "/*+", "*/", "<=", ">=", "<>", "!=", "||", "=>", "->", "..", "::", "<<", "(", ")", "{", "}",
    "[", "]", ";", ".", ",", "=", ">", "<", "?", ":", "+", "-", "*", "/", "%", "|", "^", "&", "$",
];

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Result<Token> {
        self.skip_blanks()?;
        let start = self.at;
        let kind = self.kind()?;
        Ok(Token { kind, span: Span::new(start, self.at) })
    }

    fn kind(&mut self) -> Result<TokenKind> {
        let Some(c) = self.rest().chars().next() else { return Ok(TokenKind::End) };
        match c {
            '\'' => {
                self.quoted_string(0)?;
                return Ok(TokenKind::String);
            }
            '`' => return self.quoted_identifier(),
            '0'..='9' => return Ok(self.number()),
            '.' if self.byte(1).is_some_and(|b| b.is_ascii_digit()) => return Ok(self.number()),
            _ => {}
        }
        if let Some(kind) = self.prefixed_string()? {
            return Ok(kind);
        }
        if is_letter(c) {
            return Ok(self.word());
        }
        for symbol in SYMBOLS {
            if self.rest().starts_with(symbol) {
                self.at += symbol.len();
                return Ok(TokenKind::Symbol(symbol));
            }
        }
        Err(self.unknown_character(c))
    }

    fn unknown_character(&self, c: char) -> ParseError {
        let span = Span::new(self.at, self.at + c.len_utf8());
        let shown = if c == '"' { c.to_string() } else { c.escape_debug().to_string() };
        let error = ParseError::new(format!("unknown character `{shown}`"), span);
        match c {
            '"' => error.with_hint(
                "names that need quotes stand in back-ticks (`name`), texts in single quotes \
                 ('text')",
            ),
            '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' | '\u{ab}' | '\u{bb}' => {
                error.with_hint("write plain quotes: 'text' or `name`")
            }
            '\u{a0}' | '\u{200b}' | '\u{feff}' => {
                error.with_hint("this is an invisible character; write a plain blank instead")
            }
            _ => error,
        }
    }

    /// Blanks and comments.
    fn skip_blanks(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            if rest.starts_with("--") || rest.starts_with("//") {
                self.at += rest.find('\n').map_or(rest.len(), |i| i + 1);
            } else if rest.starts_with("/*") && !rest.starts_with("/*+") {
                match rest[2..].find("*/") {
                    Some(i) => self.at += i + 4,
                    None => return Err(self.unclosed("comment", "*/", 2)),
                }
            } else if let Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0c) = self.byte(0) {
                self.at += 1;
            } else {
                return Ok(());
            }
        }
    }

    fn unclosed(&self, what: &str, closing: &str, width: usize) -> ParseError {
        let span = Span::new(self.at, (self.at + width).min(self.text.len()));
        let mut error = ParseError::new(format!("unclosed {what}"), span)
            .with_label(format!("the {what} begins here"))
            .with_hint(format!("close it with `{closing}`"));
        error.incomplete = true;
        error
    }

    /// A string whose opening quote stands `prefix` bytes ahead; doubled quotes stay doubled.
    fn quoted_string(&mut self, prefix: usize) -> Result<()> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + prefix + 1;
        while at < bytes.len() {
            if bytes[at] == b'\'' {
                if bytes.get(at + 1) != Some(&b'\'') {
                    self.at = at + 1;
                    return Ok(());
                }
                at += 1;
            }
            at += 1;
        }
        Err(self.unclosed("string", "'", prefix + 1))
    }

    fn quoted_identifier(&mut self) -> Result<TokenKind> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        while at < bytes.len() && bytes[at] != b'\n' && bytes[at] != b'\r' {
            if bytes[at] == b'`' {
                if bytes.get(at + 1) != Some(&b'`') {
                    if at == self.at + 1 {
                        let span = Span::new(self.at, at + 1);
                        return Err(ParseError::new("a name cannot be empty", span));
                    }
                    self.at = at + 1;
                    return Ok(TokenKind::QuotedIdent);
                }
                at += 1;
            }
            at += 1;
        }
        Err(self.unclosed("quoted name", "`", 1))
    }

    /// `X'..'`, `U&'..'`, `N'..'`, `_charset'..'`, `E'..'`
    fn prefixed_string(&mut self) -> Result<Option<TokenKind>> {
        let rest = self.rest().as_bytes();
        let (prefix, kind) = match rest {
            [b'x' | b'X', b'\'', ..] => (1, TokenKind::BinaryString),
            [b'n' | b'N', b'\'', ..] => (1, TokenKind::PrefixedString),
            [b'u' | b'U', b'&', b'\'', ..] => (2, TokenKind::UnicodeString),
            [b'e' | b'E', b'\'', ..] => return self.escaped_string().map(Some),
            [b'_', first, ..] if first.is_ascii_alphanumeric() => {
                let is_name = |b: &u8| b.is_ascii_alphanumeric() || b":.-_".contains(b);
                let length = rest.iter().take_while(|b| is_name(b)).count();
                if rest.get(length) != Some(&b'\'') {
                    return Ok(None);
                }
                (length, TokenKind::PrefixedString)
            }
            _ => return Ok(None),
        };
        self.quoted_string(prefix)?;
        Ok(Some(kind))
    }

    fn escaped_string(&mut self) -> Result<TokenKind> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 2;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 1,
                b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 1,
                b'\'' => {
                    self.at = at + 1;
                    return Ok(TokenKind::EscapedString);
                }
                _ => {}
            }
            at += 1;
        }
        Err(self.unclosed("string", "'", 2))
    }

    fn number(&mut self) -> TokenKind {
        let digits = |at: usize| {
            self.text.as_bytes()[at..].iter().take_while(|b| b.is_ascii_digit()).count()
        };
        let bytes = self.text.as_bytes();
        let mut at = self.at + digits(self.at);
        let mut kind = TokenKind::Integer;
        if bytes.get(at) == Some(&b'.') && bytes.get(at + 1) != Some(&b'.') {
            at += 1;
            at += digits(at);
            kind = TokenKind::Decimal;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            if bytes.get(at + 1 + sign).is_some_and(|b| b.is_ascii_digit()) {
                at += 1 + sign;
                at += digits(at);
                kind = TokenKind::Approximate;
            }
        }
        self.at = at;
        kind
    }

    fn word(&mut self) -> TokenKind {
        let rest = self.rest();
        let end = rest.find(|c: char| !is_letter(c) && !is_digit(c)).unwrap_or(rest.len());
        let reserved = keyword::is_reserved(&rest[..end]);
        self.at += end;
        TokenKind::Word { reserved }
    }
}

/// Characters that may begin an unquoted name.
fn is_letter(c: char) -> bool {
    matches!(c,
        '$' | '_' | 'A'..='Z' | 'a'..='z'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{1fff}'
        | '\u{3040}'..='\u{318f}' | '\u{3300}'..='\u{337f}' | '\u{3400}'..='\u{3d2d}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// Digits of any script that may follow in an unquoted name.
fn is_digit(c: char) -> bool {
    // The digits of other scripts lie inside the letter ranges above already.
    c.is_ascii_digit()
}
