//! Flink SQL text to syntax tree.
//!
//! Called by the binder, the script runner and the interactive client. It knows words and grammar
//! only: no catalog, no types of expressions, no I/O, and it never panics, whatever the text.
//! The grammar is that of Flink 2.3 (`flink-sql-parser`: Calcite's `Parser.jj` with Flink's
//! `Parser.tdd` and `parserImpls.ftl`).

pub mod ast;
