//! Rules of source text. They look at lines as rustfmt leaves them, not at syntax.

use super::{File, Finding};

const FILE_LINES: usize = 800;
const LINE_COLUMNS: usize = 100;
const FUNCTION_LINES: usize = 70;

/// Functions that are one match with an arm for each variant, or one sequence of steps, and would
/// not be clearer in parts: path and name.
const LONG_FUNCTIONS: &[(&str, &str)] = &[
    ("crates/river-ops/src/build.rs", "build"),
    ("crates/river-sql/src/bind/expr.rs", "bind"),
    ("crates/river-sql/src/bind/select.rs", "select"),
    ("crates/river-sql/src/physical/join.rs", "lookup_join"),
    ("crates/river-sql/src/rewrite/prune.rs", "prune_to"),
    ("crates/river-sql/src/rewrite/prune.rs", "prune_wide"),
];

/// Macros that mark work undone. Written in halves, since this file is checked too.
const BANNED: &[(&str, &str)] =
    &[("todo", "!("), ("unimplemented", "!("), ("dbg", "!("), ("#[ign", "ore")];

/// Folders of one person's or one machine's. In halves for the same reason.
const LOCAL_FOLDERS: &[(&str, &str)] =
    &[("/ho", "me/"), ("/ro", "ot/"), ("/wo", "rk/"), ("/Us", "ers/")];

/// Rules of every text file.
pub(super) fn check_text(file: &File, findings: &mut Vec<Finding>) {
    for (number, line) in file.text.lines().enumerate() {
        for (first, second) in LOCAL_FOLDERS {
            let folder = format!("{first}{second}");
            if line.match_indices(&folder).any(|(at, _)| starts_path(line, at)) {
                add(findings, file, number + 1, format!("names the local folder {folder}"));
            }
        }
    }
}

/// Whether a path starts there: a longer word in front makes it part of an address or another path.
fn starts_path(line: &str, at: usize) -> bool {
    let before = line[..at].chars().next_back();
    before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '}' | '/' | '-' | '_'))
}

/// Rules of Rust source.
pub(super) fn check_rust(file: &File, findings: &mut Vec<Finding>) {
    let lines: Vec<&str> = file.text.lines().collect();
    let test = is_test(&file.path);
    if !test && lines.len() > FILE_LINES {
        let message = format!("{} lines; split it by role below {FILE_LINES}", lines.len());
        add(findings, file, 0, message);
    }
    if !test && !lines.first().is_some_and(|line| line.starts_with("//!")) {
        add(findings, file, 1, "starts with no `//!` header: what it is, who calls it".to_owned());
    }
    for (number, line) in lines.iter().enumerate() {
        let columns = line.chars().count();
        if columns > LINE_COLUMNS && !test && !is_one_text(line) {
            let message = format!("{columns} columns, more than {LINE_COLUMNS}");
            add(findings, file, number + 1, message);
        }
        for (first, second) in BANNED {
            let banned = format!("{first}{second}");
            if line.contains(&banned) {
                add(findings, file, number + 1, format!("`{banned}` has no place here"));
            }
        }
    }
    if !test {
        check_functions(file, &lines, findings);
    }
}

/// Tests may be long.
fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.ends_with("testing.rs")
}

/// A text, an address or a table's row, which cannot be broken.
fn is_one_text(line: &str) -> bool {
    let table = ["//! |", "/// |"].iter().any(|row| line.trim_start().starts_with(row));
    table || line.contains('"') || line.contains("://")
}

fn check_functions(file: &File, lines: &[&str], findings: &mut Vec<Finding>) {
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let Some(length) = function_length(&lines[start..]) else { continue };
        let allowed = LONG_FUNCTIONS.contains(&(file.path.as_str(), name));
        if length > FUNCTION_LINES && !allowed {
            let message = format!("fn {name} has {length} lines, more than {FUNCTION_LINES}");
            add(findings, file, start + 1, message);
        }
    }
}

/// The name of the function that a line begins.
fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    loop {
        let word = words.next()?;
        if word == "fn" {
            let rest = words.next()?;
            return rest.split(['(', '<']).next();
        }
        let prefix = word.starts_with("pub")
            || matches!(word, "const" | "unsafe" | "async" | "extern" | "in" | "\"C\"");
        if !prefix && !word.ends_with(')') {
            return None;
        }
    }
}

/// Lines from the first to the brace that closes at its indentation; `None` without a body.
fn function_length(lines: &[&str]) -> Option<usize> {
    let indent = lines[0].len() - lines[0].trim_start().len();
    if lines[0].ends_with([';', '}']) {
        return None;
    }
    let at_indent = |line: &str| line.len() > indent && line.is_char_boundary(indent);
    let last = lines.iter().skip(1).position(|line| {
        at_indent(line)
            && line[..indent].trim().is_empty()
            && (&line[indent..] == "}" || line[indent..].starts_with(')') && line.ends_with(';'))
    })?;
    Some(last + 2)
}

fn add(findings: &mut Vec<Finding>, file: &File, line: usize, message: String) {
    findings.push(Finding { path: file.path.clone(), line, message });
}
