//! From keys to settings, in Apache's order of checks.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use keeper_core::acl::AclOptions;
use keeper_core::auth::{AuthOptions, DigestAlgorithm};
use keeper_core::node::NodeOptions;
use keeper_core::owner::OwnerRules;
use keeper_core::prep::PrepOptions;
use keeper_core::session::SessionOptions;
use keeper_core::tree::TreeOptions;
use keeper_disk::log::{FlushPolicy, LogOptions};
use keeper_disk::purge::RETAIN_MIN;
use keeper_disk::snapshot::Compression;
use keeper_disk::start::StartOptions;
use zk_wire::frame::DEFAULT_MAX_BUFFER;

use super::members::{self, Members};
use super::{
    Config, ConnectionThrottle, Limits, Properties, PurgeOptions, Result, SnapshotOptions,
};

/// The number of a server that is alone, in the ids of its sessions.
const SERVER_ALONE: u8 = 1;
/// Threads of the network at most, where their number is not set.
const NETWORK_THREADS_MAX: usize = 4;

/// Everything a server is told.
pub(super) fn config(properties: Properties) -> Result<Config> {
    let p = &properties;
    let tick_ms = p.number("tickTime", 3000i32)?;
    if tick_ms <= 0 {
        return Err(p.error("tickTime", "must be above 0, in milliseconds"));
    }
    let Some(data_dir) = p.text_of("dataDir") else {
        return Err(p.error_of_file("dataDir is not set: name the folder for snapshots".into()));
    };
    let data_dir = PathBuf::from(data_dir);
    let data_log_dir = p.text_of("dataLogDir").map(PathBuf::from);
    let data_log_dir = data_log_dir.filter(|folder| *folder != data_dir);
    let members = members::read(p)?;
    let client_address = client_address(p, &members)?;
    let secure_client_address = address(p, "secureClientPort", "secureClientPortAddress")?;
    if client_address.is_none() && secure_client_address.is_none() {
        let message = "neither clientPort nor secureClientPort is set: set clientPort=2181";
        return Err(p.error_of_file(message.to_owned()));
    }
    let seed = RandomState::new().build_hasher().finish();
    let backlog = p.number("clientPortListenBacklog", -1i64)?;
    Ok(Config {
        client_address,
        secure_client_address,
        listen_backlog: u32::try_from(backlog).ok().filter(|backlog| *backlog > 0),
        data_dir,
        data_log_dir,
        create_data_dir: p.flag("datadir.autocreate", true),
        server_id: SERVER_ALONE,
        sessions: sessions(p, tick_ms)?,
        node: node(p, seed)?,
        tree: TreeOptions {
            digest: p.flag("digest.enabled", true),
            owners: owners(p),
            hash_seed: seed.rotate_left(32),
        },
        start: StartOptions {
            trust_empty: p.flag("snapshot.trust.empty", false),
            autocreate: p.flag("db.autocreate", true),
        },
        log: log(p)?,
        flush: flush(p)?,
        snapshot: snapshot(p)?,
        purge: purge(p)?,
        limits: limits(p)?,
        network_threads: network_threads(p)?,
        properties,
    })
}

fn owners(p: &Properties) -> OwnerRules {
    OwnerRules {
        extended_types: p.flag("extendedTypesEnabled", false),
        emulate_353: p.flag("emulate353TTLNodes", false),
    }
}

/// `clientPort`, or what a `server.N` line says behind its semicolon.
fn client_address(p: &Properties, members: &Members) -> Result<Option<SocketAddr>> {
    let own = address(p, "clientPort", "clientPortAddress")?;
    match (own, members.client_address) {
        (Some(own), Some(other)) if own.port() != other.port() => {
            let message = format!("is not the port {} of the server's line", other.port());
            Err(p.error("clientPort", &message))
        }
        (None, other) => Ok(other),
        (own, _) => Ok(own),
    }
}

