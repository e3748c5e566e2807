//! Bound plans.
