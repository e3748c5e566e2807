//! The SQL/JSON functions (`JSON_VALUE` and the others with clauses of their own).

use super::ast::{
    Expr, ExprKind, JsonCall, JsonEntry, JsonExistsOnError, JsonItem, JsonOnNull,
    JsonQueryBehavior, JsonValueBehavior, JsonWrapper, TypeName,
};
use super::error::Result;
use super::parser::Parser;

impl Parser<'_> {
    pub(super) fn json_call(&mut self) -> Result<ExprKind> {
        let word = self.text_of(self.span()).to_ascii_uppercase();
        self.bump();
        self.expect_symbol("(")?;
        let call = match word.as_str() {
            "JSON_EXISTS" => self.json_exists()?,
            "JSON_VALUE" => self.json_value()?,
            "JSON_QUERY" => self.json_query()?,
            "JSON_OBJECT" => self.json_object()?,
            "JSON_ARRAY" => self.json_array()?,
            "JSON_OBJECTAGG" => self.json_object_agg()?,
            _ => self.json_array_agg()?,
        };
        Ok(ExprKind::Json(Box::new(call)))
    }

    /// `input [FORMAT JSON], path`
    fn json_input_and_path(&mut self) -> Result<(Expr, Expr)> {
        let input = self.expr()?;
        self.format_json()?;
        self.expect_symbol(",")?;
        let path = self.expr()?;
        Ok((input, path))
    }

    fn format_json(&mut self) -> Result<bool> {
        if !self.peek_word("FORMAT") {
            return Ok(false);
        }
        self.bump();
        self.expect("JSON")?;
        Ok(true)
    }

    fn json_returning(&mut self) -> Result<Option<TypeName>> {
        if self.eat("RETURNING") { self.plain_type_name().map(Some) } else { Ok(None) }
    }

    fn json_exists(&mut self) -> Result<JsonCall> {
        let (input, path) = self.json_input_and_path()?;
        let kinds = [
            ("TRUE", JsonExistsOnError::True),
            ("FALSE", JsonExistsOnError::False),
            ("UNKNOWN", JsonExistsOnError::Unknown),
            ("ERROR", JsonExistsOnError::Error),
        ];
        let mut on_error = None;
        for (word, kind) in kinds {
            if on_error.is_none() && self.eat(word) {
                self.expect_words(&["ON", "ERROR"])?;
                on_error = Some(kind);
            }
        }
        self.expect_symbol(")")?;
        Ok(JsonCall::Exists { input, path, on_error })
    }

    fn json_value(&mut self) -> Result<JsonCall> {
        let (input, path) = self.json_input_and_path()?;
        let returning = self.json_returning()?;
        let (mut on_empty, mut on_error) = (None, None);
        while let Some(behavior) = self.json_value_behavior()? {
            self.expect("ON")?;
            if on_empty.is_none() && on_error.is_none() && self.eat("EMPTY") {
                on_empty = Some(behavior);
            } else if on_error.is_none() {
                self.expect("ERROR")?;
                on_error = Some(behavior);
            } else {
                return Err(self.unexpected());
            }
        }
        self.expect_symbol(")")?;
        Ok(JsonCall::Value { input, path, returning, on_empty, on_error })
    }

    fn json_value_behavior(&mut self) -> Result<Option<JsonValueBehavior>> {
        Ok(match () {
            () if self.eat("NULL") => Some(JsonValueBehavior::Null),
            () if self.eat("ERROR") => Some(JsonValueBehavior::Error),
            () if self.eat("DEFAULT") => Some(JsonValueBehavior::Default(Box::new(self.expr()?))),
            () => None,
        })
    }

    fn json_query(&mut self) -> Result<JsonCall> {
        let (input, path) = self.json_input_and_path()?;
        let returning = self.json_returning()?;
        let wrapper = self.json_wrapper()?;
        let (mut on_empty, mut on_error) = (None, None);
        while let Some(behavior) = self.json_query_behavior()? {
            self.expect("ON")?;
            if on_empty.is_none() && on_error.is_none() && self.eat("EMPTY") {
                on_empty = Some(behavior);
            } else if on_error.is_none() {
                self.expect("ERROR")?;
                on_error = Some(behavior);
            } else {
                return Err(self.unexpected());
            }
        }
        self.expect_symbol(")")?;
        Ok(JsonCall::Query { input, path, returning, wrapper, on_empty, on_error })
    }

    fn json_wrapper(&mut self) -> Result<Option<JsonWrapper>> {
        let wrapper = if self.eat("WITHOUT") {
            JsonWrapper::Without
        } else if self.eat("WITH") {
            if self.eat("CONDITIONAL") {
                JsonWrapper::Conditional
            } else {
                self.eat("UNCONDITIONAL");
                JsonWrapper::Unconditional
            }
        } else {
            return Ok(None);
        };
        self.eat("ARRAY");
        self.expect("WRAPPER")?;
        Ok(Some(wrapper))
    }

    fn json_query_behavior(&mut self) -> Result<Option<JsonQueryBehavior>> {
        Ok(match () {
            () if self.eat("NULL") => Some(JsonQueryBehavior::Null),
            () if self.eat("ERROR") => Some(JsonQueryBehavior::Error),
            () if self.eat("EMPTY") => match self.eat("ARRAY") {
                true => Some(JsonQueryBehavior::EmptyArray),
                false => {
                    self.expect("OBJECT")?;
                    Some(JsonQueryBehavior::EmptyObject)
                }
            },
            () => None,
        })
    }

    /// `x [FORMAT JSON]`
    fn json_item(&mut self) -> Result<JsonItem> {
        let value = self.expr()?;
        let format_json = self.format_json()?;
        Ok(JsonItem { value, format_json })
    }

    /// `[KEY] k VALUE v`, `k : v`
    fn json_entry(&mut self) -> Result<JsonEntry> {
        if self.peek_word("KEY") && !self.peek_word_at(1, "VALUE") && !self.peek_symbol_at(1, ".") {
            self.bump();
        }
        let key = self.expr()?;
        if !self.eat_symbol(":") {
            self.expect("VALUE")?;
        }
        Ok(JsonEntry { key, value: self.json_item()? })
    }

    fn json_on_null(&mut self) -> Result<Option<JsonOnNull>> {
        let on_null = match () {
            () if self.eat("NULL") => JsonOnNull::Null,
            () if self.eat("ABSENT") => JsonOnNull::Absent,
            () => return Ok(None),
        };
        self.expect_words(&["ON", "NULL"])?;
        Ok(Some(on_null))
    }

    /// Whether `NULL ON NULL` or `ABSENT ON NULL` stands where the first item could.
    fn peek_on_null(&self) -> bool {
        self.peek_words(&["NULL", "ON", "NULL"]) || self.peek_words(&["ABSENT", "ON", "NULL"])
    }

    fn json_object(&mut self) -> Result<JsonCall> {
        let mut entries = Vec::new();
        if !self.peek_symbol(")") && !self.peek_on_null() {
            entries = self.comma_list(Self::json_entry)?;
        }
        let on_null = self.json_on_null()?;
        self.expect_symbol(")")?;
        Ok(JsonCall::Object { entries, on_null })
    }

    fn json_array(&mut self) -> Result<JsonCall> {
        let mut items = Vec::new();
        if !self.peek_symbol(")") && !self.peek_on_null() {
            items = self.comma_list(Self::json_item)?;
        }
        let on_null = self.json_on_null()?;
        self.expect_symbol(")")?;
        Ok(JsonCall::Array { items, on_null })
    }

    fn json_object_agg(&mut self) -> Result<JsonCall> {
        let entry = self.json_entry()?;
        let on_null = self.json_on_null()?;
        self.expect_symbol(")")?;
        let filter = self.filter_clause()?;
        let over = self.over_clause()?;
        Ok(JsonCall::ObjectAgg { entry, on_null, filter, over })
    }

    fn json_array_agg(&mut self) -> Result<JsonCall> {
        let item = self.json_item()?;
        let mut order_by = self.order_by()?;
        let on_null = self.json_on_null()?;
        self.expect_symbol(")")?;
        if order_by.is_empty() {
            order_by = self.within_group()?;
        }
        let filter = self.filter_clause()?;
        let over = self.over_clause()?;
        Ok(JsonCall::ArrayAgg { item, order_by, on_null, filter, over })
    }
}
