//! Arithmetic on columns of `DECIMAL`, where an operand may also be a column of integers.
//!
//! Where the types alone say that nothing can overflow or be rounded, the loop is plain 128-bit
//! arithmetic without a branch; otherwise each row goes through [`crate::decimal`].

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer};
use arrow_schema::DataType as Arrow;
use river_core::LogicalType;

use crate::function::Call;
use crate::function::adapt::{primitive, valid_rows, zip};
use crate::{EvalError, Result, decimal};

/// Unscaled values of an operand.
enum Source<'a> {
    Wide(&'a [i128]),
    Long(&'a [i64]),
    Owned(Vec<i128>),
}

struct Operand<'a> {
    source: Source<'a>,
    precision: u8,
    scale: u8,
}

impl<'a> Operand<'a> {
    fn new(call: &'a Call, index: usize) -> Result<Operand<'a>> {
        let array = call.args[index].array();
        let ty = &call.types[index].logical;
        let (precision, scale) = ty
            .as_decimal()
            .ok_or_else(|| EvalError::new(format!("{ty} is not an exact number")))?;
        let source = match array.data_type() {
            Arrow::Decimal128(..) => Source::Wide(array.as_primitive::<Decimal128Type>().values()),
            Arrow::Int64 => Source::Long(array.as_primitive::<Int64Type>().values()),
            Arrow::Int32 => widen(array.as_primitive::<Int32Type>().values()),
            Arrow::Int16 => widen(array.as_primitive::<Int16Type>().values()),
            Arrow::Int8 => widen(array.as_primitive::<Int8Type>().values()),
            other => return Err(EvalError::new(format!("{other} is not an exact number"))),
        };
        Ok(Operand { source, precision, scale })
    }

    fn values(&self) -> std::borrow::Cow<'_, [i128]> {
        match &self.source {
            Source::Wide(values) => (*values).into(),
            Source::Long(values) => values.iter().map(|v| i128::from(*v)).collect(),
            Source::Owned(values) => values.as_slice().into(),
        }
    }

    /// Whether every value fits in 64 bits.
    fn is_narrow(&self) -> bool {
        matches!(self.source, Source::Long(_)) || self.precision <= 18
    }
}

fn widen<T: Copy + Into<i128>>(values: &[T]) -> Source<'static> {
    Source::Owned(values.iter().map(|v| (*v).into()).collect())
}

fn result_type(call: &Call) -> (u8, u8) {
    match call.out.logical {
        LogicalType::Decimal(p, s) => (p, s),
        _ => (38, 0),
    }
}

/// `a + b`, or `a - b` if `negative`.
pub fn add(call: &Call, negative: bool) -> Result<ArrayRef> {
    let nulls = match valid_rows(call) {
        Ok(nulls) => nulls,
        Err(all_null) => return Ok(all_null),
    };
    let (a, b) = (Operand::new(call, 0)?, Operand::new(call, 1)?);
    let (p, s) = result_type(call);
    let exact = s >= a.scale && s >= b.scale && p < 38;
    if exact {
        let x = decimal::POW10[(s - a.scale) as usize];
        let y = decimal::POW10[(s - b.scale) as usize] * if negative { -1 } else { 1 };
        let sum = |v: i128, w: i128| v.wrapping_mul(x).wrapping_add(w.wrapping_mul(y));
        let out = zip(call, &a.values(), &b.values(), sum);
        return Ok(primitive::<Decimal128Type>(call, out, nulls));
    }
    let sign = if negative { -1 } else { 1 };
    each(call, nulls, &a, &b, |v, w| Ok(decimal::add(v, a.scale, w * sign, b.scale, (p, s))))
}

/// `a * b`
pub fn multiply(call: &Call) -> Result<ArrayRef> {
    let nulls = match valid_rows(call) {
        Ok(nulls) => nulls,
        Err(all_null) => return Ok(all_null),
    };
    let (a, b) = (Operand::new(call, 0)?, Operand::new(call, 1)?);
    let (p, s) = result_type(call);
    if s != a.scale + b.scale || a.precision + b.precision > p {
        return each(call, nulls, &a, &b, |v, w| {
            Ok(decimal::multiply(v, a.scale, w, b.scale, (p, s)))
        });
    }
    let out = if a.is_narrow() && b.is_narrow() {
        // One machine multiplication: 64 x 64 bits to 128.
        match (&a.source, &b.source) {
            (Source::Long(v), _) => {
                zip(call, v, &b.values(), |v, w| i128::from(v) * i128::from(w as i64))
            }
            (_, Source::Long(w)) => {
                zip(call, &a.values(), w, |v, w| i128::from(v as i64) * i128::from(w))
            }
            _ => zip(call, &a.values(), &b.values(), |v, w| {
                i128::from(v as i64) * i128::from(w as i64)
            }),
        }
    } else {
        zip(call, &a.values(), &b.values(), i128::wrapping_mul)
    };
    Ok(primitive::<Decimal128Type>(call, out, nulls))
}

/// `a / b`
pub fn divide(call: &Call) -> Result<ArrayRef> {
    quotient(call, decimal::divide)
}

/// `a % b`
pub fn modulo(call: &Call) -> Result<ArrayRef> {
    quotient(call, decimal::modulo)
}

fn quotient(
    call: &Call,
    operation: fn(i128, u8, i128, u8, (u8, u8)) -> Option<i128>,
) -> Result<ArrayRef> {
    let nulls = match valid_rows(call) {
        Ok(nulls) => nulls,
        Err(all_null) => return Ok(all_null),
    };
    let (a, b) = (Operand::new(call, 0)?, Operand::new(call, 1)?);
    let out = result_type(call);
    each(call, nulls, &a, &b, |v, w| {
        if w == 0 {
            return Err(EvalError::new("Division by zero"));
        }
        Ok(operation(v, a.scale, w, b.scale, out))
    })
}

/// Row by row, where a result may be NULL or fail.
fn each(
    call: &Call,
    nulls: Option<NullBuffer>,
    a: &Operand,
    b: &Operand,
    f: impl Fn(i128, i128) -> Result<Option<i128>>,
) -> Result<ArrayRef> {
    let (left, right) = (a.values(), b.values());
    let mut out = Vec::with_capacity(call.rows);
    let mut valid = BooleanBufferBuilder::new(call.rows);
    for row in 0..call.rows {
        let value = if nulls.as_ref().is_none_or(|n| n.is_valid(row)) {
            f(left[call.args[0].index(row)], right[call.args[1].index(row)])?
        } else {
            None
        };
        valid.append(value.is_some());
        out.push(value.unwrap_or(0));
    }
    Ok(primitive::<Decimal128Type>(call, out, Some(NullBuffer::new(valid.finish()))))
}
