//! Tests against a server that is a script: what is sent, and what is done about what comes back.

mod connect_string;
mod script;
mod session;
