//! The audit log: a line for each change that somebody has made, or was refused.
//!
//! With `audit.enable=true`. Lines go to the log under the target `audit`, at INFO; a thread of its
//! own writes them, so that the core waits only if more lines are to be written than it holds. None
//! is lost: an audit log with gaps proves nothing.
//!
//! Rules: `ZKAuditProvider`, `AuditEvent`, `Slf4jAuditLogger`.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::io;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Sender, bounded};
use keeper_core::node::{AuditEvent, AuditOperation};
use zk_wire::acl::{Acl, perms};
use zk_wire::create_mode::CreateMode;

use crate::view::user;

/// Events that wait to be written; beyond that the core waits.
const QUEUE: usize = 8192;

/// Where events go.
pub struct Audit {
    sender: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    Event(Box<AuditEvent>),
    Start,
    Stop,
}

impl Audit {
    /// Begins, with the line that the server has started.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start() -> io::Result<Self> {
        let (sender, receiver) = bounded(QUEUE);
        let named = thread::Builder::new().name("audit".to_owned());
        let thread = named.spawn(move || {
            let user = user();
            for message in receiver {
                match message {
                    Message::Event(event) => write(&line(&event, &user)),
                    Message::Start => write(&of_server(&user, "serverStart", "success")),
                    Message::Stop => write(&of_server(&user, "serverStop", "invoked")),
                }
            }
        })?;
        let audit = Self { sender, thread: Some(thread) };
        audit.send(Message::Start);
        Ok(audit)
    }

    /// Something was done.
    pub fn record(&self, event: Box<AuditEvent>) {
        self.send(Message::Event(event));
    }

    fn send(&self, message: Message) {
        // The thread ends when this does, never before.
        let _ = self.sender.send(message);
    }
}

impl Drop for Audit {
    /// Writes what is left, with the line that the server stops.
    fn drop(&mut self) {
        self.send(Message::Stop);
        let (closed, _) = bounded(0);
        drop(std::mem::replace(&mut self.sender, closed));
        if let Some(thread) = self.thread.take() {
            // A panic was printed where it happened.
            let _ = thread.join();
        }
    }
}

fn write(line: &str) {
    tracing::info!(target: "audit", "{line}");
}

fn of_server(user: &str, operation: &str, result: &str) -> String {
    format!("user={user}\toperation={operation}\tresult={result}")
}

/// `key=value`, with tabs between; what there is not is left out. `server`: who runs the server.
fn line(event: &AuditEvent, server: &str) -> String {
    let mut line = format!("session=0x{:x}", event.session.0);
    let mut add = |key: &str, value: &str| {
        // Writing to a text does not fail.
        let _ = write!(line, "\t{key}={value}");
    };
    match event.address {
        Some(address) => {
            add("user", &event.users.join(","));
            add("ip", &address.to_string());
        }
        None => add("user", server),
    }
    add("operation", name(event.operation));
    if let Some(path) = &event.path {
        add("znode", path);
    }
    if let Some(kind) = event.flags.and_then(CreateMode::from_flags) {
        add("znode_type", kind_name(kind));
    }
    if let Some(acl) = &event.acl {
        add("acl", &acl.iter().map(acl_text).collect::<String>());
    }
    add("result", if event.success { "success" } else { "failure" });
    line
}

fn name(operation: AuditOperation) -> &'static str {
    match operation {
        AuditOperation::Create => "create",
        AuditOperation::Delete => "delete",
        AuditOperation::SetData => "setData",
        AuditOperation::SetAcl => "setAcl",
        AuditOperation::Multi => "multiOperation",
        AuditOperation::Reconfig => "reconfig",
        AuditOperation::EphemeralDeletion => "ephemeralZNodeDeletionOnSessionCloseOrExpire",
    }
}

/// Java's names, in lower case.
fn kind_name(mode: CreateMode) -> &'static str {
    match mode {
        CreateMode::Persistent => "persistent",
        CreateMode::Ephemeral => "ephemeral",
        CreateMode::PersistentSequential => "persistent_sequential",
        CreateMode::EphemeralSequential => "ephemeral_sequential",
        CreateMode::Container => "container",
        CreateMode::PersistentWithTtl => "persistent_with_ttl",
        CreateMode::PersistentSequentialWithTtl => "persistent_sequential_with_ttl",
    }
}

/// `ZKUtil.aclToString`, which puts nothing between entries.
fn acl_text(acl: &Acl) -> String {
    let letters = [
        (perms::CREATE, 'c'),
        (perms::DELETE, 'd'),
        (perms::READ, 'r'),
        (perms::WRITE, 'w'),
        (perms::ADMIN, 'a'),
    ];
    let allowed: String =
        letters.iter().filter(|(bit, _)| acl.perms & bit != 0).map(|(_, letter)| *letter).collect();
    let text = |text: &Option<zk_wire::Text>| text.as_deref().unwrap_or("null").to_owned();
    format!("{}:{}:{allowed}", text(&acl.id.scheme), text(&acl.id.id))
}
