//! Four-letter words: commands that may stand in place of a connection's first length.
//!
//! Rules: `FourLetterCommands`. The words are looked for before the connect request only; later
//! the same bytes are a length.

/// Every word that Apache knows, whether or not a server is allowed to answer it.
pub const WORDS: &[&str] = &[
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr", "ruok", "srst",
    "srvr", "stat", "stmk", "wchc", "wchp", "wchs",
];

/// What a telnet client sends to close a connection: it is no length and wants no answer.
pub const TELNET_CLOSE: [u8; 4] = [0xff, 0xf4, 0xff, 0xfd];

/// The word that a connection's first four bytes are. `stmk` has eight bytes of mask behind it.
pub fn word(head: [u8; 4]) -> Option<&'static str> {
    WORDS.iter().find(|word| word.as_bytes() == head).copied()
}
