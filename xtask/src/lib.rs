//! The project's own checks and chores: `cargo run -p xtask -- tidy`, and the same as a test.

pub mod tidy;