/// Port and address; the unspecified address where there is none.
fn address(p: &Properties, port_key: &str, address_key: &str) -> Result<Option<SocketAddr>> {
    let Some(port) = p.optional_number::<u16>(port_key)? else {
        return match p.text_of(address_key) {
            Some(_) => Err(p.error(address_key, &format!("is set, but {port_key} is not"))),
            None => Ok(None),
        };
    };
    let Some(host) = p.text_of(address_key) else {
        return Ok(Some((IpAddr::V4(Ipv4Addr::UNSPECIFIED), port).into()));
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut found = (host, port).to_socket_addrs().into_iter().flatten();
    match found.next() {
        Some(address) => Ok(Some(address)),
        None => Err(p.error(address_key, "has no address: give an address of this machine")),
    }
}

fn sessions(p: &Properties, tick_ms: i32) -> Result<SessionOptions> {
    let or = |value: i32, ticks: i32| match value {
        -1 => tick_ms.saturating_mul(ticks),
        value => value,
    };
    let min = or(p.number("minSessionTimeout", -1)?, 2);
    let max = or(p.number("maxSessionTimeout", -1)?, 20);
    if min > max {
        let message = format!("minSessionTimeout ({min} ms) must not be above it");
        return Err(p.error("maxSessionTimeout", &message));
    }
    Ok(SessionOptions { tick_ms: tick_ms.into(), min_timeout_ms: min, max_timeout_ms: max })
}

fn node(p: &Properties, seed: u64) -> Result<NodeOptions> {
    let schemes = p.text_of("enforce.auth.schemes").unwrap_or_default();
    let mut required: Vec<String> = Vec::new();
    if p.flag("enforce.auth.enabled", false) {
        let names = schemes.split(',').map(str::trim).filter(|name| !name.is_empty());
        required = names.map(str::to_owned).collect();
        if required.is_empty() {
            let message = "needs enforce.auth.schemes, such as digest".to_owned();
            return Err(p.error("enforce.auth.enabled", &message));
        }
    }
    if p.flag("sessionRequireClientSASLAuth", false) {
        required = vec!["sasl".to_owned()];
    }
    Ok(NodeOptions {
        prep: PrepOptions {
            acl: AclOptions { skip: p.text_of("skipACL") == Some("yes"), auth: auth(p)? },
            enforce_quota: p.flag("enforceQuota", false),
            reconfig: p.boolean("reconfigEnabled", false)?,
        },
        required_schemes: required,
        hash_seed: seed,
        container_check_ms: p.number("znode.container.checkIntervalMs", 60_000)?,
        containers_per_minute: p.number("znode.container.maxPerMinute", 10_000)?,
        container_never_used_ms: p.number("znode.container.maxNeverUsedIntervalMs", 0)?,
        audit: p.flag("audit.enable", false),
    })
}

fn auth(p: &Properties) -> Result<AuthOptions> {
    let text = |key: &str| p.text_of(key).map(str::to_owned);
    let algorithm_key = "DigestAuthenticationProvider.digestAlg";
    let digest_algorithm = match p.text_of(algorithm_key) {
        None | Some("SHA1" | "SHA-1") => DigestAlgorithm::Sha1,
        Some("SHA-256") => DigestAlgorithm::Sha256,
        Some("SHA-512") => DigestAlgorithm::Sha512,
        Some(_) => return Err(p.error(algorithm_key, "use SHA1, SHA-256 or SHA-512")),
    };
    let supers = p.iter().filter_map(|(key, value)| {
        let key = key.strip_prefix("zookeeper.").unwrap_or(key);
        let is_super = key == "superUser" || key.starts_with("superUser.");
        is_super.then(|| value.to_owned())
    });
    Ok(AuthOptions {
        digest: p.flag("DigestAuthenticationProvider.enabled", true),
        digest_algorithm,
        super_digest: text("DigestAuthenticationProvider.superDigest"),
        // Certificates come with TLS.
        x509: p.get("secureClientPort").is_some() || p.flag("client.portUnification", false),
        x509_super_user: text("X509AuthenticationProvider.superUser"),
        sasl: false,
        sasl_super_users: supers.collect(),
        any_sasl_user: text("letAnySaslUserDoX"),
    })
}

fn log(p: &Properties) -> Result<LogOptions> {
    let limit = p.number("txnLogSizeLimitInKb", -1i64)?;
    let limit = u64::try_from(limit).ok().filter(|limit| *limit > 0);
    let preallocate: i64 = p.number("preAllocSize", 65_536)?;
    Ok(LogOptions {
        preallocate: u64::try_from(preallocate).unwrap_or(0).saturating_mul(1024),
        force_sync: p.text_of("forceSync") != Some("no"),
        size_limit: limit.map(|limit| limit.saturating_mul(1024)),
    })
}

fn flush(p: &Properties) -> Result<FlushPolicy> {
    let delay = milliseconds(p.number("flushDelay", 0i64)?);
    let policy = FlushPolicy::new(delay);
    let poll = p.optional_number::<i64>("maxWriteQueuePollTime")?;
    Ok(FlushPolicy {
        poll: poll.map_or(policy.poll, milliseconds),
        batch_max: u64::try_from(p.number("maxBatchSize", 1000i64)?).unwrap_or(0),
        warn_after: milliseconds(p.number("fsync.warningthresholdms", 1000i64)?),
        ..policy
    })
}

fn milliseconds(value: i64) -> Duration {
    Duration::from_millis(u64::try_from(value).unwrap_or(0))
}

fn snapshot(p: &Properties) -> Result<SnapshotOptions> {
    // As Apache: below 2 there would be one for every transaction.
    let count = p.number("snapCount", 100_000i64)?.max(2);
    let size = p.number("snapSizeLimitInKb", 4_194_304i64)?;
    let method = p.text_of("snapshot.compression.method").unwrap_or_default();
    let compression = Compression::of_option(method);
    if compression == Compression::None && !method.is_empty() {
        tracing::warn!("snapshot.compression.method={method} is unknown: snapshots are plain");
    }
    Ok(SnapshotOptions {
        count: count.unsigned_abs(),
        size: u64::try_from(size).ok().filter(|size| *size > 0).map(|size| size * 1024),
        compression,
        last_processed_zxid: p.flag("serializeLastProcessedZxid.enabled", true),
    })
}

fn purge(p: &Properties) -> Result<PurgeOptions> {
    let retain = p.number("autopurge.snapRetainCount", 3i64)?;
    let least = RETAIN_MIN as i64;
    if retain < least {
        tracing::warn!("autopurge.snapRetainCount={retain} is below {least}: {least} are kept");
    }
    let hours = p.number("autopurge.purgeInterval", 0i64)?;
    let hours = u64::try_from(hours).ok().filter(|hours| *hours > 0);
    Ok(PurgeOptions {
        retain: retain.max(least) as usize,
        interval: hours.map(|hours| Duration::from_secs(hours.saturating_mul(3600))),
    })
}

fn limits(p: &Properties) -> Result<Limits> {
    let positive = |key: &str, default: i64| -> Result<usize> {
        Ok(usize::try_from(p.number(key, default)?).unwrap_or(0))
    };
    let wait = p.number("throttled_op_wait_time", 0i64)?;
    let threshold = p.number("largeRequestThreshold", -1i64)?;
    let sessionless = match p.text_of("nio.sessionlessCnxnTimeout") {
        Some(_) => p.number("nio.sessionlessCnxnTimeout", 10_000i64)?,
        None => 10_000,
    };
    Ok(Limits {
        frame: frame(p)?,
        connections_per_address: positive("maxClientCnxns", 60)?,
        connections: positive("maxCnxns", 0)?,
        outstanding: positive("globalOutstandingLimit", 1000)?,
        large_request: usize::try_from(threshold).ok().filter(|threshold| *threshold > 0),
        large_requests: positive("largeRequestMaxBytes", 100 << 20)?,
        sessionless: milliseconds(sessionless),
        throttle_requests: positive("request_throttle_max_requests", 0)?,
        throttle_stall: milliseconds(p.number("request_throttle_stall_time", 100i64)?),
        throttled_op_wait: (wait > 0).then(|| milliseconds(wait)),
        connection_throttle: connection_throttle(p)?,
        keep_alive: p.flag("clientTcpKeepAlive", false),
    })
}

/// `jute.maxbuffer`, which Java also reads in hexadecimal (`Integer.getInteger`).
fn frame(p: &Properties) -> Result<usize> {
    let key = "jute.maxbuffer";
    let Some(value) = p.text_of(key) else { return Ok(DEFAULT_MAX_BUFFER) };
    let parsed = match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        Some(digits) => i32::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    };
    let bytes = parsed.and_then(|bytes: i32| usize::try_from(bytes).ok());
    bytes.ok_or_else(|| p.error(key, "is no number of bytes below 2^31"))
}

