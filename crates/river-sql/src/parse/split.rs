//! Where statements end, for the interactive client: complete statements can be run one by one
//! while the last one is still being typed.

use super::ast::Span;
use super::lexer::tokenize;
use super::token::TokenKind;

/// A text cut into statements.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// The statements that are complete, without their semicolons. Empty ones are left out.
    pub complete: Vec<Span>,
    /// What follows the last semicolon, if it is more than blanks and comments: an unfinished
    /// statement, or one whose semicolon is still to come.
    pub rest: Option<Span>,
}

/// Cuts a text at its semicolons. Quotes, comments and the `BEGIN .. END` of statement sets are
/// respected (`BEGIN STATEMENT SET; ..; END;` is one statement). Texts that cannot be read, as
/// those with an open quote, are all `rest` from the last statement that is complete.
pub fn split_statements(text: &str) -> Split {
    let mut split = Split::default();
    let (tokens, readable) = match tokenize(text) {
        Ok(tokens) => (tokens, text.len()),
        Err(error) => (tokenize(&text[..error.span.start]).unwrap_or_default(), error.span.start),
    };
    let mut start: Option<Span> = None;
    let mut end = 0;
    // Words of the statement so far, as far as they matter, and whether a set is open.
    let (mut set_words, mut in_set, mut ended) = (0, false, false);
    let mut after_semicolon = false;
    for token in tokens {
        if token.kind == TokenKind::End {
            break;
        }
        let word = &text[token.span.start..token.span.end];
        if token.kind == TokenKind::Symbol(";") && (!in_set || ended) {
            if let Some(start) = start.take() {
                split.complete.push(Span::new(start.start, end));
            }
            (set_words, in_set, ended) = (0, false, false);
            continue;
        }
        start.get_or_insert(token.span);
        end = token.span.end;
        // `STATEMENT SET` opens a set, whether `BEGIN` stands before or after; `END` closes it.
        set_words = match set_words {
            0 if word.eq_ignore_ascii_case("STATEMENT") => 1,
            1 if word.eq_ignore_ascii_case("SET") => 2,
            2 => 2,
            _ => 0,
        };
        in_set = set_words == 2;
        let case_end = in_set && word.eq_ignore_ascii_case("END");
        // An `END` elsewhere closes a `CASE`.
        ended = case_end && after_semicolon;
        after_semicolon = token.kind == TokenKind::Symbol(";");
    }
    let unread = text[readable..].trim();
    if start.is_some() || !unread.is_empty() {
        let from = start.map_or(readable, |s| s.start);
        split.rest = Some(Span::new(from, text.trim_end().len().max(from)));
    }
    split
}
