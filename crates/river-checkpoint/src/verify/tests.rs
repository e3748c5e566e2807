use std::io::{Seek, SeekFrom, Write};

use expect_test::expect;
use river_runtime::Batch;
use river_runtime::checkpoint::SubtaskState;

use super::*;
use crate::testing::*;

fn checkpoint(job: &Job) -> String {
    let rows: Vec<Row> = (0..6).map(|key| Row::new(key % 4, "some text that is long")).collect();
    let state = SubtaskState {
        in_flight: vec![(0, Batch::new(arrays(&rows[..2]), 2))],
        ..SubtaskState::default()
    };
    let chunks = rows.chunks(4).map(<[Row]>::to_vec).collect();
    job.complete(1, vec![job.snapshot(1, 0, &[("rows", chunks)], state).unwrap()])
}

#[test]
fn a_whole_checkpoint_is_whole() {
    let job = Job::new(16);
    let path = checkpoint(&job);
    let found = verify_at(&job.storage, &path).unwrap();
    assert!(found.is_whole());
    let text = found.to_string().replace(job.folder.path().to_str().unwrap(), "ROOT");
    expect![[r#"
        file://ROOT/0123456789abcdef0123456789abcdef/chk-1/_metadata
        read 1 file, 4.8 KiB, 8 rows
        everything is whole
    "#]]
    .assert_eq(&text);
}

/// Whatever happens to a file, it is found, and the file is named.
#[test]
fn every_damage_is_found() {
    for compression in [false, true] {
        let mut job = Job::new(16);
        job.compression = compression;
        let path = checkpoint(&job);
        let metadata = layout::read(job.storage.as_ref(), &path).unwrap();
        let vertex = &metadata.vertices[1];
        let stored = vertex.subtasks[0].rows.as_ref().unwrap();
        let file = format!("{}/state-1-0-0", job.chk(1));
        let whole = std::fs::read(&file).unwrap();
        let uri = job.storage.display(&file);
        let found = |what: &str| {
            let found = verify_file(&job.storage, &job.chk(1), stored, vertex);
            let error = found.err().unwrap_or_else(|| panic!("{what} is not found"));
            assert_eq!(error.kind(), crate::ErrorKind::Damaged, "{what}: {error}");
            assert!(error.to_string().contains(&uri), "{what}: {error}");
        };
        let mut handle = std::fs::File::options().write(true).open(&file).unwrap();
        let mut put = |at: usize, byte: u8| {
            handle.seek(SeekFrom::Start(at as u64)).unwrap();
            handle.write_all(&[byte]).unwrap();
        };
        // Compression changes nothing but the content of blocks.
        let step = if compression { 13 } else { 1 };
        for at in (0..whole.len()).step_by(step) {
            put(at, whole[at] ^ (1 << (at % 8)));
            found(&format!("byte {at}"));
            put(at, whole[at]);
        }
        put(whole.len(), 0);
        found("a longer file");
        for length in (0..whole.len()).rev().step_by(7 * step) {
            handle.set_len(length as u64).unwrap();
            found(&format!("length {length}"));
        }
        std::fs::remove_file(&file).unwrap();
        found("a missing file");
    }
}

/// A file of another checkpoint under the same name is whole, but not the one that is meant.
#[test]
fn a_file_that_was_swapped_is_found() {
    let job = Job::new(16);
    let path = checkpoint(&job);
    let rows = vec![vec![Row::new(1, "another")]];
    job.snapshot(2, 0, &[("rows", rows)], SubtaskState::default()).unwrap();
    let file = |checkpoint| format!("{}/state-1-0-0", job.chk(checkpoint));
    std::fs::copy(file(2), file(1)).unwrap();
    assert!(!verify_at(&job.storage, &path).unwrap().is_whole());
}

/// A file whose index was changed, with a checksum that fits.
fn with_index(whole: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> StateFile {
    let trailer = crate::file::Trailer::decode(whole, "file").unwrap();
    let end = whole.len() - crate::file::TRAILER_BYTES;
    let start = end - trailer.index_bytes as usize;
    let mut index = whole[start..end].to_vec();
    change(&mut index);
    let trailer = crate::file::Trailer {
        index_bytes: index.len() as u64,
        index_crc32c: crc32c::crc32c(&index),
    };
    StateFile::Inline([&whole[..start], &index, &trailer.encode()].concat())
}

/// Runs what may panic inside of a library, where it is caught, without printing that.
fn quietly(work: impl FnOnce()) {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    work();
    std::panic::set_hook(hook);
}

/// Numbers that look random.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 11u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % below
    }
}

/// Indexes that pass their checksum, as no writer of ours makes them: refused, no panic.
#[test]
fn any_index_is_read_or_refused() {
    let job = Job::new(16);
    checkpoint(&job);
    let whole = std::fs::read(format!("{}/state-1-0-0", job.chk(1))).unwrap();
    let vertex = &job.metadata(1, vec![Default::default()]).vertices[1];
    let mut next = numbers();
    quietly(|| {
        for _ in 0..2000 {
            let file = with_index(&whole, |index| {
                for _ in 0..1 + next(3) {
                    let at = next(index.len());
                    index[at] = next(256) as u8;
                }
            });
            // The storage is not asked for what is inside the metadata.
            let _ = verify_file(&job.storage, "", &file, vertex);
        }
    });
}

/// The same for blocks.
#[test]
fn any_block_is_read_or_refused() {
    for compression in [false, true] {
        let mut job = Job::new(16);
        job.compression = compression;
        checkpoint(&job);
        let whole = std::fs::read(format!("{}/state-1-0-0", job.chk(1))).unwrap();
        let vertex = &job.metadata(1, vec![Default::default()]).vertices[1];
        let file = StateFile::Inline(whole.clone());
        let file = SubtaskFile::open(&job.storage, "", &file).unwrap();
        let block = file.index().blocks[0].clone();
        let mut next = numbers();
        quietly(|| {
            for _ in 0..500 {
                let mut damaged = whole.clone();
                let bytes = &mut damaged[block.bytes.start as usize..block.bytes.end as usize];
                for _ in 0..1 + next(3) {
                    let at = next(bytes.len());
                    bytes[at] = [0, 1, 0x7f, 0xff, next(256) as u8][next(5)];
                }
                let (old, new) = (block.crc32c.to_le_bytes(), crc32c::crc32c(bytes).to_le_bytes());
                let file = with_index(&damaged, |index| {
                    let at = index.windows(4).position(|word| word == old).unwrap();
                    index[at..at + 4].copy_from_slice(&new);
                });
                let _ = verify_file(&job.storage, "", &file, vertex);
            }
        });
    }
}
