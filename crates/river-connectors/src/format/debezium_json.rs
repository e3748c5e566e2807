//! The `debezium-json` format: changes as `{"before":..,"after":..,"op":..}`
//! (`DebeziumJsonDeserializationSchema`, `DebeziumJsonSerializationSchema`).
//!
//! Reading, `u` gives `-U` and `+U`. Writing, `+I` and `+U` are `c`, `-U` and `-D` are `d`.

use arrow_array::ArrayRef;
use arrow_select::interleave::interleave;
use river_core::RowKind;
use river_core::options::{OptionError, Options};
use river_core::types::{Field, LogicalType};
use river_runtime::{Batch, Error, Result};

use super::cells::Cells;
use super::column_sink::ColumnSink;
use super::json::decode::{RowDecoder, RowPlan};
use super::json::encode::RowText;
use super::json::parser::Parser;
use super::json::{JsonOptions, decode_text, has_decimal};
use super::{DecodeSpec, Decoder, Encoder, Fail, Rows, WantedColumn, decode_lines};

/// Keys after `debezium-json.`.
pub const OPTION_KEYS: &[&str] = &[
    "schema-include",
    "ignore-parse-errors",
    "timestamp-format.standard",
    "map-null-key.mode",
    "map-null-key.literal",
    "encode.decimal-as-plain-number",
    "encode.ignore-null-fields",
];

/// Options of the format.
#[derive(Debug, Clone)]
pub struct DebeziumOptions {
    json: JsonOptions,
    /// The change is in a field `payload`, beside a `schema`.
    schema_include: bool,
}

impl DebeziumOptions {
    /// Reads the options that start with `debezium-json.`.
    pub fn new(options: &Options) -> std::result::Result<DebeziumOptions, OptionError> {
        Ok(DebeziumOptions {
            json: JsonOptions::new("debezium-json", options)?,
            schema_include: options.bool("debezium-json.schema-include")?.unwrap_or(false),
        })
    }
}

/// The images of a change, in the order in which they stand in a message.
const BEFORE: usize = 0;
const AFTER: usize = 1;

/// Decodes lines of changes.
pub struct DebeziumDecoder {
    options: DebeziumOptions,
    /// Plan of the whole message.
    plan: RowPlan,
    /// The message's columns, holding one row at a time: `before`, `after`, `op` or `payload`.
    message: Vec<ColumnSink>,
    /// Decoded messages waiting to be turned into rows.
    messages: usize,
    /// Kind of each row.
    kinds: Vec<u8>,
    /// For each row the image it is, [`BEFORE`] or [`AFTER`], and its message.
    images: Vec<(usize, usize)>,
    exact_decimals: bool,
    scratch: Vec<bool>,
}

impl DebeziumDecoder {
    /// A decoder for the wanted columns.
    pub fn new(options: DebeziumOptions, spec: &DecodeSpec) -> std::result::Result<Self, String> {
        let fields: Vec<Field> = spec.wanted.iter().map(|w| w.field.clone()).collect();
        let types: Vec<LogicalType> = fields.iter().map(|f| f.ty.logical.clone()).collect();
        let image = LogicalType::Row(fields).nullable();
        let mut message = vec![
            Field::new("before", image.clone()),
            Field::new("after", image),
            Field::new("op", LogicalType::STRING.nullable()),
        ];
        if options.schema_include {
            message = vec![Field::new("payload", LogicalType::Row(message).nullable())];
        }
        let wanted: Vec<WantedColumn> = message
            .iter()
            .enumerate()
            .map(|(position, field)| WantedColumn {
                position,
                field: field.clone(),
                used_fields: None,
            })
            .collect();
        Ok(DebeziumDecoder {
            plan: RowPlan::of_columns(&wanted)?,
            message: message.iter().map(|f| ColumnSink::new(&f.ty.logical)).collect(),
            messages: 0,
            exact_decimals: types.iter().any(has_decimal),
            options,
            kinds: Vec::new(),
            images: Vec::new(),
            scratch: Vec::new(),
        })
    }

    fn line(&mut self, line: &[u8]) -> std::result::Result<(), Fail> {
        if line.is_empty() {
            return Ok(());
        }
        let row = self.messages;
        let result = decode_text(line).and_then(|text| {
            let mut parser = Parser::new(text, std::mem::take(&mut self.scratch));
            let options = JsonOptions { fail_on_missing_field: false, ..self.options.json.clone() };
            let decoder =
                RowDecoder { options: &options, tree: true, exact_decimals: self.exact_decimals };
            parser.advance()?;
            let result = decoder.row(&mut parser, &self.plan, &mut self.message, row);
            self.scratch = parser.into_scratch();
            result
        });
        let result = result.and_then(|()| self.images_of(row));
        if let Err(fail) = result {
            self.message.iter_mut().for_each(|c| c.truncate(row));
            return if self.options.json.ignore_parse_errors { Ok(()) } else { Err(fail) };
        }
        self.messages += 1;
        Ok(())
    }

