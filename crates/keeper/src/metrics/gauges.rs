//! Values of one moment. Rules: `ZooKeeperServer.registerMetrics`, `QuotaMetricsUtils`.

use super::number::Number;

/// A quota, by the first part of the path that it limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuotaGauge {
    /// That part.
    pub namespace: String,
    /// Nodes allowed, if any number is set.
    pub count_limit: Option<i64>,
    /// Bytes allowed, if any number is set.
    pub bytes_limit: Option<i64>,
    /// Nodes there.
    pub count_usage: i64,
    /// Bytes there.
    pub bytes_usage: i64,
}

/// What a server without an ensemble says of itself at one moment. Times are milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gauges {
    /// Mean time of a request.
    pub avg_latency: f64,
    /// Longest time of a request.
    pub max_latency: i64,
    /// Shortest time of a request.
    pub min_latency: i64,
    /// Requests received.
    pub packets_received: i64,
    /// Replies and events sent.
    pub packets_sent: i64,
    /// Connections that are open.
    pub num_alive_connections: i64,
    /// Requests without an answer yet.
    pub outstanding_requests: i64,
    /// Time since the start.
    pub uptime: i64,
    /// Nodes, with the servers' own.
    pub znode_count: i64,
    /// Watches.
    pub watch_count: i64,
    /// Ephemeral nodes.
    pub ephemerals_count: i64,
    /// Bytes of paths and data.
    pub approximate_data_size: i64,
    /// Sessions of the ensemble.
    pub global_sessions: i64,
    /// Sessions of this server only.
    pub local_sessions: i64,
    /// Files and sockets that are open.
    pub open_file_descriptor_count: i64,
    /// How many may be open.
    pub max_file_descriptor_count: i64,
    /// Probability with which the throttle of connections refuses one.
    pub connection_drop_probability: f64,
    /// Bytes of the last reply; -1 before the first.
    pub last_client_response_size: i64,
    /// Bytes of the largest reply; -1 before the first.
    pub max_client_response_size: i64,
    /// Bytes of the smallest reply; -1 before the first.
    pub min_client_response_size: i64,
    /// TLS handshakes under way.
    pub outstanding_tls_handshake: i64,
    /// Connections closed as their credentials were wrong.
    pub auth_failed_count: i64,
    /// Connections of other hosts without a client's certificate.
    pub non_mtls_remote_conn_count: i64,
    /// Connections of this host without a client's certificate.
    pub non_mtls_local_conn_count: i64,
    /// Quotas, in the order of their namespaces.
    pub quotas: Vec<QuotaGauge>,
}

impl Gauges {
    /// All but quotas: names, what they are, values.
    pub(super) fn single(&self) -> [(&'static str, &'static str, Number); 24] {
        use Number::{Float, Int};
        [
            ("avg_latency", "Mean time of a request.", Float(self.avg_latency)),
            ("max_latency", "Longest time of a request.", Int(self.max_latency)),
            ("min_latency", "Shortest time of a request.", Int(self.min_latency)),
            ("packets_received", "Requests received.", Int(self.packets_received)),
            ("packets_sent", "Replies and events sent.", Int(self.packets_sent)),
            ("num_alive_connections", "Connections.", Int(self.num_alive_connections)),
            ("outstanding_requests", "Requests not answered.", Int(self.outstanding_requests)),
            ("uptime", "Time since the start.", Int(self.uptime)),
            ("znode_count", "Nodes.", Int(self.znode_count)),
            ("watch_count", "Watches.", Int(self.watch_count)),
            ("ephemerals_count", "Ephemeral nodes.", Int(self.ephemerals_count)),
            ("approximate_data_size", "Bytes of paths and data.", Int(self.approximate_data_size)),
            ("global_sessions", "Sessions of the ensemble.", Int(self.global_sessions)),
            ("local_sessions", "Sessions of this server only.", Int(self.local_sessions)),
            (
                "open_file_descriptor_count",
                "Files and sockets that are open.",
                Int(self.open_file_descriptor_count),
            ),
            (
                "max_file_descriptor_count",
                "Files and sockets that may be open.",
                Int(self.max_file_descriptor_count),
            ),
            (
                "connection_drop_probability",
                "Probability with which a connection is refused.",
                Float(self.connection_drop_probability),
            ),
            (
                "last_client_response_size",
                "Bytes of the last reply.",
                Int(self.last_client_response_size),
            ),
            (
                "max_client_response_size",
                "Bytes of the largest reply.",
                Int(self.max_client_response_size),
            ),
            (
                "min_client_response_size",
                "Bytes of the smallest reply.",
                Int(self.min_client_response_size),
            ),
            (
                "outstanding_tls_handshake",
                "TLS handshakes under way.",
                Int(self.outstanding_tls_handshake),
            ),
            (
                "auth_failed_count",
                "Connections closed as their credentials were wrong.",
                Int(self.auth_failed_count),
            ),
            (
                "non_mtls_remote_conn_count",
                "Connections of other hosts without a client's certificate.",
                Int(self.non_mtls_remote_conn_count),
            ),
            (
                "non_mtls_local_conn_count",
                "Connections of this host without a client's certificate.",
                Int(self.non_mtls_local_conn_count),
            ),
        ]
    }

    /// Quotas: names, what they are, values by namespace. A limit that is not set has none.
    pub(super) fn sets(&self) -> [(&'static str, &'static str, Vec<(&str, i64)>); 4] {
        let values = |value: fn(&QuotaGauge) -> Option<i64>| {
            let by_namespace = |quota| value(quota).map(|value| (quota.namespace.as_str(), value));
            self.quotas.iter().filter_map(by_namespace).collect()
        };
        [
            (
                "quota_count_limit_per_namespace",
                "Nodes that a quota allows.",
                values(|quota| quota.count_limit),
            ),
            (
                "quota_bytes_limit_per_namespace",
                "Bytes that a quota allows.",
                values(|quota| quota.bytes_limit),
            ),
            (
                "quota_count_usage_per_namespace",
                "Nodes below a quota.",
                values(|quota| Some(quota.count_usage)),
            ),
            (
                "quota_bytes_usage_per_namespace",
                "Bytes below a quota.",
                values(|quota| Some(quota.bytes_usage)),
            ),
        ]
    }
}
