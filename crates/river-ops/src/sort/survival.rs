//! Held rows survive checkpoints.

use river_core::plan::SortKey;
use river_core::{Field, LogicalType};
use river_runtime::{MAX_WATERMARK, Operator};

use super::Sort;
use crate::testing::checkpoint::{Case, Event, Order, survives_checkpoints};
use crate::testing::random::{Changelog, Plan, Random, Rows, events};
use crate::testing::{batch, fields};

fn columns() -> Vec<Field> {
    let time = LogicalType::timestamp(3);
    fields(&[("t", time), ("n", LogicalType::Int), ("name", LogicalType::STRING)])
}

fn row(random: &mut Random, time: i64) -> String {
    format!("{} {} {}", time / 300 * 300, random.number(3), random.text(5))
}

fn check(rowtime: Option<usize>, changelog: Changelog) {
    let columns = columns();
    let key = |column, descending| SortKey { column, descending, nulls_first: true };
    let order = match rowtime {
        Some(rowtime) => vec![key(rowtime, false), key(1, true)],
        None => vec![key(2, false), key(1, true)],
    };
    let make = || -> Box<dyn Operator> { Box::new(Sort::new(&columns, &order, rowtime).unwrap()) };
    let case = Case { make: &make, partition: None, output: &columns, order: Order::Exact };
    let plan = Plan { batches: 10, rows: 12, marks: true, clock_ms: 300 };
    for seed in 1..5 {
        let mut events = events(seed, plan, &[Rows { fields: &columns, changelog, row: &row }]);
        // The last watermark comes just before the end.
        let end = events.len() - 1;
        let batch = batch(&columns, &format!("@ {MAX_WATERMARK}"));
        events.insert(end, Event::Batch { input: 0, batch, now: 0 });
        survives_checkpoints(&case, &events);
    }
}

#[test]
fn rows_that_wait_for_a_watermark() {
    check(Some(0), Changelog::Inserts);
}

#[test]
fn rows_that_wait_for_the_end() {
    check(None, Changelog::Inserts);
    check(None, Changelog::Retracts);
}

#[test]
fn damaged_state_is_an_error() {
    let mut sort = Sort::new(&columns(), &[], Some(0)).unwrap();
    assert!(sort.restore_local(&[vec![1, 2, 3]]).is_err());
    let columns = columns();
    let empty = columns.iter().map(|f| arrow_array::new_null_array(&f.ty.logical.to_arrow(), 1));
    let mut saved: Vec<arrow_array::ArrayRef> = empty.collect();
    let table = &mut sort.tables()[0];
    assert!(table.load(&saved, 1).is_err());
    saved.push(crate::saved::bytes([7].into_iter()));
    assert!(table.load(&saved, 1).is_err());
}
