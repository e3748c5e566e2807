//! Every aggregate against a naive model of lists, under random additions and retractions; and
//! the facts that Flink's own results fix.

use arrow_array::BooleanArray;
use proptest::prelude::*;
use river_core::{DataType, LogicalType, Value};

use super::{Accumulator, AggregateInput, create, lookup};
use crate::Session;
use crate::column::{column_of, value_at};

type Row = (u32, Value, bool);

fn bound(name: &str, args: &[DataType]) -> DataType {
    let function = lookup(name).expect("the function is registered");
    (function.bind)(&Session::default(), args, false).expect("the types are right").ty
}

fn accumulator(name: &str, distinct: bool, ty: &DataType, retract: bool) -> Box<dyn Accumulator> {
    let args = std::slice::from_ref(ty);
    let mut made =
        create(name, distinct, args, &bound(name, args), retract).expect("it can be made");
    made.grow(4);
    made
}

fn feed(into: &mut dyn Accumulator, ty: &DataType, rows: &[Row]) -> crate::Result<()> {
    let slots: Vec<u32> = rows.iter().map(|row| row.0).collect();
    let values: Vec<Value> = rows.iter().map(|row| row.1.clone()).collect();
    let retract: Vec<bool> = rows.iter().map(|row| row.2).collect();
    let any = retract.contains(&true);
    into.update(&AggregateInput {
        slots: &slots,
        args: &[column_of(&values, ty)],
        filter: None,
        retract: any.then_some(retract.as_slice()),
    })
}

fn results(of: &dyn Accumulator, out: &DataType) -> Vec<Value> {
    let column = of.values(&[0, 1, 2]).expect("there are results");
    (0..3).map(|row| value_at(&column, &out.logical, row)).collect()
}

/// What is in a slot: the values not retracted, in order of arrival.
fn model(rows: &[Row], slot: u32, distinct: bool) -> Vec<Value> {
    let mut there: Vec<Value> = Vec::new();
    for (_, value, retract) in rows.iter().filter(|row| row.0 == slot) {
        if *retract {
            if let Some(at) = there.iter().position(|held| held == value) {
                there.remove(at);
            }
        } else {
            there.push(value.clone());
        }
    }
    there.retain(|value| !value.is_null());
    if distinct {
        let mut seen: Vec<Value> = Vec::new();
        there.retain(|value| {
            !seen.contains(value) && {
                seen.push(value.clone());
                true
            }
        });
    }
    there
}

fn expected(name: &str, there: &[Value]) -> Value {
    let numbers: Vec<i64> = there.iter().filter_map(Value::as_i64).collect();
    let sum: i64 = numbers.iter().sum();
    let integer = |value: i64| Value::Int32(value as i32);
    match name {
        "COUNT" => Value::Int64(there.len() as i64),
        "$SUM0" => integer(sum),
        _ if there.is_empty() => Value::Null,
        "SUM" => integer(sum),
        "AVG" => integer(sum / numbers.len() as i64),
        "MIN" => numbers.iter().min().map_or(Value::Null, |v| integer(*v)),
        "MAX" => numbers.iter().max().map_or(Value::Null, |v| integer(*v)),
        "FIRST_VALUE" => there[0].clone(),
        "LAST_VALUE" => there[there.len() - 1].clone(),
        other => panic!("no model of {other}"),
    }
}

/// Random rows; a retraction takes a value that is there.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let step = (0..3_u32, prop::option::of(-3..4_i32), any::<bool>(), any::<usize>());
    prop::collection::vec(step, 0..60).prop_map(|steps| {
        let mut there: [Vec<Value>; 3] = Default::default();
        let mut rows = Vec::new();
        for (slot, value, retract, which) in steps {
            let held = &mut there[slot as usize];
            if retract && !held.is_empty() {
                let at = which % held.len();
                rows.push((slot, held.remove(at), true));
            } else {
                let value = value.map_or(Value::Null, Value::Int32);
                held.push(value.clone());
                rows.push((slot, value, false));
            }
        }
        rows
    })
}

