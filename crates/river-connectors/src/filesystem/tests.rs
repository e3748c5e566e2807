//! Splits, positions and compressed files.

mod restart;

use std::fs;
use std::io::Write;

use river_core::types::{Field, LogicalType};
use river_runtime::source::{Poll, Source, SourceReader};

use super::record_file::RecordFile;
use super::source::FilesystemSource;
use crate::format::json::tests::spec;
use crate::format::raw::{RawDecoder, RawOptions};
use crate::tests::table;

fn column() -> Vec<Field> {
    vec![Field::new("line", LogicalType::STRING.nullable())]
}

fn rows(reader: &mut dyn SourceReader) -> usize {
    let mut rows = 0;
    while let Poll::Batch(batch) = reader.poll().unwrap() {
        rows += batch.rows;
    }
    rows
}

#[test]
fn every_line_belongs_to_exactly_one_range() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lines");
    let text = "a\nbb\n\nccc\nd";
    fs::write(&path, text).unwrap();
    for cut in 0..=text.len() as u64 {
        let mut lines = 0;
        for (begin, end) in [(0, cut), (cut, text.len() as u64)] {
            let options = RawOptions::new(&Default::default()).unwrap();
            let decoder = Box::new(RawDecoder::new(options, &spec(column())).unwrap());
            let mut file = RecordFile::open_range(&path, begin, end, decoder).unwrap();
            while let Some(rows) = file.next_rows(2).unwrap() {
                lines += rows.rows;
            }
        }
        assert_eq!(lines, 5, "cut at {cut}");
    }
}

#[test]
fn a_restored_reader_goes_on_where_the_snapshot_was() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        let text: String = (0..5000).map(|i| format!("{name}{i}\n")).collect();
        fs::write(directory.path().join(name), text).unwrap();
    }
    let path = directory.path().to_str().unwrap().to_owned();
    let pairs = [("connector", "filesystem"), ("path", &path), ("format", "raw")];
    let table = table(&pairs, column());
    for polls in 0..4 {
        let source = FilesystemSource::new(&table).unwrap();
        let mut reader = source.reader(0, 1).unwrap();
        let mut before = 0;
        for _ in 0..polls {
            if let Poll::Batch(batch) = reader.poll().unwrap() {
                before += batch.rows;
            }
        }
        let source = FilesystemSource::new(&table).unwrap();
        let mut restored = source.reader(0, 1).unwrap();
        restored.restore(reader.snapshot()).unwrap();
        assert_eq!(before + rows(restored.as_mut()), 10_000, "after {polls} polls");
    }
}

#[test]
fn compressed_files_are_read_by_extension() {
    let directory = tempfile::tempdir().unwrap();
    let create = |name: &str| fs::File::create(directory.path().join(name)).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(create("a.gz"), Default::default());
    gzip.write_all(b"1\n2\n").unwrap();
    gzip.finish().unwrap();
    let mut zst = zstd::stream::write::Encoder::new(create("b.zst"), 1).unwrap();
    zst.write_all(b"3\n").unwrap();
    zst.finish().unwrap();
    let path = directory.path().to_str().unwrap().to_owned();
    let pairs = [("connector", "filesystem"), ("path", &path), ("format", "raw")];
    let source = FilesystemSource::new(&table(&pairs, column())).unwrap();
    assert_eq!(rows(source.reader(0, 1).unwrap().as_mut()), 3);
    create("c.gz").write_all(b"not gzip").unwrap();
    let source = FilesystemSource::new(&table(&pairs, column())).unwrap();
    let mut reader = source.reader(0, 1).unwrap();
    let error = loop {
        match reader.poll() {
            Ok(Poll::End) => panic!("the damaged file was read"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(error.message.starts_with("cannot read "), "{error}");
}

#[test]
fn a_missing_path_is_an_input_error() {
    let pairs = [("connector", "filesystem"), ("path", "/nonexistent/file"), ("format", "raw")];
    let source = FilesystemSource::new(&table(&pairs, column())).unwrap();
    let polled = source.reader(0, 1).unwrap().poll();
    let Err(error) = polled else { panic!("there is no such file") };
    assert!(error.message.contains("cannot read /nonexistent/file"), "{error}");
}
