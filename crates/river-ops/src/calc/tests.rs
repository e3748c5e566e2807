use river_core::expr::ExprKind;
use river_core::{Field, LogicalType};

use super::*;
use crate::testing::{fields, run};

fn column(index: usize, ty: LogicalType) -> Expr {
    Expr { kind: ExprKind::Column(index), ty: ty.nullable() }
}

fn columns() -> Vec<Field> {
    fields(&[("a", LogicalType::Int), ("keep", LogicalType::Boolean), ("b", LogicalType::STRING)])
}

const ROWS: &str = "
    @ 1
    +I 1 true x
    -U 2 false y
    @ 2
    +U 3 true z
    +I 4 NULL w
    @ 3";

#[test]
fn filters_then_projects() {
    let condition = column(1, LogicalType::Boolean);
    let projection = [column(2, LogicalType::STRING), column(0, LogicalType::Int)];
    let mut calc = Calc::new(Some(&condition), &projection).unwrap();
    let output = fields(&[("b", LogicalType::STRING), ("a", LogicalType::Int)]);
    let shown = run(&mut calc, &columns(), &output, ROWS);
    assert_eq!(shown, "@ 1\n+I x 1\n@ 2\n+U z 3\n@ 3\n");
    // Only marks, and all rows dropped.
    assert_eq!(run(&mut calc, &columns(), &output, "@ 9"), "@ 9\n");
    assert_eq!(run(&mut calc, &columns(), &output, "+I 1 false x\n @ 9"), "@ 9\n");
}

#[test]
fn a_projection_to_no_columns_keeps_the_rows() {
    let condition = column(1, LogicalType::Boolean);
    let mut calc = Calc::new(Some(&condition), &[]).unwrap();
    assert_eq!(run(&mut calc, &columns(), &[], ROWS), "@ 1\n+I\n@ 2\n+U\n@ 3\n");
}
