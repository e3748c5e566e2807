//! What is a connect string.

use crate::ConnectString;

fn parsed(text: &str) -> String {
    match text.parse::<ConnectString>() {
        Ok(connect) => connect.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn servers_ports_and_chroot() {
    assert_eq!(parsed("localhost"), "localhost:2181");
    assert_eq!(parsed("a:1,b:2 , c"), "a:1,b:2,c:2181");
    assert_eq!(parsed("a,b/x/y"), "a:2181,b:2181/x/y");
    assert_eq!(parsed("a/"), "a:2181");
    assert_eq!(parsed("[::1]:5,[fe80::1]"), "[::1]:5,[fe80::1]:2181");
    assert_eq!(parsed("fe80::1/x"), "[fe80::1]:2181/x");
    assert_eq!(parsed("a,,b"), "a:2181,b:2181");
}

#[test]
fn what_is_none() {
    assert_eq!(parsed(""), "'' is no connect string: it names no server");
    assert_eq!(parsed("/x"), "'/x' is no connect string: it names no server");
    assert_eq!(parsed("a:x"), "'a:x' is no connect string: 'x' is no port");
    assert_eq!(parsed("a:0"), "'a:0' is no connect string: '0' is no port");
    assert_eq!(parsed("a:70000"), "'a:70000' is no connect string: '70000' is no port");
    assert_eq!(parsed("[::1"), "'[::1' is no connect string: '[::1' lacks a ']'");
    assert_eq!(parsed(":2181"), "':2181' is no connect string: ':2181' names no host");
    assert_eq!(
        parsed("a/x/"),
        "'a/x/' is no connect string: its chroot is no path: Path must not end with / character"
    );
}