    /// Notes the rows that the message just read gives.
    fn images_of(&mut self, row: usize) -> std::result::Result<(), Fail> {
        let parts = if self.options.schema_include {
            self.message.first_mut().and_then(ColumnSink::fields).unwrap_or_default()
        } else {
            &mut self.message[..]
        };
        let [before, after, op] = parts else {
            return Err(Fail::at(0, "the change has no payload"));
        };
        let has = |image: &ColumnSink, name: &str, op: &str| {
            if image.is_valid(row) {
                return Ok(());
            }
            Err(Fail::at(0, format!("the change with \"op\" \"{op}\" has no \"{name}\" image")))
        };
        let mut give = |kind: RowKind, image: usize| {
            self.kinds.push(kind as u8);
            self.images.push((image, row));
        };
        match op.text_at(row).as_deref().unwrap_or("") {
            op @ ("c" | "r") => {
                has(after, "after", op)?;
                give(RowKind::Insert, AFTER);
            }
            "u" => {
                // Images of updates need the table's replica identity to be complete.
                has(before, "before", "u")?;
                has(after, "after", "u")?;
                give(RowKind::UpdateBefore, BEFORE);
                give(RowKind::UpdateAfter, AFTER);
            }
            "d" => {
                has(before, "before", "d")?;
                give(RowKind::Delete, BEFORE);
            }
            other => return Err(Fail::at(0, format!("unknown \"op\" value \"{other}\""))),
        }
        Ok(())
    }
}

impl Decoder for DebeziumDecoder {
    fn decode(
        &mut self,
        data: &[u8],
        last: bool,
        max_rows: usize,
    ) -> std::result::Result<usize, Fail> {
        decode_lines(self, data, last, max_rows, Self::line)
    }

    fn rows(&self) -> usize {
        self.images.len()
    }

    fn take(&mut self) -> std::result::Result<Rows, Fail> {
        let images = std::mem::take(&mut self.images);
        let kinds = std::mem::take(&mut self.kinds);
        self.messages = 0;
        let mut parts: Vec<ArrayRef> = self.message.iter_mut().map(ColumnSink::finish).collect();
        if self.options.schema_include {
            parts = struct_columns(&parts[0]);
        }
        let (before, after) = (struct_columns(&parts[0]), struct_columns(&parts[1]));
        let columns = before.iter().zip(&after).map(|(before, after)| {
            interleave(&[before, after], &images).map_err(|error| Fail::at(0, error.to_string()))
        });
        let columns = columns.collect::<std::result::Result<_, Fail>>()?;
        Ok(Rows { columns, rows: images.len(), kinds: Some(kinds) })
    }
}

fn struct_columns(array: &ArrayRef) -> Vec<ArrayRef> {
    use arrow_array::cast::AsArray;
    array.as_struct_opt().map(|s| s.columns().to_vec()).unwrap_or_default()
}

/// Encodes changes as lines.
pub struct DebeziumEncoder {
    fields: Vec<Field>,
    row: RowText,
    ignore_null_fields: bool,
}

impl DebeziumEncoder {
    /// An encoder for columns of those types.
    pub fn new(options: DebeziumOptions, fields: &[Field]) -> std::result::Result<Self, String> {
        if options.schema_include {
            return Err("option 'debezium-json.schema-include': debezium-json is written without \
                        schema; remove the option"
                .to_owned());
        }
        Ok(DebeziumEncoder {
            fields: fields.to_vec(),
            ignore_null_fields: options.json.ignore_null_fields,
            row: RowText::new(options.json, fields)?,
        })
    }
}

impl Encoder for DebeziumEncoder {
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        let cells = Cells::of_columns(&batch.columns, &self.fields);
        let (nothing_before, nothing_after): (&[u8], &[u8]) = if self.ignore_null_fields {
            (b"{\"after\":", b",\"op\":\"d\"}\n")
        } else {
            (b"{\"before\":null,\"after\":", b",\"after\":null,\"op\":\"d\"}\n")
        };
        for row in 0..batch.rows {
            if batch.kind(row).is_accumulate() {
                out.extend_from_slice(nothing_before);
                self.row.write(&cells, row, out).map_err(Error::input)?;
                out.extend_from_slice(b",\"op\":\"c\"}\n");
            } else {
                out.extend_from_slice(b"{\"before\":");
                self.row.write(&cells, row, out).map_err(Error::input)?;
                out.extend_from_slice(nothing_after);
            }
        }
        Ok(())
    }
}
