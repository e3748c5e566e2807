//! Every aggregate function, of every type it takes, goes on from its saved state as if nothing
//! had been: `DISTINCT` or not, with retractions or without.

use arrow_array::ArrayRef;
use river_core::types::TimeKind;
use river_core::{DataType, Field, LogicalType, Value};
use roaring::RoaringBitmap;

use super::{Accumulator, AggregateInput, create, lookup, names};
use crate::Session;
use crate::column::{column_of, value_at};
use crate::function::bitmap::write;

/// Numbers that look random (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % limit
    }

    fn value(&mut self, ty: &DataType) -> Value {
        if ty.nullable && self.below(6) == 0 {
            return Value::Null;
        }
        let n = self.below(5) as i64 - 1;
        match &ty.logical {
            LogicalType::Boolean => Value::Boolean(n > 0),
            LogicalType::TinyInt => Value::Int8(n as i8 * 40),
            LogicalType::SmallInt => Value::Int16(n as i16 * 9_000),
            LogicalType::Int
            | LogicalType::Date
            | LogicalType::Time(_)
            | LogicalType::IntervalYearMonth => Value::Int32(n as i32 * 500_000_000),
            LogicalType::Float => {
                Value::Float32([0.5, -0.0, 0.0, f32::NAN, 1e30][(n + 1) as usize])
            }
            LogicalType::Double => {
                Value::Float64([0.1, -0.0, 0.0, f64::NAN, 1e300][(n + 1) as usize])
            }
            LogicalType::Decimal(precision, _) => {
                Value::Decimal(i128::from(n) * (10_i128.pow(u32::from(*precision)) / 4))
            }
            LogicalType::Char(_) | LogicalType::VarChar(_) | LogicalType::Variant => {
                Value::string("äöü0123456789".repeat(n.max(0) as usize))
            }
            LogicalType::Binary(_) | LogicalType::VarBinary(_) => {
                Value::Bytes(vec![0xff, n as u8].into())
            }
            LogicalType::Bitmap => {
                write(&RoaringBitmap::from_iter([n.max(0) as u32, 7])).expect("it fits")
            }
            LogicalType::Array(item) => Value::List((0..n).map(|_| self.value(item)).collect()),
            LogicalType::Row(fields) => {
                Value::List(fields.iter().map(|field| self.value(&field.ty)).collect())
            }
            LogicalType::Map(key, value) => {
                Value::Map((0..n.min(1)).map(|_| (self.value(key), self.value(value))).collect())
            }
            LogicalType::Multiset(item) => {
                Value::Map((0..n.min(1)).map(|_| (self.value(item), Value::Int32(2))).collect())
            }
            _ => Value::Int64(n << 40),
        }
    }
}

fn types() -> Vec<LogicalType> {
    use LogicalType::*;
    let nullable = |ty: &LogicalType| Box::new(ty.clone().nullable());
    vec![
        Boolean,
        TinyInt,
        SmallInt,
        Int,
        BigInt,
        Float,
        Double,
        Decimal(10, 2),
        Decimal(38, 10),
        LogicalType::STRING,
        VarBinary(9),
        Date,
        Time(0),
        LogicalType::timestamp(3),
        LogicalType::timestamp(9),
        TimestampLtz(6, TimeKind::Regular),
        IntervalYearMonth,
        IntervalDayTime,
        Bitmap,
        Array(nullable(&Int)),
        Map(nullable(&LogicalType::STRING), nullable(&Int)),
        Multiset(nullable(&LogicalType::STRING)),
        Row(vec![Field::new("a", Int.nullable()), Field::new("b", LogicalType::STRING.nullable())]),
    ]
}

/// Lists of arguments to try.
fn arguments() -> Vec<Vec<DataType>> {
    let text = LogicalType::STRING.nullable();
    let double = LogicalType::Double.not_null();
    let mut lists: Vec<Vec<DataType>> = vec![vec![]];
    for ty in types() {
        lists.push(vec![ty.clone().not_null()]);
        lists.push(vec![ty.nullable()]);
    }
    lists.push(vec![text.clone(), text.clone()]);
    lists.push(vec![LogicalType::STRING.not_null(), text]);
    lists.push(vec![LogicalType::Int.nullable(), double.clone()]);
    lists.push(vec![
        LogicalType::Double.nullable(),
        LogicalType::Array(Box::new(double.clone())).not_null(),
        LogicalType::BigInt.nullable(),
    ]);
    lists
}

struct Call {
    name: &'static str,
    args: Vec<DataType>,
    out: DataType,
    distinct: bool,
    retract: bool,
}

/// A row: its slot, arguments, and whether it is taken away.
type Row = (u32, Vec<Value>, bool);

const SLOTS: u32 = 4;

impl Call {
    fn make(&self) -> Option<Box<dyn Accumulator>> {
        let mut made =
            create(self.name, self.distinct, &self.args, &self.out, self.retract).ok()?;
        made.grow(SLOTS as usize * 2);
        Some(made)
    }

