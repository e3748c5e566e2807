//! The `csv` format as Flink reads and writes it through Jackson (`CsvFileFormatFactory`,
//! `CsvToRowDataConverters`, `RowDataToCsvConverters`).

pub mod decode;
pub mod encode;
pub mod record;

#[cfg(test)]
mod tests;

use river_core::options::{OptionError, Options};

pub use self::decode::CsvDecoder;
pub use self::encode::CsvEncoder;

/// Keys after `csv.`.
pub const OPTION_KEYS: &[&str] = &[
    "field-delimiter",
    "disable-quote-character",
    "quote-character",
    "allow-comments",
    "ignore-parse-errors",
    "array-element-delimiter",
    "escape-character",
    "null-literal",
    "write-bigdecimal-in-scientific-notation",
    "trim-spaces",
    "ignore-trailing-unmappable",
    "allow-trailing-comma",
    "fail-on-missing-columns",
    "empty-string-as-null",
];

/// Options of the format.
#[derive(Debug, Clone)]
pub struct CsvOptions {
    /// Between fields.
    pub delimiter: u8,
    /// Around fields that hold special characters.
    pub quote: Option<u8>,
    /// Makes the next character ordinary.
    pub escape: Option<u8>,
    /// Lines that start with `#` are passed over, blank ones too.
    pub allow_comments: bool,
    /// What cannot be read is NULL, or drops the row, instead of failing the job.
    pub ignore_parse_errors: bool,
    /// Between the items of an array or the fields of a nested row.
    pub array_delimiter: String,
    /// Text that stands for NULL.
    pub null_literal: Option<String>,
    /// Decimals that end in zeros are written with an exponent.
    pub scientific_decimals: bool,
    /// Blanks around unquoted fields are dropped.
    pub trim_spaces: bool,
    /// Further fields than the table has columns are dropped.
    pub ignore_trailing: bool,
    /// One empty field more than the table has columns is dropped.
    pub allow_trailing_comma: bool,
    /// Fewer fields than the table has columns fail.
    pub fail_on_missing: bool,
    /// An empty field is NULL.
    pub empty_as_null: bool,
}

impl CsvOptions {
    /// Reads the options that start with `csv.`.
    pub fn new(options: &Options) -> Result<CsvOptions, OptionError> {
        let flag = |key: &str, default| options.bool(key).map(|v| v.unwrap_or(default));
        let no_quote = flag("csv.disable-quote-character", false)?;
        let quote = character(options, "csv.quote-character")?;
        if no_quote && quote.is_some() {
            return Err(OptionError {
                key: "csv.quote-character".to_owned(),
                value: options.get("csv.quote-character").unwrap_or("").to_owned(),
                expected: "allowed where 'csv.disable-quote-character' is 'true'".to_owned(),
            });
        }
        Ok(CsvOptions {
            delimiter: delimiter(options)?,
            quote: (!no_quote).then_some(quote.unwrap_or(b'"')),
            escape: character(options, "csv.escape-character")?,
            allow_comments: flag("csv.allow-comments", false)?,
            ignore_parse_errors: flag("csv.ignore-parse-errors", false)?,
            array_delimiter: options.get("csv.array-element-delimiter").unwrap_or(";").to_owned(),
            null_literal: options.get("csv.null-literal").map(str::to_owned),
            scientific_decimals: flag("csv.write-bigdecimal-in-scientific-notation", true)?,
            trim_spaces: flag("csv.trim-spaces", false)?,
            ignore_trailing: flag("csv.ignore-trailing-unmappable", false)?,
            allow_trailing_comma: flag("csv.allow-trailing-comma", true)?,
            fail_on_missing: flag("csv.fail-on-missing-columns", false)?,
            empty_as_null: flag("csv.empty-string-as-null", false)?,
        })
    }

    /// Whether every line is a record, so that a file can be read from any line on.
    pub fn lines_are_records(&self) -> bool {
        self.quote.is_none() && self.escape.is_none()
    }
}

/// The option's only character, which must be ASCII.
fn character(options: &Options, key: &str) -> Result<Option<u8>, OptionError> {
    let Some(text) = options.get(key) else { return Ok(None) };
    match text.as_bytes() {
        [byte] if byte.is_ascii() => Ok(Some(*byte)),
        _ => Err(wrong_character(key, text)),
    }
}

fn wrong_character(key: &str, text: &str) -> OptionError {
    OptionError {
        key: key.to_owned(),
        value: text.to_owned(),
        expected: "a single ASCII character".to_owned(),
    }
}

/// The field delimiter, which may be written as a Java escape such as `\t` or `\u0001`.
fn delimiter(options: &Options) -> Result<u8, OptionError> {
    let key = "csv.field-delimiter";
    let Some(text) = options.get(key) else { return Ok(b',') };
    let code = match text {
        "\\t" => Some(b'\t'),
        "\\n" => Some(b'\n'),
        "\\r" => Some(b'\r'),
        "\\\\" => Some(b'\\'),
        _ => match text.strip_prefix("\\u").map(|hex| u8::from_str_radix(hex, 16)) {
            Some(code) => code.ok(),
            None if text.len() == 1 => Some(text.as_bytes()[0]),
            None => None,
        },
    };
    match code {
        Some(code) if code.is_ascii() => Ok(code),
        _ => Err(wrong_character(key, text)),
    }
}
