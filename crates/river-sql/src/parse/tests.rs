//! What the parser accepts, builds and says.
