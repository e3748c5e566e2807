//! Type syntax (`DataType`, `ExtendedDataType` and Flink's type name productions).

use super::ast::{IntervalQualifier, RowField, TimeUnit, TypeName, TypeNameKind};
use super::error::Result;
use super::parser::Parser;
use super::token::TokenKind;

impl Parser<'_> {
    /// A type with its nullability and `ARRAY`/`MULTISET` suffixes.
    pub(super) fn type_name(&mut self) -> Result<TypeName> {
        self.type_name_with(true)
    }

    /// A type as in `CAST`: its own nullability cannot be written, that of its parts can.
    pub(super) fn plain_type_name(&mut self) -> Result<TypeName> {
        self.type_name_with(false)
    }

    fn type_name_with(&mut self, nullability: bool) -> Result<TypeName> {
        self.nested(|p| {
            let start = p.span();
            let kind = p.type_kind()?;
            let mut ty = TypeName { kind, nullable: None, span: p.span_from(start) };
            let mut chain = 0;
            loop {
                chain += 1;
                p.check_depth_of_suffixes(chain)?;
                if nullability {
                    ty.nullable = p.nullability();
                    ty.span = p.span_from(start);
                }
                let kind = if p.peek_word("ARRAY") {
                    TypeNameKind::Array(Box::new(ty))
                } else if p.peek_word("MULTISET") {
                    TypeNameKind::Multiset(Box::new(ty))
                } else {
                    return Ok(ty);
                };
                p.bump();
                ty = TypeName { kind, nullable: None, span: p.span_from(start) };
            }
        })
    }

    fn check_depth_of_suffixes(&mut self, length: usize) -> Result<()> {
        let limit = super::parser::MAX_CHAIN / super::parser::MAX_DEPTH;
        self.check_chain(if length > limit { usize::MAX } else { length })
    }

    fn nullability(&mut self) -> Option<bool> {
        if self.peek_words(&["NOT", "NULL"]) {
            self.bump();
            self.bump();
            return Some(false);
        }
        if self.peek_word("NULL") {
            self.bump();
            return Some(true);
        }
        None
    }

    fn type_kind(&mut self) -> Result<TypeNameKind> {
        let TokenKind::Word { reserved } = self.kind() else {
            if self.kind() == TokenKind::QuotedIdent {
                return Ok(TypeNameKind::Named(self.object_name()?));
            }
            return self.expected("a type");
        };
        let word = self.text_of(self.span()).to_ascii_uppercase();
        if let Some(kind) = simple_type(&word) {
            self.bump();
            return Ok(kind);
        }
        if let Some(kind) = self.type_with_length(&word)? {
            return Ok(kind);
        }
        if let Some(kind) = self.nested_type(&word)? {
            return Ok(kind);
        }
        if reserved {
            return self.expected("a type");
        }
        let name = self.object_name()?;
        Ok(TypeNameKind::Named(name))
    }

    fn type_with_length(&mut self, word: &str) -> Result<Option<TypeNameKind>> {
        let kind = match word {
            "DECIMAL" | "DEC" | "NUMERIC" => {
                self.bump();
                let (precision, scale) = self.precision_and_scale()?;
                TypeNameKind::Decimal { precision, scale }
            }
            "CHAR" | "CHARACTER" => {
                self.bump();
                match self.eat_quietly("VARYING") {
                    true => TypeNameKind::VarChar(self.length()?),
                    false => TypeNameKind::Char(self.length()?),
                }
            }
            "VARCHAR" => {
                self.bump();
                TypeNameKind::VarChar(self.length()?)
            }
            "BINARY" => {
                self.bump();
                match self.eat_quietly("VARYING") {
                    true => TypeNameKind::VarBinary(self.length()?),
                    false => TypeNameKind::Binary(self.length()?),
                }
            }
            "VARBINARY" => {
                self.bump();
                TypeNameKind::VarBinary(self.length()?)
            }
            "DOUBLE" => {
                self.bump();
                self.eat_quietly("PRECISION");
                TypeNameKind::Double
            }
            "TIME" => {
                self.bump();
                let precision = self.length()?;
                match self.time_zone_suffix()? {
                    Zone::None => TypeNameKind::Time(precision),
                    Zone::Local => TypeNameKind::TimeLocalZone(precision),
                }
            }
            "TIMESTAMP" => {
                self.bump();
                let precision = self.length()?;
                match self.time_zone_suffix()? {
                    Zone::None => TypeNameKind::Timestamp(precision),
                    Zone::Local => TypeNameKind::TimestampLtz(precision),
                }
            }
            "TIMESTAMP_LTZ" => {
                self.bump();
                TypeNameKind::TimestampLtz(self.length()?)
            }
            "INTERVAL" => {
                self.bump();
                TypeNameKind::Interval(self.interval_qualifier()?)
            }
            _ => return Ok(None),
        };
        Ok(Some(kind))
    }

    fn nested_type(&mut self, word: &str) -> Result<Option<TypeNameKind>> {
        let kind = match word {
            "ARRAY" | "MULTISET" => {
                self.bump();
                self.expect_symbol("<")?;
                let item = Box::new(self.type_name()?);
                self.expect_symbol(">")?;
                match word {
                    "ARRAY" => TypeNameKind::Array(item),
                    _ => TypeNameKind::Multiset(item),
                }
            }
            "MAP" => {
                self.bump();
                self.expect_symbol("<")?;
                let key = Box::new(self.type_name()?);
                self.expect_symbol(",")?;
                let value = Box::new(self.type_name()?);
                self.expect_symbol(">")?;
                TypeNameKind::Map(key, value)
            }
            "ROW" => {
                self.bump();
                TypeNameKind::Row(self.row_fields()?)
            }
            "STRUCTURED" => {
                self.bump();
                self.expect_symbol("<")?;
                let class = self.string()?;
                let mut fields = Vec::new();
                if self.eat_symbol(",") {
                    fields = self.comma_list(Self::row_field)?;
                }
                self.expect_symbol(">")?;
                TypeNameKind::Structured { class, fields }
            }
            "RAW" => {
                self.bump();
                self.expect_symbol("(")?;
                let class = self.string()?;
                self.expect_symbol(",")?;
                let serializer = self.string()?;
                self.expect_symbol(")")?;
                TypeNameKind::Raw { class, serializer }
            }
            _ => return Ok(None),
        };
        Ok(Some(kind))
    }

    fn row_fields(&mut self) -> Result<Vec<RowField>> {
        // `<>` is one token: a row without fields.
        if self.peek_symbol("<>") {
            self.bump();
            return Ok(Vec::new());
        }
        let close = if self.eat_symbol("<") {
            ">"
        } else {
            self.expect_symbol("(")?;
            ")"
        };
        if self.eat_symbol(close) {
            return Ok(Vec::new());
        }
        let fields = self.comma_list(Self::row_field)?;
        self.expect_symbol(close)?;
        Ok(fields)
    }

    /// `name TYPE ['description']`
    fn row_field(&mut self) -> Result<RowField> {
        let name = self.ident()?;
        let ty = self.type_name()?;
        let has_comment = self.kind() == TokenKind::String;
        let comment = if has_comment { Some(self.string()?) } else { None };
        Ok(RowField { name, ty, comment })
    }

    /// Takes the word if it comes next; it is too rare to be worth a mention in errors.
    pub(super) fn eat_quietly(&mut self, word: &str) -> bool {
        let found = self.peek_word(word);
        if found {
            self.bump();
        }
        found
    }

    /// `(n)` or nothing.
    fn length(&mut self) -> Result<Option<u64>> {
        if !self.peek_symbol("(") {
            return Ok(None);
        }
        self.bump();
        let number = self.unsigned()?;
        self.expect_symbol(")")?;
        Ok(Some(number.value))
    }

    fn precision_and_scale(&mut self) -> Result<(Option<u64>, Option<i64>)> {
        if !self.peek_symbol("(") {
            return Ok((None, None));
        }
        self.bump();
        let precision = self.unsigned()?.value;
        let mut scale = None;
        if self.eat_symbol(",") {
            let negative = self.peek_symbol("-");
            if negative {
                self.bump();
            }
            let number = i64::try_from(self.unsigned()?.value).unwrap_or(i64::MAX);
            scale = Some(if negative { -number } else { number });
        }
        self.expect_symbol(")")?;
        Ok((Some(precision), scale))
    }

    fn time_zone_suffix(&mut self) -> Result<Zone> {
        if self.peek_words(&["WITHOUT", "TIME"]) {
            self.bump();
            self.expect_words(&["TIME", "ZONE"])?;
            return Ok(Zone::None);
        }
        if self.peek_word("WITH") && (self.peek_word_at(1, "TIME") || self.peek_word_at(1, "LOCAL"))
        {
            self.bump();
            if !self.eat("LOCAL") {
                let hint = "Flink has TIMESTAMP and TIMESTAMP_LTZ (TIMESTAMP WITH LOCAL TIME ZONE)";
                return Err(self.unexpected().with_hint(hint));
            }
            self.expect_words(&["TIME", "ZONE"])?;
            return Ok(Zone::Local);
        }
        Ok(Zone::None)
    }

    /// `YEAR`, `DAY(3) TO SECOND(6)`, ...
    pub(super) fn interval_qualifier(&mut self) -> Result<IntervalQualifier> {
        let start = self.span();
        let Some(from) = self.peek_interval_unit() else {
            return self.expected("a unit such as DAY or SECOND");
        };
        self.bump();
        let (mut from_precision, mut fraction_precision) = (None, None);
        if self.peek_symbol("(") {
            self.bump();
            from_precision = Some(self.unsigned()?.value);
            if from == TimeUnit::Second && self.eat_symbol(",") {
                fraction_precision = Some(self.unsigned()?.value);
            }
            self.expect_symbol(")")?;
        }
        let mut to = None;
        if self.peek_word("TO") {
            self.bump();
            let Some(unit) = self.peek_interval_unit().filter(|to| range_is_valid(from, *to))
            else {
                return self.expected("a smaller unit of the same kind");
            };
            self.bump();
            to = Some(unit);
            if unit == TimeUnit::Second && self.peek_symbol("(") {
                fraction_precision = self.length()?;
            }
        }
        let span = self.span_from(start);
        Ok(IntervalQualifier { from, from_precision, to, fraction_precision, span })
    }

    fn peek_interval_unit(&self) -> Option<TimeUnit> {
        let TokenKind::Word { .. } = self.kind() else { return None };
        interval_unit(&self.text_of(self.span()).to_ascii_uppercase())
    }
}

