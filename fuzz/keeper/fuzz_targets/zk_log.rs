//! Transaction logs on disk, as a server replays them at its start. The input's first byte chooses:
//! bytes of one file, bytes of two, or entries for which the frames are made right.
//!
//! A log is replayed to its end or refused at a place in it; a torn end, once cut, is gone; what
//! repair keeps is what was replayed before the damage; and no entry breaks the tree.

#![no_main]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use keeper_core::recover::Recovery;
use keeper_core::tree::{Tree, TreeOptions};
use keeper_disk::Zxid;
use keeper_disk::log::{LogOptions, LogWriter, Replay, cut_tail, repair, verify};
use keeper_disk::sim::SimDisk;
use libfuzzer_sys::fuzz_target;
use zk_wire::Jute;
use zk_wire::txn::TxnEntry;

const FOLDER: &str = "log";

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let disk = Arc::new(SimDisk::new());
    let folder = Path::new(FOLDER);
    match first % 3 {
        0 => disk.put(&folder.join("log.1"), bytes.to_vec()),
        1 => {
            let at = bytes.len() * usize::from(*first) / 256;
            disk.put(&folder.join("log.1"), bytes[..at].to_vec());
            disk.put(&folder.join("log.4"), bytes[at..].to_vec());
        }
        _ => framed(&disk, bytes),
    }
    verify(&*disk, folder).expect("the disk is sound");
    let first = replay(&disk);
    if let Ok((_, Some(tail))) = &first {
        cut_tail(&*disk, tail).unwrap();
    }
    match first {
        Ok((entries, _)) => {
            let (again, torn) = replay(&disk).expect("it was replayed before");
            assert_eq!(again, entries);
            assert_eq!(torn, None, "cut once");
        }
        Err(()) if first_byte_is_one_file(data) => {
            let Ok(repaired) = repair(&*disk, &folder.join("log.1")) else { return };
            // What is kept is free of damage, but may have gaps in its numbers.
            if repaired.last.is_some() {
                let reports = verify(&*disk, folder).unwrap();
                let sound = |report: &keeper_disk::log::FileReport| {
                    report.end == keeper_disk::log::FileEnd::Clean
                };
                assert!(reports.iter().filter(|report| report.file.ends_with("log.1")).all(sound));
            }
        }
        Err(()) => {}
    }
});

fn first_byte_is_one_file(data: &[u8]) -> bool {
    data[0] % 3 == 0
}

/// Entries of a length byte each, with right frames and rising numbers.
fn framed(disk: &Arc<SimDisk>, mut bytes: &[u8]) {
    let options = LogOptions { preallocate: 0, ..LogOptions::default() };
    let mut writer = LogWriter::new(disk.clone(), Path::new(FOLDER), Zxid(0), options);
    let mut zxid = 0_i64;
    while let Some((len, rest)) = bytes.split_first() {
        let (entry, rest) = rest.split_at(rest.len().min(usize::from(*len)));
        bytes = rest;
        zxid += 1;
        let mut txn = entry.to_vec();
        txn.resize(txn.len().max(32), 0);
        txn[12..20].copy_from_slice(&zxid.to_be_bytes());
        writer.append(Zxid(zxid), &txn).unwrap();
    }
    if zxid > 0 {
        writer.roll().unwrap();
    }
}

type Replayed = (Vec<Vec<u8>>, Option<keeper_disk::log::TornTail>);

/// All entries, applied to a tree as far as they can be.
fn replay(disk: &Arc<SimDisk>) -> Result<Replayed, ()> {
    let mut replay = Replay::open(disk.clone(), Path::new(FOLDER), Zxid(0)).map_err(refused)?;
    let mut recovery = Recovery::new(Tree::new(TreeOptions::default()), []);
    let mut entries = Vec::new();
    let mut is_sound = true;
    while replay.advance().map_err(refused)? {
        let txn = replay.txn();
        entries.push(txn.to_vec());
        let entry = TxnEntry::from_bytes(&Bytes::copy_from_slice(txn));
        // A server refuses to start with what it cannot read or apply.
        is_sound = is_sound && entry.is_ok_and(|entry| recovery.apply(&entry).is_ok());
    }
    let (tree, _) = recovery.finish();
    assert_eq!(tree.digest(), tree.digest_from_scratch());
    Ok((entries, replay.finish().map_err(refused)?.torn))
}

fn refused(error: keeper_disk::Error) {
    assert!(!error.to_string().is_empty());
    assert!(error.damage().is_some() || !matches!(error, keeper_disk::Error::Io { .. }), "{error}");
}
