use river_core::expr::ExprKind;
use river_core::{LogicalType, Value};

use super::*;
use crate::testing::{fields, run};

#[test]
fn each_row_once_a_projection() {
    let ty = LogicalType::Int;
    let column = Expr { kind: ExprKind::Column(0), ty: ty.clone().nullable() };
    let null = Expr { kind: ExprKind::Literal(Value::Null), ty: ty.clone().nullable() };
    let number = |n| Expr { kind: ExprKind::Literal(Value::Int32(n)), ty: ty.clone().not_null() };
    let projections = [vec![column, number(0)], vec![null, number(1)]];
    let mut expand = Expand::new(&projections).unwrap();
    let input = fields(&[("a", ty.clone())]);
    let output = fields(&[("a", ty.clone()), ("e", ty.clone())]);
    let shown = run(&mut expand, &input, &output, "+I 7\n @ 1\n -D 8");
    assert_eq!(shown, "+I 7 0\n+I NULL 1\n@ 1\n-D 8 0\n-D NULL 1\n");
}
