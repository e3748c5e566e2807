use river_core::{Expr, LogicalType};

use crate::testing::{called, eval, int, null, text};

fn ints(values: &[i32]) -> Expr {
    called("ARRAY", values.iter().map(|v| int(*v)))
}

fn no_int() -> Expr {
    null(LogicalType::Int)
}

#[test]
fn constructors() {
    assert_eq!(eval("ARRAY", [int(1), no_int()]), "ARRAY<INT> NOT NULL [1, NULL]");
    let map = eval("MAP", [text("a"), int(1), text("a"), int(2)]);
    assert_eq!(map, "MAP<CHAR(1) NOT NULL, INT NOT NULL> NOT NULL {a=2}");
    assert_eq!(eval("MAP", [text("a")]), "plan: Map requires an even number of arguments");
    let row = eval("ROW", [int(1), text("a")]);
    assert_eq!(row, "ROW<`EXPR$0` INT NOT NULL, `EXPR$1` CHAR(1) NOT NULL> NOT NULL (1, a)");
}

#[test]
fn access() {
    assert_eq!(eval("ITEM", [ints(&[1, 2, 3]), int(3)]), "INT 3");
    assert_eq!(eval("ITEM", [ints(&[1, 2, 3]), int(9)]), "INT NULL");
    assert!(eval("ITEM", [ints(&[1]), int(0)]).starts_with("plan: Array element access"));
    let map = called("MAP", [text("a"), int(1)]);
    assert_eq!(eval("ITEM", [map.clone(), text("a")]), "INT 1");
    assert!(eval("ITEM", [map.clone(), int(1)]).starts_with("plan: "));
    assert_eq!(eval("CARDINALITY", [map]), "INT NOT NULL 1");
    let two = eval("ELEMENT", [ints(&[5, 6])]);
    assert_eq!(two, "INT NOT NULL run: Array has more than one element.");
}

#[test]
fn array_functions() {
    assert_eq!(eval("ARRAY_APPEND", [ints(&[1, 2]), no_int()]), "ARRAY<INT> [1, 2, NULL]");
    assert_eq!(eval("ARRAY_PREPEND", [ints(&[1]), int(0)]), "ARRAY<INT NOT NULL> NOT NULL [0, 1]");
    assert_eq!(eval("ARRAY_CONTAINS", [ints(&[1, 2]), no_int()]), "BOOLEAN NOT NULL FALSE");
    assert_eq!(eval("ARRAY_POSITION", [ints(&[1, 2, 2]), int(2)]), "INT NOT NULL 2");
    let slice = |from, to| eval("ARRAY_SLICE", [ints(&[1, 2, 3]), int(from), int(to)]);
    assert_eq!(slice(-2, -1), "ARRAY<INT NOT NULL> NOT NULL [2, 3]");
    assert_eq!(slice(0, 2), "ARRAY<INT NOT NULL> NOT NULL [1, 2]");
    assert_eq!(slice(-10, 2), "ARRAY<INT NOT NULL> NOT NULL [1, 2]");
    assert_eq!(slice(1, -5), "ARRAY<INT NOT NULL> NOT NULL []");
    let with_null = called("ARRAY", [int(3), no_int(), int(2)]);
    assert_eq!(eval("ARRAY_SORT", [with_null.clone()]), "ARRAY<INT> NOT NULL [NULL, 2, 3]");
    assert_eq!(eval("ARRAY_MAX", [with_null]), "INT 3");
    let except = eval("ARRAY_EXCEPT", [ints(&[1, 1, 2]), ints(&[2])]);
    assert_eq!(except, "ARRAY<INT NOT NULL> NOT NULL [1]");
}

#[test]
fn map_functions() {
    let map = |k, v| called("MAP", [text(k), int(v)]);
    let union = eval("MAP_UNION", [map("a", 1), map("a", 2)]);
    assert_eq!(union, "MAP<CHAR(1) NOT NULL, INT NOT NULL> NOT NULL {a=2}");
    assert_eq!(
        eval("MAP_ENTRIES", [map("a", 1)]),
        "ARRAY<ROW<`key` CHAR(1) NOT NULL, `value` INT NOT NULL>> NOT NULL [(a, 1)]"
    );
    let uneven = eval("MAP_FROM_ARRAYS", [ints(&[1, 2]), ints(&[1])]);
    assert!(uneven.contains("run: Invalid function MAP_FROM_ARRAYS call"));
}

#[test]
fn bitmaps() {
    let bitmap = called("BITMAP_BUILD", [ints(&[-1, 1])]);
    assert_eq!(eval("BITMAP_TO_STRING", [bitmap.clone()]), "STRING NOT NULL {1,4294967295}");
    assert_eq!(eval("BITMAP_TO_ARRAY", [bitmap]), "ARRAY<INT> NOT NULL [1, -1]");
    let bytes = called("BITMAP_TO_BYTES", [called("BITMAP_BUILD", [ints(&[1, 2])])]);
    assert_eq!(eval("TO_BASE64", [bytes]), "STRING NOT NULL OjAAAAEAAAAAAAEAEAAAAAEAAgA=");
}