const INT: LogicalType = LogicalType::Int;
const NAMES: [&str; 6] = ["COUNT", "SUM", "$SUM0", "AVG", "MIN", "MAX"];

proptest! {
    #[test]
    fn equals_the_model(rows in rows(), distinct in any::<bool>(), cut in 0..60_usize) {
        let ty = INT.nullable();
        let inserts: Vec<Row> = rows.iter().filter(|row| !row.2).cloned().collect();
        for retract in [false, true] {
            let rows = if retract { &rows } else { &inserts };
            let cut = cut.min(rows.len());
            for name in NAMES.iter().chain(&["FIRST_VALUE", "LAST_VALUE"]) {
                if distinct && name.ends_with("VALUE") {
                    continue; // which of equal values counts is not fixed
                }
                let out = bound(name, std::slice::from_ref(&ty));
                let mut made = accumulator(name, distinct, &ty, retract);
                feed(made.as_mut(), &ty, &rows[..cut]).expect("no error");
                // Through a checkpoint in the middle.
                let saved = made.save(&[2, 0, 1]).expect("it can be saved");
                for (column, ty) in saved.iter().zip(made.state_types()) {
                    prop_assert_eq!(column.data_type(), &ty.logical.to_arrow());
                }
                let mut made = accumulator(name, distinct, &ty, retract);
                made.load(&[2, 0, 1], &saved).expect("it can be loaded");
                feed(made.as_mut(), &ty, &rows[cut..]).expect("no error");
                let wanted: Vec<Value> =
                    (0..3).map(|slot| expected(name, &model(rows, slot, distinct))).collect();
                prop_assert_eq!(results(made.as_ref(), &out), wanted, "{} {}", name, retract);
            }
        }
    }

    #[test]
    fn running_equals_one_by_one(rows in rows(), distinct in any::<bool>()) {
        let ty = INT.nullable();
        for name in NAMES {
            let out = bound(name, std::slice::from_ref(&ty));
            let mut whole = accumulator(name, distinct, &ty, true);
            let slots: Vec<u32> = rows.iter().map(|row| row.0).collect();
            let values: Vec<Value> = rows.iter().map(|row| row.1.clone()).collect();
            let retract: Vec<bool> = rows.iter().map(|row| row.2).collect();
            let (before, after) = whole.update_running(&AggregateInput {
                slots: &slots,
                args: &[column_of(&values, &ty)],
                filter: None,
                retract: Some(&retract),
            }).expect("no error");
            let mut single = accumulator(name, distinct, &ty, true);
            for (at, row) in rows.iter().enumerate() {
                let was = results(single.as_ref(), &out)[row.0 as usize].clone();
                feed(single.as_mut(), &ty, std::slice::from_ref(row)).expect("no error");
                let is = results(single.as_ref(), &out)[row.0 as usize].clone();
                prop_assert_eq!(value_at(&before, &out.logical, at), was);
                prop_assert_eq!(value_at(&after, &out.logical, at), is);
            }
        }
    }

    #[test]
    fn merging_equals_updating(rows in rows(), distinct in any::<bool>()) {
        let ty = INT.nullable();
        let rows: Vec<Row> = rows.into_iter().filter(|row| !row.2).collect();
        for retract in [false, true] {
            for name in NAMES {
                let out = bound(name, std::slice::from_ref(&ty));
                let mut apart = accumulator(name, distinct, &ty, retract);
                feed(apart.as_mut(), &ty, &rows).expect("no error");
                apart.merge(&[1, 2], &[0, 0]).expect("it can be merged");
                let together: Vec<Row> =
                    rows.iter().map(|(_, value, _)| (0, value.clone(), false)).collect();
                let wanted = expected(name, &model(&together, 0, distinct));
                let got = &results(apart.as_ref(), &out)[0];
                prop_assert_eq!(got, &wanted, "{}", name);
                apart.reset(&[0, 1, 2]);
                prop_assert_eq!(&results(apart.as_ref(), &out)[0], &expected(name, &[]));
            }
        }
    }
}

fn text(value: &str) -> Value {
    Value::string(value)
}

