use river_core::LogicalType::*;

use crate::testing::{cast_as, decimal, double, eval, int, long, null, text};

#[test]
fn integers_wrap_and_keep_the_wider_type() {
    assert_eq!(eval("+", [int(i32::MAX), int(1)]), "INT NOT NULL -2147483648");
    assert_eq!(eval("-", [long(i64::MIN), int(1)]), "BIGINT NOT NULL 9223372036854775807");
    assert_eq!(eval("/", [int(-7), int(2)]), "INT NOT NULL -3");
    assert_eq!(eval("/", [int(5), int(0)]), "INT NOT NULL run: / by zero");
    assert_eq!(eval("%", [int(7), cast_as(int(2), TinyInt)]), "TINYINT NOT NULL 1");
    assert_eq!(eval("MOD", [int(-7), int(3)]), "INT NOT NULL -1");
    assert_eq!(eval("+", [int(1), null(Int)]), "INT NULL");
    assert_eq!(eval("+", [int(1), null(Null)]), "INT NULL");
    assert_eq!(eval("-", [cast_as(int(-128), TinyInt)]), "TINYINT NOT NULL -128");
}

#[test]
fn decimals_follow_their_types() {
    assert_eq!(eval("*", [decimal("0.908"), long(100)]), "DECIMAL(24, 3) NOT NULL 90.800");
    assert_eq!(eval("/", [int(1), decimal("3.0")]), "DECIMAL(17, 6) NOT NULL 0.333333");
    assert_eq!(eval("/", [decimal("1.0"), int(3)]), "DECIMAL(13, 12) NOT NULL 0.333333333333");
    assert_eq!(
        eval("/", [int(5), decimal("0.0")]),
        "DECIMAL(17, 6) NOT NULL run: Division by zero"
    );
    assert_eq!(eval("+", [decimal("0.1"), decimal("0.2")]), "DECIMAL(3, 1) NOT NULL 0.3");
    assert_eq!(eval("-", [decimal("1.50")]), "DECIMAL(3, 2) NOT NULL -1.50");
    assert_eq!(eval("*", [double(2.0), decimal("1.5")]), "DOUBLE NOT NULL 3.0");
    let wide = cast_as(text("99999999999999999999999999999999999999"), Decimal(38, 0));
    assert_eq!(eval("+", [wide.clone(), int(1)]), "DECIMAL(38, 0) NOT NULL NULL");
    assert_eq!(eval("*", [wide, int(10)]), "DECIMAL(38, 0) NOT NULL NULL");
}

#[test]
fn what_is_no_number_is_refused() {
    assert_eq!(
        eval("+", [text("1"), int(2)]),
        "plan: Cannot apply '+' to arguments of type '<CHAR(1)> + <INTEGER>'. Supported form(s): \
         '<NUMERIC> + <NUMERIC>'"
    );
    assert!(eval("%", [int(7), double(2.0)]).starts_with("plan: Cannot apply '%'"));
    assert!(
        eval("/", [double(0.0), cast_as(int(0), Double)]).starts_with("plan: Division by zero")
    );
}

#[test]
fn intervals_shift_dates_and_times() {
    let day = |n: i64| {
        river_core::Expr::literal(
            river_core::Value::Int64(n * 86_400_000),
            IntervalDayTime.not_null(),
        )
    };
    let month = |n: i32| {
        river_core::Expr::literal(river_core::Value::Int32(n), IntervalYearMonth.not_null())
    };
    let date = cast_as(text("2024-01-31"), Date);
    let stamp = cast_as(text("2024-01-31 10:00:00.123456"), river_core::LogicalType::timestamp(6));
    assert_eq!(eval("+", [date.clone(), day(1)]), "DATE NOT NULL 2024-02-01");
    assert_eq!(eval("+", [month(1), date.clone()]), "DATE NOT NULL 2024-02-29");
    assert_eq!(
        eval("-", [stamp.clone(), month(12)]),
        "TIMESTAMP(6) NOT NULL 2023-01-31 10:00:00.123456"
    );
    assert_eq!(
        eval("+", [stamp.clone(), day(1)]),
        "TIMESTAMP(6) NOT NULL 2024-02-01 10:00:00.123456"
    );
    assert_eq!(eval("*", [day(1), int(2)]), "INTERVAL SECOND(3) NOT NULL +2 00:00:00.000");
    assert_eq!(eval("-", [day(1)]), "INTERVAL SECOND(3) NOT NULL -1 00:00:00.000");
    assert!(eval("-", [stamp.clone(), stamp.clone()]).starts_with("plan: Cannot apply '-'"));
    assert!(eval("/", [day(1), int(2)]).starts_with("plan: "));
    assert_eq!(
        eval("MINUS_DATE", [stamp.clone(), cast_as(text("2024-01-01"), Date), month(0)]),
        "INTERVAL MONTH NOT NULL +0-00"
    );
    assert_eq!(
        eval("MINUS_DATE", [date.clone(), cast_as(text("2024-01-01"), Date), day(0)]),
        "INTERVAL SECOND(3) NOT NULL +30 00:00:00.000"
    );
    let time = cast_as(text("00:30:00"), Time(0));
    assert_eq!(eval("-", [time, day(1)]), "TIME(0) NOT NULL 00:30:00");
}
