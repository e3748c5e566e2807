//! A small HTTP endpoint for machines and for whoever looks after a server: the AdminServer's and
//! that of Prometheus.
//!
//! A thread of its own with a runtime of its own: what is asked here holds up no client. Bounded:
//! connections at once, sizes of heads, the time within which a request must come.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use zk_wire::acl::Id;

/// Connections at once; more wait for their turn.
const CONNECTIONS: usize = 64;
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// How long nothing is taken after the operating system has refused.
const PAUSE: Duration = Duration::from_millis(100);
/// Pieces of a body that wait to be sent.
const PIECES: usize = 4;

/// A question.
pub(crate) struct Request {
    /// As it came.
    pub http: hyper::Request<Incoming>,
    /// Who asks.
    pub peer: SocketAddr,
    /// What the connection itself proves: the name in a client's certificate.
    pub ids: Vec<Id>,
}

/// An answer.
pub(crate) type Response = hyper::Response<Content>;

/// The future of an answer.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A body: known at once, or in pieces as they are read.
pub(crate) enum Content {
    /// All of it.
    Whole(Option<Bytes>),
    /// Piece by piece; an error cuts the answer off, which the client sees.
    Pieces { receiver: mpsc::Receiver<io::Result<Bytes>>, length: u64 },
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Whole(Some(text.into()))
    }
}

impl Content {
    /// A body of so many bytes, and where its pieces are put.
    pub fn pieces(length: u64) -> (mpsc::Sender<io::Result<Bytes>>, Self) {
        let (sender, receiver) = mpsc::channel(PIECES);
        (sender, Self::Pieces { receiver, length })
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces { receiver, .. } => {
                receiver.poll_recv(context).map(|piece| Some(piece?.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Pieces { length, .. } => *length,
        })
    }
}

/// What makes a client's connection of a socket: nothing, or TLS.
pub(crate) trait Accept: Send + Sync + 'static {
    /// The connection, and what it proves. `None`: it was closed, and that was reported.
    fn accept(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Option<(Box<dyn Duplex>, Vec<Id>)>> + Send>>;
}

/// A connection in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// Sockets as they are.
pub(crate) struct Plain;

impl Accept for Plain {
    fn accept(
        self: Arc<Self>,
        stream: TcpStream,
        _peer: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Option<(Box<dyn Duplex>, Vec<Id>)>> + Send>> {
        Box::pin(async move { Some((Box::new(stream) as Box<dyn Duplex>, Vec::new())) })
    }
}

/// A listening endpoint; it ends when this is dropped.
pub(crate) struct Endpoint {
    address: SocketAddr,
    _stop: mpsc::Sender<Infallible>,
}

impl Endpoint {
    /// Listens at an address and answers with `answer`, in a thread of this name.
    ///
    /// # Errors
    /// The address cannot be bound, or the thread cannot be started.
    pub fn start(
        name: &str,
        address: SocketAddr,
        idle: Duration,
        accept: Arc<dyn Accept>,
        answer: impl Fn(Request) -> Answering + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, mut stopped) = mpsc::channel(1);
        let answer: Arc<dyn Fn(Request) -> Answering + Send + Sync> = Arc::new(answer);
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async {
                let serving = tokio::spawn(serve(listener, idle, accept, answer));
                // Nothing is ever sent: it ends when the sender is gone.
                let _ = stopped.recv().await;
                serving.abort();
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { address, _stop: stop })
    }

    /// Where it listens, with the port that was chosen for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(
    listener: TcpListener,
    idle: Duration,
    accept: Arc<dyn Accept>,
    answer: Arc<dyn Fn(Request) -> Answering + Send + Sync>,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("the endpoint cannot listen: {error}"),
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("the endpoint takes no connections for a moment: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (accept, answer) = (Arc::clone(&accept), Arc::clone(&answer));
        tokio::spawn(async move {
            let _place = place;
            let accepted = tokio::time::timeout(idle, accept.accept(stream, peer)).await;
            let Ok(Some((stream, ids))) = accepted else { return };
            converse(stream, peer, ids, idle, &*answer).await;
        });
    }
}

/// One connection, with all its requests.
async fn converse(
    stream: Box<dyn Duplex>,
    peer: SocketAddr,
    ids: Vec<Id>,
    idle: Duration,
    answer: &(dyn Fn(Request) -> Answering + Send + Sync),
) {
    let service = service_fn(|http| {
        let answering = answer(Request { http, peer, ids: ids.clone() });
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(idle).max_buf_size(HEAD_BYTES);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!("HTTP with {peer}: {error}");
    }
}
