//! `keeper` as a process, from outside: what clients, operators and Apache's programs see of it.
//!
//! | module | what |
//! |---|---|
//! | `bad_input` | what no sound client sends gets its answer or its end, and hurts nobody else |
//! | `crash` | `kill -9` under load loses nothing that was acknowledged |
//! | `disk_faults` | full, read-only and failing disks end the server, and lose nothing |
//! | `files` | Apache's server starts on what `keeper` has left, and the reverse |
//! | `histories` | what concurrent clients saw has one order, and none steps back |
//! | `power` | no crash loses what anybody was told, or keeps half a transaction (simulated) |
//! | `tools`, `tools_client` | the command line, beside Apache's; the client library |
//!
//! Tests that compare with Apache's server are skipped where its jars are not installed: see
//! `scripts/test-services`.

mod apache;
mod bad_input;
mod client;
mod crash;
mod disk_faults;
mod files;
mod histories;
mod history;
mod power;
mod server;
mod tools;
mod tools_client;
