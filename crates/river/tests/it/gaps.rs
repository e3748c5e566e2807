//! The list of known gaps: cases in which river does not yet do what Flink does.
//!
//! `known-gaps.txt` holds one `kind name` a line, and a reason behind `#` if there is one. A case
//! that fails must be listed; a listed case that passes must be taken off the list.
//! `UPDATE_GAPS=1` rewrites the list; `GAPS_REPORT=folder` writes all failures to `folder/kind.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::sync::Mutex;

use crate::testdata;

/// What came of a case.
pub struct Outcome {
    /// Feature or theme it belongs to.
    pub group: String,
    /// Its name in the conformance data.
    pub name: String,
    /// How it differs from Flink, if it does.
    pub difference: Option<String>,
}

/// Three tests of one process share the list.
static LIST: Mutex<()> = Mutex::new(());

/// Prints the counts and fails if the outcomes and the list of known gaps differ.
pub fn settle(kind: &str, outcomes: &[Outcome]) {
    let guard = LIST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    print_counts(kind, outcomes);
    report(kind, outcomes);
    if std::env::var_os("UPDATE_GAPS").is_some_and(|value| value == "1") {
        return rewrite(kind, outcomes, &known(kind));
    }
    drop(guard);
    compare(kind, outcomes);
}

/// Fails if the outcomes and the list of known gaps differ.
pub fn compare(kind: &str, outcomes: &[Outcome]) {
    let _guard = LIST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let known = known(kind);
    let mut wrong = String::new();
    for outcome in outcomes {
        match (&outcome.difference, known.contains_key(&outcome.name)) {
            (Some(difference), false) => {
                let _ = writeln!(wrong, "{kind} {}: {difference}", outcome.name);
            }
            (None, true) => {
                let _ = writeln!(
                    wrong,
                    "{kind} {} passes: remove it from testdata/flink/known-gaps.txt",
                    outcome.name
                );
            }
            _ => {}
        }
    }
    let names: BTreeSet<&str> = outcomes.iter().map(|outcome| outcome.name.as_str()).collect();
    for name in known.keys().filter(|name| !names.contains(name.as_str())) {
        let _ =
            writeln!(wrong, "{kind} {name} is listed as a known gap, but there is no such case");
    }
    assert!(wrong.is_empty(), "{kind}: not as Flink and not as listed:\n{wrong}");
}

fn list() -> std::path::PathBuf {
    testdata::root().join("known-gaps.txt")
}

/// Listed cases of a kind with their reasons.
fn known(kind: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(list()).unwrap_or_default();
    let lines = text.lines().filter_map(|line| {
        let (case, reason) = line.split_once('#').unwrap_or((line, ""));
        let (of_kind, name) = case.trim().split_once(' ')?;
        (of_kind == kind).then(|| (name.trim().to_owned(), reason.trim().to_owned()))
    });
    lines.collect()
}

fn rewrite(kind: &str, outcomes: &[Outcome], known: &BTreeMap<String, String>) {
    let text = fs::read_to_string(list()).unwrap_or_default();
    let of_kind = |line: &&str| line.split_once(' ').is_some_and(|(first, _)| first == kind);
    let mut lines: Vec<String> =
        text.lines().filter(|line| !of_kind(line)).map(str::to_owned).collect();
    for outcome in outcomes.iter().filter(|outcome| outcome.difference.is_some()) {
        let reason = known.get(&outcome.name).filter(|reason| !reason.is_empty());
        let reason = reason.map_or(String::new(), |reason| format!(" # {reason}"));
        lines.push(format!("{kind} {}{reason}", outcome.name));
    }
    lines.sort_by_key(|line| (!line.starts_with('#'), line.clone()));
    lines.dedup();
    fs::write(list(), lines.join("\n") + "\n").expect("the list can be written");
}

/// Straight to the process's output, which the test harness shows for passing tests too.
fn print_counts(kind: &str, outcomes: &[Outcome]) {
    let mut groups: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for outcome in outcomes {
        let counts = groups.entry(&outcome.group).or_default();
        counts.0 += usize::from(outcome.difference.is_none());
        counts.1 += 1;
    }
    let mut text = format!("\n{kind}: passed / known gaps / total\n");
    let mut all = (0, 0);
    for (group, (passed, total)) in groups {
        let _ = writeln!(text, "  {group:<24} {passed:>5} / {:>4} / {total:>5}", total - passed);
        all = (all.0 + passed, all.1 + total);
    }
    let share = all.0 as f64 * 100.0 / all.1.max(1) as f64;
    let _ = writeln!(
        text,
        "  {:<24} {:>5} / {:>4} / {:>5}  {share:.1} %",
        "all",
        all.0,
        all.1 - all.0,
        all.1
    );
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn report(kind: &str, outcomes: &[Outcome]) {
    let Some(folder) = std::env::var_os("GAPS_REPORT") else { return };
    let mut text = String::new();
    for outcome in outcomes {
        if let Some(difference) = &outcome.difference {
            let _ = writeln!(text, "{} {}: {difference}", outcome.group, outcome.name);
        }
    }
    let path = std::path::Path::new(&folder).join(format!("{kind}.txt"));
    fs::write(path, text).expect("the report can be written");
}
