//! Writes the inputs that fuzzing starts from, and dictionaries: `keeper_seeds CORPUS TESTDATA`.
//!
//! Seeds are the bytes that Apache's classes made; of files, what our own writers make of the
//! same transactions, and the smallest of Apache's. Called by `fuzz/run`; writes below CORPUS only.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use keeper_disk::log::{LogOptions, LogWriter};
use keeper_disk::sim::SimDisk;
use keeper_disk::snapshot::{Compression, Digest, SnapshotWriter, WriteOptions};
use zk_wire::acl::Acl;
use zk_wire::header::{ReplyHeader, RequestHeader};
use zk_wire::op_code::OpCode;
use zk_wire::stat::StatPersisted;
use zk_wire::{Jute, SessionId, Zxid};

const TARGETS: [&str; 6] = ["zk_request", "zk_reply", "zk_peer", "zk_txn", "zk_snapshot", "zk_log"];

/// Lengths and counts that decoders turn on, as libFuzzer's dictionaries write them.
const DICTIONARY: &str = r#"
"\xff\xff\xff\xff"
"\xff\xff\xff\xfe"
"\x7f\xff\xff\xff"
"\x80\x00\x00\x00"
"\x00\x00\x00\x01"
"\xff\xff\xff\xff\x01\xff\xff\xff\xff"
"\x00\x00\x00\x05world\x00\x00\x00\x06anyone"
"ZKSN\x00\x00\x00\x02\xff\xff\xff\xff\xff\xff\xff\xff"
"ZKLG\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00"
"\x00\x00\x00\x01/"
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
    let mut entries = Vec::new();
    for (number, words) in rows(&wire.join("txns.txt"))?.iter().enumerate() {
        entries.push(unhex(&words[0]));
        write(corpus, "zk_txn", &format!("{number}"), &entries[number])?;
    }
    files(corpus, Path::new(&testdata), &entries)?;
    for (number, words) in rows(&wire.join("notifications.txt"))?.iter().enumerate() {
        write(corpus, "zk_peer", &format!("vote-{number}"), &unhex(&words[1]))?;
    }
    Ok(())
}

/// Logs with some entries each, and snapshots of what they make. The first byte is the targets'.
fn files(corpus: &Path, testdata: &Path, entries: &[Vec<u8>]) -> io::Result<()> {
    let put = |target: &str, name: &str, first: u8, bytes: &[u8]| {
        let path = corpus.join(target).join(format!("seed-{name}"));
        fs::write(path, [&[first], bytes].concat())
    };
    for (number, entries) in entries.chunks(6).enumerate() {
        let disk = Arc::new(SimDisk::new());
        let folder = Path::new("log");
        let options = LogOptions { preallocate: 0, ..LogOptions::default() };
        let mut writer = LogWriter::new(disk.clone(), folder, Zxid(0), options);
        let mut framed = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let zxid = Zxid(index as i64 + 1);
            let mut entry = entry.clone();
            entry.resize(entry.len().max(32), 0);
            entry[12..20].copy_from_slice(&zxid.0.to_be_bytes());
            writer.append(zxid, &entry).map_err(io::Error::other)?;
            framed.push(entry.len().min(255) as u8);
            framed.extend_from_slice(&entry[..entry.len().min(255)]);
        }
        writer.commit().map_err(io::Error::other)?;
        let log = disk.contents(&folder.join("log.1")).unwrap_or_default();
        put("zk_log", &format!("whole-{number}"), 0, &log)?;
        put("zk_log", &format!("two-{number}"), 127, &log)?;
        put("zk_log", &format!("entries-{number}"), 2, &framed)?;
    }
    let apache = testdata.join("data/invalidsnap/version-2/snapshot.0.gz");
    put("zk_snapshot", "apache", 1, &fs::read(apache)?)?;
    for (first, method) in [(0, ""), (1, "gz"), (2, "snappy")] {
        let bytes = snapshot(Compression::of_option(method)).map_err(io::Error::other)?;
        put("zk_snapshot", &format!("ours-{first}"), first, &bytes)?;
    }
    Ok(())
}

/// A small snapshot with all parts.
fn snapshot(compression: Compression) -> keeper_disk::Result<Vec<u8>> {
    let disk = Arc::new(SimDisk::new());
    let folder = Path::new("data");
    let list = [Acl::open(), Acl::creator_all()];
    let sessions = [(SessionId(7), 30_000)];
    let lists = [(1, &list[..])].into_iter();
    let (zxid, options) = (Zxid(5), WriteOptions { compression });
    let mut writer = SnapshotWriter::begin(disk.clone(), folder, zxid, options, &sessions, lists)?;
    let stat = StatPersisted { czxid: zxid, ..StatPersisted::default() };
    for (path, acl) in [("", -1), ("/a", 1), ("/a/b", -1), ("/zookeeper", -1)] {
        writer.node(path, Some(b"data"), acl, &stat)?;
    }
    let file = writer.finish(Some(Digest { zxid, version: 2, digest: 1 }), Some(zxid))?;
    Ok(disk.contents(&folder.join(file.name)).unwrap_or_default())
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
