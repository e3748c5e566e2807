use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::disk::Disk;
use crate::sim::SimDisk;
use crate::{Error, Zxid};

mod crash;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(0x42), any::<u8>()], 0..600),
        with_header in any::<bool>(),
    ) {
        let disk = SimDisk::new();
        let mut file = if with_header { HEADER.to_vec() } else { Vec::new() };
        file.extend_from_slice(&bytes);
        disk.put(&folder().join("log.1"), file);
        if let Ok((found, end)) = read(&disk, 0) {
            prop_assert!(found.is_empty());
            if let Some(tail) = end.torn {
                cut_tail(&disk, &tail).unwrap();
                prop_assert_eq!(read(&disk, 0).unwrap().1.torn, None);
            }
        }
        verify(&disk, &folder()).unwrap();
    }

    #[test]
    fn changed_logs_give_a_beginning_of_what_was_written(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let disk = SimDisk::new();
        write(&disk, 0, &[&[1, 2], &[3], &[4, 5, 6]]);
        damage(&disk, "log.1", |bytes| {
            let len = bytes.len();
            changes.iter().for_each(|(at, byte)| bytes[at.index(len)] = *byte);
            if let Some(cut) = cut {
                bytes.truncate(cut.index(len));
            }
        });
        if let Ok((found, _)) = read(&disk, 0) {
            prop_assert_eq!(&found, &(1..=found.len() as i64).collect::<Vec<_>>());
        }
    }
}

/// A transaction with a header and `len` bytes of its own.
fn txn(zxid: Zxid, len: usize) -> Vec<u8> {
    let mut txn = Vec::with_capacity(entry::HEADER_LEN + len);
    txn.extend_from_slice(&7i64.to_be_bytes());
    txn.extend_from_slice(&1i32.to_be_bytes());
    txn.extend_from_slice(&zxid.0.to_be_bytes());
    txn.extend_from_slice(&1_700_000_000_000i64.to_be_bytes());
    txn.extend_from_slice(&1i32.to_be_bytes());
    txn.extend((0..len).map(|at| (zxid.0 as usize * 31 + at) as u8));
    txn
}

fn folder() -> PathBuf {
    PathBuf::from("version-2")
}

fn options(preallocate: u64) -> LogOptions {
    LogOptions { preallocate, ..LogOptions::default() }
}

fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

/// Writes transactions of 50 bytes, one batch for each list.
fn write(disk: &SimDisk, after: i64, batches: &[&[i64]]) -> LogWriter {
    let mut writer = LogWriter::new(shared(disk), &folder(), Zxid(after), options(0));
    for batch in batches {
        for zxid in *batch {
            writer.append(Zxid(*zxid), &txn(Zxid(*zxid), 50)).unwrap();
        }
        writer.commit().unwrap();
    }
    writer
}

fn read(disk: &SimDisk, after: i64) -> Result<(Vec<i64>, LogEnd), Error> {
    let mut replay = Replay::open(shared(disk), &folder(), Zxid(after))?;
    let mut found = Vec::new();
    while replay.advance()? {
        let head = replay.head().unwrap();
        assert!(replay.txn() == txn(head.zxid, replay.txn().len() - entry::HEADER_LEN));
        found.push(head.zxid.0);
    }
    Ok((found, replay.finish()?))
}

/// What reading says, in words.
fn check(disk: &SimDisk, after: i64, expected: Expect) {
    let text = match read(disk, after) {
        Err(error) => format!("{error}\n"),
        Ok((found, end)) => {
            let mut text = format!("{found:?}\n");
            for tail in &end.notes {
                text.push_str(&format!("noted: {tail}\n"));
            }
            if let Some(tail) = &end.torn {
                text.push_str(&format!("torn: {tail}\n"));
            }
            text
        }
    };
    expected.assert_eq(&text);
}

fn damage(disk: &SimDisk, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = folder().join(name);
    let mut bytes = disk.contents(&path).unwrap();
    change(&mut bytes);
    disk.put(&path, bytes);
}

const ENTRY: usize = 50 + 32 + 13;

