//! Scripts: parsed, bound and planned in a session with a few tables, not run.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else { return Corpus::Reject };
    river_fuzz::session::run(text);
    Corpus::Keep
});
