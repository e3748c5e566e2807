//! `LISTAGG`, `COLLECT`, `ARRAY_AGG`: the values themselves, in order of arrival.

use std::collections::BTreeMap;

use river_core::{DataType, LogicalType, Value};

use super::order::Ordered;
use super::signature::{Binding, only, refuse, refuse_count};
use super::slow::{SlotState, Slow, entries, items};
use super::{Accumulator, AggregateFunction, Bound};
use crate::Result;

/// `LISTAGG`, `COLLECT`, `ARRAY_AGG`.
pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    AggregateFunction {
        name: "LISTAGG",
        signature: "LISTAGG(text STRING [, separator STRING]) -> type of text",
        doc: "The texts that are not NULL, joined by the separator (a comma unless given); NULL if \
              there are none.",
        bind: |_, args, _| bind_listagg(args),
        create: create_listagg,
    },
    AggregateFunction {
        name: "COLLECT",
        signature: "COLLECT(value ANY) -> MULTISET<type of value>",
        doc: "The multiset of the values that are not NULL. Never NULL.",
        bind: |_, args, _| {
            let arg = only("COLLECT", args)?;
            let ty = LogicalType::Multiset(Box::new(arg.materialised())).not_null();
            Ok(Bound { function: "COLLECT", args: vec![arg.clone()], ty })
        },
        create: |args, out, _| {
            let key = args.iter().take(1).map(|t| Box::new(t.with_nullable(false)));
            let count = Box::new(LogicalType::Int.not_null());
            let stored = key.map(|key| LogicalType::Map(key, count.clone()).not_null()).collect();
            Ok(Box::new(Slow::new(args, out, stored, Bag::default)))
        },
    },
    AggregateFunction {
        name: "ARRAY_AGG",
        signature: "ARRAY_AGG(value ANY) -> ARRAY<type of value>",
        doc: "The values, NULLs too; NULL if there are none.",
        bind: |_, args, _| {
            let arg = only("ARRAY_AGG", args)?;
            let ty = LogicalType::Array(Box::new(arg.materialised())).with_nullable(arg.nullable);
            Ok(Bound { function: "ARRAY_AGG", args: vec![arg.clone()], ty })
        },
        create: |args, out, _| {
            let ty = out.with_nullable(false);
            let stored = vec![ty.clone(), ty];
            Ok(Box::new(Slow::new(args, out, stored, Items::default)))
        },
    },
];

fn bind_listagg(args: &[DataType]) -> Binding {
    let (first, separator) = match args {
        [first] => (first, None),
        [first, separator] => (first, Some(separator)),
        _ => return Err(refuse_count("LISTAGG", "1 or 2")),
    };
    if !first.logical.is_character() {
        return Err(refuse("LISTAGG", args, "<CHARACTER>"));
    }
    if separator.is_some_and(|t| !t.logical.is_character()) {
        return Err(refuse("LISTAGG", args, "<CHARACTER>, <CHARACTER>"));
    }
    Ok(Bound { function: "LISTAGG", args: args.to_vec(), ty: first.clone() })
}

fn create_listagg(
    args: &[DataType],
    out: &DataType,
    retract: bool,
) -> Result<Box<dyn Accumulator>> {
    let text = LogicalType::STRING.nullable();
    if retract {
        let list = LogicalType::Array(Box::new(text.clone())).not_null();
        let stored = vec![text, list.clone(), list];
        return Ok(Box::new(Slow::new(args, out, stored, RetractableText::default)));
    }
    Ok(Box::new(Slow::new(args, out, vec![text.clone(), text], Text::default)))
}

/// The separator of a row's arguments: a comma if there is none; NULL makes everything NULL in
/// Flink's concatenation, which is left out here as the separator is a literal.
fn separator(args: &[Value]) -> &str {
    args.get(1).and_then(Value::as_str).unwrap_or(",")
}

/// `LISTAGG` without retraction: the text so far.
#[derive(Default)]
struct Text {
    text: Option<String>,
    separator: String,
}

impl Text {
    fn push(&mut self, separator: &str, text: &str) {
        match &mut self.text {
            Some(held) => {
                held.push_str(separator);
                held.push_str(text);
            }
            None => self.text = Some(text.to_owned()),
        }
    }
}

impl SlotState for Text {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        let separator = separator(args);
        if self.separator != separator {
            self.separator = separator.to_owned();
        }
        if let Some(text) = args.first().and_then(Value::as_str) {
            self.push(separator, text);
        }
        Ok(())
    }

    fn retract(&mut self, _: &[Value]) -> Result<()> {
        Err(crate::EvalError::new("an aggregate made for insertions got a retraction"))
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        if let Some(text) = &other.text {
            self.push(&other.separator, text);
            self.separator.clone_from(&other.separator);
        }
        Ok(())
    }

    fn value(&self) -> Value {
        self.text.as_deref().map_or(Value::Null, Value::string)
    }

    fn save(&self) -> Vec<Value> {
        vec![self.value(), Value::string(self.separator.as_str())]
    }

    fn load(&mut self, values: &[Value]) {
        self.text = values.first().and_then(Value::as_str).map(str::to_owned);
        self.separator = values.get(1).and_then(Value::as_str).unwrap_or(",").to_owned();
    }
}

