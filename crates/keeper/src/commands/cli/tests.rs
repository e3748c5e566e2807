//! The parts of the command line that need no server.

use expect_test::expect;
use zk_wire::acl::{Acl, Id};

use super::options::{Parsed, parse, split};
use super::quota::Track;
use super::{Invocation, completion, ensemble};
use crate::commands::text::{hex_dump, parse_acl, permissions};

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn parsed(text: &str) -> Result<Parsed, String> {
    let known = [("s", false), ("w", false), ("v", true), ("members", true)];
    parse(&known, &words(text)).map_err(|failure| failure.message)
}

#[test]
fn options_stand_anywhere() {
    let found = parsed("/a -s data -v -1").expect("options");
    assert_eq!(found.arguments, ["/a", "data"]);
    assert!(found.has("s") && !found.has("w"));
    assert_eq!((found.value("v"), found.number("v").ok()), (Some("-1"), Some(Some(-1))));
    for joined in ["-sv3 /a", "-sv=3 /a", "-s -v 3 /a", "--v 3 -s /a"] {
        let found = parsed(joined).expect("options");
        assert!(found.has("s") && found.value("v") == Some("3"), "{joined}");
    }
    assert_eq!(parsed("-members a=b:1").expect("options").value("members"), Some("a=b:1"));
    assert_eq!(parsed("-- -s").expect("options").arguments, ["-s"]);
    assert_eq!(parsed("- -5").expect("options").arguments, ["-", "-5"]);
}

#[test]
fn options_that_are_none() {
    assert_eq!(parsed("/a -q"), Err("Unrecognized option: -q".to_owned()));
    assert_eq!(parsed("/a -v"), Err("Missing argument for option: v".to_owned()));
    assert_eq!(parsed("/a -v -s"), Err("Missing argument for option: v".to_owned()));
    assert_eq!(
        parsed("-v x").expect("options").number::<i32>("v").map_err(|f| f.message),
        Err("-v x: no number".to_owned())
    );
}

#[test]
fn lines_are_split_but_within_quotes() {
    assert_eq!(split("  set /a 'two words'  \"x 'y'\" "), ["set", "/a", "two words", "x 'y'"]);
    assert_eq!(split("set /a \"\""), ["set", "/a", ""]);
    assert_eq!(split("set /a it's"), ["set", "/a", "it's"]);
    assert_eq!(split("set /a 'open end"), ["set", "/a", "open", "end"]);
    assert!(split("   ").is_empty());
}

#[test]
fn what_stands_before_the_verb() {
    let invocation = |text: &str| Invocation::parse(&words(text)).map_err(|e| e.to_string());
    let found = invocation("-server h:1/c --timeout 500 -r ls -R /").expect("an invocation");
    assert_eq!((&*found.server, found.timeout.as_millis()), ("h:1/c", 500));
    assert!(found.read_only && !found.wait);
    assert_eq!(found.verb, ["ls", "-R", "/"]);
    assert_eq!(invocation("-server"), Err("option -server lacks its value".to_owned()));
    assert_eq!(invocation("-x ls"), Err("no such option: -x".to_owned()));
    assert_eq!(invocation("-timeout x"), Err("-timeout x: no milliseconds".to_owned()));
}

#[test]
fn acls_and_permissions() {
    let acl = parse_acl("world:anyone:cdrwa,digest:a:b:r,broken");
    let expected = [Acl::open(), Acl { perms: 1, id: Id::new("digest", "a:b") }];
    assert_eq!(acl, expected);
    assert_eq!(
        (permissions(31), permissions(1), permissions(0)),
        ("cdrwa".into(), "r".into(), String::new())
    );
}

#[test]
fn data_in_hexadecimal() {
    expect![[r#"
                 +-------------------------------------------------+
                 |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |
        +--------+-------------------------------------------------+----------------+
        |00000000| 68 65 6c 6c 6f                                  |hello           |
        +--------+-------------------------------------------------+----------------+"#]]
    .assert_eq(&hex_dump(b"hello"));
    assert_eq!(hex_dump(b""), "");
    assert_eq!(hex_dump(&[0; 17]).lines().count(), 6);
}

#[test]
fn quotas_as_text() {
    let show = |text: &str| match Track::parse(text.as_bytes()) {
        Ok(track) => track.to_string(),
        Err(failure) => failure.message,
    };
    assert_eq!(show("count=5,bytes=-1"), "count=5,bytes=-1");
    assert_eq!(
        show("count=5,bytes=7=;countHardLimit=2;byteHardLimit=1"),
        "count=5,bytes=7=;byteHardLimit=1;countHardLimit=2"
    );
    assert_eq!(show("bytes=,"), "count=-1,bytes=-1");
    assert_eq!(show("count=x"), "'count=x' is no quota");
}

#[test]
fn where_clients_connect_to() {
    let config = "server.1=a:2888:3888:participant;0.0.0.0:2181\nserver.2=b:1:2;2182\nversion=100";
    assert_eq!(ensemble::client_addresses(config), "100 0.0.0.0:2181,0.0.0.0:2182");
    assert_eq!(ensemble::client_addresses(""), " ");
}

#[test]
fn the_tab_key_knows_where_it_is() {
    assert_eq!(completion::last_word("ls -s /a/b"), (6, "/a/b"));
    assert_eq!(completion::split_path("/a/b"), Some(("/a".to_owned(), "b")));
    assert_eq!(completion::split_path("/b"), Some(("/".to_owned(), "b")));
    assert_eq!(completion::split_path("a/b"), None);
    let names = ["bar", "baz", "x"].map(str::to_owned).to_vec();
    assert_eq!(completion::paths("/a", "ba", names), ["/a/bar", "/a/baz"]);
}
