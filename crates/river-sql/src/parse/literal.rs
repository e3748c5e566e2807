//! Constants.

use super::ast::{Expr, ExprKind, Literal, Span, Spanned, Text};
use super::error::{ParseError, Result};
use super::parser::Parser;
use super::token::TokenKind;

impl Parser<'_> {
    /// The constant that begins here, if one does.
    pub(super) fn literal(&mut self) -> Result<Option<Expr>> {
        let start = self.span();
        let literal = match self.kind() {
            TokenKind::Integer | TokenKind::Decimal | TokenKind::Approximate => {
                let token = self.bump();
                Literal::Number(self.text_of(token.span).to_owned())
            }
            TokenKind::String
            | TokenKind::PrefixedString
            | TokenKind::UnicodeString
            | TokenKind::EscapedString => Literal::String(self.character_string()?),
            TokenKind::BinaryString => Literal::Binary(self.binary_string()?),
            TokenKind::Word { .. } => match self.word_literal()? {
                Some(literal) => literal,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(Expr::new(ExprKind::Literal(literal), self.span_from(start))))
    }

    fn word_literal(&mut self) -> Result<Option<Literal>> {
        let simple = [
            ("TRUE", Literal::Boolean(true)),
            ("FALSE", Literal::Boolean(false)),
            ("UNKNOWN", Literal::Unknown),
            ("NULL", Literal::Null),
        ];
        for (word, literal) in simple {
            if self.peek_word(word) {
                self.bump();
                return Ok(Some(literal));
            }
        }
        if self.kind_at(1) == TokenKind::String {
            let make: Option<fn(Text) -> Literal> = match () {
                () if self.peek_word("DATE") => Some(Literal::Date),
                () if self.peek_word("TIME") => Some(Literal::Time),
                () if self.peek_word("TIMESTAMP") => Some(Literal::Timestamp),
                () => None,
            };
            if let Some(make) = make {
                self.bump();
                return self.string().map(make).map(Some);
            }
        }
        if self.peek_words(&["TIMESTAMP", "WITH"]) {
            self.bump();
            self.bump();
            let local = self.eat("LOCAL");
            self.expect_words(&["TIME", "ZONE"])?;
            let make = if local { Literal::TimestampLtz } else { Literal::TimestampTz };
            return self.string().map(make).map(Some);
        }
        Ok(None)
    }

    /// A string and the quoted pieces that follow it directly.
    fn character_string(&mut self) -> Result<String> {
        let mut value = self.one_string()?;
        while self.kind() == TokenKind::String {
            value.push_str(&self.one_string()?);
        }
        if self.eat_quietly("UESCAPE") {
            // Escapes were resolved with the standard backslash already.
            let escape = self.string()?;
            if escape.value != "\\" {
                return Err(ParseError::new("only `\\` can be the escape character", escape.span));
            }
        }
        Ok(value)
    }

    fn one_string(&mut self) -> Result<String> {
        let token = self.bump();
        let text = self.text_of(token.span);
        let open = text.find('\'').unwrap_or(0);
        let inner = &text[open + 1..text.len() - 1];
        match token.kind {
            TokenKind::UnicodeString => unicode_escapes(&inner.replace("''", "'"), token.span),
            TokenKind::EscapedString => c_escapes(inner, token.span),
            _ => Ok(inner.replace("''", "'")),
        }
    }

    fn binary_string(&mut self) -> Result<Vec<u8>> {
        let first = self.bump();
        let text = self.text_of(first.span);
        let mut digits = text[2..text.len() - 1].to_owned();
        let mut span = first.span;
        while self.kind() == TokenKind::String {
            let piece: Spanned<String> = self.string()?;
            digits.push_str(&piece.value);
            span = span.to(piece.span);
        }
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ParseError::new("a binary constant consists of hexadecimal digits", span)
                .with_hint("like this: X'0aff'"));
        }
        if digits.len() % 2 == 1 {
            let message = "a binary constant needs an even number of hexadecimal digits";
            return Err(ParseError::new(message, span));
        }
        let nibble = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
        Ok(digits.as_bytes().chunks(2).map(|pair| nibble(pair[0]) * 16 + nibble(pair[1])).collect())
    }
}

/// `\0041` is `A`, `\\` is a backslash; code units above 16 bits come as surrogate pairs.
fn unicode_escapes(text: &str, span: Span) -> Result<String> {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend(c.encode_utf16(&mut [0; 2]).iter());
            continue;
        }
        let rest = chars.as_str();
        if rest.starts_with('\\') {
            units.push(u16::from(b'\\'));
            chars.next();
            continue;
        }
        let code = rest.get(..4).and_then(|hex| u16::from_str_radix(hex, 16).ok());
        let Some(code) = code else {
            let error = ParseError::new("unicode escapes consist of four hexadecimal digits", span);
            return Err(error.with_hint("like this: U&'\\00e9'"));
        };
        units.push(code);
        chars.nth(3);
    }
    Ok(String::from_utf16_lossy(&units))
}

/// `\n`, `\t`, `\'`, `\x41`, `\101`, `\u0041`
fn c_escapes(text: &str, span: Span) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\'' {
            // A doubled quote.
            chars.next();
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some(kind @ ('x' | 'u' | 'U')) => {
                let width = match kind {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let hex: String = chars
                    .as_str()
                    .chars()
                    .take(width)
                    .take_while(char::is_ascii_hexdigit)
                    .collect();
                let code = u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32);
                let Some(code) = code else {
                    return Err(ParseError::new("this escape is no character", span));
                };
                out.push(code);
                chars.by_ref().take(hex.len()).for_each(drop);
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    Ok(out)
}
