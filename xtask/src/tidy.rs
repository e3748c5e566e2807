//! The project's style where a compiler or formatter does not enforce it.
//!
//! Run by `cargo test -p xtask` and `cargo run -p xtask -- tidy`. Reads files, changes none.
//!
//! | check | rule |
//! |---|---|
//! | `source` | length of files, lines and functions; module headers; words that stay out |
//! | `manifests` | lints of the workspace; which crate may use which |

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

mod manifests;
mod source;
#[cfg(test)]
mod tests;

/// One place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// File, from the root of the workspace.
    pub path: String,
    /// Line, from 1; 0 where the whole file is meant.
    pub line: usize,
    /// The rule, and what would keep it.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A text file of the project.
struct File {
    /// From the root of the workspace, with `/` between its parts.
    path: String,
    text: String,
}

/// Everything untidy in this workspace.
pub fn workspace() -> Vec<Finding> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    check(&files)
}

fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        source::check_text(file, &mut findings);
        if file.path.ends_with(".rs") {
            source::check_rust(file, &mut findings);
        }
        if file.path.ends_with("Cargo.toml") && file.path != "Cargo.toml" {
            manifests::check(file, &mut findings);
        }
    }
    findings
}

/// Folders that are not the project's own text.
fn is_left_out(name: &str) -> bool {
    matches!(name, ".git" | "target" | "testdata" | "Cargo.lock" | "node_modules")
}

/// Text files below `folder`. What is not UTF-8 is no text; what cannot be read is skipped, as a
/// file may go while the folder is read.
fn collect(root: &Path, folder: &Path, into: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_none_or(|name| is_left_out(&name)) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, into);
        } else if let Ok(text) = fs::read_to_string(&path) {
            into.push(File { path: relative(root, &path), text });
        }
    }
}

fn relative(root: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root).unwrap_or(path).to_path_buf();
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}
