//! The `json` format: any bytes decoded; what is read, written and read again.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use river_connectors::format::Format;
use river_connectors::format::json::JsonOptions;
use river_core::types::{Field, LogicalType};
use river_fuzz::decoding::{Trip, decode_case, round_trip};
use river_fuzz::schema::{Case, options};

const OPTIONS: &[(u32, &str, &str)] = &[
    (0, "json.ignore-parse-errors", "true"),
    (1, "json.fail-on-missing-field", "true"),
    (2, "json.timestamp-format.standard", "ISO-8601"),
    (3, "json.decode.json-parser.enabled", "false"),
    (4, "json.encode.decimal-as-plain-number", "true"),
    (5, "json.encode.ignore-null-fields", "true"),
    (6, "json.map-null-key.mode", "LITERAL"),
];

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some(case) = Case::new(data) else { return Corpus::Reject };
    let Ok(options) = JsonOptions::new("json", &options(&case, OPTIONS)) else {
        return Corpus::Reject;
    };
    // A NULL that was left out is a field that is missing.
    let defined = !(options.fail_on_missing_field && options.ignore_null_fields);
    let format = Format::Json(options);
    if let Some(batches) = decode_case(&format, &case)
        && case.whole
        && defined
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
