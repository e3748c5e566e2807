//! The table of verbs, and those of the shell itself.

use std::io::Write;
use std::sync::atomic::Ordering;

use super::options::{self, Known, Parsed};
use super::shell::{Failure, Shell};
use super::{access, ensemble, nodes, quota, watches};

/// A verb of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    AddAuth,
    AddWatch,
    Close,
    Config,
    Create,
    Delete,
    DeleteAll,
    DelQuota,
    Get,
    GetAcl,
    GetAllChildrenNumber,
    GetEphemerals,
    ListQuota,
    Ls,
    Reconfig,
    RemoveWatches,
    Set,
    SetAcl,
    SetQuota,
    Stat,
    Sync,
    Version,
    WhoAmI,
}

/// Name, what is shown behind it, options, and the fewest arguments.
struct Row {
    verb: Verb,
    name: &'static str,
    usage: &'static str,
    options: &'static [Known],
    arguments: usize,
}

const fn row(
    verb: Verb,
    name: &'static str,
    usage: &'static str,
    options: &'static [Known],
    arguments: usize,
) -> Row {
    Row { verb, name, usage, options, arguments }
}

const TABLE: &[Row] = &[
    row(Verb::AddAuth, "addauth", "scheme auth", &[], 1),
    row(
        Verb::AddWatch,
        "addWatch",
        "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is \
         PERSISTENT_RECURSIVE",
        &[("m", true)],
        1,
    ),
    row(Verb::Close, "close", "", &[], 0),
    row(Verb::Config, "config", "[-c] [-w] [-s]", &[("s", false), ("w", false), ("c", false)], 0),
    row(
        Verb::Create,
        "create",
        "[-s] [-e] [-c] [-t ttl] path [data] [acl]",
        &[("e", false), ("s", false), ("c", false), ("t", true)],
        1,
    ),
    row(Verb::Delete, "delete", "[-v version] path", &[("v", true)], 1),
    row(Verb::DeleteAll, "deleteall", "path [-b batch size]", &[("b", true)], 1),
    row(
        Verb::DelQuota,
        "delquota",
        "[-n|-b|-N|-B] path",
        &[("n", false), ("b", false), ("N", false), ("B", false)],
        1,
    ),
    row(
        Verb::Get,
        "get",
        "[-s] [-w] [-b] [-x] path",
        &[("s", false), ("w", false), ("b", false), ("x", false)],
        1,
    ),
    row(Verb::GetAcl, "getAcl", "[-s] path", &[("s", false)], 1),
    row(Verb::GetAllChildrenNumber, "getAllChildrenNumber", "path", &[], 1),
    row(Verb::GetEphemerals, "getEphemerals", "path", &[], 0),
    row(Verb::ListQuota, "listquota", "path", &[], 1),
    row(Verb::Ls, "ls", "[-s] [-w] [-R] path", &[("s", false), ("w", false), ("R", false)], 1),
    row(
        Verb::Reconfig,
        "reconfig",
        "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | \
         [-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]",
        &[
            ("s", false),
            ("v", true),
            ("file", true),
            ("members", true),
            ("add", true),
            ("remove", true),
        ],
        0,
    ),
    row(
        Verb::RemoveWatches,
        "removewatches",
        "path [-c|-d|-p|-r|-a] [-l]",
        &[("c", false), ("d", false), ("p", false), ("r", false), ("a", false), ("l", false)],
        1,
    ),
    row(
        Verb::Set,
        "set",
        "path data [-s] [-v version] [-b]",
        &[("s", false), ("v", true), ("b", false)],
        2,
    ),
    row(
        Verb::SetAcl,
        "setAcl",
        "[-s] [-v version] [-R] path acl",
        &[("s", false), ("v", true), ("R", false)],
        2,
    ),
    row(
        Verb::SetQuota,
        "setquota",
        "-n|-b|-N|-B val path",
        &[("n", true), ("b", true), ("N", true), ("B", true)],
        1,
    ),
    row(Verb::Stat, "stat", "[-w] path", &[("w", false)], 1),
    row(Verb::Sync, "sync", "path", &[], 1),
    row(Verb::Version, "version", "", &[], 0),
    row(Verb::WhoAmI, "whoami", "", &[], 0),
];

/// Verbs of the shell itself.
const SHELL: &[(&str, &str)] = &[
    ("connect", "host:port"),
    ("exit", ""),
    ("help", ""),
    ("history", ""),
    ("printwatches", "on|off"),
    ("quit", ""),
    ("redo", "cmdno"),
];

/// All names, sorted, with what is shown behind them.
pub(super) fn names() -> Vec<(&'static str, &'static str)> {
    let mut names: Vec<_> = TABLE.iter().map(|row| (row.name, row.usage)).collect();
    names.extend_from_slice(SHELL);
    names.sort_unstable();
    names
}

/// Everything that can be typed.
pub(super) fn usage() -> String {
    let mut text =
        "ZooKeeper -server host:port -client-configuration properties-file cmd args\n".to_owned();
    for (name, usage) in names() {
        text.push_str(&format!("\t{name} {usage}\n"));
    }
    text
}

