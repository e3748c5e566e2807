//! CSV records into columns (`CsvToRowDataConverters`).

use river_core::types::{DataType, LogicalType};

use super::CsvOptions;
use super::record::{Record, Scan, scan};
use crate::format::column_sink::ColumnSink;
use crate::format::json::decode::decode_base64;
use crate::format::number_text::{
    java_trim, parse_decimal, parse_double, parse_float, parse_integer,
};
use crate::format::time_text::{
    parse_jdbc_date, parse_jdbc_timestamp, parse_local_time, parse_sql_timestamp,
};
use crate::format::{DecodeSpec, Decoder, Fail, Rows, WantedColumn};

/// Decodes CSV records.
pub struct CsvDecoder {
    options: CsvOptions,
    wanted: Vec<WantedColumn>,
    columns: Vec<ColumnSink>,
    /// Columns of the table.
    width: usize,
    rows: usize,
    record: Record,
}

impl CsvDecoder {
    /// A decoder for the wanted columns; `Err` names a column of a type that CSV cannot hold.
    pub fn new(options: CsvOptions, spec: &DecodeSpec) -> Result<CsvDecoder, String> {
        for wanted in &spec.wanted {
            check_type(&wanted.field.name, &wanted.field.ty.logical)?;
        }
        let columns = spec.wanted.iter().map(|w| ColumnSink::new(&w.field.ty.logical)).collect();
        Ok(CsvDecoder {
            options,
            wanted: spec.wanted.clone(),
            columns,
            width: spec.schema.len(),
            rows: 0,
            record: Record::default(),
        })
    }

    fn row(&mut self, data: &[u8]) -> Result<(), Fail> {
        if let Some(fail) = &self.record.fail {
            return Err(fail.clone());
        }
        let count = self.record.len();
        if count > self.width && !self.is_surplus_allowed(data, count) {
            let message =
                format!("too many fields: expected at most {}, found {count}", self.width);
            return Err(Fail::at(self.record.offset(self.width), message));
        }
        let too_few = self.options.fail_on_missing && count < self.width
            || !self.options.ignore_parse_errors && count < self.wanted.len();
        if too_few {
            let message = format!(
                "row length mismatch: {} fields expected but found {count}",
                if self.options.fail_on_missing { self.width } else { self.wanted.len() }
            );
            return Err(Fail::at(self.record.offset(count.saturating_sub(1)), message));
        }
        for (wanted, column) in self.wanted.iter().zip(&mut self.columns) {
            if wanted.position >= count {
                column.push_null();
                continue;
            }
            let bytes = self.record.field(data, wanted.position);
            let converted = std::str::from_utf8(bytes)
                .map_err(|_| "the text is not valid UTF-8".to_owned())
                .and_then(|text| convert(text, &wanted.field.ty, &self.options, column));
            if let Err(message) = converted {
                column.truncate(self.rows);
                if !self.options.ignore_parse_errors {
                    let fail = Fail::at(self.record.offset(wanted.position), message);
                    return Err(fail.of_field(&wanted.field.name));
                }
                column.push_null();
            }
        }
        Ok(())
    }

    fn is_surplus_allowed(&self, data: &[u8], count: usize) -> bool {
        let extra = self.record.field(data, self.width);
        self.options.ignore_trailing
            || self.options.allow_trailing_comma
                && count == self.width + 1
                && extra.iter().all(|b| *b <= b' ')
    }
}

