//! Tables through the crate's own door: files in, batches out, and back.

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use river_core::options::Options;
use river_core::plan::{NotNullEnforcer, SinkSpec, TableRef};
use river_core::types::{Field, LogicalType};
use river_expr::Session;
use river_runtime::source::Poll;
use river_runtime::{Batch, Result};

use crate::print::write_lines;

fn options(pairs: &[(&str, &str)]) -> Options {
    pairs.iter().copied().collect()
}

fn field(name: &str, ty: LogicalType) -> Field {
    Field::new(name, ty.nullable())
}

/// A table that produces all its columns.
pub fn table(pairs: &[(&str, &str)], physical: Vec<Field>) -> TableRef {
    TableRef {
        name: "t".to_owned(),
        options: options(pairs),
        projection: (0..physical.len()).collect(),
        used_fields: vec![None; physical.len()],
        physical,
        metadata: Vec::new(),
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
    }
}

/// A table that is written.
pub fn sink_spec(pairs: &[(&str, &str)], columns: Vec<Field>) -> SinkSpec {
    SinkSpec {
        name: "t".to_owned(),
        options: options(pairs),
        columns,
        partition_keys: Vec::new(),
        overwrite: false,
        primary_key: Vec::new(),
        upsert_materialize: None,
        not_null: NotNullEnforcer::Error,
        trim_pad: false,
    }
}

/// All batches of a bounded table, read by one reader.
pub fn read(table: &TableRef) -> Result<Vec<Batch>> {
    let source = crate::source(table, &Session::default())?;
    let mut reader = source.reader(0, 1)?;
    let mut batches = Vec::new();
    loop {
        match reader.poll()? {
            Poll::Batch(batch) => batches.push(batch),
            Poll::Wait(_) => {}
            Poll::End => return Ok(batches),
        }
    }
}

/// The rows as the print sink shows them, or the error.
fn show(table: &TableRef) -> String {
    let fields: Vec<Field> = table
        .projection
        .iter()
        .map(|i| table.physical.iter().chain(&table.metadata).nth(*i).unwrap().clone())
        .collect();
    match read(table) {
        Ok(batches) => {
            let mut out = Vec::new();
            batches.iter().for_each(|batch| write_lines(&fields, "", batch, &mut out));
            String::from_utf8(out).unwrap()
        }
        Err(error) => format!("{:?}: {error}\n", error.kind),
    }
}

fn write(spec: &SinkSpec, batches: &[Batch]) -> Result<()> {
    let sink = crate::sink(spec, &Session::default())?;
    let mut writer = sink.writer(0, 1)?;
    for batch in batches {
        writer.write(batch)?;
    }
    let prepared = writer.prepare()?;
    sink.commit(&prepared)?;
    sink.commit(&prepared) // a repeated commit does no harm
}

/// Contents of all visible files below a directory, with the directories' names in front.
fn visible_files(directory: &Path, prefix: &str, out: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            visible_files(&path, &format!("{prefix}{name}/"), out);
        } else if name.starts_with("part-") {
            out.push(format!("{prefix}:\n{}", fs::read_to_string(&path).unwrap()));
        } else if !name.starts_with('.') {
            out.push(format!("{prefix}{name}\n"));
        }
    }
    out.sort();
}

fn check_file(name: &str, content: &str, pairs: &[(&str, &str)], ty: Vec<Field>, expected: Expect) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    let mut all = vec![("connector", "filesystem"), ("path", path.to_str().unwrap())];
    all.extend_from_slice(pairs);
    let shown = show(&table(&all, ty));
    expected.assert_eq(&shown.replace(directory.path().to_str().unwrap(), "DIR"));
}

const MESSY: &str = r#"{"a": 1, "b": "x", "c": 1.5, "d": true, "t": "2024-03-01 09:00:00"}
{"a": "2", "b": 5, "c": "2.25", "d": "false", "t": "2024-03-01 09:00:01.123"}
{"a": 3.7, "b": true, "c": 7, "d": 1}
{"b": {"k": 1}, "c": null}
{"a": null, "b": [1, 2], "d": "maybe"}
{"A": 9, "b": "case"}

{"a": 8, "b": "\u65e5"}
"#;

fn messy_columns() -> Vec<Field> {
    vec![
        field("a", LogicalType::Int),
        field("b", LogicalType::STRING),
        field("c", LogicalType::Double),
        field("d", LogicalType::Boolean),
        field("t", LogicalType::timestamp(3)),
    ]
}

