//! Functions on character strings, by what they do.
//!
//! Lengths and positions count Unicode code points where Flink computes on its `BinaryStringData`
//! and UTF-16 code units where it computes on `java.lang.String`; each function says which by what
//! it calls ([`chars`] or [`utf16`]).

pub mod build;
pub mod chars;
pub mod encode;
pub mod find;
pub mod format;
pub mod slice;
pub mod url;
pub mod utf16;

#[cfg(test)]
mod tests;
