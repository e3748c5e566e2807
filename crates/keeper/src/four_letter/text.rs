//! The texts. Every function here is given what it shows, and asks nobody.
//!
//! Rules: the `*Command` classes of `org.apache.zookeeper.server.command`, and what they call.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use keeper_core::node::Now;
use zk_wire::SessionId;

use crate::metrics::{Number, double};
use crate::view::{
    Connection, Digest, Entry, Ephemerals, Folders, Server, Sessions, Settings, VERSION,
    WatchSummary, Watches, java_address,
};

/// Without session, a connection is closed after so long, and ends are rounded up to it.
const SESSIONLESS_MS: i64 = 10_000;

/// Writing to a text does not fail.
macro_rules! push_line {
    ($text:expr, $($what:tt)*) => {
        let _ = writeln!($text, $($what)*);
    };
}

/// `srvr`; with connections, `stat`.
pub(super) fn server(server: &Server, connections: Option<&[Connection]>) -> String {
    let mut text = format!("Zookeeper version: {VERSION}\n");
    if let Some(connections) = connections {
        text.push_str("Clients:\n");
        for connection in connections {
            push_line!(text, "{})", brief(connection));
        }
        text.push('\n');
    }
    let average = double(server.avg_latency);
    push_line!(
        text,
        "Latency min/avg/max: {}/{average}/{}",
        server.min_latency,
        server.max_latency
    );
    push_line!(text, "Received: {}", server.received);
    push_line!(text, "Sent: {}", server.sent);
    push_line!(text, "Connections: {}", server.connections);
    push_line!(text, "Outstanding: {}", server.outstanding);
    push_line!(text, "Zxid: 0x{:x}", server.zxid);
    push_line!(text, "Mode: {}", server.mode);
    push_line!(text, "Node count: {}", server.nodes);
    text
}

/// `cons`
pub(super) fn connections(connections: &[Connection]) -> String {
    let mut text = String::new();
    for connection in connections {
        text.push_str(&brief(connection));
        if let Some(of) = &connection.statistics {
            let _ = write!(text, ",sid=0x{:x},lop={}", of.session.0, of.last_operation);
            let _ = write!(text, ",est={},to={}", connection.established_ms, of.timeout_ms);
            if of.last_cxid >= 0 {
                let _ = write!(text, ",lcxid=0x{:x}", of.last_cxid);
            }
            let _ = write!(text, ",lzxid=0x{:x},lresp={}", of.last_zxid, of.last_response_ms);
            let _ = write!(text, ",llat={},minlat={}", of.last_latency_ms, of.min_latency_ms);
            let _ = write!(text, ",avglat={},maxlat={}", of.avg_latency_ms, of.max_latency_ms);
        }
        text.push_str(")\n");
    }
    text.push('\n');
    text
}

/// What `stat` has of a connection, but for the closing parenthesis.
fn brief(connection: &Connection) -> String {
    let Connection { interest_ops, outstanding, received, sent, .. } = connection;
    let address = java_address(connection.address);
    format!(" /{address}[{interest_ops:x}](queued={outstanding},recved={received},sent={sent}")
}

/// `conf`
pub(super) fn settings(settings: &Settings, folders: Folders) -> String {
    let Settings { client_port, secure_client_port, data_dir, data_log_dir, .. } = settings;
    let mut text = String::new();
    push_line!(text, "clientPort={client_port}");
    push_line!(text, "secureClientPort={secure_client_port}");
    push_line!(text, "dataDir={}", data_dir.display());
    push_line!(text, "dataDirSize={}", folders.data);
    push_line!(text, "dataLogDir={}", data_log_dir.display());
    push_line!(text, "dataLogSize={}", folders.log);
    push_line!(text, "tickTime={}", settings.tick_ms);
    push_line!(text, "maxClientCnxns={}", settings.max_client_cnxns);
    push_line!(text, "minSessionTimeout={}", settings.min_session_timeout_ms);
    push_line!(text, "maxSessionTimeout={}", settings.max_session_timeout_ms);
    push_line!(text, "clientPortListenBacklog={}", settings.listen_backlog);
    push_line!(text, "serverId={}", settings.server_id);
    text
}

/// `dirs`
pub(super) fn folders(folders: Folders) -> String {
    format!("datadir_size: {}\nlogdir_size: {}\n", folders.data, folders.log)
}

/// `envi`
pub(super) fn environment(entries: &[Entry]) -> String {
    let mut text = "Environment:\n".to_owned();
    for (name, value) in entries {
        push_line!(text, "{name}={value}");
    }
    text
}

