//! `UNNEST` of an array, map or multiset, with or without ordinality
//! (`UnnestRowsFunctionBase`): elements that are rows are spread over columns; a NULL row gives
//! none; an element of a multiset comes as often as it is in it.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, Int32Array, UInt32Array};
use river_core::{DataType, Field, LogicalType};
use river_runtime::{Error, Result};

use super::TableFunction;
use crate::pairs::take_all;

/// What a collection's elements are.
#[derive(Clone, Copy)]
enum Collection {
    Array,
    Map,
    Multiset,
}

/// The function for one type of collection.
pub struct Unnest {
    collection: Collection,
    /// Elements are rows whose fields become columns.
    spread: bool,
    /// The position of the element in its collection, from 1, is appended.
    ordinality: bool,
}

impl Unnest {
    /// `UNNEST` of the only argument. One more output column than the element has asks for
    /// ordinality.
    pub fn new(args: &[DataType], output: &[Field]) -> Result<Unnest> {
        let [arg] = args else {
            return Err(Error::input("UNNEST takes one array, map or multiset"));
        };
        let (collection, element) = match &arg.logical {
            LogicalType::Array(element) => (Collection::Array, Some(element)),
            LogicalType::Multiset(element) => (Collection::Multiset, Some(element)),
            LogicalType::Map(..) => (Collection::Map, None),
            other => {
                return Err(Error::input(format!(
                    "UNNEST takes an array, map or multiset, not {other}"
                )));
            }
        };
        let (width, spread) = match element.map(|e| &e.logical) {
            Some(LogicalType::Row(fields)) => (fields.len(), true),
            Some(_) => (1, false),
            None => (2, false),
        };
        Ok(Unnest { collection, spread, ordinality: output.len() == width + 1 })
    }
}

/// Elements chosen from the flat values of a column of collections.
#[derive(Default)]
struct Chosen {
    parents: Vec<u32>,
    elements: Vec<u32>,
    ordinals: Vec<i32>,
}

impl TableFunction for Unnest {
    fn call(&mut self, args: &[ArrayRef], rows: usize) -> Result<(Vec<u32>, Vec<ArrayRef>)> {
        let wrong = || Error::internal("UNNEST got a column of another type than planned");
        let column = args.first().ok_or_else(wrong)?;
        let (offsets, values, counts) = match self.collection {
            Collection::Array => {
                let lists = column.as_list_opt::<i32>().ok_or_else(wrong)?;
                (lists.offsets().clone(), vec![lists.values().clone()], None)
            }
            // Maps and multisets are lists of entries.
            Collection::Map => {
                let maps = column.as_list_opt::<i32>().ok_or_else(wrong)?;
                let entries = maps.values().as_struct_opt().ok_or_else(wrong)?;
                (maps.offsets().clone(), entries.columns().to_vec(), None)
            }
            Collection::Multiset => {
                let maps = column.as_list_opt::<i32>().ok_or_else(wrong)?;
                let entries = maps.values().as_struct_opt().ok_or_else(wrong)?;
                let [keys, counts] = entries.columns() else { return Err(wrong()) };
                let counts = counts.as_primitive_opt::<Int32Type>().ok_or_else(wrong)?;
                (maps.offsets().clone(), vec![keys.clone()], Some(counts.clone()))
            }
        };
        let skipped =
            if self.spread && !self.ordinality { values[0].nulls().cloned() } else { None };
        let mut chosen = Chosen::default();
        for row in 0..rows {
            if column.is_null(row) {
                continue;
            }
            let mut ordinal = 0;
            for element in offsets[row] as usize..offsets[row + 1] as usize {
                if skipped.as_ref().is_some_and(|nulls| nulls.is_null(element)) {
                    continue;
                }
                for _ in 0..counts.as_ref().map_or(1, |counts| counts.value(element)) {
                    ordinal += 1;
                    chosen.parents.push(row as u32);
                    chosen.elements.push(element as u32);
                    chosen.ordinals.push(ordinal);
                }
            }
        }
        self.columns(chosen, values)
    }
}

impl Unnest {
    fn columns(&self, chosen: Chosen, values: Vec<ArrayRef>) -> Result<(Vec<u32>, Vec<ArrayRef>)> {
        let mut columns = take_all(&values, &UInt32Array::from(chosen.elements))?;
        if self.spread {
            let rows = columns.remove(0);
            let width = rows.as_struct_opt().map_or(0, |r| r.num_columns());
            for field in 0..width {
                columns.push(river_expr::program::field_of(&rows, field)?);
            }
        }
        if self.ordinality {
            columns.push(Arc::new(Int32Array::from(chosen.ordinals)));
        }
        Ok((chosen.parents, columns))
    }
}
