//! Whether there is a row survives checkpoints.

use river_core::LogicalType;
use river_runtime::{Operator, Output};

use super::SingleRow;
use crate::testing::checkpoint::{Case, Event, Order, survives_checkpoints};
use crate::testing::{at, batch, fields};

#[test]
fn the_row_survives_checkpoints() {
    let columns = fields(&[("n", LogicalType::Int)]);
    let make = || -> Box<dyn Operator> { Box::new(SingleRow::default()) };
    let case = Case { make: &make, partition: Some(&[&[]]), output: &columns, order: Order::Exact };
    let batches = ["+I 1", "-U 1\n+U 2\n@ 5", "-D 2", "@ 7", "+I 3"];
    let event = |text: &&str| Event::Batch { input: 0, batch: batch(&columns, text), now: 0 };
    survives_checkpoints(&case, &batches.iter().map(event).collect::<Vec<_>>());
}

#[test]
fn a_second_row_is_noticed_after_a_restart() {
    let columns = fields(&[("n", LogicalType::Int)]);
    let (mut old, mut new) = (SingleRow::default(), SingleRow::default());
    let (now, mut out) = (at(0), Output::default());
    let _ = old.process(0, batch(&columns, "+I 1"), &now, &mut out).unwrap();
    new.restore_local(&[old.save_local().unwrap()]).unwrap();
    assert!(new.process(0, batch(&columns, "+I 2"), &now, &mut out).is_err());
    assert!(new.restore_local(&[vec![9]]).is_err());
}
