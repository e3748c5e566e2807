//! `RAND`, `RAND_INTEGER` and `UUID`.
//!
//! With a seed the numbers are those of `java.util.Random`, as in Flink: a constant seed gives one
//! sequence over the rows of a task, a column as seed the first number of each seed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::StringViewBuilder;
use arrow_array::types::{Float64Type, Int32Type};
use river_core::{Expr, LogicalType};

use crate::function::check::{self, Bound, Param};
use crate::function::{Call, Function, Kernel, rows};
use crate::{BindError, EvalError, Result, Session};

/// `java.util.Random`: a linear congruential generator of 48 bits.
#[derive(Clone, Copy)]
struct JavaRandom(u64);

const MASK: u64 = (1 << 48) - 1;

impl JavaRandom {
    fn new(seed: i64) -> JavaRandom {
        JavaRandom((seed as u64 ^ 0x5_DEEC_E66D) & MASK)
    }

    fn next(&mut self, bits: u32) -> i32 {
        self.0 = self.0.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & MASK;
        (self.0 >> (48 - bits)) as i32
    }

    fn next_double(&mut self) -> f64 {
        let high = i64::from(self.next(26)) << 27;
        (high + i64::from(self.next(27))) as f64 / (1_i64 << 53) as f64
    }

    /// A number from 0 to below `bound`, which must be positive.
    fn next_int(&mut self, bound: i32) -> i32 {
        let mut bits = self.next(31);
        if bound & (bound - 1) == 0 {
            return ((i64::from(bound) * i64::from(bits)) >> 31) as i32;
        }
        loop {
            let value = bits % bound;
            // The last, incomplete stretch of the range would favour small numbers.
            if bits.wrapping_sub(value).wrapping_add(bound - 1) >= 0 {
                return value;
            }
            bits = self.next(31);
        }
    }
}

thread_local! {
    /// Generators with a constant seed, by call site and seed: a task is one thread, and the type
    /// of a call lives as long as its program.
    static SEQUENCES: RefCell<HashMap<(usize, i32), JavaRandom>> = RefCell::default();
}

/// Where the numbers of a call come from.
enum Source {
    /// A sequence that goes on from batch to batch.
    Sequence { key: (usize, i32), random: JavaRandom },
    /// A new generator for each row's seed.
    PerRow,
    /// No seed: from the operating system.
    Unseeded(JavaRandom),
}

impl Source {
    /// `seed` is the index of the seed argument, if there is one.
    fn new(call: &Call, seed: Option<usize>) -> Result<Source> {
        let Some(index) = seed else {
            let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
            return Ok(Source::Unseeded(JavaRandom::new(high as i64)));
        };
        let Some(seed) = rows::primitive::<Int32Type>(call, index)?.constant() else {
            return Ok(Source::PerRow);
        };
        let key = (std::ptr::from_ref(call.out).addr(), seed);
        let known = SEQUENCES.with_borrow(|all| all.get(&key).copied());
        let random = known.unwrap_or_else(|| JavaRandom::new(seed.into()));
        Ok(Source::Sequence { key, random })
    }

    fn draw<T>(&mut self, seed: Option<i32>, f: impl Fn(&mut JavaRandom) -> T) -> T {
        match self {
            Source::Sequence { random, .. } | Source::Unseeded(random) => f(random),
            Source::PerRow => f(&mut JavaRandom::new(seed.unwrap_or(0).into())),
        }
    }

    fn finish(self) {
        if let Source::Sequence { key, random } = self {
            SEQUENCES.with_borrow_mut(|all| all.insert(key, random));
        }
    }
}

fn bind_rand(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("RAND", args, &[Param::Int], 1)?;
    Ok(LogicalType::Double.with_nullable(check::any_nullable(args)))
}

