//! The scripts of `examples/`, run as a newcomer runs them: by the program, from a directory that
//! holds `examples/`. They run on a copy, so that what they write does not stay.

use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::expect;

/// A copy of the examples, and what the program said of them.
struct Examples {
    directory: tempfile::TempDir,
}

impl Examples {
    fn new() -> Examples {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let directory = tempfile::tempdir().unwrap();
        copy(&source, &directory.path().join("examples"));
        Examples { directory }
    }

    /// Runs a script; its standard output.
    fn run(&self, script: &str) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_river"))
            .args(["run", "--quiet"])
            .arg(format!("examples/{script}.sql"))
            .current_dir(self.directory.path())
            .env_remove("FLINK_CONF_DIR")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{script}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Lines of all files a script wrote to `examples/out/<name>`, sorted.
    fn written(&self, name: &str) -> String {
        let mut lines = Vec::new();
        for file in files(&self.directory.path().join("examples/out").join(name)) {
            let text = std::fs::read_to_string(file).unwrap();
            lines.extend(text.lines().map(|line| format!("{line}\n")));
        }
        lines.sort();
        lines.concat()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == "out" => {}
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The lines of a text, sorted: for results whose order is a matter of timing.
fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn hello() {
    expect![[r#"
        +-------------+--------+----------+------------+
        | name        |  price | with_tax | since_year |
        +-------------+--------+----------+------------+
        | pen         |   1.50 |     1.80 |       2024 |
        | desk, large | 250.00 |   300.00 |       2024 |
        | lamp        |  39.90 |    47.88 |       2024 |
        | notebook    |   4.25 |     5.10 |       2024 |
        +-------------+--------+----------+------------+
        Received a total of 4 rows
    "#]]
    .assert_eq(&Examples::new().run("01-hello"));
}

#[test]
fn group_by() {
    expect![[r#"
        +----+----------+--------+--------+
        | op | customer | orders |  total |
        +----+----------+--------+--------+
        | +I | dave     |      1 |  26.37 |
        | +I | <NULL>   |      1 |  68.34 |
        | +I | alice    |      1 | 167.56 |
        | -U | alice    |      1 | 167.56 |
        | +U | alice    |      2 | 452.13 |
        | -U | alice    |      2 | 452.13 |
        | +U | alice    |      3 | 621.35 |
        | +I | bob      |      1 | 173.42 |
        | -U | bob      |      1 | 173.42 |
        | +U | bob      |      2 | 346.93 |
        | -U | <NULL>   |      1 |  68.34 |
        | +U | <NULL>   |      2 | 239.83 |
        +----+----------+--------+--------+
        Received a total of 12 rows
        +----------+--------+----------+---------+
        | customer | orders | products | total   |
        +========================================+
        | alice    | 11     | 6        | 1667.82 |
        | <NULL>   | 15     | 7        | 2283.58 |
        | dave     | 12     | 6        | 1769.96 |
        | bob      | 13     | 6        | 1595.23 |
        | carol    | 9      | 5        | 1321.82 |
        +----------+--------+----------+---------+
        5 rows in set
    "#]]
    .assert_eq(&Examples::new().run("02-group-by"));
}

#[test]
fn windows() {
    let examples = Examples::new();
    let sessions = examples.run("03-windows");
    assert!(sessions.contains("Received a total of 11 rows"), "{sessions}");
    expect![[r#"
        "2024-03-01 09:00:00","2024-03-01 09:00:20",19,4
        "2024-03-01 09:00:20","2024-03-01 09:00:40",13,3
        "2024-03-01 09:00:40","2024-03-01 09:01:00",16,4
        "2024-03-01 09:01:00","2024-03-01 09:01:20",12,4
    "#]]
    .assert_eq(&examples.written("clicks-per-window"));
}

#[test]
fn join_and_top_n() {
    expect![[r#"
        +-----------+-------+----------+-------------+--------+
        +-----------+-------+----------+-------------+--------+
        +=====================================================+
        8 rows in set
        | category  | place | order_id | product     | amount |
        | furniture | 1     | 21       | lamp        | 296.01 |
        | furniture | 2     | 4        | desk, large | 284.57 |
        | kitchen   | 1     | 24       | mug         | 286.16 |
        | kitchen   | 2     | 11       | mug         | 263.17 |
        | office    | 1     | 13       | notebook    | 288.80 |
        | office    | 2     | 50       | notebook    | 245.44 |
        | unknown   | 1     | 39       | teapot      | 286.73 |
        | unknown   | 2     | 42       | teapot      | 273.38 |"#]]
    .assert_eq(&sorted(&Examples::new().run("04-join-top-n")));
}

#[test]
fn hot_auctions() {
    expect![[r#"
        +-------------------------+---------+------+
        +-------------------------+---------+------+
        +-------------------------+---------+------+
        Received a total of 16 rows
        | 2023-11-14 22:13:12.000 |    1000 |  777 |
        | 2023-11-14 22:13:14.000 |    1000 |  777 |
        | 2023-11-14 22:13:14.000 |    1100 |  777 |
        | 2023-11-14 22:13:16.000 |    1000 |  777 |
        | 2023-11-14 22:13:16.000 |    1100 |  777 |
        | 2023-11-14 22:13:18.000 |    1300 |  783 |
        | 2023-11-14 22:13:20.000 |    1500 |  807 |
        | 2023-11-14 22:13:22.000 |    1500 |  807 |
        | 2023-11-14 22:13:24.000 |    1500 |  807 |
        | 2023-11-14 22:13:26.000 |    1500 |  807 |
        | 2023-11-14 22:13:28.000 |    1500 |  807 |
        | 2023-11-14 22:13:30.000 |    1600 |  782 |
        | 2023-11-14 22:13:32.000 |    1800 |  780 |
        | 2023-11-14 22:13:34.000 |    2100 |  773 |
        | 2023-11-14 22:13:36.000 |    2100 |  773 |
        | 2023-11-14 22:13:38.000 |    2100 |  773 |
        | window_start            | auction | bids |"#]]
    .assert_eq(&sorted(&Examples::new().run("05-hot-auctions")));
}

#[test]
fn statement_set() {
    let examples = Examples::new();
    let changes = examples.run("06-statement-set");
    let kinds = ["+I", "-U", "+U"].map(|kind| changes.matches(kind).count());
    assert_eq!(kinds, [4, 41, 41], "{changes}");
    expect![[r#"
        {"order_id":11,"amount":263.17}
        {"order_id":13,"amount":288.8}
        {"order_id":17,"amount":266.68}
        {"order_id":39,"amount":286.73}
        {"order_id":4,"amount":284.57}
        {"order_id":42,"amount":273.38}
    "#]]
    .assert_eq(&examples.written("large-orders"));
}
