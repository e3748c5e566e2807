//! Both views of the same numbers.

use expect_test::expect;

use super::*;

fn counted() -> (Metrics, Gauges) {
    let metrics = Metrics::new(true);
    metrics.connection_rejected.increment();
    metrics.bytes_received_count.add(12_345_678);
    for value in [1, 2, 2, 7] {
        metrics.fsynctime.observe(value);
        metrics.readlatency.observe(value);
        metrics.read_per_namespace.of("na\"me").observe(value);
    }
    metrics.quota_exceeded_error_per_namespace.of("app").increment();
    let quota = QuotaGauge {
        namespace: "app".to_owned(),
        count_limit: Some(10),
        count_usage: 3,
        bytes_usage: 30,
        ..QuotaGauge::default()
    };
    let gauges =
        Gauges { avg_latency: 0.5, znode_count: 5, quotas: vec![quota], ..Gauges::default() };
    (metrics, gauges)
}

/// Lines that are not about zeros.
fn interesting(text: &str) -> String {
    let zero = |line: &&str| !line.ends_with([' ', '\t']) && !line.ends_with("\t0");
    let zero = |line: &&str| zero(line) && !line.ends_with(" 0.0") && !line.ends_with("\t0.0");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.ends_with("NaN"));
    lines.filter(zero).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_flat_list() {
    let (metrics, gauges) = counted();
    let values = monitor(&metrics, &gauges);
    let text: String = values.iter().map(|(name, value)| format!("{name}\t{value}\n")).collect();
    expect![[r#"
        avg_latency	0.5
        znode_count	5
        app_quota_count_limit_per_namespace	10
        app_quota_count_usage_per_namespace	3
        app_quota_bytes_usage_per_namespace	30
        bytes_received_count	12345678
        connection_rejected	1
        app_quota_exceeded_error_per_namespace	1
        avg_fsynctime	3.0
        min_fsynctime	1
        max_fsynctime	7
        cnt_fsynctime	4
        sum_fsynctime	12
        avg_readlatency	3.0
        min_readlatency	1
        max_readlatency	7
        cnt_readlatency	4
        sum_readlatency	12
        p50_readlatency	2
        p95_readlatency	7
        p99_readlatency	7
        p999_readlatency	7
        avg_na"me_read_per_namespace	3.0
        min_na"me_read_per_namespace	1
        max_na"me_read_per_namespace	7
        cnt_na"me_read_per_namespace	4
        sum_na"me_read_per_namespace	12
    "#]]
    .assert_eq(&interesting(&text));
    let mut names: Vec<_> = values.iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), values.len());
}

#[test]
fn the_text_of_prometheus() {
    let (metrics, gauges) = counted();
    let text = prometheus(&metrics, &gauges, false);
    expect![[r#"
        avg_latency 0.5
        znode_count 5.0
        quota_count_limit_per_namespace{key="app"} 10.0
        quota_count_usage_per_namespace{key="app"} 3.0
        quota_bytes_usage_per_namespace{key="app"} 30.0
        bytes_received_count 1.2345678E7
        connection_rejected 1.0
        quota_exceeded_error_per_namespace{key="app"} 1.0
        fsynctime{quantile="0.5"} 2.0
        fsynctime_count 4.0
        fsynctime_sum 12.0
        readlatency{quantile="0.5"} 2.0
        readlatency{quantile="0.9"} 7.0
        readlatency{quantile="0.99"} 7.0
        readlatency_count 4.0
        readlatency_sum 12.0
        read_per_namespace{key="na\"me",quantile="0.5"} 2.0
        read_per_namespace_count{key="na\"me"} 4.0
        read_per_namespace_sum{key="na\"me"} 12.0
    "#]]
    .assert_eq(&interesting(&text));
    let of_one: Vec<_> = text.lines().filter(|line| line.contains("fsynctime")).collect();
    expect![[r##"
        # HELP fsynctime Time to make the log durable.
        # TYPE fsynctime summary
        fsynctime{quantile="0.5"} 2.0
        fsynctime_count 4.0
        fsynctime_sum 12.0"##]]
    .assert_eq(&of_one.join("\n"));
    metrics.reset();
    assert_eq!(metrics.fsynctime.count(), 4);
}

#[test]
fn a_reset_forgets_all() {
    let metrics = Metrics::new(false);
    metrics.connection_rejected.increment();
    metrics.fsynctime.observe(3);
    metrics.write_per_namespace.of("app").observe(3);
    metrics.reset();
    let values = monitor(&metrics, &Gauges::default());
    assert!(values.iter().all(|(_, value)| value.as_f64() == 0.0));
}
