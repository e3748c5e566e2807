//! Results that Flink 2.3 gives, and what its documentation of patterns promises.

use river_core::{DataType, Expr, LogicalType, Value};

use crate::calendar::parse_timestamp;
use crate::testing::{cast_as, double, eval, int, long, null, show, text};
use crate::{Session, bind, fold};

/// A `TIMESTAMP(p)` literal with the digits that are written.
fn timestamp(value: &str) -> Expr {
    let precision = value.split_once('.').map_or(0, |(_, fraction)| fraction.len()) as u8;
    let ticks = parse_timestamp(value).and_then(|t| t.ticks_at(precision)).expect("a timestamp");
    Expr::literal(Value::Int64(ticks), LogicalType::timestamp(precision).not_null())
}

fn date(value: &str) -> Expr {
    cast_as(text(value), LogicalType::Date)
}

fn time(value: &str) -> Expr {
    cast_as(text(value), LogicalType::Time(0))
}

fn instant(millis: i64) -> Expr {
    Expr::literal(Value::Int64(millis), LogicalType::timestamp_ltz(3).nullable())
}

/// The value of a call in another session zone.
fn in_zone(zone: &str, name: &str, args: Vec<Expr>) -> String {
    let session = Session { zone: zone.parse().expect("a zone"), ..Session::default() };
    let expr = bind::call(&session, name, args).expect("it binds");
    match fold::evaluate_constant(&expr, &session) {
        Ok(value) => crate::cast::to_string::render(&value, &expr.ty.logical, &session),
        Err(error) => format!("run: {error}"),
    }
}

fn extract(unit: &str, value: Expr) -> String {
    eval("EXTRACT", [text(unit), value])
}

#[test]
fn extracts_parts() {
    let usual = || timestamp("2024-02-29 12:34:56.789");
    for (unit, part) in [
        ("YEAR", "2024"),
        ("QUARTER", "1"),
        ("WEEK", "9"),
        ("DOY", "60"),
        ("DOW", "5"),
        ("ISODOW", "4"),
        ("HOUR", "12"),
        ("MILLISECOND", "789"),
        ("MICROSECOND", "789000"),
        ("NANOSECOND", "789000000"),
        ("EPOCH", "1709210096"),
        ("CENTURY", "21"),
        ("DECADE", "202"),
        ("MILLENNIUM", "3"),
    ] {
        assert_eq!(extract(unit, usual()), format!("BIGINT NOT NULL {part}"), "{unit}");
    }
    let early = || timestamp("1969-12-31 23:59:59.999");
    assert_eq!(extract("YEAR", early()), "BIGINT NOT NULL 1970");
    assert_eq!(extract("MILLISECOND", early()), "BIGINT NOT NULL -1");
    assert_eq!(extract("ISOYEAR", date("2021-01-03")), "BIGINT NOT NULL 2020");
    assert_eq!(extract("SECOND", date("2023-01-01")), "BIGINT NOT NULL 19");
    assert_eq!(extract("EPOCH", date("2023-01-01")), "BIGINT NOT NULL 1672531200");
    assert_eq!(extract("HOUR", time("12:34:56")), "BIGINT NOT NULL 12");
    let days = Expr::literal(Value::Int64(273_600_000), LogicalType::IntervalDayTime.not_null());
    assert_eq!(extract("DAY", days.clone()), "BIGINT NOT NULL 3");
    assert_eq!(extract("HOUR", days), "BIGINT NOT NULL 4");
    assert_eq!(eval("DAYOFWEEK", [date("2024-12-29")]), "BIGINT NOT NULL 1");
    assert_eq!(eval("YEAR", [null(LogicalType::timestamp(3))]), "BIGINT NULL");
    for wrong in [
        extract("YEAR", time("12:34:56")),
        extract("DAY", text("2024-01-01")),
        extract("MICROSECOND", date("2023-01-01")),
        extract("NOPE", date("2023-01-01")),
    ] {
        assert!(wrong.starts_with("plan: "), "{wrong}");
    }
    let hour = vec![text("EPOCH"), instant(1_709_210_096_789)];
    assert_eq!(in_zone("Asia/Shanghai", "EXTRACT", hour), "1709238896");
}

fn floor(value: Expr, unit: &str) -> String {
    eval("FLOOR_TO", [value, text(unit)])
}

fn ceil(value: Expr, unit: &str) -> String {
    eval("CEIL_TO", [value, text(unit)])
}

