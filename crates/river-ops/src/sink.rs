//! The operators in front of a sink's writer: constraints, then the order of changes by key.

use river_core::Field;
use river_core::plan::SinkSpec;
use river_runtime::{Operator, OperatorContext, Result};

use crate::sink_constraint::SinkConstraint;
use crate::upsert_materialize;

/// What rows with the columns `input` pass before they are written.
pub fn sink_operators(
    spec: &SinkSpec,
    input: &[Field],
    context: &OperatorContext,
) -> Result<Vec<Box<dyn Operator>>> {
    let _ = context;
    let mut operators: Vec<Box<dyn Operator>> = Vec::new();
    if let Some(constraint) = SinkConstraint::of(spec) {
        operators.push(Box::new(constraint));
    }
    if let Some(resolution) = spec.upsert_materialize {
        operators.push(upsert_materialize::create(input, &spec.primary_key, resolution)?);
    }
    Ok(operators)
}
