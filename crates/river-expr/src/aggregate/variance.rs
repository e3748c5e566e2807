//! `STDDEV_POP`, `STDDEV_SAMP`, `VAR_POP`, `VAR_SAMP` by Welford's algorithm in 64-bit
//! floating point (Flink's `WelfordM2AggFunction`), cast to the type of the mean.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Float64Array, Int64Array};
use arrow_schema::DataType as Arrow;
use river_core::{DataType, LogicalType, Value};

use super::fold::{Fold, Folded};
use super::rows::argument;
use super::signature::{Binding, average_type, nullable_if_empty, number};
use super::{Accumulator, AggregateFunction, AggregateInput};
use crate::column::ColumnBuilder;
use crate::{EvalError, Result};

/// `STDDEV_POP`, `STDDEV_SAMP`, `STDDEV`, `VAR_POP`, `VAR_SAMP`, `VARIANCE`.
pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    AggregateFunction {
        name: "STDDEV_POP",
        signature: "STDDEV_POP(value NUMERIC) -> type of AVG(value)",
        doc: "Standard deviation of the values taken as the whole population.",
        bind: |_, args, grouped| bind("STDDEV_POP", args, grouped),
        create: |_, out, _| Ok(create(out, false, true)),
    },
    AggregateFunction {
        name: "STDDEV_SAMP",
        signature: "STDDEV_SAMP(value NUMERIC) -> type of AVG(value)",
        doc: "Standard deviation of the values taken as a sample; NULL for fewer than two.",
        bind: |_, args, grouped| bind("STDDEV_SAMP", args, grouped),
        create: |_, out, _| Ok(create(out, true, true)),
    },
    AggregateFunction {
        name: "STDDEV",
        signature: "STDDEV(value NUMERIC) -> type of AVG(value)",
        doc: "The same as STDDEV_SAMP.",
        bind: |_, args, grouped| bind("STDDEV", args, grouped),
        create: |_, out, _| Ok(create(out, true, true)),
    },
    AggregateFunction {
        name: "VAR_POP",
        signature: "VAR_POP(value NUMERIC) -> type of AVG(value)",
        doc: "Variance of the values taken as the whole population.",
        bind: |_, args, grouped| bind("VAR_POP", args, grouped),
        create: |_, out, _| Ok(create(out, false, false)),
    },
    AggregateFunction {
        name: "VAR_SAMP",
        signature: "VAR_SAMP(value NUMERIC) -> type of AVG(value)",
        doc: "Variance of the values taken as a sample; NULL for fewer than two.",
        bind: |_, args, grouped| bind("VAR_SAMP", args, grouped),
        create: |_, out, _| Ok(create(out, true, false)),
    },
    AggregateFunction {
        name: "VARIANCE",
        signature: "VARIANCE(value NUMERIC) -> type of AVG(value)",
        doc: "The same as VAR_SAMP.",
        bind: |_, args, grouped| bind("VARIANCE", args, grouped),
        create: |_, out, _| Ok(create(out, true, false)),
    },
];

fn bind(function: &'static str, args: &[DataType], grouped: bool) -> Binding {
    let arg = number(function, args)?;
    nullable_if_empty(function, arg, average_type(&arg.logical), grouped)
}

fn create(out: &DataType, sample: bool, root: bool) -> Box<dyn Accumulator> {
    let inner = Folded::new(Welford { sample, root }, LogicalType::Double);
    Box::new(Variance { inner, out: out.logical.clone() })
}

/// Count, mean and sum of squared differences from the mean.
#[derive(Debug, Clone, Copy)]
struct Moments {
    count: i64,
    mean: f64,
    squares: f64,
}

struct Welford {
    sample: bool,
    root: bool,
}

impl Fold for Welford {
    type In = f64;
    type Out = f64;
    type State = Moments;

    fn empty(&self) -> Moments {
        Moments { count: 0, mean: 0.0, squares: 0.0 }
    }

    fn add(&self, state: &mut Moments, value: f64) {
        state.count += 1;
        if state.count <= 0 {
            return;
        }
        let delta = value - state.mean;
        state.mean += delta / state.count as f64;
        state.squares += delta * (value - state.mean);
    }

    fn retract(&self, state: &mut Moments, value: f64) {
        state.count -= 1;
        if state.count <= 0 {
            if state.count == 0 {
                *state = self.empty();
            }
            return;
        }
        let delta = value - state.mean;
        state.mean -= delta / state.count as f64;
        state.squares -= (value - state.mean) * delta;
    }

    fn merge(&self, into: &mut Moments, from: Moments) {
        if from.count <= 0 {
            into.count += from.count;
        } else if into.count == 0 {
            *into = from;
        } else {
            let count = into.count + from.count;
            let delta = from.mean - into.mean;
            into.mean += from.count as f64 / count as f64 * delta;
            into.squares +=
                from.squares + into.count as f64 * from.count as f64 / count as f64 * delta * delta;
            into.count = count;
        }
        if into.count <= 0 {
            *into = Moments { count: into.count, ..self.empty() };
        }
    }

