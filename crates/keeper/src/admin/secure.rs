//! The AdminServer's connections with TLS: only such, or on the same port as plain ones.
//!
//! Rules: `UnifiedConnectionFactory`. Keys and certificates are those of `ssl.quorum.*`.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::net::TcpStream;
use zk_wire::acl::Id;

use crate::http::{Accept, Duplex};
use crate::tls::{Tls, begins_with_tls};

/// TLS, or both.
pub(crate) struct Secure {
    pub tls: Arc<Tls>,
    /// Whether plain connections are taken, too.
    pub also_plain: bool,
}

impl Accept for Secure {
    fn accept(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Option<(Box<dyn Duplex>, Vec<Id>)>> + Send>> {
        Box::pin(async move {
            if self.also_plain && !begins_with_tls(&stream).await.ok()? {
                return Some((Box::new(stream) as Box<dyn Duplex>, Vec::new()));
            }
            match self.tls.accept(stream).await {
                Ok(accepted) => Some((Box::new(accepted.stream), accepted.ids)),
                Err(error) => {
                    tracing::warn!("connection of {peer} to the AdminServer refused: {error}");
                    None
                }
            }
        })
    }
}