/// Values in order, and those that were taken away before they came.
#[derive(Default)]
struct Items {
    there: Vec<Value>,
    owed: Vec<Value>,
}

fn remove(list: &mut Vec<Value>, value: &Value) -> bool {
    let found = list.iter().position(|held| held == value);
    found.map(|at| list.remove(at)).is_some()
}

impl Items {
    fn take(&mut self, value: &Value) {
        if !remove(&mut self.there, value) {
            self.owed.push(value.clone());
        }
    }

    fn join(&mut self, other: &Items) {
        self.there.extend(other.there.iter().cloned());
        let owed = std::mem::take(&mut self.owed);
        owed.iter().chain(&other.owed).for_each(|value| self.take(value));
    }

    fn saved(&self) -> [Value; 2] {
        [Value::List(self.there.clone()), Value::List(self.owed.clone())]
    }
}

impl SlotState for Items {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        self.there.extend(args.iter().take(1).cloned());
        Ok(())
    }

    fn retract(&mut self, args: &[Value]) -> Result<()> {
        args.iter().take(1).for_each(|value| self.take(value));
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.join(other);
        Ok(())
    }

    fn value(&self) -> Value {
        if self.there.is_empty() { Value::Null } else { Value::List(self.there.clone()) }
    }

    fn save(&self) -> Vec<Value> {
        self.saved().into()
    }

    fn load(&mut self, values: &[Value]) {
        self.there = items(values.first()).to_vec();
        self.owed = items(values.get(1)).to_vec();
    }
}

/// `LISTAGG` with retraction.
#[derive(Default)]
struct RetractableText {
    items: Items,
    separator: Option<String>,
}

impl RetractableText {
    fn note_separator(&mut self, args: &[Value]) {
        let separator = separator(args);
        if self.separator.as_deref() != Some(separator) {
            self.separator = Some(separator.to_owned());
        }
    }
}

impl SlotState for RetractableText {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        self.note_separator(args);
        self.items.there.extend(args.iter().take(1).filter(|value| !value.is_null()).cloned());
        Ok(())
    }

    fn retract(&mut self, args: &[Value]) -> Result<()> {
        self.note_separator(args);
        args.iter()
            .take(1)
            .filter(|value| !value.is_null())
            .for_each(|value| self.items.take(value));
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.items.join(&other.items);
        if self.separator.is_none() {
            self.separator.clone_from(&other.separator);
        }
        Ok(())
    }

    fn value(&self) -> Value {
        if self.items.there.is_empty() {
            return Value::Null;
        }
        let texts: Vec<&str> = self.items.there.iter().filter_map(Value::as_str).collect();
        Value::string(texts.join(self.separator.as_deref().unwrap_or(",")))
    }

    fn save(&self) -> Vec<Value> {
        let [there, owed] = self.items.saved();
        let separator = self.separator.as_deref().map_or(Value::Null, Value::string);
        vec![separator, there, owed]
    }

    fn load(&mut self, values: &[Value]) {
        self.separator = values.first().and_then(Value::as_str).map(str::to_owned);
        self.items.load(values.get(1..).unwrap_or_default());
    }
}

/// `COLLECT`: how often each value is there. A value taken away before it came counts below zero.
#[derive(Default)]
struct Bag(BTreeMap<Ordered, i32>);

impl Bag {
    fn change(&mut self, value: &Value, by: i32) {
        if value.is_null() {
            return;
        }
        let key = Ordered(value.clone());
        let count = self.0.entry(key).or_insert(0);
        *count = count.wrapping_add(by);
        if *count == 0 {
            self.0.remove(&Ordered(value.clone()));
        }
    }
}

impl SlotState for Bag {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        args.iter().take(1).for_each(|value| self.change(value, 1));
        Ok(())
    }

    fn retract(&mut self, args: &[Value]) -> Result<()> {
        args.iter().take(1).for_each(|value| self.change(value, -1));
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        other.0.iter().for_each(|(value, count)| self.change(&value.0, *count));
        Ok(())
    }

    fn value(&self) -> Value {
        let entries = self.0.iter();
        Value::Map(entries.map(|(v, n)| (v.0.clone(), Value::Int32(*n))).collect())
    }

    fn save(&self) -> Vec<Value> {
        vec![self.value()]
    }

    fn load(&mut self, values: &[Value]) {
        for (value, count) in entries(values.first()) {
            self.change(value, count.as_i64().unwrap_or(0) as i32);
        }
    }
}
