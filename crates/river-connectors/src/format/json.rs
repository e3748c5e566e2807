//! The `json` format: one object a line (`JsonFormatFactory`, `JsonFormatOptions`).

pub mod decode;
pub mod encode;
pub mod parser;
pub mod tree_text;

#[cfg(test)]
pub mod tests;

use river_core::Field;
use river_core::options::{OptionError, Options};
use river_core::types::LogicalType;
use river_runtime::{Batch, Error, Result};

use self::decode::{RowDecoder, RowPlan};
use self::encode::RowText;
use self::parser::Parser;
use super::cells::Cells;
use super::column_sink::ColumnSink;
use super::{DecodeSpec, Decoder, Encoder, Fail, Rows, choice, decode_lines};

/// Keys after `json.`.
pub const OPTION_KEYS: &[&str] = &[
    "fail-on-missing-field",
    "ignore-parse-errors",
    "timestamp-format.standard",
    "map-null-key.mode",
    "map-null-key.literal",
    "encode.decimal-as-plain-number",
    "encode.ignore-null-fields",
    "decode.json-parser.enabled",
];

/// `json.timestamp-format.standard`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampStandard {
    /// `2024-03-01 09:00:00.5`
    Sql,
    /// `2024-03-01T09:00:00.5`
    Iso8601,
}

/// `json.map-null-key.mode`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NullKeyMode {
    /// A NULL key fails the job.
    Fail,
    /// Its entry is left out.
    Drop,
    /// It is written as `json.map-null-key.literal`.
    Literal,
}

/// Options of the format.
#[derive(Debug, Clone)]
pub struct JsonOptions {
    /// A wanted field that is absent fails the job instead of being NULL.
    pub fail_on_missing_field: bool,
    /// What cannot be read is NULL, or drops the row, instead of failing the job.
    pub ignore_parse_errors: bool,
    /// Form of timestamps.
    pub timestamp: TimestampStandard,
    /// What a NULL key of a map becomes.
    pub null_key: NullKeyMode,
    /// Text for a NULL key.
    pub null_key_literal: String,
    /// Decimals are written with all digits of their scale and no exponent.
    pub plain_decimals: bool,
    /// NULL fields are left out.
    pub ignore_null_fields: bool,
    /// Decode token by token; else as a tree.
    pub json_parser: bool,
}

impl JsonOptions {
    /// Reads the options that start with `prefix` and a dot.
    pub fn new(prefix: &str, options: &Options) -> std::result::Result<JsonOptions, OptionError> {
        let key = |name: &str| format!("{prefix}.{name}");
        let flag = |name: &str| options.bool(&key(name));
        Ok(JsonOptions {
            fail_on_missing_field: flag("fail-on-missing-field")?.unwrap_or(false),
            ignore_parse_errors: flag("ignore-parse-errors")?.unwrap_or(false),
            timestamp: choice(
                options,
                &key("timestamp-format.standard"),
                &[("SQL", TimestampStandard::Sql), ("ISO-8601", TimestampStandard::Iso8601)],
                TimestampStandard::Sql,
            )?,
            null_key: choice(
                options,
                &key("map-null-key.mode"),
                &[
                    ("FAIL", NullKeyMode::Fail),
                    ("DROP", NullKeyMode::Drop),
                    ("LITERAL", NullKeyMode::Literal),
                ],
                NullKeyMode::Fail,
            )?,
            null_key_literal: options
                .get(&key("map-null-key.literal"))
                .unwrap_or("null")
                .to_owned(),
            plain_decimals: flag("encode.decimal-as-plain-number")?.unwrap_or(false),
            ignore_null_fields: flag("encode.ignore-null-fields")?.unwrap_or(false),
            json_parser: flag("decode.json-parser.enabled")?.unwrap_or(true),
        })
    }
}

/// Decodes lines of JSON.
pub struct JsonDecoder {
    options: JsonOptions,
    plan: RowPlan,
    columns: Vec<ColumnSink>,
    rows: usize,
    exact_decimals: bool,
    scratch: Vec<bool>,
}

impl JsonDecoder {
    /// A decoder for the wanted columns.
    pub fn new(options: JsonOptions, spec: &DecodeSpec) -> std::result::Result<Self, String> {
        let plan = RowPlan::of_columns(&spec.wanted)?;
        let types = || spec.wanted.iter().map(|w| &w.field.ty.logical);
        Ok(JsonDecoder {
            options,
            plan,
            columns: types().map(ColumnSink::new).collect(),
            rows: 0,
            exact_decimals: types().any(has_decimal),
            scratch: Vec::new(),
        })
    }

    fn line(&mut self, line: &[u8]) -> std::result::Result<(), Fail> {
        if line.is_empty() {
            return Ok(());
        }
        let result = decode_text(line).and_then(|text| {
            let mut parser = Parser::new(text, std::mem::take(&mut self.scratch));
            let decoder = RowDecoder {
                options: &self.options,
                tree: !self.options.json_parser,
                exact_decimals: self.exact_decimals,
            };
            parser.advance()?;
            let result = decoder.row(&mut parser, &self.plan, &mut self.columns, self.rows);
            self.scratch = parser.into_scratch();
            result
        });
        match result {
            Ok(()) => self.rows += 1,
            Err(fail) => {
                self.columns.iter_mut().for_each(|c| c.truncate(self.rows));
                if !self.options.ignore_parse_errors {
                    return Err(fail);
                }
            }
        }
        Ok(())
    }
}

/// The text of a line.
pub fn decode_text(line: &[u8]) -> std::result::Result<&str, Fail> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    std::str::from_utf8(line)
        .map_err(|error| Fail::at(error.valid_up_to(), "the text is not valid UTF-8"))
}

/// Whether a decimal is anywhere in the type.
pub fn has_decimal(ty: &LogicalType) -> bool {
    match ty {
        LogicalType::Decimal(..) => true,
        LogicalType::Array(item) | LogicalType::Multiset(item) => has_decimal(&item.logical),
        LogicalType::Map(key, value) => has_decimal(&key.logical) || has_decimal(&value.logical),
        LogicalType::Row(fields) => fields.iter().any(|f| has_decimal(&f.ty.logical)),
        _ => false,
    }
}

impl Decoder for JsonDecoder {
    fn decode(
        &mut self,
        data: &[u8],
        last: bool,
        max_rows: usize,
    ) -> std::result::Result<usize, Fail> {
        decode_lines(self, data, last, max_rows, Self::line)
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn take(&mut self) -> std::result::Result<Rows, Fail> {
        let rows = std::mem::take(&mut self.rows);
        let columns = self.columns.iter_mut().map(ColumnSink::finish).collect();
        Ok(Rows { columns, rows, kinds: None })
    }
}

/// Encodes rows as lines of JSON.
pub struct JsonEncoder {
    fields: Vec<Field>,
    row: RowText,
}

impl JsonEncoder {
    /// An encoder for columns of those types.
    pub fn new(options: JsonOptions, fields: &[Field]) -> std::result::Result<Self, String> {
        let row = RowText::new(options, fields)?;
        Ok(JsonEncoder { fields: fields.to_vec(), row })
    }
}

impl Encoder for JsonEncoder {
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        let cells = Cells::of_columns(&batch.columns, &self.fields);
        for row in 0..batch.rows {
            self.row.write(&cells, row, out).map_err(Error::input)?;
            out.push(b'\n');
        }
        Ok(())
    }
}
