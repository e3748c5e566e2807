//! Writes the inputs that fuzzing starts from, and dictionaries: `keeper_seeds CORPUS TESTDATA`.
//!
//! Seeds are the bytes that Apache's classes made. Called by `fuzz/run`; writes below CORPUS only.

use std::fs;
use std::io;
use std::path::Path;

use zk_wire::Jute;
use zk_wire::header::{ReplyHeader, RequestHeader};
use zk_wire::op_code::OpCode;

const TARGETS: [&str; 4] = ["zk_request", "zk_reply", "zk_peer", "zk_txn"];

/// Lengths and counts that decoders turn on, as libFuzzer's dictionaries write them.
const DICTIONARY: &str = r#"
"\xff\xff\xff\xff"
"\xff\xff\xff\xfe"
"\x7f\xff\xff\xff"
"\x80\x00\x00\x00"
"\x00\x00\x00\x01"
"\xff\xff\xff\xff\x01\xff\xff\xff\xff"
"\x00\x00\x00\x05world\x00\x00\x00\x06anyone"
"#;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(corpus), Some(testdata)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: keeper_seeds CORPUS TESTDATA"));
    };
    let (corpus, wire) = (Path::new(&corpus), Path::new(&testdata).join("wire"));
    for target in TARGETS {
        fs::create_dir_all(corpus.join(target))?;
        fs::write(corpus.join(format!("{target}.dict")), DICTIONARY)?;
    }
    for (number, words) in rows(&wire.join("records.txt"))?.iter().enumerate() {
        records(corpus, number, &unhex(&words[2]))?;
    }
    for (number, words) in rows(&wire.join("multis.txt"))?.iter().enumerate() {
        multis(corpus, number, &unhex(&words[1]))?;
    }
    for (number, words) in rows(&wire.join("txns.txt"))?.iter().enumerate() {
        write(corpus, "zk_txn", &format!("{number}"), &unhex(&words[0]))?;
    }
    for (number, words) in rows(&wire.join("notifications.txt"))?.iter().enumerate() {
        write(corpus, "zk_peer", &format!("vote-{number}"), &unhex(&words[1]))?;
    }
    Ok(())
}

/// A record may be the body of any operation: each stands behind another one's header.
fn records(corpus: &Path, number: usize, bytes: &[u8]) -> io::Result<()> {
    let op = OpCode::ALL[number % OpCode::ALL.len()];
    write(corpus, "zk_request", &format!("{number}"), &request(op, bytes))?;
    write(corpus, "zk_reply", &format!("{number}"), &reply(op, bytes))?;
    write(corpus, "zk_request", &format!("bare-{number}"), bytes)?;
    write(corpus, "zk_reply", &format!("bare-{number}"), bytes)?;
    write(corpus, "zk_peer", &format!("bare-{number}"), bytes)
}

fn multis(corpus: &Path, number: usize, bytes: &[u8]) -> io::Result<()> {
    for op in [OpCode::Multi, OpCode::MultiRead] {
        write(corpus, "zk_request", &format!("{op}-{number}"), &request(op, bytes))?;
        write(corpus, "zk_reply", &format!("{op}-{number}"), &reply(op, bytes))?;
    }
    Ok(())
}

fn request(op: OpCode, body: &[u8]) -> Vec<u8> {
    let mut out = RequestHeader { xid: 1, op: op.code() }.to_bytes().to_vec();
    out.extend_from_slice(body);
    out
}

/// The target takes the operation from the place of the request's number.
fn reply(op: OpCode, body: &[u8]) -> Vec<u8> {
    let mut out = ReplyHeader { xid: op.code(), ..ReplyHeader::default() }.to_bytes().to_vec();
    out.extend_from_slice(body);
    out
}

fn write(corpus: &Path, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::write(corpus.join(target).join(format!("seed-{name}")), bytes)
}

/// The words of each line.
fn rows(path: &Path) -> io::Result<Vec<Vec<String>>> {
    let text = fs::read_to_string(path)?;
    Ok(text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect())
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}
