//! Records against bytes that Apache's own classes wrote and read, and against random values and
//! bytes.

pub(crate) mod sample;
