//! Writes the inputs that fuzzing starts from, and dictionaries: `seeds CORPUS TESTDATA`.
//!
//! Seeds come from the conformance tests' scripts, expressions and input files. Called by
//! `fuzz/run`; writes below CORPUS only.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use river_fuzz::schema::TABLES;

/// Bytes of an input file that become a seed.
const SAMPLE: usize = 1200;

/// Options that seeds come with, as the targets' bits: none, lenient, and the other forms.
const FLAGS: &[u16] = &[0, 1, 8, 5];

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(corpus), Some(testdata)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: seeds CORPUS TESTDATA"));
    };
    let (corpus, testdata) = (Path::new(&corpus), Path::new(&testdata));
    scripts(corpus, testdata)?;
    expressions(corpus, testdata)?;
    records(corpus, testdata)?;
    dictionaries(corpus)
}

fn write(corpus: &Path, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(corpus.join(target))?;
    fs::write(corpus.join(target).join(format!("seed-{name}")), bytes)
}

fn scripts(corpus: &Path, testdata: &Path) -> io::Result<()> {
    for entry in fs::read_dir(testdata.join("queries"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            write(corpus, "sql", &name, &fs::read(&path)?)?;
        }
    }
    Ok(())
}

/// Some of the expressions, each as a query.
fn expressions(corpus: &Path, testdata: &Path) -> io::Result<()> {
    let packed = fs::File::open(testdata.join("expressions.jsonl.zst"))?;
    let text = String::from_utf8(zstd::decode_all(packed)?).map_err(io::Error::other)?;
    for line in text.lines().step_by(3) {
        let case: serde_json::Value = serde_json::from_str(line)?;
        let part = |key: &str| case.get(key).and_then(|value| value.as_str()).unwrap_or("");
        let query = format!("SELECT {} {};", part("sql"), part("setup"));
        write(corpus, "sql", part("id"), query.as_bytes())?;
    }
    Ok(())
}

