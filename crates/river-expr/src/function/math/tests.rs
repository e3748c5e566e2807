use crate::testing::{boolean, double, eval, int, null};

#[test]
fn functions_of_doubles() {
    assert_eq!(eval("SIN", [double(1.5)]), "DOUBLE NOT NULL 0.9974949866040544");
    assert_eq!(eval("LN", [int(-1)]), "DOUBLE NOT NULL NaN");
    assert_eq!(eval("LOG10", [int(0)]), "DOUBLE NOT NULL -Infinity");
    assert_eq!(eval("LOG", [int(2), int(8)]), "DOUBLE NOT NULL 3.0");
    assert_eq!(eval("POWER", [int(2), int(-1)]), "DOUBLE NOT NULL 0.5");
    assert_eq!(eval("COT", [int(1)]), "DOUBLE NOT NULL 0.6420926159343306");
    assert_eq!(eval("PI", []), "DOUBLE NOT NULL 3.141592653589793");
    assert_eq!(eval("EXP", [null(river_core::LogicalType::Int)]), "DOUBLE NULL");
    assert!(eval("COT", [boolean(true)]).starts_with("plan: Cannot apply 'COT'"));
}
