//! `PERCENTILE` (Flink's `PercentileAggFunction`): exact, with linear interpolation.

use std::collections::BTreeMap;

use river_core::{DataType, LogicalType, Value};

use super::order::Ordered;
use super::signature::{Binding, refuse, refuse_count};
use super::slow::{SlotState, Slow, entries, items};
use super::{AggregateFunction, Bound};
use crate::{EvalError, Result};

/// `PERCENTILE`.
pub(super) const FUNCTIONS: &[AggregateFunction] = &[AggregateFunction {
    name: "PERCENTILE",
    signature: "PERCENTILE(value NUMERIC, percentage NUMERIC or ARRAY<NUMERIC> [, frequency \
                INTEGER]) -> DOUBLE or ARRAY<DOUBLE>",
    doc: "The value below which that part (0.0 to 1.0) of the values that are not NULL lies; each \
          counts as often as its frequency says. NULL if there are none.",
    bind: |_, args, _| bind(args),
    create: |args, out, _| {
        let double = LogicalType::Double.not_null();
        let counts =
            LogicalType::Map(Box::new(double.clone()), Box::new(LogicalType::BigInt.not_null()));
        let parts = LogicalType::Array(Box::new(double)).nullable();
        let many = matches!(out.logical, LogicalType::Array(_));
        let empty = move || Percentile { many, parts: None, counts: BTreeMap::new() };
        Ok(Box::new(Slow::new(args, out, vec![parts, counts.not_null()], empty)))
    },
}];

fn bind(args: &[DataType]) -> Binding {
    let form = "<NUMERIC>, <NUMERIC> [, <INTEGER>]";
    let (value, part, frequency) = match args {
        [value, part] => (value, part, None),
        [value, part, frequency] => (value, part, Some(frequency)),
        _ => return Err(refuse_count("PERCENTILE", "2 or 3")),
    };
    let integer = |t: &DataType| t.logical.is_integer();
    if !value.logical.is_numeric() || frequency.is_some_and(|t| !integer(t)) {
        return Err(refuse("PERCENTILE", args, form));
    }
    let double = LogicalType::Double;
    let (part, ty) = match &part.logical {
        LogicalType::Array(item) if item.logical.is_numeric() => {
            let parts = LogicalType::Array(Box::new(double.clone().not_null())).not_null();
            (parts, LogicalType::Array(Box::new(double.clone().nullable())))
        }
        other if other.is_numeric() => (double.clone().not_null(), double.clone()),
        _ => return Err(refuse("PERCENTILE", args, form)),
    };
    let mut bound = vec![double.with_nullable(value.nullable), part];
    bound.extend(frequency.map(|t| LogicalType::BigInt.with_nullable(t.nullable)));
    Ok(Bound { function: "PERCENTILE", args: bound, ty: ty.nullable() })
}

struct Percentile {
    /// Whether an array of percentages was asked for.
    many: bool,
    /// The percentages, from the first row.
    parts: Option<Vec<f64>>,
    /// How often each value is there.
    counts: BTreeMap<Ordered, i64>,
}

fn part(value: &Value) -> Result<f64> {
    match value {
        Value::Float64(part) if (0.0..=1.0).contains(part) => Ok(*part),
        Value::Float64(part) => Err(EvalError::new(format!(
            "Percentage of PERCENTILE should be between [0.0, 1.0], but was '{part:?}'."
        ))),
        _ => Err(EvalError::new("the percentage of PERCENTILE is NULL")),
    }
}

impl Percentile {
    fn note_parts(&mut self, args: &[Value]) -> Result<()> {
        if self.parts.is_none() {
            let given = args.get(1);
            let parts: Result<Vec<f64>> = match given {
                Some(Value::List(parts)) => parts.iter().map(part).collect(),
                Some(only) => part(only).map(|only| vec![only]),
                None => Ok(Vec::new()),
            };
            self.parts = Some(parts?);
        }
        Ok(())
    }

    fn change(&mut self, value: &Value, by: i64) {
        if value.is_null() || by == 0 {
            return;
        }
        let count = self.counts.entry(Ordered(value.clone())).or_insert(0);
        *count += by;
        if *count == 0 {
            self.counts.remove(&Ordered(value.clone()));
        }
    }

    /// How often a row counts.
    fn frequency(args: &[Value]) -> i64 {
        match args.get(2) {
            None => 1,
            Some(frequency) => frequency.as_i64().unwrap_or(0).max(0),
        }
    }

    fn at(&self, part: f64, sorted: &[(f64, i64)], total: i64) -> Value {
        let position = part * (total - 1) as f64 + 1.0;
        let (lower, higher) = (position.floor() as i64, position.ceil() as i64);
        let mut index = 0;
        let mut seen = sorted.first().map_or(0, |first| first.1);
        while seen < lower && index + 1 < sorted.len() {
            index += 1;
            seen += sorted[index].1;
        }
        let here = sorted[index].0;
        match sorted.get(index + 1) {
            Some((next, _)) if seen < higher => {
                Value::Float64((higher as f64 - position) * here + (position - lower as f64) * next)
            }
            _ => Value::Float64(here),
        }
    }
}

impl SlotState for Percentile {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        self.note_parts(args)?;
        let by = Percentile::frequency(args);
        args.iter().take(1).for_each(|value| self.change(value, by));
        Ok(())
    }

    fn retract(&mut self, args: &[Value]) -> Result<()> {
        let by = -Percentile::frequency(args);
        args.iter().take(1).for_each(|value| self.change(value, by));
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        if self.parts.is_none() {
            self.parts.clone_from(&other.parts);
        }
        other.counts.iter().for_each(|(value, count)| self.change(&value.0, *count));
        Ok(())
    }

    fn value(&self) -> Value {
        let total: i64 = self.counts.values().sum();
        let Some(parts) = self.parts.as_ref().filter(|parts| total > 0 && !parts.is_empty()) else {
            return Value::Null;
        };
        let number = |value: &Value| if let Value::Float64(v) = value { *v } else { f64::NAN };
        let sorted: Vec<(f64, i64)> =
            self.counts.iter().map(|(value, count)| (number(&value.0), *count)).collect();
        let mut values = parts.iter().map(|part| self.at(*part, &sorted, total));
        if self.many { Value::List(values.collect()) } else { values.next().unwrap_or(Value::Null) }
    }

    fn save(&self) -> Vec<Value> {
        let parts = self.parts.as_ref();
        let parts = parts.map(|parts| parts.iter().map(|part| Value::Float64(*part)).collect());
        let counts = self.counts.iter().map(|(v, n)| (v.0.clone(), Value::Int64(*n))).collect();
        vec![parts.map_or(Value::Null, Value::List), Value::Map(counts)]
    }

    fn load(&mut self, values: &[Value]) {
        self.parts = match values.first() {
            Some(Value::List(_)) => {
                items(values.first()).iter().map(part).collect::<Result<_>>().ok()
            }
            _ => None,
        };
        for (value, count) in entries(values.get(1)) {
            self.change(value, count.as_i64().unwrap_or(0));
        }
    }
}
