//! `FIRST_VALUE`, `LAST_VALUE` and `SINGLE_VALUE`, in order of arrival.

use std::collections::VecDeque;

use river_core::{DataType, LogicalType, Value};

use super::pick::{Choice, Pick};
use super::signature::{Binding, nullable_if_empty, only};
use super::slow::{SlotState, Slow, items};
use super::{Accumulator, AggregateFunction};
use crate::{EvalError, Result};

/// `FIRST_VALUE`, `LAST_VALUE`, `SINGLE_VALUE`.
pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    AggregateFunction {
        name: "FIRST_VALUE",
        signature: "FIRST_VALUE(value ANY) -> type of value",
        doc: "The first value that is not NULL; NULL if there is none.",
        bind: |_, args, grouped| bind("FIRST_VALUE", args, grouped),
        create: |args, out, retract| create::<false>(args, out, retract),
    },
    AggregateFunction {
        name: "LAST_VALUE",
        signature: "LAST_VALUE(value ANY) -> type of value",
        doc: "The last value that is not NULL; NULL if there is none.",
        bind: |_, args, grouped| bind("LAST_VALUE", args, grouped),
        create: |args, out, retract| create::<true>(args, out, retract),
    },
    AggregateFunction {
        name: "SINGLE_VALUE",
        signature: "SINGLE_VALUE(value ANY) -> type of value",
        doc: "The only value; NULL if there is none, an error if there is more than one: what a \
              scalar subquery gives.",
        bind: |_, args, grouped| bind("SINGLE_VALUE", args, grouped),
        create: |args, out, _| {
            let stored = vec![out.with_nullable(true), LogicalType::Int.not_null()];
            Ok(Box::new(Slow::new(args, out, stored, Single::default)))
        },
    },
];

fn bind(function: &'static str, args: &[DataType], grouped: bool) -> Binding {
    let arg = only(function, args)?;
    let ty = arg.materialised().logical;
    nullable_if_empty(function, arg, ty, grouped)
}

fn create<const LAST: bool>(
    args: &[DataType],
    out: &DataType,
    retract: bool,
) -> Result<Box<dyn Accumulator>> {
    if retract {
        let stored = vec![LogicalType::Array(Box::new(out.with_nullable(true))).not_null()];
        return Ok(Box::new(Slow::new(args, out, stored, Arrivals::<LAST>::default)));
    }
    let choice = if LAST { Choice::Last } else { Choice::First };
    Ok(Box::new(Pick::new(choice, out.clone())))
}

/// The values that are there, in order of arrival.
#[derive(Default)]
struct Arrivals<const LAST: bool>(VecDeque<Value>);

impl<const LAST: bool> SlotState for Arrivals<LAST> {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        self.0.extend(args.iter().take(1).filter(|value| !value.is_null()).cloned());
        Ok(())
    }

    fn retract(&mut self, args: &[Value]) -> Result<()> {
        let Some(value) = args.first().filter(|value| !value.is_null()) else { return Ok(()) };
        // Of equal values the oldest goes.
        if let Some(at) = self.0.iter().position(|held| held == value) {
            self.0.remove(at);
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.0.extend(other.0.iter().cloned());
        Ok(())
    }

    fn value(&self) -> Value {
        let end = if LAST { self.0.back() } else { self.0.front() };
        end.cloned().unwrap_or(Value::Null)
    }

    fn save(&self) -> Vec<Value> {
        vec![Value::List(self.0.iter().cloned().collect())]
    }

    fn load(&mut self, values: &[Value]) {
        self.0.extend(items(values.first()).iter().cloned());
    }
}

/// A value that may come once.
#[derive(Default)]
struct Single {
    value: Option<Value>,
    count: i32,
}

impl Single {
    fn too_many() -> EvalError {
        EvalError::new("SingleValueAggFunction received more than one element.")
    }
}

impl SlotState for Single {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        if self.count > 0 {
            return Err(Single::too_many());
        }
        self.value = args.first().cloned();
        self.count += 1;
        Ok(())
    }

    fn retract(&mut self, _: &[Value]) -> Result<()> {
        if self.count != 0 && self.count != 1 {
            return Err(Single::too_many());
        }
        self.value = None;
        self.count -= 1;
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        let count = self.count + other.count;
        if count > 1 {
            return Err(Single::too_many());
        }
        let takes = count != 0 || self.count == 0 || other.count > 0;
        self.value = if takes { other.value.clone() } else { None };
        self.count = count;
        Ok(())
    }

    fn value(&self) -> Value {
        self.value.clone().unwrap_or(Value::Null)
    }

    fn save(&self) -> Vec<Value> {
        vec![self.value(), Value::Int32(self.count)]
    }

    fn load(&mut self, values: &[Value]) {
        self.value = values.first().cloned();
        self.count = values.get(1).and_then(Value::as_i64).unwrap_or(0) as i32;
    }
}
