//! The files of Apache ZooKeeper's own tests, and Apache's programs on files written here.

mod apache;
mod fixtures;
mod tree;
