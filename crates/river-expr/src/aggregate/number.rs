//! `COUNT`, `SUM`, `SUM0` and `AVG` (Flink's `CountAggFunction`, `SumAggFunction`,
//! `SumWithRetractAggFunction`, `AvgAggFunction`).
//!
//! Integers wrap, in the type of the argument, `AVG`'s sum too. A decimal sum that leaves 38 digits
//! is NULL: `SUM` then starts again with the next value, `AVG` stays NULL.

use arrow_array::{Array, ArrayRef, ArrowNativeTypeOp};
use arrow_buffer::ArrowNativeType;
use river_core::{DataType, LogicalType};

use super::count::Count;
use super::fold::{Cell, Fold, Folded, cell_types, load_cells, save_cells};
use super::rows::{NativeColumn, native_array};
use super::signature::{Binding, average_type, nullable_if_empty, number, sum_type};
use super::{Accumulator, AggregateFunction, Bound};
use crate::{BindError, EvalError, Result, Session};

/// `COUNT`, `SUM`, `$SUM0`, `AVG`.
pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    AggregateFunction {
        name: "COUNT",
        signature: "COUNT(*), COUNT(value ANY) -> BIGINT",
        doc: "Number of rows, or of rows whose value is not NULL. Never NULL.",
        bind: bind_count,
        create: |args, _, _| Ok(Box::new(Count::new(!args.is_empty()))),
    },
    AggregateFunction {
        name: "SUM",
        signature: "SUM(value NUMERIC) -> type of value, DECIMAL(38, s) of a decimal",
        doc: "Sum of the values that are not NULL; NULL if there are none. Integers wrap, a \
              decimal sum of more than 38 digits is NULL.",
        bind: |_, args, grouped| {
            let arg = number("SUM", args)?;
            nullable_if_empty("SUM", arg, sum_type(&arg.logical), grouped)
        },
        create: |args, _, retract| create_sum(args, retract, false),
    },
    AggregateFunction {
        name: "$SUM0",
        signature: "$SUM0(value NUMERIC) -> type of value, DECIMAL(38, s) of a decimal",
        doc: "As SUM, but 0 if there are no values.",
        bind: |_, args, _| {
            let arg = number("$SUM0", args)?;
            let ty = sum_type(&arg.logical).not_null();
            Ok(Bound { function: "$SUM0", args: vec![arg.clone()], ty })
        },
        create: |args, _, retract| create_sum(args, retract, true),
    },
    AggregateFunction {
        name: "AVG",
        signature: "AVG(value NUMERIC) -> type of value, DECIMAL(38, max(s, 6)) of a decimal",
        doc: "Mean of the values that are not NULL, that of integers cut to an integer; NULL if \
              there are none.",
        bind: |_, args, grouped| {
            let arg = number("AVG", args)?;
            nullable_if_empty("AVG", arg, average_type(&arg.logical), grouped)
        },
        create: create_average,
    },
];

fn bind_count(_: &Session, args: &[DataType], _: bool) -> Binding {
    if args.len() > 1 {
        return Err(BindError::new("We now only support the count of one field."));
    }
    Ok(Bound { function: "COUNT", args: args.to_vec(), ty: LogicalType::BigInt.not_null() })
}

fn argument_type(args: &[DataType]) -> Result<&LogicalType> {
    args.first().map(|t| &t.logical).ok_or_else(|| EvalError::new("an aggregate of no argument"))
}

fn create_sum(args: &[DataType], retract: bool, zero: bool) -> Result<Box<dyn Accumulator>> {
    let ty = argument_type(args)?;
    Ok(match ty {
        LogicalType::TinyInt => sum::<i8>(ty, zero),
        LogicalType::SmallInt => sum::<i16>(ty, zero),
        LogicalType::Int => sum::<i32>(ty, zero),
        LogicalType::BigInt => sum::<i64>(ty, zero),
        LogicalType::Float => sum::<f32>(ty, zero),
        LogicalType::Double => sum::<f64>(ty, zero),
        LogicalType::Decimal(_, scale) => {
            let out = sum_type(ty);
            let fold = DecimalSum { ty: out.clone(), zero, rounds: retract && *scale > 6 };
            Box::new(Folded::new(fold, out))
        }
        other => return Err(EvalError::new(format!("SUM of {other}"))),
    })
}

