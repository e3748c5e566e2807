//! Pattern matching: `LIKE`, `SIMILAR TO` and the `REGEXP` functions, with the semantics of
//! `java.util.regex`.

pub mod java;
pub mod like;
pub mod regexp;

pub use java::java_split;
