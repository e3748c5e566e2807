//! The contract of `Storage`, kept by every back end, against real servers where there are any.

mod contract;
#[cfg(feature = "hdfs")]
mod hdfs;
mod local;
#[cfg(feature = "s3")]
mod s3;
#[cfg(any(feature = "hdfs", feature = "s3"))]
mod services;
