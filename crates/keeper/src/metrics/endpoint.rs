//! Where Prometheus looks: `/metrics` at `metricsProvider.httpHost` and `.httpPort`, only where
//! `metricsProvider.className` names the provider of Prometheus.
//!
//! Rules: `PrometheusMetricsProvider`. Settings of its threads and queue do nothing here: observing
//! waits for nobody.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use hyper::{Method, StatusCode, header};

use super::prometheus::{CONTENT_TYPE, prometheus};
use crate::config::{Properties, Result};
use crate::http::{Answering, Content, Endpoint, Plain, Request, Response};
use crate::server::Handle;
use crate::view;

/// The class of the provider.
const PROMETHEUS: &str = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";
/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(30);
/// A fifth of what quantiles look back to.
const ROTATION: Duration = Duration::from_secs(120);

/// Where Prometheus looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrometheusSettings {
    /// `metricsProvider.httpHost` and `.httpPort`
    pub address: SocketAddr,
    /// `metricsProvider.exportJvmInfo`: with the process' own numbers.
    pub process: bool,
}

impl PrometheusSettings {
    /// Reads them; `None` where another provider, or none, is named.
    pub fn read(p: &Properties) -> Result<Option<Self>> {
        let class = p.text_of("metricsProvider.className").unwrap_or_default();
        if class != PROMETHEUS {
            return Ok(None);
        }
        let host = p.text_of("metricsProvider.httpHost").unwrap_or("0.0.0.0");
        let port: u16 = p.number("metricsProvider.httpPort", 7000)?;
        let mut found = (host, port).to_socket_addrs().map_err(|error| {
            p.error("metricsProvider.httpHost", &format!("no such address here: {error}"))
        })?;
        let Some(address) = found.next() else {
            return Err(p.error("metricsProvider.httpHost", "no such address here"));
        };
        Ok(Some(Self { address, process: p.flag("metricsProvider.exportJvmInfo", true) }))
    }
}

/// Listens from now on, until the endpoint is dropped.
///
/// # Errors
/// The address cannot be bound.
pub(crate) fn start(settings: &PrometheusSettings, handle: Handle) -> std::io::Result<Endpoint> {
    let process = settings.process;
    let rotating = handle.clone();
    let endpoint =
        Endpoint::start("metrics", settings.address, IDLE, Arc::new(Plain), move |request| {
            answer(request, handle.clone(), process)
        })?;
    std::thread::Builder::new().name("metrics-window".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(ROTATION);
            rotating.metrics().rotate();
        }
    })?;
    Ok(endpoint)
}

fn answer(request: Request, handle: Handle, process: bool) -> Answering {
    Box::pin(async move {
        if request.http.uri().path() != "/metrics" {
            return plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n");
        }
        if !matches!(*request.http.method(), Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "metrics are asked for with GET\n");
        }
        // A server that has ended has no gauges; what it has counted is still there.
        let gauges = view::gauges(&handle).await.unwrap_or_default();
        let text = prometheus(handle.metrics(), &gauges, process);
        let mut response = Response::new(Content::from(text));
        let kind = header::HeaderValue::from_static(CONTENT_TYPE);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    })
}

fn plain(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Content::from(text.to_owned()));
    *response.status_mut() = status;
    response
}
