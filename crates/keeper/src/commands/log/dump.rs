//! Prints transactions.

use std::io::{BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Result;
use bytes::Bytes;
use keeper_disk::disk::RealDisk;
use keeper_disk::log::LogFileReader;
use keeper_disk::{FileKind, FileName};
use zk_wire::Jute;
use zk_wire::txn::TxnEntry;

use super::{Dump, entry};
use crate::commands::files::{Files, is_below, utc};

/// Dumps all that is asked for. Exit code 1 where a file ends in what is no sound entry.
pub(super) fn run(dump: &Dump, out: &mut dyn Write) -> Result<ExitCode> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    match print(dump, &mut out) {
        Ok(code) => {
            out.flush()?;
            Ok(code)
        }
        // Whoever reads has seen enough.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let found = error.downcast_ref::<std::io::Error>();
    found.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn print(dump: &Dump, out: &mut dyn Write) -> Result<ExitCode> {
    let files = Files::find(&dump.path, FileKind::Log)?;
    let mut code = ExitCode::SUCCESS;
    let wanted = wanted(dump, &files.names);
    for path in files.paths().skip(wanted.start).take(wanted.len()) {
        let mut reader = LogFileReader::open(&RealDisk, &path)?;
        if !dump.json {
            writeln!(out, "ZooKeeper Transactional Log File {}", path.display())?;
        }
        let mut count = 0u64;
        while reader.advance()? {
            count += 1;
            let Some(head) = reader.head() else { continue };
            if dump.to.is_some_and(|to| head.zxid.0 > to) {
                break;
            }
            let too_early = dump.from.is_some_and(|from| head.zxid.0 < from);
            if too_early || dump.session.is_some_and(|session| head.client_id.0 != session) {
                continue;
            }
            print_entry(dump, &reader, out)?;
        }
        let trouble = reader.trouble();
        if let Some(trouble) = &trouble {
            code = ExitCode::FAILURE;
            eprintln!("{}: {trouble} at offset {}", path.display(), reader.offset());
        }
        if !dump.json && trouble.is_none() {
            writeln!(out, "EOF reached after {count} txns.")?;
        }
    }
    Ok(code)
}

/// Files that may hold what is asked for, going by their names.
fn wanted(dump: &Dump, names: &[FileName]) -> std::ops::Range<usize> {
    let from =
        dump.from.map_or(0, |from| names.iter().rposition(|name| name.zxid.0 <= from).unwrap_or(0));
    let to = dump.to.map_or(names.len(), |to| {
        names.iter().position(|name| name.zxid.0 > to).unwrap_or(names.len())
    });
    // One file is looked into whatever its name.
    if names.len() == 1 { 0..1 } else { from..to.max(from) }
}

fn print_entry(dump: &Dump, reader: &LogFileReader, out: &mut dyn Write) -> Result<()> {
    let bytes = Bytes::copy_from_slice(reader.txn());
    let (offset, path) = (reader.offset(), reader.path().display());
    let entry = match TxnEntry::from_bytes(&bytes) {
        Ok(entry) => entry,
        Err(error) => {
            eprintln!("{path}: the transaction at offset {offset} cannot be read: {error}");
            return Ok(());
        }
    };
    let shown = dump.paths.is_empty()
        || entry::paths(&entry.txn).iter().any(|path| is_below(path, &dump.paths));
    if !shown {
        return Ok(());
    }
    if dump.json {
        writeln!(out, "{}", entry::json(&entry))?;
        return Ok(());
    }
    let header = &entry.header;
    writeln!(
        out,
        "{} session {} cxid 0x{:x} zxid {} {} {}",
        utc(header.time),
        header.client_id,
        header.cxid,
        header.zxid,
        entry.txn.op(),
        entry::text(&entry.txn),
    )?;
    Ok(())
}