/// The front of each input file, behind headers that choose its table and some options.
fn records(corpus: &Path, testdata: &Path) -> io::Result<()> {
    for entry in fs::read_dir(testdata.join("queries/inputs"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let target = match name.split_once('.').map_or("", |(_, extension)| extension) {
            "csv" | "psv" => "csv",
            "debezium.jsonl" => "debezium_json",
            _ => "json",
        };
        let data = fs::read(&path)?;
        let data = &data[..data.len().min(SAMPLE)];
        let stem = name.split('.').next().unwrap_or_default();
        let table = TABLES.iter().position(|(table, _)| *table == stem).unwrap_or(2) as u8;
        seed(corpus, target, &name, table, data)?;
    }
    for (table, (name, _)) in TABLES.iter().enumerate() {
        for (target, line) in lines(name) {
            seed(corpus, target, &format!("{name}-line"), table as u8, line.as_bytes())?;
        }
    }
    Ok(())
}

fn seed(corpus: &Path, target: &str, name: &str, table: u8, data: &[u8]) -> io::Result<()> {
    for flags in FLAGS {
        let [low, high] = flags.to_le_bytes();
        let bytes = [&[table, low, high, 0x5C], data].concat();
        write(corpus, target, &format!("{name}-{flags}"), &bytes)?;
    }
    Ok(())
}

/// A record for each of the tables that no file belongs to.
fn lines(table: &str) -> Vec<(&'static str, String)> {
    let (json, csv) = match table {
        "texts" => (r#"{"a": "x\n\u00e9\ud83d\ude00", "b": null}"#, "\"a \"\"b\"\"\",b c"),
        "numbers" => (
            r#"{"a": -128, "b": 32767, "c": 1.5, "d": 9223372036854775807, "e": 1.5e10, "f": "NaN", "g": true, "h": 12345678901234567890, "i": 0.5, "j": 0.1}"#,
            "-128,32767,7,9223372036854775807,1.5E10,NaN,true,123456789012345,0.5,0.1",
        ),
        "times" => (
            r#"{"a": "2024-02-29", "b": "12:34:56", "c": "12:34:56.789", "d": "2024-03-01 09:00:00", "e": "2024-03-01 09:00:00.123", "f": "2024-03-01T09:00:00.123456", "g": "0001-01-01 00:00:00", "h": "2024-03-01 09:00:00Z", "i": "2024-03-01 09:00:00.1Z", "j": "2024-03-01T09:00:00.123456789Z"}"#,
            "2024-02-29,12:34:56,12:34:56.789,2024-03-01 09:00:00,2024-03-01 09:00:00.123,2024-03-01 09:00:00.123456,0001-01-01 00:00:00,2024-03-01 09:00:00Z,2024-03-01 09:00:00.1Z,9999-12-31 23:59:59.9Z",
        ),
        "bytes" => (
            r#"{"a": "abc", "b": "ab", "c": "AQI=", "d": "AAAA", "e": {"k": [1, 2.50]}}"#,
            "abc,ab,AQI=,AAAA,e",
        ),
        "deep" => (
            r#"{"a": {"k": {"l": [1, 2], "m": null}}, "b": [[1.5], [], null], "c": {"x": {"y": {"z": "2024-03-01 09:00:00"}, "w": "v"}}, "d": {"p": 2}, "e": [{"m": {"q": 1.5}, "n": 7}, null]}"#,
            "",
        ),
        "lists" => (
            r#"{"a": [1, null], "b": {"x": 1, "y": "z", "z": 2.5}, "c": ["d"], "d": ["2024-03-01 09:00:00"], "e": "f"}"#,
            "1;2;3,7;y;2.50,a;b,2024-03-01 09:00:00,e",
        ),
        _ => return Vec::new(),
    };
    let change = |op: &str| {
        let none = "null";
        let (before, after) = match op {
            "c" => (none, json),
            "d" => (json, none),
            _ => (json, json),
        };
        format!(r#"{{"before": {before}, "after": {after}, "op": "{op}"}}"#)
    };
    let changes = ["c", "u", "d"].map(change).join("\n");
    let payload = format!(r#"{{"payload": {}, "schema": {{}}}}"#, change("u"));
    vec![
        ("json", format!("{json}\n{json}\n")),
        ("csv", format!("{csv}\n{csv}\r\n")),
        ("debezium_json", format!("{changes}\n{payload}\n")),
    ]
}

fn dictionaries(corpus: &Path) -> io::Result<()> {
    let mut words: BTreeSet<String> = BTreeSet::new();
    words.extend(river_sql::parse::keyword::words().map(str::to_owned));
    words.extend(river_expr::function::names().map(str::to_owned));
    let tables = ["src", "orders", "rates", "nested", "v", "order_time", "proc", "amount", "tags"];
    words.extend(tables.map(str::to_owned));
    let types = ["TIMESTAMP_LTZ(3)", "DECIMAL(38, 18)", "ARRAY<INT>", "MAP<STRING, INT>"];
    words.extend(types.map(str::to_owned));
    let signs = ["=>", "||", "<>", "/*+", "*/", "--", "(", ")", "''", "`", "2147483648", "1e308"];
    words.extend(signs.map(str::to_owned));
    dictionary(corpus, "sql", &words)?;
    let json = [
        "null",
        "true",
        "{}",
        "[]",
        "\\u0000",
        "\\ud83d",
        "1e400",
        "-0.0",
        "NaN",
        "Infinity",
        "2024-03-01 09:00:00",
        "2024-03-01T09:00:00Z",
        "\":",
        "\",\"",
        "before",
        "after",
        "op",
        "payload",
        "order_id",
        "amount",
        "tags",
        "attrs",
    ];
    let json: BTreeSet<String> = json.into_iter().map(str::to_owned).collect();
    dictionary(corpus, "json", &json)?;
    dictionary(corpus, "debezium_json", &json)?;
    let csv = [
        "\"\"",
        "\r\n",
        "NULL",
        "::",
        ";",
        "\\n",
        "1E400",
        "NaN",
        "2024-03-01 09:00:00",
        "#",
        "-128",
        "AQI=",
        "true",
    ];
    dictionary(corpus, "csv", &csv.into_iter().map(str::to_owned).collect())
}

/// libFuzzer's form: each word quoted on a line.
fn dictionary(corpus: &Path, target: &str, words: &BTreeSet<String>) -> io::Result<()> {
    let mut text = String::new();
    for word in words {
        let quoted = |byte: u8| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(byte)),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\x{byte:02X}"),
        };
        text += &format!("\"{}\"\n", word.bytes().map(quoted).collect::<String>());
    }
    fs::write(corpus.join(format!("{target}.dict")), text)
}
