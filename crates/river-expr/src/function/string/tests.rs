use river_core::LogicalType;

use crate::testing::{eval, int, null, text};

fn string() -> river_core::Expr {
    null(LogicalType::STRING)
}

#[test]
fn parts_of_a_text() {
    let sub = |t, s, n| eval("SUBSTRING", [text(t), int(s), int(n)]);
    assert_eq!(sub("abcdef", 2, 3), "VARCHAR(6) bcd");
    assert_eq!(sub("abcdef", -2, 1), "VARCHAR(6) e");
    assert_eq!(sub("abcdef", 2, -1), "VARCHAR(6) NULL");
    assert_eq!(eval("SUBSTRING", [text("a😀bcdefghijklmnop"), int(2)]), {
        "VARCHAR(17) 😀bcdefghijklmnop"
    });
    assert_eq!(eval("RIGHT", [text("日本語"), int(2)]), "VARCHAR(3) 本語");
    assert_eq!(eval("LEFT", [text("abc"), int(-1)]), "VARCHAR(3) ");
    assert_eq!(eval("BTRIM", [text("xyaxy"), text("yx")]), "STRING NOT NULL a");
    let trim = eval("TRIM", [text("xxaxx"), text("TRAILING"), text("x")]);
    assert_eq!(trim, "VARCHAR(5) NOT NULL xxa");
    assert_eq!(eval("REVERSE", [text("a😀b")]), "STRING b😀a");
}

#[test]
fn splits() {
    let index = |t, s, i| eval("SPLIT_INDEX", [text(t), text(s), int(i)]);
    assert_eq!(index("a,b,c", ",", 1), "STRING b");
    assert_eq!(index("a,b,c", ",", 3), "STRING NULL");
    assert_eq!(index("a||b", "||", 1), "STRING b");
    assert_eq!(index("abc", "", 0), "STRING abc");
    assert_eq!(index("a b c", "", 1), "STRING b");
    assert_eq!(eval("SPLIT_INDEX", [text("a;b"), int(59), int(1)]), "STRING b");
    assert_eq!(eval("SPLIT", [text(",a,"), text(",")]), "ARRAY<STRING> NOT NULL [, a, ]");
    assert_eq!(eval("SPLIT", [text("a😀b"), text("")]), "ARRAY<STRING> NOT NULL [a, ?, ?, b]");
}

#[test]
fn java_strings_count_code_units() {
    let overlay = eval("OVERLAY", [text("a😀b"), text("##"), int(2), int(1)]);
    assert!(overlay.ends_with("a##?b"), "{overlay}");
    assert_eq!(eval("LPAD", [text("hi"), int(5), text("xy")]), "STRING NOT NULL xyxhi");
    assert_eq!(eval("RPAD", [text("hi"), int(1), text("x")]), "STRING NOT NULL h");
    assert_eq!(eval("REGEXP_INSTR", [text("a😀b"), text("b")]), "INT 4");
    assert_eq!(eval("INSTR", [text("a😀b"), text("b")]), "INT NOT NULL 3");
}

#[test]
fn joins_and_changes() {
    assert_eq!(eval("||", [text("a"), string()]), "STRING NULL");
    assert_eq!(eval("||", [text("a"), text("b")]), "CHAR(2) NOT NULL ab");
    assert_eq!(eval("CONCAT_WS", [text(","), string()]), "STRING ");
    assert_eq!(eval("UPPER", [text("straße")]), "CHAR(6) NOT NULL STRASS");
    assert_eq!(eval("INITCAP", [text("a1b2 c-d_e")]), "CHAR(10) NOT NULL A1b2 C-D_E");
    let translate = eval("TRANSLATE", [text("abcabc"), text("aa"), text("12")]);
    assert_eq!(translate, "STRING NOT NULL 1bc1bc");
    assert_eq!(eval("CHR", [int(321)]), "STRING A");
    assert_eq!(eval("ASCII", [text("é")]), "INT NOT NULL -61");
}

#[test]
fn printf_formats_as_java() {
    let show = |f: &str, v| eval("PRINTF", [text(f), v]);
    assert_eq!(show("%5.1f|", crate::testing::double(1.25)), "STRING   1.3|");
    assert_eq!(show("%e", crate::testing::double(12.5)), "STRING 1.250000e+01");
    assert_eq!(show("%g", crate::testing::double(0.0001)), "STRING 0.000100000");
    assert_eq!(show("%08.2f", crate::testing::double(-3.25159)), "STRING -0003.25");
    assert_eq!(show("%,d", int(1_234_567)), "STRING 1,234,567");
    assert_eq!(show("%x", int(-1)), "STRING ffffffff");
    assert_eq!(show("%d", text("a")), "STRING NULL");
    assert_eq!(show("%-4s|", text("ab")), "STRING ab  |");
}

#[test]
fn urls() {
    let url = "http://user@host.com:8080/p/a?k1=v1&k2=v2#ref";
    let part = |name| eval("PARSE_URL", [text(url), text(name)]);
    assert_eq!(part("HOST"), "STRING host.com");
    assert_eq!(part("FILE"), "STRING /p/a?k1=v1&k2=v2");
    assert_eq!(part("AUTHORITY"), "STRING user@host.com:8080");
    assert_eq!(part("NOPE"), "STRING NULL");
    let key = |k| eval("PARSE_URL", [text(url), text("QUERY"), text(k)]);
    assert_eq!(key("k2"), "STRING v2");
    assert_eq!(key("k3"), "STRING NULL");
    assert_eq!(eval("URL_DECODE", [text("%zz")]), "STRING NULL");
    assert_eq!(eval("URL_ENCODE", [text("~-_.* ")]), "STRING %7E-_.*+");
}

#[test]
fn refuses_other_types() {
    assert!(eval("UPPER", [int(1)]).starts_with("plan: Cannot apply 'UPPER'"));
    assert!(eval("UPPER", []).starts_with("plan: Invalid number of arguments"));
    let long = crate::testing::long(2);
    assert!(eval("SUBSTRING", [text("abc"), long]).starts_with("plan: "));
}

#[test]
fn like_and_similar() {
    let like = |t, p| eval("LIKE", [text(t), text(p)]);
    for (t, p, wanted) in [
        ("abcabc", "%b%b%", true),
        ("a😀c", "a_c", true),
        ("a\nc", "a_c", false),
        ("a\nc", "a%c", true),
        ("abc", "a.c", false),
        ("", "%", true),
        ("ab", "%%", true),
        ("abc", "_b_", true),
        ("abc", "ab", false),
        ("xabcabd", "%ab_", true),
    ] {
        let wanted = if wanted { "BOOLEAN NOT NULL TRUE" } else { "BOOLEAN NOT NULL FALSE" };
        assert_eq!(like(t, p), wanted, "{t:?} LIKE {p:?}");
    }
    let escaped = eval("LIKE", [text("a%c"), text("a$%c"), text("$")]);
    assert_eq!(escaped, "BOOLEAN NOT NULL TRUE");
    let bad = eval("LIKE", [text("abc"), text("a$bc"), text("$")]);
    assert_eq!(bad, "BOOLEAN NOT NULL run: Invalid escape sequence 'a$bc', 1");
    let similar = |t, p| eval("SIMILAR TO", [text(t), text(p)]);
    assert_eq!(similar("abc", "(a|x)bc"), "BOOLEAN NOT NULL TRUE");
    assert_eq!(similar("abc", "a[[:ALPHA:]]c"), "BOOLEAN NOT NULL TRUE");
    assert_eq!(similar("a", "b|a"), "BOOLEAN NOT NULL TRUE");
}
