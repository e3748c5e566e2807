//! Whether a connection is encrypted; if so, its handshake comes before everything else.
//!
//! Rules: `NettyServerCnxnFactory.DualModeSslHandler`, `CertificateVerifier`.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::net::TcpStream;

use super::connection::{End, converse};
use super::link::Link;
use super::network::Thread;
use crate::tls::{Accepted, Error, begins_with_tls};

/// Talks with a client until either ends it, encrypted where its port says so, or where it begins
/// so on a port that takes both.
pub(super) async fn begin(thread: &Thread, link: &Rc<Link>, stream: TcpStream) -> End {
    let operations = thread.handle.operations();
    let Some(tls) = operations.tls() else {
        return converse(thread, link, stream, Vec::new()).await;
    };
    let encrypted = match link.info.secure {
        true => true,
        false if operations.is_unified() => {
            let patience = thread.handle.config().limits.sessionless;
            match tokio::time::timeout(patience, begins_with_tls(&stream)).await {
                Ok(Ok(encrypted)) => encrypted,
                Ok(Err(error)) => return End::Io(error),
                Err(_) => return End::Silent,
            }
        }
        false => false,
    };
    if !encrypted {
        operations.without_certificate.count(link.info.address);
        return converse(thread, link, stream, Vec::new()).await;
    }
    match tls.accept(stream).await {
        Ok(Accepted { stream, ids }) => {
            if ids.is_empty() {
                operations.without_certificate.count(link.info.address);
            }
            converse(thread, link, stream, ids).await
        }
        Err(error) => {
            let metrics = thread.handle.metrics();
            match error {
                Error::Many(_) => metrics.tls_handshake_exceeded.increment(),
                _ => {
                    metrics.unsuccessful_handshake.increment();
                    operations.auth_failures.fetch_add(1, Relaxed);
                }
            }
            End::Tls(error)
        }
    }
}
