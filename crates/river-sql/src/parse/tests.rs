//! What the parser accepts, builds, says, and that no text makes it panic.

mod accept;
mod build;
mod messages;
mod robust;
