//! `keeper status`: what a server says of itself, as `zkServer.sh status` prints it.
//!
//! Asks by the four-letter word `srvr`, which every server answers unless it was forbidden.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use keeper_client::{ConnectString, Server};
use serde_json::{Map, Value, json};

#[cfg(test)]
mod tests;

/// Bytes of the longest answer that is read.
const ANSWER_MAX: u64 = 64 << 10;

/// Whether a server runs, and in which mode; exit code 1 if it does not.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The server's zoo.cfg, of which the client port is read.
    #[arg(conflicts_with = "server")]
    pub config: Option<std::path::PathBuf>,
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

/// Where a zoo.cfg says that clients connect to.
fn client_port(file: &std::path::Path) -> Result<Server> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let value = |name: &str| {
        let settings = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!']));
        let mut pairs = settings.filter_map(|line| line.split_once(['=', ':']));
        pairs.rfind(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
    };
    let host = value("clientPortAddress").filter(|host| !is_any(host));
    let port = value("clientPort").with_context(|| {
        let file = file.display();
        format!("{file} has no clientPort: say which server with --server host:port")
    })?;
    let port = port.parse().with_context(|| format!("clientPort={port}"))?;
    Ok(Server { host: host.unwrap_or_else(|| "localhost".to_owned()), port })
}

/// Addresses that stand for all of a machine's.
fn is_any(host: &str) -> bool {
    matches!(host, "0.0.0.0" | "::" | "[::]" | "")
}