#[test]
fn a_closed_log_is_header_and_entries() {
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1], &[2, 3]]).roll().unwrap();
    let bytes = disk.contents(&folder().join("log.1")).unwrap();
    let mut expected = b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
    for zxid in 1..=3 {
        entry::append(&mut expected, &txn(Zxid(zxid), 50));
    }
    assert_eq!(bytes, expected);
    check(
        &disk,
        0,
        expect![[r#"
        [1, 2, 3]
    "#]],
    );
}

#[test]
fn a_log_in_use_ends_with_zeros_for_every_reader() {
    for preallocate in [0, 1 << 16] {
        let disk = SimDisk::new();
        let options = options(preallocate);
        let mut writer = LogWriter::new(shared(&disk), &folder(), Zxid(0), options);
        let preallocator = writer.preallocator();
        for zxid in 1..300 {
            writer.append(Zxid(zxid), &txn(Zxid(zxid), 50)).unwrap();
            writer.commit().unwrap();
            let bytes = disk.contents(&folder().join("log.1")).unwrap();
            let end = 16 + zxid as usize * ENTRY;
            assert_eq!(bytes[end..end + 12], [0; 12], "after {zxid}");
            while preallocator.step() {}
        }
        assert_eq!(read(&disk, 0).unwrap().0.len(), 299);
    }
}

#[test]
fn a_spare_becomes_the_next_log() {
    let disk = SimDisk::new();
    let mut writer = LogWriter::new(shared(&disk), &folder(), Zxid(0), options(1 << 16));
    let preallocator = writer.preallocator();
    for zxid in 1..=3 {
        while preallocator.step() {}
        assert!(disk.exists(&folder().join("preallocated.tmp")));
        writer.append(Zxid(zxid), &txn(Zxid(zxid), 50)).unwrap();
        writer.commit().unwrap();
        assert!(!disk.exists(&folder().join("preallocated.tmp")));
        writer.roll().unwrap();
    }
    check(
        &disk,
        0,
        expect![[r#"
        [1, 2, 3]
    "#]],
    );
    let mut names = disk.list(&folder()).unwrap();
    names.sort();
    assert_eq!(names, ["log.1", "log.2", "log.3"]);
}

#[test]
fn reading_starts_after_a_snapshot() {
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1, 2, 3]]).roll().unwrap();
    write(&disk, 3, &[&[4, 5]]).roll().unwrap();
    write(&disk, 5, &[&[0x1_0000_0001, 0x1_0000_0002]]).roll().unwrap();
    assert_eq!(read(&disk, 0).unwrap().0, [1, 2, 3, 4, 5, 0x1_0000_0001, 0x1_0000_0002]);
    assert_eq!(read(&disk, 4).unwrap().0, [5, 0x1_0000_0001, 0x1_0000_0002]);
    assert_eq!(read(&disk, 0x1_0000_0002).unwrap().0, [0; 0]);
    assert_eq!(read(&disk, 0x1_0000_0002).unwrap().1.last, Zxid(0x1_0000_0002));
}