    /// Rows of which only such are taken away as are there.
    fn rows(&self, random: &mut Random, count: usize) -> Vec<Row> {
        let mut there: Vec<(u32, Vec<Value>)> = Vec::new();
        let mut rows = Vec::with_capacity(count);
        for _ in 0..count {
            if self.retract && !there.is_empty() && random.below(3) == 0 {
                let (slot, values) = there.swap_remove(random.below(there.len() as u64) as usize);
                rows.push((slot, values, true));
                continue;
            }
            let slot = random.below(SLOTS.into()) as u32;
            let mut values: Vec<Value> = self.args.iter().map(|ty| random.value(ty)).collect();
            if self.name == "PERCENTILE" {
                let part = |part| Value::Float64(part);
                values[1] = match values[1] {
                    Value::List(_) => Value::List(vec![part(0.3), part(1.0)]),
                    _ => part(0.7),
                };
            }
            there.push((slot, values.clone()));
            rows.push((slot, values, false));
        }
        rows
    }

    /// Takes in the rows and tells what came out; slots are moved up by `by`.
    fn feed(&self, into: &mut dyn Accumulator, rows: &[Row], by: u32) -> Vec<String> {
        let mut told = Vec::new();
        for rows in rows.chunks(5) {
            let slots: Vec<u32> = rows.iter().map(|row| row.0 + by).collect();
            let retract: Vec<bool> = rows.iter().map(|row| row.2).collect();
            let args: Vec<ArrayRef> = (0..self.args.len())
                .map(|arg| {
                    let values: Vec<Value> = rows.iter().map(|row| row.1[arg].clone()).collect();
                    column_of(&values, &self.args[arg])
                })
                .collect();
            let retract = self.retract.then_some(&retract[..]);
            let input = AggregateInput { slots: &slots, args: &args, filter: None, retract };
            match into.update_running(&input) {
                Ok((before, after)) => {
                    told.extend([show(&before, &self.out), show(&after, &self.out)]);
                }
                Err(error) => {
                    told.push(error.to_string());
                    break;
                }
            }
        }
        told
    }

    fn check(&self, random: &mut Random) {
        let Some(mut whole) = self.make() else { return };
        let what = format!(
            "{}({:?}), distinct {}, retract {}",
            self.name, self.args, self.distinct, self.retract
        );
        let rows = self.rows(random, 40);
        let (before, after) = rows.split_at(random.below(30) as usize);
        self.feed(whole.as_mut(), before, 0);
        let (old, new) = ([2, 0, 3, 1], [2, 0, 3, 1].map(|slot| slot + SLOTS));
        let saved = whole.save(&old).expect("it can be saved");
        let types = whole.state_types();
        assert_eq!(saved.len(), types.len(), "{what}");
        for (column, ty) in saved.iter().zip(&types) {
            assert_eq!(column.data_type(), &ty.logical.to_arrow(), "{what}");
            assert_eq!(column.len(), old.len(), "{what}");
        }
        let mut restored = self.make().expect("it was made before");
        // As it comes out of a part of a file: in pieces, which are slices.
        for rows in [0..1, 1..4] {
            let piece: Vec<ArrayRef> =
                saved.iter().map(|column| column.slice(rows.start, rows.len())).collect();
            restored.load(&new[rows], &piece).expect("it can be loaded");
        }
        let again = restored.save(&new).expect("it can be saved");
        for ((one, other), ty) in saved.iter().zip(&again).zip(&types) {
            assert_eq!(show(one, ty), show(other, ty), "{what}: saved again");
        }
        let (one, other) =
            (self.feed(whole.as_mut(), after, 0), self.feed(restored.as_mut(), after, SLOTS));
        assert_eq!(one, other, "{what}: after it was loaded");
    }
}

fn show(column: &ArrayRef, ty: &DataType) -> String {
    let values = (0..column.len()).map(|row| value_at(column, &ty.logical, row));
    format!("{:?}", values.collect::<Vec<Value>>())
}

#[test]
fn state_comes_back_as_it_was_saved() {
    let mut random = Random(1);
    let mut checked = std::collections::BTreeSet::new();
    for name in names() {
        let function = lookup(name).expect("it has a name");
        for args in arguments() {
            let Ok(bound) = (function.bind)(&Session::default(), &args, true) else { continue };
            for (distinct, retract) in [(false, false), (true, false), (false, true), (true, true)]
            {
                let (args, out) = (bound.args.clone(), bound.ty.clone());
                Call { name, args, out, distinct, retract }.check(&mut random);
            }
            checked.insert(name);
        }
    }
    let left_out: Vec<&str> = names().filter(|name| !checked.contains(name)).collect();
    assert!(left_out.is_empty(), "no arguments to try for {left_out:?}");
}
