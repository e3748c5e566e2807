//! The trees that are built: precedence, literals, types.

use river_core::types::{DataType, LogicalType};

use crate::parse::ast::{BinaryOp, Expr, ExprKind, Literal, UnaryOp};
use crate::parse::{parse_expression, parse_type, to_data_type};

/// The structure of an expression in parentheses.
fn shape(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(parts) => {
            parts.iter().map(|p| p.value.clone()).collect::<Vec<_>>().join(".")
        }
        ExprKind::Literal(Literal::Number(text)) => text.clone(),
        ExprKind::Literal(literal) => format!("{literal:?}"),
        ExprKind::Unary { op, expr } => match op {
            UnaryOp::Not => format!("(not {})", shape(expr)),
            UnaryOp::Minus => format!("(- {})", shape(expr)),
            UnaryOp::Plus => format!("(+ {})", shape(expr)),
        },
        ExprKind::Binary { op, left, right, .. } => {
            format!("({} {op:?} {})", shape(left), shape(right))
        }
        ExprKind::Is { expr, test, negated } => format!("({} is {negated} {test:?})", shape(expr)),
        ExprKind::Between { expr, low, high, .. } => {
            format!("({} between {} {})", shape(expr), shape(low), shape(high))
        }
        ExprKind::Like { expr, pattern, .. } => {
            format!("({} like {})", shape(expr), shape(pattern))
        }
        ExprKind::Item { collection, index } => format!("{}[{}]", shape(collection), shape(index)),
        ExprKind::Field { expr, name } => format!("{}.{}", shape(expr), name.value),
        other => format!("{other:?}"),
    }
}

fn check(text: &str, expected: &str) {
    let expr = parse_expression(text).unwrap_or_else(|e| panic!("{}", e.render("x", text)));
    assert_eq!(shape(&expr), expected, "{text}");
}

#[test]
fn precedence_is_calcites() {
    check("a + b * c", "(a Plus (b Multiply c))");
    check("a - b - c", "((a Minus b) Minus c)");
    check("a || b + c", "((a Concat b) Plus c)");
    check("NOT a = b AND c OR d", "(((not (a Eq b)) And c) Or d)");
    check("a = b IS NULL", "((a Eq b) is false Null)");
    check("-a.b[1].c * 2", "((- a.b[1].c) Multiply 2)");
    check("a BETWEEN b AND c AND d", "((a between b c) And d)");
    check("a LIKE b || c AND d", "((a like (b Concat c)) And d)");
    check("a = b LIKE c", "(a Eq (b like c))");
    check("a + b IS DISTINCT FROM c", "((a Plus b) IsDistinctFrom c)");
    check("a = NOT b", "(a Eq (not b))");
}

#[test]
fn spans_cover_what_was_written() {
    let expr = parse_expression("  aa + (bb)").expect("valid");
    assert_eq!((expr.span.start, expr.span.end), (2, 11));
    let ExprKind::Binary { op, op_span, right, .. } = expr.kind else { panic!("no sum") };
    assert_eq!((op, op_span.start, right.span.start), (BinaryOp::Plus, 5, 7));
}

#[test]
fn strings_are_unescaped() {
    let value = |text: &str| match parse_expression(text).map(|e| e.kind) {
        Ok(ExprKind::Literal(Literal::String(value))) => value,
        other => panic!("{other:?}"),
    };
    assert_eq!(value("'it''s'"), "it's");
    assert_eq!(value("'a' 'b'"), "ab");
    assert_eq!(value("U&'\\0041\\\\ \\d83d\\de00'"), "A\\ \u{1f600}");
    assert_eq!(value("E'a\\tb'"), "a\tb");
}

#[test]
fn types_have_flinks_defaults() {
    let ty = |text: &str| -> Result<DataType, String> {
        let name = parse_type(text).map_err(|e| e.message)?;
        to_data_type(&name).map_err(|e| e.message)
    };
    let shown = |text: &str| ty(text).map(|t| t.to_string()).unwrap_or_else(|e| e);
    assert_eq!(shown("TIMESTAMP"), "TIMESTAMP(6)");
    assert_eq!(shown("TIMESTAMP(3) WITH LOCAL TIME ZONE NOT NULL"), "TIMESTAMP_LTZ(3) NOT NULL");
    assert_eq!(shown("DECIMAL"), "DECIMAL(10, 0)");
    assert_eq!(shown("NUMERIC(5)"), "DECIMAL(5, 0)");
    assert_eq!(shown("CHAR"), "CHAR(1)");
    assert_eq!(shown("TIME"), "TIME(0)");
    assert_eq!(shown("INT ARRAY"), "ARRAY<INT>");
    assert_eq!(shown("ROW<a INT NOT NULL, `b` STRING>"), "ROW<`a` INT NOT NULL, `b` STRING>");
    assert_eq!(shown("INTERVAL DAY TO SECOND(3)"), "INTERVAL SECOND(3)");
    assert_eq!(ty("STRING").expect("valid").logical, LogicalType::STRING);
    assert_eq!(shown("DECIMAL(39, 0)"), "the precision of DECIMAL must be between 1 and 38");
    assert_eq!(
        shown("DECIMAL(4, 5)"),
        "the scale of DECIMAL must be between 0 and its precision 4"
    );
    assert_eq!(shown("TIMESTAMP(10)"), "the precision of TIMESTAMP must be between 0 and 9");
    assert_eq!(shown("CHAR(0)"), "the length of CHAR must be between 1 and 2147483647");
    assert_eq!(shown("TEXT"), "there is no type `TEXT`");
}
