//! All counters and summaries, under Apache's names. Those of an ensemble, and of mechanisms that
//! `keeper` has not (the pool of `CommitProcessor`, the cleaner of `WatchManagerOptimized`), stay
//! at zero: dashboards ask for them.
//!
//! Rules: `ServerMetrics`. Times are milliseconds.

use super::counter::Counter;
use super::set::{CounterSet, SummarySet};
use super::summary::{Detail, Summary};

/// A metric, to look at.
pub(super) enum Metric<'m> {
    Counter(&'m Counter),
    CounterSet(&'m CounterSet),
    Summary(&'m Summary),
    SummarySet(Detail, &'m SummarySet),
}

/// A table of names and what they count becomes the struct [`Metrics`].
macro_rules! metrics {
    (
        counters { $($counter:ident: $counter_help:literal)* }
        counter_sets { $($counter_set:ident: $counter_set_help:literal)* }
        basic { $($basic:ident: $basic_help:literal)* }
        advanced { $($advanced:ident: $advanced_help:literal)* }
        basic_sets { $($basic_set:ident: $basic_set_help:literal)* }
        advanced_sets { $($advanced_set:ident: $advanced_set_help:literal)* }
    ) => {
        /// All counters and summaries of a server: one field for each of Apache's names.
        pub struct Metrics {
            /// Whether Prometheus looks at them; then they are never reset.
            pub(super) windowed: bool,
            $(#[doc = $counter_help] pub $counter: Counter,)*
            $(#[doc = $counter_set_help] pub $counter_set: CounterSet,)*
            $(#[doc = $basic_help] pub $basic: Summary,)*
            $(#[doc = $advanced_help] pub $advanced: Summary,)*
            $(#[doc = $basic_set_help] pub $basic_set: SummarySet,)*
            $(#[doc = $advanced_set_help] pub $advanced_set: SummarySet,)*
        }

        impl Metrics {
            /// All at zero. `windowed`: for Prometheus, whose quantiles are those of the last
            /// minutes.
            pub fn new(windowed: bool) -> Self {
                Self {
                    windowed,
                    $($counter: Counter::default(),)*
                    $($counter_set: CounterSet::new(),)*
                    $($basic: Summary::new(Detail::Basic, windowed),)*
                    $($advanced: Summary::new(Detail::Advanced, windowed),)*
                    $($basic_set: SummarySet::new(Detail::Basic, windowed),)*
                    $($advanced_set: SummarySet::new(Detail::Advanced, windowed),)*
                }
            }

            /// Shows each, by kind, with its name and what it counts.
            pub(super) fn each<'m>(
                &'m self,
                mut see: impl FnMut(&'static str, &'static str, Metric<'m>),
            ) {
                $(see(stringify!($counter), $counter_help, Metric::Counter(&self.$counter));)*
                $(see(
                    stringify!($counter_set),
                    $counter_set_help,
                    Metric::CounterSet(&self.$counter_set),
                );)*
                $(see(stringify!($basic), $basic_help, Metric::Summary(&self.$basic));)*
                $(see(stringify!($advanced), $advanced_help, Metric::Summary(&self.$advanced));)*
                $(see(
                    stringify!($basic_set),
                    $basic_set_help,
                    Metric::SummarySet(Detail::Basic, &self.$basic_set),
                );)*
                $(see(
                    stringify!($advanced_set),
                    $advanced_set_help,
                    Metric::SummarySet(Detail::Advanced, &self.$advanced_set),
                );)*
            }
        }
    };
}

metrics! {
    counters {
        add_dead_watcher_stall_time: "Time that waited for the cleaner of dead watchers."
        bytes_received_count: "Bytes of requests."
        cnxn_closed_without_zk_server_running: "Connections closed as the server did not serve."
        commit_count: "Commits of a leader."
        connection_drop_count: "Connections that ended."
        connection_rejected: "Connections refused by the throttle of connections or a limit."
        connection_request_count: "Requests to open or renew a session."
        connection_revalidate_count: "Requests to renew a session."
        dead_watchers_cleared: "Dead watchers cleaned away."
        dead_watchers_queued: "Dead watchers waiting for their cleaner."
        diff_count: "Learners synchronised with a DIFF."
        digest_mismatches_count: "Transactions after which the tree's digest was not the expected one."
        ensemble_auth_fail: "Refused by the scheme `ensemble`."
        ensemble_auth_skip: "Not asked by the scheme `ensemble`."
        ensemble_auth_success: "Accepted by the scheme `ensemble`."
        insecure_admin_count: "Connections to the AdminServer without TLS."
        large_requests_rejected: "Requests refused as large ones in flight had too many bytes."
        learner_commit_received_count: "Commits that a learner received."
        learner_proposal_received_count: "Proposals that a learner received."
        looking_count: "Times this server looked for a leader."
        outstanding_changes_queued: "Changes prepared and not applied yet."
        outstanding_changes_removed: "Prepared changes that were applied."
        prep_processor_request_queued: "Requests handed to preparation."
        proposal_count: "Proposals of a leader."
        quit_leading_due_to_disloyal_voter: "Times a leader gave up for want of followers."
        request_commit_queued: "Commits handed to the commit processor."
        request_throttle_wait_count: "Times a request waited for the throttle of requests."
        requests_not_forwarded_to_commit_processor: "Requests of learners answered without it."
        response_bytes: "Bytes of replies."
        response_packet_cache_hits: "Data read from the cache of replies."
        response_packet_cache_misses: "Data not found in the cache of replies."
        response_packet_get_children_cache_hits: "Children read from the cache of replies."
        response_packet_get_children_cache_misses: "Children not found in the cache of replies."
        restore_error_count: "Snapshots that could not be restored."
        restore_rate_limited_count: "Restores refused as the last was too recent."
        revalidate_count: "Sessions that learners asked their leader about."
        sessionless_connections_expired: "Connections closed as they opened no session in time."
        skip_learner_request_to_next_processor_count: "Requests of learners not passed on."
        snap_count: "Learners synchronised with a SNAP."
        snapshot_error_count: "Snapshots that failed."
        snapshot_rate_limited_count: "Snapshots refused as the last was too recent."
        stale_replies: "Replies to connections that are gone."
        stale_requests: "Requests of connections that are gone."
        stale_requests_dropped: "Requests of connections that are gone, not carried out."
        stale_sessions_expired: "Sessions that expired."
        sync_processor_request_queued: "Writes handed to the log."
        throttled_ops: "Requests answered THROTTLEDOP."
        tls_handshake_exceeded: "TLS handshakes refused as too many were under way."
        unrecoverable_error_count: "Errors after which the server stopped."
        unsuccessful_handshake: "TLS handshakes that failed."
        watch_bytes: "Bytes of events."
    }
    counter_sets {
        quota_exceeded_error_per_namespace: "Writes refused by a quota."
    }
    basic {
        commit_commit_proc_req_queued: "Commits waiting in the commit processor."
        commit_process_time: "Time to commit, on a learner."
        concurrent_request_processing_in_commit_processor: "Requests carried out at once."
        connection_token_deficit: "Tokens that the throttle of connections lacked."
        dbinittime: "Time to load the tree at start."
        election_time: "Time to elect a leader."
        follower_sync_time: "Time of a follower to synchronise."
        fsynctime: "Time to make the log durable."
        inflight_diff_count: "DIFFs under way."
        inflight_snap_count: "SNAPs under way."
        leader_unavailable_time: "Time without a leader that serves."
        learner_request_processor_queue_size: "Requests of learners waiting."
        netty_queued_buffer_capacity: "Bytes read and not taken up yet."
        node_changed_watch_count: "Watches told of a change of data."
        node_children_watch_count: "Watches told of a change of children."
        node_created_watch_count: "Watches told of a node's creation."
        node_deleted_watch_count: "Watches told of a node's deletion."
        observer_sync_time: "Time of an observer to synchronise."
        pending_session_queue_size: "Sessions with requests behind a write."
        prep_process_time: "Time to prepare a request."
        prep_processor_queue_size: "Requests waiting for preparation."
        proposal_process_time: "Time to propose."
        read_commit_proc_issued: "Reads passed on by the commit processor."
        read_commit_proc_req_queued: "Reads waiting in the commit processor."
        reads_after_write_in_session_queue: "Reads behind a write of their session."
        reads_issued_from_session_queue: "Reads passed on after a write of their session."
        requests_in_session_queue: "Requests waiting of a session."
        restore_time: "Time to restore a snapshot."
        session_queues_drained: "Sessions whose queue was emptied."
        snapshottime: "Time to write a snapshot."
        socket_closing_time: "Time to close a connection to a leader."
        startup_snap_load_time: "Time to load the snapshot at start."
        startup_txns_load_time: "Time to load the log at start."
        startup_txns_loaded: "Transactions loaded from the log at start."
        sync_process_time: "Time to write a transaction down."
        sync_processor_batch_size: "Transactions made durable at once."
        sync_processor_queue_size: "Writes waiting for the log."
        time_waiting_empty_pool_in_commit_processor_read_ms: "Time a write waited for reads."
        unavailable_time: "Time this server did not serve."
        write_batch_time_in_commit_processor: "Time of a batch of writes."
        write_commit_proc_issued: "Writes passed on by the commit processor."
        write_commit_proc_req_queued: "Writes waiting in the commit processor."
    }
    advanced {
        close_session_prep_time: "Time to prepare the end of a session."
        commit_propagation_latency: "Time from a commit to its arrival at a learner."
        dead_watchers_cleaner_latency: "Time to clean dead watchers away."
        jvm_pause_time_ms: "Pauses of the process."
        local_write_committed_time_ms: "Time of a write of this server's client until its commit."
        om_commit_process_time_ms: "Time of an observer master to commit."
        om_proposal_process_time_ms: "Time of an observer master to propose."
        prep_processor_queue_time_ms: "Time a request waited for preparation."
        propagation_latency: "Time from a proposal's making to its application here."
        proposal_ack_creation_latency: "Time from a proposal's making to its acknowledgement."
        proposal_latency: "Time from a proposal's making to its arrival."
        quorum_ack_latency: "Time from a proposal to its quorum."
        read_commitproc_time_ms: "Time of a read in the commit processor."
        read_final_proc_time_ms: "Time to answer a read."
        readlatency: "Time from a read's arrival to its answer."
        request_throttle_queue_time_ms: "Time a request waited for the throttle of requests."
        server_write_committed_time_ms: "Time of any write until its commit."
        sync_processor_queue_and_flush_time_ms: "Time from a write's queueing to its durability."
        sync_processor_queue_flush_time_ms: "Time of a flush of the log."
        sync_processor_queue_time_ms: "Time a write waited for the log."
        updatelatency: "Time from a write's arrival to its answer."
        write_commitproc_time_ms: "Time of a write in the commit processor."
        write_final_proc_time_ms: "Time to apply a write."
    }
    basic_sets {
        learner_handler_qp_size: "Packets waiting for a learner."
        read_per_namespace: "Bytes of paths and data read."
        write_per_namespace: "Bytes of paths and data written."
    }
    advanced_sets {
        ack_latency: "Time from a proposal to a server's acknowledgement."
        learner_handler_qp_time_ms: "Time a packet waited for a learner."
    }
}
