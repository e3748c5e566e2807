//! What each command answers, but for those that copy or replace the tree.
//!
//! Rules: the `*Command` classes within `Commands`. What an ensemble would have is answered as a
//! server alone answers it.

use std::collections::BTreeMap;

use zk_wire::SessionId;

use super::command::Command;
use super::json::{Json, Object};
use crate::four_letter::folders;
use crate::metrics;
use crate::server::Handle;
use crate::view::{self, Connection, Server, VERSION, java_address};

/// Named values of the answer; `None` if the server has ended. An answer that says itself what went
/// wrong has its own `error`.
pub(super) async fn answer(
    command: Command,
    arguments: &BTreeMap<String, String>,
    handle: &Handle,
) -> Option<Object> {
    Some(match command {
        Command::Configuration => configuration(handle),
        Command::ConnectionStatReset => {
            handle.connections().iter().for_each(|connection| connection.reset());
            Object::new()
        }
        Command::Connections => connections(handle, false),
        Command::Dirs => {
            let folders = folders(view::settings(handle)).await;
            fields([("datadir_size", folders.data.into()), ("logdir_size", folders.log.into())])
        }
        Command::Dump => dump(handle).await?,
        Command::Environment => texts(view::environment()),
        Command::GetTraceMask => {
            fields([("tracemask", handle.operations().trace_mask.get().into())])
        }
        Command::SetTraceMask => set_trace_mask(arguments, handle),
        Command::Hash => hash(handle).await?,
        Command::InitialConfiguration => {
            let text = without_secrets(handle.config().properties.text());
            fields([("initial_configuration", text.into())])
        }
        Command::IsReadOnly => fields([("read_only", false.into())]),
        Command::LastSnapshot => last_snapshot(handle).await,
        Command::Leader => fields([("error", "server is not initialized".into())]),
        Command::Monitor => monitor(handle).await?,
        Command::Observers => {
            fields([("synced_observers", 0i64.into()), ("observers", Json::List(Vec::new()))])
        }
        Command::ServerStats => stats(handle).await?,
        Command::Stats => {
            let mut answer = stats(handle).await?;
            answer.extend(connections(handle, true));
            answer
        }
        Command::StatReset => {
            handle.stats().reset();
            handle.metrics().reset();
            Object::new()
        }
        Command::SystemProperties => system_properties(handle),
        Command::VotingView => fields([("current_config", Json::Object(Vec::new()))]),
        Command::WatchSummary => {
            let summary = handle.inspect(view::watch_summary).await?;
            fields([
                ("num_connections", summary.connections.into()),
                ("num_paths", summary.paths.into()),
                ("num_total_watches", summary.watches.into()),
            ])
        }
        Command::Watches => watches(handle).await?,
        Command::WatchesByPath => watches_by_path(handle).await?,
        Command::Zabstate => fields([("voting", false.into()), ("zabstate", "".into())]),
        Command::ObserverConnectionStatReset
        | Command::Ruok
        | Command::Snapshot
        | Command::Restore => Object::new(),
    })
}