#[test]
fn a_torn_end_of_the_newest_file_is_cut_and_reported() {
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1, 2], &[3]]);
    // As in a log that Apache has preallocated: garbage, then zeros.
    damage(&disk, "log.1", |bytes| {
        bytes.truncate(16 + 3 * ENTRY);
        bytes[16 + 2 * ENTRY + 40] ^= 1;
        bytes.resize(4096, 0);
    });
    check(
        &disk,
        0,
        expect![[r#"
        [1, 2]
        torn: version-2/log.1: 95 bytes from offset 206 cut, after zxid 0x2: a write that a crash has torn (an entry whose checksum is wrong)
    "#]],
    );
    let tail = read(&disk, 0).unwrap().1.torn.unwrap();
    cut_tail(&disk, &tail).unwrap();
    write(&disk, 2, &[&[3]]);
    check(
        &disk,
        0,
        expect![[r#"
        [1, 2, 3]
    "#]],
    );
}

#[test]
fn damage_before_what_was_durable_is_refused() {
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1], &[2], &[3]]);
    damage(&disk, "log.1", |bytes| bytes[16 + 40] ^= 1);
    check(
        &disk,
        0,
        expect![[r#"
        version-2/log.1 is damaged at offset 16: an entry whose checksum is wrong; all before offset 206 was durable once, so this is no torn write; nothing was changed: `keeper log verify version-2` lists all damage. In an ensemble, move version-2 away and start: the leader sends a snapshot. Alone, restore a backup, or `keeper log repair version-2/log.1` keeps what is sound
    "#]],
    );
    // Also where nothing sound is left after it: the mark knows.
    damage(&disk, "log.1", |bytes| bytes[16..16 + 3 * ENTRY].fill(0));
    assert!(read(&disk, 0).unwrap_err().damage().is_some());
    // And without marks.
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1], &[2], &[3]]).roll().unwrap();
    damage(&disk, "log.1", |bytes| bytes[16 + ENTRY + 40] ^= 1);
    check(
        &disk,
        0,
        expect![[r#"
        version-2/log.1 is damaged at offset 111, after zxid 0x1: an entry whose checksum is wrong, with a sound entry after it: zxid 0x3 at 206; nothing was changed: `keeper log verify version-2` lists all damage. In an ensemble, move version-2 away and start: the leader sends a snapshot. Alone, restore a backup, or `keeper log repair version-2/log.1` keeps what is sound
    "#]],
    );
}

#[test]
fn damage_in_the_last_write_is_torn_with_all_of_it() {
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1], &[2, 3, 4]]);
    damage(&disk, "log.1", |bytes| bytes[16 + ENTRY + 40] ^= 1);
    check(
        &disk,
        0,
        expect![[r#"
        [1]
        torn: version-2/log.1: 285 bytes from offset 111 cut, after zxid 0x1: a write that a crash has torn (an entry whose checksum is wrong), with 2 unacknowledged transactions from 0x3 to 0x4
    "#]],
    );
}

#[test]
fn damage_in_an_older_file_is_refused() {
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1, 2, 3]]).roll().unwrap();
    write(&disk, 3, &[&[4]]).roll().unwrap();
    let sound = disk.contents(&folder().join("log.1")).unwrap();
    // A checksum, a missing end, a missing entry, a header.
    let changes: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes[16 + 2 * ENTRY + 40] ^= 1,
        |bytes| *bytes.last_mut().unwrap() = 0,
        |bytes| bytes.truncate(16 + 2 * ENTRY),
        |bytes| bytes[0] = b'X',
    ];
    for change in changes {
        damage(&disk, "log.1", change);
        let error = read(&disk, 0).unwrap_err();
        assert!(error.damage().is_some(), "{error}");
        disk.put(&folder().join("log.1"), sound.clone());
    }
    assert_eq!(read(&disk, 0).unwrap().0, [1, 2, 3, 4]);
}

#[test]
fn what_apache_left_torn_in_an_older_file_is_noted() {
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1, 2, 3]]).roll().unwrap();
    damage(&disk, "log.1", |bytes| bytes.truncate(16 + 3 * ENTRY - 20));
    write(&disk, 2, &[&[3, 4]]).roll().unwrap();
    check(
        &disk,
        0,
        expect![[r#"
        [1, 2, 3, 4]
        noted: version-2/log.1: 75 bytes from offset 206 cut, after zxid 0x2: a write that a crash has torn (the file ends within an entry)
    "#]],
    );
}

#[test]
fn missing_and_repeated_numbers_are_refused() {
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1, 2, 4]]).roll().unwrap();
    check(
        &disk,
        0,
        expect![[r#"
        version-2/log.1 is damaged at offset 206, after zxid 0x2: zxid 0x4 after 0x2: transactions from 0x3 on are missing; nothing was changed: `keeper log verify version-2` lists all damage. In an ensemble, move version-2 away and start: the leader sends a snapshot. Alone, restore a backup, or `keeper log repair version-2/log.1` keeps what is sound
    "#]],
    );
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1, 2]]).roll().unwrap();
    write(&disk, 2, &[&[3]]).roll().unwrap();
    write(&disk, 3, &[&[4]]).roll().unwrap();
    disk.remove(&folder().join("log.3")).unwrap();
    assert!(read(&disk, 0).unwrap_err().damage().is_some());
    // A snapshot covers the hole.
    assert_eq!(read(&disk, 3).unwrap().0, [4]);
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1, 2, 3]]).roll().unwrap();
    write(&disk, 2, &[&[3, 4]]).roll().unwrap();
    disk.rename(&folder().join("log.3"), &folder().join("log.4")).unwrap();
    assert!(read(&disk, 0).unwrap_err().to_string().contains("numbers go back"));
}

