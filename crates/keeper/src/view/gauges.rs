//! The numbers of `mntr` that are not counted as they happen.
//!
//! Rules: `ZooKeeperServer.registerMetrics`, `QuotaMetricsUtils`.

use std::collections::BTreeMap;

use keeper_core::node::Node;
use keeper_core::quota::QuotaStats;

use super::server::{node_count, server};
use crate::metrics::{Gauges, QuotaGauge, descriptors};
use crate::server::Handle;

/// Where quotas are.
const QUOTA: &str = "/zookeeper/quota";
const LIMITS: &str = "zookeeper_limits";
const STATS: &str = "zookeeper_stats";

/// Asks the server for all of them; `None` if it has ended.
pub async fn gauges(handle: &Handle) -> Option<Gauges> {
    let of_tree = handle.inspect(of_node).await?;
    let server = server(handle).await?;
    let descriptors = descriptors();
    let handshakes = handle.operations().tls().map_or(0, |tls| tls.handshakes());
    let (last, min, max) = server.response_sizes;
    Some(Gauges {
        avg_latency: server.avg_latency,
        max_latency: server.max_latency,
        min_latency: server.min_latency,
        packets_received: server.received,
        packets_sent: server.sent,
        num_alive_connections: server.connections,
        outstanding_requests: server.outstanding,
        uptime: server.uptime,
        open_file_descriptor_count: descriptors.open,
        max_file_descriptor_count: descriptors.max,
        last_client_response_size: last,
        max_client_response_size: max,
        min_client_response_size: min,
        auth_failed_count: server.auth_failed,
        non_mtls_remote_conn_count: server.non_mtls_remote,
        non_mtls_local_conn_count: server.non_mtls_local,
        connection_drop_probability: handle.drop_probability(),
        outstanding_tls_handshake: handshakes as i64,
        ..of_tree
    })
}

/// Those that the core knows.
fn of_node(node: &Node) -> Gauges {
    let tree = node.tree();
    Gauges {
        znode_count: node_count(node),
        watch_count: node.watches().len() as i64,
        ephemerals_count: tree.ephemeral_count() as i64,
        approximate_data_size: tree.data_size(),
        global_sessions: node.sessions().committed().len() as i64,
        quotas: quotas(node),
        ..Gauges::default()
    }
}

/// Quotas by the first part of their path; those of one part are added up.
fn quotas(node: &Node) -> Vec<QuotaGauge> {
    let mut found: BTreeMap<String, QuotaGauge> = BTreeMap::new();
    let mut below = vec![String::new()];
    while let Some(path) = below.pop() {
        let Some(folder) = node.tree().find(&format!("{QUOTA}{path}")) else { continue };
        for name in folder.children() {
            if name != LIMITS && name != STATS {
                below.push(format!("{path}/{name}"));
                continue;
            }
            let Some(namespace) = path.split('/').nth(1) else { continue };
            let Some(leaf) = node.tree().find(&format!("{QUOTA}{path}/{name}")) else { continue };
            let stats = QuotaStats::parse(leaf.data().unwrap_or_default());
            let gauge = found.entry(namespace.to_owned()).or_default();
            gauge.namespace = namespace.to_owned();
            if name == STATS {
                gauge.count_usage += stats.count;
                gauge.bytes_usage += stats.bytes;
                continue;
            }
            let limit = |hard: i64, soft: i64| if hard > -1 { hard } else { soft };
            let count = limit(stats.count_hard_limit(), stats.count);
            let bytes = limit(stats.byte_hard_limit(), stats.bytes);
            gauge.count_limit = Some(gauge.count_limit.unwrap_or(0) + count);
            gauge.bytes_limit = Some(gauge.bytes_limit.unwrap_or(0) + bytes);
        }
    }
    found.into_values().collect()
}
