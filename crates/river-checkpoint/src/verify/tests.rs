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

/// Indexes that pass their checksum, as no writer of ours makes them: refused, no panic.
#[test]
fn any_index_is_read_or_refused() {
    let job = Job::new(16);
    checkpoint(&job);
    let whole = std::fs::read(format!("{}/state-1-0-0", job.chk(1))).unwrap();
    let trailer = crate::file::Trailer::decode(&whole, "file").unwrap();
    let end = whole.len() - crate::file::TRAILER_BYTES;
    let start = end - trailer.index_bytes as usize;
    let mut random = 11u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize % below
    };
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for _ in 0..2000 {
        let mut index = whole[start..end].to_vec();
        for _ in 0..1 + next(3) {
            let at = next(index.len());
            index[at] = next(256) as u8;
        }
        let trailer = crate::file::Trailer {
            index_bytes: index.len() as u64,
            index_crc32c: crc32c::crc32c(&index),
        };
        let bytes = [&whole[..start], &index, &trailer.encode()].concat();
        let vertex = &job.metadata(1, vec![Default::default()]).vertices[1];
        let file = StateFile::Inline(bytes);
        // The storage is not asked for what is inside the metadata.
        let _ = verify_file(&job.storage, "", &file, vertex);
    }
    std::panic::set_hook(hook);
}
