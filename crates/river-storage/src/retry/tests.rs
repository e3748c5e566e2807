use std::time::Duration;

use river_core::options::Options;

use super::RetryOptions;
use crate::ErrorKind;

#[test]
fn limits_are_options() {
    let options = |pairs: &[(&str, &str)]| {
        RetryOptions::from_options("s3://b/", &pairs.iter().copied().collect::<Options>())
    };
    assert_eq!(options(&[]).unwrap(), RetryOptions::default());
    let given = options(&[
        ("riverkeeper.storage.retry.timeout", "2 min"),
        ("riverkeeper.storage.retry.initial-backoff", "10 ms"),
        ("riverkeeper.storage.retry.max-backoff", "1 s"),
        ("riverkeeper.storage.request-timeout", "7 s"),
    ]);
    let expected = RetryOptions {
        timeout: Duration::from_secs(120),
        initial_backoff: Duration::from_millis(10),
        max_backoff: Duration::from_secs(1),
        request_timeout: Duration::from_secs(7),
    };
    assert_eq!(given.unwrap(), expected);
    let error = options(&[("riverkeeper.storage.retry.timeout", "soon")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("riverkeeper.storage.retry.timeout"), "{error}");
}