fn rand(call: &Call) -> Result<ArrayRef> {
    let seeds = match call.args {
        [] => None,
        _ => Some(rows::primitive::<Int32Type>(call, 0)?),
    };
    let mut source = Source::new(call, seeds.is_some().then_some(0))?;
    let array = rows::build_primitive::<Float64Type>(call.rows, |row| {
        let seed = match &seeds {
            Some(seeds) => Some(seeds.get(row)?),
            None => None,
        };
        Some(source.draw(seed, JavaRandom::next_double))
    });
    source.finish();
    Ok(array)
}

fn bind_rand_integer(_: &Session, args: &mut Vec<Expr>) -> Bound {
    if args.len() == 1 {
        check::expect("RAND_INTEGER", args, &[Param::Int], 0)?;
    } else {
        check::expect("RAND_INTEGER", args, &[Param::Int, Param::Int], 0)?;
    }
    Ok(LogicalType::Int.with_nullable(check::any_nullable(args)))
}

fn rand_integer(call: &Call) -> Result<ArrayRef> {
    let bounds = rows::primitive::<Int32Type>(call, call.args.len() - 1)?;
    let seeds = match call.args {
        [_, _] => Some(rows::primitive::<Int32Type>(call, 0)?),
        _ => None,
    };
    let mut source = Source::new(call, seeds.is_some().then_some(0))?;
    let array = rows::try_build_primitive::<Int32Type>(call.rows, |row| {
        let (Some(bound), seed) = (bounds.get(row), seeds.as_ref().map(|s| s.get(row))) else {
            return Ok(None);
        };
        if seed == Some(None) {
            return Ok(None);
        }
        if bound <= 0 {
            return Err(EvalError::new("bound must be positive"));
        }
        Ok(Some(source.draw(seed.flatten(), |random| random.next_int(bound))))
    });
    source.finish();
    array
}

fn bind_uuid(_: &Session, args: &mut Vec<Expr>) -> Bound {
    if !args.is_empty() {
        return Err(BindError::wrong_count("UUID", args.len(), "none"));
    }
    Ok(LogicalType::Char(36).not_null())
}

fn new_uuid(call: &Call) -> Result<ArrayRef> {
    let mut builder = StringViewBuilder::with_capacity(call.rows);
    let mut buffer = uuid::Uuid::encode_buffer();
    for _ in 0..call.rows {
        builder.append_value(uuid::Uuid::new_v4().hyphenated().encode_lower(&mut buffer));
    }
    Ok(Arc::new(builder.finish()))
}

/// `RAND([seed])`
pub const RAND: Function = Function {
    name: "RAND",
    aliases: &[],
    signature: "RAND([seed INT]) -> DOUBLE",
    doc: "A random number from 0 to below 1.",
    bind: bind_rand,
    kernel: Kernel::Columns(rand),
    deterministic: false,
    fallible: false,
};

/// `RAND_INTEGER([seed,] bound)`
pub const RAND_INTEGER: Function = Function {
    name: "RAND_INTEGER",
    aliases: &[],
    signature: "RAND_INTEGER([seed INT,] bound INT) -> INT",
    doc: "A random integer from 0 to below the bound, which must be positive.",
    bind: bind_rand_integer,
    kernel: Kernel::Columns(rand_integer),
    deterministic: false,
    fallible: true,
};

/// `UUID()`
pub const UUID: Function = Function {
    name: "UUID",
    aliases: &[],
    signature: "UUID() -> CHAR(36)",
    doc: "A random UUID (RFC 4122, version 4).",
    bind: bind_uuid,
    kernel: Kernel::Columns(new_uuid),
    deterministic: false,
    fallible: false,
};

#[cfg(test)]
mod tests {
    use super::JavaRandom;

    #[test]
    fn numbers_are_those_of_java() {
        let mut random = JavaRandom::new(42);
        assert_eq!(random.next_int(10), 0);
        assert_eq!(random.next_int(10), 3);
        assert_eq!(JavaRandom::new(1).next_double(), 0.7308781907032909);
    }
}