fn connection_throttle(p: &Properties) -> Result<ConnectionThrottle> {
    let weight = |name: &str, default: i64| -> Result<i64> {
        match p.flag("connection_throttle_weight_enabled", false) {
            true => p.number(&format!("connection_throttle_{name}_session_weight"), default),
            false => Ok(1),
        }
    };
    Ok(ConnectionThrottle {
        tokens: p.number("connection_throttle_tokens", 0)?,
        fill_time_ms: p.number("connection_throttle_fill_time", 1)?,
        fill_count: p.number("connection_throttle_fill_count", 1)?,
        freeze_time_ms: p.number("connection_throttle_freeze_time", -1)?,
        drop_increase: p.number("connection_throttle_drop_increase", 0.02)?,
        drop_decrease: p.number("connection_throttle_drop_decrease", 0.002)?,
        decrease_ratio: p.number("connection_throttle_decrease_ratio", 0.0)?,
        weights: (weight("global", 3)?, weight("renew", 2)?),
    })
}

fn network_threads(p: &Properties) -> Result<usize> {
    let key = "keeper.networkThreads";
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    match p.optional_number::<usize>(key)? {
        None => Ok(cores.min(NETWORK_THREADS_MAX)),
        Some(0) => Err(p.error(key, "there must be one: remove it, or give a number from 1 on")),
        Some(threads) => Ok(threads.min(64)),
    }
}
