//! The `debezium-json` format: any bytes decoded; what is read, written and read again.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use river_connectors::format::Format;
use river_connectors::format::debezium_json::DebeziumOptions;
use river_core::types::{Field, LogicalType};
use river_fuzz::decoding::{Trip, decode_case, round_trip};
use river_fuzz::schema::{Case, options};

const OPTIONS: &[(u32, &str, &str)] = &[
    (0, "debezium-json.ignore-parse-errors", "true"),
    (1, "debezium-json.schema-include", "true"),
    (2, "debezium-json.timestamp-format.standard", "ISO-8601"),
    (4, "debezium-json.encode.decimal-as-plain-number", "true"),
    (5, "debezium-json.encode.ignore-null-fields", "true"),
    (6, "debezium-json.map-null-key.mode", "LITERAL"),
];

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some(case) = Case::new(data) else { return Corpus::Reject };
    let Ok(options) = DebeziumOptions::new(&options(&case, OPTIONS)) else {
        return Corpus::Reject;
    };
    let format = Format::DebeziumJson(options);
    if let Some(batches) = decode_case(&format, &case)
        && case.whole
    {
        let trip = if case.schema.iter().any(is_time) { Trip::Text } else { Trip::Exact };
        round_trip(&format, &case.schema, batches, trip);
    }
    Corpus::Keep
});

/// The fraction of a TIME is not written.
fn is_time(field: &Field) -> bool {
    matches!(field.ty.logical, LogicalType::Time(_))
}
