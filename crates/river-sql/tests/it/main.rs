//! What scripts become, seen from outside.

mod restore;
