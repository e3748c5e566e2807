use super::prefix;

#[test]
fn the_prefix_names_identifier_and_subtask() {
    assert_eq!(prefix("", 0, 1), "");
    assert_eq!(prefix("", 0, 2), "1> ");
    assert_eq!(prefix("out", 1, 2), "out:2> ");
    assert_eq!(prefix("out", 0, 1), "out> ");
}