#[test]
fn an_empty_newest_file_is_removed() {
    for bytes in [vec![], vec![0; 16], b"ZKLG\0\0".to_vec(), vec![0; 4096]] {
        let disk = SimDisk::new();
        write(&disk, 0, &[&[1, 2]]).roll().unwrap();
        disk.put(&folder().join("log.3"), bytes);
        let (found, end) = read(&disk, 0).unwrap();
        assert_eq!(found, [1, 2]);
        cut_tail(&disk, &end.torn.unwrap()).unwrap();
        assert!(!disk.exists(&folder().join("log.3")));
        assert_eq!(read(&disk, 0).unwrap().0, [1, 2]);
    }
}

#[test]
fn numbers_that_do_not_grow_are_refused_and_harmless() {
    let disk = SimDisk::new();
    let mut writer = write(&disk, 0, &[&[1, 2]]);
    let error = writer.append(Zxid(2), &txn(Zxid(2), 1)).unwrap_err();
    assert!(matches!(error, Error::OutOfOrder { last: Zxid(2), zxid: Zxid(2) }));
    writer.append(Zxid(3), &txn(Zxid(3), 50)).unwrap();
    writer.commit().unwrap();
    assert_eq!(read(&disk, 0).unwrap().0, [1, 2, 3]);
}

#[test]
fn a_failed_sync_is_fatal() {
    let disk = SimDisk::new();
    let mut writer = write(&disk, 0, &[&[1]]);
    disk.fail_sync_after(0);
    writer.append(Zxid(2), &txn(Zxid(2), 50)).unwrap();
    let error = writer.commit().unwrap_err();
    expect![[
        "cannot make version-2/log.1 durable: the disk has failed; what was not yet acknowledged \
         may be lost, so the server must stop"
    ]]
    .assert_eq(&error.to_string());
    assert!(matches!(writer.commit(), Err(Error::Stopped)));
    assert!(matches!(writer.append(Zxid(3), &txn(Zxid(3), 1)), Err(Error::Stopped)));
}

#[test]
fn a_full_disk_ends_the_filling_and_then_the_writer() {
    let disk = SimDisk::new();
    let mut writer = LogWriter::new(shared(&disk), &folder(), Zxid(0), options(1 << 16));
    let preallocator = writer.preallocator();
    writer.append(Zxid(1), &txn(Zxid(1), 50)).unwrap();
    writer.commit().unwrap();
    disk.set_capacity(20_000);
    while preallocator.step() {}
    assert!(preallocator.take_error().unwrap().to_string().starts_with("cannot preallocate"));
    let mut last = 1;
    let error = loop {
        writer.append(Zxid(last + 1), &txn(Zxid(last + 1), 50)).unwrap();
        match writer.commit() {
            Ok(_) => last += 1,
            Err(error) => break error,
        }
    };
    assert!(error.to_string().starts_with("cannot preallocate version-2/log.1"), "{error}");
    assert!(last > 150, "space for {last}");
    assert_eq!(read(&disk, 0).unwrap().1.last, Zxid(last));
}

