//! Flink SQL: from script text to bound, typed plans.

pub mod parse;
