//! Jobs from files to files that die at random points: every row is written exactly once.
//!
//! A job is some readers, each chained to a writer. Subtasks take their snapshots one by one, in
//! any order, with rows flowing in between; a checkpoint may be aborted, and what was prepared for
//! it goes into the next one. The job dies before, amid or after the commit, and goes on from the
//! last completed checkpoint with another number of subtasks. A failing seed is printed; set
//! `RIVER_SIM_SEED` to run one, `RIVER_SIM_SEEDS` to run more.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use river_core::plan::{SinkSpec, TableRef};
use river_core::types::{Field, LogicalType};
use river_expr::Session;
use river_runtime::sink::{Sink, SinkWriter};
use river_runtime::source::{Poll, Source, SourceReader, SplitState};

use crate::datagen::field::Random;
use crate::filesystem::source::FilesystemSource;
use crate::print::write_lines;
use crate::tests::{sink_spec, table};

/// Bytes of a range of lines.
const RANGE: u64 = 20_000;

/// What a completed checkpoint holds.
struct Checkpoint {
    splits: Vec<Vec<SplitState>>,
    prepared: Vec<Vec<u8>>,
}

struct Job {
    source: FilesystemSource,
    sink: Arc<dyn Sink>,
    readers: Vec<Box<dyn SourceReader>>,
    writers: Vec<Box<dyn SinkWriter>>,
    /// Prepared and not committed.
    owed: Vec<Vec<u8>>,
    /// The snapshots taken for the checkpoint in progress.
    snapshots: Vec<Option<Vec<SplitState>>>,
}

impl Job {
    fn start(table: &TableRef, spec: &SinkSpec, from: Option<&Checkpoint>, count: u32) -> Job {
        let source = FilesystemSource::with_ranges(table, RANGE).unwrap();
        let sink = crate::sink(spec, &Session::default()).unwrap();
        let readers = (0..count).map(|subtask| source.reader(subtask, count).unwrap());
        let mut readers: Vec<_> = readers.collect();
        if let Some(checkpoint) = from {
            sink.recover(&checkpoint.prepared).unwrap();
            let shares = source.redistribute(checkpoint.splits.clone(), count).unwrap();
            for (reader, share) in readers.iter_mut().zip(shares) {
                reader.restore(share).unwrap();
            }
        }
        let writers = (0..count).map(|subtask| sink.writer(subtask, count).unwrap()).collect();
        let snapshots = vec![None; count as usize];
        Job { source, sink, readers, writers, owed: Vec::new(), snapshots }
    }

    /// Moves a batch; false if there was none.
    fn step(&mut self, subtask: usize) -> bool {
        let Poll::Batch(batch) = self.readers[subtask].poll().unwrap() else { return false };
        self.writers[subtask].write(&batch).unwrap();
        true
    }

    fn snapshot(&mut self, subtask: usize) {
        if self.snapshots[subtask].is_none() {
            self.snapshots[subtask] = Some(self.readers[subtask].snapshot());
            self.owed.extend(self.writers[subtask].prepare().unwrap());
        }
    }

    /// The checkpoint, if all subtasks have taken their snapshots.
    fn completed(&mut self) -> Option<Checkpoint> {
        let splits = self.snapshots.iter().cloned().collect::<Option<Vec<_>>>()?;
        self.snapshots.fill(None);
        Some(Checkpoint { splits, prepared: self.owed.clone() })
    }

    fn commit(&mut self) {
        self.sink.commit(&self.owed).unwrap();
        self.owed.clear();
    }
}

fn columns() -> Vec<Field> {
    vec![Field::new("line", LogicalType::STRING.nullable())]
}

/// A seeded world: directories, and what should come out.
struct World {
    random: Random,
    directory: tempfile::TempDir,
    expected: Vec<String>,
    files: usize,
    /// Lines of files that a consumer has taken away.
    taken: Vec<String>,
}

