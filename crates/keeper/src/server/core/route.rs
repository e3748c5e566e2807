//! Hands out what the node has put out: a batch to the log, and one to each network thread.

use std::sync::Arc;

use bytes::Bytes;
use crossbeam_channel::Sender;
use keeper_core::node::Output;
use keeper_core::watch::ConnectionId;
use keeper_disk::Zxid;
use keeper_disk::log::LogRequest;

use crate::client_port::Mailbox;

/// Outputs that are handed out although more messages wait, so that other threads have work.
const BATCH: usize = 512;

/// What is on its way out of the core.
pub(super) struct Router {
    log: Sender<LogRequest>,
    appends: Vec<(Zxid, Vec<u8>)>,
    network: Vec<(Arc<Mailbox>, Vec<Output>)>,
    count: usize,
    log_is_gone: bool,
}

impl Router {
    pub(super) fn new(log: Sender<LogRequest>, network: Vec<Arc<Mailbox>>) -> Self {
        let network = network.into_iter().map(|mailbox| (mailbox, Vec::new())).collect();
        Self { log, appends: Vec::new(), network, count: 0, log_is_gone: false }
    }

    /// A transaction for the log.
    pub(super) fn append(&mut self, zxid: Zxid, entry: Bytes) {
        self.appends.push((zxid, entry.into()));
        self.count += 1;
    }

    /// Something for a connection.
    pub(super) fn answer(&mut self, output: Output) {
        let Some(connection) = connection(&output) else { return };
        let thread = (connection.0 % self.network.len().max(1) as u64) as usize;
        if let Some((_, outputs)) = self.network.get_mut(thread) {
            outputs.push(output);
            self.count += 1;
        }
    }

    /// Whether so much waits that others should begin with it.
    pub(super) fn is_full(&self) -> bool {
        self.count >= BATCH
    }

    /// Whether the log takes nothing any more.
    pub(super) fn log_is_gone(&self) -> bool {
        self.log_is_gone
    }

    /// Hands out all that waits.
    pub(super) fn flush(&mut self) {
        if self.count == 0 {
            return;
        }
        self.count = 0;
        if !self.appends.is_empty() {
            let appends = std::mem::take(&mut self.appends);
            self.log_is_gone |= self.log.send(LogRequest::AppendAll(appends)).is_err();
        }
        for (mailbox, outputs) in &mut self.network {
            if !outputs.is_empty() {
                mailbox.deliver(outputs);
            }
        }
    }
}

fn connection(output: &Output) -> Option<ConnectionId> {
    match output {
        Output::Connected { connection, .. }
        | Output::Reply { connection, .. }
        | Output::Notify { connection, .. }
        | Output::Close { connection, .. } => Some(*connection),
        Output::Append { .. } | Output::Audit(_) | Output::DigestMismatch { .. } => None,
    }
}
