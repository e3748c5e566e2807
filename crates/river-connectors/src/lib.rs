//! Sources, sinks and formats with Flink's option keys.

pub mod format;
pub mod nexmark;
