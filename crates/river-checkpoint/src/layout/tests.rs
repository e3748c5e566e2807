use super::*;

#[test]
fn names_are_those_of_flink() {
    let job = "0123456789abcdef0123456789abcdef";
    assert_eq!(job_folder("/c", job, true), format!("/c/{job}"));
    assert_eq!(job_folder("/c", job, false), "/c");
    assert_eq!(checkpoint_folder("/c/job", 12), "/c/job/chk-12");
    assert_eq!(checkpoint_number("chk-12"), Some(12));
    assert_eq!(checkpoint_number("chk-x"), None);
    let (one, two) = (savepoint_folder("/s", job), savepoint_folder("/s", job));
    assert!(one.starts_with("/s/savepoint-012345-") && one.len() == "/s/savepoint-".len() + 19);
    assert_ne!(one, two);
    assert!(is_job_id(&new_job_id()) && !is_job_id("chk-1"));
}

#[test]
fn file_names_cannot_leave_the_folder() {
    for name in ["", ".", "..", "a/b", "/a", "a\\b", METADATA] {
        check_file_name(name, "file:///m").unwrap_err();
    }
    check_file_name(&subtask_file(1, 2, 3), "file:///m").unwrap();
}