#[test]
fn lenient_json_coerces_as_flink_does() {
    check_file(
        "messy.jsonl",
        MESSY,
        &[("format", "json"), ("json.ignore-parse-errors", "true")],
        messy_columns(),
        expect![[r#"
            +I[1, x, 1.5, true, 2024-03-01T09:00]
            +I[2, 5, 2.25, false, 2024-03-01T09:00:01.123]
            +I[3, true, 7.0, false, null]
            +I[null, {"k":1}, null, null, null]
            +I[null, [1,2], null, false, null]
            +I[null, case, null, null, null]
            +I[8, 日, null, null, null]
        "#]],
    );
}

#[test]
fn a_value_that_does_not_fit_names_file_line_and_column() {
    let columns = || vec![field("a", LogicalType::Int), field("b", LogicalType::STRING)];
    check_file(
        "bad.jsonl",
        "{\"a\": 1, \"b\": \"ok\"}\n{\"a\": \"nan?\", \"b\": \"bad int\"}\n",
        &[("format", "json")],
        columns(),
        expect![[r#"
            Input: DIR/bad.jsonl:2:8: field 'a': 'nan?' is not a value of type INT
        "#]],
    );
    check_file(
        "bad.jsonl",
        "{\"a\": 1}\nnot json at all\n",
        &[("format", "json")],
        columns(),
        expect![[r#"
            Input: DIR/bad.jsonl:2:1: expected 'true', 'false' or 'null'
        "#]],
    );
    check_file(
        "messy.jsonl",
        MESSY,
        &[("format", "json"), ("json.fail-on-missing-field", "true")],
        columns(),
        expect![[r#"
            Input: DIR/messy.jsonl:4:26: field 'a' is missing
        "#]],
    );
}

#[test]
fn nested_json_is_read_in_full() {
    let item =
        LogicalType::Row(vec![field("sku", LogicalType::STRING), field("qty", LogicalType::Int)]);
    let text = || LogicalType::STRING.nullable();
    check_file(
        "nested.jsonl",
        r#"{"id": 1, "tags": ["x", "y"], "attrs": {"k": "v", "z": null}, "items": [{"sku": "a", "qty": 2}, null], "pt": {"lat": 1.5, "lon": -2.25}}
{"id": 2, "tags": [], "attrs": {"k": "1", "k": "2"}, "items": [], "pt": null}
{"id": 3, "extra": {"deep": [1, {"x": "}"}]}, "bytes": "AQI=", "dec": 854.195, "day": "2024-02-29", "time": "10:00:00.5"}
"#,
        &[("format", "json")],
        vec![
            field("id", LogicalType::BigInt),
            field("tags", LogicalType::Array(Box::new(text()))),
            field("attrs", LogicalType::Map(Box::new(text()), Box::new(text()))),
            field("items", LogicalType::Array(Box::new(item.nullable()))),
            field(
                "pt",
                LogicalType::Row(vec![
                    field("lat", LogicalType::Double),
                    field("lon", LogicalType::Double),
                ]),
            ),
            field("bytes", LogicalType::BYTES),
            field("dec", LogicalType::Decimal(5, 2)),
            field("day", LogicalType::Date),
            field("time", LogicalType::Time(3)),
        ],
        expect![[r#"
            +I[1, [x, y], {k=v, z=null}, [+I[a, 2], null], +I[1.5, -2.25], null, null, null, null]
            +I[2, [], {k=2}, [], null, null, null, null, null]
            +I[3, null, null, null, null, [1, 2], 854.20, 2024-02-29, 10:00:00.500]
        "#]],
    );
}

const PRODUCTS: &str = "# comment line\npen,office,1.50,2024-01-01\n\
    \"desk, large\",furniture,250.00,2024-01-02\nink,office,n/a,2024-01-03\n\
    \"say \"\"hi\"\"\",n/a,3.25,n/a\n椅子,furniture,99.90,2024-02-01\nlamp,,0.99,2024-02-29\n";

fn product_columns() -> Vec<Field> {
    vec![
        field("product", LogicalType::STRING),
        field("category", LogicalType::STRING),
        field("price", LogicalType::Decimal(8, 2)),
        field("since", LogicalType::Date),
    ]
}

#[test]
fn csv_with_quotes_comments_and_a_null_literal() {
    check_file(
        "products.csv",
        PRODUCTS,
        &[("format", "csv"), ("csv.allow-comments", "true"), ("csv.null-literal", "n/a")],
        product_columns(),
        expect![[r#"
            +I[pen, office, 1.50, 2024-01-01]
            +I[desk, large, furniture, 250.00, 2024-01-02]
            +I[ink, office, null, 2024-01-03]
            +I[say "hi", null, 3.25, null]
            +I[椅子, furniture, 99.90, 2024-02-01]
            +I[lamp, , 0.99, 2024-02-29]
        "#]],
    );
    check_file(
        "products.csv",
        PRODUCTS,
        &[("format", "csv"), ("csv.allow-comments", "true")],
        product_columns(),
        expect![[r#"
            Input: DIR/products.csv:4:12: field 'price': 'n/a' is not a value of type DECIMAL(8, 2)
        "#]],
    );
}

#[test]
fn csv_errors_are_ignored_field_by_field() {
    let mut columns = product_columns();
    columns[2] = field("price", LogicalType::Double);
    check_file(
        "products.psv",
        "pen|'office'|1.50|2024-01-01\n'a|b'|x|2|2024-01-02\nshort|row\nink|office|abc|2024-01-03\n",
        &[
            ("format", "csv"),
            ("csv.field-delimiter", "|"),
            ("csv.quote-character", "'"),
            ("csv.ignore-parse-errors", "true"),
        ],
        columns,
        expect![[r#"
            +I[pen, office, 1.5, 2024-01-01]
            +I[a|b, x, 2.0, 2024-01-02]
            +I[short, row, null, null]
            +I[ink, office, null, 2024-01-03]
        "#]],
    );
}

#[test]
fn debezium_changes_become_row_kinds() {
    let changes = r#"{"before": null, "after": {"id": 1, "name": "a"}, "op": "c"}
{"before": {"id": 1, "name": "a"}, "after": {"id": 1, "name": "b"}, "op": "u"}
{"before": {"id": 1, "name": "b"}, "after": null, "op": "d"}
"#;
    let columns = || vec![field("id", LogicalType::Int), field("name", LogicalType::STRING)];
    check_file(
        "changes.jsonl",
        changes,
        &[("format", "debezium-json")],
        columns(),
        expect![[r#"
            +I[1, a]
            -U[1, a]
            +U[1, b]
            -D[1, b]
        "#]],
    );
    check_file(
        "changes.jsonl",
        "{\"before\": null, \"after\": {\"id\": 1}, \"op\": \"x\"}\n",
        &[("format", "debezium-json")],
        columns(),
        expect![[r#"
            Input: DIR/changes.jsonl:1:1: unknown "op" value "x"
        "#]],
    );
}

#[test]
fn raw_lines() {
    check_file(
        "lines.txt",
        "one\r\ntwo\n\nlast",
        &[("format", "raw")],
        vec![field("line", LogicalType::STRING)],
        expect![[r#"
            +I[one]
            +I[two]
            +I[]
            +I[last]
        "#]],
    );
}

#[test]
fn partitions_metadata_and_hidden_files() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for (path, text) in [
        ("day=2024-01-02/b.csv", "2\n"),
        ("day=2024-01-01/a.csv", "1\n"),
        ("day=2024-01-01/_SUCCESS", ""),
        ("day=__DEFAULT_PARTITION__/.part.inprogress", "9\n"),
        ("day=__DEFAULT_PARTITION__/c.csv", "3\n"),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut table = table(
        &[("connector", "filesystem"), ("path", root.to_str().unwrap()), ("format", "csv")],
        vec![field("n", LogicalType::Int), field("day", LogicalType::Date)],
    );
    table.partition_keys = vec!["day".to_owned()];
    table.metadata = vec![Field::new("file.name", LogicalType::STRING.not_null())];
    table.projection = vec![2, 1, 0];
    expect![[r#"
        +I[a.csv, 2024-01-01, 1]
        +I[b.csv, 2024-01-02, 2]
        +I[c.csv, null, 3]
    "#]]
    .assert_eq(&show(&table));
}

/// Reads `content` and writes it with another format.
fn convert(content: &str, columns: Vec<Field>, to: &[(&str, &str)], partition: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in.jsonl");
    let output = directory.path().join("out");
    fs::write(&input, content).unwrap();
    let from = [("connector", "filesystem"), ("path", input.to_str().unwrap()), ("format", "json")];
    let batches = read(&table(&from, columns.clone())).unwrap();
    let mut all = vec![("connector", "filesystem"), ("path", output.to_str().unwrap())];
    all.extend_from_slice(to);
    let mut spec = sink_spec(&all, columns);
    spec.partition_keys = partition.iter().map(|key| (*key).to_owned()).collect();
    if let Err(error) = write(&spec, &batches) {
        return format!("{:?}: {error}\n", error.kind);
    }
    let mut files = Vec::new();
    visible_files(&output, "", &mut files);
    files.concat()
}

fn sample_columns() -> Vec<Field> {
    let text = || Box::new(LogicalType::STRING.nullable());
    vec![
        field("id", LogicalType::Int),
        field("tags", LogicalType::Array(text())),
        field("s", LogicalType::STRING),
        field("d", LogicalType::Decimal(10, 2)),
        field("ts", LogicalType::timestamp(3)),
        field("db", LogicalType::Double),
    ]
}

const SAMPLE: &str = r#"{"id": 1, "tags": ["x", "y"], "s": "it's a \"b\"", "d": 250, "ts": "2024-03-01 09:00:00.5", "db": 1e11}
{"id": 2, "tags": [], "s": "", "d": 1.50}
"#;

#[test]
fn sinks_write_as_flink_does() {
    expect![[r#"
        :
        {"id":1,"tags":["x","y"],"s":"it's a \"b\"","d":2.5E+2,"ts":"2024-03-01 09:00:00.5","db":1.0E11}
        {"id":2,"tags":[],"s":"","d":1.5,"ts":null,"db":null}
    "#]]
    .assert_eq(&convert(SAMPLE, sample_columns(), &[("format", "json")], &[]));
    expect![[r#"
        :
        {"id":1,"tags":["x","y"],"s":"it's a \"b\"","d":250.00,"ts":"2024-03-01T09:00:00.5","db":1.0E11}
        {"id":2,"tags":[],"s":"","d":1.50}
    "#]]
    .assert_eq(&convert(
        SAMPLE,
        sample_columns(),
        &[
            ("format", "json"),
            ("json.timestamp-format.standard", "ISO-8601"),
            ("json.encode.ignore-null-fields", "true"),
            ("json.encode.decimal-as-plain-number", "true"),
        ],
        &[],
    ));
    expect![[r#"
        :
        1,x;y,"it's a ""b""",2.5E+2,"2024-03-01 09:00:00.5",1.0E11
        2,,,1.5,,
    "#]]
    .assert_eq(&convert(SAMPLE, sample_columns(), &[("format", "csv")], &[]));
    expect![[r#"
        :
        {"before":null,"after":{"id":1},"op":"c"}
    "#]]
    .assert_eq(&convert(
        "{\"id\":1}",
        vec![field("id", LogicalType::Int)],
        &[("format", "debezium-json")],
        &[],
    ));
}

#[test]
fn partitioned_sinks_write_directories_and_marks() {
    let content =
        "{\"n\":1,\"c\":\"EUR\"}\n{\"n\":2,\"c\":\"a/b\"}\n{\"n\":3,\"c\":\"EUR\"}\n{\"n\":4}\n";
    let columns = || vec![field("n", LogicalType::Int), field("c", LogicalType::STRING)];
    let options = [("format", "csv"), ("sink.partition-commit.policy.kind", "success-file")];
    expect![[r#"
        c=EUR/:
        1
        3
        c=EUR/_SUCCESS
        c=__DEFAULT_PARTITION__/:
        4
        c=__DEFAULT_PARTITION__/_SUCCESS
        c=a%2Fb/:
        2
        c=a%2Fb/_SUCCESS
    "#]]
    .assert_eq(&convert(content, columns(), &options, &["c"]));
}

#[test]
fn nothing_is_visible_before_the_commit() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let pairs = [("connector", "filesystem"), ("path", out.to_str().unwrap()), ("format", "raw")];
    let columns = vec![field("n", LogicalType::STRING)];
    let sink = crate::sink(&sink_spec(&pairs, columns.clone()), &Session::default()).unwrap();
    let mut writer = sink.writer(0, 1).unwrap();
    let rows = arrow_array::StringViewArray::from(vec!["a"]);
    writer.write(&Batch::new(vec![std::sync::Arc::new(rows)], 1)).unwrap();
    let listed = || read(&table(&pairs, columns.clone())).unwrap().len();
    assert_eq!(listed(), 0);
    let prepared = writer.prepare().unwrap();
    assert_eq!(listed(), 0);
    sink.commit(&prepared).unwrap();
    assert_eq!(listed(), 1);
    writer
        .write(&Batch::new(
            vec![std::sync::Arc::new(arrow_array::StringViewArray::from(vec!["b"]))],
            1,
        ))
        .unwrap();
    let unfinished = || {
        let names = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().unwrap().ends_with(".inprogress")).count()
    };
    assert_eq!(unfinished(), 1);
    sink.abort().unwrap();
    assert_eq!((listed(), unfinished()), (1, 0));
}

#[test]
fn parquet_round_trip_and_wrong_type() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in.jsonl");
    let out = directory.path().join("out");
    fs::write(&input, SAMPLE).unwrap();
    let from = [("connector", "filesystem"), ("path", input.to_str().unwrap()), ("format", "json")];
    let to = [("connector", "filesystem"), ("path", out.to_str().unwrap()), ("format", "parquet")];
    let json = table(&from, sample_columns());
    write(&sink_spec(&to, sample_columns()), &read(&json).unwrap()).unwrap();
    assert_eq!(show(&table(&to, sample_columns())), show(&json));
    let mut some = table(&to, sample_columns());
    some.projection = vec![3, 0];
    some.used_fields = vec![None, None];
    expect![[r#"
        +I[250.00, 1]
        +I[1.50, 2]
    "#]]
    .assert_eq(&show(&some));
    let wrong = show(&table(&to, vec![field("s", LogicalType::Int)]));
    assert!(wrong.contains("column 's' is declared INT but the file holds Utf8"), "{wrong}");
    let absent = show(&table(&to, vec![field("nosuch", LogicalType::Int)]));
    assert_eq!(absent, "+I[null]\n+I[null]\n");
}

#[test]
fn options_are_checked_with_a_hint() {
    let source = |pairs: &[(&str, &str)]| {
        crate::validate_source("t", &options(pairs)).map_err(|e| e.to_string()).unwrap_err()
    };
    expect![[r#"
        table t: there is no connector 'filesytem'; did you mean 'filesystem'? connectors are: blackhole, datagen, filesystem, nexmark, print
        table t: connector 'filesystem' needs the option 'path'
        table t: connector 'datagen' has no option 'rows-per-secnd'; did you mean 'rows-per-second'?
        table t: option 'json.ignore-parse-errors': 'yes' is not 'true' or 'false'
        table t: option 'format': there is no format 'jsn'; did you mean 'json'? formats are: csv, debezium-json, json, parquet, raw
        table t: connector 'print' can only be written to, not read
        table t: option 'json.timestamp-format.standard': 'iso' is not one of SQL, ISO-8601"#]]
    .assert_eq(
        &[
            source(&[("connector", "filesytem")]),
            source(&[("connector", "filesystem"), ("format", "json")]),
            source(&[("connector", "datagen"), ("rows-per-secnd", "1")]),
            source(&[
                ("connector", "filesystem"),
                ("path", "/x"),
                ("format", "json"),
                ("json.ignore-parse-errors", "yes"),
            ]),
            source(&[("connector", "filesystem"), ("path", "/x"), ("format", "jsn")]),
            source(&[("connector", "print")]),
            source(&[
                ("connector", "filesystem"),
                ("path", "/x"),
                ("format", "json"),
                ("json.timestamp-format.standard", "iso"),
            ]),
        ]
        .join("\n"),
    );
}

#[test]
fn lookups_find_rows_by_key() {
    use river_runtime::lookup::LookupTable;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rates.csv");
    fs::write(&path, "EUR,1\nUSD,2\nEUR,3\n").unwrap();
    let pairs = [("connector", "filesystem"), ("path", path.to_str().unwrap()), ("format", "csv")];
    let table = table(&pairs, vec![field("c", LogicalType::STRING), field("r", LogicalType::Int)]);
    let mut lookup: Box<dyn LookupTable> =
        crate::lookup(&table, &[0], &Session::default()).unwrap();
    let keys =
        arrow_array::StringViewArray::from(vec![Some("USD"), None, Some("XXX"), Some("EUR")]);
    let (numbers, rows) = lookup.lookup(&[std::sync::Arc::new(keys)], 4).unwrap();
    assert_eq!(numbers, [0, 3, 3]);
    let mut out = Vec::new();
    write_lines(&table.physical, "", &rows, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "+I[USD, 2]\n+I[EUR, 1]\n+I[EUR, 3]\n");
}
