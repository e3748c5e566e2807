use river_core::{Expr, LogicalType};

use crate::testing::{called, double, eval, int, null, text};

const DOCUMENT: &str =
    r#"{"a": 1, "b": {"c": "x", "d": [1, 2, {"e": true}]}, "n": null, "s": "12", "f": 1.50}"#;

fn query(path: &str) -> String {
    eval("JSON_QUERY", [text(DOCUMENT), text(path)])
}

fn value(path: &str) -> String {
    eval("JSON_VALUE", [text(DOCUMENT), text(path)])
}

#[test]
fn paths_that_nest_beyond_measure_are_no_paths() {
    for open in ["(", "!", "@[?(", "["] {
        let path = format!("$.b.d[?({})]", open.repeat(100_000));
        assert_eq!(query(&path), "STRING NULL");
    }
}

#[test]
fn paths() {
    assert_eq!(value("$.b.d[2].e"), "STRING true");
    assert_eq!(value("$.f"), "STRING 1.50");
    assert_eq!(value("$.b"), "STRING NULL");
    assert_eq!(value("bad path"), "STRING NULL");
    assert_eq!(query("$.b.d[*]"), r#"STRING [1,2,{"e":true}]"#);
    assert_eq!(query("$..e"), "STRING [true]");
    assert_eq!(query("$..zz"), "STRING []");
    assert_eq!(query("$.b.d[-2:]"), r#"STRING [2,{"e":true}]"#);
    assert_eq!(query("$.b.d[?(@.e == true)]"), r#"STRING [{"e":true}]"#);
    assert_eq!(query("$['a','s']"), r#"STRING {"a":1,"s":"12"}"#);
    assert_eq!(value("$.b.d.length()"), "STRING 3");
}

#[test]
fn clauses() {
    let word = text;
    let none = || null(LogicalType::Null);
    let value = |path: &str, empty: Expr, error: Expr| {
        let args =
            [text(r#"{"a": 1}"#), text(path), word("DEFAULT"), empty, word("DEFAULT"), error];
        eval("JSON_VALUE", args)
    };
    assert_eq!(value("$.b", text("empty"), text("error")), "STRING error");
    assert_eq!(value("lax $.b", text("empty"), text("error")), "STRING empty");
    assert_eq!(value("$.a", none(), none()), "STRING 1");
    let returning = |json: &str, ty: LogicalType| {
        let clauses = [word("NULL"), none(), word("NULL"), none(), null(ty)];
        eval("JSON_VALUE", [text(json), text("$.a")].into_iter().chain(clauses))
    };
    assert_eq!(returning(r#"{"a": 1}"#, LogicalType::Int), "INT 1");
    assert!(returning(r#"{"a": "1"}"#, LogicalType::Int).starts_with("INT run: "));
    assert!(returning(r#"{"a": 1}"#, LogicalType::BigInt).starts_with("plan: Unsupported type"));
    let exists =
        |on_error| eval("JSON_EXISTS", [text(r#"{"a": 1}"#), text("strict $.b"), word(on_error)]);
    assert_eq!(exists("UNKNOWN"), "BOOLEAN NULL");
    assert!(exists("ERROR").starts_with("BOOLEAN run: No results for path"));
}

#[test]
fn tests_of_text() {
    let is = |t| eval("IS JSON", [text(t)]) == "BOOLEAN NOT NULL TRUE";
    for good in ["{}", "1 2", r#"{"a": 1} trailing"#, "null", "-5", " [1] "] {
        assert!(is(good), "{good}");
    }
    for bad in ["", " ", "nul", "01", "{a:1}", "\"a", "[1,]", "NaN", "1.", ".5", "+5"] {
        assert!(!is(bad), "{bad}");
    }
    assert_eq!(eval("IS JSON", [null(LogicalType::STRING)]), "BOOLEAN NOT NULL FALSE");
}

#[test]
fn made_of_values() {
    assert_eq!(eval("JSON_STRING", [double(1e10)]), "STRING NOT NULL 1.0E+10");
    assert_eq!(eval("JSON_STRING", [double(1e-5)]), "STRING NOT NULL 0.000010");
    let object = eval("JSON_OBJECT", [text("NULL"), text("b"), int(1), text("a"), int(2)]);
    assert_eq!(object, r#"STRING NOT NULL {"a":2,"b":1}"#);
    let inner = called("JSON_OBJECT", [text("NULL"), text("b"), int(1)]);
    let nested = eval("JSON_ARRAY", [text("ABSENT"), inner, null(LogicalType::Int)]);
    assert_eq!(nested, r#"STRING NOT NULL [{"b":1}]"#);
    let raw = called("JSON", [text(r#"{"b": 1}"#)]);
    assert_eq!(eval("JSON_ARRAY", [text("ABSENT"), raw]), r#"STRING NOT NULL [{"b":1}]"#);
    assert_eq!(eval("JSON_QUOTE", [text("日/\"")]), r#"STRING NOT NULL "\u65e5\/\"""#);
    assert_eq!(eval("JSON_UNQUOTE", [text(r#""\u65e5""#)]), "STRING NOT NULL 日");
}

#[test]
fn variants() {
    let parse = |t| called("PARSE_JSON", [text(t)]);
    let json = |t| eval("JSON_STRING", [parse(t)]);
    assert_eq!(json(r#"{"b": 1, "a": 1.50}"#), r#"STRING NOT NULL {"a":1.5,"b":1}"#);
    assert_eq!(json("1e10"), "STRING NOT NULL 1.0E10");
    assert_eq!(json("1.0"), "STRING NOT NULL 1");
    let item = called("ITEM", [parse("[10, 20]"), int(1)]);
    assert_eq!(eval("JSON_STRING", [item]), "STRING 10");
    assert!(eval("PARSE_JSON", [text(r#"{"a":1,"a":2}"#)]).contains("VARIANT_DUPLICATE_KEY"));
    assert_eq!(eval("TRY_PARSE_JSON", [text("bad")]), "VARIANT NULL");
}
