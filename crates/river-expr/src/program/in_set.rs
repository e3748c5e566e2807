//! `x IN (constants)`: one look-up in a hash table instead of a comparison for each constant.
//!
//! The binder writes a list as one flat `OR` of equalities, and plans keep that form; a long one
//! whose items are constants of the value's own type is computed here. Used by
//! [`Program`](super::Program). What cannot be hashed as `=` compares it (floats, nested values)
//! stays an `OR`.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType as Arrow;
use hashbrown::HashSet;
use river_core::expr::ExprKind;
use river_core::{Expr, LogicalType, Value};

use crate::column::{scalar_array, timestamp_ticks};
use crate::{Col, EvalError, Result};

/// Items from which on a look-up is cheaper than comparing columns.
const MIN_ITEMS: usize = 8;

/// The constants of a list.
pub(super) struct InSet {
    keys: Keys,
    /// A NULL among them makes the answer for every other value unknown.
    has_null: bool,
}

enum Keys {
    Integers(HashSet<i64>),
    Decimals(HashSet<i128>),
    Texts(HashSet<Box<str>>),
}

impl InSet {
    /// If the arguments of an `OR` are equalities of one expression with constants: the expression
    /// and the constants.
    pub(super) fn of(args: &[Expr]) -> Option<(&Expr, InSet)> {
        if args.len() < MIN_ITEMS {
            return None;
        }
        let (value, _) = equality(args.first()?)?;
        let ty = &value.ty.logical;
        let mut set = InSet { keys: Keys::new(ty)?, has_null: false };
        for arg in args {
            let (same, item) = equality(arg)?;
            let literal = item.as_literal()?;
            if same != value || !is_alike(ty, &item.ty.logical) {
                return None;
            }
            if literal.is_null() {
                set.has_null = true;
            } else {
                set.keys.insert(literal, ty)?;
            }
        }
        Some((value, set))
    }

    /// For each value whether it is in the list, in three-valued logic.
    pub(super) fn test(&self, column: &Col) -> Result<Col> {
        let array = column.array();
        let found = self.keys.test(array.as_ref()).ok_or_else(|| {
            EvalError::new(format!("{} in a list of another type", array.data_type()))
        })?;
        let mut nulls = array.logical_nulls();
        if self.has_null {
            nulls = NullBuffer::union(nulls.as_ref(), Some(&NullBuffer::new(found.clone())));
        }
        let truth: ArrayRef = Arc::new(BooleanArray::new(found, nulls));
        Ok(if column.is_scalar() { Col::Scalar(truth) } else { Col::Array(truth) })
    }
}

/// The sides of `value = item`.
fn equality(expr: &Expr) -> Option<(&Expr, &Expr)> {
    match &expr.kind {
        ExprKind::Call { function, args } if function == "=" => match &args[..] {
            [value, item] => Some((value, item)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether values of both types are equal just when their keys are.
fn is_alike(value: &LogicalType, item: &LogicalType) -> bool {
    value == item || value.is_character() && item.is_character()
}

impl Keys {
    fn new(ty: &LogicalType) -> Option<Keys> {
        use LogicalType::*;
        match ty {
            TinyInt | SmallInt | Int | BigInt | Date | Time(_) | Timestamp(..)
            | TimestampLtz(..) => Some(Keys::Integers(HashSet::new())),
            Decimal(..) => Some(Keys::Decimals(HashSet::new())),
            Char(_) | VarChar(_) => Some(Keys::Texts(HashSet::new())),
            _ => None,
        }
    }

    /// Adds a constant of that type, and whether it is new; `None` if it is none.
    fn insert(&mut self, value: &Value, ty: &LogicalType) -> Option<bool> {
        match (self, value) {
            (Keys::Integers(keys), value) => {
                let added = integers(scalar_array(value, ty).as_ref(), |key| keys.insert(key))?;
                Some(added.value(0))
            }
            (Keys::Decimals(keys), Value::Decimal(key)) => Some(keys.insert(*key)),
            (Keys::Texts(keys), value) => Some(keys.insert(value.as_str()?.into())),
            _ => None,
        }
    }

    /// Which values are among the keys; NULLs give anything.
    fn test(&self, array: &dyn Array) -> Option<BooleanBuffer> {
        match self {
            Keys::Integers(keys) => integers(array, |value| keys.contains(&value)),
            Keys::Decimals(keys) => {
                let values = array.as_primitive_opt::<Decimal128Type>()?.values();
                Some(each(values, |value| keys.contains(&value)))
            }
            Keys::Texts(keys) => {
                let texts = array.as_string_view_opt()?;
                let test = |row| keys.contains(texts.value(row));
                Some(BooleanBuffer::collect_bool(texts.len(), test))
            }
        }
    }
}

/// Tests the integers that integers, dates and times are made of.
fn integers(array: &dyn Array, mut test: impl FnMut(i64) -> bool) -> Option<BooleanBuffer> {
    macro_rules! of_type {
        ($t:ty) => {
            each(array.as_primitive_opt::<$t>()?.values(), |value| test(value.into()))
        };
    }
    Some(match array.data_type() {
        Arrow::Int8 => of_type!(Int8Type),
        Arrow::Int16 => of_type!(Int16Type),
        Arrow::Int32 => of_type!(Int32Type),
        Arrow::Int64 => of_type!(Int64Type),
        Arrow::Date32 => of_type!(Date32Type),
        Arrow::Time32(_) => of_type!(Time32MillisecondType),
        Arrow::Timestamp(..) => each(timestamp_ticks(array)?, &mut test),
        _ => return None,
    })
}

fn each<N: Copy>(values: &[N], mut test: impl FnMut(N) -> bool) -> BooleanBuffer {
    BooleanBuffer::collect_bool(values.len(), |row| test(values[row]))
}
