//! Against a server that answers as told, for what a real one does rarely: faults, lost answers,
//! silence. The contract against a real one is in tests/it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use expect_test::expect;

use crate::{ErrorKind, Storage, open};

/// What the server does with a request.
enum Answer {
    /// Status line without the version, and body.
    Say(&'static str, &'static str),
    /// Hangs up without a word.
    HangUp,
    /// Takes the request and stays silent until the client is gone.
    Silence,
}
use Answer::{HangUp, Say, Silence};

const OK: Answer = Say("200 OK", "");
const SLOW_DOWN: Answer =
    Say("503 Slow Down", "<Error><Code>SlowDown</Code><Message>Reduce the rate</Message></Error>");
const TAKEN: Answer =
    Say("412 Precondition Failed", "<Error><Code>PreconditionFailed</Code></Error>");
const BUSY: Answer = Say("409 Conflict", "<Error><Code>ConditionalRequestConflict</Code></Error>");

struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Gives each request the next answer, each on a connection of its own; then is gone.
    fn start(answers: Vec<Answer>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let thread = std::thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                let line = serve(stream, &answer);
                log.lock().unwrap().push(line);
            }
        });
        Server { port, seen, thread: Some(thread) }
    }

    fn storage(&self, more: &[(&str, &str)]) -> Arc<dyn Storage> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let mut options: BTreeMap<String, String> = [
            ("s3.endpoint", endpoint.as_str()),
            ("s3.access-key", "key"),
            ("s3.secret-key", "very-secret"),
            ("riverkeeper.storage.retry.initial-backoff", "1 ms"),
            ("riverkeeper.storage.retry.timeout", "10 s"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
        options.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        open("s3://bucket/", &options).unwrap().0
    }

    /// The requests, when all answers were given.
    fn requests(mut self) -> Vec<String> {
        self.thread.take().unwrap().join().unwrap();
        self.seen.lock().unwrap().clone()
    }
}

/// Reads a request, answers it, returns its first line with the condition of a put.
fn serve(stream: TcpStream, answer: &Answer) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut length = 0;
    let mut condition = "";
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
            break;
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.starts_with("if-none-match: *") {
            condition = " if absent";
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    match answer {
        Say(status, text) => {
            let head = format!(
                "HTTP/1.1 {status}\r\nETag: \"e\"\r\nLast-Modified: Sun, 22 Nov 2026 20:00:00 GMT\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
                text.len()
            );
            (&stream).write_all(head.as_bytes()).unwrap();
        }
        HangUp => stream.shutdown(Shutdown::Both).unwrap(),
        Silence => {
            // Until the client hangs up.
            let _ = reader.read_to_end(&mut Vec::new());
        }
    }
    let path = first.trim_end().trim_end_matches(" HTTP/1.1");
    format!("{path}{condition}")
}

#[test]
fn transient_faults_are_tried_again() {
    let server = Server::start(vec![SLOW_DOWN, HangUp, Say("500 Oops", ""), OK]);
    server.storage(&[]).put("a", b"x").unwrap();
    assert_eq!(server.requests(), ["PUT /bucket/a"; 4]);
    let server = Server::start(vec![Say("500 Oops", ""), Say("200 OK", "body")]);
    assert_eq!(server.storage(&[]).read("a").unwrap(), b"body");
    assert_eq!(server.requests(), ["GET /bucket/a"; 2]);
}

#[test]
fn a_lost_answer_is_not_another_writer() {
    let server = Server::start(vec![HangUp, TAKEN, Say("200 OK", "mine")]);
    server.storage(&[]).put_new("a", b"mine").unwrap();
    let put = "PUT /bucket/a if absent";
    assert_eq!(server.requests(), [put, put, "GET /bucket/a"]);

    let server = Server::start(vec![HangUp, TAKEN, Say("200 OK", "theirs")]);
    let error = server.storage(&[]).put_new("a", b"mine").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);

    // The first answer is one about others, whatever they wrote.
    let server = Server::start(vec![TAKEN]);
    let error = server.storage(&[]).put_new("a", b"mine").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(server.requests(), [put]);
}

