//! Messages that point into a script, printed the way rustc prints them.
//!
//! Used by the parser and the binder alike. Printing depends on the text only: no colours, no I/O.

use super::ast::Span;
use std::fmt::Write;

/// One error with the place it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one line.
    pub message: String,
    /// Where.
    pub span: Span,
    /// Short text beside the carets.
    pub label: Option<String>,
    /// What can be done about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A message about that place.
    pub fn new(message: impl Into<String>, span: Span) -> Self {
        Diagnostic { message: message.into(), span, label: None, help: None }
    }

    /// The same with a text beside the carets.
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same with advice.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The message with file, line, column, the line itself and carets under the place. `text` is
    /// the whole script the span was made for; a span outside of it is shown at its end.
    pub fn render(&self, source_name: &str, text: &str) -> String {
        let place = Place::find(text, self.span);
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        let mut out = format!("error: {}\n", self.message);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{margin}--> {source_name}:{}:{}", place.line, place.column);
        let _ = writeln!(out, "{margin} |");
        let _ = writeln!(out, "{number} | {}", place.shown_line);
        let carets = "^".repeat(place.caret_width);
        let _ = write!(out, "{margin} | {}{carets}", " ".repeat(place.caret_offset));
        if let Some(label) = &self.label {
            let _ = write!(out, " {label}");
        }
        out.push('\n');
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{margin} |");
            let _ = writeln!(out, "{margin} = help: {help}");
        }
        out
    }
}

/// Line and column, both from 1, of a byte offset; columns count characters.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..floor_char_boundary(text, offset)];
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (line, before[line_start..].chars().count() + 1)
}

/// A span turned into what is printed.
struct Place {
    line: usize,
    column: usize,
    shown_line: String,
    caret_offset: usize,
    caret_width: usize,
}

/// Lines longer than this are cut around the place, so that generated SQL stays readable.
const SHOWN_WIDTH: usize = 160;

impl Place {
    fn find(text: &str, span: Span) -> Place {
        let start = floor_char_boundary(text, span.start);
        let end = floor_char_boundary(text, span.end.max(start));
        let (line, column) = line_and_column(text, start);
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        let whole = text[line_start..line_end].trim_end_matches('\r');
        let first = column - 1;
        let marked = text[start..end.min(line_end)].chars().count().max(1);
        // Cut a long line to a window that begins a little before the place.
        let skip = if whole.chars().count() > SHOWN_WIDTH { first.saturating_sub(40) } else { 0 };
        let shown: String = whole.chars().skip(skip).take(SHOWN_WIDTH).map(blank).collect();
        let caret_offset = first - skip;
        let room = SHOWN_WIDTH.saturating_sub(caret_offset).max(1);
        Place { line, column, shown_line: shown, caret_offset, caret_width: marked.min(room) }
    }
}

/// Tabs and control characters take one column each, so that carets stand where they should.
fn blank(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// The largest character boundary that is not after `offset`.
fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
