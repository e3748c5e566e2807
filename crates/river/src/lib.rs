//! The `river` program as a library: configuration, scripts, results, the prompt.
//!
//! It wires the parts together and does the talking; it decides nothing about SQL or tasks.

pub mod cli;
pub mod components;
pub mod config;
pub mod connectors;
pub mod progress;
pub mod results;
pub mod savepoint;
pub mod script;
pub mod shell;
pub mod signals;
pub mod supervision;

pub use components::BuiltIn;
pub use connectors::BuiltInConnectors;
