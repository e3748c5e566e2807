use super::{File, check, workspace};

#[test]
fn the_workspace_is_tidy() {
    let findings: Vec<String> = workspace().iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "untidy:\n{}", findings.join("\n"));
}

fn findings(path: &str, text: &str) -> Vec<String> {
    let file = File { path: path.to_owned(), text: text.to_owned() };
    check(&[file]).iter().map(|finding| finding.message.clone()).collect()
}

#[test]
fn a_file_needs_a_header() {
    assert_eq!(findings("crates/a/src/lib.rs", "//! What it is.\n"), [""; 0]);
    assert_eq!(findings("crates/a/src/lib.rs", "fn a() {}\n").len(), 1);
    assert_eq!(findings("crates/a/src/b/tests.rs", "fn a() {}\n"), [""; 0]);
}

#[test]
fn functions_and_lines_are_bounded() {
    let body = "    step();\n".repeat(69);
    let text = format!("//! Header.\n\npub fn long(\n    a: u8,\n) {{\n{body}}}\n");
    assert_eq!(findings("crates/a/src/lib.rs", &text), ["fn long has 73 lines, more than 70"]);
    let text = format!("//! Header.\n\nfn short() {{\n{}}}\n", "    step();\n".repeat(68));
    assert_eq!(findings("crates/a/src/lib.rs", &text), [""; 0]);
    let text = format!("//! Header.\n// {}\n", "x".repeat(98));
    assert_eq!(findings("crates/a/src/lib.rs", &text), ["101 columns, more than 100"]);
}

#[test]
fn declarations_have_no_body() {
    let rest = "    fn b();\n".repeat(100);
    let text = format!("//! Header.\ntrait A {{\n    fn a(\n        x: u8,\n    );\n{rest}}}\n");
    assert_eq!(findings("crates/a/src/lib.rs", &text), [""; 0]);
}

#[test]
fn undone_work_and_local_folders_are_found() {
    let undone = format!("//! Header.\nfn a() {{ {}{}) }}\n", "todo", "!(");
    assert_eq!(findings("crates/a/src/lib.rs", &undone).len(), 1);
    let local = format!("see {}{}me/x\n", "/ho", "me/");
    assert_eq!(findings("docs/a.md", &local).len(), 1);
    let address = format!("see https://example.org{}{}x\n", "/ho", "me/");
    assert_eq!(findings("docs/a.md", &address), [""; 0]);
}

#[test]
fn edges_between_crates_are_checked() {
    let manifest = |used: &str| {
        format!(
            "[package]\nname = \"river-sql\"\n\n[lints]\nworkspace = true\n\n\
             [dependencies]\n{used}.workspace = true\n"
        )
    };
    assert_eq!(findings("crates/river-sql/Cargo.toml", &manifest("river-core")), [""; 0]);
    assert_eq!(
        findings("crates/river-sql/Cargo.toml", &manifest("river-ops")),
        ["'river-sql' must not use 'river-ops'"]
    );
}
