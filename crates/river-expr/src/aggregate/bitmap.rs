//! `BITMAP_BUILD_AGG`, `BITMAP_OR_AGG`, `BITMAP_AND_AGG`, `BITMAP_XOR_AGG` and their cardinalities
//! (Flink's `AbstractBitmap...AggFunction`).

use std::collections::BTreeMap;

use river_core::{DataType, LogicalType, Value};
use roaring::RoaringBitmap;

use super::signature::{Binding, cast_to, only, refuse};
use super::slow::{SlotState, Slow, entries};
use super::{Accumulator, AggregateFunction};
use crate::Result;
use crate::function::bitmap::{read, write};

/// How the bitmaps of the rows become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// The rows are integers.
    Build,
    Or,
    And,
    Xor,
}

use Operation::{And, Build, Or, Xor};

const INT: LogicalType = LogicalType::Int;
const BIGINT: LogicalType = LogicalType::BigInt;
const BITMAP: LogicalType = LogicalType::Bitmap;

/// The functions.
pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    AggregateFunction {
        name: "BITMAP_BUILD_AGG",
        signature: "BITMAP_BUILD_AGG(value INT) -> BITMAP",
        doc: "The set of the values that are not NULL; NULL if there are none.",
        bind: |_, args, _| bind("BITMAP_BUILD_AGG", args, INT, BITMAP),
        create: |args, out, retract| Ok(create(args, out, retract, Build)),
    },
    AggregateFunction {
        name: "BITMAP_BUILD_CARDINALITY_AGG",
        signature: "BITMAP_BUILD_CARDINALITY_AGG(value INT) -> BIGINT",
        doc: "Number of distinct values; NULL if there are none.",
        bind: |_, args, _| bind("BITMAP_BUILD_CARDINALITY_AGG", args, INT, BIGINT),
        create: |args, out, retract| Ok(create(args, out, retract, Build)),
    },
    AggregateFunction {
        name: "BITMAP_OR_AGG",
        signature: "BITMAP_OR_AGG(bitmap BITMAP) -> BITMAP",
        doc: "What is in any of the bitmaps; NULL if there are none.",
        bind: |_, args, _| bind("BITMAP_OR_AGG", args, BITMAP, BITMAP),
        create: |args, out, retract| Ok(create(args, out, retract, Or)),
    },
    AggregateFunction {
        name: "BITMAP_OR_CARDINALITY_AGG",
        signature: "BITMAP_OR_CARDINALITY_AGG(bitmap BITMAP) -> BIGINT",
        doc: "Size of BITMAP_OR_AGG.",
        bind: |_, args, _| bind("BITMAP_OR_CARDINALITY_AGG", args, BITMAP, BIGINT),
        create: |args, out, retract| Ok(create(args, out, retract, Or)),
    },
    AggregateFunction {
        name: "BITMAP_AND_AGG",
        signature: "BITMAP_AND_AGG(bitmap BITMAP) -> BITMAP",
        doc: "What is in all of the bitmaps; NULL if there are none.",
        bind: |_, args, _| bind("BITMAP_AND_AGG", args, BITMAP, BITMAP),
        create: |args, out, retract| Ok(create(args, out, retract, And)),
    },
    AggregateFunction {
        name: "BITMAP_AND_CARDINALITY_AGG",
        signature: "BITMAP_AND_CARDINALITY_AGG(bitmap BITMAP) -> BIGINT",
        doc: "Size of BITMAP_AND_AGG.",
        bind: |_, args, _| bind("BITMAP_AND_CARDINALITY_AGG", args, BITMAP, BIGINT),
        create: |args, out, retract| Ok(create(args, out, retract, And)),
    },
    AggregateFunction {
        name: "BITMAP_XOR_AGG",
        signature: "BITMAP_XOR_AGG(bitmap BITMAP) -> BITMAP",
        doc: "What is in an odd number of the bitmaps; NULL if there are none.",
        bind: |_, args, _| bind("BITMAP_XOR_AGG", args, BITMAP, BITMAP),
        create: |args, out, retract| Ok(create(args, out, retract, Xor)),
    },
    AggregateFunction {
        name: "BITMAP_XOR_CARDINALITY_AGG",
        signature: "BITMAP_XOR_CARDINALITY_AGG(bitmap BITMAP) -> BIGINT",
        doc: "Size of BITMAP_XOR_AGG.",
        bind: |_, args, _| bind("BITMAP_XOR_CARDINALITY_AGG", args, BITMAP, BIGINT),
        create: |args, out, retract| Ok(create(args, out, retract, Xor)),
    },
];

