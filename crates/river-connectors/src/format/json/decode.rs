//! JSON objects into columns, with the conversions of Flink's `JsonParserToRowDataConverters`
//! and, for `tree` decoding (debezium-json, `json.decode.json-parser.enabled` = false), of
//! `JsonToRowDataConverters`.
//!
//! The two differ where a value cannot be converted and errors are ignored: the parser-based one
//! goes on with the token after the one it stopped at, even inside a nested value; the tree-based
//! one passes over the whole value. Both are reproduced.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use river_core::types::{Field, LogicalType};

use super::parser::{Parser, Token};
use super::tree_text::write_tree;
use super::{JsonOptions, TimestampStandard};
use crate::format::column_sink::ColumnSink;
use crate::format::number_text::{
    java_trim, parse_decimal, parse_double, parse_float, parse_integer,
};
use crate::format::time_text::{
    parse_iso_date, parse_iso_timestamp, parse_sql_time, parse_sql_timestamp,
};
use crate::format::{Fail, WantedColumn};

type Result<T> = std::result::Result<T, Fail>;

/// How the fields of an object become columns.
pub struct RowPlan {
    fields: Vec<FieldPlan>,
}

struct FieldPlan {
    name: Box<str>,
    /// `false`: present in the type, but nobody reads it.
    used: bool,
    ty: TypePlan,
}

enum TypePlan {
    Scalar(LogicalType),
    Array(Box<TypePlan>),
    Map(Box<TypePlan>),
    Row(RowPlan),
}

impl RowPlan {
    /// A plan for the columns a reader wants.
    pub fn of_columns(columns: &[WantedColumn]) -> std::result::Result<RowPlan, String> {
        let fields = columns.iter().map(|column| {
            let mut ty = TypePlan::new(&column.field.ty.logical)?;
            if let (TypePlan::Row(row), Some(used)) = (&mut ty, &column.used_fields) {
                for (position, field) in row.fields.iter_mut().enumerate() {
                    field.used = used.contains(&position);
                }
            }
            Ok(FieldPlan { name: column.field.name.as_str().into(), used: true, ty })
        });
        Ok(RowPlan { fields: fields.collect::<std::result::Result<_, String>>()? })
    }

    fn of_row(fields: &[Field]) -> std::result::Result<RowPlan, String> {
        let fields = fields.iter().map(|field| {
            let ty = TypePlan::new(&field.ty.logical)?;
            Ok(FieldPlan { name: field.name.as_str().into(), used: true, ty })
        });
        Ok(RowPlan { fields: fields.collect::<std::result::Result<_, String>>()? })
    }

    /// Position of a field; `guess` is where it most likely is.
    fn position(&self, name: &str, guess: usize) -> Option<usize> {
        if self.fields.get(guess).is_some_and(|f| *f.name == *name) {
            return Some(guess);
        }
        self.fields.iter().position(|f| *f.name == *name)
    }
}

impl TypePlan {
    fn new(ty: &LogicalType) -> std::result::Result<TypePlan, String> {
        Ok(match ty {
            LogicalType::Array(item) => TypePlan::Array(Box::new(TypePlan::new(&item.logical)?)),
            LogicalType::Map(key, value) => {
                check_map_key(ty, &key.logical)?;
                TypePlan::Map(Box::new(TypePlan::new(&value.logical)?))
            }
            LogicalType::Multiset(item) => {
                check_map_key(ty, &item.logical)?;
                TypePlan::Map(Box::new(TypePlan::Scalar(LogicalType::Int)))
            }
            LogicalType::Row(fields) => TypePlan::Row(RowPlan::of_row(fields)?),
            scalar => TypePlan::Scalar(scalar.clone()),
        })
    }
}

/// JSON objects have text keys only.
pub fn check_map_key(ty: &LogicalType, key: &LogicalType) -> std::result::Result<(), String> {
    if key.is_character() {
        return Ok(());
    }
    Err(format!("JSON format doesn't support non-string as key type of map. The type is: {ty}"))
}