/// What follows a time type.
enum Zone {
    None,
    Local,
}

fn simple_type(word: &str) -> Option<TypeNameKind> {
    Some(match word {
        "BOOLEAN" => TypeNameKind::Boolean,
        "TINYINT" => TypeNameKind::TinyInt,
        "SMALLINT" => TypeNameKind::SmallInt,
        "INT" | "INTEGER" => TypeNameKind::Int,
        "BIGINT" => TypeNameKind::BigInt,
        "FLOAT" | "REAL" => TypeNameKind::Float,
        "STRING" => TypeNameKind::String,
        "BYTES" => TypeNameKind::Bytes,
        "DATE" => TypeNameKind::Date,
        "VARIANT" => TypeNameKind::Variant,
        "BITMAP" => TypeNameKind::Bitmap,
        "NULL" => TypeNameKind::Null,
        _ => return None,
    })
}

/// Units of interval literals, in singular and plural.
fn interval_unit(word: &str) -> Option<TimeUnit> {
    Some(match word {
        "YEAR" | "YEARS" => TimeUnit::Year,
        "QUARTER" | "QUARTERS" => TimeUnit::Quarter,
        "MONTH" | "MONTHS" => TimeUnit::Month,
        "WEEK" | "WEEKS" => TimeUnit::Week,
        "DAY" | "DAYS" => TimeUnit::Day,
        "HOUR" | "HOURS" => TimeUnit::Hour,
        "MINUTE" | "MINUTES" => TimeUnit::Minute,
        "SECOND" | "SECONDS" => TimeUnit::Second,
        _ => return None,
    })
}

fn range_is_valid(from: TimeUnit, to: TimeUnit) -> bool {
    use TimeUnit::*;
    matches!(
        (from, to),
        (Year, Month) | (Day, Hour | Minute | Second) | (Hour, Minute | Second) | (Minute, Second)
    )
}
