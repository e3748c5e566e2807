use super::*;

fn new_york() -> Zone {
    Zone::new(Some("America/Los_Angeles")).unwrap()
}

/// The examples in Flink's `TimeWindowUtil`.
#[test]
fn timers_around_daylight_saving() {
    let mut zone = new_york();
    let local = |text: &str| {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
            .unwrap()
            .and_utc()
            .timestamp_millis()
    };
    assert_eq!(zone.to_timer(local("2021-03-14 00:00:00")), 1_615_708_800_000);
    assert_eq!(zone.to_timer(local("2021-03-14 01:00:00")), 1_615_712_400_000);
    assert_eq!(zone.to_timer(local("2021-03-14 02:00:00")), 1_615_716_000_000);
    assert_eq!(zone.to_timer(local("2021-03-14 02:59:59")), 1_615_716_000_000);
    assert_eq!(zone.to_timer(local("2021-03-14 03:00:00")), 1_615_716_000_000);
    assert_eq!(zone.to_timer(local("2021-11-07 00:00:00")), 1_636_268_400_000);
    assert_eq!(zone.to_timer(local("2021-11-07 01:00:00")), 1_636_275_600_000);
    assert_eq!(zone.to_timer(local("2021-11-07 02:00:00")), 1_636_279_200_000);
    assert_eq!(zone.to_local(1_615_716_000_000), local("2021-03-14 03:00:00"));
    assert_eq!(zone.to_local(1_636_272_000_000), local("2021-11-07 01:00:00"));
}

#[test]
fn utc_shifts_nothing() {
    let mut zone = Zone::new(Some("UTC")).unwrap();
    assert!(zone.is_utc());
    assert_eq!((zone.to_local(7), zone.to_timer(7), zone.trigger(8)), (7, 7, 7));
    assert!(Zone::new(Some("Nowhere/Else")).is_err());
}
