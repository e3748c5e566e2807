//! The `csv` format: any bytes decoded; what is read, written and read again.

#![no_main]

use arrow_array::Array;
use libfuzzer_sys::{Corpus, fuzz_target};
use river_connectors::format::csv::CsvOptions;
use river_connectors::format::{Format, Rows};
use river_core::types::{Field, LogicalType};
use river_fuzz::decoding::{Trip, decode_case, round_trip};
use river_fuzz::schema::{Case, options};

const OPTIONS: &[(u32, &str, &str)] = &[
    (0, "csv.ignore-parse-errors", "true"),
    (1, "csv.fail-on-missing-columns", "true"),
    (2, "csv.quote-character", "'"),
    (3, "csv.allow-comments", "true"),
    (4, "csv.write-bigdecimal-in-scientific-notation", "false"),
    (5, "csv.null-literal", "NULL"),
    (6, "csv.empty-string-as-null", "true"),
    (7, "csv.trim-spaces", "true"),
    (8, "csv.ignore-trailing-unmappable", "true"),
    (9, "csv.allow-trailing-comma", "false"),
    (10, "csv.escape-character", "\\"),
    (11, "csv.field-delimiter", "\\t"),
    (12, "csv.array-element-delimiter", "::"),
    // Refused beside a quote character: bit 2 must be unset.
    (13, "csv.disable-quote-character", "true"),
    (14, "csv.field-delimiter", "|"),
];

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some(case) = Case::new(data) else { return Corpus::Reject };
    let Ok(options) = CsvOptions::new(&options(&case, OPTIONS)) else { return Corpus::Reject };
    let format = Format::Csv(options.clone());
    if let Some(batches) = decode_case(&format, &case)
        && case.whole
        && let Some(trip) = trip(&options, &case.schema, &batches)
    {
        round_trip(&format, &case.schema, batches, trip);
    }
    Corpus::Keep
});

/// How much comes back; `None`: the format has no way to write such rows so that they can be read.
fn trip(options: &CsvOptions, schema: &[Field], batches: &[Rows]) -> Option<Trip> {
    use LogicalType::{Array, Row};
    // Items are written without quotes, so that an item may read as several.
    let nested = schema.iter().any(|field| matches!(field.ty.logical, Array(_) | Row(_)));
    if options.quote.is_none() || options.allow_comments || nested {
        return None;
    }
    let mut columns = batches.iter().flat_map(|batch| &batch.columns);
    let nulls = columns.any(|column| column.null_count() > 0);
    match (&options.null_literal, nulls) {
        // A text may read as the literal.
        (Some(_), _) => Some(Trip::Text),
        (None, false) if !options.empty_as_null => Some(Trip::Exact),
        _ => None,
    }
}
