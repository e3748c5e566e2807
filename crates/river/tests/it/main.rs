//! Conformance of the whole of `river` with Apache Flink: expressions, queries, Nexmark.
//!
//! The data in `testdata/flink` were computed by Flink; its README says how. What river does not
//! do as Flink does is listed in `testdata/flink/known-gaps.txt`; a case can only leave that list.

mod chaos;
mod compare;
mod damage;
mod engine;
mod examples;
mod expressions;
mod gaps;
mod nexmark;
mod parallel;
mod queries;
mod savepoints;
mod sink_files;
mod stateful_job;
mod testdata;
