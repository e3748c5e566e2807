//! What is wrong with a text that does not parse.

use super::ast::Span;
use super::diagnostic::Diagnostic;

/// A text does not follow Flink's grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What is wrong, in one line.
    pub message: String,
    /// Where.
    pub span: Span,
    /// Words and symbols that could stand there, empty if that is not the question.
    pub expected: Vec<String>,
    /// What can be done about it.
    pub hint: Option<String>,
    /// Text beside the carets.
    pub label: Option<String>,
    /// The text ended too early: more input could make it right (for interactive use).
    pub incomplete: bool,
}

/// Result of parsing.
pub type Result<T> = std::result::Result<T, ParseError>;

impl ParseError {
    /// An error about that place.
    pub fn new(message: impl Into<String>, span: Span) -> Self {
        ParseError {
            message: message.into(),
            span,
            expected: Vec::new(),
            hint: None,
            label: None,
            incomplete: false,
        }
    }

    /// The same with advice.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with a text beside the carets.
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The error as a message for people.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic {
            message: self.message.clone(),
            span: self.span,
            label: self.label.clone(),
            help: self.hint.clone(),
        }
    }

    /// The message with file, line, column and the line itself, as rustc prints it.
    pub fn render(&self, source_name: &str, text: &str) -> String {
        self.diagnostic().render(source_name, text)
    }
}

/// The candidate that is nearest to a misspelt word, if any is near enough: at most one edit for
/// words of up to four letters, two for longer ones. An edit is a letter added, dropped, replaced
/// or swapped with its neighbour.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_uppercase();
    let length = word.chars().count();
    let limit = match length {
        0..=2 => 0,
        3..=4 => 1,
        _ => 2,
    };
    candidates
        .into_iter()
        .filter(|c| c.chars().count().abs_diff(length) <= limit)
        .map(|c| (edit_distance(&word, &c.to_uppercase()), c))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// Edits between two words; a swap of neighbours is one edit.
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