/// Result of the values in slot 0, added one batch and then in running mode.
fn run(name: &str, distinct: bool, ty: LogicalType, values: &[Value]) -> Value {
    let ty = ty.nullable();
    let out = bound(name, std::slice::from_ref(&ty));
    let rows: Vec<Row> = values.iter().map(|value| (0, value.clone(), false)).collect();
    let mut made = accumulator(name, distinct, &ty, false);
    feed(made.as_mut(), &ty, &rows).expect("no error");
    results(made.as_ref(), &out)[0].clone()
}

#[test]
fn types_follow_flink() {
    let of = |name: &str, ty: DataType| bound(name, &[ty]).to_string();
    assert_eq!(of("SUM", LogicalType::TinyInt.nullable()), "TINYINT");
    assert_eq!(of("SUM", LogicalType::Decimal(5, 2).nullable()), "DECIMAL(38, 2)");
    assert_eq!(of("AVG", LogicalType::Decimal(10, 2).not_null()), "DECIMAL(38, 6)");
    assert_eq!(of("AVG", LogicalType::Decimal(38, 10).nullable()), "DECIMAL(38, 10)");
    assert_eq!(of("COUNT", LogicalType::Int.nullable()), "BIGINT NOT NULL");
    assert_eq!(of("LISTAGG", LogicalType::VarChar(10).nullable()), "VARCHAR(10)");
    assert_eq!(of("LISTAGG", LogicalType::STRING.not_null()), "STRING NOT NULL");
    assert_eq!(of("ARRAY_AGG", LogicalType::Int.not_null()), "ARRAY<INT NOT NULL> NOT NULL");
    assert_eq!(of("COLLECT", LogicalType::Int.nullable()), "MULTISET<INT> NOT NULL");
    assert_eq!(of("STDDEV_POP", LogicalType::Int.not_null()), "INT");
    let grouped = (lookup("SUM").expect("known").bind)(
        &Session::default(),
        &[LogicalType::Int.not_null()],
        true,
    );
    assert_eq!(grouped.expect("bound").ty.to_string(), "INT NOT NULL");
    let refused = |name: &str, ty: LogicalType| {
        (lookup(name).expect("known").bind)(&Session::default(), &[ty.nullable()], false).is_err()
    };
    assert!(refused("SUM", LogicalType::STRING));
    assert!(refused("AVG", LogicalType::Date));
    assert!(refused("LISTAGG", LogicalType::Int));
    assert!(refused("MIN", LogicalType::Array(Box::new(LogicalType::Int.nullable()))));
}

#[test]
fn overflow_wraps_or_is_null() {
    let sum = run("SUM", false, INT, &[Value::Int32(i32::MAX), Value::Int32(1)]);
    assert_eq!(sum, Value::Int32(i32::MIN));
    let average = run("AVG", false, LogicalType::TinyInt, &[Value::Int8(127), Value::Int8(1)]);
    assert_eq!(average, Value::Int8(-64));
    let most = Value::Decimal(10_i128.pow(38) - 1);
    let decimal = LogicalType::Decimal(38, 0);
    let values = [most.clone(), Value::Decimal(1)];
    assert_eq!(run("SUM", false, decimal.clone(), &values), Value::Null);
    assert_eq!(run("AVG", false, decimal.clone(), &values), Value::Null);
    // A decimal sum starts again after it has overflowed.
    let values = [most, Value::Decimal(1), Value::Decimal(5)];
    assert_eq!(run("SUM", false, decimal, &values), Value::Decimal(5));
}

#[test]
fn decimals_round_half_up() {
    let money = LogicalType::Decimal(10, 2);
    let values = [1234, -9_999_999_999, 0].map(Value::Decimal);
    assert_eq!(run("AVG", false, money.clone(), &values), Value::Decimal(-33_333_329_216_667));
    let values = [1234, -9_999_999_999, 0].map(Value::Decimal);
    let spread = run("STDDEV_SAMP", false, money.clone(), &values);
    assert_eq!(spread, Value::Decimal(57_735_030_475_441));
    let values = [125, 225, 340].map(Value::Decimal);
    assert_eq!(run("VAR_SAMP", false, money, &values), Value::Decimal(1_157_500));
}

