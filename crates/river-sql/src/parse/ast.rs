//! The syntax tree of Flink SQL: what the parser builds and the binder reads.
//!
//! Every node that an error can point at has a [`Span`]. The tree says what was written, not what
//! it means: names are not resolved, literals keep their text, defaults are not filled in.

mod expr;
mod query;
mod statement;
mod table_ref;
mod type_name;

pub use expr::*;
pub use query::*;
pub use statement::*;
pub use table_ref::*;
pub use type_name::*;

use std::fmt;

/// A range of byte offsets into the text of the whole script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The range from `start` up to, not including, `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value written at that place.
    pub fn new(value: T, span: Span) -> Self {
        Spanned { value, span }
    }
}

/// One identifier, case kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ident {
    /// The name, without back-ticks.
    pub value: String,
    /// Whether it was written in back-ticks.
    pub quoted: bool,
    /// Where it was written.
    pub span: Span,
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quoted {
            write!(f, "`{}`", self.value.replace('`', "``"))
        } else {
            f.write_str(&self.value)
        }
    }
}

/// A name of one or more parts, such as `catalog.database.table`. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectName(pub Vec<Ident>);

impl ObjectName {
    /// Where the whole name was written.
    pub fn span(&self) -> Span {
        match (self.0.first(), self.0.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span::default(),
        }
    }

    /// The last part.
    pub fn last(&self) -> Option<&Ident> {
        self.0.last()
    }

    /// The parts' values.
    pub fn parts(&self) -> Vec<&str> {
        self.0.iter().map(|ident| ident.value.as_str()).collect()
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, ident) in self.0.iter().enumerate() {
            write!(f, "{}{ident}", if i > 0 { "." } else { "" })?;
        }
        Ok(())
    }
}

/// A character string constant with its quotes and escapes resolved.
pub type Text = Spanned<String>;

/// One `'key' = 'value'` of `WITH (...)`, `OPTIONS(...)` or `SET (...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyOption {
    /// The key.
    pub key: Text,
    /// The value.
    pub value: Text,
}
