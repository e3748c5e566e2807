//! A job from files to files through operators with state (window and updating aggregate, join,
//! Top-N), its input and its output, for the tests that disturb it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The tables that it writes.
const TABLES: [&str; 4] = ["windows", "totals", "joined", "best"];

/// A small generator of numbers (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}

/// How often each row is in the output: changes summed up, so the order of updates of different
/// keys does not matter. An append-only table has the row once for each time it was written.
pub type Net = BTreeMap<String, i64>;

/// The script of the job: reads `input`, with more options of its tables, and writes `output`.
pub fn script(input: &Path, output: &Path, options: &str) -> String {
    SCRIPT
        .replace("$INPUT", &input.display().to_string())
        .replace("$OUTPUT", &output.display().to_string())
        .replace("$OPTIONS", options)
}

/// The complete checkpoints below a directory, oldest first: numbers go on from job to job.
pub fn checkpoints(directory: &Path) -> Vec<PathBuf> {
    let folders = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
    let of_job = |job: fs::DirEntry| folders(&job.path()).map(|entry| entry.path());
    let number = |path: &PathBuf| -> Option<u64> {
        path.file_name()?.to_str()?.strip_prefix("chk-")?.parse().ok()
    };
    let mut checkpoints: Vec<PathBuf> = folders(directory)
        .flat_map(of_job)
        .filter(|path| path.join("_metadata").is_file())
        .collect();
    checkpoints.sort_by_key(number);
    checkpoints
}

/// The committed rows of each table.
pub fn tables(output: &Path) -> BTreeMap<String, Net> {
    let mut tables = BTreeMap::new();
    for table in TABLES {
        let mut net = Net::new();
        for file in committed_files(&output.join(table)) {
            let text = fs::read_to_string(&file).unwrap();
            text.lines().for_each(|line| add(&mut net, line));
        }
        net.retain(|_, count| *count != 0);
        tables.insert(table.to_owned(), net);
    }
    tables
}

/// The files of a table that readers see.
fn committed_files(table: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(table).unwrap().map(|file| file.unwrap().path()).filter(|file| is_committed(file))
}

/// Whether readers of a table see a file: what begins with a dot is not whole.
pub fn is_committed(file: &Path) -> bool {
    !file.file_name().unwrap().to_str().unwrap().starts_with('.')
}

/// Fails with the rows that differ.
pub fn compare(case: &str, expected: &BTreeMap<String, Net>, found: &BTreeMap<String, Net>) {
    let mut text = String::new();
    for (table, expected) in expected {
        let found = &found[table];
        let rows: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
        let count = |net: &Net, row: &String| net.get(row).copied().unwrap_or(0);
        let wrong: Vec<_> =
            rows.into_iter().filter(|row| count(expected, row) != count(found, row)).collect();
        if !wrong.is_empty() {
            writeln!(text, "table {table} differs in {} rows:", wrong.len()).unwrap();
        }
        for row in wrong.into_iter().take(10) {
            let (expected, found) = (count(expected, row), count(found, row));
            writeln!(text, "  {row}: {found} times instead of {expected}").unwrap();
        }
    }
    assert!(text.is_empty(), "{case}\n{text}");
}

fn add(net: &mut Net, line: &str) {
    let change: Option<Value> = line.starts_with('{').then(|| serde_json::from_str(line).unwrap());
    let (row, count) = match &change {
        None => (line.to_owned(), 1),
        Some(change) if change["op"] == "d" => (change["before"].to_string(), -1),
        Some(change) => (change["after"].to_string(), 1),
    };
    *net.entry(row).or_default() += count;
}

/// Writes events, in the order of their times, and names.
pub fn write_input(directory: &Path, rows: u64, files: u64) {
    let mut dice = Dice(42);
    let (events, names) = (directory.join("events"), directory.join("names"));
    fs::create_dir_all(&events).unwrap();
    fs::create_dir_all(&names).unwrap();
    let rows = rows / files;
    for file in 0..files {
        let mut text = String::new();
        for id in file * rows..(file + 1) * rows {
            let (key, value) = (dice.roll(300), dice.roll(1000));
            let (minute, second, ms) = (id / 60_000, id / 1000 % 60, id % 1000);
            writeln!(text, "{id},k{key},{value},2026-01-01 00:{minute:02}:{second:02}.{ms:03}")
                .unwrap();
        }
        fs::write(events.join(format!("{file}.csv")), text).unwrap();
    }
    let mut text = String::new();
    (0..250).for_each(|key| writeln!(text, "k{key},name {key}").unwrap());
    fs::write(names.join("0.csv"), text).unwrap();
}

const SCRIPT: &str = "
CREATE TABLE events (
  id BIGINT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH ('connector' = 'filesystem', 'path' = '$INPUT/events', 'format' = 'csv'$OPTIONS);
CREATE TABLE names (k STRING, name STRING)
WITH ('connector' = 'filesystem', 'path' = '$INPUT/names', 'format' = 'csv'$OPTIONS);
CREATE TABLE windows (start_time TIMESTAMP(3), k STRING, n BIGINT, total BIGINT)
WITH ('connector' = 'filesystem', 'path' = '$OUTPUT/windows', 'format' = 'csv');
CREATE TABLE totals (k STRING, n BIGINT, total BIGINT, different BIGINT)
WITH ('connector' = 'filesystem', 'path' = '$OUTPUT/totals', 'format' = 'debezium-json');
CREATE TABLE joined (id BIGINT, name STRING, v INT)
WITH ('connector' = 'filesystem', 'path' = '$OUTPUT/joined', 'format' = 'csv');
CREATE TABLE best (k STRING, id BIGINT, v INT)
WITH ('connector' = 'filesystem', 'path' = '$OUTPUT/best', 'format' = 'debezium-json');
EXECUTE STATEMENT SET BEGIN
INSERT INTO windows SELECT window_start, k, COUNT(*), SUM(v)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '2' SECOND))
GROUP BY window_start, window_end, k;
INSERT INTO totals SELECT k, COUNT(*), SUM(v), COUNT(DISTINCT v) FROM events GROUP BY k;
INSERT INTO joined SELECT e.id, n.name, e.v FROM events AS e JOIN names AS n ON e.k = n.k;
INSERT INTO best SELECT k, id, v FROM (
  SELECT k, id, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC, id) AS place FROM events
) WHERE place <= 3;
END;
";
