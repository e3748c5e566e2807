use super::*;

#[test]
fn civil_round_trip() {
    for days in (-1_000_000..1_000_000).step_by(37) {
        let (year, month, day) = civil_from_days(days);
        assert_eq!(days_from_civil(year, month, day), days);
    }
    assert_eq!(days_from_civil(1970, 1, 1), 0);
    assert_eq!(civil_from_days(19_782), (2024, 2, 29));
    assert_eq!(civil_from_days(-1), (1969, 12, 31));
}

#[test]
fn weeks_and_months() {
    let day = |y, m, d| days_from_civil(y, m, d);
    assert_eq!(iso_week(day(2024, 12, 30)), (2025, 1));
    assert_eq!(iso_week(day(2021, 1, 3)), (2020, 53));
    assert_eq!(iso_day_of_week(day(2024, 2, 29)), 4);
    assert_eq!(day_of_year(day(2024, 12, 31)), 366);
    assert_eq!(add_months(day(2024, 1, 31), 1), day(2024, 2, 29));
    assert_eq!(add_months(day(2024, 2, 29), -12), day(2023, 2, 28));
    assert_eq!(months_between_days(day(2024, 3, 31), day(2024, 2, 29)), 1);
    assert_eq!(months_between_days(day(2024, 2, 29), day(2024, 3, 31)), -1);
}

#[test]
fn months_between_far_points_need_no_search() {
    for (later, earlier) in [(100_000_000_000, -100_000_000_000), (12_345, -54_321), (59, 30)] {
        let months = months_between_days(later, earlier);
        assert!(add_months(earlier, months) <= later);
        assert!(add_months(earlier, months + 1) > later);
        assert_eq!(months_between_days(earlier, later), -months);
    }
}

#[test]
fn date_text() {
    let date = |text| parse_date(text).map(|days| shown(|s| push_date(s, days.into())));
    assert_eq!(date("2024-2-9").as_deref(), Some("2024-02-09"));
    assert_eq!(date("2024-02").as_deref(), Some("2024-02-01"));
    assert_eq!(date("2024").as_deref(), Some("2024-01-01"));
    assert_eq!(date(" 2024-02-29 ").as_deref(), Some("2024-02-29"));
    assert_eq!(date("2024-02-29 10:00:00").as_deref(), Some("2024-02-29"));
    for bad in ["2024-02-30", "20240229", "abc", "", "-", "2024-1-1-1", "２０２４"] {
        assert_eq!(date(bad), None, "{bad}");
    }
}

#[test]
fn time_text() {
    let time = |text, p| parse_time(text).map(|ms| shown(|s| push_time(s, ms.into(), p)));
    assert_eq!(time("12", 0).as_deref(), Some("12:00:00"));
    assert_eq!(time("1:2:3", 0).as_deref(), Some("01:02:03"));
    assert_eq!(time("12:34:56.789", 3).as_deref(), Some("12:34:56.789"));
    assert_eq!(time("12:34:56", 3).as_deref(), Some("12:34:56.0"));
    assert_eq!(time("24:00:00", 0), None);
    assert_eq!(time("abc", 0), None);
}

#[test]
fn timestamp_text() {
    let show = |text: &str, p: u8| {
        let ticks = parse_timestamp(text)?.ticks_at(p)?;
        Some(shown(|s| push_timestamp(s, ticks, p)))
    };
    assert_eq!(show("2024-2-9 1:2:3", 3).as_deref(), Some("2024-02-09 01:02:03.000"));
    assert_eq!(show("2024-02-30 00:00:00", 0).as_deref(), Some("2024-02-29 00:00:00"));
    assert_eq!(
        show("2024-02-29 12:34:56.123456789", 9).as_deref(),
        Some("2024-02-29 12:34:56.123456789")
    );
    assert_eq!(show("1969-12-31 23:59:59.999", 1).as_deref(), Some("1969-12-31 23:59:59.9"));
    assert_eq!(show("2024-02-29 24:00:00", 0).as_deref(), Some("2024-03-01 00:00:00"));
    for bad in ["2024-02-29 12:34", "2024-02-29 12", "abc", "", "2024-02-29 12:34:56Z", "0-1-1"] {
        assert_eq!(show(bad, 3), None, "{bad}");
    }
}

#[test]
fn zones_in_gap_and_overlap() {
    let zone = Zone::from_java_id("America/New_York");
    let utc = |text: &str| {
        let local = parse_timestamp(text).and_then(|t| t.ticks(1_000)).unwrap_or(0);
        shown(|s| push_timestamp(s, to_utc_ticks(zone, local, 1_000), 0))
    };
    let text = |ticks| shown(|s| push_timestamp(s, ticks, 0));
    assert_eq!(text(to_local_ticks(zone, 0, 1_000)), "1969-12-31 19:00:00");
    assert_eq!(utc("2024-03-10 02:30:00"), "2024-03-10 07:30:00");
    assert_eq!(utc("2024-11-03 01:30:00"), "2024-11-03 05:30:00");
    assert_eq!(Zone::from_java_id("GMT+05:30"), Zone::Fixed(19_800));
    assert_eq!(Zone::from_java_id("Nope/Zone"), Zone::Fixed(0));
}

#[test]
fn interval_text() {
    assert_eq!(shown(|s| push_interval_year_month(s, 18)), "+1-06");
    assert_eq!(shown(|s| push_interval_year_month(s, -1)), "-0-01");
    assert_eq!(shown(|s| push_interval_day_time(s, 93_784_567)), "+1 02:03:04.567");
    assert_eq!(shown(|s| push_interval_day_time(s, -1)), "-0 00:00:00.001");
}

fn shown(push: impl FnOnce(&mut String)) -> String {
    let mut text = String::new();
    push(&mut text);
    text
}