#[test]
fn rounds_to_units() {
    let usual = || timestamp("2024-02-29 12:34:56.789");
    let is = |got: String, wanted: &str| assert_eq!(got, format!("TIMESTAMP(3) NOT NULL {wanted}"));
    is(floor(usual(), "WEEK"), "2024-02-25 00:00:00.000");
    is(ceil(usual(), "WEEK"), "2024-03-03 00:00:00.000");
    is(ceil(usual(), "QUARTER"), "2024-04-01 00:00:00.000");
    is(ceil(usual(), "MINUTE"), "2024-02-29 12:35:00.000");
    is(ceil(usual(), "DECADE"), "2030-01-01 00:00:00.000");
    is(floor(usual(), "MILLENNIUM"), "2001-01-01 00:00:00.000");
    is(floor(timestamp("1969-12-31 23:59:59.999"), "DAY"), "1969-12-31 00:00:00.000");
    is(floor(timestamp("1969-12-31 23:59:59.999"), "WEEK"), "1969-12-28 00:00:00.000");
    assert_eq!(ceil(date("2024-02-29"), "DAY"), "DATE NOT NULL 2024-03-01");
    assert_eq!(ceil(time("12:34:56"), "HOUR"), "TIME(0) NOT NULL 13:00:00");
    assert_eq!(
        floor(timestamp("2024-02-29 12:34:56.123456"), "SECOND"),
        "TIMESTAMP(6) NOT NULL 2024-02-29 12:34:56.000000"
    );
    // The offset of the instant itself is used for the whole day.
    let day = vec![instant(1_710_055_800_000), text("DAY")];
    assert_eq!(in_zone("America/New_York", "FLOOR_TO", day), "2024-03-09 23:00:00.000");
}

#[test]
fn adds_and_counts_units() {
    let add = |unit: &str, n: i32, to: Expr| eval("TIMESTAMPADD", [text(unit), int(n), to]);
    assert_eq!(add("QUARTER", 1, date("2024-01-31")), "DATE NOT NULL 2024-04-30");
    assert_eq!(
        add("HOUR", 1, date("2024-01-31")),
        "TIMESTAMP(6) NOT NULL 2024-01-31 01:00:00.000000"
    );
    assert_eq!(
        add("YEAR", -1, timestamp("2024-02-29 12:34:56.789")),
        "TIMESTAMP(3) NOT NULL 2023-02-28 12:34:56.789"
    );
    assert_eq!(add("HOUR", 1, time("23:59:59")), "TIME(0) NOT NULL 00:59:59");
    let diff = |unit: &str, a: Expr, b: Expr| eval("TIMESTAMPDIFF", [text(unit), a, b]);
    let (a, b) = ("2023-01-15 10:00:00", "2024-02-29 12:34:56.789");
    for (unit, count) in [("YEAR", 1), ("QUARTER", 4), ("MONTH", 13), ("WEEK", 58), ("DAY", 410)] {
        let wanted = |count: i32| format!("INT NOT NULL {count}");
        assert_eq!(diff(unit, timestamp(a), timestamp(b)), wanted(count));
        assert_eq!(diff(unit, timestamp(b), timestamp(a)), wanted(-count));
    }
    assert_eq!(diff("HOUR", time("10:00:00"), time("12:30:00")), "INT NOT NULL 2");
    assert!(diff("DAY", text("2024-01-01"), text("2024-01-02")).starts_with("plan: "));
}

#[test]
fn overlapping_periods() {
    let hours = |n: i64| {
        Expr::literal(Value::Int64(n * 3_600_000), LogicalType::IntervalDayTime.not_null())
    };
    let apart = [time("09:00:00"), time("10:00:00"), time("10:15:00"), hours(3)];
    assert_eq!(eval("OVERLAPS", apart), "BOOLEAN NOT NULL FALSE");
    let touching = [date("2024-01-01"), date("2024-01-05"), date("2024-01-05"), date("2024-01-06")];
    assert_eq!(eval("OVERLAPS", touching), "BOOLEAN NOT NULL TRUE");
}

fn formatted(pattern: &str) -> String {
    let value = timestamp("2024-02-29 12:34:56.789");
    eval("DATE_FORMAT", [value, text(pattern)]).replacen("STRING ", "", 1)
}

