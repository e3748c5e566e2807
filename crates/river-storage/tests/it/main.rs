//! The contract of `Storage`, kept by every back end, against real servers where there are any.

mod contract;
mod local;