fn fields<const N: usize>(fields: [(&str, Json); N]) -> Object {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn texts(entries: Vec<view::Entry>) -> Object {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn configuration(handle: &Handle) -> Object {
    let settings = view::settings(handle);
    let mut answer = fields([("client_port", i64::from(settings.client_port).into())]);
    if settings.secure_client_port >= 0 {
        let port = i64::from(settings.secure_client_port);
        answer.extend(fields([("secure_client_port", port.into())]));
    }
    answer.extend(fields([
        ("data_dir", settings.data_dir.display().to_string().into()),
        ("data_log_dir", settings.data_log_dir.display().to_string().into()),
        ("tick_time", settings.tick_ms.into()),
        ("max_client_cnxns", settings.max_client_cnxns.into()),
        ("min_session_timeout", settings.min_session_timeout_ms.into()),
        ("max_session_timeout", settings.max_session_timeout_ms.into()),
        ("server_id", settings.server_id.into()),
        ("client_port_listen_backlog", settings.listen_backlog.into()),
    ]));
    answer
}

fn connections(handle: &Handle, brief: bool) -> Object {
    let (secure, plain): (Vec<_>, Vec<_>) =
        view::connections(handle).into_iter().partition(|connection| connection.secure);
    let list = |of: Vec<Connection>| {
        Json::List(of.iter().map(|connection| self::connection(connection, brief).into()).collect())
    };
    fields([("connections", list(plain)), ("secure_connections", list(secure))])
}

fn connection(connection: &Connection, brief: bool) -> Object {
    let mut answer = fields([
        ("remote_socket_address", java_address(connection.address).into()),
        ("interest_ops", i64::from(connection.interest_ops).into()),
        ("outstanding_requests", connection.outstanding.into()),
        ("packets_received", connection.received.into()),
        ("packets_sent", connection.sent.into()),
    ]);
    if brief {
        return answer;
    }
    let of = connection.statistics.as_ref();
    let number =
        |number: fn(&view::Statistics) -> i64, none: i64| Json::Int(of.map_or(none, number));
    answer.extend(fields([
        ("session_id", number(|of| of.session.0, 0)),
        ("last_operation", of.map_or("NA", |of| of.last_operation).into()),
        ("established", connection.established_ms.into()),
        ("session_timeout", number(|of| i64::from(of.timeout_ms), 0)),
        ("last_cxid", number(|of| of.last_cxid, -1)),
        ("last_zxid", number(|of| of.last_zxid, -1)),
        ("last_response_time", number(|of| of.last_response_ms, 0)),
        ("last_latency", number(|of| of.last_latency_ms, 0)),
        ("min_latency", number(|of| of.min_latency_ms, 0)),
        ("avg_latency", number(|of| of.avg_latency_ms, 0)),
        ("max_latency", number(|of| of.max_latency_ms, 0)),
    ]));
    answer
}

fn ids(sessions: &[SessionId]) -> Json {
    Json::List(sessions.iter().map(|session| session.0.into()).collect())
}

async fn dump(handle: &Handle) -> Option<Object> {
    let (sessions, ephemerals) =
        handle.inspect(|node| (view::sessions(node), view::ephemerals(node))).await?;
    let ends = sessions.ends.iter().map(|(end, sessions)| (end.to_string(), ids(sessions)));
    let nodes =
        ephemerals.into_iter().map(|(session, paths)| (session.0.to_string(), paths.into()));
    Some(fields([
        ("expiry_time_to_session_ids", Json::Object(ends.collect())),
        ("session_id_to_ephemeral_paths", Json::Object(nodes.collect())),
    ]))
}

async fn hash(handle: &Handle) -> Option<Object> {
    let digests = handle.inspect(view::digests).await?;
    let digests = digests.into_iter().map(|digest| {
        Json::from(fields([
            ("zxid", digest.zxid.into()),
            ("digest", digest.digest.into()),
            ("digest_version", i64::from(digest.version).into()),
        ]))
    });
    Some(fields([("digests", Json::List(digests.collect()))]))
}

fn set_trace_mask(arguments: &BTreeMap<String, String>, handle: &Handle) -> Object {
    let Some(text) = arguments.get("traceMask") else {
        return fields([("error", "setTraceMask requires long traceMask argument".into())]);
    };
    match text.parse() {
        Ok(mask) => {
            handle.operations().trace_mask.set(mask);
            fields([("tracemask", mask.into())])
        }
        Err(_) => {
            let error = format!("setTraceMask requires long traceMask argument, got {text}");
            fields([("error", error.into())])
        }
    }
}

async fn last_snapshot(handle: &Handle) -> Object {
    let (zxid, at) = match handle.stats().last_snapshot() {
        Some(last) => (last.zxid.0, last.at),
        None => {
            // That of an earlier run, or what this one began with.
            let settings = view::settings(handle);
            let found = tokio::task::spawn_blocking(move || view::newest_snapshot(&settings));
            found.await.ok().flatten().unwrap_or((-1, 0))
        }
    };
    fields([("zxid", format!("{zxid:x}").into()), ("timestamp", at.into())])
}

async fn monitor(handle: &Handle) -> Option<Object> {
    let gauges = view::gauges(handle).await?;
    let mut answer = fields([("version", VERSION.into()), ("server_state", "standalone".into())]);
    let values = metrics::monitor(handle.metrics(), &gauges);
    answer.extend(values.into_iter().map(|(name, value)| (name, value.into())));
    Some(answer)
}

async fn stats(handle: &Handle) -> Option<Object> {
    let server = view::server(handle).await?;
    let folders = folders(view::settings(handle)).await;
    let sizes = response_sizes(&server);
    Some(fields([
        ("version", VERSION.into()),
        ("read_only", false.into()),
        ("server_stats", server_stats(&server, folders).into()),
        ("client_response", sizes.into()),
        ("node_count", server.nodes.into()),
    ]))
}

fn response_sizes(server: &Server) -> Object {
    let (last, min, max) = server.response_sizes;
    fields([
        ("last_buffer_size", last.into()),
        ("min_buffer_size", min.into()),
        ("max_buffer_size", max.into()),
    ])
}

fn server_stats(server: &Server, folders: view::Folders) -> Object {
    fields([
        ("packets_sent", server.sent.into()),
        ("packets_received", server.received.into()),
        ("fsync_threshold_exceed_count", server.slow_syncs.into()),
        ("client_response_stats", response_sizes(server).into()),
        ("provider_null", false.into()),
        ("data_dir_size", folders.data.into()),
        ("log_dir_size", folders.log.into()),
        ("last_processed_zxid", server.zxid.into()),
        ("outstanding_requests", server.outstanding.into()),
        ("server_state", server.mode.into()),
        ("avg_latency", server.avg_latency.into()),
        ("max_latency", server.max_latency.into()),
        ("min_latency", server.min_latency.into()),
        ("num_alive_client_connections", server.connections.into()),
        ("uptime", server.uptime.into()),
        ("auth_failed_count", server.auth_failed.into()),
        ("non_mtlsremote_conn_count", server.non_mtls_remote.into()),
        ("non_mtlslocal_conn_count", server.non_mtls_local.into()),
    ])
}

/// Words in keys whose values nobody is to see.
const SECRETS: [&str; 3] = ["password", "superdigest", "secret"];

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // The path of a file with a password is none.
    SECRETS.iter().any(|word| key.contains(word)) && !key.ends_with("path")
}

/// Keys and values, as the system properties that Apache makes of them.
fn system_properties(handle: &Handle) -> Object {
    let properties = handle.config().properties.iter();
    let shown = properties.map(|(key, value)| {
        let name = match key.strip_prefix("zookeeper.") {
            Some(_) => key.to_owned(),
            None => format!("zookeeper.{key}"),
        };
        (name, if is_secret(key) { "***".into() } else { value.into() })
    });
    shown.collect()
}

/// The text of the file, with `***` in place of secrets.
fn without_secrets(text: &str) -> String {
    let shown = |line: &str| match line.split_once(['=', ':']) {
        Some((key, _)) if is_secret(key) => format!("{key}=***\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(shown).collect()
}

async fn watches(handle: &Handle) -> Option<Object> {
    let connections = view::connections(handle);
    let watches = handle.inspect(move |node| view::watches(node, &connections)).await?;
    let by_session = watches
        .by_session
        .into_iter()
        .map(|(session, paths)| (session.0.to_string(), paths.into()));
    Some(fields([("session_id_to_watched_paths", Json::Object(by_session.collect()))]))
}

async fn watches_by_path(handle: &Handle) -> Option<Object> {
    let connections = view::connections(handle);
    let watches = handle.inspect(move |node| view::watches(node, &connections)).await?;
    let by_path = watches.by_path.into_iter().map(|(path, sessions)| (path, ids(&sessions)));
    Some(fields([("path_to_session_ids", Json::Object(by_path.collect()))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let text = "a=1\nssl.keyStore.password=x\nssl.keyStore.passwordPath=/p\n\
                    DigestAuthenticationProvider.superDigest = super:y\n";
        let shown = without_secrets(text);
        assert_eq!(
            shown,
            "a=1\nssl.keyStore.password=***\nssl.keyStore.passwordPath=/p\n\
             DigestAuthenticationProvider.superDigest =***\n"
        );
    }
}
