//! Rules of the crates' manifests: shared lints, and the edges between crates.
//!
//! The edges keep the parts apart: the core knows no columns' kernels, the front end no operators,
//! and operators and connectors nothing of SQL text. They meet in `river`.

use super::{File, Finding};

/// Each crate and which of ours it may use.
const EDGES: &[(&str, &[&str])] = &[
    ("river-core", &[]),
    ("river-expr", &["river-core"]),
    ("river-runtime", &["river-core", "river-expr"]),
    ("river-ops", &["river-core", "river-expr", "river-runtime"]),
    ("river-connectors", &["river-core", "river-expr", "river-runtime"]),
    ("river-sql", &["river-core", "river-expr"]),
    ("river-storage", &["river-core"]),
    ("river-checkpoint", &["river-core", "river-runtime", "river-storage"]),
    (
        "river-job",
        &["river-core", "river-expr", "river-runtime", "river-checkpoint", "river-storage"],
    ),
    (
        "river",
        &[
            "river-core",
            "river-expr",
            "river-runtime",
            "river-ops",
            "river-connectors",
            "river-sql",
            "river-storage",
            "river-checkpoint",
            "river-job",
        ],
    ),
    ("zk-wire", &[]),
    ("keeper-disk", &["zk-wire"]),
    ("keeper-core", &["zk-wire"]),
    ("keeper-client", &["zk-wire"]),
    ("keeper", &["zk-wire", "keeper-disk", "keeper-core", "keeper-client"]),
    ("xtask", &[]),
];

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["common", "utils", "util", "types", "helpers"];

pub(super) fn check(file: &File, findings: &mut Vec<Finding>) {
    let mut add = |line: usize, message: String| {
        findings.push(Finding { path: file.path.clone(), line, message });
    };
    if !file.text.replace(' ', "").contains("[lints]\nworkspace=true") {
        add(0, "lacks `[lints] workspace = true`".to_owned());
    }
    let Some(name) = value(&file.text, "name") else { return add(0, "has no name".to_owned()) };
    if EMPTY_NAMES.iter().any(|empty| name == *empty || name.ends_with(&format!("-{empty}"))) {
        add(0, format!("the crate's name '{name}' does not say what it is"));
    }
    // The benchmark's and fuzzing's crates stand outside and use what they measure.
    if !file.path.starts_with("crates/") && !file.path.starts_with("xtask/") {
        return;
    }
    let Some((_, allowed)) = EDGES.iter().find(|(of, _)| *of == name) else {
        return add(0, format!("crate '{name}' is not in the table of edges of `xtask`"));
    };
    let mut section = "";
    for (number, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            section = line;
        }
        let used = line.split(['.', '=', ' ']).next().unwrap_or("");
        let ours = EDGES.iter().any(|(of, _)| *of == used);
        if section == "[dependencies]" && ours && !allowed.contains(&used) {
            add(number + 1, format!("'{name}' must not use '{used}'"));
        }
    }
}

/// The text of the first `key = "value"`.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let line = text.lines().find(|line| line.split(' ').next() == Some(key))?;
    line.split('"').nth(1)
}