impl World {
    fn new(seed: u64) -> World {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("in")).unwrap();
        let random = Random::of(seed, 0, 0);
        World { random, directory, expected: Vec::new(), files: 0, taken: Vec::new() }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random.within(0, limit as i64 - 1) as usize
    }

    fn add_file(&mut self) {
        let number = self.files;
        self.files += 1;
        let rows = self.below(10_000);
        let lines: Vec<String> = (0..rows).map(|row| format!("{number}:{row}")).collect();
        let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let compressed = self.below(3) == 0;
        let name = if compressed { format!("{number:02}.gz") } else { format!("{number:02}") };
        let path = self.directory.path().join("in").join(name);
        // As a producer should: the file appears whole.
        let hidden = self.directory.path().join("in").join("_new");
        let file = fs::File::create(&hidden).unwrap();
        if compressed {
            let mut gzip = flate2::write::GzEncoder::new(file, Default::default());
            gzip.write_all(text.as_bytes()).unwrap();
            gzip.finish().unwrap();
        } else {
            { file }.write_all(text.as_bytes()).unwrap();
        }
        fs::rename(hidden, path).unwrap();
        self.expected.extend(lines);
    }

    fn tables(&self, monitored: bool) -> (TableRef, SinkSpec) {
        let path = |name: &str| self.directory.path().join(name).to_str().unwrap().to_owned();
        let (input, output) = (path("in"), path("out"));
        let options = |path| vec![("connector", "filesystem"), ("format", "raw"), ("path", path)];
        let mut from = options(input.as_str());
        if monitored {
            from.push(("source.monitor-interval", "0 ms"));
        }
        (table(&from, columns()), sink_spec(&options(output.as_str()), columns()))
    }

    /// A consumer takes away what it sees.
    fn consume(&mut self) {
        for entry in fs::read_dir(self.directory.path().join("out")).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("part-") {
                let text = fs::read_to_string(&path).unwrap();
                self.taken.extend(text.lines().map(str::to_owned));
                fs::remove_file(path).unwrap();
            }
        }
    }

    /// One life of the job, until it dies or is done; gives the last completed checkpoint, and
    /// whether it is done.
    fn live(
        &mut self,
        (table, spec): &(TableRef, SinkSpec),
        mut last: Option<Checkpoint>,
        steps: usize,
    ) -> (Option<Checkpoint>, bool) {
        let count = 1 + self.below(3);
        let mut job = Job::start(table, spec, last.as_ref(), count as u32);
        for _ in 0..steps {
            let subtask = self.below(count);
            match self.below(12) {
                0 => job.snapshots.fill(None), // aborted
                1 if !job.source.is_bounded() && self.files < 8 => self.add_file(),
                2..5 => job.snapshot(subtask),
                _ => drop(job.step(subtask)),
            }
            let Some(checkpoint) = job.completed() else { continue };
            let prepared = checkpoint.prepared.clone();
            last = Some(checkpoint);
            match self.below(4) {
                0 => return (last, self.die(job, false)),
                1 => {
                    let some: Vec<_> =
                        prepared.into_iter().filter(|_| self.below(2) == 0).collect();
                    job.sink.commit(&some).unwrap();
                    return (last, self.die(job, false));
                }
                _ => job.commit(),
            }
        }
        if self.below(3) > 0 {
            return (last, self.die(job, true));
        }
        while (0..count).map(|subtask| job.step(subtask)).collect::<Vec<_>>().contains(&true) {}
        job.snapshots.fill(None);
        (0..count).for_each(|subtask| job.snapshot(subtask));
        last = job.completed();
        job.commit();
        (last, true)
    }

    /// The job ends without having its way; sometimes without even a chance to tidy up.
    /// What is aborted must not be what a complete checkpoint holds.
    fn die(&mut self, job: Job, is_committed: bool) -> bool {
        match self.below(3) {
            0 => std::mem::forget(job),
            1 if is_committed => job.sink.abort().unwrap(),
            _ => {}
        }
        false
    }
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    let monitored = world.below(2) == 0;
    let files = world.below(5);
    (0..files).for_each(|_| world.add_file());
    let tables = world.tables(monitored);
    let mut last = None;
    loop {
        let steps = world.below(60);
        let (checkpoint, done) = world.live(&tables, last, steps);
        last = checkpoint;
        if world.below(2) == 0 {
            world.consume();
        }
        if !monitored && last.is_some() && world.below(4) == 0 {
            // A bounded table was listed once: what comes later is not of it.
            fs::write(world.directory.path().join("in").join("99"), "late\n").unwrap();
        }
        if done {
            break;
        }
    }
    world.consume();
    let mut lines = world.taken;
    lines.sort();
    world.expected.sort();
    assert!(lines == world.expected, "{} of {} rows", lines.len(), world.expected.len());
}

