//! Records against bytes that Apache's own classes wrote and read, and against random values and
//! bytes.

mod allocation;
mod codes;
mod conversation;
mod decodes;
mod every;
mod fixtures;
mod frames;
mod peers;
mod random;
mod records;
pub(crate) mod sample;