#[test]
fn a_concurrent_put_is_waited_for() {
    let server = Server::start(vec![BUSY, TAKEN, Say("200 OK", "theirs")]);
    let error = server.storage(&[]).put_new("a", b"mine").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn an_upload_completed_without_an_answer_is_complete() {
    let id =
        "<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>";
    let gone = "<Error><Code>NoSuchUpload</Code></Error>";
    let size = 8 << 20;
    // HEAD of an object of that size: no body, so the length is told by hand.
    let head = "200 OK\r\nContent-Length: 8388609";
    let server = Server::start(vec![
        Say("200 OK", id),
        OK,
        OK,
        HangUp,
        Say("404 Not Found", gone),
        Say(head, ""),
    ]);
    let mut writer = server.storage(&[]).create("a").unwrap();
    writer.write_all(&vec![1; size + 1]).unwrap();
    assert_eq!(writer.finish().unwrap(), size as u64 + 1);
    let requests = server.requests();
    assert_eq!(requests[0], "POST /bucket/a?uploads=");
    assert_eq!(
        requests[3..],
        ["POST /bucket/a?uploadId=up", "POST /bucket/a?uploadId=up", "HEAD /bucket/a"]
    );
}

#[test]
fn a_failed_part_ends_the_upload() {
    let id =
        "<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>";
    let denied = "<Error><Code>AccessDenied</Code><Message>No.</Message></Error>";
    let server = Server::start(vec![
        Say("200 OK", id),
        Say("403 Forbidden", denied),
        OK,
        Say("204 No Content", ""),
    ]);
    let mut writer = server.storage(&[]).create("a").unwrap();
    writer.write_all(&vec![1; 8 << 20]).unwrap();
    let error = writer.write_all(b"x").and_then(|()| writer.finish().map_err(Into::into));
    let error = crate::Error::from_io(error.unwrap_err(), "write", "x");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(server.requests()[3], "DELETE /bucket/a?uploadId=up");
}

#[test]
fn nobody_there_is_an_error_after_the_time_for_retries() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = Server { port, seen: Arc::default(), thread: None };
    let storage = gone.storage(&[("riverkeeper.storage.retry.timeout", "50 ms")]);
    let error = storage.size("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let text = error.to_string().replace(&port.to_string(), "PORT");
    expect!["cannot read s3://bucket/a: HTTP error: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111); check that the address is right and that the storage is up and reachable"].assert_eq(&text);
}

#[test]
fn silence_is_an_error_after_the_time_of_a_request() {
    let server = Server::start(vec![Silence]);
    let storage = server.storage(&[
        ("riverkeeper.storage.retry.timeout", "1 ms"),
        ("riverkeeper.storage.request-timeout", "100 ms"),
    ]);
    assert_eq!(storage.put("a", b"x").unwrap_err().kind(), ErrorKind::Unreachable);
}

/// Encryption is there and set up: a server that hangs up in the handshake is an error of the
/// network, not one of the client's.
#[test]
fn encrypted_connections_are_tried() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut hello = [0; 3];
        stream.read_exact(&mut hello).unwrap();
        hello
    });
    let endpoint = format!("127.0.0.1:{port}");
    let nobody = Server { port, seen: Arc::default(), thread: None };
    let storage = nobody
        .storage(&[("s3.endpoint", &endpoint), ("riverkeeper.storage.retry.timeout", "1 ms")]);
    let error = storage.size("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    // A handshake record of TLS.
    assert_eq!(server.join().unwrap()[..2], [0x16, 3]);
}

#[test]
fn errors_say_what_to_do() {
    let answers = [
        Say("404 Not Found", "<Error><Code>NoSuchBucket</Code><Message>m</Message></Error>"),
        Say("404 Not Found", "<Error><Code>NoSuchKey</Code><Message>m</Message></Error>"),
        Say(
            "403 Forbidden",
            "<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message></Error>",
        ),
        Say("400 Bad Request", "<Error><Code>ExpiredToken</Code><Message>m</Message></Error>"),
        Say("507 Insufficient Storage", "<Error><Code>XMinioStorageFull</Code></Error>"),
        Say("301 Moved Permanently", "<Error><Code>PermanentRedirect</Code></Error>"),
        Say("418 Teapot", "short and stout"),
    ];
    let mut text = String::new();
    for answer in answers {
        let server = Server::start(vec![answer]);
        let error = server.storage(&[]).put("a", b"x").unwrap_err();
        let line = format!("{:?}: {error}\n", error.kind());
        text.push_str(&line.replace(&server.port.to_string(), "PORT"));
    }
    expect![[r#"
        NotFound: cannot write s3://bucket/a: there is no bucket 'bucket'; create the bucket, or correct the URI or s3.endpoint
        NotFound: cannot write s3://bucket/a: there is no such object
        PermissionDenied: cannot write s3://bucket/a: m (SignatureDoesNotMatch); check s3.access-key and s3.secret-key
        PermissionDenied: cannot write s3://bucket/a: m (ExpiredToken); check the credentials and that this user may read, write and delete there
        Full: cannot write s3://bucket/a: XMinioStorageFull; free space there, raise the quota, or configure another place
        Other: cannot write s3://bucket/a: Received redirect without LOCATION, this normally indicates an incorrectly configured region; set s3.region to the region of the bucket
        Other: cannot write s3://bucket/a: Server returned non-2xx status code: 418 I'm a teapot: short and stout
    "#]].assert_eq(&text);
}

#[test]
fn secrets_are_not_shown() {
    let storage = Server { port: 1, seen: Arc::default(), thread: None }.storage(&[]);
    let text = format!("{storage:?}");
    assert!(!text.contains("secret"), "{text}");
}