/// Decodes one object after the other.
pub struct RowDecoder<'o> {
    /// The options of the format.
    pub options: &'o JsonOptions,
    /// Nested values are decoded as a tree would be.
    pub tree: bool,
    /// Whether containers read as text print their decimals exactly.
    pub exact_decimals: bool,
}

impl RowDecoder<'_> {
    /// Decodes the object at the parser's current token into the next row of `columns`, all of
    /// which have `row` values. On an error the columns are ragged: truncate them to `row`.
    pub fn row(
        &self,
        parser: &mut Parser,
        plan: &RowPlan,
        columns: &mut [ColumnSink],
        row: usize,
    ) -> Result<()> {
        if parser.token != Some(Token::StartObject) {
            return Err(parser.fail("expected a JSON object"));
        }
        let arity = plan.fields.len();
        let mut found = 0;
        let mut guess = 0;
        parser.advance()?;
        while parser.token != Some(Token::EndObject) {
            if found >= arity && !self.tree {
                skip_to_next(parser)?;
                continue;
            }
            let position = {
                if parser.token.is_none() {
                    return Err(parser.fail("the JSON text ends within an object"));
                }
                plan.position(&parser.text(), guess)
            };
            parser.advance()?;
            let Some(position) = position else {
                skip_to_next(parser)?;
                continue;
            };
            let column = &mut columns[position];
            let again = column.len() > row;
            column.truncate(row);
            if plan.fields[position].used {
                self.value(parser, &plan.fields[position].ty, column)
                    .map_err(|fail| fail.of_field(&plan.fields[position].name))?;
            } else {
                column.push_null();
                parser.skip_children()?;
            }
            parser.advance()?;
            found += usize::from(!again || !self.tree);
            guess = position + 1;
        }
        if found < arity && self.options.fail_on_missing_field {
            let missing = columns.iter().position(|c| c.len() == row).unwrap_or(0);
            let name = plan.fields.get(missing).map_or("", |f| &*f.name);
            return Err(parser.fail(format!("field '{name}' is missing")));
        }
        columns.iter_mut().filter(|c| c.len() == row).for_each(ColumnSink::push_null);
        Ok(())
    }

    /// Decodes the value at the current token; NULL where it cannot be and errors are ignored.
    fn value(&self, parser: &mut Parser, plan: &TypePlan, column: &mut ColumnSink) -> Result<()> {
        if matches!(parser.token, None | Some(Token::Null)) {
            column.push_null();
            return Ok(());
        }
        if !self.options.ignore_parse_errors {
            return self.not_null(parser, plan, column);
        }
        let row = column.len();
        let mark = self.tree.then(|| parser.mark());
        if self.not_null(parser, plan, column).is_err() {
            column.truncate(row);
            column.push_null();
            if let Some(mark) = &mark {
                parser.reset(mark);
                parser.skip_children()?;
            }
        }
        Ok(())
    }

    fn not_null(
        &self,
        parser: &mut Parser,
        plan: &TypePlan,
        column: &mut ColumnSink,
    ) -> Result<()> {
        match plan {
            TypePlan::Scalar(ty) => self.scalar(parser, ty, column)?,
            TypePlan::Array(item) => self.array(parser, item, column)?,
            TypePlan::Map(value) => self.map(parser, value, column)?,
            TypePlan::Row(plan) => {
                let row = column.len();
                if let Some(fields) = column.fields() {
                    self.row(parser, plan, fields, row)?;
                }
                column.close();
            }
        }
        Ok(())
    }

    fn array(&self, parser: &mut Parser, item: &TypePlan, column: &mut ColumnSink) -> Result<()> {
        if parser.token != Some(Token::StartArray) {
            return Err(parser.fail("expected a JSON array"));
        }
        if let Some(items) = column.items() {
            while next_in(parser)? != Token::EndArray {
                self.value(parser, item, items)?;
            }
        }
        column.close();
        Ok(())
    }

    fn map(&self, parser: &mut Parser, value: &TypePlan, column: &mut ColumnSink) -> Result<()> {
        if parser.token != Some(Token::StartObject) {
            return Err(parser.fail("expected a JSON object"));
        }
        // Not a mark: with errors ignored, values of the wrong kind may lead out of the object.
        let start = parser.clone();
        let row = column.len();
        let names = self.entries(parser, value, column, &[])?;
        if let Some(stale) = stale_names(&names) {
            // A key given twice keeps its last value: read once more without the earlier ones.
            column.truncate(row);
            *parser = start;
            self.entries(parser, value, column, &stale)?;
        }
        column.close();
        Ok(())
    }

    /// Reads the members of an object as map entries, but those marked in `skip`. Gives all names.
    fn entries(
        &self,
        parser: &mut Parser,
        value: &TypePlan,
        column: &mut ColumnSink,
        skip: &[bool],
    ) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let Some((keys, values)) = column.entries() else { return Ok(names) };
        while next_in(parser)? != Token::EndObject {
            let name = parser.text().into_owned();
            next_in(parser)?;
            if skip.get(names.len()) == Some(&true) {
                parser.skip_children()?;
            } else {
                keys.push_str(&name);
                self.value(parser, value, values)?;
            }
            names.push(name);
        }
        Ok(names)
    }

    fn scalar(&self, parser: &mut Parser, ty: &LogicalType, column: &mut ColumnSink) -> Result<()> {
        let token = parser.token;
        match ty {
            LogicalType::Boolean => {
                let value = match token {
                    Some(Token::True) => true,
                    Some(Token::False) => false,
                    _ if self.tree && is_container(token) => false,
                    _ => java_trim(&parser.text()).eq_ignore_ascii_case("true"),
                };
                column.push_bool(value);
                self.pass_over(parser)?;
            }
            LogicalType::TinyInt => self.integer(parser, column, i8::MIN.into(), i8::MAX.into())?,
            LogicalType::SmallInt => {
                self.integer(parser, column, i16::MIN.into(), i16::MAX.into())?;
            }
            LogicalType::Int | LogicalType::IntervalYearMonth => {
                self.integer(parser, column, i32::MIN.into(), i32::MAX.into())?;
            }
            LogicalType::BigInt | LogicalType::IntervalDayTime => {
                self.integer(parser, column, i64::MIN, i64::MAX)?;
            }
            LogicalType::Float => match parse_float(java_trim(&parser.text())) {
                Some(value) => column.push_float(value.into()),
                None => return Err(unreadable(parser, ty)),
            },
            LogicalType::Double => match parse_double(java_trim(&parser.text())) {
                Some(value) => column.push_float(value),
                None => return Err(unreadable(parser, ty)),
            },
            LogicalType::Decimal(precision, scale) => {
                let number = matches!(token, Some(Token::Int | Token::Float | Token::String));
                match parse_decimal(java_trim(&parser.text()), *precision, *scale) {
                    Ok(value) if number => column.push_decimal(value),
                    _ => return Err(unreadable(parser, ty)),
                }
            }
            LogicalType::Date => match parse_iso_date(&parser.text()) {
                Some(days) => column.push_int(days),
                None => return Err(unreadable(parser, ty)),
            },
            LogicalType::Time(_) => match parse_sql_time(&parser.text()) {
                Some(millis) => column.push_int(millis),
                None => return Err(unreadable(parser, ty)),
            },
            LogicalType::Timestamp(precision, _) => {
                self.timestamp(parser, ty, *precision, false, column)?;
            }
            LogicalType::TimestampLtz(precision, _) => {
                self.timestamp(parser, ty, *precision, true, column)?;
            }
            LogicalType::Char(_) | LogicalType::VarChar(_) | LogicalType::Variant => {
                self.text(parser, column)?;
            }
            LogicalType::Binary(_) | LogicalType::VarBinary(_) | LogicalType::Bitmap => {
                match (token, decode_base64(&parser.text())) {
                    (Some(Token::String), Some(bytes)) => column.push_binary(&bytes),
                    _ => return Err(unreadable(parser, ty)),
                }
            }
            _ => column.push_null(),
        }
        Ok(())
    }

    /// In a tree a container is passed over as a whole.
    fn pass_over(&self, parser: &mut Parser) -> Result<()> {
        if self.tree { parser.skip_children() } else { Ok(()) }
    }

    fn integer(
        &self,
        parser: &mut Parser,
        column: &mut ColumnSink,
        min: i64,
        max: i64,
    ) -> Result<()> {
        // TINYINT and SMALLINT read whole numbers only; the wider ones drop the fraction.
        let wide = max >= i64::from(i32::MAX) || self.tree;
        let text = parser.text();
        let value = match parser.token {
            Some(Token::Float) if wide => {
                text.parse::<f64>().ok().and_then(|v| truncate(v, min, max))
            }
            _ => parse_integer(java_trim(&text), min, max),
        };
        match value {
            Some(value) => {
                column.push_int(value);
                Ok(())
            }
            None => Err(unreadable(parser, column.ty())),
        }
    }

    fn timestamp(
        &self,
        parser: &mut Parser,
        ty: &LogicalType,
        precision: u8,
        zoned: bool,
        column: &mut ColumnSink,
    ) -> Result<()> {
        let text = parser.text();
        let value = match self.options.timestamp {
            TimestampStandard::Sql => parse_sql_timestamp(&text, zoned),
            TimestampStandard::Iso8601 => parse_iso_timestamp(&text, zoned),
        };
        match value.and_then(|value| value.ticks(precision)) {
            Some(ticks) => {
                column.push_int(ticks);
                Ok(())
            }
            None => Err(unreadable(parser, ty)),
        }
    }

    fn text(&self, parser: &mut Parser, column: &mut ColumnSink) -> Result<()> {
        match parser.token {
            Some(Token::StartObject | Token::StartArray) => {
                let mut out = Vec::new();
                write_tree(parser, self.exact_decimals, &mut out)?;
                column.push_str(&String::from_utf8_lossy(&out));
            }
            Some(Token::Float) if self.tree => {
                let mut out = Vec::new();
                write_tree(parser, self.exact_decimals, &mut out)?;
                column.push_str(&String::from_utf8_lossy(&out));
            }
            _ => column.push_str(&parser.text()),
        }
        Ok(())
    }
}

