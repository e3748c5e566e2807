//! A long list gives what the comparisons of its items give.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int32Array, StringViewArray};
use river_core::{Expr, LogicalType};

use super::{InSet, MIN_ITEMS};
use crate::fold::fold;
use crate::program::Program;
use crate::testing::{cast_as, decimal, double, int, null, text};
use crate::{EvalContext, Session, bind};

fn list(value: &Expr, items: Vec<Expr>) -> Expr {
    let session = Session::default();
    fold(bind::in_list(&session, value.clone(), items).unwrap(), &session)
}

/// Whether the expression is computed by a look-up.
fn is_hashed(expr: &Expr) -> bool {
    InSet::of(&expr.children().into_iter().cloned().collect::<Vec<_>>()).is_some()
}

fn eval(expr: &Expr, column: &ArrayRef) -> BooleanArray {
    let context = EvalContext::new(Session::default(), 0);
    let program = Program::compile(expr).unwrap();
    let result = program.eval(std::slice::from_ref(column), column.len(), &context).unwrap();
    arrow_array::cast::AsArray::as_boolean(&result).clone()
}

/// The list's look-up against an `OR` of lists too short for one.
fn check(value: &Expr, items: Vec<Expr>, column: &ArrayRef) -> BooleanArray {
    let whole = list(value, items.clone());
    assert!(is_hashed(&whole));
    let short = items.chunks(MIN_ITEMS - 1).map(|items| list(value, items.to_vec()));
    let parts = bind::call(&Session::default(), "OR", short.collect()).unwrap();
    assert!(!is_hashed(&parts));
    let result = eval(&whole, column);
    assert_eq!(result, eval(&parts, column));
    result
}

#[test]
fn integers_in_three_valued_logic() {
    let value = Expr::column(0, LogicalType::Int.nullable());
    let column: ArrayRef = Arc::new(Int32Array::from(vec![Some(3), None, Some(100), Some(-7)]));
    let mut items: Vec<Expr> = (0..20).map(|i| int(i - 10)).collect();
    let found = check(&value, items.clone(), &column);
    assert_eq!(found, BooleanArray::from(vec![Some(true), None, Some(false), Some(true)]));
    // A NULL in the list: what is not found is unknown.
    items.insert(5, null(LogicalType::Int));
    let found = check(&value, items, &column);
    assert_eq!(found, BooleanArray::from(vec![Some(true), None, None, Some(true)]));
}

#[test]
fn texts_of_any_length() {
    let value = Expr::column(0, LogicalType::STRING.nullable());
    let texts = vec![Some("b"), Some("a text beyond what a view holds"), None, Some("B"), Some("")];
    let column: ArrayRef = Arc::new(StringViewArray::from(texts));
    let mut items: Vec<Expr> = ('a'..='l').map(|c| text(&c.to_string())).collect();
    items.push(text("a text beyond what a view holds"));
    let found = check(&value, items, &column);
    let expected = vec![Some(true), Some(true), None, Some(false), Some(false)];
    assert_eq!(found, BooleanArray::from(expected));
}

#[test]
fn decimals_and_dates() {
    let items = || (10..30).map(|i| decimal(&format!("{i}.5")));
    let ty = LogicalType::Decimal(4, 1);
    let column = crate::column::scalar_array(&river_core::Value::Decimal(125), &ty);
    check(
        &Expr::column(0, ty.nullable()),
        items().map(|i| cast_as(i, LogicalType::Decimal(4, 1))).collect(),
        &column,
    );
    let days = (10..30).map(|i| cast_as(text(&format!("2024-01-{i}")), LogicalType::Date));
    let column: ArrayRef = Arc::new(arrow_array::Date32Array::from(vec![19_737, 19_750]));
    let found = check(&Expr::column(0, LogicalType::Date.nullable()), days.collect(), &column);
    assert_eq!(found, BooleanArray::from(vec![Some(true), Some(true)]));
}

#[test]
fn what_equality_compares_otherwise_is_compared() {
    let value = Expr::column(0, LogicalType::Double.nullable());
    assert!(!is_hashed(&list(&value, (0..20).map(|i| double(f64::from(i))).collect())));
    let value = Expr::column(0, LogicalType::Int.nullable());
    let mut items: Vec<Expr> = (0..20).map(int).collect();
    items.push(value.clone());
    assert!(!is_hashed(&list(&value, items)));
    assert!(!is_hashed(&list(&value, (0..3).map(int).collect())));
}
