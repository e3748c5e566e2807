//! The contract on S3, against moto's server.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use river_storage::{ErrorKind, open};

use crate::contract;
use crate::services::{Service, answers, free_port, installed, program, skipped};

/// The server with one bucket.
struct Moto {
    _service: Service,
    port: u16,
}

impl Moto {
    fn start() -> Option<Moto> {
        let port = free_port();
        let mut command = Command::new(moto_server()?);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let mut service = Service::start(command, tempfile::tempdir().unwrap());
        service.wait_until(|_| answers(port));
        let moto = Moto { _service: service, port };
        let answer = moto.request("PUT /bucket");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        Some(moto)
    }

    /// A request that needs no signature here.
    fn request(&self, line: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        let head = "Host: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        write!(stream, "{line} HTTP/1.1\r\n{head}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn options(&self) -> BTreeMap<String, String> {
        [
            ("s3.endpoint", format!("http://localhost:{}", self.port).as_str()),
            ("s3.path.style.access", "true"),
            ("s3.access-key", "test"),
            ("s3.secret-key", "test"),
            ("s3.region", "us-east-1"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into()
    }
}

fn moto_server() -> Option<PathBuf> {
    let own = installed().join("python/bin/moto_server");
    if own.is_file() { Some(own) } else { program("moto_server") }
}

#[test]
fn moto() {
    let Some(moto) = Moto::start() else {
        return skipped("S3: there is no moto_server; scripts/test-services installs it");
    };
    let options = moto.options();
    contract::check("s3://bucket/some/folder", &options);
    contract::check("s3a://bucket", &options);

    // What was written under one spelling is there under the other.
    let (s3, path) = open("s3://bucket/x/object", &options).unwrap();
    s3.put(&path, b"x").unwrap();
    let (s3a, path) = open("s3a://bucket//x/object", &options).unwrap();
    assert_eq!(s3a.read(&path).unwrap(), b"x");

    // An upload that was given up leaves no parts.
    let mut writer = s3.create("x/upload").unwrap();
    writer.write_all(&vec![7; 20 << 20]).unwrap();
    assert!(moto.request("GET /bucket?uploads").contains("<Key>x/upload</Key>"));
    drop(writer);
    assert!(!moto.request("GET /bucket?uploads").contains("<Key>x/upload</Key>"));

    let (none, path) = open("s3://no-such-bucket/x", &options).unwrap();
    let error = none.put(&path, b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no bucket 'no-such-bucket'"), "{error}");
}