fn sum<N: ArrowNativeTypeOp>(ty: &LogicalType, zero: bool) -> Box<dyn Accumulator> {
    let of = Of::Sum(zero.then_some(N::ZERO));
    Box::new(Folded::new(Sum { ty: ty.clone(), of }, ty.clone()))
}

fn create_average(args: &[DataType], out: &DataType, _: bool) -> Result<Box<dyn Accumulator>> {
    let ty = argument_type(args)?;
    Ok(match ty {
        LogicalType::TinyInt => average::<i8>(ty),
        LogicalType::SmallInt => average::<i16>(ty),
        LogicalType::Int => average::<i32>(ty),
        LogicalType::BigInt => average::<i64>(ty),
        LogicalType::Float => {
            Box::new(Folded::new(FloatAverage::<f32>(std::marker::PhantomData), ty.clone()))
        }
        LogicalType::Double => {
            Box::new(Folded::new(FloatAverage::<f64>(std::marker::PhantomData), ty.clone()))
        }
        LogicalType::Decimal(_, scale) => {
            let widen = 10_i128.pow(u32::from(6_u8.saturating_sub(*scale)));
            let fold = DecimalAverage { sum: sum_type(ty), widen };
            Box::new(Folded::new(fold, out.logical.clone()))
        }
        other => return Err(EvalError::new(format!("AVG of {other}"))),
    })
}

fn average<N: ArrowNativeTypeOp>(ty: &LogicalType) -> Box<dyn Accumulator> {
    let sum = Sum::<N> { ty: ty.clone(), of: Of::Average };
    Box::new(Folded::new(sum, ty.clone()))
}

/// What is made of a sum and the number of its values.
#[derive(Clone, Copy)]
enum Of<N> {
    /// The sum; this if there are no values.
    Sum(Option<N>),
    /// The mean, cut off.
    Average,
}

/// `SUM` of integers (wrapping) and floating-point numbers, `AVG` of integers.
struct Sum<N> {
    ty: LogicalType,
    of: Of<N>,
}

impl<N: ArrowNativeTypeOp> Fold for Sum<N> {
    type In = N;
    type Out = N;
    type State = Cell<N>;

    fn empty(&self) -> Cell<N> {
        Cell { value: N::ZERO, count: 0 }
    }

    #[inline]
    fn add(&self, state: &mut Cell<N>, value: N) {
        state.value = state.value.add_wrapping(value);
        state.count += 1;
    }

    #[inline]
    fn retract(&self, state: &mut Cell<N>, value: N) {
        state.value = state.value.sub_wrapping(value);
        state.count -= 1;
    }

    fn merge(&self, into: &mut Cell<N>, from: Cell<N>) {
        into.value = into.value.add_wrapping(from.value);
        into.count += from.count;
    }