#[test]
fn floating_point_compares_as_java() {
    let values = [2.5, -1e300, f64::NAN].map(Value::Float64);
    assert_eq!(run("MAX", false, LogicalType::Double, &values), Value::Float64(2.5));
    let values = [1.5, 2.5, 4.0].map(Value::Float64);
    let spread = run("STDDEV_POP", false, LogicalType::Double, &values);
    assert_eq!(spread, Value::Float64(1.0274023338281628));
    let values = [i32::MAX, 1].map(Value::Int32);
    assert_eq!(run("VAR_POP", false, INT, &values), Value::Int32(i32::MAX));
}

#[test]
fn text_aggregates() {
    let values = [text("a"), text("b"), Value::Null, text("b")];
    let string = LogicalType::STRING;
    assert_eq!(run("LISTAGG", false, string.clone(), &values), text("a,b,b"));
    assert_eq!(run("LISTAGG", true, string.clone(), &values), text("a,b"));
    assert_eq!(run("MIN", false, string.clone(), &values), text("a"));
    assert_eq!(run("MAX", false, string.clone(), &values), text("b"));
    assert_eq!(run("COUNT", true, string.clone(), &values), Value::Int64(2));
    assert_eq!(run("FIRST_VALUE", false, string.clone(), &values), text("a"));
    assert_eq!(run("LAST_VALUE", false, string.clone(), &values), text("b"));
    assert_eq!(
        run("ARRAY_AGG", true, string.clone(), &values),
        Value::List(vec![text("a"), text("b"), Value::Null])
    );
    assert_eq!(
        run("COLLECT", false, string, &values),
        Value::Map(vec![(text("a"), Value::Int32(1)), (text("b"), Value::Int32(2))])
    );
}

#[test]
fn running_text_extremes() {
    let ty = LogicalType::STRING.nullable();
    let mut made = accumulator("MAX", false, &ty, false);
    feed(made.as_mut(), &ty, &[(0, text("b"), false)]).expect("no error");
    let values = [text("a"), Value::Null, text("c"), text("d")];
    let (before, after) = made
        .update_running(&AggregateInput {
            slots: &[0, 1, 0, 1],
            args: &[column_of(&values, &ty)],
            filter: None,
            retract: None,
        })
        .expect("no error");
    let shown = |column: &arrow_array::ArrayRef| -> Vec<Value> {
        (0..4).map(|row| value_at(column, &ty.logical, row)).collect()
    };
    assert_eq!(shown(&before), [text("b"), Value::Null, text("b"), Value::Null]);
    assert_eq!(shown(&after), [text("b"), Value::Null, text("c"), text("d")]);
}

#[test]
fn filter_passes_rows_that_are_true() {
    let ty = INT.nullable();
    let mut made = accumulator("SUM", false, &ty, false);
    made.update(&AggregateInput {
        slots: &[0, 0, 0],
        args: &[column_of(&[Value::Int32(1), Value::Int32(2), Value::Int32(4)], &ty)],
        filter: Some(&BooleanArray::from(vec![Some(true), None, Some(false)])),
        retract: None,
    })
    .expect("no error");
    assert_eq!(results(made.as_ref(), &ty)[0], Value::Int32(1));
}

fn with_args(name: &str, types: &[DataType], rows: &[&[Value]]) -> crate::Result<Value> {
    let function = lookup(name).expect("known");
    let bound = (function.bind)(&Session::default(), types, false).expect("bound");
    let mut made = create(name, false, &bound.args, &bound.ty, false)?;
    made.grow(1);
    let columns: Vec<_> = bound
        .args
        .iter()
        .enumerate()
        .map(|(index, ty)| {
            let values: Vec<Value> = rows.iter().map(|row| row[index].clone()).collect();
            column_of(&values, ty)
        })
        .collect();
    made.update(&AggregateInput {
        slots: &vec![0; rows.len()],
        args: &columns,
        filter: None,
        retract: None,
    })?;
    Ok(value_at(&made.values(&[0])?, &bound.ty.logical, 0))
}

