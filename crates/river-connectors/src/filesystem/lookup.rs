//! A bounded table held in memory by key, for lookup joins. Read once, when it is opened.

use std::collections::HashMap;

use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_row::{RowConverter, SortField};
use river_runtime::lookup::LookupTable;
use river_runtime::source::{Poll, Source};
use river_runtime::{Batch, Error, Result};

/// All rows of a table by the values of its key columns.
pub struct LoadedTable {
    rows: Batch,
    converter: RowConverter,
    places: HashMap<Box<[u8]>, Vec<u32>>,
}

impl LoadedTable {
    /// Reads all of a source; `keys` are positions among its columns.
    pub fn load(table: &str, source: &dyn Source, keys: &[usize]) -> Result<LoadedTable> {
        if !source.is_bounded() {
            return Err(Error::input(format!(
                "table {table}: an unbounded table cannot be looked up; remove \
                 'source.monitor-interval'"
            )));
        }
        let mut reader = source.reader(0, 1)?;
        let mut batches: Vec<Batch> = Vec::new();
        loop {
            match reader.poll()? {
                Poll::Batch(batch) if batch.kinds.is_some() => {
                    return Err(Error::input(format!(
                        "table {table}: a table that changes cannot be looked up"
                    )));
                }
                Poll::Batch(batch) => batches.push(batch),
                Poll::Wait(time) => std::thread::sleep(time),
                Poll::End => break,
            }
        }
        let rows = concatenate(&batches)?;
        let fields = |columns: &[ArrayRef]| {
            columns.iter().map(|c| SortField::new(c.data_type().clone())).collect::<Vec<_>>()
        };
        let columns: Vec<ArrayRef> =
            keys.iter().filter_map(|key| rows.columns.get(*key).cloned()).collect();
        let converter = RowConverter::new(fields(&columns))?;
        let mut loaded = LoadedTable { rows, converter, places: HashMap::new() };
        if loaded.rows.rows > 0 {
            let encoded = loaded.converter.convert_columns(&columns)?;
            for row in 0..loaded.rows.rows {
                if columns.iter().all(|c| c.is_valid(row)) {
                    let place = loaded.places.entry(encoded.row(row).as_ref().into());
                    place.or_default().push(row as u32);
                }
            }
        }
        Ok(loaded)
    }
}

fn concatenate(batches: &[Batch]) -> Result<Batch> {
    let Some(first) = batches.first() else { return Ok(Batch::default()) };
    let columns = (0..first.columns.len()).map(|i| {
        let parts: Vec<&dyn Array> = batches.iter().map(|b| b.columns[i].as_ref()).collect();
        arrow_select::concat::concat(&parts)
    });
    let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(Batch::new(columns, batches.iter().map(|b| b.rows).sum()))
}

impl LookupTable for LoadedTable {
    fn lookup(&mut self, keys: &[ArrayRef], rows: usize) -> Result<(Vec<u32>, Batch)> {
        let mut numbers = Vec::new();
        let mut found = Vec::new();
        if !self.places.is_empty() && rows > 0 {
            let encoded = self.converter.convert_columns(keys)?;
            for row in 0..rows {
                if keys.iter().any(|key| key.is_null(row)) {
                    continue;
                }
                if let Some(places) = self.places.get(encoded.row(row).as_ref()) {
                    numbers.resize(numbers.len() + places.len(), row as u32);
                    found.extend_from_slice(places);
                }
            }
        }
        Ok((numbers, self.rows.take(&UInt32Array::from(found))?))
    }
}
