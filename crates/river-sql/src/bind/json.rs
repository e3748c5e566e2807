//! SQL/JSON functions: clauses become constant arguments after the values, in the order that
//! `river_expr::function::json` documents.

use river_core::expr::ExprKind;
use river_core::{Expr, LogicalType, Value};

use super::expr::{ExprBinder, text_literal};
use crate::error::{Result, SqlError};
use crate::parse::ast::{
    self, JsonCall, JsonExistsOnError, JsonOnNull, JsonQueryBehavior, JsonValueBehavior,
    JsonWrapper, Span, TypeName,
};
use crate::parse::to_data_type;

impl ExprBinder<'_, '_> {
    /// `JSON_VALUE(..)` and the others with clauses of their own.
    pub(super) fn json(&mut self, call: &JsonCall, span: Span) -> Result<Expr> {
        match call {
            JsonCall::Exists { input, path, on_error } => {
                let mut args = vec![self.bind(input)?, self.bind(path)?];
                if let Some(on_error) = on_error {
                    args.push(text_literal(match on_error {
                        JsonExistsOnError::True => "TRUE",
                        JsonExistsOnError::False => "FALSE",
                        JsonExistsOnError::Unknown => "UNKNOWN",
                        JsonExistsOnError::Error => "ERROR",
                    }));
                }
                self.call("JSON_EXISTS", args, span)
            }
            JsonCall::Value { input, path, returning, on_empty, on_error } => {
                let mut args = vec![self.bind(input)?, self.bind(path)?];
                for behaviour in [on_empty, on_error] {
                    let (word, default) = self.value_behaviour(behaviour.as_ref())?;
                    args.extend([text_literal(word), default]);
                }
                args.push(returning_argument(returning.as_ref())?);
                self.call("JSON_VALUE", args, span)
            }
            JsonCall::Query { input, path, returning, wrapper, on_empty, on_error } => {
                let wrapper = match wrapper {
                    None | Some(JsonWrapper::Without) => "WITHOUT",
                    Some(JsonWrapper::Conditional) => "CONDITIONAL",
                    Some(JsonWrapper::Unconditional) => "UNCONDITIONAL",
                };
                let args = vec![
                    self.bind(input)?,
                    self.bind(path)?,
                    text_literal(wrapper),
                    text_literal(query_behaviour(on_empty)),
                    text_literal(query_behaviour(on_error)),
                    returning_argument(returning.as_ref())?,
                ];
                self.call("JSON_QUERY", args, span)
            }
            JsonCall::Object { entries, on_null } => {
                let mut args = vec![text_literal(null_word(on_null, JsonOnNull::Null))];
                for entry in entries {
                    args.push(self.bind(&entry.key)?);
                    args.push(self.bind(&entry.value.value)?);
                }
                self.call("JSON_OBJECT", args, span)
            }
            JsonCall::Array { items, on_null } => {
                let mut args = vec![text_literal(null_word(on_null, JsonOnNull::Absent))];
                for item in items {
                    args.push(self.bind(&item.value)?);
                }
                self.call("JSON_ARRAY", args, span)
            }
            JsonCall::ObjectAgg { .. } | JsonCall::ArrayAgg { .. } => {
                self.json_aggregate(call, span)
            }
        }
    }

    /// `JSON_OBJECTAGG(..)` and `JSON_ARRAYAGG(..)`.
    fn json_aggregate(&mut self, call: &JsonCall, span: Span) -> Result<Expr> {
        match call {
            JsonCall::ObjectAgg { over: Some(_), .. }
            | JsonCall::ArrayAgg { over: Some(_), .. } => {
                Err(SqlError::at(span, "JSON aggregates with OVER are not supported"))
            }
            JsonCall::ObjectAgg { entry, on_null, filter, .. } => {
                let name = match on_null.unwrap_or(JsonOnNull::Null) {
                    JsonOnNull::Null => "JSON_OBJECTAGG_NULL_ON_NULL",
                    JsonOnNull::Absent => "JSON_OBJECTAGG_ABSENT_ON_NULL",
                };
                self.aggregate_with(span, |binder| {
                    let key = binder.bind(&entry.key)?;
                    let value = binder.json_text(&entry.value.value, span)?;
                    binder.aggregate_of(name, vec![key, value], filter.as_ref(), span)
                })
            }
            JsonCall::ArrayAgg { item, order_by, on_null, filter, .. } => {
                if !order_by.is_empty() {
                    let message = "ORDER BY inside JSON_ARRAYAGG is not supported";
                    return Err(SqlError::at(span, message));
                }
                let name = match on_null.unwrap_or(JsonOnNull::Absent) {
                    JsonOnNull::Null => "JSON_ARRAYAGG_NULL_ON_NULL",
                    JsonOnNull::Absent => "JSON_ARRAYAGG_ABSENT_ON_NULL",
                };
                self.aggregate_with(span, |binder| {
                    let value = binder.json_text(&item.value, span)?;
                    binder.aggregate_of(name, vec![value], filter.as_ref(), span)
                })
            }
            _ => self.json(call, span),
        }
    }

    /// A value as JSON text, unless it is JSON already (`WrapJsonAggFunctionArgumentsRule`).
    fn json_text(&mut self, value: &ast::Expr, span: Span) -> Result<Expr> {
        let value = self.bind(value)?;
        let is_json = |function: &str| matches!(function, "JSON_OBJECT" | "JSON_ARRAY" | "JSON");
        match &value.kind {
            ExprKind::Call { function, .. } if is_json(function) => Ok(value),
            _ => self.call("JSON_STRING", vec![value], span),
        }
    }

    fn value_behaviour(
        &mut self,
        behaviour: Option<&JsonValueBehavior>,
    ) -> Result<(&'static str, Expr)> {
        let null = Expr::literal(Value::Null, LogicalType::Null.nullable());
        Ok(match behaviour {
            None | Some(JsonValueBehavior::Null) => ("NULL", null),
            Some(JsonValueBehavior::Error) => ("ERROR", null),
            Some(JsonValueBehavior::Default(value)) => ("DEFAULT", self.bind(value)?),
        })
    }
}

/// A NULL of the type after `RETURNING`; an untyped NULL where it is left out.
fn returning_argument(returning: Option<&TypeName>) -> Result<Expr> {
    let ty = match returning {
        Some(ty) => to_data_type(ty)?.with_nullable(true),
        None => LogicalType::Null.nullable(),
    };
    Ok(Expr::literal(Value::Null, ty))
}

fn query_behaviour(behaviour: &Option<JsonQueryBehavior>) -> &'static str {
    match behaviour {
        None | Some(JsonQueryBehavior::Null) => "NULL",
        Some(JsonQueryBehavior::Error) => "ERROR",
        Some(JsonQueryBehavior::EmptyArray) => "EMPTY ARRAY",
        Some(JsonQueryBehavior::EmptyObject) => "EMPTY OBJECT",
    }
}

fn null_word(on_null: &Option<JsonOnNull>, default: JsonOnNull) -> &'static str {
    match on_null.unwrap_or(default) {
        JsonOnNull::Null => "NULL",
        JsonOnNull::Absent => "ABSENT",
    }
}
