//! Flink's option keys for S3 (`s3.*`, and the `s3a.*`, `fs.s3a.*` and `presto.s3.*` spellings
//! that its file systems take, `flink-s3-fs-base`), then the standard `AWS_*` environment
//! variables and the credentials of the machine.

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use river_core::options::Options;

use crate::location::invalid;
use crate::{Result, RetryOptions};

/// Prefixes under which Flink takes the keys of S3; earlier ones win.
const PREFIXES: [&str; 4] = ["s3.", "s3a.", "fs.s3a.", "presto.s3."];

/// The value of the first of `names` that is set under any prefix; blanks around it are dropped.
fn option<'a>(options: &'a Options, names: &[&str]) -> Option<&'a str> {
    PREFIXES
        .iter()
        .flat_map(|prefix| names.iter().map(move |name| format!("{prefix}{name}")))
        .find_map(|key| options.get(&key))
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

fn flag(uri: &str, options: &Options, names: &[&str]) -> Result<Option<bool>> {
    match option(options, names) {
        None => Ok(None),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(text) => Err(invalid(
            uri,
            format!("option 's3.{}': '{text}' is not 'true' or 'false'", names[0]),
        )),
    }
}

/// Refuses what is no name of a bucket, before it becomes a part of addresses. AWS's own rule is
/// narrower today, but older buckets and other services have such names.
pub(super) fn check_bucket(uri: &str, bucket: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let plain = bucket.starts_with(|c: char| c.is_ascii_alphanumeric());
    if plain && bucket.len() <= 255 && bucket.chars().all(fits) {
        return Ok(());
    }
    Err(invalid(uri, format!("'{bucket}' is no name of a bucket"))
        .with_remedy("write s3://bucket/path; keys and endpoint are options"))
}

/// A client for `bucket`.
pub(super) fn client(
    uri: &str,
    bucket: &str,
    options: &Options,
    limits: &RetryOptions,
) -> Result<AmazonS3> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    let access = option(options, &["access-key", "access.key"]);
    let secret = option(options, &["secret-key", "secret.key"]);
    builder = match (access, secret) {
        (Some(access), Some(secret)) => {
            // A token of the environment belongs to the environment's keys.
            let token = option(options, &["session-token", "session.token"]).unwrap_or_default();
            let builder = builder.with_access_key_id(access).with_secret_access_key(secret);
            if token.is_empty() { without_token(builder) } else { builder.with_token(token) }
        }
        (None, None) => builder,
        _ => {
            return Err(invalid(uri, "only one of s3.access-key and s3.secret-key is set")
                .with_remedy("set both, or none to use the environment's or the machine's"));
        }
    };
    if let Some(region) = option(options, &["region", "endpoint.region"]) {
        builder = builder.with_region(region);
    }
    builder = with_endpoint(uri, bucket, options, builder)?;
    let backoff = BackoffConfig {
        init_backoff: limits.initial_backoff,
        max_backoff: limits.max_backoff,
        base: 2.0,
    };
    // One attempt: repetitions are decided by the operation.
    let retry = RetryConfig { backoff, max_retries: 0, retry_timeout: limits.timeout };
    builder.with_retry(retry).build().map_err(|error| invalid(uri, error.to_string()))
}

/// The builder cannot unset a token, so a new one gets everything else of the environment.
fn without_token(builder: AmazonS3Builder) -> AmazonS3Builder {
    if builder.get_config_value(&AmazonS3ConfigKey::Token).is_none() {
        return builder;
    }
    let kept = [
        AmazonS3ConfigKey::AccessKeyId,
        AmazonS3ConfigKey::SecretAccessKey,
        AmazonS3ConfigKey::Bucket,
        AmazonS3ConfigKey::Region,
        AmazonS3ConfigKey::Endpoint,
        AmazonS3ConfigKey::VirtualHostedStyleRequest,
    ];
    kept.into_iter().fold(AmazonS3Builder::new(), |new, key| match builder.get_config_value(&key) {
        Some(value) => new.with_config(key, value),
        None => new,
    })
}

/// Where requests go: `https://bucket.host/key`, or `https://host/bucket/key` with
/// `s3.path.style.access`, for an address, and for a bucket whose name no certificate covers.
fn with_endpoint(
    uri: &str,
    bucket: &str,
    options: &Options,
    builder: AmazonS3Builder,
) -> Result<AmazonS3Builder> {
    let path_style = flag(uri, options, &["path.style.access", "path-style-access"])?;
    let from_environment = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
    let Some(endpoint) = option(options, &["endpoint"]) else {
        // The environment's endpoint stays as it is, with the environment's style.
        let plain = from_environment.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let builder = with_client_options(uri, options, builder, plain)?;
        return Ok(match path_style {
            Some(path_style) => builder.with_virtual_hosted_style_request(!path_style),
            None => builder,
        });
    };
    let encrypted = flag(uri, options, &["connection.ssl.enabled"])?.unwrap_or(true);
    let (scheme, host) = match endpoint.split_once("://") {
        Some((scheme @ ("http" | "https"), host)) => (scheme, host),
        Some((scheme, _)) => {
            return Err(invalid(uri, format!("option 's3.endpoint' has the scheme '{scheme}'"))
                .with_remedy("use http:// or https://"));
        }
        None => (if encrypted { "https" } else { "http" }, endpoint),
    };
    let host = host.trim_end_matches('/');
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@');
    if host.is_empty() || host.contains(is_odd) {
        return Err(invalid(uri, format!("option 's3.endpoint': '{endpoint}' is no address"))
            .with_remedy("write host:port, or http://host:port"));
    }
    let path_style = path_style.unwrap_or(false) || is_address(host) || bucket.contains('.');
    let builder = with_client_options(uri, options, builder, scheme == "http")?;
    let endpoint = if path_style {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{bucket}.{host}")
    };
    // The second key is what AWS_ENDPOINT_URL_S3 sets, which would win otherwise.
    Ok(builder
        .with_endpoint(endpoint.clone())
        .with_config(AmazonS3ConfigKey::S3Endpoint, endpoint)
        .with_virtual_hosted_style_request(!path_style))
}

fn with_client_options(
    uri: &str,
    options: &Options,
    builder: AmazonS3Builder,
    plain_http: bool,
) -> Result<AmazonS3Builder> {
    let limits = RetryOptions::from_options(uri, options)?;
    let client = ClientOptions::new()
        .with_timeout(limits.request_timeout)
        .with_connect_timeout(limits.request_timeout.min(super::CONNECT_TIMEOUT))
        .with_allow_http(plain_http);
    Ok(builder.with_client_options(client))
}

/// Whether a host, maybe with a port, is an IP address: there is no bucket's host below it.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    name.parse::<std::net::IpAddr>().is_ok() || name.starts_with('[')
}

#[cfg(test)]
mod tests;
