//! The AdminServer: questions and commands over HTTP, answered in JSON.
//!
//! `GET /commands` lists them, `/commands/<name>` asks one. Names, keys and their order are
//! Apache's, of a server without an ensemble. What Apache answers with a stack trace (a POST where
//! GET is meant) is answered with its status here, and secrets of the configuration are not shown.
//!
//! Rules: `JettyAdminServer`, `Commands`, `JsonOutputter`, `StreamOutputter`.
//!
//! | module | what |
//! |---|---|
//! | `command` | names |
//! | `answers` | what is answered |
//! | `backup` | `snapshot` and `restore` |
//! | `auth` | who may use those |
//! | `secure` | TLS |
//! | `json` | how it looks |

mod answers;
mod auth;
mod backup;
mod command;
mod json;
mod rate;
mod secure;
mod settings;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};

use crate::http::{Accept, Content, Endpoint, Request, Response};
use crate::server::Handle;
use backup::Backups;
use command::Command;
use json::{Json, Object};

pub(crate) use secure::Secure;
pub use settings::AdminSettings;

/// Of everything that needs the server, when it has ended.
const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests";

/// What every request is answered with.
struct Admin {
    handle: Handle,
    command_url: String,
    backups: Backups,
}

/// Listens from now on, until the endpoint is dropped; `None` where it is not wanted.
///
/// # Errors
/// The address cannot be bound.
pub(crate) fn start(
    settings: &AdminSettings,
    accept: Arc<dyn Accept>,
    handle: Handle,
) -> io::Result<Option<Endpoint>> {
    let Some(address) = settings.address else { return Ok(None) };
    let admin = Arc::new(Admin {
        handle,
        command_url: settings.command_url.clone(),
        backups: Backups::new(settings),
    });
    let idle = settings.idle_timeout;
    let endpoint = Endpoint::start("admin", address, idle, accept, move |request| {
        let admin = Arc::clone(&admin);
        Box::pin(async move { admin.answer(request).await })
    })?;
    tracing::info!("AdminServer at {}{}", endpoint.address(), settings.command_url);
    Ok(Some(endpoint))
}

impl Admin {
    async fn answer(&self, request: Request) -> Response {
        match *request.http.method() {
            Method::GET | Method::HEAD | Method::POST => {}
            // As its security constraint does.
            Method::TRACE => return empty(StatusCode::FORBIDDEN),
            _ => return empty(StatusCode::METHOD_NOT_ALLOWED),
        }
        let path = request.http.uri().path().to_owned();
        let Some(name) = path.strip_prefix(&self.command_url) else {
            return empty(StatusCode::NOT_FOUND);
        };
        match name.strip_prefix('/') {
            None if !name.is_empty() => empty(StatusCode::NOT_FOUND),
            None | Some("") => page(command::links(&self.command_url)),
            Some(name) => self.run(name, request).await,
        }
    }

    async fn run(&self, name: &str, request: Request) -> Response {
        let Some(command) = Command::of(name) else {
            let error = format!("Unknown command: {name}");
            return failed(StatusCode::OK, name, &error);
        };
        if command.is_post() != (*request.http.method() == Method::POST) {
            let verb = if command.is_post() { "POST" } else { "GET" };
            let error = format!("The command is asked for with {verb}");
            return failed(StatusCode::METHOD_NOT_ALLOWED, name, &error);
        }
        if command.needs_auth() {
            let header = request.http.headers().get(AUTHORIZATION);
            let header = header.and_then(|header| header.to_str().ok());
            let address: IpAddr = request.peer.ip();
            let allowed = auth::authorize(header, address, &request.ids, &self.handle).await;
            if let Err((status, error)) = allowed {
                tracing::warn!("admin command {name} of {}: {error}", request.peer);
                return failed(status, name, error);
            }
        }
        let arguments = arguments(request.http.uri().query().unwrap_or_default());
        match command {
            Command::Snapshot => self.backups.snapshot(&arguments, &self.handle).await,
            Command::Restore => self.backups.restore(request.http.into_body(), &self.handle).await,
            _ => match answers::answer(command, &arguments, &self.handle).await {
                Some(fields) => answered(StatusCode::OK, command, fields),
                None => failed(StatusCode::OK, name, NOT_SERVING),
            },
        }
    }
}

/// The arguments behind a path; of one that comes twice the first counts.
fn arguments(query: &str) -> BTreeMap<String, String> {
    let mut arguments = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        arguments.entry(unescaped(name)).or_insert_with(|| unescaped(value));
    }
    arguments
}

/// `%41` and `+` as they are meant; what is no escape stands for itself.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match (first, escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An answer with the command's name and, if it has none of its own, no error.
fn answered(status: StatusCode, command: Command, mut fields: Object) -> Response {
    fields.push(("command".to_owned(), command.name().into()));
    if !fields.iter().any(|(name, _)| name == "error") {
        fields.push(("error".to_owned(), Json::Null));
    }
    json(status, fields)
}

/// An answer that says only what went wrong.
fn failed(status: StatusCode, command: &str, error: &str) -> Response {
    let fields = vec![("command".to_owned(), command.into()), ("error".to_owned(), error.into())];
    json(status, fields)
}

fn json(status: StatusCode, fields: Object) -> Response {
    let mut response = Response::new(Content::from(Json::from(fields).pretty()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn page(text: String) -> Response {
    let mut response = Response::new(Content::from(text));
    let kind = HeaderValue::from_static("text/html;charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Content::Whole(None));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_a_query() {
        let found = arguments("a=1&b=x%20y+z%2&a=2&&c");
        let expected = [("a", "1"), ("b", "x y z%2"), ("c", "")];
        let expected: Vec<_> =
            expected.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }
}