    #[inline]
    fn result(&self, state: &Cell<N>) -> Option<N> {
        match self.of {
            Of::Sum(none) if state.count == 0 => none,
            Of::Sum(_) => Some(state.value),
            Of::Average if state.count == 0 => None,
            Of::Average => {
                let quotient = state.value.to_i64()?.wrapping_div(state.count);
                Some(N::usize_as(quotient as usize))
            }
        }
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

/// Stands for a decimal sum that left 38 digits, in place of a flag that would widen the state.
const OVERFLOWN: i128 = i128::MIN;
/// The first number that has 39 digits.
const DECIMAL_LIMIT: u128 = 10_u128.pow(38);

fn fitting(sum: Option<i128>) -> i128 {
    match sum {
        Some(sum) if sum.unsigned_abs() < DECIMAL_LIMIT => sum,
        _ => OVERFLOWN,
    }
}

/// As [`save_cells`], with NULL for a sum that is [`OVERFLOWN`]: it is no decimal.
fn save_decimals(cells: &[Cell<i128>], ty: &LogicalType) -> Result<Vec<ArrayRef>> {
    let mut values = NativeColumn::new(cells.len());
    cells.iter().for_each(|cell| values.push((cell.value != OVERFLOWN).then_some(cell.value)));
    let counts = cells.iter().map(|cell| cell.count).collect();
    Ok(vec![values.finish(ty)?, native_array::<i64>(counts, None, &LogicalType::BigInt)?])
}

/// The cells of columns made by [`save_decimals`].
fn load_decimals(columns: &[ArrayRef]) -> Result<Vec<Cell<i128>>> {
    let mut cells = load_cells::<i128>(columns)?;
    if let Some(nulls) = columns.first().and_then(|values| values.nulls()) {
        let absent = cells.iter_mut().zip(nulls).filter(|(_, valid)| !valid);
        absent.for_each(|(cell, _)| cell.value = OVERFLOWN);
    }
    Ok(cells)
}

/// Types of the columns of [`save_decimals`].
fn decimal_types(ty: &LogicalType) -> Vec<DataType> {
    vec![ty.clone().nullable(), LogicalType::BigInt.not_null()]
}

/// `SUM` of decimals.
struct DecimalSum {
    ty: LogicalType,
    zero: bool,
    /// With retraction Flink adds with its ordinary `+`, whose result of DECIMAL(38, s), s > 6,
    /// has one digit of scale less: the last digit is rounded away at every step.
    rounds: bool,
}

impl DecimalSum {
    #[inline]
    fn rounded(&self, sum: Option<i128>) -> i128 {
        match sum {
            Some(sum) if self.rounds => {
                let tens = sum / 10 + (sum % 10) / 5;
                fitting(tens.checked_mul(10))
            }
            sum => fitting(sum),
        }
    }
}

impl Fold for DecimalSum {
    type In = i128;
    type Out = i128;
    type State = Cell<i128>;

    fn empty(&self) -> Cell<i128> {
        // Neither sum nor overflow: the first value is taken as it is.
        Cell { value: OVERFLOWN, count: 0 }
    }

    #[inline]
    fn add(&self, state: &mut Cell<i128>, value: i128) {
        state.count += 1;
        state.value = match state.value {
            OVERFLOWN => value,
            sum => self.rounded(sum.checked_add(value)),
        };
    }

    #[inline]
    fn retract(&self, state: &mut Cell<i128>, value: i128) {
        state.count -= 1;
        state.value = match state.value {
            OVERFLOWN => self.rounded(0_i128.checked_sub(value)),
            sum => self.rounded(sum.checked_sub(value)),
        };
    }

    fn merge(&self, into: &mut Cell<i128>, from: Cell<i128>) {
        into.count += from.count;
        into.value = match (into.value, from.value) {
            (sum, OVERFLOWN) | (OVERFLOWN, sum) => sum,
            (sum, other) => self.rounded(sum.checked_add(other)),
        };
    }

    #[inline]
    fn result(&self, state: &Cell<i128>) -> Option<i128> {
        if state.count == 0 {
            return self.zero.then_some(0);
        }
        (state.value != OVERFLOWN).then_some(state.value)
    }

    fn save(&self, states: &[Cell<i128>]) -> Result<Vec<ArrayRef>> {
        save_decimals(states, &self.ty)
    }

    fn load(&self, columns: &[ArrayRef]) -> Result<Vec<Cell<i128>>> {
        load_decimals(columns)
    }

    fn state_types(&self) -> Vec<DataType> {
        decimal_types(&self.ty)
    }
}

/// A floating-point type whose sum is kept in 64 bits.
trait Narrow: ArrowNativeType + Into<f64> {
    fn narrow(value: f64) -> Self;
}

impl Narrow for f32 {
    fn narrow(value: f64) -> f32 {
        value as f32
    }
}

impl Narrow for f64 {
    fn narrow(value: f64) -> f64 {
        value
    }
}

/// `AVG` of `FLOAT` and `DOUBLE`.
struct FloatAverage<N>(std::marker::PhantomData<N>);

impl<N: Narrow> Fold for FloatAverage<N> {
    type In = N;
    type Out = N;
    type State = Cell<f64>;

    fn empty(&self) -> Cell<f64> {
        Cell { value: 0.0, count: 0 }
    }

    #[inline]
    fn add(&self, state: &mut Cell<f64>, value: N) {
        state.value += value.into();
        state.count += 1;
    }

    #[inline]
    fn retract(&self, state: &mut Cell<f64>, value: N) {
        state.value -= value.into();
        state.count -= 1;
    }

    fn merge(&self, into: &mut Cell<f64>, from: Cell<f64>) {
        into.value += from.value;
        into.count += from.count;
    }

    #[inline]
    fn result(&self, state: &Cell<f64>) -> Option<N> {
        (state.count != 0).then(|| N::narrow(state.value / state.count as f64))
    }

    fn save(&self, states: &[Cell<f64>]) -> Result<Vec<ArrayRef>> {
        save_cells(states, &LogicalType::Double)
    }

    fn load(&self, columns: &[ArrayRef]) -> Result<Vec<Cell<f64>>> {
        load_cells(columns)
    }

    fn state_types(&self) -> Vec<DataType> {
        cell_types(&LogicalType::Double)
    }
}

/// `AVG` of decimals, rounded half up to at least six digits.
struct DecimalAverage {
    sum: LogicalType,
    /// What the sum is multiplied by to have the scale of the result.
    widen: i128,
}

impl DecimalAverage {
    fn quotient(&self, sum: i128, count: i64) -> Option<i128> {
        let count = i128::from(count);
        let (whole, rest) = (sum / count, sum % count);
        let (part, rest) = (rest * self.widen / count, rest * self.widen % count);
        let up = if rest.unsigned_abs() * 2 >= count.unsigned_abs() {
            if (sum < 0) == (count < 0) { 1 } else { -1 }
        } else {
            0
        };
        let quotient = whole.checked_mul(self.widen)?.checked_add(part + up)?;
        (quotient.unsigned_abs() < DECIMAL_LIMIT).then_some(quotient)
    }
}

impl Fold for DecimalAverage {
    type In = i128;
    type Out = i128;
    type State = Cell<i128>;

    fn empty(&self) -> Cell<i128> {
        Cell { value: 0, count: 0 }
    }

    #[inline]
    fn add(&self, state: &mut Cell<i128>, value: i128) {
        state.count += 1;
        if state.value != OVERFLOWN {
            state.value = fitting(state.value.checked_add(value));
        }
    }

    #[inline]
    fn retract(&self, state: &mut Cell<i128>, value: i128) {
        state.count -= 1;
        if state.value != OVERFLOWN {
            state.value = fitting(state.value.checked_sub(value));
        }
    }

    fn merge(&self, into: &mut Cell<i128>, from: Cell<i128>) {
        into.count += from.count;
        into.value = match (into.value, from.value) {
            (OVERFLOWN, _) | (_, OVERFLOWN) => OVERFLOWN,
            (sum, other) => fitting(sum.checked_add(other)),
        };
    }

    #[inline]
    fn result(&self, state: &Cell<i128>) -> Option<i128> {
        if state.count == 0 || state.value == OVERFLOWN {
            return None;
        }
        self.quotient(state.value, state.count)
    }

    fn save(&self, states: &[Cell<i128>]) -> Result<Vec<ArrayRef>> {
        save_decimals(states, &self.sum)
    }

    fn load(&self, columns: &[ArrayRef]) -> Result<Vec<Cell<i128>>> {
        load_decimals(columns)
    }

    fn state_types(&self) -> Vec<DataType> {
        decimal_types(&self.sum)
    }
}
