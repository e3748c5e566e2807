//! What is said about texts that do not parse.

use crate::parse::parse_script;

fn check(text: &str, expected: &str) {
    let error = parse_script(text).expect_err("an error");
    assert_eq!(error.render("job.sql", text), expected);
}

#[test]
fn misspelt_keyword() {
    check(
        "SELECT a FORM t",
        "\
error: expected one of `,`, `FROM`, `WHERE`, `GROUP`, `HAVING`, `WINDOW`, `QUALIFY`, `INTERSECT` \
or 7 others, found `t`
 --> job.sql:1:10
  |
1 | SELECT a FORM t
  |          ^^^^ not expected here
  |
  = help: `FORM` was read as a name; did you mean `FROM`?
",
    );
}

#[test]
fn reserved_word() {
    check(
        "SELECT order_id AS value\nFROM orders",
        "\
error: expected a name, found reserved word `value`
 --> job.sql:1:20
  |
1 | SELECT order_id AS value
  |                    ^^^^^ expected a name
  |
  = help: `value` is reserved; as a name it stands in back-ticks: `value`
",
    );
}

#[test]
fn unclosed_string() {
    check(
        "SET 'a' = 'b",
        "\
error: unclosed string
 --> job.sql:1:11
  |
1 | SET 'a' = 'b
  |           ^ the string begins here
  |
  = help: close it with `'`
",
    );
}

#[test]
fn wrong_quotes() {
    check(
        "SELECT \"a\"",
        "\
error: unknown character `\"`
 --> job.sql:1:8
  |
1 | SELECT \"a\"
  |        ^
  |
  = help: names that need quotes stand in back-ticks (`name`), texts in single quotes ('text')
",
    );
}
