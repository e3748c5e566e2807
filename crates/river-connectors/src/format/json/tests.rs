//! Decoding what was encoded, and bytes that are no JSON.

use std::sync::Arc;

use proptest::prelude::*;
use river_core::options::Options;
use river_core::types::{Field, LogicalType};
use river_runtime::Batch;

use super::{JsonDecoder, JsonEncoder, JsonOptions};
use crate::format::{DecodeSpec, Decoder, Encoder, WantedColumn};

/// A decoding of all columns.
pub fn spec(schema: Vec<Field>) -> DecodeSpec {
    let wanted = schema.iter().enumerate().map(|(position, field)| WantedColumn {
        position,
        field: field.clone(),
        used_fields: None,
    });
    DecodeSpec { wanted: wanted.collect(), schema }
}

/// Columns of many types.
pub fn schema() -> Vec<Field> {
    let field = |name: &str, ty: LogicalType| Field::new(name, ty.nullable());
    let row = vec![field("x", LogicalType::Int), field("y", LogicalType::STRING)];
    vec![
        field("i", LogicalType::Int),
        field("s", LogicalType::STRING),
        field("a", LogicalType::Array(Box::new(LogicalType::Double.nullable()))),
        field("r", LogicalType::Row(row)),
        field("t", LogicalType::timestamp(3)),
        field("d", LogicalType::Decimal(10, 2)),
        field("b", LogicalType::BYTES),
    ]
}

fn json(pairs: &[(&str, &str)]) -> JsonOptions {
    JsonOptions::new("json", &pairs.iter().copied().collect::<Options>()).unwrap()
}

const RECORD: &[u8] = br#"{"i": 7, "s": "a\n\u65e5", "a": [1.5, null, 2e3], "r": {"x": 1, "y": "z"}, "t": "2024-03-01 09:00:00.25", "d": 12.34, "b": "AQI=", "extra": {"k": []}}
"#;

#[test]
fn the_token_after_a_bad_value_is_taken_up_as_in_flink() {
    // INT `a` is an object: it becomes NULL and the parser goes on within it.
    let field = |name: &str, ty: LogicalType| Field::new(name, ty.nullable());
    let schema = vec![field("a", LogicalType::Int), field("b", LogicalType::STRING)];
    let decode = |options: &[(&str, &str)], line: &[u8]| {
        let mut decoder = JsonDecoder::new(json(options), &spec(schema.clone())).unwrap();
        decoder.decode(line, true, 10).unwrap();
        let rows = decoder.take().unwrap();
        let mut out = Vec::new();
        let batch = Batch::new(rows.columns, rows.rows);
        crate::print::write_lines(&schema, "", &batch, &mut out);
        String::from_utf8(out).unwrap()
    };
    let ignore = ("json.ignore-parse-errors", "true");
    let line = br#"{"a": {"b": 1}, "b": "x"}"#;
    assert_eq!(decode(&[ignore], line), "+I[null, 1]\n");
    let tree = ("json.decode.json-parser.enabled", "false");
    assert_eq!(decode(&[ignore, tree], line), "+I[null, x]\n");
    // An array in place of a number ends beyond the end of the text: the row is dropped.
    assert_eq!(decode(&[ignore], br#"{"a": [1, 2], "d": "maybe"}"#), "");
}

#[test]
fn a_key_given_twice_keeps_its_last_value_however_many_there_are() {
    let text = || Box::new(LogicalType::STRING.nullable());
    let schema = vec![Field::new("m", LogicalType::Map(text(), text()).nullable())];
    for count in [3, 60_000] {
        let entries: Vec<String> = (0..count).map(|i| format!("\"k{i}\":\"{i}\"")).collect();
        let line = format!("{{\"m\":{{\"k1\":\"old\",{}}}}}\n", entries.join(","));
        let mut decoder = JsonDecoder::new(json(&[]), &spec(schema.clone())).unwrap();
        decoder.decode(line.as_bytes(), true, 10).unwrap();
        let rows = decoder.take().unwrap();
        let mut out = Vec::new();
        let batch = Batch::new(rows.columns, rows.rows);
        JsonEncoder::new(json(&[]), &schema).unwrap().encode(&batch, &mut out).unwrap();
        let expected = format!("{{\"m\":{{{}}}}}\n", entries.join(","));
        assert!(String::from_utf8(out).unwrap() == expected);
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(
        rows in prop::collection::vec((any::<Option<i32>>(), any::<Option<String>>()), 0..50)
    ) {
        let field = |name: &str, ty: LogicalType| Field::new(name, ty.nullable());
        let schema = vec![field("i", LogicalType::Int), field("s", LogicalType::STRING)];
        let ints = arrow_array::Int32Array::from_iter(rows.iter().map(|r| r.0));
        let texts = arrow_array::StringViewArray::from_iter(rows.iter().map(|r| r.1.as_deref()));
        let batch = Batch::new(vec![Arc::new(ints), Arc::new(texts)], rows.len());
        let mut bytes = Vec::new();
        JsonEncoder::new(json(&[]), &schema).unwrap().encode(&batch, &mut bytes).unwrap();
        let mut decoder = JsonDecoder::new(json(&[]), &spec(schema)).unwrap();
        prop_assert_eq!(decoder.decode(&bytes, true, usize::MAX).unwrap(), bytes.len());
        let decoded = decoder.take().unwrap();
        prop_assert_eq!(decoded.rows, rows.len());
        prop_assert_eq!(&decoded.columns, &batch.columns);
    }

    #[test]
    fn damaged_records_never_panic(
        at in prop::collection::vec((0..RECORD.len(), any::<u8>()), 1..4),
        lenient in any::<bool>(),
        parser in any::<bool>(),
    ) {
        let mut bytes = RECORD.to_vec();
        for (at, byte) in at {
            bytes[at] = byte;
        }
        let options = JsonOptions {
            ignore_parse_errors: lenient,
            json_parser: parser,
            ..json(&[])
        };
        let mut decoder = JsonDecoder::new(options, &spec(schema())).unwrap();
        let data = [&bytes[..], RECORD].concat();
        let _ = decoder.decode(&data, true, 100);
        let rows = decoder.take().unwrap();
        for column in rows.columns {
            prop_assert_eq!(arrow_array::Array::len(&column), rows.rows);
        }
    }
}
