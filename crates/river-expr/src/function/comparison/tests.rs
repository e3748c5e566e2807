use river_core::LogicalType::{self, *};

use crate::testing::{boolean, called, cast_as, decimal, double, eval, int, long, null, text};

#[test]
fn numbers_compare_across_types() {
    assert_eq!(eval("=", [int(1), long(1)]), "BOOLEAN NOT NULL TRUE");
    assert_eq!(eval("=", [decimal("1.50"), decimal("1.5")]), "BOOLEAN NOT NULL TRUE");
    assert_eq!(eval(">", [decimal("1.51"), double(1.5)]), "BOOLEAN NOT NULL TRUE");
    assert_eq!(eval("<", [int(1), decimal("1.5")]), "BOOLEAN NOT NULL TRUE");
    assert_eq!(eval("=", [double(0.0), double(-0.0)]), "BOOLEAN NOT NULL TRUE");
    assert_eq!(eval(">", [double(f64::NAN), double(1.0)]), "BOOLEAN NOT NULL FALSE");
    assert_eq!(eval("=", [null(Int), int(1)]), "BOOLEAN NULL");
}

#[test]
fn strings_beside_other_types() {
    assert_eq!(
        eval("=", [int(1), text("1")]),
        "BOOLEAN NOT NULL run: implicit type conversion between INT and CHAR(1) is not supported now"
    );
    assert_eq!(eval(">", [text("12"), int(5)]), "BOOLEAN NOT NULL TRUE");
    assert_eq!(eval("=", [boolean(true), text("true")]), "BOOLEAN NOT NULL FALSE");
    let date = cast_as(text("2024-01-01"), Date);
    assert_eq!(eval("=", [date.clone(), text("2024-01-01")]), "BOOLEAN NOT NULL TRUE");
    let stamp = cast_as(text("2024-01-01"), LogicalType::timestamp(3));
    assert!(eval("=", [date, stamp]).starts_with("plan: Cannot apply '='"));
    assert!(eval("=", [boolean(true), int(1)]).starts_with("plan: Cannot apply '='"));
}

#[test]
fn distinct_counts_null_as_a_value() {
    assert_eq!(eval("IS DISTINCT FROM", [null(Int), null(Int)]), "BOOLEAN NOT NULL FALSE");
    assert_eq!(eval("IS NOT DISTINCT FROM", [int(1), null(Int)]), "BOOLEAN NOT NULL FALSE");
    assert_eq!(eval("IS NULL", [null(Int)]), "BOOLEAN NOT NULL TRUE");
}

#[test]
fn logic_has_three_values() {
    let unknown = || null(Boolean);
    assert_eq!(eval("AND", [unknown(), boolean(false)]), "BOOLEAN FALSE");
    assert_eq!(eval("OR", [unknown(), boolean(true)]), "BOOLEAN TRUE");
    assert_eq!(eval("AND", [unknown(), boolean(true)]), "BOOLEAN NULL");
    assert_eq!(eval("NOT", [boolean(true)]), "BOOLEAN NOT NULL FALSE");
    assert_eq!(eval("IS NOT TRUE", [unknown()]), "BOOLEAN NOT NULL TRUE");
    assert!(eval("OR", [text("a"), boolean(true)]).starts_with("plan: Cannot apply 'OR'"));
}

#[test]
fn conditionals_take_the_common_type() {
    assert_eq!(eval("COALESCE", [null(Int), int(5)]), "INT NOT NULL 5");
    assert_eq!(eval("COALESCE", [null(Int), decimal("2.5")]), "DECIMAL(11, 1) NOT NULL 2.5");
    assert!(eval("COALESCE", [int(1), text("a")]).starts_with("plan: "));
    assert_eq!(eval("IF", [null(Boolean), int(1), int(2)]), "INT 2");
    assert_eq!(eval("IF", [boolean(true), text("a"), text("bcd")]), "VARCHAR(3) NOT NULL a");
    assert_eq!(eval("NULLIF", [int(1), decimal("1.0")]), "INT NULL");
    assert_eq!(eval("NULLIF", [text("a"), text("b")]), "CHAR(1) a");
    assert_eq!(eval("GREATEST", [text("a"), text("b")]), "CHAR(1) NOT NULL b");
    assert_eq!(eval("LEAST", [int(1), null(Int), int(0)]), "INT NULL");
    assert_eq!(eval("LEAST", [double(1.0), decimal("0.5")]), "DOUBLE NOT NULL 0.5");
    let quotient = called("/", [int(1), int(0)]);
    assert_eq!(eval("IF", [boolean(false), quotient, int(2)]), "INT NOT NULL 2");
}
