//! Text tables to batches and back, for the tests of operators.
//!
//! A line is a change, `+I 1 a NULL`, or a watermark, `@ 17`. Values are written bare: integers,
//! text without blanks, `true`/`false`; timestamps as milliseconds.

pub mod checkpoint;
pub mod random;
mod spilling;

use std::sync::Arc;

use arrow_array::ArrayRef;
use river_core::{Field, LogicalType, RowKind, Value};
use river_expr::column::{ColumnBuilder, value_at};
use river_expr::{EvalContext, Session};
use river_runtime::{Batch, Mark, Operator, OperatorContext, Output, Status};

/// Fields of those names and (nullable) types.
pub fn fields(columns: &[(&str, LogicalType)]) -> Vec<Field> {
    columns.iter().map(|(name, ty)| Field::new(*name, ty.clone().nullable())).collect()
}

/// The context of a lone subtask.
pub fn context() -> OperatorContext {
    OperatorContext {
        subtask: 0,
        parallelism: 1,
        max_parallelism: 128,
        session: Session::default(),
    }
}

/// Wall clock `ms` milliseconds after the epoch.
pub fn at(ms: i64) -> EvalContext {
    EvalContext::new(Session::default(), ms * 1_000_000)
}

/// The batch that the lines say; see the module.
pub fn batch(fields: &[Field], text: &str) -> Batch {
    let mut builders: Vec<ColumnBuilder> =
        fields.iter().map(|f| ColumnBuilder::new(&f.ty.logical, 8)).collect();
    let (mut kinds, mut marks) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let head = words.next().unwrap();
        if head == "@" {
            let watermark = words.next().unwrap().parse().unwrap();
            marks.push(Mark { offset: kinds.len(), watermark });
            continue;
        }
        kinds.push(kind_of(head) as u8);
        for (builder, field) in builders.iter_mut().zip(fields) {
            builder.push(&parse(words.next().expect("a value for each column"), field));
        }
        assert!(words.next().is_none(), "too many values: {line}");
    }
    let rows = kinds.len();
    let kinds = kinds.iter().any(|k| *k != 0).then(|| kinds.into());
    let columns: Vec<ArrayRef> = builders.into_iter().map(ColumnBuilder::finish).collect();
    Batch { columns, rows, kinds, marks }
}

fn kind_of(text: &str) -> RowKind {
    let kinds = [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::Delete];
    *kinds.iter().find(|k| k.short() == text).unwrap_or_else(|| panic!("no row kind: {text}"))
}

fn parse(word: &str, field: &Field) -> Value {
    if word == "NULL" {
        return Value::Null;
    }
    match &field.ty.logical {
        LogicalType::Boolean => Value::Boolean(word == "true"),
        LogicalType::TinyInt => Value::Int8(word.parse().unwrap()),
        LogicalType::SmallInt => Value::Int16(word.parse().unwrap()),
        LogicalType::Int | LogicalType::Date | LogicalType::Time(_) => {
            Value::Int32(word.parse().unwrap())
        }
        LogicalType::BigInt | LogicalType::Timestamp(..) | LogicalType::TimestampLtz(..) => {
            Value::Int64(word.parse().unwrap())
        }
        LogicalType::Double => Value::Float64(word.parse().unwrap()),
        LogicalType::Decimal(..) => Value::Decimal(word.parse().unwrap()),
        LogicalType::Char(_) | LogicalType::VarChar(_) => Value::String(Arc::from(word)),
        LogicalType::Binary(_) | LogicalType::VarBinary(_) => Value::Bytes(word.as_bytes().into()),
        LogicalType::Array(item) => {
            let inner = Field::new("item", (**item).clone());
            Value::List(
                word.split(',').filter(|w| !w.is_empty()).map(|w| parse(w, &inner)).collect(),
            )
        }
        other => panic!("no text form for {other}"),
    }
}

/// The batch as lines.
pub fn show(fields: &[Field], batch: &Batch) -> String {
    let mut text = String::new();
    let mut marks = batch.marks.iter().peekable();
    for row in 0..=batch.rows {
        while let Some(mark) = marks.next_if(|m| m.offset == row) {
            text.push_str(&format!("@ {}\n", mark.watermark));
        }
        if row == batch.rows {
            break;
        }
        text.push_str(batch.kind(row).short());
        assert_eq!(batch.columns.len(), fields.len(), "columns of the output");
        for (column, field) in batch.columns.iter().zip(fields) {
            assert_eq!(column.len(), batch.rows);
            let value = value_at(column, &field.ty.logical, row);
            text.push(' ');
            text.push_str(&value_text(&value));
        }
        text.push('\n');
    }
    text
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Boolean(v) => v.to_string(),
        Value::Int8(v) => v.to_string(),
        Value::Int16(v) => v.to_string(),
        Value::Int32(v) => v.to_string(),
        Value::Int64(v) => v.to_string(),
        Value::Float32(v) => v.to_string(),
        Value::Float64(v) => v.to_string(),
        Value::Decimal(v) => v.to_string(),
        Value::String(v) => v.to_string(),
        Value::Bytes(v) => String::from_utf8_lossy(v).into_owned(),
        Value::List(v) => format!("[{}]", v.iter().map(value_text).collect::<Vec<_>>().join(",")),
        Value::Map(v) => {
            let pairs = v.iter().map(|(k, v)| format!("{}={}", value_text(k), value_text(v)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
    }
}

/// Feeds one batch and returns everything that comes out, however often the output is full.
pub fn feed(operator: &mut dyn Operator, input: usize, batch: Batch, now: i64) -> Vec<Batch> {
    let (now, mut out, mut batches) = (at(now), Output::default(), Vec::new());
    let mut status = operator.process(input, batch, &now, &mut out).unwrap();
    loop {
        batches.extend(std::iter::from_fn(|| out.pop()));
        if status == Status::Done {
            return batches;
        }
        status = operator.resume(&now, &mut out).unwrap();
    }
}

/// Ends an input and returns everything that comes out.
pub fn end(operator: &mut dyn Operator, input: usize, now: i64) -> Vec<Batch> {
    let (now, mut out, mut batches) = (at(now), Output::default(), Vec::new());
    let mut status = operator.end_input(input, &now, &mut out).unwrap();
    loop {
        batches.extend(std::iter::from_fn(|| out.pop()));
        if status == Status::Done {
            return batches;
        }
        status = operator.resume(&now, &mut out).unwrap();
    }
}

/// Feeds the lines as one batch at time 0 and returns the output as lines.
pub fn run(operator: &mut dyn Operator, input: &[Field], output: &[Field], text: &str) -> String {
    run_at(operator, 0, input, output, text, 0)
}

/// As [`run`], into input `number` at wall-clock time `now` in milliseconds.
pub fn run_at(
    operator: &mut dyn Operator,
    number: usize,
    input: &[Field],
    output: &[Field],
    text: &str,
    now: i64,
) -> String {
    let batches = feed(operator, number, batch(input, text), now);
    batches.iter().map(|b| show(output, b)).collect()
}

/// Feeds the lines one batch a line; the output must not depend on that.
pub fn run_by_line(
    operator: &mut dyn Operator,
    input: &[Field],
    output: &[Field],
    text: &str,
) -> String {
    text.lines().map(|line| run(operator, input, output, line)).collect()
}