#[test]
fn formats_as_java_does() {
    for (pattern, wanted) in [
        ("yyyy-MM-dd HH:mm:ss", "2024-02-29 12:34:56"),
        ("yyyyMMddHHmmssSSS", "20240229123456789"),
        ("EEE, d MMM yyyy", "Thu, 29 Feb 2024"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2024-02-29T12:34:56.789"),
        ("hh:mm a", "12:34 PM"),
        ("D", "60"),
        ("e", "5"),
        ("w", "9"),
        ("yy-M-d", "24-2-29"),
        ("G", "AD"),
        ("SSSSSS", "789000"),
        ("kk", "12"),
        ("u", "2024"),
        ("MMMM", "February"),
        ("EEEE", "Thursday"),
        ("''", "'"),
    ] {
        assert_eq!(formatted(pattern), wanted, "{pattern}");
    }
    assert!(formatted("bogus").contains("Unknown pattern letter"));
    let week_year = [timestamp("2024-12-30 00:00:00"), text("YYYY-MM-dd")];
    assert_eq!(eval("DATE_FORMAT", week_year), "STRING 2025-12-30");
    assert_eq!(
        eval("DATE_FORMAT", [text("2024-02-29 12:34:56"), text("yyyyMMdd")]),
        "STRING 20240229"
    );
    assert_eq!(eval("DATE_FORMAT", [text("2024-02-29"), text("yyyyMMdd")]), "STRING NULL");
    assert!(eval("DATE_FORMAT", [date("2024-02-29"), text("yyyy")]).starts_with("plan: "));
    let local = vec![instant(1_709_210_096_789), text("yyyy-MM-dd HH:mm")];
    assert_eq!(in_zone("Asia/Shanghai", "DATE_FORMAT", local), "2024-02-29 20:34");
}

#[test]
fn reads_dates_and_timestamps() {
    assert_eq!(eval("TO_DATE", [text("2024-2-9")]), "DATE 2024-02-09");
    assert_eq!(eval("TO_DATE", [text("garbage")]), "DATE NULL");
    assert_eq!(eval("TO_DATE", [text("2024-02-29"), text("MM")]), "DATE 2138-08-01");
    let timestamp = |value: &str, pattern: &str| {
        eval("TO_TIMESTAMP", [text(value), text(pattern)]).replacen("TIMESTAMP(3) ", "", 1)
    };
    for (value, pattern, wanted) in [
        ("29/02/2024 12:34", "dd/MM/yyyy HH:mm", "2024-02-29 12:34:00.000"),
        ("20240229", "yyyyMMdd", "2024-02-29 00:00:00.000"),
        ("20240229123456789", "yyyyMMddHHmmssSSS", "2024-02-29 12:34:56.789"),
        ("2024-02-29 1:2:3", "yyyy-MM-dd H:m:s", "2024-02-29 01:02:03.000"),
        ("2024-02-29 01:02 PM", "yyyy-MM-dd hh:mm a", "2024-02-29 13:02:00.000"),
        ("12:34:56", "HH:mm:ss", "1970-01-01 12:34:56.000"),
        ("2024-02-29 12:34:56", "yyyy-MM-dd", "2024-02-29 12:34:56.000"),
        ("2024-02-29 12:34:56", "bogus", "NULL"),
    ] {
        assert_eq!(timestamp(value, pattern), wanted, "{value} by {pattern}");
    }
    assert_eq!(
        eval("TO_TIMESTAMP", [text("2024-02-30 12:34:56")]),
        "TIMESTAMP(3) 2024-02-29 12:34:56.000"
    );
}

#[test]
fn makes_instants() {
    let of = |args: Vec<Expr>| eval("TO_TIMESTAMP_LTZ", args);
    assert_eq!(of(vec![long(-1), int(0)]), "TIMESTAMP_LTZ(3) 1969-12-31 23:59:59.000");
    assert_eq!(
        of(vec![long(1_709_210_096_789), int(9)]),
        "TIMESTAMP_LTZ(9) 1970-01-01 00:28:29.210096789"
    );
    assert_eq!(of(vec![int(0), int(5)]), "TIMESTAMP_LTZ(5) 1970-01-01 00:00:00.00000");
    assert_eq!(of(vec![double(1.5), int(0)]), "TIMESTAMP_LTZ(3) 1970-01-01 00:00:01.500");
    assert_eq!(of(vec![double(1.5), int(3)]), "TIMESTAMP_LTZ(3) 1970-01-01 00:00:00.001");
    let zoned =
        vec![text("2024-02-29 12:34:56"), text("yyyy-MM-dd HH:mm:ss"), text("Asia/Shanghai")];
    assert_eq!(of(zoned), "TIMESTAMP_LTZ(3) 2024-02-29 04:34:56.000");
    let offset = vec![text("2024-02-29T12:34:56+01:00"), text("yyyy-MM-dd'T'HH:mm:ssXXX")];
    assert_eq!(of(offset), "TIMESTAMP_LTZ(3) 2024-02-29 12:34:56.000");
    assert!(of(vec![text("garbage")]).contains("run: "));
}

#[test]
fn unix_time_and_zones() {
    assert_eq!(eval("FROM_UNIXTIME", [long(-1)]), "STRING 1969-12-31 23:59:59");
    let unix = |args: Vec<Expr>| eval("UNIX_TIMESTAMP", args);
    assert_eq!(unix(vec![text("2024-02-29 12:34:56")]), "BIGINT NOT NULL 1709210096");
    assert_eq!(unix(vec![text("2024-02-29")]), "BIGINT NOT NULL -9223372036854775808");
    assert_eq!(unix(vec![text("29/02/2024"), text("dd/MM/yyyy")]), "BIGINT NOT NULL 1709164800");
    let new_york = |value: &str| in_zone("America/New_York", "UNIX_TIMESTAMP", vec![text(value)]);
    assert_eq!(new_york("2024-03-10 02:30:00"), "1710055800");
    assert_eq!(new_york("2024-11-03 01:30:00"), "1730615400");
    let convert =
        |value: &str, from: &str, to: &str| eval("CONVERT_TZ", [text(value), text(from), text(to)]);
    let noon = "2024-02-29 12:34:56";
    assert_eq!(convert(noon, "UTC", "GMT+05:30"), "STRING 2024-02-29 18:04:56");
    assert_eq!(convert(noon, "UTC", "Nope/Zone"), "STRING 2024-02-29 12:34:56");
    assert_eq!(convert("garbage", "UTC", "Asia/Shanghai"), "STRING NULL");
}

#[test]
fn clock_types() {
    let ty = |name: &str| -> DataType {
        bind::call(&Session::default(), name, Vec::new()).expect("it binds").ty
    };
    assert_eq!(ty("NOW").to_string(), "TIMESTAMP_LTZ(3) NOT NULL");
    assert_eq!(ty("CURRENT_DATE").to_string(), "DATE NOT NULL");
    assert_eq!(ty("CURRENT_TIME").to_string(), "TIME(0) NOT NULL");
    assert_eq!(ty("UNIX_TIMESTAMP").to_string(), "BIGINT NOT NULL");
    assert_eq!(ty("PROCTIME").logical.time_kind(), river_core::types::TimeKind::Proctime);
    let now = bind::call(&Session::default(), "CURRENT_DATE", Vec::new()).expect("it binds");
    assert_eq!(show(&now), "DATE NOT NULL 1970-01-01");
}

#[test]
fn numbers_beyond_all_calendars_do_not_overflow() {
    let stamp = || timestamp("2024-02-29 12:34:56.789");
    for count in [i64::MAX, i64::MIN, i64::MAX / 12] {
        for unit in ["MONTH", "YEAR", "MILLENNIUM", "DAY"] {
            // Any value will do: Java's wraps as well.
            eval("TIMESTAMPADD", [text(unit), long(count), stamp()]);
            eval("TIMESTAMPADD", [text(unit), long(count), date("2024-02-29")]);
        }
    }
    let least = || Expr::literal(Value::Int64(i64::MIN), LogicalType::timestamp(3).not_null());
    let most = || Expr::literal(Value::Int64(i64::MAX), LogicalType::timestamp(3).not_null());
    for unit in ["HOUR", "DAY", "MONTH", "CENTURY"] {
        eval("FLOOR_TO", [least(), text(unit)]);
        eval("CEIL_TO", [most(), text(unit)]);
        eval("EXTRACT", [text(unit), least()]);
    }
    eval("TIMESTAMPDIFF", [text("MONTH"), least(), most()]);
    let late = "999999999999999999";
    assert_eq!(eval("TO_DATE", [text(late), text("H")]), "DATE NULL");
    eval("TO_DATE", [text(late), text("m")]);
    eval("TO_DATE", [text(late), text("D")]);
    eval("TO_TIMESTAMP", [text(late), text("n")]);
}