/// Runs a verb with its arguments.
pub(super) async fn run(
    shell: &mut Shell,
    arguments: &[String],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Some((name, arguments)) = arguments.split_first() else {
        return Err(Failure::new("No command entered"));
    };
    if SHELL.iter().any(|(own, _)| own == name) {
        return run_own(shell, name, arguments, out).await;
    }
    let Some(row) = TABLE.iter().find(|row| row.name == name) else {
        eprint!("{}", usage());
        return Err(Failure::not_found(name));
    };
    if !shell.client.state().is_alive() {
        writeln!(out, "Not connected")?;
        return Ok(());
    }
    let known: Vec<Known> = match row.verb {
        Verb::Ls => row.options.iter().copied().chain([("?", false)]).collect(),
        _ => row.options.to_vec(),
    };
    let mut parsed = options::parse(&known, arguments)?;
    keep_old_forms(row, &mut parsed);
    if parsed.arguments.len() < row.arguments || row.verb == Verb::Version && !arguments.is_empty()
    {
        return Err(Failure::new(format!("{} {}", row.name, row.usage)));
    }
    dispatch(shell, row.verb, &parsed, out).await
}

/// `get path watch` and the like, of older versions: any third word sets a watch.
fn keep_old_forms(row: &Row, parsed: &mut Parsed) {
    if !matches!(row.verb, Verb::Get | Verb::Ls | Verb::Stat) || parsed.arguments.len() < 2 {
        return;
    }
    let usage = row.usage.replace(" [-R]", "").replace(" [-b] [-x]", "");
    let usage = if row.verb == Verb::Ls { "[-w] path" } else { usage.as_str() };
    eprintln!(
        "'{0} path [watch]' has been deprecated. Please use '{0} {usage}' instead.",
        row.name
    );
    parsed.arguments.truncate(1);
    parsed.add_watch();
}

impl Parsed {
    fn add_watch(&mut self) {
        if !self.has("w")
            && let Ok(watch) = options::parse(&[("w", false)], &["-w".to_owned()])
        {
            self.merge(watch);
        }
    }
}

async fn dispatch(
    shell: &mut Shell,
    verb: Verb,
    parsed: &Parsed,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let client = shell.client.clone();
    match verb {
        Verb::AddAuth => access::add_auth(&client, parsed).await,
        Verb::AddWatch => watches::add(&client, parsed).await,
        Verb::Close => {
            shell.close().await;
            Ok(())
        }
        Verb::Config => ensemble::config(&client, parsed, out).await,
        Verb::Create => nodes::create(&client, parsed).await,
        Verb::Delete => nodes::delete(&client, parsed).await,
        Verb::DeleteAll => nodes::delete_all(&client, parsed).await,
        Verb::DelQuota => quota::delete(&client, parsed, out).await,
        Verb::Get => nodes::get(&client, parsed, out).await,
        Verb::GetAcl => access::get(&client, parsed, out).await,
        Verb::GetAllChildrenNumber => nodes::count(&client, parsed, out).await,
        Verb::GetEphemerals => nodes::ephemerals(&client, parsed, out).await,
        Verb::ListQuota => quota::list(&client, parsed, out).await,
        Verb::Ls => nodes::list(&client, parsed, out).await,
        Verb::Reconfig => ensemble::reconfig(&client, parsed, out).await,
        Verb::RemoveWatches => watches::remove(&client, parsed).await,
        Verb::Set => nodes::set(&client, parsed, out).await,
        Verb::SetAcl => access::set(&client, parsed, out).await,
        Verb::SetQuota => quota::set(&client, parsed, out).await,
        Verb::Stat => nodes::stat(&client, parsed, out).await,
        Verb::Sync => nodes::sync(&client, parsed, out).await,
        Verb::Version => {
            writeln!(out, "ZooKeeper CLI version: keeper {}", env!("CARGO_PKG_VERSION"))?;
            Ok(())
        }
        Verb::WhoAmI => access::who_am_i(&client, out).await,
    }
}

async fn run_own(
    shell: &mut Shell,
    name: &str,
    arguments: &[String],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match name {
        "connect" => {
            let host = arguments.first().unwrap_or(&shell.host).clone();
            return shell.reconnect(&host).await;
        }
        "quit" | "exit" => {
            shell.close().await;
            shell.quit = true;
        }
        "history" => {
            let last = shell.history.len().saturating_sub(1);
            for (number, line) in shell.history.iter().enumerate().skip(last.saturating_sub(10)) {
                writeln!(out, "{number} - {line}")?;
            }
        }
        "printwatches" => match arguments.first() {
            Some(wanted) => shell.print_watches.store(wanted == "on", Ordering::Relaxed),
            None => {
                let on = shell.print_watches.load(Ordering::Relaxed);
                writeln!(out, "printwatches is {}", if on { "on" } else { "off" })?;
            }
        },
        "redo" => return Err(Failure::new("redo cmdno")),
        _ => write!(out, "{}", usage())?,
    }
    Ok(())
}