#[test]
fn percentiles_interpolate() {
    let double = LogicalType::Double.nullable();
    let row = |value: f64, part: f64| [Value::Float64(value), Value::Float64(part)];
    let values = [row(10.0, 0.9), row(20.0, 0.9), row(30.0, 0.9)];
    let rows: Vec<&[Value]> = values.iter().map(|row| row.as_slice()).collect();
    let types = [double.clone(), double.with_nullable(false)];
    assert_eq!(with_args("PERCENTILE", &types, &rows), Ok(Value::Float64(27.999999999999996)));
    let wrong = row(1.0, 1.5);
    assert!(with_args("PERCENTILE", &types, &[&wrong]).is_err());
}

#[test]
fn json_aggregates() {
    let string = LogicalType::STRING.nullable();
    let types = [string.clone(), string.clone()];
    let rows: [&[Value]; 2] = [&[text("1"), text("\"abc\"")], &[text("3"), Value::Null]];
    assert_eq!(
        with_args("JSON_OBJECTAGG_NULL_ON_NULL", &types, &rows),
        Ok(text("{\"1\":\"abc\",\"3\":null}"))
    );
    let twice: [&[Value]; 2] = [&[text("1"), text("2")], &[text("1"), text("3")]];
    assert!(with_args("JSON_OBJECTAGG_NULL_ON_NULL", &types, &twice).is_err());
    let rows: [&[Value]; 2] = [&[text("12.34")], &[Value::Null]];
    let types = [string];
    assert_eq!(with_args("JSON_ARRAYAGG_ABSENT_ON_NULL", &types, &rows), Ok(text("[12.34]")));
    assert_eq!(with_args("JSON_ARRAYAGG_NULL_ON_NULL", &types, &rows), Ok(text("[12.34,null]")));
}

#[test]
fn single_value_refuses_a_second() {
    let types = [INT.nullable()];
    let one: [&[Value]; 1] = [&[Value::Int32(7)]];
    assert_eq!(with_args("SINGLE_VALUE", &types, &one), Ok(Value::Int32(7)));
    let two: [&[Value]; 2] = [&[Value::Int32(7)], &[Value::Null]];
    assert!(with_args("SINGLE_VALUE", &types, &two).is_err());
}

#[test]
fn bitmaps_with_and_without_retraction() {
    use crate::function::bitmap::{read, write};
    let set = |values: &[u32]| write(&values.iter().copied().collect()).expect("it is written");
    let ty = LogicalType::Bitmap.nullable();
    let rows = [(0, set(&[1, 2, 3]), false), (0, set(&[]), false), (0, set(&[1]), false)];
    let undone = [rows[0].clone(), (0, set(&[9]), false), (0, set(&[9]), true)];
    for (name, all, first) in [
        ("BITMAP_OR_AGG", vec![1, 2, 3], vec![1, 2, 3]),
        ("BITMAP_AND_AGG", vec![], vec![1, 2, 3]),
        ("BITMAP_XOR_AGG", vec![2, 3], vec![1, 2, 3]),
    ] {
        for (rows, retract, wanted) in
            [(&rows[..], false, &all), (&rows[..], true, &all), (&undone[..], true, &first)]
        {
            let mut made = accumulator(name, false, &ty, retract);
            assert_eq!(results(made.as_ref(), &ty)[0], Value::Null);
            feed(made.as_mut(), &ty, rows).expect("no error");
            let saved = made.save(&[0]).expect("it can be saved");
            made.reset(&[0]);
            made.load(&[0], &saved).expect("it can be loaded");
            let Value::Bytes(bytes) = &results(made.as_ref(), &ty)[0] else { panic!("a bitmap") };
            let got: Vec<u32> = read(bytes).expect("a bitmap").iter().collect();
            assert_eq!(&got, wanted, "{name} {retract}");
        }
    }
    let values = [1, 2, 2].map(Value::Int32);
    assert_eq!(run("BITMAP_BUILD_CARDINALITY_AGG", false, INT, &values), Value::Int64(2));
    assert_eq!(run("BITMAP_BUILD_CARDINALITY_AGG", false, INT, &[Value::Null]), Value::Null);
}
