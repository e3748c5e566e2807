//! The aggregate calls of one operator: their accumulators, and which columns they read.

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BooleanArray};
use arrow_schema::FieldRef;
use river_core::plan::AggregateCall;
use river_core::{DataType, Field};
use river_expr::aggregate::{Accumulator, AggregateInput, create};
use river_runtime::{Error, Result};

use crate::saved;

/// All calls, with the state of every slot.
pub struct Calls {
    calls: Vec<Call>,
}

struct Call {
    function: String,
    accumulator: Box<dyn Accumulator>,
    args: Vec<usize>,
    filter: Option<usize>,
}

impl Calls {
    /// Makes the accumulators; `retract` says whether rows may be taken away again.
    pub fn new(calls: &[AggregateCall], input: &[Field], retract: bool) -> Result<Calls> {
        let calls = calls.iter().map(|call| {
            let types: Vec<DataType> = call
                .args
                .iter()
                .map(|column| input.get(*column).map(|field| field.ty.clone()))
                .collect::<Option<_>>()
                .ok_or_else(|| Error::internal("an aggregate reads a column that is not there"))?;
            let accumulator = create(&call.function, call.distinct, &types, &call.ty, retract)?;
            let (function, args) = (call.function.clone(), call.args.clone());
            Ok(Call { function, accumulator, args, filter: call.filter })
        });
        Ok(Calls { calls: calls.collect::<Result<_>>()? })
    }

    /// Makes sure that slots `0..slots` exist.
    pub fn grow(&mut self, slots: usize) {
        for call in &mut self.calls {
            call.accumulator.grow(slots);
        }
    }

    /// Adds each row of `columns` to its slot, or takes it away.
    pub fn update(
        &mut self,
        columns: &[ArrayRef],
        slots: &[u32],
        retract: Option<&[bool]>,
    ) -> Result<()> {
        for call in &mut self.calls {
            let args = call.args(columns);
            let input =
                AggregateInput { slots, args: &args, filter: call.filter(columns)?, retract };
            call.accumulator.update(&input)?;
        }
        Ok(())
    }

    /// As [`Calls::update`]; gives for each call the results of each row's slot just before and
    /// just after the row.
    pub fn update_running(
        &mut self,
        columns: &[ArrayRef],
        slots: &[u32],
        retract: Option<&[bool]>,
    ) -> Result<Vec<(ArrayRef, ArrayRef)>> {
        let mut results = Vec::with_capacity(self.calls.len());
        for call in &mut self.calls {
            let args = call.args(columns);
            let input =
                AggregateInput { slots, args: &args, filter: call.filter(columns)?, retract };
            results.push(call.accumulator.update_running(&input)?);
        }
        Ok(results)
    }

    /// Adds the state of slot `from[i]` to slot `into[i]`.
    pub fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        for call in &mut self.calls {
            call.accumulator.merge(from, into)?;
        }
        Ok(())
    }

    /// Empties slots.
    pub fn reset(&mut self, slots: &[u32]) {
        for call in &mut self.calls {
            call.accumulator.reset(slots);
        }
    }

    /// A column of results a call, one row a slot.
    pub fn values(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        self.calls.iter().map(|call| Ok(call.accumulator.values(slots)?)).collect()
    }

    /// The columns of [`Calls::save`]: `<function>#<its number>.<number of the column>`. The
    /// result's name is not among it: it may be changed without loss of state.
    pub fn state_columns(&self) -> Vec<FieldRef> {
        let calls = self.calls.iter().enumerate();
        let columns = calls.flat_map(|(number, call)| {
            let types = call.accumulator.state_types().into_iter().enumerate();
            types.map(move |(part, ty)| {
                saved::column(format!("{}#{number}.{part}", call.function), ty.logical.to_arrow())
            })
        });
        columns.collect()
    }

    /// The states of slots, one row each.
    pub fn save(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut columns = Vec::new();
        for call in &self.calls {
            columns.extend(call.accumulator.save(slots)?);
        }
        Ok(columns)
    }

    /// Sets the states of slots, which exist, to rows of [`Calls::save`].
    pub fn load(&mut self, slots: &[u32], mut columns: &[ArrayRef]) -> Result<()> {
        for call in &mut self.calls {
            let width = call.accumulator.state_types().len();
            let Some((own, rest)) = columns.split_at_checked(width) else {
                return Err(Error::internal("saved results lack columns"));
            };
            call.accumulator.load(slots, own)?;
            columns = rest;
        }
        Ok(())
    }

    /// Bytes of memory that the states hold, about.
    pub fn memory(&self) -> usize {
        self.calls.iter().map(|call| call.accumulator.memory()).sum()
    }
}

impl Call {
    fn args(&self, columns: &[ArrayRef]) -> Vec<ArrayRef> {
        self.args.iter().map(|column| columns[*column].clone()).collect()
    }

    fn filter<'a>(&self, columns: &'a [ArrayRef]) -> Result<Option<&'a BooleanArray>> {
        let Some(column) = self.filter else { return Ok(None) };
        let booleans = columns.get(column).and_then(|column| column.as_boolean_opt());
        booleans
            .map(Some)
            .ok_or_else(|| Error::internal("the filter of an aggregate is not boolean"))
    }
}