/// `dump`
pub(super) fn dump(
    sessions: &Sessions,
    ephemerals: &Ephemerals,
    connections: &[Connection],
    now: Now,
) -> String {
    let mut text = "SessionTracker dump:\nSession ".to_owned();
    let shown = sessions
        .ends
        .iter()
        .map(|(end, ids)| (*end, ids.iter().map(|id| format!("0x{:x}", id.0)).collect::<Vec<_>>()));
    sets(&mut text, shown.collect(), now);
    text.push_str("ephemeral nodes dump:\n");
    push_line!(text, "Sessions with Ephemerals ({}):", ephemerals.len());
    for (session, paths) in ephemerals {
        push_line!(text, "0x{:x}:", session.0);
        paths.iter().for_each(|path| {
            push_line!(text, "\t{path}");
        });
    }
    text.push_str("Connections dump:\nConnections ");
    sets(&mut text, ends_of_connections(sessions, connections, now), now);
    text
}

/// When connections would be closed if nothing came, and which.
fn ends_of_connections(
    sessions: &Sessions,
    connections: &[Connection],
    now: Now,
) -> Vec<(i64, Vec<String>)> {
    let mut by_session: BTreeMap<SessionId, i64> = BTreeMap::new();
    for (end, ids) in &sessions.ends {
        by_session.extend(ids.iter().map(|id| (*id, *end)));
    }
    let mut ends: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for connection in connections {
        let session = connection.statistics.as_ref().map(|of| of.session);
        let established = connection.established_ms - now.wall + now.elapsed;
        let end = session.and_then(|session| by_session.get(&session).copied());
        let end = end.unwrap_or(established + SESSIONLESS_MS);
        let end = end.div_euclid(SESSIONLESS_MS) * SESSIONLESS_MS + SESSIONLESS_MS;
        let address = java_address(connection.address);
        let session = session.map_or(0, |session| session.0);
        let shown = format!("ip: /{address} sessionId: 0x{session:x}");
        ends.entry(end).or_default().push(shown);
    }
    ends.into_iter().collect()
}

/// Rules: `ExpiryQueue.dump`.
fn sets(text: &mut String, ends: Vec<(i64, Vec<String>)>, now: Now) {
    let all: usize = ends.iter().map(|(_, members)| members.len()).sum();
    push_line!(text, "Sets ({})/({all}):", ends.len());
    for (end, members) in ends {
        let date = java_date(end - now.elapsed + now.wall);
        push_line!(text, "{} expire at {date}:", members.len());
        for member in members {
            push_line!(text, "\t{member}");
        }
    }
}

/// `java.util.Date.toString`, in UTC.
fn java_date(wall_ms: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = wall_ms.div_euclid(1000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let weekday = DAYS[days.rem_euclid(7) as usize];
    let month = MONTHS[(month - 1) as usize % 12];
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} UTC {year}")
}

/// Year, month and day of a day since 1970, counted in cycles of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let cycle = days.div_euclid(146_097);
    let of_cycle = days.rem_euclid(146_097);
    let year = (of_cycle - of_cycle / 1460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + cycle * 400 + i64::from(month <= 2), month, day)
}

/// `wchs`
pub(super) fn watch_summary(summary: WatchSummary) -> String {
    let WatchSummary { connections, paths, watches } = summary;
    format!("{connections} connections watching {paths} paths\nTotal watches:{watches}\n")
}

/// `wchc`
pub(super) fn watches_by_session(watches: &Watches) -> String {
    let mut text = String::new();
    for (session, paths) in &watches.by_session {
        push_line!(text, "0x{:x}", session.0);
        paths.iter().for_each(|path| {
            push_line!(text, "\t{path}");
        });
    }
    text.push('\n');
    text
}

/// `wchp`
pub(super) fn watches_by_path(watches: &Watches) -> String {
    let mut text = String::new();
    for (path, sessions) in &watches.by_path {
        push_line!(text, "{path}");
        sessions.iter().for_each(|session| {
            push_line!(text, "\t0x{:x}", session.0);
        });
    }
    text.push('\n');
    text
}

/// `hash`
pub(super) fn digests(digests: &[Digest]) -> String {
    let mut text = String::new();
    for digest in digests {
        push_line!(text, "{:x}: {}", digest.zxid, digest.digest);
    }
    text
}

/// `mntr`
pub(super) fn monitor(state: &str, values: &[(String, Number)]) -> String {
    let mut text = format!("zk_version\t{VERSION}\nzk_server_state\t{state}\n");
    for (name, value) in values {
        push_line!(text, "zk_{name}\t{value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_java_prints_them() {
        for (wall_ms, text) in [
            (0, "Thu Jan 01 00:00:00 UTC 1970"),
            (1_795_403_870_000, "Mon Nov 23 03:17:50 UTC 2026"),
            (951_782_399_999, "Mon Feb 28 23:59:59 UTC 2000"),
            (951_868_799_000, "Tue Feb 29 23:59:59 UTC 2000"),
            (-1, "Wed Dec 31 23:59:59 UTC 1969"),
        ] {
            assert_eq!(java_date(wall_ms), text);
        }
    }
}