#[test]
fn files_are_rolled_by_size() {
    let disk = SimDisk::new();
    let options = LogOptions { size_limit: Some(200), ..options(0) };
    let mut writer = LogWriter::new(shared(&disk), &folder(), Zxid(0), options);
    for zxid in 1..=6 {
        writer.append(Zxid(zxid), &txn(Zxid(zxid), 50)).unwrap();
        writer.commit().unwrap();
    }
    let mut names = disk.list(&folder()).unwrap();
    names.sort();
    assert_eq!(names, ["log.1", "log.3", "log.5"]);
    assert_eq!(read(&disk, 0).unwrap().0, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn batches_end_as_apache_ends_them() {
    let ms = Duration::from_millis;
    let policy = FlushPolicy::default();
    assert_eq!(policy.wait(ms(0)), ms(0));
    assert!(!policy.is_complete(999, ms(60_000)));
    assert!(policy.is_complete(1000, ms(0)));
    let policy = FlushPolicy::new(ms(30));
    assert_eq!(
        (policy.wait(ms(0)), policy.wait(ms(25)), policy.wait(ms(31))),
        (ms(10), ms(5), ms(0))
    );
    assert!(!policy.is_complete(1, ms(29)));
    assert!(policy.is_complete(1, ms(30)));
}

#[test]
fn the_thread_answers_in_order_and_once_for_all_that_wait() {
    let disk = SimDisk::new();
    let writer = LogWriter::new(shared(&disk), &folder(), Zxid(0), options(1 << 16));
    let (events, heard) = channel();
    let tell = move |event| events.send(event).unwrap();
    let thread = LogThread::start(writer, FlushPolicy::default(), tell).unwrap();
    for zxid in 1..=2500 {
        assert!(thread.send(LogRequest::Append { zxid: Zxid(zxid), txn: txn(Zxid(zxid), 50) }));
        if zxid == 1200 {
            assert!(thread.send(LogRequest::Roll));
        }
    }
    thread.close();
    let mut last = Zxid(0);
    let (mut txns, mut rolled) = (0, Vec::new());
    for event in heard {
        match event {
            LogEvent::Durable(commit) => {
                assert!(commit.zxid >= last && commit.txns <= 1000);
                last = commit.zxid;
                txns += commit.txns;
            }
            LogEvent::Rolled(commit) => {
                rolled.push(commit.zxid);
                txns += commit.txns;
            }
            LogEvent::Failed(error) => panic!("{error}"),
        }
    }
    assert_eq!((last, txns, rolled), (Zxid(2500), 2500, vec![Zxid(1200)]));
    assert_eq!(read(&disk, 0).unwrap().1.entries, 2500);
}

#[test]
fn the_thread_says_that_the_disk_has_failed_and_ends() {
    let disk = SimDisk::new();
    let writer = LogWriter::new(shared(&disk), &folder(), Zxid(0), options(0));
    let (events, heard) = channel();
    let tell = move |event| events.send(event).unwrap();
    disk.fail_sync_after(3);
    let thread = LogThread::start(writer, FlushPolicy::default(), tell).unwrap();
    let mut zxid = 0;
    while thread.send(LogRequest::Flush) {
        zxid += 1;
        thread.send(LogRequest::Append { zxid: Zxid(zxid), txn: txn(Zxid(zxid), 50) });
    }
    thread.close();
    let events: Vec<LogEvent> = heard.iter().collect();
    let (last, before) = events.split_last().unwrap();
    assert!(matches!(last, LogEvent::Failed(Error::NotDurable { .. })), "{last:?}");
    let durable = before.iter().filter_map(|event| match event {
        LogEvent::Durable(commit) => Some(commit.zxid),
        _ => None,
    });
    assert!(durable.max().unwrap() <= read(&disk, 0).unwrap().1.last);
}

#[test]
fn lengths_that_lie_reserve_no_memory() {
    let disk = SimDisk::new();
    for len in [i32::MAX, 1 << 30, -1, -2, i32::MIN, 1, 31] {
        write(&disk, 0, &[&[1]]).roll().unwrap();
        damage(&disk, "log.1", |bytes| bytes[24..28].copy_from_slice(&len.to_be_bytes()));
        let path = Path::new("version-2/log.1");
        let mut reader = LogFileReader::open(&disk, path).unwrap();
        assert!(!reader.advance().unwrap());
    }
}

#[test]
fn a_damaged_log_is_repaired_up_to_the_damage() {
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1], &[2], &[3]]).roll().unwrap();
    let path = folder().join("log.1");
    damage(&disk, "log.1", |bytes| bytes[16 + ENTRY + 40] ^= 1);
    let damaged = disk.contents(&path);
    let repaired = repair(&disk, &path).unwrap();
    assert_eq!((repaired.last, repaired.dropped), (Some(Zxid(1)), 2 * ENTRY as u64));
    assert_eq!(disk.contents(&repaired.damaged), damaged);
    assert_eq!(read(&disk, 0).unwrap().0, [1]);
    assert!(matches!(repair(&disk, &path), Err(Error::Refused(_))));
    // Nothing is sound: nothing is left.
    let disk = SimDisk::new();
    disk.put(&path, vec![1; 100]);
    assert_eq!(repair(&disk, &path).unwrap().last, None);
    assert!(read(&disk, 0).unwrap().0.is_empty());
}

