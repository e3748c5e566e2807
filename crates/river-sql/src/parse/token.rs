//! The words of a script.

use super::ast::Span;

/// One word, symbol or constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

/// Kinds of tokens. Their text is read from the script by their span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name or keyword without quotes.
    Word {
        /// It cannot be a name.
        reserved: bool,
    },
    /// A name in back-ticks.
    QuotedIdent,
    /// `12`
    Integer,
    /// `1.5`, `1.`, `.5`
    Decimal,
    /// `1e3`
    Approximate,
    /// `'text'`
    String,
    /// `_UTF16'text'`, `N'text'`
    PrefixedString,
    /// `U&'text'`
    UnicodeString,
    /// `X'0f'`
    BinaryString,
    /// `E'text\n'`
    EscapedString,
    /// Punctuation or operator.
    Symbol(&'static str),
    /// End of the script.
    End,
}