    fn result(&self, state: &Moments) -> Option<f64> {
        // Retractions without counterpart can make the sum negative.
        if state.count <= 0 || state.squares < 0.0 || (self.sample && state.count == 1) {
            return None;
        }
        let divisor = state.count - i64::from(self.sample);
        let variance = state.squares / divisor as f64;
        Some(if self.root { variance.powf(0.5) } else { variance })
    }

    fn save(&self, states: &[Moments]) -> Result<Vec<ArrayRef>> {
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(states.iter().map(|s| s.count))),
            Arc::new(Float64Array::from_iter_values(states.iter().map(|s| s.mean))),
            Arc::new(Float64Array::from_iter_values(states.iter().map(|s| s.squares))),
        ])
    }

    fn load(&self, columns: &[ArrayRef]) -> Result<Vec<Moments>> {
        let form = || EvalError::new("the stored state of a variance has the wrong form");
        let [counts, means, squares] = columns else { return Err(form()) };
        let counts = counts.as_primitive_opt::<Int64Type>().ok_or_else(form)?;
        let means = means.as_primitive_opt::<Float64Type>().ok_or_else(form)?;
        let squares = squares.as_primitive_opt::<Float64Type>().ok_or_else(form)?;
        let rows = counts.values().iter().zip(means.values()).zip(squares.values());
        Ok(rows.map(|((&count, &mean), &squares)| Moments { count, mean, squares }).collect())
    }

    fn state_types(&self) -> Vec<DataType> {
        let double = LogicalType::Double.not_null();
        vec![LogicalType::BigInt.not_null(), double.clone(), double]
    }
}

/// [`Welford`] with the argument made `DOUBLE` first and the result cast to its type.
struct Variance {
    inner: Folded<Welford>,
    out: LogicalType,
}

impl Variance {
    fn with_doubles<T>(
        &mut self,
        input: &AggregateInput,
        run: impl FnOnce(&mut Folded<Welford>, &AggregateInput) -> Result<T>,
    ) -> Result<T> {
        let column = arrow_cast::cast(argument(input, 0)?, &Arrow::Float64)?;
        let AggregateInput { slots, filter, retract, .. } = *input;
        run(&mut self.inner, &AggregateInput { slots, args: &[column], filter, retract })
    }

    fn to_out(&self, doubles: &ArrayRef) -> Result<ArrayRef> {
        let Some(doubles) = doubles.as_primitive_opt::<Float64Type>() else {
            return Err(EvalError::new("a variance is not a DOUBLE"));
        };
        let mut column = ColumnBuilder::new(&self.out, doubles.len());
        for value in doubles {
            column.push(&value.map_or(Value::Null, |value| from_double(value, &self.out)));
        }
        Ok(column.finish())
    }
}

/// A `DOUBLE` as a value of a numeric type, as `CAST` does it: integers saturate at 32 or 64 bits
/// and then wrap, decimals round half up and are NULL where they do not fit.
fn from_double(value: f64, ty: &LogicalType) -> Value {
    match ty {
        LogicalType::TinyInt => Value::Int8(value as i32 as i8),
        LogicalType::SmallInt => Value::Int16(value as i32 as i16),
        LogicalType::Int => Value::Int32(value as i32),
        LogicalType::BigInt => Value::Int64(value as i64),
        LogicalType::Float => Value::Float32(value as f32),
        LogicalType::Decimal(precision, scale) => {
            decimal_of_double(value, *precision, *scale).map_or(Value::Null, Value::Decimal)
        }
        _ => Value::Float64(value),
    }
}

/// The decimal of the shortest text of a double (`BigDecimal.valueOf`), rounded half up.
fn decimal_of_double(value: f64, precision: u8, scale: u8) -> Option<i128> {
    if !value.is_finite() {
        return None;
    }
    let text = format!("{:e}", value.abs());
    let (digits, exponent) = text.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent - fraction.len() as i32 + i32::from(scale);
    let magnitude = if shift >= 0 {
        mantissa.checked_mul(10_i128.checked_pow(shift as u32)?)?
    } else {
        match 10_i128.checked_pow(shift.unsigned_abs()) {
            Some(unit) => mantissa / unit + i128::from(mantissa % unit * 2 >= unit),
            None => 0,
        }
    };
    let fits = magnitude < 10_i128.pow(precision.into());
    fits.then_some(if value < 0.0 { -magnitude } else { magnitude })
}

impl Accumulator for Variance {
    fn grow(&mut self, slots: usize) {
        self.inner.grow(slots);
    }

    fn update(&mut self, input: &AggregateInput) -> Result<()> {
        self.with_doubles(input, |inner, input| inner.update(input))
    }

    fn update_running(&mut self, input: &AggregateInput) -> Result<(ArrayRef, ArrayRef)> {
        let (before, after) =
            self.with_doubles(input, |inner, input| inner.update_running(input))?;
        Ok((self.to_out(&before)?, self.to_out(&after)?))
    }

    fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        self.inner.merge(from, into)
    }

    fn reset(&mut self, slots: &[u32]) {
        self.inner.reset(slots);
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        self.to_out(&self.inner.values(slots)?)
    }

    fn save(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        self.inner.save(slots)
    }

    fn load(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.inner.load(slots, state)
    }

    fn state_types(&self) -> Vec<DataType> {
        self.inner.state_types()
    }

    fn memory(&self) -> usize {
        self.inner.memory()
    }
}