impl Decoder for CsvDecoder {
    fn decode(&mut self, data: &[u8], last: bool, max_rows: usize) -> Result<usize, Fail> {
        let mut used = 0;
        while self.rows < max_rows {
            let rest = &data[used..];
            let length = match scan(rest, last, &self.options, &mut self.record) {
                Scan::Record(length) => length,
                Scan::Nothing(length) => return Ok(used + length),
                Scan::Incomplete => return Ok(used),
            };
            match self.row(rest) {
                Ok(()) => self.rows += 1,
                Err(fail) => {
                    self.columns.iter_mut().for_each(|c| c.truncate(self.rows));
                    if !self.options.ignore_parse_errors {
                        return Err(Fail { offset: fail.offset + used, ..fail });
                    }
                }
            }
            used += length;
        }
        Ok(used)
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn take(&mut self) -> Result<Rows, Fail> {
        let rows = std::mem::take(&mut self.rows);
        let columns = self.columns.iter_mut().map(ColumnSink::finish).collect();
        Ok(Rows { columns, rows, kinds: None })
    }
}

/// Which types a CSV column may have: scalars, and arrays and rows of scalars.
pub fn check_type(name: &str, ty: &LogicalType) -> Result<(), String> {
    use LogicalType::*;
    let scalar = |ty: &LogicalType| {
        !matches!(ty, Array(_) | Row(_) | Map(..) | Multiset(_) | Variant | Bitmap)
    };
    let known = match ty {
        Array(item) => scalar(&item.logical),
        Row(fields) => fields.iter().all(|f| scalar(&f.ty.logical)),
        other => scalar(other),
    };
    if known { Ok(()) } else { Err(format!("column '{name}': type {ty} is not supported by csv")) }
}

fn convert(
    text: &str,
    ty: &DataType,
    options: &CsvOptions,
    column: &mut ColumnSink,
) -> Result<(), String> {
    match &ty.logical {
        LogicalType::Array(item) => {
            if let Some(items) = column.items() {
                for part in parts(text, options) {
                    element(part, &item.logical, options, items)?;
                }
            }
            column.close();
            Ok(())
        }
        LogicalType::Row(fields) => {
            let mut parts = parts(text, options).peekable();
            if parts.peek().is_none() {
                column.push_null();
                return Ok(());
            }
            if let Some(columns) = column.fields() {
                for (field, column) in fields.iter().zip(columns) {
                    match parts.next() {
                        Some(part) => element(part, &field.ty.logical, options, column)?,
                        None if options.ignore_parse_errors => column.push_null(),
                        None => return Err(format!("a row of {} fields expected", fields.len())),
                    }
                }
            }
            column.close();
            Ok(())
        }
        scalar_type if is_null(text, options) => {
            let _ = scalar_type;
            column.push_null();
            Ok(())
        }
        scalar_type => scalar(text, scalar_type, column),
    }
}

fn is_null(text: &str, options: &CsvOptions) -> bool {
    options.null_literal.as_deref() == Some(text) || options.empty_as_null && text.is_empty()
}

/// The items of a nested value; none in a blank text.
fn parts<'a>(text: &'a str, options: &'a CsvOptions) -> impl Iterator<Item = &'a str> {
    let blank = java_trim(text).is_empty();
    let trim = options.trim_spaces;
    text.split(options.array_delimiter.as_str())
        .filter(move |_| !blank)
        .map(move |part| if trim { java_trim(part) } else { part })
}

/// An item of a nested value: NULL where it cannot be read and errors are ignored.
fn element(
    text: &str,
    ty: &LogicalType,
    options: &CsvOptions,
    column: &mut ColumnSink,
) -> Result<(), String> {
    if options.null_literal.as_deref() == Some(text) {
        column.push_null();
        return Ok(());
    }
    match scalar(text, ty, column) {
        Err(_) if options.ignore_parse_errors => {
            column.push_null();
            Ok(())
        }
        other => other,
    }
}

/// Reads a text as a value of a scalar type; `Err` says what it is not.
pub fn scalar(text: &str, ty: &LogicalType, column: &mut ColumnSink) -> Result<(), String> {
    let wrong =
        || format!("'{}' is not a value of type {ty}", text.chars().take(60).collect::<String>());
    let integer = |min: i64, max: i64| parse_integer(java_trim(text), min, max).ok_or_else(wrong);
    match ty {
        LogicalType::Boolean => column.push_bool(java_trim(text).eq_ignore_ascii_case("true")),
        LogicalType::TinyInt => column.push_int(integer(i8::MIN.into(), i8::MAX.into())?),
        LogicalType::SmallInt => column.push_int(integer(i16::MIN.into(), i16::MAX.into())?),
        LogicalType::Int | LogicalType::IntervalYearMonth => {
            column.push_int(integer(i32::MIN.into(), i32::MAX.into())?);
        }
        LogicalType::BigInt | LogicalType::IntervalDayTime => {
            column.push_int(integer(i64::MIN, i64::MAX)?);
        }
        LogicalType::Float => {
            column.push_float(parse_float(java_trim(text)).ok_or_else(wrong)?.into());
        }
        LogicalType::Double => column.push_float(parse_double(java_trim(text)).ok_or_else(wrong)?),
        LogicalType::Decimal(precision, scale) => {
            column.push_decimal(parse_decimal(text, *precision, *scale).map_err(|_| wrong())?);
        }
        LogicalType::Char(_) | LogicalType::VarChar(_) => column.push_str(text),
        LogicalType::Binary(_) | LogicalType::VarBinary(_) => {
            column.push_binary(&decode_base64(text).ok_or_else(wrong)?);
        }
        LogicalType::Date => column.push_int(parse_jdbc_date(text).ok_or_else(wrong)?),
        LogicalType::Time(precision) => {
            let millis = parse_local_time(text).ok_or_else(wrong)?;
            let unit = 10i64.pow(3u32.saturating_sub(u32::from(*precision)));
            column.push_int(millis / unit * unit);
        }
        LogicalType::Timestamp(precision, _) => {
            let time = parse_jdbc_timestamp(text).and_then(|t| t.ticks(*precision));
            column.push_int(time.ok_or_else(wrong)?);
        }
        LogicalType::TimestampLtz(precision, _) => {
            let time = parse_sql_timestamp(text, true).and_then(|t| t.ticks(*precision));
            column.push_int(time.ok_or_else(wrong)?);
        }
        _ => column.push_null(),
    }
    Ok(())
}
