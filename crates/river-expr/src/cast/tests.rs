use river_core::LogicalType::{self, *};

use super::to_string::{java_double, java_float};
use crate::testing::{cast_as, cast_text, decimal, double, int, long, text};

const STRING: LogicalType = LogicalType::STRING;

fn strict(input: river_core::Expr, to: LogicalType) -> String {
    cast_text(input, to, false)
}

#[test]
fn floats_print_as_java_does() {
    let cases = [
        (1.0, "1.0"),
        (1234567.0, "1234567.0"),
        (12345678.0, "1.2345678E7"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (123456789.125, "1.23456789125E8"),
        (4.9e-324, "4.9E-324"),
        (1e7, "1.0E7"),
        (9999999.0, "9999999.0"),
        (-0.5, "-0.5"),
        (100.0, "100.0"),
        (f64::NEG_INFINITY, "-Infinity"),
    ];
    for (value, expected) in cases {
        assert_eq!(java_double(value), expected);
    }
    assert_eq!(java_float(3.4028235e38), "3.4028235E38");
    assert_eq!(java_float(1.6777216e7), "1.6777216E7");
}

#[test]
fn numbers_wrap_saturate_or_become_null() {
    assert_eq!(strict(int(300), TinyInt), "TINYINT NOT NULL 44");
    assert_eq!(strict(double(300.7), TinyInt), "TINYINT NOT NULL 44");
    assert_eq!(strict(double(1e20), SmallInt), "SMALLINT NOT NULL -1");
    assert_eq!(strict(double(1e20), BigInt), "BIGINT NOT NULL 9223372036854775807");
    assert_eq!(strict(long(3_000_000_000), Int), "INT NOT NULL -1294967296");
    assert_eq!(strict(decimal("3000000000.5"), Int), "INT NOT NULL -1294967296");
    assert_eq!(strict(decimal("12345.678"), Decimal(5, 2)), "DECIMAL(5, 2) NOT NULL NULL");
    assert_eq!(strict(decimal("-123.455"), Decimal(5, 2)), "DECIMAL(5, 2) NOT NULL -123.46");
    assert_eq!(
        strict(double(0.1), Decimal(20, 18)),
        "DECIMAL(20, 18) NOT NULL 0.100000000000000000"
    );
    assert_eq!(
        strict(double(f64::NAN), Decimal(10, 2)),
        "DECIMAL(10, 2) NOT NULL run: Character N is neither a decimal digit number, decimal \
         point, nor \"e\" notation exponential mark."
    );
    assert_eq!(strict(double(0.5), Boolean), "BOOLEAN NOT NULL TRUE");
    assert_eq!(strict(int(5), Decimal(5, 1)), "DECIMAL(5, 1) NOT NULL 5.0");
}

#[test]
fn text_is_read_as_flink_reads_it() {
    assert_eq!(strict(text(" 42 "), Int), "INT NOT NULL 42");
    assert_eq!(strict(text("4.7"), Int), "INT NOT NULL 4");
    assert_eq!(
        strict(text("1e3"), Int),
        "INT NOT NULL run: For input string: '1e3'. Invalid character found."
    );
    assert_eq!(
        strict(text("128"), TinyInt),
        "TINYINT NOT NULL run: For input string: '128'. Overflow."
    );
    assert_eq!(strict(text(""), Int), "INT NOT NULL run: For input string: ''. Input is empty.");
    assert_eq!(cast_text(text("1e3"), Int, true), "INT NULL");
    assert_eq!(
        strict(text("-9223372036854775808"), BigInt),
        "BIGINT NOT NULL -9223372036854775808"
    );
    assert_eq!(strict(text("0x1p3"), Double), "DOUBLE NOT NULL 8.0");
    assert_eq!(strict(text("1f"), Double), "DOUBLE NOT NULL 1.0");
    assert_eq!(strict(text("nan"), Double), "DOUBLE NOT NULL run: For input string: \"nan\"");
    assert_eq!(strict(text("NaN"), Double), "DOUBLE NOT NULL NaN");
    assert_eq!(strict(text("1e309"), Double), "DOUBLE NOT NULL Infinity");
    assert_eq!(strict(text("Yes"), Boolean), "BOOLEAN NOT NULL TRUE");
    assert_eq!(
        strict(text(" true "), Boolean),
        "BOOLEAN NOT NULL run: Cannot parse ' true ' as BOOLEAN."
    );
    assert_eq!(
        strict(text("0.3"), Decimal(18, 18)),
        "DECIMAL(18, 18) NOT NULL run: For input string: '0.3'. Overflow."
    );
    assert_eq!(strict(text("-0.005"), Decimal(5, 2)), "DECIMAL(5, 2) NOT NULL -0.01");
}

#[test]
fn times_of_day_before_1970_are_divided_towards_zero() {
    let before = cast_as(text("1969-12-31 23:59:59.999"), LogicalType::timestamp(3));
    assert_eq!(strict(before.clone(), Date), "DATE NOT NULL 1970-01-01");
    assert_eq!(strict(before.clone(), Time(0)), "TIME(0) NOT NULL 00:00:00");
    assert_eq!(
        strict(before, LogicalType::timestamp(0)),
        "TIMESTAMP(0) NOT NULL 1970-01-01 00:00:00"
    );
    let fine = cast_as(text("2024-02-29 12:34:56.987654"), LogicalType::timestamp(6));
    assert_eq!(
        strict(fine, LogicalType::timestamp(3)),
        "TIMESTAMP(3) NOT NULL 2024-02-29 12:34:56.987"
    );
    let time = cast_as(text("12:34:56"), Time(0));
    assert_eq!(
        strict(time, LogicalType::timestamp_ltz(3)),
        "TIMESTAMP_LTZ(3) NOT NULL 1970-01-01 12:34:56.000"
    );
}

#[test]
fn text_is_cut_and_padded_to_its_type() {
    assert_eq!(strict(int(70_000), Char(4)), "CHAR(4) NOT NULL 7000");
    assert_eq!(strict(text("ab"), Char(4)), "CHAR(4) NOT NULL ab  ");
    assert_eq!(strict(text("a😀b"), VarChar(2)), "VARCHAR(2) NOT NULL a😀");
    assert_eq!(strict(text("abc"), Binary(2)), "BINARY(2) NOT NULL ab");
    assert_eq!(strict(text("a"), Binary(2)), "BINARY(2) NOT NULL a\0");
    assert_eq!(strict(text("abc"), STRING), "STRING NOT NULL abc");
}

#[test]
fn casts_that_do_not_exist_are_refused() {
    for (from, to) in [
        (int(1), Date),
        (int(1), LogicalType::timestamp(3)),
        (int(1), LogicalType::BYTES),
        (text("1"), IntervalDayTime),
        (cast_as(text("2024-01-01"), Date), Time(0)),
        (cast_as(text("2024-01-01"), LogicalType::timestamp(3)), BigInt),
    ] {
        assert!(strict(from, to.clone()).starts_with("plan: "), "{to}");
    }
}
