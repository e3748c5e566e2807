//! The state between verbs, and how each is run.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use keeper_client::{Client, ConnectString, Error, Events, Options};
use zk_wire::error_code::ErrorCode;

use super::{Invocation, options, verbs};

/// Exit code for a verb that there is not.
const NOT_FOUND: u8 = 127;

/// Why a verb was not done: a line for people, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub message: String,
    pub code: u8,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), code: 1 }
    }

    pub fn not_found(verb: &str) -> Failure {
        let message = format!("Command not found: Command not found {verb}");
        Failure { message, code: NOT_FOUND }
    }
}

/// The words of `CliWrapperException`.
impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let path = match &error {
            Error::Refused { path, .. } => path.as_deref().unwrap_or("null"),
            Error::InvalidPath { .. } => return Failure::new(error.to_string()),
            _ => "null",
        };
        let words = match error.code() {
            Some(ErrorCode::NoNode) => "Node does not exist: ",
            Some(ErrorCode::NoChildrenForEphemerals) => "Ephemerals cannot have children: ",
            Some(ErrorCode::NodeExists) => "Node already exists: ",
            Some(ErrorCode::NotEmpty) => "Node not empty: ",
            Some(ErrorCode::NotReadOnly) => "Not a read-only call: ",
            Some(ErrorCode::InvalidAcl) => "Acl is not valid : ",
            Some(ErrorCode::NoAuth) => "Insufficient permission : ",
            Some(ErrorCode::BadArguments) => "Arguments are not valid : ",
            Some(ErrorCode::BadVersion) => "version No is not valid : ",
            Some(ErrorCode::QuotaExceeded) => "Quota has exceeded : ",
            Some(ErrorCode::ReconfigInProgress) => {
                return Failure::new(
                    "Another reconfiguration is in progress -- concurrent reconfigs not \
                     supported (yet)",
                );
            }
            Some(ErrorCode::NewConfigNoQuorum) => {
                return Failure::new(
                    "No quorum of new config is connected and up-to-date with the leader of last \
                     committed config - try invoking reconfiguration after new servers are \
                     connected and synced",
                );
            }
            _ => return Failure::new(error.to_string()),
        };
        Failure::new(format!("{words}{path}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::new(error.to_string())
    }
}

/// A client, and what verbs have to say.
pub(super) struct Shell {
    pub client: Client,
    /// As it was given.
    pub host: String,
    pub print_watches: Arc<AtomicBool>,
    /// Lines so far.
    pub history: Vec<String>,
    /// `None` while something else prints them.
    pub events: Option<Events>,
    /// Said to quit, with this exit code.
    pub quit: bool,
    options: Options,
    code: u8,
}

impl Shell {
    /// Connects, and waits for it if that is wanted or a verb is to be run.
    pub async fn connect(invocation: &Invocation) -> Result<Shell> {
        let options = Options {
            session_timeout: invocation.timeout,
            read_only: invocation.read_only,
            ..Options::default()
        };
        let connect: ConnectString = invocation.server.parse()?;
        let (client, events) = Client::start_with_events(&connect, options.clone());
        let shell = Shell {
            client,
            host: invocation.server.clone(),
            print_watches: Arc::new(AtomicBool::new(true)),
            history: Vec::new(),
            events: Some(events),
            quit: false,
            options,
            code: 0,
        };
        if invocation.wait || !invocation.verb.is_empty() {
            shell.client.wait_connected(invocation.timeout).await?;
        }
        Ok(shell)
    }

    /// Connects elsewhere; the session before is closed.
    pub async fn reconnect(&mut self, host: &str) -> Result<(), Failure> {
        let connect: ConnectString = host.parse()?;
        self.client.close().await;
        self.print_events();
        let (client, events) = Client::start_with_events(&connect, self.options.clone());
        self.client = client;
        self.host = host.to_owned();
        self.events = Some(events);
        Ok(())
    }

    /// Runs one verb and says why it failed; the exit code.
    pub async fn execute(&mut self, arguments: &[String]) -> u8 {
        self.print_events();
        let mut out = Vec::new();
        let result = verbs::run(self, arguments, &mut out).await;
        self.print_events();
        // Nobody is there to be told that nobody is there.
        let _ = std::io::stdout().write_all(&out);
        let _ = std::io::stdout().flush();
        self.code = match result {
            Ok(()) => 0,
            Err(failure) => {
                eprintln!("{}", failure.message);
                failure.code
            }
        };
        self.code
    }

    /// Runs a line, which goes into the history.
    pub async fn execute_line(&mut self, line: &str) {
        let mut words = options::split(line);
        if words.is_empty() {
            return;
        }
        if words[0] == "redo" && words.len() > 1 {
            match self.redo(&words[1]) {
                Ok(earlier) => {
                    words = options::split(&earlier);
                    self.history.push(earlier);
                }
                Err(failure) => {
                    eprintln!("{}", failure.message);
                    self.history.push(line.to_owned());
                    return;
                }
            }
        } else {
            self.history.push(line.to_owned());
        }
        self.execute(&words).await;
    }

    fn redo(&self, number: &str) -> Result<String, Failure> {
        let earlier = number.parse::<usize>().ok().and_then(|number| self.history.get(number));
        let earlier = earlier.ok_or_else(|| Failure::new("Command index out of range"))?;
        match options::split(earlier).first().map(String::as_str) {
            Some("redo") => Err(Failure::new("No redoing redos")),
            _ => Ok(earlier.clone()),
        }
    }

    /// Runs the lines of the input.
    pub async fn read_input(&mut self) -> Result<u8> {
        println!("Welcome to ZooKeeper!");
        let mut line = String::new();
        loop {
            line.clear();
            if self.quit || std::io::stdin().lock().read_line(&mut line)? == 0 {
                break;
            }
            self.execute_line(line.trim_end_matches(['\n', '\r'])).await;
        }
        self.close().await;
        Ok(self.code)
    }

    /// Ends the session.
    pub async fn close(&mut self) {
        self.client.close().await;
    }

    /// The exit code of the last verb.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Prints the events that have come meanwhile.
    pub fn print_events(&mut self) {
        let Some(events) = &mut self.events else { return };
        while let Some(event) = events.try_next() {
            if self.print_watches.load(Ordering::Relaxed) {
                println!("\nWATCHER::\n\n{event}");
            }
        }
    }

    /// Hands the events to somebody else who prints them.
    pub fn take_events(&mut self) -> Events {
        let events = self.events.take();
        events.unwrap_or_else(|| self.client.events())
    }

    /// What stands before the input.
    pub fn prompt(&self) -> String {
        let Shell { host, client, history, .. } = self;
        format!("[zk: {host}({}) {}] ", client.state().name(), history.len())
    }
}
