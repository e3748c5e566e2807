//! What the fuzz targets share: tables with columns of many types, decoding as files are decoded,
//! and the checks that hold whatever the bytes are.

pub mod decoding;
pub mod schema;
pub mod session;