/// Runs seeds; says which one failed.
fn seeds(count: u64, run: impl Fn(u64)) {
    let number = |key: &str| std::env::var(key).ok().and_then(|text| text.parse().ok());
    let seeds = match number("RIVER_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RIVER_SIM_SEEDS").unwrap_or(count),
    };
    for seed in seeds {
        let run = std::panic::AssertUnwindSafe(|| run(seed));
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn every_row_is_written_exactly_once() {
    seeds(40, run);
}

#[test]
fn readers_may_become_more_and_fewer() {
    seeds(10, |seed| {
        let mut world = World::new(seed);
        (0..4).for_each(|_| world.add_file());
        let (table, _) = world.tables(seed % 2 == 0);
        let mut rows = 0;
        let mut splits = None;
        for count in [1, 3, 2, 0] {
            let last = count == 0;
            let count = count.max(1);
            let source = FilesystemSource::with_ranges(&table, RANGE).unwrap();
            let mut readers: Vec<_> =
                (0..count).map(|subtask| source.reader(subtask, count).unwrap()).collect();
            if let Some(splits) = splits.take() {
                let shares = source.redistribute(splits, count).unwrap();
                readers.iter_mut().zip(shares).for_each(|(r, share)| r.restore(share).unwrap());
            }
            let mut polls = if last { usize::MAX } else { world.below(5) };
            let mut idle = 0;
            while polls > 0 && idle < readers.len() {
                polls -= 1;
                idle = 0;
                for reader in &mut readers {
                    match reader.poll().unwrap() {
                        Poll::Batch(batch) => rows += batch.rows,
                        Poll::Wait(_) | Poll::End => idle += 1,
                    }
                }
            }
            splits = Some(readers.iter().map(|reader| reader.snapshot()).collect());
        }
        assert_eq!(rows, world.expected.len());
    });
}

#[test]
fn a_file_that_shrank_or_went_is_named() {
    let mut world = World::new(1);
    let path = world.directory.path().join("in/a");
    let text: String = (0..10_000).map(|row| format!("{row}\n")).collect();
    fs::write(&path, text).unwrap();
    let (table, _) = world.tables(world.files > 0);
    world.files += 1;
    let mut reader = FilesystemSource::new(&table).unwrap().reader(0, 1).unwrap();
    assert!(matches!(reader.poll().unwrap(), Poll::Batch(_)));
    let again = || {
        let mut restored = FilesystemSource::new(&table).unwrap().reader(0, 1).unwrap();
        restored.restore(reader.snapshot()).unwrap();
        restored.poll().map(drop).unwrap_err().to_string()
    };
    fs::write(&path, "0\n").unwrap();
    let message = again();
    assert!(message.contains("in/a: it was read up to 19370 before"), "{message}");
    fs::remove_file(&path).unwrap();
    assert!(again().contains("in/a: No such file"), "{}", again());
}

/// A parquet file of several row groups goes on at any row.
#[test]
fn parquet_files_go_on_at_a_row() {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use crate::filesystem::parquet_file::ParquetFile;
    use crate::format::{DecodeSpec, WantedColumn};

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(300)).build();
    let file = fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let field = Field::new("n", LogicalType::BigInt.nullable());
    let wanted = WantedColumn { position: 0, field: field.clone(), used_fields: None };
    let spec = DecodeSpec { schema: vec![field], wanted: vec![wanted] };
    for position in [0, 1, 299, 300, 301, 650, 999, 1000] {
        let mut file = ParquetFile::open(&path, &spec, position, 128).unwrap();
        let mut next = position as i64;
        while let Some(rows) = file.next_rows().unwrap() {
            let column = rows.columns[0].as_any().downcast_ref::<Int64Array>().unwrap().clone();
            column.values().iter().for_each(|n| {
                assert_eq!(*n, next);
                next += 1;
            });
            assert_eq!(file.position(), next as u64);
        }
        assert_eq!(next, 1000, "from {position}");
    }
    let mut beyond = ParquetFile::open(&path, &spec, 1001, 128).unwrap();
    assert!(beyond.next_rows().map(drop).unwrap_err().to_string().contains("ends earlier"));
}