/// A call on integers, or on bitmaps.
fn bind(function: &'static str, args: &[DataType], over: LogicalType, ty: LogicalType) -> Binding {
    use LogicalType::{Int, Null, SmallInt, TinyInt};
    let arg = &only(function, args)?.logical;
    let (fits, form) = match over {
        Int => (matches!(arg, Int | SmallInt | TinyInt | Null), "<INTEGER>"),
        _ => (matches!(arg, LogicalType::Bitmap | Null), "<BITMAP>"),
    };
    if !fits {
        return Err(refuse(function, args, form));
    }
    Ok(cast_to(function, args, &[over], ty.nullable()))
}

fn create(
    args: &[DataType],
    out: &DataType,
    retract: bool,
    operation: Operation,
) -> Box<dyn Accumulator> {
    let counts = LogicalType::Map(
        Box::new(LogicalType::BigInt.not_null()),
        Box::new(LogicalType::BigInt.not_null()),
    );
    let stored =
        vec![LogicalType::BigInt.not_null(), LogicalType::Bitmap.not_null(), counts.not_null()];
    let cardinality = out.logical == LogicalType::BigInt;
    // XOR is its own inverse and needs no counts.
    let counted = retract && operation != Xor;
    let empty = move || Bitmap {
        operation,
        cardinality,
        rows: 0,
        set: RoaringBitmap::new(),
        counts: counted.then(BTreeMap::new),
    };
    Box::new(Slow::new(args, out, stored, empty))
}

struct Bitmap {
    operation: Operation,
    /// Whether the size is the result.
    cardinality: bool,
    /// Rows that are not NULL.
    rows: i64,
    /// The result so far, unless there are counts.
    set: RoaringBitmap,
    /// With retraction: how many rows have each value.
    counts: Option<BTreeMap<u32, i64>>,
}

fn count(counts: &mut BTreeMap<u32, i64>, value: u32, by: i64) {
    let held = counts.entry(value).or_insert(0);
    *held += by;
    if *held == 0 {
        counts.remove(&value);
    }
}

impl Bitmap {
    fn join(&mut self, other: &RoaringBitmap, first: bool) {
        match self.operation {
            Build | Or => self.set |= other,
            And if first => self.set = other.clone(),
            And => self.set &= other,
            Xor => self.set ^= other,
        }
    }

    fn change(&mut self, args: &[Value], by: i64) -> Result<()> {
        let row = match args.first() {
            Some(Value::Int32(value)) => RoaringBitmap::from_iter([*value as u32]),
            Some(Value::Bytes(bytes)) => read(bytes)?,
            _ => return Ok(()),
        };
        match &mut self.counts {
            Some(counts) => row.iter().for_each(|value| count(counts, value, by)),
            None => self.join(&row, self.rows == 0),
        }
        self.rows += by;
        Ok(())
    }

    fn result(&self) -> Option<RoaringBitmap> {
        let set = match &self.counts {
            None => self.set.clone(),
            Some(counts) => {
                let there = |held: i64| match self.operation {
                    And => held == self.rows,
                    _ => held > 0,
                };
                counts.iter().filter(|(_, held)| there(**held)).map(|(value, _)| *value).collect()
            }
        };
        let none = if self.operation == Build { set.is_empty() } else { self.rows <= 0 };
        (!none).then_some(set)
    }
}

impl SlotState for Bitmap {
    fn add(&mut self, args: &[Value]) -> Result<()> {
        self.change(args, 1)
    }

    fn retract(&mut self, args: &[Value]) -> Result<()> {
        self.change(args, -1)
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        match (&mut self.counts, &other.counts) {
            (Some(counts), Some(others)) => {
                others.iter().for_each(|(value, by)| count(counts, *value, *by));
            }
            _ if other.rows != 0 => self.join(&other.set, self.rows == 0),
            _ => {}
        }
        self.rows += other.rows;
        Ok(())
    }

    fn value(&self) -> Value {
        match self.result() {
            None => Value::Null,
            Some(set) if self.cardinality => Value::Int64(set.len() as i64),
            // Writing to memory cannot fail.
            Some(set) => write(&set).unwrap_or(Value::Null),
        }
    }

    fn save(&self) -> Vec<Value> {
        let counts = self.counts.iter().flatten();
        let counts =
            counts.map(|(value, held)| (Value::Int64((*value).into()), Value::Int64(*held)));
        vec![
            Value::Int64(self.rows),
            write(&self.set).unwrap_or(Value::Null),
            Value::Map(counts.collect()),
        ]
    }

    fn load(&mut self, values: &[Value]) {
        self.rows = values.first().and_then(Value::as_i64).unwrap_or(0);
        if let Some(Value::Bytes(bytes)) = values.get(1) {
            self.set = read(bytes).unwrap_or_default();
        }
        if let Some(counts) = &mut self.counts {
            for (value, held) in entries(values.get(2)) {
                let value = value.as_i64().and_then(|value| u32::try_from(value).ok());
                if let (Some(value), Some(held)) = (value, held.as_i64()) {
                    count(counts, value, held);
                }
            }
        }
    }
}
