use expect_test::{Expect, expect};
use river_storage::Local;
use tempfile::TempDir;

use super::*;

const JOB_A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const JOB_B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"x").unwrap();
    }
    folder
}

/// What a path below the folder means, from the folder.
fn check(folder: &TempDir, path: &str, expected: Expect) {
    let root = folder.path().to_str().unwrap();
    let found = match latest(&Local, &join(root, path)) {
        Ok(found) => found,
        // Times of files differ from run to run.
        Err(error) => {
            let lines = error.to_string();
            let lines = lines.lines().map(|line| line.split("  (").next().unwrap_or(line));
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    expected.assert_eq(&found.replace(root, "ROOT"));
}

#[test]
fn a_path_means_the_newest_complete_checkpoint() {
    let folder = folder(&[
        &format!("{JOB_A}/chk-9/_metadata"),
        &format!("{JOB_A}/chk-10/_metadata"),
        &format!("{JOB_A}/chk-11/state-0-0-0"),
        &format!("{JOB_A}/shared/x"),
        &format!("{JOB_B}/chk-1/state-0-0-0"),
        "other/file",
    ]);
    let newest = || expect!["ROOT/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/chk-10/_metadata"];
    check(&folder, "", newest());
    check(&folder, JOB_A, newest());
    check(&folder, &format!("{JOB_A}/chk-10/"), newest());
    check(&folder, &format!("{JOB_A}/chk-10/_metadata"), newest());
    check(
        &folder,
        &format!("{JOB_A}/chk-9"),
        expect!["ROOT/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/chk-9/_metadata"],
    );
}

#[test]
fn what_means_none_says_why() {
    let folder = folder(&[
        &format!("{JOB_A}/chk-1/state-0-0-0"),
        "savepoint-aaaaaa-0123456789ab/state-0-0-0",
        "other/file",
    ]);
    check(
        &folder,
        "missing",
        expect!["file://ROOT/missing is no checkpoint: the folder is not there, or empty"],
    );
    check(
        &folder,
        "other",
        expect!["file://ROOT/other is no checkpoint: no checkpoint or savepoint is in it"],
    );
    check(
        &folder,
        JOB_A,
        expect![
            "file://ROOT/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa is no checkpoint: none of its checkpoints was completed"
        ],
    );
    check(
        &folder,
        "savepoint-aaaaaa-0123456789ab",
        expect![
            "file://ROOT/savepoint-aaaaaa-0123456789ab/_metadata is missing: the checkpoint was never completed, or the file was deleted; use an older checkpoint or savepoint"
        ],
    );
}

#[test]
fn several_jobs_are_listed() {
    let folder = folder(&[
        &format!("{JOB_A}/chk-3/_metadata"),
        &format!("{JOB_B}/chk-7/_metadata"),
        "savepoint-aaaaaa-0123456789ab/_metadata",
    ]);
    check(
        &folder,
        "",
        expect![[r#"
            file://ROOT holds checkpoints of several jobs; name one:
              file://ROOT/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/chk-3
              file://ROOT/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/chk-7
              file://ROOT/savepoint-aaaaaa-0123456789ab"#]],
    );
}

#[test]
fn an_older_checkpoint_is_offered() {
    let folder = folder(&[
        &format!("{JOB_A}/chk-2/_metadata"),
        &format!("{JOB_A}/chk-3/_metadata"),
        &format!("{JOB_A}/chk-4/state-0-0-0"),
        &format!("{JOB_A}/chk-5/state-0-0-0"),
        &format!("{JOB_A}/chk-9/_metadata"),
    ]);
    check(
        &folder,
        &format!("{JOB_A}/chk-5"),
        expect![
            "file://ROOT/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/chk-5/_metadata is missing: the checkpoint was never completed, or the file was deleted; use an older checkpoint or savepoint, such as file://ROOT/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/chk-3"
        ],
    );
}
