//! What the back ends with asynchronous clients share: one small runtime, and calls that wait for
//! it with retries and limits of time.

mod backoff;

use std::future::Future;
use std::sync::OnceLock;
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

use crate::{Error, ErrorKind, Result, RetryOptions};
use backoff::Backoff;

/// Threads of the runtime: the work is waiting for sockets, encryption and checksums.
const THREADS: usize = 2;

/// Their stacks: builds without optimisation keep large futures there while they make them.
const STACK: usize = 4 << 20;

/// What an operation is about, for its errors.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub action: &'static str,
    pub uri: String,
    pub limits: RetryOptions,
}

impl Call {
    pub(crate) fn error(&self, kind: ErrorKind, cause: impl Into<String>) -> Error {
        Error::new(kind, self.action, self.uri.clone(), cause)
    }

    /// Runs `work` on the runtime and waits for it. The caller may be a thread of any kind, of
    /// another runtime too. A panic of a client library is an error here.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.start(work)?.wait()
    }

    /// Runs `work` on the runtime.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<Pending<T>> {
        let runtime = runtime().map_err(|cause| self.error(ErrorKind::Other, cause))?;
        let (sender, result) = std::sync::mpsc::sync_channel(1);
        runtime.spawn(async move {
            // The receiver is gone when the caller gave up: nobody needs the result.
            let _ = sender.send(work.await);
        });
        Ok(Pending { call: self.clone(), result })
    }

    /// Calls `attempt` with 1, 2, .. until it does not fail as [`ErrorKind::Unreachable`], or the
    /// time for retries is up.
    pub(crate) async fn retried<T, F: Future<Output = Result<T>>>(
        &self,
        mut attempt: impl FnMut(u32) -> F,
    ) -> Result<T> {
        let started = Instant::now();
        let mut backoff = Backoff::new(&self.limits);
        let mut number = 0;
        loop {
            number += 1;
            let error = match attempt(number).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let random = (uuid::Uuid::new_v4().as_u64_pair().1 & 0xffff_ffff) as f64;
            let elapsed = started.elapsed();
            let Some(pause) = backoff.pause_after(&error, elapsed, random / 4_294_967_296.0) else {
                return Err(error);
            };
            tracing::debug!("attempt {number} failed, the next one in {pause:?}: {error}");
            tokio::time::sleep(pause).await;
        }
    }

    /// Limits one request to its time, for clients that do not do so themselves.
    #[cfg(feature = "hdfs")]
    pub(crate) async fn timed<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let limit = self.limits.request_timeout;
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(self.error(ErrorKind::Unreachable, format!("there was no answer in {limit:?}")))
        })
    }
}

/// The result of work that is going on.
pub(crate) struct Pending<T> {
    call: Call,
    result: std::sync::mpsc::Receiver<Result<T>>,
}

impl<T> Pending<T> {
    pub(crate) fn wait(self) -> Result<T> {
        self.result.recv().unwrap_or_else(|_| {
            Err(self.call.error(ErrorKind::Other, "the client library has panicked; see the log"))
        })
    }
}

/// The runtime of all remote storage of the process, started at the first use.
pub(crate) fn runtime() -> std::result::Result<&'static Runtime, String> {
    static RUNTIME: OnceLock<std::result::Result<Runtime, String>> = OnceLock::new();
    let started = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("river-storage")
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .map_err(|error| format!("the threads of remote storage do not start: {error}"))
    });
    started.as_ref().map_err(Clone::clone)
}
