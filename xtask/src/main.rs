//! `cargo run -p xtask -- tidy`: prints what is untidy, and fails if anything is.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => {
            let findings = xtask::tidy::workspace();
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        _ => {
            eprintln!("usage: cargo run -p xtask -- tidy");
            ExitCode::FAILURE
        }
    }
}