/// Names that are compared with one another sooner than hashed.
const FEW_NAMES: usize = 16;

/// For each name whether it comes again later; `None` if none does.
fn stale_names(names: &[String]) -> Option<Vec<bool>> {
    let comes_again = |i: usize| names[i + 1..].contains(&names[i]);
    if names.len() <= FEW_NAMES && !(0..names.len()).any(comes_again) {
        return None;
    }
    let mut later = HashSet::with_capacity(names.len());
    let mut stale: Vec<bool> = names.iter().rev().map(|name| !later.insert(name)).collect();
    stale.reverse();
    stale.contains(&true).then_some(stale)
}

fn is_container(token: Option<Token>) -> bool {
    matches!(token, Some(Token::StartObject | Token::StartArray))
}

/// The next token; the end of the text is an error.
fn next_in(parser: &mut Parser) -> Result<Token> {
    parser.advance()?.ok_or_else(|| parser.fail("the JSON text ends too early"))
}

/// `JsonParserToRowDataConverters.skipToNextField`.
fn skip_to_next(parser: &mut Parser) -> Result<()> {
    if parser.token.is_none() {
        return Err(parser.fail("the JSON text ends within an object"));
    }
    parser.skip_children()?;
    parser.advance()?;
    Ok(())
}

/// A double as an integer, cut off, if it is in range.
fn truncate(value: f64, min: i64, max: i64) -> Option<i64> {
    (value >= min as f64 && value <= max as f64).then_some(value as i64)
}

fn unreadable(parser: &Parser, ty: &LogicalType) -> Fail {
    let text = parser.text();
    let shown: String = text.chars().take(60).collect();
    parser.fail(format!("'{shown}' is not a value of type {ty}"))
}

/// Base64 with padding; blanks are passed over, as Jackson does.
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|b| b <= b' ') {
        let packed: Vec<u8> = text.bytes().filter(|b| *b > b' ').collect();
        return STANDARD.decode(packed).ok();
    }
    STANDARD.decode(text).ok()
}
