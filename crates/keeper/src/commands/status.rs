//! `keeper status`: what a server says of itself, as `zkServer.sh status` prints it.
//!
//! Asks by the four-letter word `srvr`, which every server answers unless it was forbidden.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use keeper_client::{ConnectString, Server};
use serde_json::{Map, Value, json};

use crate::config::Properties;

#[cfg(test)]
mod tests;

/// Bytes of the longest answer that is read.
const ANSWER_MAX: u64 = 64 << 10;

/// Whether a server runs, and in which mode; exit code 1 if it does not.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The server's zoo.cfg, of which the client port is read.
    #[arg(conflicts_with = "server")]
    pub config: Option<PathBuf>,
    /// Servers, in place of a zoo.cfg: host:port,host:port.
    #[arg(short, long, default_value = "localhost:2181")]
    pub server: String,
    /// All that the server says, as JSON; an array for several servers.
    #[arg(long)]
    pub json: bool,
    /// Milliseconds that a server may take.
    #[arg(long, default_value_t = 5000)]
    pub timeout: u32,
}

/// Asks and prints.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let servers = match &arguments.config {
        Some(file) => vec![client_port(file)?],
        None => arguments.server.parse::<ConnectString>()?.servers,
    };
    let timeout = Duration::from_millis(u64::from(arguments.timeout.max(1)));
    let mut failed = false;
    let mut found = Vec::new();
    for server in &servers {
        let answer = ask(server, "srvr", timeout);
        failed |= answer.is_err();
        match (arguments.json, answer) {
            (true, answer) => found.push(as_json(server, answer)),
            (false, Ok(answer)) => print_text(server, &answer),
            (false, Err(error)) => {
                print_port(server);
                println!("Error contacting service. It is probably not running.");
                eprintln!("{server}: {error:#}");
            }
        }
    }
    if arguments.json {
        let all = if found.len() == 1 { found.remove(0) } else { Value::Array(found) };
        println!("{}", serde_json::to_string_pretty(&all)?);
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print_port(Server { host, port }: &Server) {
    println!("Client port found: {port}. Client address: {host}. Client SSL: false.");
}

fn print_text(server: &Server, answer: &str) {
    print_port(server);
    let mode = answer.lines().find(|line| line.starts_with("Mode: "));
    println!("{}", mode.unwrap_or("Mode: unknown"));
}

/// The answer to a four-letter word; one that is no answer (not allowed, not serving) is an error.
pub(crate) fn ask(server: &Server, word: &str, timeout: Duration) -> Result<String> {
    let addresses = (server.host.as_str(), server.port)
        .to_socket_addrs()
        .with_context(|| format!("look up {}", server.host))?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return ask_on(stream, word, timeout),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(error).context("connect"),
        None => bail!("{} has no address", server.host),
    }
}

fn ask_on(mut stream: TcpStream, word: &str, timeout: Duration) -> Result<String> {
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(word.as_bytes()).with_context(|| format!("ask {word}"))?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).context("read the answer")?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    if !answer.contains("Zookeeper version") {
        match answer.trim() {
            "" => bail!("the server closed the connection without an answer"),
            words => bail!("the server says: {words}"),
        }
    }
    Ok(answer)
}

fn as_json(server: &Server, answer: Result<String>) -> Value {
    match answer {
        Ok(answer) => {
            let mut fields = parse(&answer);
            fields.insert("server".to_owned(), json!(server.to_string()));
            Value::Object(fields)
        }
        Err(error) => json!({"server": server.to_string(), "error": format!("{error:#}")}),
    }
}

/// The lines of `srvr` by name; numbers as numbers.
fn parse(answer: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("read_only".to_owned(), json!(answer.contains("READ-ONLY mode")));
    for (name, value) in answer.lines().filter_map(|line| line.split_once(": ")) {
        match name {
            "Latency min/avg/max" => {
                put_parts(&mut fields, "latency", ["min", "avg", "max"], value)
            }
            "Proposal sizes last/min/max" => {
                put_parts(&mut fields, "proposal_size", ["last", "min", "max"], value);
            }
            "Zookeeper version" => {
                fields.insert("version".to_owned(), json!(value));
            }
            name => {
                fields.insert(name.to_lowercase().replace(' ', "_"), number(value));
            }
        }
    }
    fields
}

fn put_parts(fields: &mut Map<String, Value>, name: &str, parts: [&str; 3], value: &str) {
    for (part, value) in parts.into_iter().zip(value.split('/')) {
        fields.insert(format!("{name}_{part}"), number(value));
    }
}

fn number(text: &str) -> Value {
    let text = text.trim();
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(number), _) => json!(number),
        (_, Ok(number)) => json!(number),
        _ => json!(text),
    }
}

/// Where a zoo.cfg says that clients connect to, or the file of members that it names.
fn client_port(file: &Path) -> Result<Server> {
    let settings = Properties::load(file)?;
    let localhost = || "localhost".to_owned();
    if let Some(port) = settings.get("clientPort") {
        let host = settings.get("clientPortAddress").filter(|host| !is_any(host));
        let port = port.parse().with_context(|| format!("clientPort={port}"))?;
        return Ok(Server { host: host.map_or_else(localhost, str::to_owned), port });
    }
    let members = match settings.get("dynamicConfigFile") {
        Some(name) => Properties::load(&file.parent().unwrap_or(Path::new("")).join(name))?,
        None => settings.clone(),
    };
    let folder = settings.get("dataDir").map(Path::new);
    let id = folder.and_then(|folder| std::fs::read_to_string(folder.join("myid")).ok());
    let member = id.and_then(|id| members.get(&format!("server.{}", id.trim())).map(str::to_owned));
    if let Some((_, client)) = member.as_deref().and_then(|member| member.split_once(';')) {
        // `host:port` or `port`; a third part is for TLS.
        let client = client.split(';').next().unwrap_or(client);
        let (host, port) = client.rsplit_once(':').unwrap_or(("", client));
        let port = port.parse().with_context(|| format!("client port '{client}'"))?;
        let host = Some(host).filter(|host| !is_any(host));
        return Ok(Server { host: host.map_or_else(localhost, str::to_owned), port });
    }
    let file = file.display();
    match settings.get("secureClientPort") {
        Some(_) => bail!("{file} has a secureClientPort alone, and status cannot ask over TLS yet"),
        None => bail!("{file} has no clientPort: say which server with --server host:port"),
    }
}

/// Addresses that stand for all of a machine's.
fn is_any(host: &str) -> bool {
    matches!(host, "0.0.0.0" | "::" | "[::]" | "")
}
