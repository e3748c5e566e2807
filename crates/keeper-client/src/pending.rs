//! What is asked and not yet answered.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use zk_wire::op_code::OpCode;
use zk_wire::request::Request;

use crate::client::Response;
use crate::options::Auth;
use crate::watches::WatchChange;
use crate::{Error, Result};

/// The reply to a request, once it is there. Dropping it does not take the request back.
pub struct Answer {
    pub(crate) receiver: oneshot::Receiver<Result<Response>>,
}

impl Future for Answer {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let receiver = Pin::new(&mut self.receiver);
        receiver.poll(context).map(|answer| answer.unwrap_or(Err(Error::Closed)))
    }
}

/// Who waits for an answer.
pub(crate) struct Asker {
    /// The node as the user named it.
    pub path: Option<String>,
    pub answer: oneshot::Sender<Result<Response>>,
}

impl Asker {
    /// Answers; whether anybody still listens is of no account.
    pub fn answer(self, result: Result<Response>) {
        let _ = self.answer.send(result);
    }

    /// Ends with an error that names the node.
    pub fn fail(self, error: impl FnOnce(Option<String>) -> Error) {
        let _ = self.answer.send(Err(error(self.path)));
    }
}

/// What handles ask of the session's task.
pub(crate) enum Command {
    /// A request, whose paths are those on the server.
    Request(Request, Asker),
    /// Credentials, for this server and all later ones.
    Auth(Auth, Asker),
}

/// How the session is to end.
pub(crate) enum Control {
    /// With its session.
    Close(oneshot::Sender<()>),
    /// The connection alone: the session lives on until its timeout.
    Abandon(oneshot::Sender<()>),
}

/// A request that was sent.
pub(crate) struct Pending {
    pub xid: i32,
    pub op: OpCode,
    /// What its success means for the watches.
    pub watch: Option<WatchChange>,
    pub asker: Option<Asker>,
}
