//! Aggregation that updates its results row by row, and what it shares with windows.

pub mod calls;
pub mod group;
