//! `JSON_OBJECTAGG` and `JSON_ARRAYAGG` (Flink's `JsonObjectAggFunction`, `JsonArrayAggFunction`).
//!
//! The null clause is part of the name, as in Flink. The value argument is JSON text: the binder
//! wraps it into `JSON_STRING` unless it is JSON already (Flink's
//! `WrapJsonAggFunctionArgumentsRule`), so that NULL stays NULL.

use river_core::{DataType, LogicalType, Value};

use super::signature::{Binding, cast_to, only, refuse, refuse_count};
use super::slow::{SlotState, Slow, entries, items};
use super::{Accumulator, AggregateFunction};
use crate::{EvalError, Result};

/// The four functions; the plain names have SQL's default null clause.
pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    AggregateFunction {
        name: "JSON_OBJECTAGG_NULL_ON_NULL",
        signature: "JSON_OBJECTAGG(KEY key STRING VALUE value ANY) -> STRING",
        doc: "JSON object of the keys and values; a NULL value is null. A key that comes twice is \
              an error.",
        bind: |_, args, _| bind_object("JSON_OBJECTAGG_NULL_ON_NULL", args),
        create: |args, out, _| Ok(object(args, out, true)),
    },
    AggregateFunction {
        name: "JSON_OBJECTAGG_ABSENT_ON_NULL",
        signature: "JSON_OBJECTAGG(KEY key STRING VALUE value ANY ABSENT ON NULL) -> STRING",
        doc: "JSON object of the keys whose value is not NULL. A key that comes twice is an error.",
        bind: |_, args, _| bind_object("JSON_OBJECTAGG_ABSENT_ON_NULL", args),
        create: |args, out, _| Ok(object(args, out, false)),
    },
    AggregateFunction {
        name: "JSON_ARRAYAGG_NULL_ON_NULL",
        signature: "JSON_ARRAYAGG(value ANY NULL ON NULL) -> STRING",
        doc: "JSON array of the values; a NULL value is null.",
        bind: |_, args, _| bind_array("JSON_ARRAYAGG_NULL_ON_NULL", args),
        create: |args, out, _| Ok(array(args, out, true)),
    },
    AggregateFunction {
        name: "JSON_ARRAYAGG_ABSENT_ON_NULL",
        signature: "JSON_ARRAYAGG(value ANY) -> STRING",
        doc: "JSON array of the values that are not NULL.",
        bind: |_, args, _| bind_array("JSON_ARRAYAGG_ABSENT_ON_NULL", args),
        create: |args, out, _| Ok(array(args, out, false)),
    },
];

/// What Calcite says both functions give.
const JSON_TEXT: LogicalType = LogicalType::VarChar(2_000);

fn bind_object(function: &'static str, args: &[DataType]) -> Binding {
    let [key, _] = args else { return Err(refuse_count("JSON_OBJECTAGG", "2")) };
    if !key.logical.is_character() {
        return Err(refuse("JSON_OBJECTAGG", args, "<CHARACTER>, <ANY>"));
    }
    Ok(cast_to(function, args, &[LogicalType::STRING; 2], JSON_TEXT.not_null()))
}

fn bind_array(function: &'static str, args: &[DataType]) -> Binding {
    only("JSON_ARRAYAGG", args)?;
    Ok(cast_to(function, args, &[LogicalType::STRING], JSON_TEXT.not_null()))
}

fn object(args: &[DataType], out: &DataType, nulls: bool) -> Box<dyn Accumulator> {
    let text = LogicalType::STRING.nullable();
    let map = LogicalType::Map(Box::new(text.with_nullable(false)), Box::new(text)).not_null();
    let stored = vec![map.clone(), map];
    let empty = move || Object { nulls, there: Vec::new(), owed: Vec::new() };
    Box::new(Slow::new(args, out, stored, empty))
}

fn array(args: &[DataType], out: &DataType, nulls: bool) -> Box<dyn Accumulator> {
    let list = LogicalType::Array(Box::new(LogicalType::STRING.nullable())).not_null();
    let empty = move || Array { nulls, there: Vec::new() };
    Box::new(Slow::new(args, out, vec![list], empty))
}

/// Keys with the JSON text of their values, in order of arrival.
struct Object {
    nulls: bool,
    there: Vec<(Value, Value)>,
    owed: Vec<(Value, Value)>,
}

fn take_entry(from: &mut Vec<(Value, Value)>, entry: &(Value, Value)) -> bool {
    let found = from.iter().position(|held| held == entry);
    found.map(|at| from.remove(at)).is_some()
}

impl Object {
    fn insert(&mut self, entry: (Value, Value)) -> Result<()> {
        if self.there.iter().any(|(key, _)| *key == entry.0) {
            return Err(EvalError::new(format!(
                "Key '{}' is already present. Duplicate keys are not allowed in JSON_OBJECTAGG. \
                 Please ensure that keys are unique.",
                entry.0.as_str().unwrap_or_default()
            )));
        }
        if self.nulls || !entry.1.is_null() {
            self.there.push(entry);
        }
        Ok(())
    }
}

fn entry(args: &[Value]) -> (Value, Value) {
    let arg = |index: usize| args.get(index).cloned().unwrap_or(Value::Null);
    (arg(0), arg(1))
}

impl SlotState for Object {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        self.insert(entry(args))
    }

    fn retract(&mut self, args: &[Value]) -> Result<()> {
        let entry = entry(args);
        if !take_entry(&mut self.there, &entry) && (self.nulls || !entry.1.is_null()) {
            self.owed.push(entry);
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        for entry in &other.owed {
            if !take_entry(&mut self.there, entry) {
                self.owed.push(entry.clone());
            }
        }
        for entry in &other.there {
            if !take_entry(&mut self.owed, entry) {
                self.insert(entry.clone())?;
            }
        }
        Ok(())
    }

    fn value(&self) -> Value {
        let mut text = String::from("{");
        for (index, (key, value)) in self.there.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            let key = serde_json::Value::String(key.as_str().unwrap_or_default().to_owned());
            text.push_str(&key.to_string());
            text.push(':');
            text.push_str(value.as_str().unwrap_or("null"));
        }
        text.push('}');
        Value::string(text)
    }

    fn save(&self) -> Vec<Value> {
        vec![Value::Map(self.there.clone()), Value::Map(self.owed.clone())]
    }

    fn load(&mut self, values: &[Value]) {
        self.there = entries(values.first()).to_vec();
        self.owed = entries(values.get(1)).to_vec();
    }
}

/// JSON texts of the items, NULL for null.
struct Array {
    nulls: bool,
    there: Vec<Value>,
}

impl Array {
    fn counts(&self, value: &Value) -> bool {
        self.nulls || !value.is_null()
    }
}

impl SlotState for Array {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        if let Some(value) = args.first().filter(|value| self.counts(value)) {
            self.there.push(value.clone());
        }
        Ok(())
    }

    fn retract(&mut self, args: &[Value]) -> Result<()> {
        let Some(value) = args.first().filter(|value| self.counts(value)) else { return Ok(()) };
        if let Some(at) = self.there.iter().position(|held| held == value) {
            self.there.remove(at);
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.there.extend(other.there.iter().cloned());
        Ok(())
    }

    fn value(&self) -> Value {
        let texts: Vec<&str> = self.there.iter().map(|v| v.as_str().unwrap_or("null")).collect();
        Value::string(format!("[{}]", texts.join(",")))
    }

    fn save(&self) -> Vec<Value> {
        vec![Value::List(self.there.clone())]
    }

    fn load(&mut self, values: &[Value]) {
        self.there = items(values.first()).to_vec();
    }
}
