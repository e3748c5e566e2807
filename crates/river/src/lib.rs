//! The stream processor as a library: what `river`'s commands are made of.

pub mod components;
pub mod connectors;

pub use components::BuiltIn;
pub use connectors::BuiltInConnectors;