#[test]
fn all_damage_of_a_folder_is_listed() {
    let disk = SimDisk::new();
    write(&disk, 0, &[&[1, 2, 3]]).roll().unwrap();
    write(&disk, 3, &[&[4], &[5]]).roll().unwrap();
    write(&disk, 6, &[&[7, 9], &[10]]);
    damage(&disk, "log.4", |bytes| bytes[16 + 40] ^= 1);
    damage(&disk, "log.7", |bytes| bytes[16 + 2 * ENTRY + 40] ^= 1);
    let mut text = String::new();
    for report in verify(&disk, &folder()).unwrap() {
        let end = match report.end {
            FileEnd::Clean => "clean".to_owned(),
            FileEnd::Torn(tail) => format!("torn at {}", tail.offset),
            FileEnd::Damaged(damage) => format!("damaged at {}", damage.offset),
        };
        let FileReport { file, entries, zxids, gaps, .. } = report;
        text.push_str(&format!("{} {entries} {zxids:?} {gaps:?} {end}\n", file.display()));
    }
    expect![[r#"
        version-2/log.1 3 Some((Zxid(0x1), Zxid(0x3))) [] clean
        version-2/log.4 0 None [] damaged at 16
        version-2/log.7 2 Some((Zxid(0x7), Zxid(0x9))) [(Zxid(0x3), Zxid(0x7)), (Zxid(0x7), Zxid(0x9))] torn at 206
    "#]].assert_eq(&text);
}

#[test]
fn a_crash_while_the_log_goes_back_leaves_a_log() {
    use crate::layout::Layout;
    use crate::sim::Random;
    use crate::snapshot::{SnapshotWriter, WriteOptions};
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let disk = SimDisk::new();
        let layout = Layout::new(Path::new(""), None);
        write(&disk, 0, &[&[1, 2, 3]]).roll().unwrap();
        write(&disk, 3, &[&[4, 5, 6]]).roll().unwrap();
        write(&disk, 6, &[&[7, 8]]);
        for zxid in [0, 5, 7] {
            let (disk, options) = (shared(&disk), WriteOptions::default());
            let acls = [].into_iter();
            SnapshotWriter::begin(disk, &folder(), Zxid(zxid), options, &[], acls)
                .and_then(|writer| writer.finish(None, None))
                .unwrap();
        }
        disk.fail_sync_after(random.below(2) as u32);
        let done = truncate(&shared(&disk), &layout, Zxid(5));
        disk.crash(&mut random);
        let (found, end) = read(&disk, 0).unwrap();
        assert!((5..=8).contains(&end.last.0) && end.torn.is_none(), "seed {seed}: {end:?}");
        assert_eq!(found, (1..=end.last.0).collect::<Vec<_>>());
        // Again, as the leader will ask.
        let base = truncate(&shared(&disk), &layout, Zxid(5)).unwrap();
        assert_eq!((base, read(&disk, 0).unwrap().1.last), (Zxid(5), Zxid(5)), "seed {seed}");
        assert!(done.is_err() || end.last == Zxid(5), "seed {seed}: {done:?}");
    }
}
