//! The parser's cursor: looking at tokens, taking them, and saying what was expected instead.
//!
//! Each part of the grammar is an `impl Parser` in a file of its own. Rules of all of them: no
//! backtracking (so time is linear), and every recursion goes through [`Parser::nested`] (so a
//! hostile text ends in an error, not in a stack overflow).

use super::ast::{Ident, ObjectName, PropertyOption, Span, Spanned, Text};
use super::error::{ParseError, Result, nearest};
use super::lexer::tokenize;
use super::token::{Token, TokenKind};

/// How deep queries, expressions, tables and types may nest in one another.
pub const MAX_DEPTH: usize = 200;
/// How many binary operators or set operations may stand in a row: the tree leans to the left, and
/// whoever walks it recurses as deep.
pub const MAX_CHAIN: usize = 2_000;

/// The state of parsing one text.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// What was asked for at the current token without success.
    expected: Vec<&'static str>,
    /// The token taken last as an alias without `AS`, where a misspelt keyword often ends up.
    bare_alias: Option<Span>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self> {
        let tokens = tokenize(text)?;
        Ok(Parser { text, tokens, at: 0, depth: 0, expected: Vec::new(), bare_alias: None })
    }

    // --- looking -----------------------------------------------------------------------------

    fn token(&self, ahead: usize) -> Token {
        let last = self.tokens.len() - 1;
        self.tokens[(self.at + ahead).min(last)]
    }

    pub(super) fn kind(&self) -> TokenKind {
        self.token(0).kind
    }

    pub(super) fn kind_at(&self, ahead: usize) -> TokenKind {
        self.token(ahead).kind
    }

    /// Where the current token stands.
    pub(super) fn span(&self) -> Span {
        self.token(0).span
    }

    /// Where the last taken token ended.
    pub(super) fn previous_end(&self) -> usize {
        if self.at == 0 { 0 } else { self.tokens[self.at - 1].span.end }
    }

    /// From `start` to the last taken token.
    pub(super) fn span_from(&self, start: Span) -> Span {
        Span::new(start.start, self.previous_end().max(start.start))
    }

    pub(super) fn text_of(&self, span: Span) -> &'a str {
        &self.text[span.start..span.end]
    }

    pub(super) fn at_end(&self) -> bool {
        self.kind() == TokenKind::End
    }

    /// Whether the token that far ahead is this unquoted word; not noted as expected.
    pub(super) fn peek_word_at(&self, ahead: usize, word: &str) -> bool {
        let token = self.token(ahead);
        matches!(token.kind, TokenKind::Word { .. })
            && self.text_of(token.span).eq_ignore_ascii_case(word)
    }

    pub(super) fn peek_word(&self, word: &str) -> bool {
        self.peek_word_at(0, word)
    }

    /// Whether these words come next; not noted as expected.
    pub(super) fn peek_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(i, word)| self.peek_word_at(i, word))
    }

    /// Whether one of these words comes next; not noted as expected.
    pub(super) fn peek_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.peek_word(word))
    }

    pub(super) fn peek_symbol_at(&self, ahead: usize, symbol: &str) -> bool {
        matches!(self.kind_at(ahead), TokenKind::Symbol(s) if s == symbol)
    }

    pub(super) fn peek_symbol(&self, symbol: &str) -> bool {
        self.peek_symbol_at(0, symbol)
    }

    // --- taking ------------------------------------------------------------------------------

    /// Takes the current token.
    pub(super) fn bump(&mut self) -> Token {
        let token = self.token(0);
        if self.at < self.tokens.len() - 1 {
            self.at += 1;
        }
        self.expected.clear();
        token
    }

    /// Takes the word if it comes next, else notes that it was expected.
    pub(super) fn eat(&mut self, word: &'static str) -> bool {
        if self.peek_word(word) {
            self.bump();
            return true;
        }
        self.expected.push(word);
        false
    }

    /// Takes all the words if they come next, else notes that the first was expected.
    pub(super) fn eat_words(&mut self, words: &'static [&'static str]) -> bool {
        if self.peek_words(words) {
            words.iter().for_each(|_| {
                self.bump();
            });
            return true;
        }
        self.expected.extend(words.first());
        false
    }

    pub(super) fn eat_symbol(&mut self, symbol: &'static str) -> bool {
        if self.peek_symbol(symbol) {
            self.bump();
            return true;
        }
        self.expected.push(symbol);
        false
    }

    pub(super) fn expect(&mut self, word: &'static str) -> Result<Span> {
        let span = self.span();
        if self.eat(word) { Ok(span) } else { Err(self.unexpected()) }
    }

    pub(super) fn expect_words(&mut self, words: &'static [&'static str]) -> Result<()> {
        words.iter().try_for_each(|word| self.expect(word).map(|_| ()))
    }

    pub(super) fn expect_symbol(&mut self, symbol: &'static str) -> Result<Span> {
        let span = self.span();
        if self.eat_symbol(symbol) { Ok(span) } else { Err(self.unexpected()) }
    }

    /// Notes something that could stand at the current token.
    pub(super) fn note(&mut self, what: &'static str) {
        self.expected.push(what);
    }

    /// Forgets what was noted so far at the current token.
    pub(super) fn forget_noted(&mut self) {
        self.expected.clear();
    }

    /// Takes the current token as something else than what was noted; an error.
    pub(super) fn expected<T>(&mut self, what: &'static str) -> Result<T> {
        self.note(what);
        Err(self.unexpected())
    }

    // --- bounds ------------------------------------------------------------------------------

    /// Runs one nested part of the grammar, with the depth counted.
    pub(super) fn nested<T>(&mut self, part: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            let message = format!("the statement nests deeper than {MAX_DEPTH} levels");
            return Err(ParseError::new(message, self.span())
                .with_hint("give inner queries a name with a view or WITH"));
        }
        self.depth += 1;
        let result = part(self);
        self.depth -= 1;
        result
    }

    /// Refuses chains that would make the tree too deep.
    pub(super) fn check_chain(&self, length: usize) -> Result<()> {
        if length <= MAX_CHAIN {
            return Ok(());
        }
        let message = format!("more than {MAX_CHAIN} operators in a row");
        Err(ParseError::new(message, self.span()).with_hint("put parts of it in parentheses"))
    }

    // --- errors ------------------------------------------------------------------------------

    /// The error for the current token not being any of what was noted.
    pub(super) fn unexpected(&mut self) -> ParseError {
        let token = self.token(0);
        let mut expected: Vec<&'static str> = Vec::new();
        for what in self.expected.drain(..) {
            if !expected.contains(&what) {
                expected.push(what);
            }
        }
        let found = self.found(token);
        let wanted = list_of(&expected);
        let message = match expected.len() {
            0 => format!("unexpected {found}"),
            1 => format!("expected {wanted}, found {found}"),
            _ => format!("expected one of {wanted}, found {found}"),
        };
        let mut error = ParseError::new(message, token.span);
        error.incomplete = token.kind == TokenKind::End;
        error.label = Some(match expected.len() {
            0 => "unexpected".to_owned(),
            1 => format!("expected {wanted}"),
            _ => "not expected here".to_owned(),
        });
        let alias = self.bare_alias.filter(|s| s.end == self.previous_end());
        (error.hint, error.span) = self.advise(token, &expected, alias);
        error.expected = expected.iter().map(|what| (*what).to_owned()).collect();
        error
    }

    /// What to do about an unexpected token, and which place to show.
    fn advise(
        &self,
        token: Token,
        expected: &[&'static str],
        alias: Option<Span>,
    ) -> (Option<String>, Span) {
        let keywords = || expected.iter().copied().filter(|what| is_keyword(what));
        if let Some(span) = alias
            && let Some(near) = nearest(self.text_of(span), keywords())
        {
            let word = self.text_of(span);
            return (Some(format!("`{word}` was read as a name; did you mean `{near}`?")), span);
        }
        let text = self.text_of(token.span);
        let TokenKind::Word { reserved } = token.kind else { return (None, token.span) };
        if reserved && expected.iter().any(|what| what.ends_with("name") || *what == EXPRESSION) {
            let hint = format!("`{text}` is reserved; as a name it stands in back-ticks: `{text}`");
            return (Some(hint), token.span);
        }
        let near = nearest(text, keywords()).filter(|near| !near.eq_ignore_ascii_case(text));
        (near.map(|near| format!("did you mean `{near}`?")), token.span)
    }

    fn found(&self, token: Token) -> String {
        match token.kind {
            TokenKind::End => "the end of the text".to_owned(),
            _ => {
                let text = self.text_of(token.span);
                let mut shown: String = text.chars().take(40).collect();
                if shown.len() < text.len() {
                    shown.push_str("...");
                }
                let what = match token.kind {
                    TokenKind::Word { reserved: true } => "reserved word ",
                    _ => "",
                };
                format!("{what}`{}`", shown.replace(['\n', '\r'], " "))
            }
        }
    }

    // --- names -------------------------------------------------------------------------------

    /// Whether a name can begin here.
    pub(super) fn peek_ident(&self) -> bool {
        self.is_ident_at(0)
    }

    pub(super) fn is_ident_at(&self, ahead: usize) -> bool {
        matches!(self.kind_at(ahead), TokenKind::Word { reserved: false } | TokenKind::QuotedIdent)
    }

    /// One name.
    pub(super) fn ident(&mut self) -> Result<Ident> {
        if !self.peek_ident() {
            return self.expected("a name");
        }
        Ok(self.take_ident())
    }

    /// The current token as a name, whatever word it is.
    pub(super) fn take_ident(&mut self) -> Ident {
        let token = self.bump();
        let text = self.text_of(token.span);
        if token.kind == TokenKind::QuotedIdent {
            let value = text[1..text.len() - 1].replace("``", "`");
            return Ident { value, quoted: true, span: token.span };
        }
        Ident { value: text.to_owned(), quoted: false, span: token.span }
    }

    /// `a.b.c`
    pub(super) fn object_name(&mut self) -> Result<ObjectName> {
        let mut parts = vec![self.ident()?];
        while self.peek_symbol(".") && self.is_ident_at(1) {
            self.bump();
            parts.push(self.ident()?);
        }
        if self.peek_symbol(".") && !self.peek_symbol_at(1, "*") {
            self.bump();
            return self.expected("a name");
        }
        Ok(ObjectName(parts))
    }

    /// An alias: `AS name` or, where that cannot be anything else, `name`.
    pub(super) fn optional_alias(&mut self) -> Result<Option<Ident>> {
        if self.eat("AS") {
            return self.ident().map(Some);
        }
        if !self.peek_ident() {
            return Ok(None);
        }
        let ident = self.take_ident();
        if !ident.quoted {
            self.bare_alias = Some(ident.span);
        }
        Ok(Some(ident))
    }

    // --- lists -------------------------------------------------------------------------------

    /// `item, item, ...`, at least one.
    pub(super) fn comma_list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat_symbol(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `(item, item, ...)`, at least one.
    pub(super) fn paren_list<T>(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.expect_symbol("(")?;
        let items = self.comma_list(item)?;
        self.expect_symbol(")")?;
        Ok(items)
    }

    /// `(a, b)`
    pub(super) fn ident_list(&mut self) -> Result<Vec<Ident>> {
        self.paren_list(Self::ident)
    }

    // --- small constants ---------------------------------------------------------------------

    /// `'text'`
    pub(super) fn string(&mut self) -> Result<Text> {
        if self.kind() != TokenKind::String {
            return self.expected("a text in single quotes");
        }
        let token = self.bump();
        let text = self.text_of(token.span);
        Ok(Spanned::new(text[1..text.len() - 1].replace("''", "'"), token.span))
    }

    /// `12`, within 64 bits.
    pub(super) fn unsigned(&mut self) -> Result<Spanned<u64>> {
        if self.kind() != TokenKind::Integer {
            return self.expected("a whole number");
        }
        let token = self.bump();
        let number = self.text_of(token.span).parse().map_err(|_| {
            ParseError::new("this number is too large", token.span)
                .with_hint(format!("the largest is {}", u64::MAX))
        })?;
        Ok(Spanned::new(number, token.span))
    }

    /// `'key' = 'value'`
    pub(super) fn property(&mut self) -> Result<PropertyOption> {
        let key = self.string()?;
        self.expect_symbol("=")?;
        let value = self.string()?;
        Ok(PropertyOption { key, value })
    }

    /// `('key' = 'value', ...)`, possibly empty.
    pub(super) fn properties(&mut self) -> Result<Vec<PropertyOption>> {
        if self.peek_symbol("(") && self.peek_symbol_at(1, ")") {
            self.bump();
            self.bump();
            return Ok(Vec::new());
        }
        self.paren_list(Self::property)
    }

    /// `WITH (..)` or nothing.
    pub(super) fn with_properties(&mut self) -> Result<Vec<PropertyOption>> {
        if self.eat("WITH") { self.properties() } else { Ok(Vec::new()) }
    }

    /// `('key', ...)`, possibly empty.
    pub(super) fn property_keys(&mut self) -> Result<Vec<Text>> {
        if self.peek_symbol("(") && self.peek_symbol_at(1, ")") {
            self.bump();
            self.bump();
            return Ok(Vec::new());
        }
        self.paren_list(Self::string)
    }

    /// `COMMENT '..'` or nothing.
    pub(super) fn comment(&mut self) -> Result<Option<Text>> {
        if self.eat("COMMENT") { self.string().map(Some) } else { Ok(None) }
    }

    pub(super) fn if_exists(&mut self) -> bool {
        self.eat_words(&["IF", "EXISTS"])
    }

    pub(super) fn if_not_exists(&mut self) -> bool {
        self.eat_words(&["IF", "NOT", "EXISTS"])
    }
}

/// What is said where an expression should begin.
pub(super) const EXPRESSION: &str = "an expression";

fn is_keyword(what: &str) -> bool {
    what.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// `FROM`, `WHERE` or an expression: the first few, the rest counted.
fn list_of(expected: &[&str]) -> String {
    const SHOWN: usize = 8;
    let quote = |what: &&str| match what.contains(' ') {
        true => (*what).to_owned(),
        false => format!("`{what}`"),
    };
    let mut words: Vec<String> = expected.iter().take(SHOWN).map(quote).collect();
    if expected.len() > SHOWN {
        return format!("{} or {} others", words.join(", "), expected.len() - SHOWN);
    }
    match words.pop() {
        Some(last) if !words.is_empty() => format!("{} or {last}", words.join(", ")),
        Some(only) => only,
        None => String::new(),
    }
}