/// Whatever the format, a restored reader goes on with the next record.
#[test]
fn positions_are_exact_to_the_record() {
    let csv = |n: usize| format!("{n},\"a \"\"quoted\"\",\n text {n}\"\n");
    let json = |n: usize| format!("{{\"n\": {n}, \"s\": \"é{n}\"}}\r\n\n");
    let debezium = |n: usize| {
        let row = |s: usize| format!("{{\"n\": {n}, \"s\": \"{s}\"}}");
        match n % 3 {
            0 => format!("{{\"before\":null,\"after\":{},\"op\":\"c\"}}\n", row(n)),
            1 => format!("{{\"before\":{},\"after\":{},\"op\":\"u\"}}\n", row(n), row(0)),
            _ => format!("{{\"before\":{},\"after\":null,\"op\":\"d\"}}\n", row(n)),
        }
    };
    let formats: [(&str, &dyn Fn(usize) -> String); 3] =
        [("csv", &csv), ("json", &json), ("debezium-json", &debezium)];
    for (format, record) in formats {
        let directory = tempfile::tempdir().unwrap();
        let text: String = (0..9_000).map(record).collect();
        let path = directory.path().join("a.zst");
        fs::write(&path, zstd::encode_all(text.trim_end().as_bytes(), 1).unwrap()).unwrap();
        let pairs =
            [("connector", "filesystem"), ("format", format), ("path", path.to_str().unwrap())];
        let field = |name, ty: LogicalType| Field::new(name, ty.nullable());
        let table =
            table(&pairs, vec![field("n", LogicalType::Int), field("s", LogicalType::STRING)]);
        let reader = || FilesystemSource::new(&table).unwrap().reader(0, 1).unwrap();
        let next = |reader: &mut Box<dyn SourceReader>, out: &mut Vec<u8>| {
            let Poll::Batch(batch) = reader.poll().unwrap() else { return false };
            write_lines(&table.physical, "", &batch, out);
            true
        };
        let (mut whole, mut all) = (Vec::new(), reader());
        while next(&mut all, &mut whole) {}
        let (mut parts, mut restored) = (Vec::new(), reader());
        let mut batches = 0;
        while next(&mut restored, &mut parts) {
            batches += 1;
            let states = restored.snapshot();
            restored = reader();
            restored.restore(states).unwrap();
        }
        assert!(batches > 2 && whole == parts, "{format}: {batches} batches");
    }
}

#[test]
fn damaged_state_is_refused() {
    let world = World::new(3);
    let (table, _) = world.tables(false);
    for position in [vec![], vec![9], vec![0, 1, 2], vec![0; 12], vec![1, 200], vec![2, 0, 1, 65]] {
        let mut reader = FilesystemSource::new(&table).unwrap().reader(0, 1).unwrap();
        let state = SplitState { split: "x".to_owned(), position };
        assert!(reader.restore(vec![state.clone()]).is_err(), "{state:?}");
    }
}

/// A reader that takes over what several had begun reads it in the order of the files: one that
/// went back would have its watermark run ahead of the rows to come.
#[test]
fn a_reader_that_takes_over_never_goes_back() {
    let mut world = World::new(1);
    (0..6).for_each(|_| world.add_file());
    let (table, _) = world.tables(false);
    let source = FilesystemSource::with_ranges(&table, RANGE).unwrap();
    let mut readers: Vec<_> = (0..7).map(|subtask| source.reader(subtask, 7).unwrap()).collect();
    // The last one takes the first split.
    for reader in readers.iter_mut().rev() {
        let _ = reader.poll().unwrap();
    }
    let splits = readers.iter().map(|reader| reader.snapshot()).collect();
    for share in source.redistribute(splits, 2).unwrap() {
        let begins = share.iter().filter_map(|state| {
            let (path, range) = state.split.split_once('#')?;
            let begin: u64 = range.split('-').next()?.parse().ok()?;
            Some((path.to_owned(), begin))
        });
        let begins: Vec<_> = begins.collect();
        assert!(begins.len() >= 2, "{share:?}");
        assert!(begins.is_sorted(), "{begins:?}");
    }
}
