use river_core::LogicalType::*;

use crate::testing::{cast_as, decimal, double, eval, int, long, null, text};

#[test]
fn rounding_drops_decimal_digits() {
    assert_eq!(eval("ROUND", [decimal("123.456"), int(-1)]), "DECIMAL(4, 0) NOT NULL 120");
    assert_eq!(eval("ROUND", [decimal("-2.5")]), "DECIMAL(2, 0) NOT NULL -3");
    assert_eq!(eval("ROUND", [decimal("123.456"), int(5)]), "DECIMAL(6, 3) NOT NULL 123.456");
    assert_eq!(eval("ROUND", [decimal("1.5"), null(Int)]), "DECIMAL(2, 1) NULL");
    assert_eq!(eval("ROUND", [double(1.005), int(2)]), "DOUBLE NOT NULL 1.01");
    assert_eq!(eval("ROUND", [double(-1e300), int(1)]), "DOUBLE NOT NULL -1.0E300");
    assert_eq!(eval("ROUND", [int(i32::MAX), int(-1)]), "INT NOT NULL -2147483646");
    assert_eq!(eval("ROUND", [long(i64::MAX), int(-3)]), "BIGINT NOT NULL -9223372036854775616");
    assert_eq!(eval("ROUND", [cast_as(int(15), TinyInt), int(-1)]), "TINYINT NOT NULL 20");
    assert!(eval("ROUND", [double(f64::NAN)]).contains("Character N is neither"));
    assert_eq!(eval("TRUNCATE", [decimal("-42.345"), int(2)]), "DECIMAL(5, 2) NOT NULL -42.34");
    assert_eq!(eval("TRUNCATE", [decimal("42.345"), int(-1)]), "DECIMAL(3, 0) NOT NULL 40");
    assert_eq!(eval("TRUNCATE", [int(42), int(-1)]), "INT NOT NULL 40");
    assert!(eval("TRUNCATE", [double(-1e300), int(1)]).contains("run: "));
}

#[test]
fn whole_numbers() {
    assert_eq!(eval("CEIL", [decimal("-1.2")]), "DECIMAL(2, 0) NOT NULL -1");
    assert_eq!(eval("FLOOR", [decimal("-1.2")]), "DECIMAL(2, 0) NOT NULL -2");
    assert_eq!(eval("FLOOR", [double(-1.2)]), "DOUBLE NOT NULL -2.0");
    assert_eq!(eval("CEILING", [int(5)]), "INT NOT NULL 5");
    assert_eq!(eval("ABS", [int(i32::MIN)]), "INT NOT NULL -2147483648");
    assert_eq!(eval("SIGN", [decimal("5.5")]), "DECIMAL(2, 1) NOT NULL 1.0");
    assert_eq!(eval("SIGN", [double(-2.5)]), "DOUBLE NOT NULL -1.0");
    assert!(eval("ABS", [text("x")]).starts_with("plan: Cannot apply 'ABS'"));
}
