//! `MIN` and `MAX` (Flink's `MinAggFunction`, `MinWithRetractAggFunction` and their counterparts).

use std::collections::BTreeMap;

use arrow_array::ArrayRef;
use arrow_buffer::ArrowNativeType;
use river_core::{DataType, LogicalType, Value};

use super::fold::{Cell, Fold, Folded, cell_types, load_cells, save_cells};
use super::order::Ordered;
use super::pick::{Choice, Pick};
use super::signature::{Binding, nullable_if_empty, only, refuse};
use super::slow::{SlotState, Slow, entries};
use super::{Accumulator, AggregateFunction};
use crate::{EvalError, Result};

/// `MIN`, `MAX`.
pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    AggregateFunction {
        name: "MIN",
        signature: "MIN(value COMPARABLE) -> type of value",
        doc: "Least of the values that are not NULL; NULL if there are none.",
        bind: |_, args, grouped| bind("MIN", args, grouped),
        create: |args, _, retract| create::<false>(args, retract),
    },
    AggregateFunction {
        name: "MAX",
        signature: "MAX(value COMPARABLE) -> type of value",
        doc: "Greatest of the values that are not NULL; NULL if there are none.",
        bind: |_, args, grouped| bind("MAX", args, grouped),
        create: |args, _, retract| create::<true>(args, retract),
    },
];

fn bind(function: &'static str, args: &[DataType], grouped: bool) -> Binding {
    let arg = only(function, args)?;
    match &arg.logical {
        LogicalType::Array(_)
        | LogicalType::Map(..)
        | LogicalType::Multiset(_)
        | LogicalType::Row(_)
        | LogicalType::Variant
        | LogicalType::Bitmap
        | LogicalType::Null
        | LogicalType::Descriptor => Err(refuse(function, args, "<COMPARABLE_TYPE>")),
        other => {
            // A time attribute that went through an aggregate is an ordinary timestamp.
            let ty = other.with_time_kind(river_core::types::TimeKind::Regular);
            nullable_if_empty(function, arg, ty, grouped)
        }
    }
}

fn create<const MAX: bool>(args: &[DataType], retract: bool) -> Result<Box<dyn Accumulator>> {
    let arg = args.first().ok_or_else(|| EvalError::new("an aggregate of no argument"))?;
    if retract {
        let stored = LogicalType::Map(
            Box::new(arg.with_nullable(false)),
            Box::new(LogicalType::BigInt.not_null()),
        );
        let out = arg.with_nullable(true);
        return Ok(Box::new(Slow::new(
            args,
            &out,
            vec![stored.not_null()],
            Sorted::<MAX>::default,
        )));
    }
    Ok(match &arg.logical {
        ty @ LogicalType::TinyInt => extreme::<i8, MAX>(ty),
        ty @ LogicalType::SmallInt => extreme::<i16, MAX>(ty),
        ty @ (LogicalType::Int
        | LogicalType::Date
        | LogicalType::Time(_)
        | LogicalType::IntervalYearMonth) => extreme::<i32, MAX>(ty),
        ty @ (LogicalType::BigInt
        | LogicalType::Timestamp(..)
        | LogicalType::TimestampLtz(..)
        | LogicalType::IntervalDayTime) => extreme::<i64, MAX>(ty),
        ty @ LogicalType::Float => extreme::<f32, MAX>(ty),
        ty @ LogicalType::Double => extreme::<f64, MAX>(ty),
        ty @ LogicalType::Decimal(..) => extreme::<i128, MAX>(ty),
        _ => {
            let choice = if MAX { Choice::Greatest } else { Choice::Least };
            Box::new(Pick::new(choice, arg.clone()))
        }
    })
}

fn extreme<N: ArrowNativeType, const MAX: bool>(ty: &LogicalType) -> Box<dyn Accumulator> {
    let fold = Extreme::<N, MAX> { ty: ty.clone(), number: std::marker::PhantomData };
    Box::new(Folded::new(fold, ty.clone()))
}

/// `MIN` or `MAX` of fixed-width values without retraction. Floating-point numbers are compared
/// by the operators `<` and `>`: a NaN neither takes the place of a number nor gives its up.
struct Extreme<N, const MAX: bool> {
    ty: LogicalType,
    number: std::marker::PhantomData<N>,
}

impl<N: ArrowNativeType, const MAX: bool> Fold for Extreme<N, MAX> {
    type In = N;
    type Out = N;
    /// The count is 1 where there is a value.
    type State = Cell<N>;

    fn empty(&self) -> Cell<N> {
        Cell { value: N::default(), count: 0 }
    }

    #[inline]
    fn add(&self, state: &mut Cell<N>, value: N) {
        let better = if MAX { value > state.value } else { value < state.value };
        if better || state.count == 0 {
            *state = Cell { value, count: 1 };
        }
    }

    fn retract(&self, _: &mut Cell<N>, _: N) {
        debug_assert!(false, "made for insertions only");
    }

    fn merge(&self, into: &mut Cell<N>, from: Cell<N>) {
        if from.count != 0 {
            self.add(into, from.value);
        }
    }

    #[inline]
    fn result(&self, state: &Cell<N>) -> Option<N> {
        (state.count != 0).then_some(state.value)
    }

    fn save(&self, states: &[Cell<N>]) -> Result<Vec<ArrayRef>> {
        save_cells(states, &self.ty)
    }

    fn load(&self, columns: &[ArrayRef]) -> Result<Vec<Cell<N>>> {
        load_cells(columns)
    }

    fn state_types(&self) -> Vec<DataType> {
        cell_types(&self.ty)
    }
}

/// `MIN` or `MAX` with retraction: how often each value has come. A value taken away before it
/// came has a negative count and is no candidate.
#[derive(Default)]
struct Sorted<const MAX: bool> {
    counts: BTreeMap<Ordered, i64>,
}

impl<const MAX: bool> Sorted<MAX> {
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
}

impl<const MAX: bool> SlotState for Sorted<MAX> {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        args.iter().take(1).for_each(|value| self.change(value, 1));
        Ok(())
    }

    fn retract(&mut self, args: &[Value]) -> Result<()> {
        args.iter().take(1).for_each(|value| self.change(value, -1));
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        other.counts.iter().for_each(|(value, count)| self.change(&value.0, *count));
        Ok(())
    }

    fn value(&self) -> Value {
        let present = |(_, count): &(&Ordered, &i64)| **count > 0;
        let found = if MAX {
            self.counts.iter().rev().find(present)
        } else {
            self.counts.iter().find(present)
        };
        found.map_or(Value::Null, |(value, _)| value.0.clone())
    }

    fn save(&self) -> Vec<Value> {
        let entries = self.counts.iter();
        vec![Value::Map(entries.map(|(v, n)| (v.0.clone(), Value::Int64(*n))).collect())]
    }

    fn load(&mut self, values: &[Value]) {
        for (value, count) in entries(values.first()) {
            self.change(value, count.as_i64().unwrap_or(0));
        }
    }
}
